"""Packets where two firewalls may part: at the ends of what their rules ask, in boxes, and just outside of them.

Everything that is drawn is possible. `is_possible` is the tests' own statement of what there can be, in other words
than the engine's.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    ConditionTest,
    FamilyTest,
    Field,
    Firewall,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, contains, intersect
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, UDP, Hook, State
from fwadvisor.model.walk import Packet

_SPEC = spec_from_file_location("packet_dice", Path(__file__).parents[2] / "packets" / "conftest.py")
_DICE = sys.modules.setdefault(_SPEC.name, module_from_spec(_SPEC))
_SPEC.loader.exec_module(_DICE)
Dice, is_possible = _DICE.Dice, _DICE.is_possible

_ADDRESSES = (Field.SOURCE, Field.DESTINATION)
#: Fields of a packet that hold the value of a test as it is.
_SAME = {
    Field.PROFILE: "profile", Field.PROTOCOL: "protocol", Field.SOURCE_TYPE: "source_type",
    Field.DESTINATION_TYPE: "destination_type", Field.SOURCE: "source", Field.DESTINATION: "destination",
    Field.SOURCE_PORT: "source_port", Field.DESTINATION_PORT: "destination_port", Field.TCP_FLAGS: "tcp_flags",
    Field.LENGTH: "length", Field.DSCP: "dscp", Field.TTL: "ttl", Field.MARK: "mark",
    Field.CONNECTION_MARK: "connection_mark", Field.HELPER: "helper", Field.IN_INTERFACE: "in_interface",
    Field.OUT_INTERFACE: "out_interface",
}  # fmt: skip
#: What is drawn for a field of which no rule speaks.
_ORDINARY = {
    Field.STATE: (0, 0, 0, 0, 1, 2, 3, 4), Field.PROFILE: (0, 1, 2), Field.PROTOCOL: (TCP, TCP, UDP, ICMP, ICMPV6, 47),
    Field.SOURCE_PORT: (40000, 53), Field.DESTINATION_PORT: (80, 0, 65535), Field.ICMP: (0x0800, 0x8000, 0),
    Field.TCP_FLAGS: (2, 2, 16, 18), Field.LENGTH: (60,), Field.DSCP: (0,), Field.TTL: (64,), Field.MARK: (0,),
    Field.CONNECTION_MARK: (0,), Field.SOURCE_TYPE: (1, 1, 0, 2, 3), Field.DESTINATION_TYPE: (0, 1, 2, 3),
}  # fmt: skip
_STRANGERS = {
    Family.IPV4: (0xC6336407, 0x0A000003, 0xE0000005, 0xFFFFFFFF),
    Family.IPV6: ((0x20010DB8 << 96) + 7, (0xFE80 << 112) + 3, (0xFF02 << 112) + 1),
}
_GROUPS = {Family.IPV4: ((0xE0000000, 0xEFFFFFFF),), Family.IPV6: ((0xFF << 120, (1 << 128) - 1),)}
_INTERFACES = ("eth0", "eth1", "eth2", "other0", "", LOOPBACK)
Values = dict[Field, "int | str"]


def is_spoken_of(firewall: Firewall, packet: Packet) -> bool:
    """Whether a firewall speaks of a packet."""
    if not firewall.crossed_icmp and packet.protocol == (ICMPV6 if packet.family is Family.IPV4 else ICMP):
        return False
    return bool(_DICE.is_spoken_of(firewall, packet))


def plain_tests(tests: Iterable[Test]) -> Iterator[Test]:
    """Every test that is no `AnyOf`, those inside too."""
    for test in tests:
        if isinstance(test, AnyOf):
            for each in test.alternatives:
                yield from plain_tests(each)
        else:
            yield test


def _ends(values: Intervals, largest: int) -> Iterator[int]:
    for first, last in values if len(values) < 40 else (*values[:20], *values[-20:]):
        yield from (each for each in (first - 1, first, last, last + 1) if 0 <= each <= largest)


@dataclass
class Corners:
    """The values at which the rules of some firewalls change their mind."""

    random: random.Random
    integers: dict[Field, list[int]] = field(default_factory=dict)
    addresses: dict[Family, list[int]] = field(default_factory=dict)
    names: dict[Field, list[str]] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, firewalls: Sequence[Firewall], dice: random.Random) -> Corners:
        found = cls(dice)
        integers: dict[Field, dict[int, None]] = {}
        addresses: dict[Family, dict[int, None]] = {family: {} for family in Family}
        names: dict[Field, dict[str, None]] = {}
        conditions: dict[str, None] = {}
        for test in plain_tests(test for each in firewalls for rule in each.rules() for test in rule.tests):
            if isinstance(test, IntegerTest):
                integers.setdefault(test.field, {}).update(dict.fromkeys(_ends(test.values, LARGEST[test.field])))
            elif isinstance(test, AddressTest):
                for family in Family:
                    addresses[family].update(dict.fromkeys(_ends(test.of(family), (1 << family.bits) - 1)))
            elif isinstance(test, NameTest):
                spoken = (*test.names.names, *(f"{each}7" for each in test.names.prefixes))
                names.setdefault(test.field, {}).update(dict.fromkeys(sorted(spoken)))
            elif isinstance(test, ConditionTest):
                conditions[test.condition.name] = None
        found.integers = {each: list(values) for each, values in integers.items()}
        found.addresses = {family: list(values) for family, values in addresses.items()}
        found.names = {each: list(values) for each, values in names.items()}
        found.conditions = list(conditions)
        return found

    def draw(self, asked: Field, family: Family) -> int | str:
        """A value of a field: mostly one at which somebody changes their mind."""
        often = self.random.random() < 0.6
        if asked in _ADDRESSES:
            return self.random.choice((often and self.addresses.get(family)) or _STRANGERS[family])
        if asked in (Field.IN_INTERFACE, Field.OUT_INTERFACE):
            known = [each for each in self.names.get(asked, ()) if each != LOOPBACK]
            return self.random.choice((often and known) or _INTERFACES)
        if asked is Field.HELPER:
            return self.random.choice((*self.names.get(asked, ()), "", "other"))
        if asked is Field.STATE:
            return self.random.choice(_ORDINARY[asked])
        return self.random.choice((often and self.integers.get(asked)) or _ORDINARY[asked])


@dataclass
class _Wanted:
    """What tests ask for, alternatives chosen."""

    families: set[Family] = field(default_factory=lambda: set(Family))
    integers: dict[Field, Intervals] = field(default_factory=dict)
    addresses: dict[Field, dict[Family, Intervals]] = field(default_factory=dict)
    names: dict[Field, list[Names]] = field(default_factory=dict)
    conditions: dict[str, bool] = field(default_factory=dict)

    def add(self, tests: Iterable[Test], dice: random.Random) -> None:
        for test in tests:
            match test:
                case FamilyTest(family):
                    self.families &= {family}
                case IntegerTest(name, values):
                    self.integers[name] = intersect(self.integers.get(name, ((0, LARGEST[name]),)), values)
                case AddressTest(name):
                    known = self.addresses.get(name, {each: ((0, (1 << each.bits) - 1),) for each in Family})
                    self.addresses[name] = {each: intersect(known[each], test.of(each)) for each in Family}
                case NameTest(name, names):
                    self.names.setdefault(name, []).append(names)
                case ConditionTest(condition, holds):
                    self.conditions[condition.name] = holds
                case AnyOf(alternatives, holds) if holds and alternatives:
                    self.add(dice.choice(alternatives), dice)

    def intervals(self, asked: Field, family: Family) -> Intervals | None:
        if asked in _ADDRESSES:
            return self.addresses[asked][family] if asked in self.addresses else None
        return self.integers.get(asked)


@dataclass
class Prober:
    """Draws packets of one hook and family."""

    corners: Corners
    hook: Hook
    family: Family
    firewalls: tuple[Firewall, ...]

    def anywhere(self, count: int) -> Iterator[Packet]:
        """Packets with values from the corners."""
        for _ in range(count):
            yield from self._made({}, None)

    def in_tests(self, tests: Sequence[Test], count: int) -> Iterator[Packet]:
        """Packets for which the tests hold, as far as is easily had, at the ends of what they ask."""
        for _ in range(count):
            yield from self._inside(tests)

    def around(self, tests: Sequence[Test], count: int) -> Iterator[Packet]:
        """Packets that fail one of the tests, by one field that is a little off."""
        for _ in range(count):
            wanted = _Wanted()
            wanted.add(tests, self.corners.random)
            asked = [*wanted.integers, *wanted.addresses, *wanted.names, *wanted.conditions]
            if asked and self.family in wanted.families:
                yield from self._made(self._values(wanted, self.corners.random.choice(asked)), wanted)

    def _inside(self, tests: Sequence[Test]) -> Iterator[Packet]:
        wanted = _Wanted()
        wanted.add(tests, self.corners.random)
        if self.family in wanted.families:
            yield from self._made(self._values(wanted, None), wanted)

    def _values(self, wanted: _Wanted, off: Field | str | None) -> Values:
        dice, found = self.corners.random, Values()
        for asked in (*wanted.integers, *wanted.addresses):
            values = wanted.intervals(asked, self.family) or ()
            largest = LARGEST.get(asked, (1 << self.family.bits) - 1)
            if asked == off:
                outside = [each for each in _ends(values, largest) if not contains(values, each)]
                if outside:
                    found[asked] = dice.choice(outside)
            elif values:
                found[asked] = self._one(asked, values)
        for asked, several in wanted.names.items():
            known = [*self.corners.names.get(asked, ()), *(() if asked is Field.HELPER else _INTERFACES), "", "new7"]
            fitting = [name for name in known if all(name in each for each in several) is not (asked == off)]
            if fitting:
                found[asked] = dice.choice(fitting)
        return found

    def _one(self, asked: Field, values: Intervals) -> int:
        """One of the values, one at which others change their mind where there is one."""
        dice = self.corners.random
        others = self.corners.addresses[self.family] if asked in _ADDRESSES else self.corners.integers.get(asked, [])
        if dice.random() < 0.5:
            for each in dice.sample(others, min(6, len(others))):
                if contains(values, each):
                    return each
        first, last = dice.choice(values)
        return dice.choice((first, last, dice.randint(first, last)))

    def _made(self, values: Values, wanted: _Wanted | None) -> Iterator[Packet]:
        """The packet with these values and others that go with them, where there can be such a one."""
        dice = self.corners.random
        for _ in range(4):
            all_values = {asked: self.corners.draw(asked, self.family) for asked in (*_SAME, Field.STATE, Field.ICMP)}
            for asked, inside in (wanted.integers if wanted else {}).items():
                if asked not in values and inside:
                    all_values[asked] = self._one(asked, inside)
            conditions = {name for name in self.corners.conditions if dice.random() < 0.4}
            for name, holds in (wanted.conditions if wanted else {}).items():
                (conditions.add if holds else conditions.discard)(name)
            packet = self._packet({**all_values, **values}, frozenset(conditions))
            packet = self._settled(packet, values)
            if is_possible(packet) and all(is_spoken_of(each, packet) for each in self.firewalls):
                yield packet
                return

    def _packet(self, values: Values, conditions: frozenset[str]) -> Packet:
        icmp = int(values[Field.ICMP])
        protocol = int(values[Field.PROTOCOL])
        return Packet(
            hook=self.hook,
            family=self.family,
            state=STATES[int(values[Field.STATE])],
            icmp_type=icmp >> 8,
            icmp_code=icmp & 255,
            conditions=conditions,
            **{name: values[each] for each, name in _SAME.items() if each is not Field.TCP_FLAGS},  # type: ignore[arg-type]
            tcp_flags=int(values[Field.TCP_FLAGS]) if protocol == TCP else 2,
        )

    def _settled(self, packet: Packet, values: Values) -> Packet:
        """With interfaces, address types and helper that go with the rest, where nobody asked for others."""
        dice = self.corners.random
        changes: dict[str, object] = {}
        none = {Hook.INPUT: Field.OUT_INTERFACE, Hook.OUTPUT: Field.IN_INTERFACE}.get(self.hook)
        if none is not None and none not in values:
            changes[_SAME[none]] = ""
        if packet.helper and packet.state not in (State.ESTABLISHED, State.RELATED):
            if Field.HELPER in values and Field.STATE not in values:
                changes["state"] = State.RELATED
            else:
                changes["helper"] = ""
        if values.get(Field.DESTINATION_TYPE) == AddressType.MULTICAST and Field.DESTINATION not in values:
            changes["destination"] = dice.choice(_GROUPS[self.family][0])
        destination = int(str(changes.get("destination", packet.destination)))
        if Field.SOURCE_TYPE not in values:
            changes["source_type"] = self._type(packet.source, None, packet.source_type)
        if Field.DESTINATION_TYPE not in values:
            changes["destination_type"] = self._type(destination, self.hook, packet.destination_type)
        return replace(packet, **changes)  # type: ignore[arg-type]

    def _type(self, address: int, hook: Hook | None, drawn: int) -> int:
        """A type that the address can have: of a destination where the hook is given."""
        if self.family is Family.IPV4 and address == 0xFFFFFFFF:
            return AddressType.BROADCAST
        group = contains(_GROUPS[self.family], address)
        if hook is not None and group:
            return AddressType.MULTICAST
        allowed = {AddressType.LOCAL, AddressType.UNICAST, AddressType.BROADCAST}
        allowed |= {AddressType.MULTICAST} if hook is None and group else set()
        allowed -= {AddressType.BROADCAST} if self.family is Family.IPV6 else set()
        allowed -= {AddressType.UNICAST} if hook is Hook.INPUT else set()
        allowed &= {AddressType.UNICAST} if hook is Hook.FORWARD else allowed
        allowed -= {AddressType.LOCAL} if hook is None and self.hook is Hook.FORWARD else set()
        return drawn if drawn in allowed else self.corners.random.choice(sorted(allowed))
