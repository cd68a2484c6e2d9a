"""Rulesets with many rules of few shapes, whose values overlap: what writers decide by nested lookups."""

from __future__ import annotations

from random import Random

from fwadvisor.model.address import AddressSet
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import (
    ICMP,
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
    Place,
    Rule,
    Ruleset,
    State,
    Verdict,
)

_V4, _V6 = 0x0A000000, 0x20010DB8 << 96
GRE = 47


def _ranges(random: Random, base: int) -> Intervals:
    found = []
    for _ in range(random.choice((1, 1, 2, 5))):
        bits = random.choice((0, 0, 2, 4, 8))
        first = base + (random.getrandbits(10) >> bits << bits)
        found.append((first, first + random.choice(((1 << bits) - 1, (1 << bits) - 1, 5))))
    return normalize(found)


def _addresses(random: Random) -> AddressSet:
    families = random.choice(("v4", "v4", "v6", "both"))
    return AddressSet(
        v4=_ranges(random, _V4) if families != "v6" else (),
        v6=_ranges(random, _V6) if families != "v4" else (),
        name=random.choice(("", "peers", "lan")),
    )


def _ports(random: Random) -> Intervals:
    starts = random.sample(range(1, 400, 7), random.choice((1, 1, 1, 3, 20)))
    return normalize((start, start + random.choice((0, 0, 1, 30))) for start in starts)


def _shape(random: Random, interfaces: tuple[str, ...]) -> dict[str, object]:
    return {
        "source": random.random() < 0.7,
        "destination": random.random() < 0.6,
        "service": random.choice(("ports", "ports", "ports", "icmp", "none")),
        "in_interfaces": interfaces if random.random() < 0.2 else (),
        "states": (State.NEW,) if random.random() < 0.2 else (),
        "source_ports": ((1024, 65535),) if random.random() < 0.1 else None,
    }


def _match(random: Random, shape: dict[str, object], pool: list[Intervals]) -> Match:
    fields: dict[str, object] = {name: shape[name] for name in ("in_interfaces", "states")}
    if shape["source"]:
        fields["source"] = _addresses(random)
    if shape["destination"]:
        fields["destination"] = _addresses(random)
    if shape["service"] == "icmp":
        fields |= {"protocols": (ICMP,), "icmp": (IcmpType(8),)}
    elif shape["service"] == "ports":
        protocols = random.choice(((TCP,), (TCP,), (UDP,), (TCP, UDP), (SCTP,), (GRE,)))
        fields["protocols"] = protocols
        if GRE not in protocols:
            fields["destination_ports"] = random.choice((*pool, None))
            fields["source_ports"] = shape["source_ports"]
    return Match(**fields)  # type: ignore[arg-type]


def ruleset(
    random: Random, hooks: tuple[Hook, ...], verdicts: tuple[Verdict, ...], count: int, interfaces: tuple[str, ...] = ()
) -> Ruleset:
    """A ruleset with about `count` rules in each chain; verdicts come in runs or mixed."""
    chains = []
    for hook in hooks:
        own = interfaces if hook is not Hook.OUTPUT else ()
        shapes = [_shape(random, own) for _ in range(random.choice((1, 2, 3)))]
        pool = [_ports(random) for _ in range(12)]
        log = random.choice((None, None, Log("many: ", 600)))
        mixed = random.random() < 0.5
        rules: list[Rule] = []
        for number in range(1, count + 1):
            share = random.random() if mixed else number / (count + 1)
            origin = Origin(kind=OriginKind.NEED, text=f"rule {number}", profile="p", place=Place("p.yaml", number))
            try:
                match = _match(random, random.choice(shapes), pool)
            except ValueError:
                continue  # No family fits both ends.
            verdict = verdicts[int(share * len(verdicts))]
            rules.append(Rule(match, verdict, origin, log if verdict is Verdict.DROP else None))
        chains.append(Chain(hook, tuple(rules), random.choice(verdicts), log))
    return Ruleset(name="many", chains=tuple(chains))
