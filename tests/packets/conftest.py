"""Random firewalls and packets over values that meet often, so that rules overlap, nest and contradict."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    LARGEST,
    PASSED,
    STATES,
    Action,
    AddressTest,
    AnyOf,
    BaseChain,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Names,
    NameTest,
    Point,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.interval import normalize, subtract
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.model.walk import Packet

SPAN = Span("random", 1)
#: Boundaries that tests use, and so packets are drawn from them and their neighbours.
V4 = (0, 0x0A000000, 0x0A0000FF, 0x0A000080, 0x7F000001, 0xC0A80001, 0xC0A8FFFF, 0xE0000001, 0xEFFFFFFF, 0xFFFFFFFF)
V6 = (0, 1, 0x20010DB8 << 96, (0x20010DB8 << 96) + 255, 0xFE80 << 112, (0xFF02 << 112) + 1, (1 << 128) - 1)
VALUES = {
    Field.STATE: range(5),
    Field.PROFILE: range(3),
    Field.PROTOCOL: (1, 6, 17, 47, 58, 132, 136),
    Field.SOURCE_TYPE: range(4),
    Field.DESTINATION_TYPE: range(4),
    Field.SOURCE_PORT: (0, 53, 1023, 1024, 40000, 65535),
    Field.DESTINATION_PORT: (0, 22, 80, 443, 444, 1720, 65535),
    Field.ICMP: (0, 0x0300, 0x03FF, 0x0800, 0x8000),
    Field.TCP_FLAGS: (0, 2, 16, 18, 4, 255),
    Field.LENGTH: (20, 60, 1500),
    Field.DSCP: (0, 10, 46),
    Field.TTL: (1, 64, 255),
    Field.MARK: (0, 1, 2, 3, 0x10, 0x11, 0xFF00, 2**32 - 1),
    Field.CONNECTION_MARK: (0, 1, 2, 0x100),
}
NAMES = {
    Field.HELPER: ("", "ftp", "RAS", "Q.931"),
    Field.IN_INTERFACE: ("eth0", "eth1", "eth10", "ppp0", LOOPBACK),
    Field.OUT_INTERFACE: ("eth0", "eth1", "eth10", "ppp0", LOOPBACK),
    Field.TAG: ("", "a", "b", "ab"),
}
PREFIXES = ("eth", "eth1", "p", "a", "")
NARROW = {Field.MARK: (0, 1, 2, 3), Field.DSCP: (0, 10)}
CONDITIONS = tuple(Condition(f"c{n}") for n in range(3))
VAGUE = tuple(Condition(f"v{n}", understood=False) for n in range(2))
WRITES = (Field.MARK, Field.CONNECTION_MARK, Field.TAG, Field.STATE, Field.DSCP, Field.TTL)


@dataclass
class Dice:
    """Random firewalls; each switch turns a kind of rule off, so that the rest is met more often."""

    random: random.Random
    writes: bool = True
    conditions: bool = True
    unknown: bool = True
    standing: bool = True
    jumps: bool = True
    #: How often rules write, jump, and leave a verdict standing, and how many tests they have at most.
    writing: float = 0.3
    jumping: float = 0.2
    stands: float = 0.35
    most: int = 3
    #: Few values, so that what one rule writes is what another tests.
    narrow: bool = False
    fields: tuple[Field, ...] = (*VALUES, *NAMES, Field.SOURCE, Field.DESTINATION)

    def firewall(self, name: str = "random") -> Firewall:
        r = self.random
        chains: dict[str, FirewallChain] = {}
        users: list[str] = []
        for number in range(r.randint(0, 3) if self.jumps else 0):
            chains[f"u{number}"] = FirewallChain(f"u{number}", self.rules(r.randint(0, 4), users))
            users.append(f"u{number}")
        bases = []
        for number in range(r.randint(1, 4)):
            chains[f"b{number}"] = FirewallChain(f"b{number}", self.rules(r.randint(0, 7), users))
            bases.append(
                BaseChain(
                    point=r.choice([*Point, Point.INPUT, Point.PREROUTING, Point.POSTROUTING]),
                    chain=f"b{number}",
                    default=r.choice([Verdict.ACCEPT, Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT]),
                    priority=r.randint(-1, 1),
                    families=r.choice([FAMILIES, FAMILIES, FAMILIES, FAMILIES[:1]]),
                )
            )
        made = Firewall(name=name, dialect="random", chains=chains, bases=tuple(bases))
        if r.random() < 0.25:
            made = replace(made, implicit=frozenset({State.ESTABLISHED, State.RELATED}))
        if r.random() < 0.2:
            states = frozenset({State.NEW, State.ESTABLISHED, State.RELATED})
            made = replace(made, opening_only=True, states=states, loopback=False, routed_groups=r.random() < 0.5)
        return made

    def rules(self, count: int, users: list[str]) -> tuple[FirewallRule, ...]:
        return tuple(self.rule(users) for _ in range(count))

    def rule(self, users: list[str]) -> FirewallRule:
        r = self.random
        tests = tuple(self.test() for _ in range(min(self.most, r.choice([0, 1, 1, 2, 2, 3]))))
        writes = ()
        if self.writes and r.random() < self.writing:
            writes = tuple(self.write() for _ in range(r.randint(1, 2)))
        return FirewallRule(tests=tests, action=self.action(users), span=SPAN, text="rule", writes=writes)

    def action(self, users: list[str]) -> Action:
        r = self.random
        choice = r.random()
        if choice < self.jumping and users:
            return Jump(r.choice(users), goto=r.random() < 0.3, decisive=self.standing and r.random() < 0.4)
        choice = r.random()
        if choice < 0.1:
            return Return()
        if choice < 0.3:
            return Continue()
        if choice < 0.36 and self.unknown:
            return Unknown("random")
        stands = self.standing and r.random() < self.stands
        return Decide(r.choice([*Verdict, Verdict.ACCEPT]), stands=stands)

    def test(self, depth: int = 0) -> Test:
        r = self.random
        choice = r.random()
        if choice < 0.12 and depth < 2:
            alternatives = tuple(
                tuple(self.test(depth + 1) for _ in range(r.choice([0, 1, 1, 2, 2]))) for _ in range(r.randint(0, 3))
            )
            return AnyOf(alternatives, holds=r.random() < 0.7)
        if choice < 0.15:
            return FamilyTest(r.choice(FAMILIES))
        if choice < 0.25 and self.conditions:
            return ConditionTest(r.choice([*CONDITIONS, *VAGUE]), r.random() < 0.7)
        field = r.choice(self.fields)
        if self.narrow and field in NARROW:
            chosen = r.sample(NARROW[field], r.randint(1, len(NARROW[field]) - 1))
            return IntegerTest(field, normalize((value, value) for value in chosen))
        if field in NAMES:
            names = frozenset(r.sample(NAMES[field], r.randint(0, 2)))
            prefixes = frozenset(r.sample(PREFIXES, r.choice([0, 0, 0, 1, 1, 2])))
            return NameTest(field, Names(names, prefixes, r.random() < 0.3))
        if field in (Field.SOURCE, Field.DESTINATION):
            return AddressTest(field, self.ranges(V4, 2**32 - 1), self.ranges(V6, 2**128 - 1))
        return IntegerTest(field, self.ranges(tuple(VALUES[field]), LARGEST[field]))

    def ranges(self, values: tuple[int, ...], largest: int) -> tuple[tuple[int, int], ...]:
        r = self.random
        found = []
        for _ in range(r.choice([0, 1, 1, 1, 2, 3])):
            first, last = sorted((r.choice(values), r.choice(values))) if r.random() < 0.5 else [r.choice(values)] * 2
            found.append((first, last))
        made = normalize(found)
        return subtract(((0, largest),), made) if r.random() < 0.2 else made

    def write(self) -> Write:
        r = self.random
        if r.random() < 0.1:
            return Write(r.choice([Field.LOG, Field.ASSIGNED_HELPER]), r.choice(["x", "y"]))
        if self.narrow:
            field = r.choice(list(NARROW))
            mask = r.choice([None, None, 1, 2, 3]) if field is Field.MARK else None
            return Write(field, r.choice(NARROW[field]), mask)
        field = r.choice(WRITES)
        if field is Field.TAG:
            return Write(field, r.choice([*NAMES[field], "new"]))
        value = r.choice(tuple(VALUES[field]))
        if field in (Field.MARK, Field.CONNECTION_MARK) and r.random() < 0.6:
            mask = r.choice([1, 3, 0x10, 0xFF00, 0xFFFF0000, 2**32 - 1, 0])
            return Write(field, r.choice([value, value & mask]), mask)
        return Write(field, value)

    def packet(self, hook: Hook, family: Family) -> Packet:
        """Any packet, possible or not."""
        r = self.random

        def near(values: tuple[int, ...], largest: int) -> int:
            return max(0, min(largest, r.choice(values) + r.choice([-1, 0, 0, 0, 1])))

        addresses, largest = (V4, 2**32 - 1) if family is Family.IPV4 else (V6, 2**128 - 1)
        number = {field: near(tuple(values), LARGEST[field]) for field, values in VALUES.items()}
        interfaces = ("eth0", "eth1", "eth10", "eth11", "eth2", "ppp0", "p", "wan", "", LOOPBACK)
        return Packet(
            hook=hook,
            family=family,
            protocol=number[Field.PROTOCOL] if r.random() < 0.6 else r.choice([1, 6, 6, 17, 17, 58]),
            source=near(addresses, largest),
            destination=near(addresses, largest),
            source_port=number[Field.SOURCE_PORT],
            destination_port=number[Field.DESTINATION_PORT],
            icmp_type=number[Field.ICMP] >> 8,
            icmp_code=number[Field.ICMP] & 255,
            in_interface=r.choice(interfaces),
            out_interface=r.choice(interfaces),
            state=STATES[r.randrange(5)],
            helper=r.choice(["", "", "ftp", "RAS", "other"]),
            tcp_flags=number[Field.TCP_FLAGS],
            length=number[Field.LENGTH],
            dscp=number[Field.DSCP],
            ttl=number[Field.TTL],
            mark=number[Field.MARK],
            connection_mark=number[Field.CONNECTION_MARK],
            profile=number[Field.PROFILE],
            source_type=number[Field.SOURCE_TYPE],
            destination_type=number[Field.DESTINATION_TYPE],
            conditions=frozenset(c.name for c in (*CONDITIONS, *VAGUE) if r.random() < 0.5),
        )

    def part(self) -> tuple[Hook, Family]:
        return self.random.choice(list(PASSED)), self.random.choice(FAMILIES)


@pytest.fixture
def dice() -> Callable[..., Dice]:
    """Makes `Dice` from a seed and switches."""
    return lambda seed, **switches: Dice(random.Random(seed), **switches)


def is_possible(packet: Packet) -> bool:
    """Whether there can be such a packet: the domain, said once more and in other words than the engine's."""
    local, unicast, broadcast, multicast = range(4)
    source, destination = packet.source_type, packet.destination_type
    if packet.family is Family.IPV4:
        groups = range(0xE0000000, 0xF0000000)
        if packet.destination == 0xFFFFFFFF and destination != broadcast:
            return False
        if packet.source == 0xFFFFFFFF and source != broadcast:
            return False
    else:
        groups = range(0xFF << 120, 1 << 128)
        if broadcast in (source, destination):
            return False
    if (packet.destination in groups) != (destination == multicast):
        return False
    if source == multicast and packet.source not in groups:
        return False
    if packet.helper and packet.state not in (State.ESTABLISHED, State.RELATED):
        return False
    if packet.hook is Hook.INPUT:
        return packet.out_interface == "" and destination != unicast
    if packet.hook is Hook.OUTPUT:
        return packet.in_interface == ""
    if LOOPBACK in (packet.in_interface, packet.out_interface):
        return False
    return destination in (unicast, multicast) and source != local


