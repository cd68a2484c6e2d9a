"""A review as JUnit XML: a test suite for each pair, a test case for each change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.ports.database import Database
from fwadvisor.report.findings_junit import Case, Suite, written
from fwadvisor.report.review_entries import summary
from fwadvisor.report.review_findings import alone, findings_of, not_known
from fwadvisor.report.review_formats import View
from fwadvisor.review.changes import Kind, Review


def render(reviews: Sequence[Review], view: View) -> str:
    """A pair without changes has one test case, which passes where that is sure."""
    suites = [
        Suite(review.name, list(_cases(review, view.database)), [*not_known(review), summary(review)])
        for review in reviews
    ]
    if view.alone:
        found = [alone(text) for text in view.alone]
        suites.append(Suite("one side only", [Case(name=each.message, findings=[each]) for each in found]))
    return written(suites)


def _cases(review: Review, database: Database) -> Iterator[Case]:
    found = list(findings_of(review, database))
    for finding in found:
        if finding.id == Kind.UNKNOWN.value:
            yield Case(name=f"{finding.fingerprint} {finding.message}", errors=[finding.message, *finding.details])
        else:
            yield Case(name=f"{finding.fingerprint} {finding.message}", findings=[finding])
    if not found or review.doubts:
        yield Case(name="every packet is decided alike" if not found else "nothing is left open", errors=review.doubts)
