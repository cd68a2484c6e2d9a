"""Findings that somebody decided to live with, and until when.

A comment of a rule file, at the end of the rule's line or on lines right above it::

    # fwadvisor: ignore shadowed-rule, redundant-rule until 2027-01-31 -- the vendor asks for both

or a row of the project file or of a profile (`Entry`), which names the rule by its text or by file and line. Each has
a reason. What is over, what fits nothing and what is written wrongly is told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

from fwadvisor.decode.ignores import IgnoreRow
from fwadvisor.diagnostic import Diagnostic, Span, did_you_mean, error
from fwadvisor.errors import FwadvisorError
from fwadvisor.review.findings import Finding

MARK = "fwadvisor:"
_MENTION = re.compile(r"fwadvisor:\s*ignore\b", re.IGNORECASE)
_UNTIL = re.compile(r"^(?P<ids>.*?)(?:\s+until\s+(?P<until>\S+))?\s*$", re.DOTALL)
_COMMENT_STARTS = ("#", "//", ";", "::", "rem ", "@rem ")
#: A comment at the end of a line: in nft and iptables options, in all dialects after a number sign.
_TRAILING = re.compile(
    r"""(?:(?<=\s)|^)#\s*(?=fwadvisor:\s*ignore\b)|["']\s*(?=fwadvisor:\s*ignore\b)""", re.IGNORECASE
)
_FORM = "# fwadvisor: ignore ID until YYYY-MM-DD -- reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One statement that findings are to be ignored."""

    ids: tuple[str, ...]
    reason: str
    until: date | None
    #: Where it is said.
    span: Span
    #: Of a comment: the first and the last line of the rule file that it is about. Else 0.
    first: int = 0
    last: int = 0
    #: Of a project or profile: patterns with ``*`` that the rule's text and ``file:line`` must fit; "" fits all.
    rule: str = ""
    at: str = ""

    def fits(self, finding: Finding) -> bool:
        """Whether the finding is one of those."""
        if finding.id not in self.ids:
            return False
        span = finding.span
        if self.first:
            return span is not None and span.file == self.span.file and self.first <= span.line <= self.last
        if self.rule and not (span is not None and _like(span.source, self.rule)):
            return False
        return not self.at or (span is not None and _placed(span, self.at))


def _like(text: str, pattern: str) -> bool:
    """Whether the rule's line is the pattern, where runs of blanks count as one."""
    line, wanted = (" ".join(each.split()) for each in (text, pattern))
    return line == wanted or fnmatchcase(line, wanted)


