"""Findings as SARIF 2.1.0 (OASIS, 27 March 2020), within the limits of GitHub code scanning.

A kind of finding is a rule for each of its severities, because code scanning knows the severity of rules only:
``widened/critical``. What is not known is a result of kind "open", or a notification. What the limits cut is said in a
notification and in the results that are cut.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fwadvisor import __version__
from fwadvisor.diagnostic import Label, Span, printable
from fwadvisor.report.findings_formats import Explained, FindingsReport, Ignored
from fwadvisor.report.repository import first_path, path_in, root_of, uri_of
from fwadvisor.review.findings import Finding, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What GitHub code scanning takes and shows (docs.github.com, "SARIF results exceed limits")."""

    #: More results are refused; of these, the first ones by severity are shown.
    results: int = 25_000
    shown: int = 5_000
    #: More are taken, but not shown.
    locations: int = 100
    #: The compressed file.
    size: int = 10 * 2**20
    #: Of one message; longer ones fill the page and say no more.
    characters: int = 8_000


GITHUB = Limits()
_LEVELS = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note",
    Severity.INFO: "note",
}  # fmt: skip
#: Within GitHub's bands: critical above 9.0, high from 7.0, medium from 4.0, low above 0.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_OPEN = frozenset({"unknown", "policy-unknown"})


