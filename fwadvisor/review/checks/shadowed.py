"""Rules that no packet reaches, because other rules take all that they match."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.firewall import Decide, FirewallRule
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.overlap import NeverMatches, Shadowed
from fwadvisor.review.checks.across_chains import Across, across
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Line, Part, place_of, sure
from fwadvisor.review.checks.words import distinct, documented_apart, does, done, labels, tells_alike, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="shadowed-rule",
    title="Shadowed rule",
    severity=Severity.MEDIUM,
    page=Page(
        what="No packet reaches this rule: other rules of its chain take every packet that it matches. One wide rule "
        "may do so, or several together. It is dead for each hook and each IP version that asks its chain. Up to 2,000 "
        "rules, what other chains take or do not lead to it counts as well.",
        why="The rule looks as if it did something. Where it drops and an earlier rule accepts, what it was to keep "
        "out comes in (severity high). Where it accepts and an earlier rule drops, something that was to work does "
        "not (medium). Where both do the same, it only misleads the next reader (low); where each of them has a "
        "comment with a reason of its own, they are kept for two purposes, and this is only information.",
        example="nft: tcp dport 1-1024 accept\nnft: tcp dport 23 drop",
        remedy="Move the rule above the ones that take its packets, narrow those, or delete it",
    ),
)
_MOST_OPAQUE = 3


def run(context: Context) -> Iterator[Finding]:
    """A finding for each line of which nothing is reached; one of little weight where that is so of a part of it."""
    for line in context.lines:
        shadowed = [part for part in line.parts if isinstance(part.fate, Shadowed)]
        if not shadowed:
            continue
        if all(isinstance(part.fate, Shadowed | NeverMatches) for part in line.parts):
            yield from _whole(context, line, shadowed)
        else:
            yield from _some(context, line)
    for each in across(context):
        yield _elsewhere(each)


def _elsewhere(found: Across) -> Finding:
    """A rule whose packets other chains decide, or do not lead to it."""
    rule = found.line.rule
    others = distinct(found.by)
    verdict, theirs = verdict_of(rule), {verdict_of(each) for each in others}
    if theirs <= {verdict}:
        severity = Severity.INFO if documented_apart(rule, others) else Severity.LOW
    elif verdict is Verdict.ACCEPT:
        severity = Severity.MEDIUM
    else:
        severity = Severity.HIGH if Verdict.ACCEPT in theirs else Severity.LOW
    leads = labels(distinct(found.leading), "leads to this chain")
    return finding(
        CHECK,
        f"this rule {does(rule)} nothing: what it matches is decided before, or does not come to its chain",
        rule,
        *labels(others, "{} packets that it matches"),
        *leads,
        severity=severity,
    )


def _whole(context: Context, line: Line, shadowed: list[Part]) -> Iterator[Finding]:
    by = _takers(context, shadowed)
    if not _certain(context, line.rule, shadowed, by):
        return
    others = [each for each in by if place_of(each.span) != place_of(line.rule.span)]
    severity, message = _judged(line.rule, others)
    what = "{} all of its packets" if len(others) == 1 else "{} some of its packets"
    first = [each for each in others if each.span.file == line.rule.span.file and each.span.line < line.rule.span.line]
    text = f"{what} first" if len(first) == len(others) else what
    remedy = _remedy(line.rule, others)
    yield finding(CHECK, message, line.rule, *labels(others, text), severity=severity, remedy=remedy)


def _takers(context: Context, parts: list[Part]) -> list[FirewallRule]:
    return distinct(
        rule for part in parts if isinstance(part.fate, Shadowed) for rule in context.rules_at(part.chain, part.fate.by)
    )


def _certain(context: Context, rule: FirewallRule, parts: list[Part], by: list[FirewallRule]) -> bool:
    """Whether nothing that is not understood decides if the rule is reached; else that is said."""
    doubtful = [
        each
        for part in parts
        if isinstance(part.fate, Shadowed)
        for each in context.rules_at(part.chain, part.fate.assuming)
    ]
    doubtful += [each for each in by if not sure([each])]
    if not doubtful:
        return True
    places = [f"{each.span.file}:{each.span.line}" for each in distinct(doubtful)]
    more = f" and {len(places) - _MOST_OPAQUE} more" if len(places) > _MOST_OPAQUE else ""
    where = f"{rule.span.file}:{rule.span.line}"
    context.leave_out(f"whether {where} is reached depends on {', '.join(places[:_MOST_OPAQUE])}{more}, not understood")
    return False


def _repeats(rule: FirewallRule, others: list[FirewallRule]) -> bool:
    return {verdict_of(each) for each in others} <= {verdict_of(rule)} and tells_alike(rule, others)


def _remedy(rule: FirewallRule, others: list[FirewallRule]) -> str:
    if is_default(rule):
        return "Delete it, or narrow the rules after it: they decide everything"
    if verdict_of(rule) is not None and _repeats(rule, others):
        return "Delete it, or narrow the rules that take its packets"
    return CHECK.page.remedy


def _judged(rule: FirewallRule, others: list[FirewallRule]) -> tuple[Severity, str]:
    verdict = verdict_of(rule)
    theirs = {verdict_of(each) for each in others}
    if len(others) == 1:
        other = others[0]
        how = f"{other.span.file}:{other.span.line} {does(other)} every packet that it matches"
        if other.span.file == rule.span.file:
            how = f"line {other.span.line} {does(other)} every packet that it matches"
    else:
        same = next(iter(theirs)) if len(theirs) == 1 else None
        what = f"are {done(same)}" if same else "are taken"
        how = f"all packets that it matches {what} by {len(others)} other rules"
    if verdict is None:
        return Severity.LOW, f"no packet reaches this rule: {how}"
    if is_default(rule):
        return Severity.INFO, f"the verdict that this rule lets stand is never the last: {how}"
    if _repeats(rule, others):
        severity = Severity.INFO if documented_apart(rule, others) else Severity.LOW
        return severity, f"this rule repeats {'another' if len(others) == 1 else 'others'}: {how}"
    if verdict is Verdict.ACCEPT:
        return Severity.MEDIUM, f"this rule accepts nothing: {how}"
    if Verdict.ACCEPT in theirs:
        return Severity.HIGH, f"this rule {does(rule)} nothing: {how}"
    return Severity.LOW, f"this rule {does(rule)} nothing: {how}"


def is_default(rule: FirewallRule) -> bool:
    """Whether the rule says what happens to all packets of which no other rule speaks (pf: ``block all``)."""
    return not rule.tests and isinstance(rule.action, Decide) and rule.action.stands


def _some(context: Context, line: Line) -> Iterator[Finding]:
    """Of a line that comes to several rules: those that are dead, where others are not."""
    members: dict[tuple[str, int], list[Part]] = {}
    for part in line.parts:
        members.setdefault((part.chain, part.index), []).append(part)
    chains = {chain for chain, _ in members}
    if len(members) == 1 or len(chains) > 1:
        return
    dead = [
        parts for parts in members.values() if all(isinstance(part.fate, Shadowed | NeverMatches) for part in parts)
    ]
    shadowed = [part for parts in dead for part in parts if isinstance(part.fate, Shadowed)]
    if not shadowed:
        return
    by = _takers(context, shadowed)
    if _certain(context, line.rule, shadowed, by):
        others = [each for each in by if place_of(each.span) != place_of(line.rule.span)]
        how = "by other rules" if others else "by itself"
        yield finding(
            CHECK,
            f"{len(dead)} of the {len(members)} combinations that this rule lists are already decided {how}",
            line.rule,
            *labels(others, "{} packets of some of them first"),
            severity=Severity.INFO,
            remedy="Shorten the list",
        )
