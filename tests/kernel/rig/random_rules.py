"""Random rulesets of the model: small pools of addresses and ports that nest, touch and overlap, so that rules meet."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    SCTP,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Log,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    State,
    Verdict,
)

from .frames import ESP, GRE

#: Names and texts as people may give them, some of them meant to break out of a comment, a string or a set.
_TEXTS = (
    "peers", "lan", "admin net", "1st", "set", "accept", 'a"b', "it's", "$x", "a;b}", "#", "{", "back\\", "two\nlines",
    "tab\there", "\u202eright to left", "déjà vu", "x" * 300, "`id`", "$(id)", "%s", "--jump ACCEPT", "\0nul",
)  # fmt: skip

_T = TypeVar("_T")

_STATES = [(State.NEW,), (State.NEW, State.UNTRACKED), (State.INVALID,), (State.UNTRACKED,), (State.ESTABLISHED,)]
_PROTOCOLS = [
    (TCP,),
    (TCP,),
    (UDP,),
    (UDP,),
    (TCP, UDP),
    (SCTP,),
    (TCP, UDP, SCTP),
    (ICMP,),
    (ICMPV6,),
    (GRE,),
    (ESP, GRE),
    (89,),
    (2, UDP),
]
_VERDICTS = [Verdict.ACCEPT, Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT]
_ICMP_TYPES = {ICMP: (0, 3, 8, 11, 13), ICMPV6: (1, 2, 128, 129, 135, 136, 143)}
_PORT_POOL = (0, 1, 21, 22, 23, 79, 80, 81, 443, 1023, 1024, 1719, 1720, 32767, 32768, 40000, 49152, 65534, 65535)
_BASES = {
    Family.IPV4: (0xCB007100, 0x0A000000, 0xC6336400),
    Family.IPV6: (0x20010DB8 << 96, 0xFD << 120, 0x20010DB8000F << 80),
}
_SIZES = {Family.IPV4: (0, 1, 3, 4, 8), Family.IPV6: (0, 1, 3, 16, 64)}


class _Dice:
    def __init__(self, seed: str) -> None:
        self.random = Random(seed)

    def maybe(self, chance: float, value: _T, otherwise: _T) -> _T:
        return value if self.random.random() < chance else otherwise

    def pick(self, values: list[_T] | tuple[_T, ...]) -> _T:
        return self.random.choice(values)

    def ranges(self, family: Family) -> Intervals:
        found = []
        for _ in range(self.random.randint(1, 3)):
            size = self.pick(_SIZES[family])
            first = self.pick(_BASES[family]) + self.random.randint(0, 8) * (1 << size)
            stretch = self.maybe(0.3, self.random.randint(0, 5), 0)
            found.append((first, first + (1 << size) - 1 + stretch))
        return normalize(found)

    def addresses(self) -> AddressSet:
        families = self.pick(["4", "6", "46", "46"])
        name = self.maybe(0.5, self.pick(_TEXTS), "")
        return AddressSet(
            self.ranges(Family.IPV4) if "4" in families else (),
            self.ranges(Family.IPV6) if "6" in families else (),
            name=name,
        )

    def ports(self) -> Intervals:
        found = []
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 20])):
            first = self.pick(_PORT_POOL)
            last = self.maybe(0.4, min(65535, first + self.random.randint(0, 2000)), first)
            found.append((first, last))
        return normalize(found)

    def interfaces(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(self.random.sample(names, self.random.randint(1, len(names)))))


def _match(dice: _Dice, hook: Hook, links: tuple[str, ...]) -> Match:
    protocols = dice.pick([(), *_PROTOCOLS])
    ported = bool(protocols) and {TCP, UDP, SCTP}.issuperset(protocols)
    icmp: tuple[IcmpType, ...] = ()
    if protocols in ((ICMP,), (ICMPV6,)):
        kinds = dice.random.sample(_ICMP_TYPES[protocols[0]], dice.random.randint(0, 3))
        icmp = tuple(sorted(IcmpType(kind, dice.maybe(0.2, 0, None)) for kind in kinds))
    names = links if hook is Hook.FORWARD else (*links, LOOPBACK)
    return Match(
        family=dice.maybe(0.15, dice.pick(list(Family)), None),
        protocols=protocols,
        source=dice.addresses() if dice.random.random() < 0.5 else None,
        destination=dice.addresses() if dice.random.random() < 0.4 else None,
        source_ports=dice.ports() if ported and dice.random.random() < 0.15 else None,
        destination_ports=dice.ports() if ported and dice.random.random() < 0.75 else None,
        icmp=icmp,
        in_interfaces=dice.interfaces(names) if hook is not Hook.OUTPUT and dice.random.random() < 0.25 else (),
        out_interfaces=dice.interfaces(names) if hook is not Hook.INPUT and dice.random.random() < 0.25 else (),
        states=dice.maybe(0.15, dice.pick(_STATES), ()),
    )


def _rule(dice: _Dice, number: int, hook: Hook, links: tuple[str, ...]) -> Rule:
    while True:
        try:
            match = _match(dice, hook, links)
        except ValueError:
            continue  # fields that no address family satisfies together
        log = Log(f"{dice.pick(_TEXTS)} {number} ", dice.maybe(0.5, 10, None)) if dice.random.random() < 0.1 else None
        origin = Origin(kind=OriginKind.NEED, text=f"rule {number}: {dice.pick(_TEXTS)}", profile="random")
        return Rule(match, dice.pick(_VERDICTS), origin, log)


def random_ruleset(seed: int, links: tuple[str, ...], most_rules: int = 14) -> Ruleset:
    """The ruleset of a seed."""
    dice = _Dice(f"ruleset {seed}")
    chains = []
    for hook in Hook:
        rules = tuple(_rule(dice, number, hook, links) for number in range(dice.random.randint(0, most_rules)))
        log = Log(dice.pick(_TEXTS)) if dice.random.random() < 0.2 else None
        chains.append(Chain(hook, rules, dice.pick(_VERDICTS), log))
    return Ruleset(name="random", chains=tuple(chains))
