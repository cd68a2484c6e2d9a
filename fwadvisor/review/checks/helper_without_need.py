"""Connection-tracking helpers that are assigned to nothing that is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fwadvisor.model.firewall import Field, Firewall, FirewallRule, IntegerTest, Test, Write
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import place_of
from fwadvisor.review.checks.regions import BEGINS, NEW, away
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="helper-without-need",
    title="Helper without need",
    severity=Severity.LOW,
    page=Page(
        what="A rule assigns a connection-tracking helper, and no connection that the rules accept gets it: the port "
        "is closed, or another rule assigns another helper afterwards.",
        why="A helper reads what strangers send inside the kernel and opens ports by it. Several have had holes. One "
        "that serves nothing is a risk without a benefit, or the sign of a rule that was forgotten.",
        example="iptables: *raw\niptables: -A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n"
        "iptables: (and no rule of the filter table accepts port 21)",
        remedy="Delete the assignment, or accept the connections that it is for",
    ),
)
_SEPARATOR = "\0"


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule whose helper no accepted connection gets."""
    assigning = {place_of(rule.span): rule for rule in context.firewall.rules() if assigned(rule)}
    if not assigning:
        return
    marked = _marked(context.firewall)
    for place, rule in assigning.items():
        if not _gets_it(context, marked, rule, place):
            name = assigned(rule)
            yield finding(CHECK, f"helper {name} is assigned, and no connection that is accepted gets it", rule)


def assigned(rule: FirewallRule) -> str:
    """The helper that a rule assigns, or ""."""
    return next((str(write.value) for write in rule.writes if write.field is Field.ASSIGNED_HELPER), "")


def _marked(firewall: Firewall) -> Firewall:
    """The firewall with the place of each assignment beside its helper."""
    chains = {
        name: replace(chain, rules=tuple(_told(rule) if assigned(rule) else rule for rule in chain.rules))
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def _told(rule: FirewallRule) -> FirewallRule:
    writes = (
        Write(each.field, f"{each.value}{_SEPARATOR}{place_of(rule.span)}")
        if each.field is Field.ASSIGNED_HELPER
        else each
        for each in rule.writes
    )
    return replace(rule, writes=tuple(writes))


def _gets_it(context: Context, marked: Firewall, rule: FirewallRule, place: object) -> bool:
    """Whether a connection may get the helper from the rule; True where it is not known what is accepted."""
    own: list[Test] = [test for test in rule.tests if isinstance(test, IntegerTest) and test.field is not Field.STATE]
    for hook, family in context.parts:
        region = (NEW, BEGINS, away(hook), *own)
        plain = context.reach.plain(hook, family, region, marked, frozenset({Field.ASSIGNED_HELPER}))
        if not plain.known or any(
            each.endswith(f"{_SEPARATOR}{place}") for each in plain.effects(Field.ASSIGNED_HELPER)
        ):
            return True
    return False
