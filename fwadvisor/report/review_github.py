"""A review as annotations of a pull request, one for each change."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.report import findings_github
from fwadvisor.report.review_findings import findings_report
from fwadvisor.report.review_formats import View
from fwadvisor.review.changes import Review


def render(reviews: Sequence[Review], view: View) -> str:
    """All reviews together."""
    return findings_github.render(findings_report(reviews, view))
