"""Findings as data for programs: everything, nothing folded."""

from __future__ import annotations

import json
from typing import Any

from fwadvisor.diagnostic import Label, Span
from fwadvisor.report.findings_formats import FindingsReport
from fwadvisor.review.findings import Finding, Severity

#: Grows with every change that a reader of the output could notice.
VERSION = 1


def render(report: FindingsReport) -> str:
    """One JSON document; ``docs/checks.md`` describes its fields."""
    return json.dumps(document(report), indent=2, ensure_ascii=False)


def document(report: FindingsReport) -> dict[str, Any]:
    """The report as dictionaries, lists and texts."""
    return {
        "version": VERSION,
        "files": list(report.files),
        "summary": {
            "text": report.summary,
            "findings": len(report.findings),
            "ignored": len(report.ignored),
            **{each.value: sum(f.severity is each for f in report.findings) for each in Severity},
        },
        "findings": [_finding(each) for each in report.findings],
        "ignored": [
            {**_finding(each.finding), "reason": each.reason, "until": each.until or None} for each in report.ignored
        ],
        "left_out": list(report.left_out),
        "checks": [
            {"id": each.id, "title": each.title, "text": each.text, "remedy": each.remedy} for each in report.explained
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "message": finding.message,
        "place": _span(finding.span),
        "note": finding.note,
        "labels": [_label(each) for each in finding.labels],
        "remedy": finding.remedy,
        "details": list(finding.details),
        "fingerprint": finding.fingerprint,
    }


def _label(label: Label) -> dict[str, Any]:
    return {"place": _span(label.span), "text": label.text}


def _span(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {
        "file": span.file, "line": span.line, "column": span.column, "length": span.length, "source": span.source,
    }  # fmt: skip
