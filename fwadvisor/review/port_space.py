"""Which ports connections can begin to, before and after, for anyone and for somebody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from fwadvisor.addresses import predefined
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Field,
    Firewall,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import PORTS, Intervals
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.packets import Budget, PacketSet, Space
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Transport

_NEW = (IntegerTest(Field.STATE, ((STATES.index(State.NEW), STATES.index(State.NEW)),)),)
#: How the names of conditions on kinds of addresses begin.
_NEARBY = "remote address "
_EVERY_PORT = IntegerTest(Field.DESTINATION_PORT, PORTS)


@dataclass(frozen=True, slots=True)
class Access:
    """Destination ports to which some first packet of a connection is accepted in one version."""

    #: With an address of the internet that no rule singles out.
    anyone: Intervals
    #: With any address; holds those of `anyone`.
    somebody: Intervals
    #: Ports of which it is not known for every packet.
    unknown: Intervals = ()


@dataclass(frozen=True, slots=True)
class PortSpace:
    """The ports of one transport, before and after."""

    hook: Hook
    family: Family
    transport: Transport
    before: Access
    after: Access


def port_spaces(
    old: Firewall, new: Firewall, wanted: Iterable[tuple[Hook, Family, Transport]], budget: Budget
) -> Iterator[PortSpace]:
    """What is open, for hooks and families that both firewalls speak of; packets on the loopback interface aside.

    Of what is sent, the address is the destination; else it is the source.

    Raises:
        BudgetError: the diagrams would grow beyond the budget.
    """
    asked = tuple(wanted)
    away = {hook: _elsewhere(hook) for hook, _, _ in asked}
    strangers = {(hook, family): _stranger((old, new), hook, family) for hook, family, _ in asked}
    neighbours = tuple(ConditionTest(each, holds=False) for each in _neighbours((old, new)))
    protocols = {transport: _protocol(transport) for _, _, transport in asked}
    tests: tuple[Test, ...] = (
        *_NEW,
        _EVERY_PORT,
        *away.values(),
        *strangers.values(),
        *neighbours,
        *protocols.values(),
    )
    space = Space((old, new), tests=tests, budget=budget)
    for hook, family, transport in asked:
        limits = (*_NEW, away[hook], protocols[transport])
        everybody = space.packets(hook, family, limits)
        stranger = space.packets(hook, family, (*limits, strangers[hook, family], *neighbours))
        sides = [space.meaning(each, hook, family) for each in (old, new)]
        before, after = (
            Access(
                _ports(each.accepted & stranger), _ports(each.accepted & everybody), _ports(each.unknown & everybody)
            )
            for each in sides
        )
        yield PortSpace(hook, family, transport, before, after)


def _ports(packets: PacketSet) -> Intervals:
    return packets.values(Field.DESTINATION_PORT)


def _neighbours(firewalls: Iterable[Firewall]) -> Iterator[Condition]:
    """Conditions by which Windows singles addresses out: ``remote address LocalSubnet``."""
    found = (test.condition for test in _tests(firewalls) if isinstance(test, ConditionTest))
    for each in dict.fromkeys(found):
        if each.understood and each.name.startswith(_NEARBY) and each.name != f"{_NEARBY}Internet":
            yield each


def _tests(firewalls: Iterable[Firewall]) -> Iterator[Test]:
    """Every test of every rule, those inside of alternatives too."""
    waiting = [test for each in firewalls for rule in each.rules() for test in rule.tests]
    while waiting:
        test = waiting.pop()
        if isinstance(test, AnyOf):
            waiting += (each for alternative in test.alternatives for each in alternative)
        else:
            yield test


def _protocol(transport: Transport) -> IntegerTest:
    number = PROTOCOL_NUMBERS[transport]
    return IntegerTest(Field.PROTOCOL, ((number, number),))


def _elsewhere(hook: Hook) -> NameTest:
    field = Field.OUT_INTERFACE if hook is Hook.OUTPUT else Field.IN_INTERFACE
    return NameTest(field, Names(frozenset({LOOPBACK}), inverted=True))


def _stranger(firewalls: Iterable[Firewall], hook: Hook, family: Family) -> AddressTest:
    """One address of the internet, in the middle of the longest stretch that no test of the firewalls tells apart."""
    field = Field.DESTINATION if hook is Hook.OUTPUT else Field.SOURCE
    asked = (test for test in _tests(firewalls) if isinstance(test, AddressTest) and test.field is field)
    cuts = {end for test in asked for first, last in test.of(family) for end in (first, last + 1)}
    best = (0, 0)
    for first, last in predefined("internet").of(family):
        starts = [first, *sorted(cut for cut in cuts if first < cut <= last), last + 1]
        for start, end in pairwise(starts):
            best = max(best, (end - start, start), key=lambda stretch: stretch[0])
    address = best[1] + best[0] // 2
    v4, v6 = (((address, address),) if family is each else () for each in Family)
    return AddressTest(field, v4, v6)
