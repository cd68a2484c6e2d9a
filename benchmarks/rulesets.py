"""Seeded first-match lists of three kinds, IPv4 and IPv6, for the packet engine and for reading.

- **realistic**: an enterprise gateway: networks and hosts of a few address plans, 40 services, a deny now and then.
- **classbench**: the shape of ClassBench's seed filters: prefixes of two small trees, so that they nest deeply,
  wildcards, and port ranges, exact ports and whole classes of ports.
- **crossing**: boxes of random ranges in every field, which cross as no administrator's rules do.

The seed depends on kind, size and family only; a rerun gives the same rules.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from jobs import SERVICES

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.interval import Intervals
from fwadvisor.model.interval import size as count
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    Verdict,
)

Rules = tuple[Rule, ...]
#: Draws one rule's match; the prefixes that a list shares are drawn before.
_Draw = Callable[[], Match]

_PROTOCOLS = {"tcp": TCP, "udp": UDP}
_PORTS = 65535
#: Where IPv4 addresses stand in IPv6: bits 80 to 111 below 2001::/16, so that a /24 becomes a /40.
_BASE, _SHIFT = 0x2001 << 112, 80
#: Spreads hosts over the low bits of their network, always in the same way.
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC834
_PLAN = ((0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16), (0x64400000, 10), (0xC6120000, 15))
_DEFAULT = {True: Verdict.DROP, False: Verdict.ACCEPT}
_PREFIXES = (16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32)


def addresses(ranges: Sequence[tuple[int, int]], family: Family) -> AddressSet:
    """Ranges of IPv4 addresses, in IPv6 moved to where as many networks are; one address stays one address."""
    if family is Family.IPV4:
        return AddressSet(v4=tuple(ranges))
    return AddressSet(v6=tuple(_moved(first, last) for first, last in ranges))


def _moved(first: int, last: int) -> tuple[int, int]:
    if first == last:
        host = _BASE | first << _SHIFT | (first * _SPREAD & ((1 << _SHIFT) - 1))
        return host, host
    return _BASE | first << _SHIFT, _BASE | last << _SHIFT | (1 << _SHIFT) - 1


def _network(value: int, prefix: int) -> tuple[int, int]:
    size = 1 << (32 - prefix)
    return value & -size, value & -size | size - 1


def _planned(dice: random.Random) -> tuple[int, int]:
    """A network or host of the address plan."""
    base, length = dice.choice(_PLAN)
    return _network(base | dice.getrandbits(32 - length), max(length, dice.choice(_PREFIXES)))


def _realistic(dice: random.Random, size: int, family: Family) -> _Draw:
    servers = [_planned(dice) for _ in range(max(10, size // 5))]
    services = list(SERVICES.values())

    def draw() -> Match:
        source = None if dice.random() < 0.08 else addresses([_planned(dice)], family)
        destination = None if source and dice.random() < 0.04 else addresses([dice.choice(servers)], family)
        interfaces = (dice.choice(("eth0", "eth1", "eth2")),) if dice.random() < 0.1 else ()
        if dice.random() < 0.03:
            return Match(
                family=family,
                protocols=(ICMP if family is Family.IPV4 else ICMPV6,),
                icmp=(IcmpType(8 if family is Family.IPV4 else 128),),
                source=source,
                destination=destination,
                in_interfaces=interfaces,
            )
        protocol, texts = dice.choice(services)
        return Match(
            family=family,
            protocols=(_PROTOCOLS[protocol],),
            source=source,
            destination=destination,
            destination_ports=_ports(texts),
            in_interfaces=interfaces,
        )

    return draw


def _ports(texts: Sequence[str]) -> Intervals:
    ends = [text.partition("-") for text in texts]
    return tuple((int(first), int(last or first)) for first, _, last in ends)


def _classbench(dice: random.Random, size: int, family: Family) -> _Draw:
    sources, destinations = _tree(dice, size), _tree(dice, size)

    def ports() -> Intervals | None:
        first, last = sorted(dice.randint(0, _PORTS) for _ in range(2))
        exact = dice.choice((22, 53, 80, 443, 1521, 1720, 5060, 6789))
        either: tuple[Intervals | None, ...] = (
            None, ((1024, _PORTS),), ((0, 1023),), ((first, last),), ((exact, exact),),
        )  # fmt: skip
        return dice.choices(either, (45, 10, 2, 8, 35))[0]

    def draw() -> Match:
        source = None if dice.random() < 0.2 else addresses([dice.choice(sources)], family)
        destination = None if dice.random() < 0.2 else addresses([dice.choice(destinations)], family)
        protocol = dice.choices((TCP, UDP, 47, 0), (62, 28, 3, 7))[0]
        with_ports = protocol in (TCP, UDP)
        return Match(
            family=family,
            protocols=(protocol,) if protocol else (),
            source=source,
            destination=destination,
            source_ports=ports() if with_ports and dice.random() < 0.3 else None,
            destination_ports=ports() if with_ports else None,
        )

    return draw


def _tree(dice: random.Random, size: int) -> list[tuple[int, int]]:
    """Prefixes that grow out of each other: each new one lies inside of an earlier one, or beside it."""
    grown = [(dice.getrandbits(32), 8) for _ in range(4)]
    while len(grown) < max(16, size // 3):
        value, prefix = dice.choice(grown)
        longer = min(32, prefix + dice.choice((1, 2, 4, 8)))
        if longer > prefix:
            grown.append((_network(value, prefix)[0] | dice.getrandbits(32 - prefix), longer))
    return [_network(value, prefix) for value, prefix in grown]


def _crossing(dice: random.Random, _: int, family: Family) -> _Draw:
    def stretch(bits: int, most: float) -> tuple[int, int]:
        """A range of random length, `most` of the whole at the most."""
        whole = (1 << bits) - 1
        first = dice.randint(0, whole)
        return first, min(whole, first + dice.randint(1, int(whole * most)))

    def draw() -> Match:
        return Match(
            family=family,
            protocols=(dice.choice((TCP, UDP)),),
            source=addresses([stretch(32, 0.05)], family),
            destination=addresses([stretch(32, 0.05)], family),
            source_ports=(stretch(16, 0.5),) if dice.random() < 0.2 else None,
            destination_ports=(stretch(16, 0.2),),
        )

    return draw


KINDS: dict[str, Callable[[random.Random, int, Family], _Draw]] = {
    "realistic": _realistic,
    "classbench": _classbench,
    "crossing": _crossing,
}


def make(kind: str, size: int, family: Family = Family.IPV4) -> Rules:
    """`size` rules of a kind; what none matches is denied.

    Raises:
        KeyError: there is no such kind.
    """
    dice = random.Random(f"{kind} {size} {int(family)}")
    draw = KINDS[kind](dice, size, family)
    matches = [draw() for _ in range(size)]
    if kind == "classbench":
        matches.sort(key=lambda match: _breadth(match, family) * dice.uniform(0.8, 1.2))
    return tuple(_rule(number, match, dice) for number, match in enumerate(matches))


def _breadth(match: Match, family: Family) -> float:
    """How many bits of the addresses and ports are open: broad rules stand at the end of such lists."""
    open_bits = 0.0
    for each in (match.source, match.destination):
        open_bits += math.log2(count(each.of(family))) if each else family.bits
    for ports in (match.source_ports, match.destination_ports):
        open_bits += math.log2(count(ports)) if ports else 16
    return open_bits


def _rule(number: int, match: Match, dice: random.Random) -> Rule:
    verdict = Verdict.DROP if dice.random() < 0.15 else Verdict.ACCEPT
    return Rule(match, verdict, Origin(kind=OriginKind.NEED, text=f"rule {number}"))


def edited(rules: Rules, edits: int, seed: int = 1) -> Rules:
    """A second version: `edits` rules taken out, moved, turned around, given another service, or new."""
    dice = random.Random(f"edits {seed}")
    found = list(rules)
    for number in range(edits):
        place = dice.randrange(len(found))
        other = dice.randrange(len(found))
        match number % 5:
            case 0:
                del found[place]
            case 1:
                found.insert(other, found.pop(place))
            case 2:
                turned = Verdict.ACCEPT if found[place].verdict is Verdict.DROP else Verdict.DROP
                found[place] = replace(found[place], verdict=turned)
            case 3:
                source = found[other].match.source
                found[place] = replace(found[place], match=replace(found[place].match, source=source))
            case _:
                found.insert(place, replace(found[other], verdict=Verdict.ACCEPT))
    return tuple(found)


def ruleset(rules: Rules, hook: Hook = Hook.FORWARD, name: str = "bench") -> Ruleset:
    """The list as the chain of one hook, default deny; each other hook has an empty chain that lets through."""
    chains = [Chain(each, rules if each is hook else (), _DEFAULT[each is hook]) for each in Hook]
    return Ruleset(name=name, chains=tuple(chains))


def firewall(rules: Rules, name: str = "bench") -> Firewall:
    """The list as a firewall that decides forwarded packets, default deny."""
    return lift(ruleset(rules, name=name))