def is_spoken_of(firewall: Firewall, packet: Packet) -> bool:
    """Whether the firewall speaks of a packet."""
    if packet.hook not in firewall.hooks or packet.family not in firewall.families:
        return False
    if packet.state not in firewall.states:
        return False
    if packet.hook is Hook.FORWARD and not firewall.routed_groups and packet.destination_type != 1:
        return False
    if not firewall.loopback and LOOPBACK in (packet.in_interface, packet.out_interface):
        return False
    opening = packet.tcp_flags & 2 and not packet.tcp_flags & (1 | 4 | 16)
    return not (firewall.opening_only and packet.state is State.NEW and packet.protocol == 6 and not opening)


@pytest.fixture
def possible() -> Callable[..., bool]:
    """Whether a packet is in the domain of all firewalls given."""
    return lambda packet, *firewalls: is_possible(packet) and all(is_spoken_of(each, packet) for each in firewalls)


@pytest.fixture
def packets() -> Callable[..., Iterator[Packet]]:
    """Packets of a part: any, and (most of them) bent so that they are possible."""

    def draw(dice: Dice, hook: Hook, family: Family, count: int) -> Iterator[Packet]:
        for _ in range(count):
            packet = dice.packet(hook, family)
            yield packet if dice.random.random() < 0.3 else bent(packet)

    return draw


