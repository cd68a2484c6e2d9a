"""Which rules cannot meet a packet whose destination is translated, neither as it comes nor as it goes on.

A chain that is asked before translation sees destinations otherwise than the filter chains, but only those of packets
that some rule translates. A rule that matches no such packet, before and after its translation, asks of all others
what the filter chains see, too. This is told of packets that open a connection: what follows them is translated
without a rule being asked, and what a helper expects is translated as its master was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import AddressTest, FamilyTest, Field, FirewallRule, IntegerTest, Names, NameTest
from fwadvisor.model.interval import Intervals, intersect

#: What no rule on the way to the filter chains changes (marks, lengths and lifetimes some do).
_KEPT = (Field.PROTOCOL, Field.SOURCE, Field.SOURCE_PORT, Field.IN_INTERFACE)
_DESTINATION = (Field.DESTINATION, Field.DESTINATION_PORT, Field.DESTINATION_TYPE)
_LOOKED_AT = frozenset((*_KEPT, *_DESTINATION))
_SIMPLE = re.compile(r"(?:dnat|redirect)(?: to (\S+))?(?: (?:random|fully-random|persistent))*")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")

#: By field what packets have there; a field that is not named is free.
Region: TypeAlias = dict[Field, Intervals | Names]


@dataclass(frozen=True)
class Translated:
    """The packets that some rules translate, for each family as they come and as they go on."""

    regions: tuple[tuple[Family, Region], ...]

    def meets(self, rule: FirewallRule) -> bool:
        """Whether the rule may match such a packet before or after its translation."""
        own = {family: _region(rule, family) for family in FAMILIES}
        return any(_meet(own[family], region) for family, region in self.regions)


def translated(rules: Iterable[FirewallRule], kinds: tuple[str, ...]) -> Translated:
    """What those of the rules translate whose translation begins with one of the words `kinds`."""
    found = []
    for rule in rules:
        for write in rule.writes:
            if write.field is Field.TRANSLATION and str(write.value).startswith(kinds):
                for family in FAMILIES:
                    before = _region(rule, family)
                    found += [(family, before), (family, _after(before, str(write.value), family))]
    return Translated(tuple(found))


def _region(rule: FirewallRule, family: Family) -> Region:
    """The packets of a rule or more; with an empty set of protocols where it has none of the family."""
    found: Region = {}
    for test in rule.tests:
        values: Intervals
        match test:
            case FamilyTest(other) if other is not family:
                return {Field.PROTOCOL: ()}
            case IntegerTest(field, values) if field in _LOOKED_AT:
                found[field] = _both(found.get(field), values)
            case AddressTest(field):
                found[field] = _both(found.get(field), test.of(family))
            case NameTest(Field.IN_INTERFACE, names):
                found.setdefault(Field.IN_INTERFACE, names)
            case _:
                pass
    return found


def _both(known: Intervals | Names | None, values: Intervals) -> Intervals:
    return intersect(known, values) if isinstance(known, tuple) else values


def _after(before: Region, text: str, family: Family) -> Region:
    """The packets of a region after they are translated; what is not understood of the text is free."""
    found = {field: before[field] for field in _KEPT if field in before}
    simple = _SIMPLE.fullmatch(text)
    if simple is None:
        return found
    address, ports = _parts(simple[1] or "")
    target = _addresses(address, family)
    if target is not None and text.startswith("dnat"):
        found[Field.DESTINATION] = target
    if not ports:
        if Field.DESTINATION_PORT in before:
            found[Field.DESTINATION_PORT] = before[Field.DESTINATION_PORT]
    elif (numbers := _PORTS.fullmatch(ports)) and int(numbers[1]) <= int(numbers[2] or numbers[1]):
        found[Field.DESTINATION_PORT] = ((int(numbers[1]), int(numbers[2] or numbers[1])),)
    return found


def _parts(target: str) -> tuple[str, str]:
    """Address or range, and ports: ``10.0.0.5:80``, ``[2001:db8::5]:80``, ``2001:db8::5``, ``:80``."""
    if target.startswith("["):
        address, _, ports = target[1:].rpartition("]")
        return address, ports.removeprefix(":")
    if target.count(":") > 1:
        # Of several targets in one text, any port is possible.
        return target, "" if "," not in target else "any"
    address, _, ports = target.partition(":")
    return address, ports


def _addresses(text: str, family: Family) -> Intervals | None:
    """The addresses of ``A`` or ``A-B``; none of the other family, and None where it is neither."""
    first, _, last = text.partition("-")
    try:
        low, high = ip_address(first), ip_address(last or first)
    except ValueError:
        return None
    if low.version != high.version or int(low) > int(high):
        return None
    return ((int(low), int(high)),) if low.version == family else ()


def _meet(one: Region, other: Region) -> bool:
    """Whether a packet can be in both."""
    if () in one.values() or () in other.values():
        return False
    return not any(_apart(one[field], other[field]) for field in one if field in other)


def _apart(one: Intervals | Names, other: Intervals | Names) -> bool:
    if isinstance(one, Names) and isinstance(other, Names):
        return _other_names(one, other)
    return isinstance(one, tuple) and isinstance(other, tuple) and not intersect(one, other)


def _other_names(one: Names, other: Names) -> bool:
    """Whether no name is in both, as far as can be told without looking for one."""
    if one.inverted and other.inverted:
        return False
    if one.inverted or other.inverted:
        outside, inside = (one, other) if one.inverted else (other, one)
        return all(each not in outside for each in inside.names) and all(
            any(each.startswith(prefix) for prefix in outside.prefixes) for each in inside.prefixes
        )
    return (
        all(each not in other for each in one.names)
        and all(each not in one for each in other.names)
        and not any(a.startswith(b) or b.startswith(a) for a in one.prefixes for b in other.prefixes)
    )
