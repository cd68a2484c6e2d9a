"""The report about what a check came to."""

from __future__ import annotations

from fwadvisor.report.findings_formats import Explained, FindingsReport
from fwadvisor.report.findings_summary import closing
from fwadvisor.review.check import Checked
from fwadvisor.review.checks import check_of


def report_of(checked: Checked, *, everything: bool = False, color: bool = False) -> FindingsReport:
    """Everything that was found, ready to be shown."""
    ids = dict.fromkeys((*checked.ran, *(each.id for each in checked.findings)))
    ids |= dict.fromkeys(each.finding.id for each in checked.ignored)
    kinds = [check_of(id) for id in ids]
    return FindingsReport(
        files=tuple(checked.files),
        findings=checked.findings,
        explained=[
            Explained(id=each.id, title=each.title, text=f"{each.page.what} {each.page.why}", remedy=each.page.remedy)
            for each in kinds
        ],
        ignored=checked.ignored,
        left_out=checked.left_out,
        summary=closing(checked.findings, checked.ignored, len(checked.files)),
        everything=everything,
        color=color,
    )
