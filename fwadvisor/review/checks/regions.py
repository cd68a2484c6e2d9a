"""Tests that regions of packets are made of: where from, where to, and at which point of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, AddressTest, AddressType, AnyOf, Field, IntegerTest, Names, NameTest, Test
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Transport


def one(field: Field, *values: int) -> IntegerTest:
    """The field has one of these values."""
    return IntegerTest(field, normalize((value, value) for value in values))


def states(*several: State) -> IntegerTest:
    """The packet's state is one of these."""
    return one(Field.STATE, *map(STATES.index, several))


def source(family: Family, addresses: Intervals) -> AddressTest:
    """The packet comes from one of these addresses."""
    return _addresses(Field.SOURCE, family, addresses)


def destination(family: Family, addresses: Intervals) -> AddressTest:
    """The packet goes to one of these addresses."""
    return _addresses(Field.DESTINATION, family, addresses)


def _addresses(field: Field, family: Family, addresses: Intervals) -> AddressTest:
    v4 = family is Family.IPV4
    return AddressTest(field, addresses if v4 else (), () if v4 else addresses)


def to_a_host(hook: Hook) -> IntegerTest:
    """The packet is for one host: this machine, or where it goes on to."""
    return one(Field.DESTINATION_TYPE, AddressType.LOCAL if hook is Hook.INPUT else AddressType.UNICAST)


def away(hook: Hook) -> NameTest:
    """The packet does not go over the loopback interface."""
    field = Field.OUT_INTERFACE if hook is Hook.OUTPUT else Field.IN_INTERFACE
    return NameTest(field, Names(frozenset({LOOPBACK}), inverted=True))


TRANSPORTS: Mapping[Transport, IntegerTest] = {
    transport: one(Field.PROTOCOL, number) for transport, number in PROTOCOL_NUMBERS.items()
}
NEW = states(State.NEW)
_NO_TCP = AnyOf(((TRANSPORTS[Transport.TCP],),), holds=False)
#: TCP begins with SYN.
BEGINS = AnyOf(((_NO_TCP,), (one(Field.TCP_FLAGS, 2),)))
#: As packets come from the wire: without marks, on an interface that is none of the machine's own.
FROM_THE_WIRE: tuple[Test, ...] = (
    one(Field.MARK, 0),
    one(Field.CONNECTION_MARK, 0),
    one(Field.SOURCE_TYPE, AddressType.UNICAST),
    away(Hook.INPUT),
)
#: From a dynamic port (RFC 6335), as clients do, or of a protocol without ports.
FROM_A_CLIENT = IntegerTest(Field.SOURCE_PORT, ((0, 0), (49152, 65535)))
