"""Between which zones traffic changes: the internet, networks that rules name, and this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fwadvisor.addresses import predefined
from fwadvisor.model.address import Family, format_ranges
from fwadvisor.model.firewall import Condition, Field, Names
from fwadvisor.model.interval import Intervals, intersect, size, subtract
from fwadvisor.model.rule import LOOPBACK, Hook
from fwadvisor.packets.box_text import cut, said_names
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.report.html.cards import Card
from fwadvisor.report.html.words import Wording, families, listed
from fwadvisor.review.changes import Kind

#: More arrows than these are counted and not drawn; those of the most severe changes are.
MOST_ARROWS = 12
#: A set that holds one of so many addresses of the internet, or more of them, reaches the internet.
_SHARE = 256
_NOT_LOOPBACK = (Names(frozenset({LOOPBACK}), inverted=True),)


@dataclass(frozen=True, slots=True)
class Zone:
    """One end of traffic."""

    name: str
    #: Whether hosts all over the internet are in it.
    internet: bool = False
    machine: bool = False


#: How Windows calls kinds of addresses, and which end they are about.
_NEARBY = "remote address "
_REMOTE = {Hook.INPUT: Field.SOURCE, Hook.OUTPUT: Field.DESTINATION}
MACHINE = Zone("This machine", machine=True)


@dataclass(slots=True)
class Arrow:
    """Changed traffic from one zone to another."""

    source: Zone
    destination: Zone
    hook: Hook
    kind: Kind
    families: set[Family] = field(default_factory=set)
    traffic: list[str] = field(default_factory=list)
    #: The numbers of the changes in the report.
    numbers: list[int] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The services, the tail counted."""
        return listed(self.traffic, 4, "; ")

    @property
    def versions(self) -> str:
        """``IPv4 and IPv6``."""
        return families(self.families)

    @property
    def cards(self) -> list[int]:
        """The numbers of the changes, each once."""
        return list(dict.fromkeys(self.numbers))


def arrows(cards: Iterable[Card], wording: Wording) -> list[Arrow]:
    """All changed traffic, that of one kind between the same zones together, in the order of the cards."""
    found: dict[tuple[Zone, Zone, Hook, Kind], Arrow] = {}
    for card in cards:
        for change in card.entry.changes:
            for box in change.regions:
                source, destination = ends(box.raw)
                key = (source, destination, change.hook, change.kind)
                arrow = found.setdefault(key, Arrow(*key))
                arrow.families.add(change.family)
                arrow.numbers.append(card.number)
                text = wording.traffic(box)
                if text not in arrow.traffic:
                    arrow.traffic.append(text)
    return list(found.values())


def ends(raw: RawBox) -> tuple[Zone, Zone]:
    """The zones of a region: from where, and where to."""
    source = MACHINE if raw.hook is Hook.OUTPUT else _zone(raw, Field.SOURCE, Field.IN_INTERFACE)
    destination = MACHINE if raw.hook is Hook.INPUT else _zone(raw, Field.DESTINATION, Field.OUT_INTERFACE)
    return source, destination


def _zone(raw: RawBox, address: Field, interface: Field) -> Zone:
    values, names = raw.integers.get(address), raw.names.get(interface)
    via = f" on {said_names(names, 2)}" if names is not None and names != _NOT_LOOPBACK else ""
    nearby = [each.name.removeprefix(_NEARBY) for each, holds in raw.conditions.items() if holds and _nearby(each)]
    if nearby and address is _REMOTE.get(raw.hook):
        return Zone(listed(nearby) + via, internet="Internet" in nearby)
    if values is None:
        return Zone(f"Anywhere{via}", internet=True)
    missing = subtract(raw.family.universe, values)
    reach = _reaches(values, raw.family)
    if reach and len(missing) < len(values):
        return Zone(f"Anywhere but {_named(missing, raw.family)}{via}", internet=True)
    return Zone(_named(values, raw.family) + via, internet=reach)


def _nearby(condition: Condition) -> bool:
    return condition.name.startswith(_NEARBY)


def _reaches(values: Intervals, family: Family) -> bool:
    internet = predefined("internet").of(family)
    return size(intersect(values, internet)) * _SHARE >= size(internet)


def _named(values: Intervals, family: Family) -> str:
    for name in ("internet", "private"):
        if values == predefined(name).of(family):
            return {"internet": "the internet", "private": "private addresses"}[name]
    return cut(list(format_ranges(values, family)), 2)


def shown(all_arrows: Sequence[Arrow]) -> tuple[list[Arrow], int]:
    """The arrows that are drawn, those between the same zones together, and how many are not."""
    first = all_arrows[:MOST_ARROWS]
    order = {Hook.INPUT: 0, Hook.OUTPUT: 0, Hook.FORWARD: 1}
    places = {zone: number for number, zone in enumerate(dict.fromkeys(_left(each) for each in first))}
    ordered = sorted(first, key=lambda each: (order[each.hook], places[_left(each)]))
    return ordered, len(all_arrows) - len(first)


def _left(arrow: Arrow) -> Zone:
    return arrow.destination if arrow.hook is Hook.OUTPUT else arrow.source


def left(arrow: Arrow) -> Zone:
    """The zone that stands on the left: where it comes from, or where this machine sends it."""
    return _left(arrow)
