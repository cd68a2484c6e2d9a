"""Rules that decide packets, all of which would be decided alike without them."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.overlap import NeverMatches, Redundant, Shadowed
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Line, place_of, sure
from fwadvisor.review.checks.words import distinct, done, labels, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="redundant-rule",
    title="Redundant rule",
    severity=Severity.LOW,
    page=Page(
        what="This rule can be taken away and every packet has the same fate: later rules, or the default of the "
        "chain, decide its packets in the same way. What a rule logs or marks counts as part of its fate. A rule that "
        "blocks before a default that blocks too is not reported: it keeps its packets out whatever is opened "
        "after it.",
        why="Such rules make a file longer and a review slower. They also deceive: who deletes the rule to close "
        "something finds that it stays open.",
        example="nft: ip saddr 10.1.0.0/16 tcp dport 22 accept\nnft: ip saddr 10.0.0.0/8 tcp dport 22 accept",
        remedy="Delete it, or narrow the rules that make it needless if it was to be the only one",
    ),
)


def run(context: Context) -> Iterator[Finding]:
    """A finding for each line of which every rule can go, for each hook and family."""
    for line in context.needless:
        found = [part.fate for part in line.parts if isinstance(part.fate, Redundant)]
        if not found or not all(isinstance(part.fate, Shadowed | NeverMatches | Redundant) for part in line.parts):
            continue
        by, doubtful = _reasons(context, line)
        verdict = verdict_of(line.rule)
        default = any(each.default for each in found)
        if doubtful or verdict is None or (default and verdict is not Verdict.ACCEPT):
            continue
        yield _finding(
            line.rule, verdict, [each for each in by if place_of(each.span) != place_of(line.rule.span)], default
        )


def _reasons(context: Context, line: Line) -> tuple[list[FirewallRule], bool]:
    """The rules that decide alike, and whether something that is not understood has a part in it."""
    by: list[FirewallRule] = []
    doubtful = False
    for part in line.parts:
        if isinstance(part.fate, Shadowed | Redundant):
            by += context.rules_at(part.chain, part.fate.by)
            doubtful = doubtful or bool(part.fate.assuming)
    return distinct(by), doubtful or not sure(by)


def _finding(rule: FirewallRule, verdict: Verdict, others: list[FirewallRule], default: bool) -> Finding:
    if default and not others:
        how = "the default of its chain does"
    elif default:
        how = f"the default of its chain and {_rules(others)} do"
    elif others:
        how = f"{_rules(others)} {'does' if len(others) == 1 else 'do'}"
    else:
        how = "it lists them twice"
    return finding(
        CHECK,
        f"this rule is not needed: without it, all of its packets are {done(verdict)} too, as {how}",
        rule,
        *labels(
            others, "{} all of its packets too" if len(others) == 1 and not default else "{} some of its packets too"
        ),
    )


def _rules(others: list[FirewallRule]) -> str:
    if len(others) > 1:
        return f"{len(others)} other rules"
    return f"the rule of line {others[0].span.line}"
