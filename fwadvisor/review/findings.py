"""A reviewer's remarks: what is wrong, how bad it is, and the places that take part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.diagnostic import Label, Span


class Severity(StrEnum):
    """How bad a finding or a change is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Whether this is as bad as `other`, or worse."""
        return self.rank <= other.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark about rules.

    `span` is the first place (the dead rule), `labels` are the others (the rules that kill it). `fingerprint` stays
    the same where lines move, so that it can be told apart from others and be suppressed.
    """

    #: The id of the check or kind of change: ``shadowed-rule``, ``widened``; `fwadvisor explain ID` has its page.
    id: str
    severity: Severity
    #: One sentence, without a full stop at its end.
    message: str
    span: Span | None = None
    #: What the first place is to the finding, where the message does not say it.
    note: str = ""
    labels: tuple[Label, ...] = ()
    #: What to do, in one sentence.
    remedy: str = ""
    #: More lines: packets, witness, risk.
    details: tuple[str, ...] = ()
    fingerprint: str = ""
