"""The packets that there can be: constraints between fields, and what a firewall speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    Field,
    Firewall,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Hook, State

#: Fields that constraints bind; they are levels of every table.
BOUND = (
    Field.TAG, Field.STATE, Field.HELPER, Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.SOURCE_TYPE,
    Field.DESTINATION_TYPE, Field.PROTOCOL, Field.SOURCE, Field.DESTINATION, Field.SOURCE_PORT, Field.DESTINATION_PORT,
    Field.ICMP, Field.TCP_FLAGS,
)  # fmt: skip
_NONE: Intervals = ((0, 0),)
_MULTICAST_V4: Intervals = ((0xE0000000, 0xEFFFFFFF),)
_MULTICAST_V6: Intervals = ((0xFF << 120, (1 << 128) - 1),)
_BROADCAST_V4: Intervals = ((0xFFFFFFFF, 0xFFFFFFFF),)
_SYN, _OPENING = 2, 1 | 2 | 4 | 16
#: Flags bytes with SYN and neither ACK, FIN nor RST.
_OPENING_FLAGS = normalize((flags, flags) for flags in range(256) if flags & _OPENING == _SYN)
_FOLLOWING = normalize((STATES.index(state), STATES.index(state)) for state in (State.ESTABLISHED, State.RELATED))


def _is(field: Field, *values: int) -> IntegerTest:
    return IntegerTest(field, normalize((value, value) for value in values))


def _named(field: Field, *names: str) -> NameTest:
    return NameTest(field, Names(frozenset(names)))


def _implies(a: Test, b: Test) -> AnyOf:
    """Holds where `a` does not, or `b` does."""
    return AnyOf(((AnyOf(((a,),), holds=False),), (b,)))


def _not(a: Test) -> AnyOf:
    return AnyOf(((a,),), holds=False)


def possible(hook: Hook, family: Family) -> Iterator[Test]:
    """Tests that hold for exactly the packets of a hook and family that there can be."""
    yield _named(Field.TAG, "")
    source, destination = Field.SOURCE_TYPE, Field.DESTINATION_TYPE
    local, unicast, broadcast, multicast = AddressType
    if hook is Hook.INPUT:
        yield _named(Field.OUT_INTERFACE, "")
        yield _is(destination, local, broadcast, multicast)
    elif hook is Hook.FORWARD:
        yield _is(destination, unicast, multicast)
        yield _not(_is(source, local))
        # What came over loopback is for this machine.
        yield _not(_named(Field.IN_INTERFACE, LOOPBACK))
        yield _not(_named(Field.OUT_INTERFACE, LOOPBACK))
    else:
        yield _named(Field.IN_INTERFACE, "")
    many_to = AddressTest(Field.DESTINATION, _MULTICAST_V4, _MULTICAST_V6)
    yield _implies(_is(destination, multicast), many_to)
    yield _implies(many_to, _is(destination, multicast))
    yield _implies(_is(source, multicast), AddressTest(Field.SOURCE, _MULTICAST_V4, _MULTICAST_V6))
    for field, kind in ((Field.SOURCE, source), (Field.DESTINATION, destination)):
        if family is Family.IPV6:
            yield _not(_is(kind, broadcast))
        else:
            yield _implies(AddressTest(field, _BROADCAST_V4, ()), _is(kind, broadcast))
    yield _implies(_not(_named(Field.HELPER, "")), IntegerTest(Field.STATE, _FOLLOWING))
    for field in (Field.SOURCE_PORT, Field.DESTINATION_PORT):
        yield _implies(_not(IntegerTest(field, _NONE)), _is(Field.PROTOCOL, *WITH_PORTS))
    icmp = ICMP if family is Family.IPV4 else ICMPV6
    yield _implies(_not(IntegerTest(Field.ICMP, _NONE)), _is(Field.PROTOCOL, icmp))
    yield _implies(_not(IntegerTest(Field.TCP_FLAGS, _NONE)), _is(Field.PROTOCOL, TCP))


def spoken(firewall: Firewall, hook: Hook, family: Family) -> Iterator[Test]:
    """Tests that hold for exactly the packets of a hook and family that a firewall speaks of."""
    if not firewall.crossed_icmp:
        yield _not(_is(Field.PROTOCOL, ICMPV6 if family is Family.IPV4 else ICMP))
    if hook is Hook.FORWARD and not firewall.routed_groups:
        yield _is(Field.DESTINATION_TYPE, AddressType.UNICAST)
    if firewall.states < frozenset(State):
        yield _is(Field.STATE, *map(STATES.index, firewall.states))
    if firewall.opening_only:
        opens = (_is(Field.STATE, STATES.index(State.NEW)), _is(Field.PROTOCOL, TCP))
        yield AnyOf(((AnyOf((opens,), holds=False),), (IntegerTest(Field.TCP_FLAGS, _OPENING_FLAGS),)))
    if not firewall.loopback:
        yield _not(_named(Field.IN_INTERFACE, LOOPBACK))
        yield _not(_named(Field.OUT_INTERFACE, LOOPBACK))
