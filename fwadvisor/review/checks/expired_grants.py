"""Rules that somebody wanted for a time, and the time is over or will be soon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fwadvisor.diagnostic import Span
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import ConditionTest, Decide, FirewallRule
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="expired-grant",
    title="Expired grant",
    severity=Severity.MEDIUM,
    page=Page(
        what="A comment says until when the rule is wanted, and that day is past (medium where the rule accepts, else "
        "low) or within 30 days (information). Read are comments of rules, at the end of their line and on lines of "
        "their own, in the forms `expires 2026-12-31`, `expires: ...`, `until=...`, `valid until ...`, "
        "`remove after ...`, `remove by ...`, `temporary until ...`; the day is always YYYY-MM-DD. A time match that "
        "has ended counts too.",
        why="What was opened for a week stays open for years, long after the reason is gone and nobody remembers it.",
        example='nft: tcp dport 5432 accept comment "migration, expires 2026-06-30"',
        remedy="Remove the rule, or agree on a new day and write it down",
    ),
)
#: Days before the end from which on it is told.
_SOON = 30
_DAY = re.compile(
    r"\b(?:expires?(?:\s+on)?|expiry|until|valid\s+to|(?:remove|delete|close)\s+(?:after|by|on))\s*[:=]?\s*"
    r"(\d{4}-\d{2}-\d{2})\b",
    re.IGNORECASE,
)
#: Comments for this program are no grants.
_OURS = "fwadvisor:"
_COMMENT = re.compile(r"\s*(?:#|//|;|::|rem\s)\s*", re.IGNORECASE)
_TRAILING = re.compile(r"\s#(.*)$")
_ENDED = re.compile(r"time date \S*?-(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2} ")


@dataclass(frozen=True, slots=True)
class _Grant:
    """A day on which something ends, as it is written."""

    text: str
    span: Span
    rule: FirewallRule | None


def run(context: Context) -> Iterator[Finding]:
    """A finding for each day that is past or soon, in the order of the files."""
    seen: set[tuple[Place, str]] = set()
    for grant in (*_of_rules(context), *_of_lines(context)):
        key = (place_of(grant.span), grant.text)
        if key not in seen:
            seen.add(key)
            yield from _judged(grant, context.today)


def _of_rules(context: Context) -> Iterator[_Grant]:
    """What comments of rules say, and what stands at the end of their lines; and time matches that end."""
    for rule in context.firewall.rules():
        trailing = _TRAILING.search(rule.span.source)
        for text in dict.fromkeys((rule.comment, trailing[1] if trailing else "")):
            yield from (_Grant(day, rule.span, rule) for day in _days(text))
        for test in flat(rule.tests):
            if isinstance(test, ConditionTest) and test.holds and (ended := _ENDED.match(test.condition.name)):
                yield _Grant(ended[1], rule.span, rule)


def _of_lines(context: Context) -> Iterator[_Grant]:
    """What comments on lines of their own say: of the rule right below, else of what follows."""
    rules = {(rule.span.file, rule.span.line): rule for rule in context.firewall.rules()}
    for source in context.sources:
        try:
            lines = source.text().splitlines()
        except ReadError:
            context.leave_out(f"comments of {source.name}: it is no text")
            continue
        for number, line in enumerate(lines, start=1):
            if (mark := _COMMENT.match(line)) and (days := _days(line)):
                below = number
                while below < len(lines) and _COMMENT.match(lines[below]):
                    below += 1
                span = Span(source.name, number, mark.end() + 1, len(line.rstrip()) - mark.end(), line)
                rule = rules.get((source.name, below + 1))
                yield from (_Grant(day, rule.span if rule else span, rule) for day in days)


def _days(text: str) -> list[str]:
    return [] if _OURS in text.lower() else _DAY.findall(text)


def _judged(grant: _Grant, today: date) -> Iterator[Finding]:
    rule = grant.rule
    what = "this rule was" if rule else "this was"
    try:
        day = date.fromisoformat(grant.text)
    except ValueError:
        message = f"{what} to end on {grant.text}, and there is no such day"
        yield finding(CHECK, message, grant.span, severity=Severity.LOW, remedy="Write the day as YYYY-MM-DD")
        return
    left = (day - today).days
    if left < 0:
        opens = rule is None or (isinstance(rule.action, Decide) and rule.action.verdict is Verdict.ACCEPT)
        ago = "yesterday" if left == -1 else f"{-left} days ago"
        severity = Severity.MEDIUM if opens else Severity.LOW
        yield finding(CHECK, f"{what} wanted until {day}, {ago}", grant.span, severity=severity)
    elif left <= _SOON:
        when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
        verb = "this rule is" if rule else "this is"
        remedy = "Ask whoever wanted it whether it may go"
        yield finding(CHECK, f"{verb} wanted until {day}, {when}", grant.span, severity=Severity.INFO, remedy=remedy)