def _placed(span: Span, pattern: str) -> bool:
    return any(fnmatchcase(each, pattern) for each in (span.file, f"{span.file}:{span.line}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A finding that somebody decided to live with."""

    finding: Finding
    reason: str
    #: YYYY-MM-DD, or "" where it has no end.
    until: str = ""


@dataclass(slots=True)
class Sorted:
    """Findings after ignores were applied."""

    findings: list[Finding] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    #: Over, but a finding would be ignored by them; and those that fit no finding.
    expired: list[Ignore] = field(default_factory=list)
    unused: list[Ignore] = field(default_factory=list)


def apply(findings: Sequence[Finding], ignores: Sequence[Ignore], today: date) -> Sorted:
    """Take out the findings that are ignored today.

    An ignore is in force through its last day.
    """
    found = Sorted()
    used: set[int] = set()
    expired = [each for each in ignores if each.until is not None and each.until < today]
    valid = [each for each in ignores if each.until is None or each.until >= today]
    for finding in findings:
        by = next((each for each in valid if each.fits(finding)), None)
        if by is None:
            found.findings.append(finding)
            continue
        used |= {id(each) for each in valid if each.fits(finding)}
        until = by.until.isoformat() if by.until else ""
        found.ignored.append(Ignored(finding=finding, reason=by.reason, until=until))
    found.expired = expired
    found.unused = [each for each in valid if id(each) not in used]
    return found


def comments(name: str, text: str, known: Collection[str]) -> list[Ignore]:
    """The ignores that the comments of a rule file say.

    Raises:
        FwadvisorError: a comment is written wrongly; all of them.
    """
    if MARK not in text.lower():
        return []
    found: list[Ignore] = []
    problems: list[Diagnostic] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if _MENTION.search(line) is None:
            continue
        try:
            ignore = _comment(name, lines, number, known)
        except FwadvisorError as problem:
            problems += problem.diagnostics
        else:
            found += [ignore] if ignore else []
    if problems:
        raise FwadvisorError(problems)
    return found


def of_rows(rows: Iterable[IgnoreRow], known: Collection[str]) -> list[Ignore]:
    """The ignores of a project file or of profiles.

    Raises:
        FwadvisorError: a row names a check that there is not; all such rows.
    """
    found = list(rows)
    problems = [
        error(f'no check is called "{id}"', row.span, did_you_mean(id, known))
        for row in found
        for id in row.ids
        if id not in known
    ]
    if problems:
        raise FwadvisorError(problems)
    return [
        Ignore(ids=row.ids, reason=row.reason, until=row.until, span=row.span, rule=row.rule, at=row.at)
        for row in found
    ]


def _comment(name: str, lines: Sequence[str], number: int, known: Collection[str]) -> Ignore | None:
    line = lines[number - 1]
    own = line.lstrip().lower().startswith(_COMMENT_STARTS)
    mention = _MENTION.search(line) if own else None
    trailing = None if own else _TRAILING.search(line)
    if own and mention:
        start = mention.start()
    elif trailing:
        start = _MENTION.search(line, trailing.start()).start()  # type: ignore[union-attr]
    else:
        # The words stand inside of something else, such as a name.
        return None
    quote = line[trailing.start()] if trailing and line[trailing.start()] in "\"'" else ""
    end = line.find(quote, start) if quote else len(line)
    said = line[start : end if end >= 0 else len(line)]
    span = Span(name, number, start + 1, max(1, len(said.rstrip())), line)
    ids, until, reason = parse(said[_mention_length(said) :], span, known)
    first, last = _about(lines, number) if own else _logical(lines, number)
    return Ignore(ids=ids, reason=reason, until=until, span=span, first=first, last=last)


def _mention_length(said: str) -> int:
    found = _MENTION.match(said)
    return found.end() if found else 0


def parse(text: str, span: Span, known: Collection[str]) -> tuple[tuple[str, ...], date | None, str]:
    """``ID, ID until DAY -- reason``.

    Raises:
        FwadvisorError: an id is unknown, the day is none, or there is no reason.
    """
    head, dashes, reason = text.partition("--")
    shape = _UNTIL.match(head.strip())
    ids = tuple(word for word in re.split(r"[\s,]+", shape["ids"] if shape else "") if word)
    problems = [
        error(f'no check is called "{word}"', span, did_you_mean(word, known) or f"as in  {_FORM}")
        for word in ids
        if word not in known
    ]
    if not ids:
        problems.append(error("this comment names no check to ignore", span, f"as in  {_FORM}"))
    until = None
    if shape and shape["until"]:
        try:
            until = date.fromisoformat(shape["until"])
        except ValueError:
            problems.append(error(f'"{shape["until"]}" is no day', span, f"as in  {_FORM}"))
    reason = reason.strip().rstrip("*/").strip()
    if not dashes or not reason:
        problems.append(error("this comment gives no reason", span, f"as in  {_FORM}"))
    if problems:
        raise FwadvisorError(problems)
    return ids, until, reason


def _about(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The rule below a comment: over further comments, and to the end of the line that goes on."""
    at = number + 1
    while at <= len(lines) and _is_comment(lines[at - 1]):
        at += 1
    return _logical(lines, at)


def _is_comment(line: str) -> bool:
    return line.lstrip().lower().startswith(_COMMENT_STARTS)


def _logical(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The first and last of the lines that a line is one with: a backslash, a caret or a backtick goes on."""
    first = last = number
    while first > 1 and _goes_on(lines, first - 1):
        first -= 1
    while last < len(lines) and _goes_on(lines, last):
        last += 1
    return first, last


def _goes_on(lines: Sequence[str], number: int) -> bool:
    if not 1 <= number <= len(lines):
        return False
    line = lines[number - 1].rstrip()
    return line.endswith(("\\", "`", " ^")) and not _is_comment(line)
