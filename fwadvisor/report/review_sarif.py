"""A review as SARIF 2.1.0, a result for each change."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.report import findings_sarif
from fwadvisor.report.review_findings import findings_report
from fwadvisor.report.review_formats import View
from fwadvisor.review.changes import Review


def render(reviews: Sequence[Review], view: View) -> str:
    """All reviews together."""
    return findings_sarif.render(findings_report(reviews, view))
