"""Workflow commands: what becomes an annotation, what GitHub would drop, and text that would be a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.report.findings_formats import FindingsReport, render
from fwadvisor.review.findings import Finding, Severity


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def finding(message: str = "m", severity: Severity = Severity.HIGH, **more) -> Finding:
    return Finding(id="shadowed-rule", severity=severity, message=message, **more)


def lines(*findings: Finding, **more) -> list[str]:
    return render("github", FindingsReport(files=("x",), findings=findings, explained=[], **more)).split("\n")


def test_a_finding_is_an_annotation_at_its_place():
    first, last = lines(
        finding("dead", span=Span("a.nft", 3, 5, 4), details=("why: x",), remedy="Delete it"), summary="1 finding"
    )
    assert first == (
        "::error file=a.nft,line=3,col=5,endColumn=9,title=high%3A shadowed-rule::dead%0Awhy: x%0Aremedy: Delete it"
    )
    assert last == "fwadvisor: 1 finding"


@pytest.mark.parametrize(
    ("severity", "command"),
    [
        (Severity.CRITICAL, "error"), (Severity.HIGH, "error"), (Severity.MEDIUM, "warning"),
        (Severity.LOW, "notice"), (Severity.INFO, "notice"),
    ],
)  # fmt: skip
def test_severities_are_levels(severity: Severity, command: str):
    assert lines(finding(severity=severity))[0] == f"::{command} title={severity}%3A shadowed-rule::m"


def test_what_files_hold_is_never_a_command():
    Path("a,b:c%\n.nft").write_text("")
    evil = "100%\r\n::error::x\n##[error]y"
    found = lines(finding(evil, span=Span("a,b:c%\n.nft", 1)), left_out=[evil], summary=evil)
    assert len(found) == 3
    assert found[0].startswith("::error file=a%2Cb%3Ac%25%0A.nft,line=1,col=1,endColumn=2,title=")
    assert found[0].endswith("::100%25\\r\\n::error::x\\n##[error]y")
    assert all(not each.startswith("::") and "##[" not in each for each in found[1:])


def test_what_github_would_drop_is_in_the_log():
    found = [finding(f"m{n}", Severity.LOW) for n in range(13)] + [finding("worst", Severity.CRITICAL)]
    said = lines(*found)
    commands = [each for each in said if each.startswith(("::error", "::notice"))]
    assert len(commands) == 11
    assert commands[0].endswith("::worst")
    start = said.index("::group::3 more without an annotation: GitHub shows 10 of each level")
    assert said[start + 1 : start + 5] == [
        "- low: m10 [shadowed-rule]", "- low: m11 [shadowed-rule]", "- low: m12 [shadowed-rule]", "::endgroup::",
    ]  # fmt: skip


def test_places_outside_of_the_repository_have_no_file():
    assert lines(finding(span=Span("-", 3)))[0] == "::error title=high%3A shadowed-rule::m"
    assert lines(finding(span=Span("/etc/x", 3)))[0] == "::error title=high%3A shadowed-rule::m"


def test_names_that_are_no_text_can_be_printed():
    lines(finding(span=Span("\udcff.nft", 3)))[0].encode()
