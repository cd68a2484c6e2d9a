"""Pairs of rules with different verdicts of which neither contains the other: their order decides."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.firewall import STATES, Field, FirewallRule, IntegerTest, NameTest
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import LOOPBACK, State, Verdict
from fwadvisor.packets.overlap_order import stands
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of, sure
from fwadvisor.review.checks.words import labels, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="correlated-rules",
    title="Rules whose order matters",
    severity=Severity.INFO,
    page=Page(
        what="An accepting rule stands before a blocking one, each matches packets that the other does not, and some "
        "packets match both: they are accepted because of the order alone. Rules for known connections, for the "
        "loopback interface and for invalid packets are left out, as they belong first; so are blocking rules before "
        "accepting ones, the usual way to write an exception, rules that contain each other, and in pf a rule with "
        "quick and one without.",
        why="Whoever reads the blocking rule believes that it blocks what it says. Whoever sorts or merges the file "
        "changes what passes, without changing a rule.",
        example="nft: ip saddr 10.0.0.0/8 accept\nnft: tcp dport 23 drop",
        remedy="Make the order plain: narrow the accepting rule, or put the blocking one first if it is to have no "
        "exception",
    ),
)
#: So many pairs of a chain are looked for, and so many labels stand in a finding.
_MOST_PAIRS = 2000
_MOST_LABELS = 20
_FIRST = "{} some of its packets where it comes first"
_NEW = STATES.index(State.NEW)


def run(context: Context) -> Iterator[Finding]:
    """A finding for each accepting rule, with the blocking ones that it cuts into."""
    pairs: dict[Place, tuple[FirewallRule, dict[Place, FirewallRule]]] = {}
    for chain in context.chains():
        for hook, family in context.asking[chain.name]:
            overlap = context.overlap(chain.name, hook, family)
            if overlap is None:
                continue
            found, whole = overlap.correlated(_MOST_PAIRS)
            if not whole:
                context.leave_out(
                    f"the order of rules in {chain.name} beyond the first {_MOST_PAIRS} pairs where it matters"
                )
            for pair in found:
                first, second = chain.rules[pair.first], chain.rules[pair.second]
                if place_of(first.span) != place_of(second.span) and _counts(first, second):
                    pairs.setdefault(place_of(first.span), (first, {}))[1].setdefault(place_of(second.span), second)
    for first, seconds in pairs.values():
        yield _finding(first, list(seconds.values()))


def _counts(first: FirewallRule, second: FirewallRule) -> bool:
    if verdict_of(first) is not Verdict.ACCEPT or verdict_of(second) not in (Verdict.DROP, Verdict.REJECT):
        return False
    if stands(first) is not stands(second):
        # A verdict that stands gives way to one that does not, wherever they are.
        return False
    return all(_opens(rule) and sure([rule]) for rule in (first, second))


def _opens(rule: FirewallRule) -> bool:
    """Whether the rule speaks of packets that open a connection, from elsewhere."""
    for test in rule.tests:
        if isinstance(test, IntegerTest) and test.field is Field.STATE and not contains(test.values, _NEW):
            return False
        if isinstance(test, NameTest) and not test.names.inverted and test.names.names == {LOOPBACK}:
            return False
    return True


def _finding(first: FirewallRule, seconds: list[FirewallRule]) -> Finding:
    lines = [each.span.line for each in seconds]
    when = "before it" if stands(first) else "after it"
    what = f"the blocking rule of line {lines[0]}" if len(lines) == 1 else f"{len(lines)} blocking rules {when}"
    shown = seconds[:_MOST_LABELS]
    more = len(seconds) - len(shown)
    return finding(
        CHECK,
        f"this rule accepts packets that {what} would block too: only the order decides",
        first,
        *labels(shown, "{} some of its packets where it comes last" if stands(first) else _FIRST),
        details=(f"and {more} more rules",) if more else (),
    )
