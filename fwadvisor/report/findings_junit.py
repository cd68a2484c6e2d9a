"""Findings as JUnit XML: a test suite for each file, a test case for each kind of finding."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fwadvisor.diagnostic import printable
from fwadvisor.report.findings_formats import FindingsReport, Ignored
from fwadvisor.review.findings import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; it passes where nothing is found and nothing is not known."""

    name: str
    findings: Sequence[Finding] = ()
    #: Findings with which it passes all the same.
    remarks: Sequence[Finding] = ()
    #: What keeps it from being told, in sentences.
    errors: Sequence[str] = ()
    ignored: Sequence[Ignored] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """The test cases of one file, or of one pair."""

    name: str
    cases: Sequence[Case]
    #: What else is to be said.
    notes: Sequence[str] = ()


def render(report: FindingsReport) -> str:
    """Every file with every kind of finding that was looked for; those of severity info fail nothing."""
    files = report.files or ("rules",)
    suites = []
    for place, file in enumerate(files):
        mine = [each for each in report.findings if _file_of(each, files) == place]
        ignored = [each for each in report.ignored if _file_of(each.finding, files) == place]
        cases = [
            Case(
                name=kind.id,
                findings=[each for each in mine if each.id == kind.id and each.severity is not Severity.INFO],
                remarks=[each for each in mine if each.id == kind.id and each.severity is Severity.INFO],
                ignored=[each for each in ignored if each.finding.id == kind.id],
            )
            for kind in report.explained
        ]
        suites.append(Suite(file, cases, [*report.left_out, report.summary] if place == 0 else ()))
    return written(suites)


def _file_of(finding: Finding, files: Sequence[str]) -> int:
    """The place of the file among those that were looked at; the first, where that is not known."""
    name = finding.span.file if finding.span else ""
    for place, file in enumerate(files):
        if name in (file, *(part.strip() for part in file.split("+"))) or name.startswith(f"{file.rstrip('/')}/"):
            return place
    return 0


def written(suites: Iterable[Suite]) -> str:
    """The suites as XML; every character that XML does not allow is escaped as in Python."""
    root = ET.Element("testsuites", name="fwadvisor")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites:
        counts = _suite(ET.SubElement(root, "testsuite", name=printable(suite.name)), suite)
        for name, number in counts.items():
            totals[name] += number
    for name, number in totals.items():
        root.set(name, str(number))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suite(element: ET.Element, suite: Suite) -> dict[str, int]:
    counts = {
        "tests": len(suite.cases),
        "failures": sum(bool(case.findings) for case in suite.cases),
        "errors": sum(bool(case.errors) and not case.findings for case in suite.cases),
        "skipped": sum(bool(case.ignored) and not case.findings and not case.errors for case in suite.cases),
    }
    for name, number in counts.items():
        element.set(name, str(number))
    for case in suite.cases:
        made = ET.SubElement(element, "testcase", name=printable(case.name), classname=printable(suite.name))
        _fill(made, case)
    if suite.notes:
        ET.SubElement(element, "system-out").text = "\n".join(map(printable, suite.notes))
    return counts


def _fill(element: ET.Element, case: Case) -> None:
    if case.findings:
        first, more = case.findings[0], len(case.findings) - 1
        message = first.message + (f", and {more:,} more" if more else "")
        failure = ET.SubElement(element, "failure", message=printable(message), type=printable(first.id))
        failure.text = "\n\n".join("\n".join(_said(each)) for each in case.findings)
    elif case.errors:
        problem = ET.SubElement(element, "error", message=printable(case.errors[0]), type="unknown")
        problem.text = "\n".join(map(printable, case.errors))
    elif case.ignored:
        reasons = [f"{each.reason}{f' (until {each.until})' if each.until else ''}" for each in case.ignored]
        ET.SubElement(element, "skipped", message=printable("; ".join(dict.fromkeys(reasons))))
    if case.remarks:
        ET.SubElement(element, "system-out").text = "\n\n".join("\n".join(_said(each)) for each in case.remarks)


def _said(finding: Finding) -> list[str]:
    where = f"{finding.span}: " if finding.span else ""
    lines = [f"{where}{finding.severity.value}: {finding.message}"]
    if finding.span and finding.span.source:
        lines.append(f"  {finding.span.source.strip()}")
    lines += [f"  {label.span}: {label.text}" for label in finding.labels]
    lines += [f"  {each}" for each in finding.details]
    lines += [f"  remedy: {finding.remedy}"] if finding.remedy else []
    return [printable(line) for line in lines]
