"""The forms in which findings about rules can be shown: a table, one module for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from fwadvisor.review.findings import Finding
from fwadvisor.review.ignores import Ignored

__all__ = ["FORMATS", "Explained", "FindingsReport", "Ignored", "render"]

#: Form -> the module whose `render(report) -> str` makes it; imported when it is asked for.
FORMATS: Mapping[str, str] = {
    "text": "findings_text",
    "json": "findings_json",
    "markdown": "findings_markdown",
    "sarif": "findings_sarif",
    "github": "findings_github",
    "junit": "findings_junit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a kind of finding is, for forms that list the rules of a tool (SARIF)."""

    id: str
    title: str
    #: A paragraph.
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReport:
    """Findings, ready to be shown."""

    #: What was looked at: the names of the files.
    files: tuple[str, ...]
    findings: Sequence[Finding]
    #: Every id that occurs among the findings, and may hold others.
    explained: Sequence[Explained]
    ignored: Sequence[Ignored] = ()
    #: What was not looked at, or not understood, in sentences.
    left_out: Sequence[str] = ()
    #: One closing sentence.
    summary: str = ""
    everything: bool = False
    color: bool = False


def render(format: str, report: FindingsReport) -> str:
    """The report in one of `FORMATS`, without a final line feed."""
    module = import_module(f"fwadvisor.report.{FORMATS[format]}")
    text: str = module.render(report)
    return text
