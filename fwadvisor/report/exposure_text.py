"""Exposure in words: what a dialect keeps open, or closed, that the policy does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fwadvisor.model.firewall import Field, Names
from fwadvisor.model.interval import PORTS, Intervals, contains, size, union
from fwadvisor.model.rule import LOOPBACK, TCP, UDP, Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.proof.exposure import Exposure

#: So many regions of an exposure are shown; `fwadvisor equal` of two of the files shows all.
_REGIONS = 3
_NOT_LOOPBACK = (Names(frozenset({LOOPBACK}), inverted=True),)


def claim(named: Sequence[tuple[str, Sequence[Exposure]]], policy: str) -> str:
    """``iptables = nftables = policy; windows = pf = policy with exposure``, of names and their exposures."""
    sayings: dict[str, list[str]] = {policy: [], f"{policy} with exposure": [], f"{policy} narrowed": []}
    for name, exposures in named:
        exposed = any(each.wider or each.not_followed for each in exposures)
        sayings[policy + (" with exposure" if exposed else " narrowed" if exposures else "")].append(name)
    return "; ".join(" = ".join([*names, saying]) for saying, names in sayings.items() if names)


def exposure_lines(named: Sequence[tuple[str, Sequence[Exposure]]]) -> list[str]:
    """The exposures in words, names that have the same ones together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, exposures in named:
        if exposures:
            found.setdefault(tuple(_words(exposures)), []).append(name)
    return [text.format(", ".join(names)) for words, names in found.items() for text in words]


def _words(exposures: Sequence[Exposure]) -> Iterator[str]:
    for hook in Hook:
        here = [each for each in exposures if each.hook is hook]
        boxes = _boxes(raw for each in here for raw in each.wider)
        if boxes:
            yield f"exposure of {{}}: {hook} accepts at all times {_numbers(boxes)}{_regions(boxes)}"
        boxes = _boxes(raw for each in here for raw in each.narrower)
        if boxes:
            yield f"narrowed in {{}}: {hook} does not accept {_regions(boxes)}"
    helpers = sorted({name for each in exposures for name in each.not_followed})
    if helpers:
        hooks = dict.fromkeys(each.hook.value for each in exposures if each.not_followed)
        yield f"exposure of {{}}: follows no connection that {', '.join(helpers)} negotiate ({', '.join(hooks)})"


def _boxes(raws: Iterable[RawBox]) -> list[RawBox]:
    """The new connections as boxes; that they are new and do not come over loopback is understood."""
    found = []
    for box in readable_boxes(raws):
        names = {field: several for field, several in box.raw.names.items() if several != _NOT_LOOPBACK}
        integers: dict[Field, Intervals] = {
            field: values for field, values in box.raw.integers.items() if field is not Field.STATE
        }
        found.append(replace(box.raw, names=names, integers=integers))
    return found


def _regions(boxes: Sequence[RawBox]) -> str:
    shown = "; ".join(" ".join(ReadableBox(box).line(place=False).split()) for box in boxes[:_REGIONS])
    shown += f"; and {len(boxes) - _REGIONS} more regions" if len(boxes) > _REGIONS else ""
    return shown.replace("{", "{{").replace("}", "}}")


def _numbers(boxes: Sequence[RawBox]) -> str:
    """``12 TCP ports and 48 UDP ports: `` where the boxes are of such, else nothing."""
    counts = []
    for protocol, name in ((TCP, "TCP"), (UDP, "UDP")):
        ports: Intervals = ()
        for box in boxes:
            if contains(box.integers.get(Field.PROTOCOL, ()), protocol):
                ports = union(ports, box.integers.get(Field.DESTINATION_PORT, PORTS))
        if ports:
            counts.append(f"{size(ports)} {name} {'port' if size(ports) == 1 else 'ports'}")
    return f"{' and '.join(counts)}: " if counts else ""
