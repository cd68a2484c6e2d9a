"""Findings that a project or a profile decides to live with: the list ``ignores`` of its file.

::

    ignores:
      - id: [shadowed-rule, redundant-rule]
        rule: "ip saddr * tcp dport 22 accept"
        at: nft/*.nft
        reason: the vendor asks for both
        until: 2027-01-31
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fwadvisor.decode.nodes import Node
from fwadvisor.decode.reader import Reader
from fwadvisor.diagnostic import Span

FIELDS = ("id", "rule", "at", "reason", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRow:
    """One row; which ids there are is not known here."""

    ids: tuple[str, ...]
    reason: str
    span: Span
    #: Patterns with ``*`` for the rule's line, and for its file or ``file:line``; "" for any.
    rule: str = ""
    at: str = ""
    until: date | None = None


def read_ignores(reader: Reader, node: Node) -> tuple[IgnoreRow, ...]:
    """The rows of the list; wrong ones are among the reader's diagnostics."""
    rows = (_row(reader, child) for child in reader.one_or_more(node, "ignores"))
    return tuple(row for row in rows if row is not None)


def _row(reader: Reader, node: Node) -> IgnoreRow | None:
    fields = reader.fields(node, "an ignore", FIELDS, ("id", "reason"))
    named = [name for name in ("rule", "at", "reason") if name in fields]
    texts = {name: reader.text(fields[name], f"{name} of an ignore") for name in named}
    several = reader.one_or_more(fields["id"], "id") if "id" in fields else []
    ids = [reader.text(each, "id of an ignore") for each in several]
    until = reader.date(fields["until"], "until") if "until" in fields else None
    if None in texts.values() or None in ids or not ids or "reason" not in fields or ("until" in fields and not until):
        return None
    return IgnoreRow(
        ids=tuple(each for each in ids if each),
        reason=texts["reason"] or "",
        span=reader.document.span(fields["id"]),
        rule=texts.get("rule") or "",
        at=texts.get("at") or "",
        until=until,
    )
