"""How severe a change is."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports.database import Database
from fwadvisor.review.changes import Kind
from fwadvisor.review.findings import Severity


def rate(
    kind: Kind, hook: Hook, family: Family, regions: Sequence[ReadableBox], database: Database
) -> tuple[Severity, str]:
    """The severity of a change, and why in one sentence."""
    if kind is Kind.WIDENED:
        return Severity.MEDIUM, "more is accepted"
    return Severity.LOW, "less is accepted"
