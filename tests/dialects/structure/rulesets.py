"""Random rulesets and packets on their boundaries, for holding a dialect's text against the policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    PORT_PROTOCOLS,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    State,
    Verdict,
)
from fwadvisor.model.walk import Packet

V4, V6 = Family.IPV4, Family.IPV6
_NET6 = 0x20010DB8 << 96
_V4_SETS: tuple[Intervals, ...] = (
    ((0x0A000000, 0x0AFFFFFF),),
    ((0x0A000005, 0x0A000009),),
    ((0x0A000007, 0x0A000007),),
    ((0xC0000200, 0xC00002FF), (0xCB007100, 0xCB0071FF)),
    ((0, 0x7FFFFFFF),),
    V4.universe,
)
_V6_SETS: tuple[Intervals, ...] = (
    ((_NET6, _NET6 + (1 << 96) - 1),),
    ((_NET6 + 5, _NET6 + 9),),
    ((_NET6 + 7, _NET6 + 7), (0xFE80 << 112, (0xFE80 << 112) + (1 << 118) - 1)),
    V6.universe,
)
_PORTS: tuple[Intervals, ...] = (((22, 22),), ((80, 81), (443, 443)), ((1024, 65535),), ((0, 65535),), ((1720, 1720),))
_TYPES = {
    ICMP: ((IcmpType(8),), (IcmpType(3), IcmpType(11)), (IcmpType(3, 4),), (IcmpType(0), IcmpType(8))),
    ICMPV6: ((IcmpType(128),), (IcmpType(135), IcmpType(136)), (IcmpType(1, 3), IcmpType(2)), (IcmpType(130),)),
}
_PROTOCOLS = ((), (TCP,), (TCP,), (UDP,), (TCP, UDP), (ICMP,), (ICMPV6,), (47,), (2,))
_STATES = ((), (), (State.NEW,), (State.NEW, State.ESTABLISHED), (State.ESTABLISHED, State.RELATED))
INTERFACES = ("em0", "em1")


def _addresses(random: Random) -> AddressSet | None:
    if random.random() < 0.35:
        return None
    v4 = random.choice(_V4_SETS) if random.random() < 0.8 else ()
    v6 = random.choice(_V6_SETS) if random.random() < 0.6 or not v4 else ()
    return AddressSet(v4, v6, name=random.choice(("", "peers", "the lan", "any", "x" * 60)))


def _match(random: Random, hook: Hook) -> Match:
    protocols = random.choice(_PROTOCOLS)
    ports = bool(protocols) and PORT_PROTOCOLS.issuperset(protocols)
    names = ((), (), ("em0",), ("em0", "em1"), (LOOPBACK,), (LOOPBACK, "em1"))
    return Match(
        family=random.choice((None, None, None, V4, V6)),
        protocols=protocols,
        source=_addresses(random),
        destination=_addresses(random),
        source_ports=random.choice(_PORTS) if ports and random.random() < 0.2 else None,
        destination_ports=random.choice(_PORTS) if ports and random.random() < 0.8 else None,
        icmp=random.choice(_TYPES[protocols[0]]) if protocols in ((ICMP,), (ICMPV6,)) and random.random() < 0.7 else (),
        in_interfaces=random.choice(names) if hook is not Hook.OUTPUT else (),
        out_interfaces=random.choice(names) if hook is not Hook.INPUT else (),
        states=random.choice(_STATES),
    )


def matches(random: Random, hook: Hook, count: int) -> Iterator[Match]:
    """Matches that hold together."""
    while count:
        try:
            match = _match(random, hook)
        except ValueError:
            continue
        count -= 1
        yield match


def ruleset(
    random: Random, hooks: tuple[Hook, ...], verdicts: tuple[Verdict, ...], most: int = 8, *, egress: bool = True
) -> Ruleset:
    """A ruleset with up to `most` rules in a chain; without `egress` no forward rule names an interface to leave by."""
    chains = []
    for hook in hooks:
        rules = []
        for number, match in enumerate(matches(random, hook, random.randint(0, most)), 1):
            if hook is Hook.FORWARD and not egress and match.out_interfaces:
                continue
            log = Log("fw: ") if random.random() < 0.1 else None
            origin = Origin(kind=OriginKind.NEED, text=f"rule {number}", profile="p", place=Place("p.yaml", number))
            rules.append(Rule(match, random.choice((*verdicts, Verdict.ACCEPT)), origin, log))
        chains.append(Chain(hook, tuple(rules), random.choice(verdicts), random.choice((None, Log("fw: ")))))
    return Ruleset(name="random", chains=tuple(chains))


def _edges(ranges: Intervals, top: int) -> set[int]:
    return {v for first, last in ranges for v in (first - 1, first, last, last + 1) if 0 <= v <= top}


def packets(random: Random, ruleset: Ruleset, hook: Hook, count: int) -> Iterator[Packet]:
    """New packets on the edges of what the rules of a chain speak of; never loopback."""
    rules = ruleset.chain(hook).rules
    addresses: dict[Family, set[int]] = {V4: {0x0A000007, 0x08080808}, V6: {_NET6 + 7, 0x2A00 << 112}}
    ports = {80, 40000}
    for rule in rules:
        for side in (rule.match.source, rule.match.destination):
            for family in (V4, V6) if side else ():
                addresses[family] |= _edges(side.of(family), (1 << family.bits) - 1) if side else set()
        for some in (rule.match.source_ports, rule.match.destination_ports):
            ports |= _edges(some, 65535) if some else set()
    pools = {family: sorted(values) for family, values in addresses.items()}
    port_pool = sorted(ports)
    for _ in range(count):
        family = random.choice((V4, V6))
        own = ICMP if family is V4 else ICMPV6
        names = (*INTERFACES, "em2", *_names(rules, hook))
        packet = Packet(
            hook=hook,
            family=family,
            protocol=random.choice((TCP, TCP, UDP, own, 47, 2)),
            source=random.choice(pools[family]),
            destination=random.choice(pools[family]),
            source_port=random.choice(port_pool),
            destination_port=random.choice(port_pool),
            icmp_type=random.choice((0, 3, 8, 11) if family is V4 else (1, 2, 128, 130, 135, 136)),
            icmp_code=random.choice((0, 3, 4)),
            in_interface=random.choice(names) if hook is not Hook.OUTPUT else "",
            out_interface=random.choice(names) if hook is not Hook.INPUT else "",
        )
        yield _aimed(random, packet, random.choice(rules).match) if rules and random.random() < 0.6 else packet


def _names(rules: tuple[Rule, ...], hook: Hook) -> list[str]:
    found = {name for rule in rules for name in (*rule.match.in_interfaces, *rule.match.out_interfaces)}
    return sorted(found - {LOOPBACK})


def _aimed(random: Random, packet: Packet, match: Match) -> Packet:
    """The packet moved towards what `match` speaks of; each field goes there most of the time, or just beside it."""
    changes: dict[str, object] = {}
    if packet.family not in match.families():
        return packet
    top = (1 << packet.family.bits) - 1
    for name, side in (("source", match.source), ("destination", match.destination)):
        if side is not None and random.random() < 0.9:
            changes[name] = random.choice(sorted(_edges(side.of(packet.family), top)))
    for name, ports in (("source_port", match.source_ports), ("destination_port", match.destination_ports)):
        if ports is not None and random.random() < 0.9:
            changes[name] = random.choice(sorted(_edges(ports, 65535)))
    wrong = ICMPV6 if packet.family is V4 else ICMP
    if match.protocols and random.random() < 0.9:
        changes["protocol"] = random.choice([p for p in match.protocols if p != wrong] or [TCP])
    if match.icmp:
        kind = random.choice(match.icmp)
        changes["icmp_type"] = kind.type
        changes["icmp_code"] = kind.code if kind.code is not None else packet.icmp_code
    for name, interfaces in (("in_interface", match.in_interfaces), ("out_interface", match.out_interfaces)):
        real = [each for each in interfaces if each != LOOPBACK]
        if real and getattr(packet, name) and random.random() < 0.9:
            changes[name] = random.choice(real)
    return replace(packet, **changes)  # type: ignore[arg-type]


#: Texts that have broken a firewall's quoting somewhere.
HOSTILE = (
    "it's \u2018quoted\u2019 \u201aor\u201b \u201cnot\u201d \u201e",
    "'; Remove-NetFirewallRule; '",
    'a "b" `c` $(d) $e ${f} %g%',
    "first\nsecond\r\nthird\x00\x1b[31m",
    "ends in a backslash \\",
    "a | b #> c <# d",
    "\u202eright to left\u2066\u200f",
    "\u0085\u2028\u2029",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 10_000,
    "\n# pass quick all\npass quick all",
    "",
    "all",
    "\u0412\u2019",
)


def hostile(text: str) -> Ruleset:
    """A ruleset that carries `text` wherever a user's words can stand."""
    origin = Origin(
        kind=OriginKind.NEED,
        text=text,
        profile=text,
        place=Place(text, 7),
        application=text,
        flow=text,
        reason=text,
        ticket=text,
        expires=text,
    )
    peers = AddressSet(((0x0A000001, 0x0A000001), (0xCB007100, 0xCB0071FF)), ((_NET6, _NET6 + 15),), name=text)
    need = Rule(
        Match(protocols=(TCP,), source=peers, destination_ports=((1720, 1720),)), Verdict.ACCEPT, origin, Log(text)
    )
    forbid = Rule(Match(protocols=(TCP,), destination_ports=((1720, 1720),)), Verdict.DROP, origin)
    open_all = Rule(Match(protocols=(TCP, UDP)), Verdict.ACCEPT, origin)
    chains = tuple(Chain(hook, (need, forbid, open_all), Verdict.DROP, Log(text)) for hook in (Hook.INPUT, Hook.OUTPUT))
    return Ruleset(name=text, chains=chains)
