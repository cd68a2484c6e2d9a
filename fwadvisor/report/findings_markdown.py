"""Findings as Markdown, for a comment on a change; it stays below what such comments may hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fwadvisor.diagnostic import Label
from fwadvisor.ports.explain.markdown import code, plain
from fwadvisor.report.findings_formats import FindingsReport, Ignored
from fwadvisor.report.findings_summary import plural
from fwadvisor.review.findings import Finding, Severity

#: GitHub takes 65,536 characters; the rest is for what stands around.
MOST = 60_000
_LABELS = 3
_SOURCE = 300


def render(report: FindingsReport) -> str:
    """A headline, a section for each finding, and what is ignored and left out.

    What does not fit any more is counted by its id, never dropped silently.
    """
    head = f"## {plain(report.summary)}\n"
    tail = "\n".join([*_ignored(report), *_left_out(report)])
    left = MOST - len(head) - min(len(tail), MOST // 4)
    if len(tail) > MOST // 4:
        tail = f"_{plural(len(report.ignored), 'ignored finding')} and {plural(len(report.left_out), 'remark')} on \
what is not known are not shown here._"
    blocks: list[str] = []
    folded: Counter[str] = Counter()
    for each in report.findings:
        block = "\n".join(_finding(each))
        if (each.severity is Severity.INFO and not report.everything) or len(block) + 2 > left:
            folded[each.id] += 1
            continue
        left -= len(block) + 2
        blocks.append(block)
    if folded:
        kinds = ", ".join(f"{count:,} {code(id)}" for id, count in folded.items())
        blocks.append(f"_Not shown here: {kinds}._")
    return "\n\n".join(each for each in (head.rstrip(), *blocks, tail) if each)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"### {finding.severity.value.capitalize()}: {plain(finding.message)}"
    yield ""
    where = f"{code(str(finding.span))} " if finding.span else ""
    yield f"{where}{code(finding.id)}"
    if finding.span and finding.span.source.strip():
        yield ""
        yield code(finding.span.source.strip()[:_SOURCE])
    rows = [*map(_label, finding.labels[:_LABELS])]
    if len(finding.labels) > _LABELS:
        rows.append(f"- and {plural(len(finding.labels) - _LABELS, 'more place')}")
    rows += [f"- {plain(each)}" for each in finding.details]
    if finding.remedy:
        rows.append(f"- **remedy**: {plain(finding.remedy)}")
    if rows:
        yield ""
        yield from rows


def _label(label: Label) -> str:
    source = label.span.source.strip()[:_SOURCE]
    return f"- {code(str(label.span))} {plain(label.text)}" + (f": {code(source)}" if source else "")


def _ignored(report: FindingsReport) -> Iterator[str]:
    if report.ignored:
        yield f"<details><summary>{plural(len(report.ignored), 'ignored finding')}</summary>"
        yield ""
        yield from map(_ignored_row, report.ignored)
        yield ""
        yield "</details>"
        yield ""


def _ignored_row(ignored: Ignored) -> str:
    finding = ignored.finding
    until = f" until {ignored.until}" if ignored.until else ""
    return (
        f"- {code(str(finding.span or ''))} {plain(finding.message)} {code(finding.id)}{until}: {plain(ignored.reason)}"
    )


def _left_out(report: FindingsReport) -> Iterator[str]:
    if report.left_out:
        yield "Not known:"
        yield ""
        yield from (f"- {plain(each)}" for each in report.left_out)
