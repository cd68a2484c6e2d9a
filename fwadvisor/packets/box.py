"""Readable boxes: a set of packets in few lines that people can check.

`readable_boxes` takes disjoint boxes, as a packet set or the overlap index gives them, and gives disjoint boxes of
exactly the same packets: fewer ones (`box_merge`), each field a set of values, fields without a limit left out.
Boxes over the same hook and family are merged; the order is that of hook and family, then of protocol, destination
port, destination and source, the wider first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Field
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Hook
from fwadvisor.packets.box_merge import fewer
from fwadvisor.packets.box_text import pieces, real_names, said, said_names
from fwadvisor.packets.overlap_axes import Axes, Box
from fwadvisor.packets.overlap_meter import Limits, Meter
from fwadvisor.packets.rawbox import RawBox

#: What is said of most packets, and first.
_IMPORTANCE = (
    Field.PROTOCOL, Field.DESTINATION_PORT, Field.DESTINATION, Field.SOURCE, Field.SOURCE_PORT, Field.ICMP,
    Field.TCP_FLAGS, Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.STATE, Field.HELPER, Field.PROFILE,
    Field.SOURCE_TYPE, Field.DESTINATION_TYPE, Field.MARK, Field.CONNECTION_MARK, Field.TAG, Field.TTL, Field.DSCP,
    Field.LENGTH,
)  # fmt: skip
_INTERFACES = (Field.IN_INTERFACE, Field.OUT_INTERFACE)
#: How the fields after addresses are called on a line.
_WORDS = {
    Field.DESTINATION_PORT: "port", Field.SOURCE_PORT: "from port", Field.ICMP: "type", Field.TCP_FLAGS: "flags",
    Field.IN_INTERFACE: "in", Field.OUT_INTERFACE: "out", Field.STATE: "state", Field.HELPER: "helper",
    Field.PROFILE: "profile", Field.SOURCE_TYPE: "from an address that is",
    Field.DESTINATION_TYPE: "to an address that is",
    Field.MARK: "mark", Field.CONNECTION_MARK: "connection mark", Field.TAG: "tagged", Field.TTL: "ttl",
    Field.DSCP: "dscp", Field.LENGTH: "length",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadableBox:
    """One box, ready to be shown."""

    raw: RawBox

    def line(self, most: int | None = 8, place: bool = True) -> str:
        """The box on one line; of longer lists than `most` the rest is counted, with None nothing is cut.

        ``input  IPv4  tcp  203.0.113.0/24, 198.51.100.7 -> 10.0.0.0/8  port 1720, 3230-3285  in eth0  state new``;
        conditions follow as ``when`` and ``unless``. Without `place`, hook and family are left out. A box without
        any limit says ``all packets``.
        """
        raw = self.raw
        words = [raw.hook.value, f"IPv{raw.family.value}"] if place else []
        protocols = raw.integers.get(Field.PROTOCOL)
        limits = [] if protocols is None else [self._protocols(protocols, most)]
        source, destination = (self._said(field, most) for field in (Field.SOURCE, Field.DESTINATION))
        if source or destination:
            limits.append(f"{source or 'any'} -> {destination or 'any'}")
        for field, word in _WORDS.items():
            text = self._said(field, most)
            if text:
                limits.append(f"{word} {text}")
        for condition in sorted(raw.conditions, key=lambda each: each.name):
            limits.append(f"{'when' if raw.conditions[condition] else 'unless'} {printable(condition.name)}")
        return "  ".join((*words, *(limits or ["all packets"])))

    def _protocols(self, values: Intervals, most: int | None) -> str:
        text = said(Field.PROTOCOL, values, self.raw.family, most)
        return f"protocols {text}" if "-" in text or text[0].isdigit() or text.startswith("all") else text

    def _said(self, field: Field, most: int | None) -> str:
        values = self.raw.integers.get(field)
        if values is not None:
            return said(field, values, self.raw.family, most)
        names = self.raw.names.get(field)
        if names is not None and field in _INTERFACES:
            names = real_names(names, self.raw.hook)
        return said_names(names, most) if names else ""

    def as_json(self) -> dict[str, Any]:
        """The whole box, nothing cut: for each limited field its ranges as text, names with prefixes, conditions.

        ``{"hook": "input", "family": 4, "fields": {"protocol": ["tcp"], "destination-port": ["22", "80-81"]},
        "names": {"in-interface": [{"names": ["ppp0"], "prefixes": ["eth"], "except": false}]},
        "conditions": [{"name": "fragment", "holds": false, "understood": true}]}``. A name must be in all sets of
        its list.
        """
        raw = self.raw
        return {
            "hook": raw.hook.value,
            "family": raw.family.value,
            "fields": {
                field.value: pieces(field, raw.integers[field], raw.family)
                for field in _IMPORTANCE
                if field in raw.integers
            },
            "names": {
                field.value: [
                    {"names": sorted(each.names), "prefixes": sorted(each.prefixes), "except": each.inverted}
                    for each in raw.names[field]
                ]
                for field in _IMPORTANCE
                if field in raw.names
            },
            "conditions": [
                {"name": condition.name, "holds": raw.conditions[condition], "understood": condition.understood}
                for condition in sorted(raw.conditions, key=lambda each: each.name)
            ],
        }


def readable_boxes(boxes: Iterable[RawBox]) -> tuple[ReadableBox, ...]:
    """Disjoint boxes as few disjoint readable boxes of the same packets, the same ones each time.

    Where the set is small they are the fewest that there are, but for sets of names that take two boxes to say.
    """
    parts: dict[tuple[Hook, Family], list[RawBox]] = {}
    for raw in boxes:
        parts.setdefault((raw.hook, raw.family), []).append(raw)
    hooks = list(Hook)
    return tuple(
        ReadableBox(raw)
        for hook, family in sorted(parts, key=lambda part: (hooks.index(part[0]), part[1]))
        for raw in _readable(parts[hook, family], hook, family)
    )


def _readable(raws: list[RawBox], hook: Hook, family: Family) -> Iterator[RawBox]:
    meter = Meter(Limits(), (), "boxes")
    axes = Axes(family, (test for raw in raws for test in raw.tests()))
    boxes = [box for raw in raws for box in axes.boxes(raw.tests(), meter)]
    order = sorted(range(len(axes.keys)), key=lambda place: _rank(axes, place))
    for box in sorted(fewer(boxes, axes.whole), key=lambda box: _importance(box, order)):
        yield from axes.raw(box, hook)


def _rank(axes: Axes, place: int) -> tuple[int, str]:
    key = axes.keys[place]
    if isinstance(key, Condition):
        return len(_IMPORTANCE), key.name
    field = key if isinstance(key, Field) else key.field
    return _IMPORTANCE.index(field), ""


def _importance(box: Box, order: list[int]) -> list[Intervals]:
    return [box[place] or () for place in order]