def render(report: FindingsReport, limits: Limits = GITHUB) -> str:
    """The report as one SARIF log with one run, the worst findings first."""
    count = min(limits.results, len(report.findings) + len(report.ignored))
    while True:
        text = json.dumps(_Log(report, limits, root_of(Path()), count).made(), ensure_ascii=False)
        size = len(gzip.compress(text.encode(), 6)) if len(text) > limits.size // 4 else 0
        if size <= limits.size or not count:
            return text
        count = min(count - 1, count * limits.size * 9 // (size * 10))


@dataclass
class _Log:
    """One log in the making."""

    report: FindingsReport
    limits: Limits
    root: Path
    #: So many results.
    count: int
    rules: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    paths: dict[str, str | None] = field(default_factory=dict)

    def made(self) -> dict[str, Any]:
        everything: list[tuple[Finding, Ignored | None]] = []
        everything += [(each, None) for each in sorted(self.report.findings, key=lambda each: each.severity.rank)]
        everything += [(each.finding, each) for each in self.report.ignored]
        results = [self._result(*each) for each in everything[: self.count]]
        explained = {each.id: each for each in self.report.explained}
        self._say_what_is_cut(len(everything))
        return {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "fwadvisor",
                            "semanticVersion": __version__,
                            "rules": [_rule(id, explained) for id in self.rules],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository."}}},
                    "invocations": [
                        {
                            "executionSuccessful": True,
                            "toolExecutionNotifications": list(self._notifications()),
                        }
                    ],
                    "results": results,
                }
            ],
        }

    def _say_what_is_cut(self, all_results: int) -> None:
        if self.count < all_results:
            self.notes.append(
                f"{all_results - self.count:,} of {all_results:,} results are left out, the least severe ones, to stay "
                "within what code scanning takes; the form json has all of them"
            )
        if self.count > self.limits.shown:
            self.notes.append(f"code scanning shows {self.limits.shown:,} of {self.count:,} results, the worst ones")

    def _notifications(self) -> Iterator[dict[str, Any]]:
        for text in self.notes:
            yield {"level": "warning", "descriptor": {"id": "limit"}, "message": {"text": text}}
        for text in self.report.left_out:
            yield {
                "level": "warning",
                "descriptor": {"id": "not-known"},
                "message": {"text": self._short(printable(text))},
            }
        if self.report.summary:
            yield {
                "level": "note",
                "descriptor": {"id": "summary"},
                "message": {"text": self._short(printable(self.report.summary))},
            }

    def _result(self, finding: Finding, ignored: Ignored | None) -> dict[str, Any]:
        rule = f"{finding.id}/{finding.severity.value}"
        is_open = finding.id in _OPEN
        labels = finding.labels[: self.limits.locations - 1]
        lines = [finding.message, *finding.details]
        if len(labels) < len(finding.labels):
            lines.append(f"and {len(finding.labels) - len(labels):,} more places")
            note = f"some results have more than {self.limits.locations} places, of which that many are given"
            self.notes += [note] if note not in self.notes else []
        result: dict[str, Any] = {
            "ruleId": rule,
            "ruleIndex": self.rules.setdefault(rule, len(self.rules)),
            "kind": "open" if is_open else "fail",
            "level": "none" if is_open else _LEVELS[finding.severity],
            "message": {"text": self._short("\n".join(map(printable, lines)))},
            "locations": self._locations(finding),
            "properties": {"severity": finding.severity.value},
        }
        if labels:
            result["relatedLocations"] = [each for label in labels for each in self._related(label)]
        if finding.fingerprint:
            self.seen[finding.fingerprint] += 1
            result["partialFingerprints"] = {
                "primaryLocationLineHash": f"{finding.fingerprint}:{self.seen[finding.fingerprint]}"
            }
        if ignored is not None:
            until = f" (until {ignored.until})" if ignored.until else ""
            result["suppressions"] = [{"kind": "external", "justification": printable(ignored.reason + until)}]
        return result

    def _locations(self, finding: Finding) -> list[dict[str, Any]]:
        """The place; of findings without one the beginning of the first file, because code scanning needs one."""
        place = self._physical(finding.span)
        if place is None:
            path = first_path(self.report.files, self.root)
            if path is None:
                return []
            place = {"artifactLocation": _artifact(path), "region": {"startLine": 1}}
        return [{"physicalLocation": place}]

    def _related(self, label: Label) -> Iterator[dict[str, Any]]:
        place = self._physical(label.span)
        if place is not None:
            yield {"physicalLocation": place, "message": {"text": self._short(printable(label.text))}}

    def _physical(self, span: Span | None) -> dict[str, Any] | None:
        if span is None:
            return None
        if span.file not in self.paths:
            self.paths[span.file] = path_in(span.file, self.root)
        path = self.paths[span.file]
        if path is None:
            return None
        start = max(1, span.column)
        region: dict[str, Any] = {"startLine": max(1, span.line), "startColumn": start}
        region["endColumn"] = start + max(1, span.length)
        if span.source:
            region["snippet"] = {"text": self._short(printable(span.source))}
        return {"artifactLocation": _artifact(path), "region": region}

    def _short(self, text: str) -> str:
        if len(text) <= self.limits.characters:
            return text
        note = f"messages longer than {self.limits.characters:,} characters end with how much is missing"
        self.notes += [note] if note not in self.notes else []
        left = len(text) - self.limits.characters
        return f"{text[: self.limits.characters]} ... and {left:,} more characters"


def _artifact(path: str) -> dict[str, str]:
    return {"uri": uri_of(path), "uriBaseId": "SRCROOT"}


def _rule(rule: str, explained: Mapping[str, Explained]) -> dict[str, Any]:
    id, _, severity = rule.rpartition("/")
    known = explained[id]
    score = _SCORES.get(Severity(severity))
    level = "none" if id in _OPEN else _LEVELS[Severity(severity)]
    remedy = [known.remedy] if known.remedy else []
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in id.split("-")),
        "shortDescription": {"text": printable(known.title)},
        "fullDescription": {"text": printable(known.text or known.title)},
        "help": {
            "text": "\n\n".join(map(printable, [known.text or known.title, *remedy])),
            "markdown": "\n\n".join(_markdown([known.text or known.title, *remedy])),
        },
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["firewall", "security"],
            "precision": "very-high",
            **({"security-severity": score} if score else {}),
        },
    }


def _markdown(paragraphs: Sequence[str]) -> Iterator[str]:
    """Paragraphs in which nothing is markup."""
    for text in paragraphs:
        yield "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+!|~" else c for c in printable(text))
