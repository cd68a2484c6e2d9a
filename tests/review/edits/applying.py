"""What a review says, put to use: its regions on top of the old firewall make the new one, packet for packet.

Both sides of the comparison are built by the engine, so that it is exact where samples are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    PASSED,
    AnyOf,
    BaseChain,
    Continue,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    Names,
    NameTest,
    Test,
    Write,
)
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Change, Space, compare
from fwadvisor.review.changes import Kind, Review, ReviewedChange

_SPAN = Span("review", 1)
_FIRST = "what the review says"
#: Kinds that say which verdict packets get.
DECIDED = (Kind.WIDENED, Kind.NARROWED, Kind.CHANGED)


def regions(changes: list[ReviewedChange]) -> tuple[Test, ...]:
    """A test that holds in the boxes of the changes."""
    return (AnyOf(tuple(box.raw.tests() for change in changes for box in change.regions)),)


def _tag(verdict: str) -> str:
    return f"review: {verdict}"


def _rule(tests: tuple[Test, ...], verdict: Verdict | None, writes: tuple[Write, ...] = ()) -> FirewallRule:
    action = Decide(verdict) if verdict else Continue()
    return FirewallRule(tests=tests, action=action, writes=writes, span=_SPAN, text="what the review says")


def applied(firewall: Firewall, changes: list[ReviewedChange], hook: Hook, family: Family) -> Firewall:
    """The firewall with the new verdicts of the changes first; right for packets of this hook and family alone.

    A chain before all others leaves a tag on the packets, and each of the others decides by the tag before it does
    anything else.
    """
    marks = [
        _rule(regions([change]), None, (Write(Field.TAG, _tag(change.outcomes[1])),))
        for change in changes
        if change.kind in DECIDED and (change.hook, change.family) == (hook, family)
    ]
    tagged = [_rule((NameTest(Field.TAG, Names(frozenset({_tag(verdict)}))),), verdict) for verdict in Verdict]
    chains = {
        name: replace(chain, rules=(*tagged, *chain.rules))
        if name in {base.chain for base in firewall.bases}
        else chain
        for name, chain in firewall.chains.items()
    }
    first = BaseChain(
        point=PASSED[hook][0],
        chain=_FIRST,
        default=Verdict.ACCEPT,
        priority=min([0, *(b.priority for b in firewall.bases)]) - 1,
    )
    last = replace(first, point=PASSED[hook][-1], chain=_FIRST + " at last", priority=2**31)
    chains |= {
        first.chain: FirewallChain(first.chain, tuple(marks)),
        last.chain: FirewallChain(last.chain, tuple(tagged)),
    }
    return replace(firewall, chains=chains, bases=(first, *firewall.bases, last))


def left(review: Review) -> Iterator[Change]:
    """Where the old firewall with the changes applied still decides otherwise than the new one, in what is known."""
    decided = [change for change in review.changes if change.kind in DECIDED]
    for hook, family in review.parts:
        unknown = [
            each for each in review.changes if each.kind is Kind.UNKNOWN and (each.hook, each.family) == (hook, family)
        ]
        made = applied(review.old, decided, hook, family)
        space = Space((made, review.new), tests=regions(unknown))
        within = ~space.packets(hook, family, regions(unknown))
        yield from compare(space.meaning(made, hook, family), space.meaning(review.new, hook, family), within)


def alike(one: Review, other: Review) -> list[str]:
    """Complaints where two reviews do not speak of the same packets; kinds and outcomes turned around in the other."""
    turned = {Kind.WIDENED: Kind.NARROWED, Kind.NARROWED: Kind.WIDENED}
    complaints = []
    groups: dict[object, tuple[list[ReviewedChange], list[ReviewedChange]]] = {}
    for change in one.changes:
        key = change.hook, change.family, change.kind, change.outcomes
        groups.setdefault(key, ([], []))[0].append(change)
    for change in other.changes:
        key = change.hook, change.family, turned.get(change.kind, change.kind), change.outcomes[::-1]
        groups.setdefault(key, ([], []))[1].append(change)
    for key, (here, there) in groups.items():
        hook, family = (here or there)[0].hook, (here or there)[0].family
        tests = regions(here), regions(there)
        space = Space((one.old, one.new), tests=(*tests[0], *tests[1]))
        if space.packets(hook, family, tests[0]) != space.packets(hook, family, tests[1]):
            complaints.append(f"{key}: {[each.id for each in here]} and {[each.id for each in there]}")
    return complaints
