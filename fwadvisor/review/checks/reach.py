"""Who gets where: the packets of a region that are accepted, and what accepts them, from few rules instead of all.

A region that names its sources and ports is met by few rules of a long file. `Reach` leaves the others out (they match
no packet of the region, so they decide none) and asks the packet engine of the rest. What it says of a region is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    Field,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.packets import PacketSet, Space
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Transport

#: Flags bytes with SYN and neither ACK, FIN nor RST: the first packet of a connection.
_OPENING = tuple(IntegerTest(Field.TCP_FLAGS, ((2 | high, 2 | high),)) for high in (0,))
#: Ports that clients send from (RFC 6335: dynamic ports).
_EPHEMERAL: Intervals = ((49152, 65535),)
#: Windows' profile of networks that nobody knows.
_PUBLIC_PROFILE = 2
#: Fields that rules never write, so that a rule whose test of one holds for nothing in a region matches nothing there.
_FIXED = frozenset(
    {Field.PROTOCOL, Field.SOURCE, Field.DESTINATION, Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.ICMP}
)
TRANSPORTS: Mapping[Transport, IntegerTest] = {
    transport: IntegerTest(Field.PROTOCOL, ((number, number),)) for transport, number in PROTOCOL_NUMBERS.items()
}


def state(*states: State) -> IntegerTest:
    """The packet's state is one of these."""
    from fwadvisor.model.interval import normalize

    return IntegerTest(Field.STATE, normalize((STATES.index(each), STATES.index(each)) for each in states))


def source(family: Family, addresses: Intervals) -> AddressTest:
    """The packet comes from one of these addresses."""
    v4 = family is Family.IPV4
    return AddressTest(Field.SOURCE, addresses if v4 else (), () if v4 else addresses)


def to_a_host(hook: Hook) -> IntegerTest:
    """The packet is for this machine, or on the way through for a host."""
    kind = AddressType.UNICAST if hook is Hook.FORWARD else AddressType.LOCAL
    return IntegerTest(Field.DESTINATION_TYPE, ((kind, kind),))


AWAY = NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK}), inverted=True))
NEW = state(State.NEW)
#: TCP begins with SYN.
BEGINS = AnyOf(((AnyOf(((TRANSPORTS[Transport.TCP],),), holds=False),), (IntegerTest(Field.TCP_FLAGS, ((2, 2),)),)))
#: As packets come from the wire: without marks.
UNMARKED = (IntegerTest(Field.MARK, ((0, 0),)), IntegerTest(Field.CONNECTION_MARK, ((0, 0),)))
FROM_A_CLIENT = AnyOf(((IntegerTest(Field.SOURCE_PORT, ((0, 0),)),), (IntegerTest(Field.SOURCE_PORT, _EPHEMERAL),)))


@dataclass(frozen=True, slots=True)
class Piece:
    """Packets of a region that one rule or default accepts."""

    space: Space
    step: Step | None
    packets: PacketSet
    #: What of them is accepted whatever the conditions do of which nothing is known.
    sure: PacketSet

    @property
    def hook(self) -> Hook:
        """Where the packets are seen."""
        return self.packets.table.hook

    @property
    def family(self) -> Family:
        """Their IP version."""
        return self.packets.table.family

    @property
    def rule(self) -> FirewallRule | None:
        """What accepts them, None for a default and where nothing is asked."""
        return self.step.rule if self.step else None

    def part(self, *tests: Test) -> PacketSet:
        """The packets for which tests hold that the space knows."""
        return self.packets & self.space.packets(self.hook, self.family, tests)

    @cached_property
    def ports(self) -> Mapping[Transport, Intervals]:
        """The destination ports of the packets by transport; transports without any are left out."""
        found = {}
        for transport, test in TRANSPORTS.items():
            part = self.part(test)
            if not part.is_empty:
                found[transport] = part.values(Field.DESTINATION_PORT)
        return found
