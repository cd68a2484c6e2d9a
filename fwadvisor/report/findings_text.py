"""Findings as a compiler would say them: place, sentence, the line with a caret, the other places, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from fwadvisor.diagnostic import Label, picture, printable
from fwadvisor.report.findings_formats import FindingsReport, Ignored
from fwadvisor.report.findings_summary import plural
from fwadvisor.review.findings import Finding, Severity

#: Without --all: so many findings of one id, other places of one finding, and further lines of it.
_FINDINGS = 20
_LABELS = 3
_DETAILS = 6
_STYLES = {
    Severity.CRITICAL: "31;1", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36", Severity.INFO: "2",
}  # fmt: skip


def render(report: FindingsReport) -> str:
    """Findings, what was left out, what is ignored, and the summary.

    Findings of severity info are counted, and shown where everything is.
    """
    blocks: list[str] = []
    shown: Counter[str] = Counter()
    more: Counter[str] = Counter()
    advised: set[tuple[str, str]] = set()
    for each in report.findings:
        folded = each.severity is Severity.INFO or shown[each.id] >= _FINDINGS
        if folded and not report.everything:
            more[each.id] += 1
            continue
        shown[each.id] += 1
        advice = each.remedy if (each.id, each.remedy) not in advised else ""
        advised.add((each.id, each.remedy))
        blocks.append("\n".join(_finding(each, advice, report)))
    blocks += ["\n".join(lines) for lines in (_ignored(report.ignored, report.everything), _left_out(report)) if lines]
    blocks.append("\n".join([*_folded(more), *_explain(shown), report.summary]))
    return "\n\n".join(blocks)


def _finding(finding: Finding, advice: str, report: FindingsReport) -> Iterator[str]:
    style = _STYLES[finding.severity] if report.color else ""
    where = f"{printable(str(finding.span))}: " if finding.span else ""
    yield f"{where}{painted(finding.severity.value, style)}: {printable(finding.message)} [{finding.id}]"
    if finding.span:
        yield from picture(finding.span, printable(finding.note), style)
    labels = finding.labels if report.everything else finding.labels[:_LABELS]
    for label in labels:
        yield from _label(label)
    if len(labels) < len(finding.labels):
        yield f"  and {plural(len(finding.labels) - len(labels), 'more place')}: see them with --all"
    details = finding.details if report.everything else finding.details[:_DETAILS]
    yield from (f"  {printable(each)}" for each in details)
    if len(details) < len(finding.details):
        yield f"  and {plural(len(finding.details) - len(details), 'more line')}: see them with --all"
    if advice:
        yield f"  remedy: {printable(advice)}"


def _label(label: Label) -> Iterator[str]:
    yield f"  {printable(str(label.span))}: {printable(label.text)}"
    yield from picture(label.span)


def painted(text: str, style: str) -> str:
    """The text in a style, where there is one."""
    return f"\x1b[{style}m{text}\x1b[0m" if style else text


def _ignored(ignored: Sequence[Ignored], everything: bool) -> list[str]:
    """What somebody decided to live with, where everything is shown."""
    if not everything:
        return []
    return [
        printable(
            f"ignored  {each.finding.span or ''}: {each.finding.message} [{each.finding.id}]"
            f"{f' until {each.until}' if each.until else ''}: {each.reason}"
        )
        for each in ignored
    ]


def _left_out(report: FindingsReport) -> list[str]:
    return [f"not known  {printable(each)}" for each in report.left_out]


def _folded(more: Counter[str]) -> Iterator[str]:
    if more:
        kinds = ", ".join(f"{count:,} {id}" for id, count in more.items())
        yield f"not shown: {kinds}; see them with --all"


def _explain(shown: Counter[str]) -> Iterator[str]:
    if shown:
        ids = list(shown)
        yield f"what they are: fwadvisor explain {' '.join(ids[:6])}"
