"""JUnit XML: what passes, what fails, and characters that XML does not know."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from fwadvisor.diagnostic import Label, Span
from fwadvisor.report.findings_formats import Explained, FindingsReport, Ignored, render
from fwadvisor.report.findings_junit import Case, Suite, written
from fwadvisor.review.findings import Finding, Severity

KINDS = [Explained(id=id, title=id, text=id) for id in ("shadowed-rule", "redundant-rule", "unused-objects")]
EVERY_CHARACTER = "".join(map(chr, (*range(0x300), 0x202E, 0xD800, 0xFFFE, 0xFFFF, 0x1F600)))


def finding(id: str, file: str = "a.nft", severity: Severity = Severity.HIGH, **more) -> Finding:
    return Finding(id=id, severity=severity, message=f"{id} in {file}", span=Span(file, 3, 1, 1, "x y"), **more)


def parsed(text: str) -> ET.Element:
    root = ET.fromstring(text.encode())
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert int(suite.get("errors")) == sum(case.find("error") is not None for case in cases)
        assert int(suite.get("skipped")) == sum(case.find("skipped") is not None for case in cases)
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    return root


def test_a_suite_for_each_file_and_a_case_for_each_kind():
    found = [finding("shadowed-rule"), finding("redundant-rule", "b.v6"), finding("redundant-rule", "dir/x.nft")]
    files = ("a.nft", "b.v4+b.v6", "dir")
    root = parsed(render("junit", FindingsReport(files=files, findings=found, explained=KINDS, summary="s")))
    assert [suite.get("name") for suite in root] == list(files)
    assert [[case.get("name") for case in suite.findall("testcase")] for suite in root] == [[k.id for k in KINDS]] * 3
    failed = [(s.get("name"), c.get("name")) for s in root for c in s.findall("testcase") if len(c)]
    assert failed == [("a.nft", "shadowed-rule"), ("b.v4+b.v6", "redundant-rule"), ("dir", "redundant-rule")]
    assert root.find(".//system-out").text == "s"


def test_several_findings_of_a_kind_are_one_failure_with_all_of_them():
    found = [finding("shadowed-rule", labels=(Label(Span("a.nft", 9), "kills it"),), details=("d",), remedy="Go")] * 2
    root = parsed(render("junit", FindingsReport(files=("a.nft",), findings=found, explained=KINDS)))
    failure = root.find(".//failure")
    assert failure.get("message") == "shadowed-rule in a.nft, and 1 more"
    assert failure.text.count("a.nft:9:1: kills it") == 2
    assert failure.text.count("remedy: Go") == 2


def test_ignored_findings_are_skipped_and_info_passes():
    ignored = [Ignored(finding=finding("shadowed-rule"), reason="known", until="2030-01-01")]
    info = finding("redundant-rule", severity=Severity.INFO)
    root = parsed(render("junit", FindingsReport(files=("a.nft",), findings=[info], explained=KINDS, ignored=ignored)))
    assert root.get("failures") == "0"
    assert root.find(".//skipped").get("message") == "known (until 2030-01-01)"
    assert "redundant-rule in a.nft" in root.find(".//testcase/system-out").text


def test_every_character_is_written_as_xml():
    evil = finding("shadowed-rule", details=(EVERY_CHARACTER,))
    case = Case(name=EVERY_CHARACTER, findings=[evil])
    root = parsed(written([Suite(EVERY_CHARACTER, [case], [EVERY_CHARACTER])]))
    assert "\\x00\\x01" in root[0].get("name")
    assert "\U0001f600" in root[0].get("name")


def test_nothing_looked_at_is_still_xml():
    assert parsed(render("junit", FindingsReport(files=(), findings=[], explained=[]))).get("tests") == "0"
