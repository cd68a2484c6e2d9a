"""Rules that decide packets, all of which would be decided alike without them."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.overlap import NeverMatches, Redundant, Shadowed
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Line, place_of, sure
from fwadvisor.review.checks.shadowed import is_default
from fwadvisor.review.checks.words import distinct, documented_apart, done, labels, takes_all, tells_alike, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="redundant-rule",
    title="Redundant rule",
    severity=Severity.LOW,
    page=Page(
        what="This rule can be taken away and every packet has the same fate: later rules, or the default of the "
        "chain, decide its packets in the same way. What a rule logs or marks, and how it tells "
        "the sender that it rejects, count as parts of its fate. A rule that "
        "blocks before a default that blocks too is not reported: it keeps its packets out whatever is opened "
        "after it. Rules that accept what the default accepts are one finding for each chain (info); so are two rules "
        "that both have a comment with a reason of its own.",
        why="Such rules make a file longer and a review slower. They also deceive: who deletes the rule to close "
        "something finds that it stays open.",
        example="nft: ip saddr 10.1.0.0/16 tcp dport 22 accept\nnft: ip saddr 10.0.0.0/8 tcp dport 22 accept",
        remedy="Delete it, or narrow the rules that make it needless if it was to be the only one",
    ),
)


def run(context: Context) -> Iterator[Finding]:
    """A finding for each line of which every rule can go, for each hook and family.

    Those that only repeat an accepting default are one finding for each chain.
    """
    repeating: dict[str, list[FirewallRule]] = {}
    for line in context.needless:
        found = [part.fate for part in line.parts if isinstance(part.fate, Redundant)]
        if not found or not all(isinstance(part.fate, Shadowed | NeverMatches | Redundant) for part in line.parts):
            continue
        by, doubtful = _reasons(context, line)
        verdict = verdict_of(line.rule)
        default = any(each.default for each in found) or any(map(takes_all, by))
        if doubtful or verdict is None or is_default(line.rule) or not tells_alike(line.rule, by):
            continue
        if not default:
            yield _finding(line.rule, verdict, [each for each in by if place_of(each.span) != place_of(line.rule.span)])
        elif verdict is Verdict.ACCEPT:
            repeating.setdefault(line.parts[0].chain, []).append(line.rule)
    for chain, rules in repeating.items():
        yield _repeating(chain, rules)


def _reasons(context: Context, line: Line) -> tuple[list[FirewallRule], bool]:
    """The rules that decide alike, and whether something that is not understood has a part in it."""
    by: list[FirewallRule] = []
    doubtful = False
    for part in line.parts:
        if isinstance(part.fate, Shadowed | Redundant):
            by += context.rules_at(part.chain, part.fate.by)
            doubtful = doubtful or bool(part.fate.assuming)
    return distinct(by), doubtful or not sure(by)


def _finding(rule: FirewallRule, verdict: Verdict, others: list[FirewallRule]) -> Finding:
    alike = [each for each in others if verdict_of(each) in (verdict, None)]
    rest = [each for each in others if verdict_of(each) not in (verdict, None)]
    if len(alike) > 1:
        how = f"{len(alike)} other rules do"
    elif alike:
        how = f"the rule of line {alike[0].span.line} does"
    else:
        how = "it lists them twice"
    which = "the same" if rest else "all of its"
    return finding(
        CHECK,
        f"this rule is not needed: without it, {which} packets are {done(verdict)} too, as {how}",
        rule,
        *labels(alike, "{} all of its packets too" if len(others) == 1 else "{} some of its packets too"),
        *labels(rest, "{} others of its packets, with or without it"),
        severity=Severity.INFO if others and documented_apart(rule, others) else CHECK.severity,
    )


def _repeating(chain: str, rules: list[FirewallRule]) -> Finding:
    first, *more = rules
    what = "this rule accepts" if not more else f"this rule and {len(more)} more of {chain} accept"
    return finding(
        CHECK,
        f"{what} what is accepted without {'it' if not more else 'them'} too: by default",
        first,
        *labels(more[:_MOST_LABELS], "{} what is accepted by default"),
        severity=Severity.INFO,
        remedy="Delete them, or close the default if they were to be the only way",
        about=f"accepted by default in {chain}",
    )


#: So many of the rules that repeat a default are named.
_MOST_LABELS = 20