def routed(packet: Packet, name: str) -> str:
    """An interface that the packet can pass."""
    return "ppp0" if packet.hook is Hook.FORWARD and name == LOOPBACK else name


def bent(packet: Packet) -> Packet:
    """The packet with its interfaces, types and helper as they can be."""
    groups = range(0xE0000000, 0xF0000000) if packet.family is Family.IPV4 else range(0xFF << 120, 1 << 128)
    to_group = packet.destination in groups
    destination = 3 if to_group else {Hook.INPUT: 0, Hook.FORWARD: 1, Hook.OUTPUT: 1}[packet.hook]
    if packet.family is Family.IPV4 and packet.destination == 0xFFFFFFFF:
        destination = 2
    source = packet.source_type
    if packet.family is Family.IPV4 and packet.source == 0xFFFFFFFF:
        source = 2
    elif (source == 3 and packet.source not in groups) or packet.family is Family.IPV6 or packet.hook is Hook.FORWARD:
        source = 1
    return replace(
        packet,
        in_interface="" if packet.hook is Hook.OUTPUT else routed(packet, packet.in_interface),
        out_interface="" if packet.hook is Hook.INPUT else routed(packet, packet.out_interface),
        source_type=source,
        destination_type=destination,
        helper=packet.helper if packet.state in (State.ESTABLISHED, State.RELATED) else "",
    )


@pytest.fixture
def holds() -> Callable[[tuple[Test, ...], Packet], bool]:
    """Whether tests hold for a packet, as the walk sees it."""

    def ask(tests: tuple[Test, ...], packet: Packet) -> bool:
        rule = FirewallRule(tests=tests, action=Decide(Verdict.ACCEPT), span=SPAN, text="rule")
        firewall = Firewall(
            name="one",
            dialect="random",
            chains={"one": FirewallChain("one", (rule,))},
            bases=tuple(BaseChain(point=each[-1], chain="one", default=Verdict.DROP) for each in PASSED.values()),
        )
        return evaluate(firewall, packet).verdict is Verdict.ACCEPT

    return ask
