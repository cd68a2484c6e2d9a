"""A ruleset as a firewall: the same rules, in the form in which files are read and compared."""

from __future__ import annotations

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    BaseChain,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Point,
    Test,
    Write,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import Chain, Hook, Match, Origin, Ruleset, Verdict

POINTS = {Hook.INPUT: Point.INPUT, Hook.FORWARD: Point.FORWARD, Hook.OUTPUT: Point.OUTPUT}
#: Helpers are assigned before anything is decided.
_FIRST = -1


def lift(ruleset: Ruleset, dialect: str = "policy") -> Firewall:
    """The firewall that decides as `ruleset` does (`fwadvisor.model.walk.decide`), and assigns the same helpers."""
    chains: dict[str, FirewallChain] = {}
    bases = []
    for chain in ruleset.chains:
        chains[chain.hook] = FirewallChain(chain.hook, tuple(_rules(chain)))
        bases.append(BaseChain(point=POINTS[chain.hook], chain=chain.hook, default=chain.default))
    for hook in dict.fromkeys(each.hook for each in ruleset.helpers):
        name = f"helpers of {hook}"
        chains[name] = FirewallChain(
            name,
            tuple(
                FirewallRule(
                    tests=tests(each.match),
                    action=Continue(),
                    span=_span(each.origin),
                    text=each.origin.text,
                    writes=(Write(Field.ASSIGNED_HELPER, each.helper),),
                )
                for each in ruleset.helpers
                if each.hook is hook
            ),
        )
        bases.append(BaseChain(point=POINTS[hook], chain=name, default=Verdict.ACCEPT, priority=_FIRST))
    hooks = frozenset(chain.hook for chain in ruleset.chains)
    return Firewall(name=ruleset.name, dialect=dialect, chains=chains, bases=tuple(bases), hooks=hooks)


def _rules(chain: Chain) -> list[FirewallRule]:
    return [
        FirewallRule(
            tests=tests(rule.match),
            action=Decide(rule.verdict),
            span=_span(rule.origin),
            text=rule.origin.text,
            writes=(Write(Field.LOG, rule.log.prefix),) if rule.log else (),
        )
        for rule in chain.rules
    ]


def _span(origin: Origin) -> Span:
    place = origin.place
    return Span(place.file, place.line, place.column) if place else Span(str(origin.kind), 1)


def tests(match: Match) -> tuple[Test, ...]:
    """The tests that hold for exactly the packets of `match`, cheap ones first."""
    found: list[Test] = []
    families = match.families()
    if len(families) == 1:
        found.append(FamilyTest(families[0]))
    if match.states:
        found.append(IntegerTest(Field.STATE, normalize((STATES.index(s), STATES.index(s)) for s in match.states)))
    if match.protocols:
        found.append(IntegerTest(Field.PROTOCOL, normalize((p, p) for p in match.protocols)))
    for field, names in (
        (Field.IN_INTERFACE, match.in_interfaces),
        (Field.OUT_INTERFACE, match.out_interfaces),
        (Field.HELPER, match.helpers),
    ):
        if names:
            found.append(NameTest(field, Names(frozenset(names))))
    for field, addresses in ((Field.SOURCE, match.source), (Field.DESTINATION, match.destination)):
        if addresses is not None:
            found.append(AddressTest(field, addresses.v4, addresses.v6))
    if match.icmp:
        found.append(
            IntegerTest(
                Field.ICMP,
                normalize(
                    (t.type * 256 + (t.code or 0), t.type * 256 + (255 if t.code is None else t.code))
                    for t in match.icmp
                ),
            )
        )
    for field, ports in (
        (Field.SOURCE_PORT, match.source_ports),
        (Field.DESTINATION_PORT, match.destination_ports),
    ):
        if ports is not None:
            found.append(IntegerTest(field, ports))
    return tuple(found)
