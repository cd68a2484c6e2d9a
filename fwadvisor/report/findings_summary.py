"""The closing sentence of a report about findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from fwadvisor.review.findings import Finding, Severity
from fwadvisor.review.ignores import Ignored


def closing(findings: Sequence[Finding], ignored: Sequence[Ignored], files: int) -> str:
    """``12 findings (2 high, 10 low), 3 ignored (1 until 2026-12-01) in 3 files``."""
    said = plural(len(findings), "finding") if findings else "no findings"
    counts = Counter(each.severity for each in findings)
    if findings:
        said += f" ({', '.join(f'{counts[each]} {each}' for each in Severity if counts[each])})"
    if ignored:
        said += f", {len(ignored)} ignored{_ends(ignored)}"
    return f"{said} in {plural(files, 'file')}"


def _ends(ignored: Sequence[Ignored]) -> str:
    """When the next of the ignores ends."""
    days = Counter(date.fromisoformat(each.until) for each in ignored if each.until)
    if not days:
        return ""
    first = min(days)
    more = days.total() - days[first]
    return f" ({days[first]} until {first}" + (f", {more} until later)" if more else ")")


def plural(count: int, word: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
