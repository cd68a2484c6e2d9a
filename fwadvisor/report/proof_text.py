"""What `generate` proved, in the words of its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Names
from fwadvisor.model.interval import PORTS, Intervals, contains, size, union
from fwadvisor.model.rule import LOOPBACK, TCP, UDP, Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.proof.written import Exposure, Proved
from fwadvisor.report.comparison_text import parts_in_words

#: So many regions of an exposure are shown; `fwadvisor equal` of two of the files shows all.
_REGIONS = 3
_NOT_LOOPBACK = (Names(frozenset({LOOPBACK}), inverted=True),)


def proof_lines(proved: Sequence[Proved]) -> list[str]:
    """``proved: iptables = nftables = pf = windows = policy (input, output; IPv4, IPv6)``, and each exposure."""
    sayings: dict[str, list[str]] = {"policy": [], "policy with exposure": [], "policy narrowed": []}
    for each in proved:
        sayings[_saying(each)].append(each.dialect)
    claims = [" = ".join([*dialects, saying]) for saying, dialects in sayings.items() if dialects]
    common = [part for part in proved[0].parts if all(part in each.parts for each in proved)]
    more = _elsewhere(proved, common)
    lines = [f"proved: {'; '.join(claims)} ({parts_in_words(common)}){more}"]
    for dialects, exposures in _shared(proved):
        lines += [text.format(", ".join(dialects)) for text in exposures]
    return lines


def _saying(proved: Proved) -> str:
    if any(each.wider or each.not_followed for each in proved.exposure):
        return "policy with exposure"
    return "policy narrowed" if proved.exposure else "policy"


def _elsewhere(proved: Sequence[Proved], common: Sequence[tuple[Hook, Family]]) -> str:
    """What only some dialects speak of."""
    rest: dict[Hook, list[str]] = {}
    for each in proved:
        for hook in dict.fromkeys(hook for hook, _ in each.parts if all(hook is not known for known, _ in common)):
            rest.setdefault(hook, []).append(each.dialect)
    return "".join(f"; {' = '.join([*names, 'policy'])} ({hook})" for hook, names in rest.items())


def _shared(proved: Sequence[Proved]) -> list[tuple[list[str], tuple[str, ...]]]:
    """The exposures in words with a place for the dialects, dialects that have the same ones together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for each in proved:
        if each.exposure:
            found.setdefault(tuple(_words(each.exposure)), []).append(each.dialect)
    return [(dialects, words) for words, dialects in found.items()]


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
