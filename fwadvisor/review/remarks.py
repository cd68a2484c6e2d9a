"""Findings about what was decided to be ignored."""

from __future__ import annotations

from datetime import date

from fwadvisor.review.checks.base import Check, Page, finding
from fwadvisor.review.findings import Finding, Severity
from fwadvisor.review.ignores import Ignore

EXPIRED = Check(
    id="expired-ignore",
    title="Ignore that is over",
    severity=Severity.MEDIUM,
    page=Page(
        what="A comment, or a row of the project file or of a profile, says that a finding is to be ignored until a "
        "day that has passed. The finding is shown again.",
        why="Somebody accepted a risk for a time, and the time is over. An exception that nobody looks at again is "
        "no exception any more.",
        example="# fwadvisor: ignore shadowed-rule until 2020-01-31 -- until the move is done\nnft: tcp dport 23 drop",
        remedy="Mend what was ignored, or decide again and give a later day",
    ),
)
UNUSED = Check(
    id="unused-ignore",
    title="Ignore that fits nothing",
    severity=Severity.INFO,
    page=Page(
        what="A comment, or a row of the project file or of a profile, says that a finding is to be ignored which "
        "there is not.",
        why="It would hide the next such finding without anybody's decision.",
        example="# fwadvisor: ignore shadowed-rule -- kept for the vendor\nnft: tcp dport 22 accept",
        remedy="Delete it",
    ),
)


def expired(ignore: Ignore, today: date) -> Finding:
    """The finding about an ignore that is over."""
    until = ignore.until or today
    days = (today - until).days
    ago = "yesterday" if days == 1 else f"{days} days ago"
    return finding(
        EXPIRED,
        f"this ignore of {', '.join(ignore.ids)} ended {ago}, on {until}",
        ignore.span,
        details=(f"its reason was: {ignore.reason}",),
    )


def unused(ignore: Ignore) -> Finding:
    """The finding about an ignore that fits nothing."""
    return finding(UNUSED, f"there is no {' or '.join(ignore.ids)} here to ignore", ignore.span)
