"""Findings as workflow commands of GitHub Actions, which become annotations of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fwadvisor.diagnostic import printable
from fwadvisor.report.findings_formats import FindingsReport
from fwadvisor.report.repository import path_in, root_of
from fwadvisor.review.findings import Finding, Severity

#: GitHub shows so many annotations of each level of one step.
MOST = 10
_COMMANDS = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice",
    Severity.INFO: "notice",
}  # fmt: skip


def render(report: FindingsReport) -> str:
    """An annotation for each of the worst findings, plain lines for those that GitHub would not show, and a summary."""
    root = root_of(Path())
    left = dict.fromkeys(_COMMANDS.values(), MOST)
    annotations, others = [], []
    for finding in sorted(report.findings, key=lambda each: each.severity.rank):
        command = _COMMANDS[finding.severity]
        if left[command]:
            left[command] -= 1
            annotations.append(_command(command, finding, root))
        else:
            others.append(_plain(finding))
    lines = [*annotations, *_folded(others), *(f"not known: {_one_line(text)}" for text in report.left_out)]
    return "\n".join([*lines, f"fwadvisor: {_one_line(report.summary)}"])


def _folded(others: list[str]) -> Iterator[str]:
    if others:
        yield f"::group::{len(others):,} more without an annotation: GitHub shows {MOST} of each level"
        yield from others
        yield "::endgroup::"


def _command(command: str, finding: Finding, root: Path) -> str:
    properties = {}
    span = finding.span
    path = path_in(span.file, root) if span else None
    if span and path:
        column = max(1, span.column)
        name = path.encode("utf-8", "backslashreplace").decode()
        properties = {"file": name, "line": str(max(1, span.line)), "col": str(column)}
        properties["endColumn"] = str(column + max(1, span.length))
    properties["title"] = f"{finding.severity.value}: {finding.id}"
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    remedy = [f"remedy: {finding.remedy}"] if finding.remedy else []
    return f"::{command} {said}::{_data(chr(10).join(map(printable, [finding.message, *finding.details, *remedy])))}"


def _plain(finding: Finding) -> str:
    # Indented by a dash, so that no text of a file begins a command.
    where = f"{finding.span}: " if finding.span else ""
    return f"- {_one_line(f'{where}{finding.severity.value}: {finding.message} [{finding.id}]')}"


def _one_line(text: str) -> str:
    """Text that the runner takes for no command, wherever it stands."""
    return printable(text).replace("##[", "## [").replace("::", ": :")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
