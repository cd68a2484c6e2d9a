"""Flows: the packets that somebody asks about, such as ``203.0.113.5 -> self:1720/tcp in eth0``.

`fwadvisor.review.flow_text` reads them, and `docs/flows.md` has the language. A flow is a set of packets, most often
of one connection. What it leaves open is open: whether a verdict depends on it is part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, covers, normalize, overlaps, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Hook, State

#: 127.0.0.0/8 (RFC 1122) and ::1 (RFC 4291).
LOOPBACK_ADDRESSES = AddressSet(((0x7F000000, 0x7FFFFFFF),), ((1, 1),))
_MANY = AddressSet(((0xE0000000, 0xEFFFFFFF),), ((0xFF << 120, (1 << 128) - 1),))
_EVERYBODY = AddressSet(((0xFFFFFFFF, 0xFFFFFFFF),))
#: What no machine has as its address on a network: 0.0.0.0/8 (RFC 791), 127.0.0.0/8, 224.0.0.0/3; ::, ::1, IPv4-mapped
#: addresses, ff00::/8 (RFC 4291).
_NOBODY = AddressSet(
    ((0, 0x00FFFFFF), (0x7F000000, 0x7FFFFFFF), (0xE0000000, 0xFFFFFFFF)),
    ((0, 1), (0xFFFF << 32, (0x10000 << 32) - 1), (0xFF << 120, (1 << 128) - 1)),
)
#: What a new connection looks like where a flow does not say otherwise: a port above the reserved ones, a plain SYN.
_CLIENT_PORT, _SYN, _ACK = 40000, 2, 16
_ORDINARY = {Field.LENGTH: 60, Field.DSCP: 0, Field.TTL: 64, Field.MARK: 0, Field.CONNECTION_MARK: 0}
_PHYSICAL = Names(frozenset({"", LOOPBACK}), inverted=True)


@dataclass(frozen=True, slots=True)
class End:
    """One side of a flow; None means any. With `own`, it is an address of this machine."""

    addresses: AddressSet | None = None
    own: bool = False
    ports: Intervals | None = None

    def of(self, family: Family) -> Intervals | None:
        """The addresses of one family, None: any."""
        return None if self.addresses is None else self.addresses.of(family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Packets of one hook. Fields are None, or (), where nothing is said about them."""

    #: As it was written.
    text: str
    span: Span
    hook: Hook
    families: tuple[Family, ...]
    source: End
    destination: End
    #: IP protocol numbers; ICMP stands for the ICMP of each family.
    protocols: tuple[int, ...] = ()
    #: ICMP types as the field has them, by family.
    icmp: Mapping[Family, Intervals] | None = None
    states: tuple[State, ...] = (State.NEW,)
    helper: str | None = None
    in_interface: str | None = None
    out_interface: str | None = None
    broadcast: bool = False
    #: Other fields: marks, TTL, length, TCP flags, Windows profile.
    integers: Mapping[Field, Intervals] = field(default_factory=dict)
    #: Conditions that hold, or do not.
    conditions: Mapping[str, bool] = field(default_factory=dict)

    def of(self, family: Family) -> tuple[int, ...]:
        """The protocol numbers in one family."""
        own = ICMP if family is Family.IPV4 else ICMPV6
        return tuple(own if number == ICMP and self.icmp is not None else number for number in self.protocols)

    def tests(self, family: Family, *, ordinary: bool) -> tuple[Test, ...]:
        """Tests that hold for exactly the packets of the flow in one family.

        With `ordinary`, what is not said is as in most connections: an ephemeral source port, a plain SYN, no marks,
        addresses that are what they look like. Interfaces stay open, but for loopback.
        """
        return (FamilyTest(family), *self._plain(family), *self._ends(family), *self._aside(family, ordinary))

    def _plain(self, family: Family) -> Iterator[Test]:
        if set(self.states) < set(State):
            yield _is(Field.STATE, *map(STATES.index, self.states))
        if self.helper is not None:
            yield NameTest(Field.HELPER, Names(frozenset({self.helper})))
        if self.protocols:
            yield _is(Field.PROTOCOL, *self.of(family))
        if self.icmp is not None:
            yield IntegerTest(Field.ICMP, self.icmp[family])
        for name, value in ((Field.IN_INTERFACE, self.in_interface), (Field.OUT_INTERFACE, self.out_interface)):
            if value is not None:
                yield NameTest(name, Names(frozenset({value})))
            elif _has(self.hook, name):
                yield NameTest(name, _PHYSICAL)
        yield from (IntegerTest(each, values) for each, values in self.integers.items())
        yield from (ConditionTest(Condition(name), holds) for name, holds in self.conditions.items())

    def _ends(self, family: Family) -> Iterator[Test]:
        for end, address, port, kind in (
            (self.source, Field.SOURCE, Field.SOURCE_PORT, Field.SOURCE_TYPE),
            (self.destination, Field.DESTINATION, Field.DESTINATION_PORT, Field.DESTINATION_TYPE),
        ):
            addresses = end.of(family)
            if end.own:
                yield _is(kind, AddressType.LOCAL)
                if addresses is None and not self.over_loopback:
                    addresses = subtract(family.universe, _NOBODY.of(family))
            if addresses is not None and addresses != family.universe:
                v4 = family is Family.IPV4
                yield AddressTest(address, addresses if v4 else (), () if v4 else addresses)
            if end.ports is not None:
                yield IntegerTest(port, end.ports)

    def _aside(self, family: Family, ordinary: bool) -> Iterator[Test]:
        if self.broadcast:
            yield _is(Field.DESTINATION_TYPE, AddressType.BROADCAST)
        if not ordinary:
            return
        if self.source.ports is None and self.protocols and WITH_PORTS.issuperset(self.protocols):
            yield _is(Field.SOURCE_PORT, _CLIENT_PORT)
        if Field.TCP_FLAGS not in self.integers and TCP in self.protocols and len(self.states) == 1:
            flags = _is(Field.TCP_FLAGS, _SYN if self.states[0] in (State.NEW, State.RELATED) else _ACK)
            yield flags if self.protocols == (TCP,) else AnyOf(((flags,), (_not_tcp(),)))
        yield from (_is(each, value) for each, value in _ORDINARY.items() if each not in self.integers)
        if not self.source.own and not self.over_loopback:
            yield _is(Field.SOURCE_TYPE, AddressType.UNICAST)
        if not self.destination.own and not self.broadcast:
            yield _is(Field.DESTINATION_TYPE, *self._destination_types(family))

    def _destination_types(self, family: Family) -> Iterator[AddressType]:
        """What the destination is to this machine; the packet space ties multicast to its addresses."""
        addresses = self.destination.of(family)
        addresses = family.universe if addresses is None else addresses
        many, everybody = _MANY.of(family), _EVERYBODY.of(family)
        if not covers(normalize((*many, *everybody)), addresses):
            yield AddressType.LOCAL if self.hook is Hook.INPUT else AddressType.UNICAST
        if overlaps(addresses, many):
            yield AddressType.MULTICAST
        if self.hook is not Hook.FORWARD and overlaps(addresses, everybody) and covers(everybody, addresses):
            yield AddressType.BROADCAST

    @property
    def over_loopback(self) -> bool:
        """Whether the packets never leave the machine."""
        return LOOPBACK in (self.in_interface, self.out_interface)


def _has(hook: Hook, name: Field) -> bool:
    return hook is not (Hook.OUTPUT if name is Field.IN_INTERFACE else Hook.INPUT)


def _not_tcp() -> IntegerTest:
    return IntegerTest(Field.PROTOCOL, subtract(((0, LARGEST[Field.PROTOCOL]),), ((TCP, TCP),)))


def _is(name: Field, *values: int) -> IntegerTest:
    return IntegerTest(name, normalize((value, value) for value in values))
