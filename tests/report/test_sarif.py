"""SARIF: what the standard and code scanning demand, and their limits, which are never silent.

`sarif-2.1.0-used.schema.json` states the standard's demands on the properties that we write, in our own words.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import jsonschema
import pytest

from fwadvisor.diagnostic import Label, Span
from fwadvisor.report import findings_sarif
from fwadvisor.report.findings_formats import Explained, FindingsReport, Ignored, render
from fwadvisor.report.findings_sarif import Limits
from fwadvisor.report.repository import first_path, path_in, uri_of
from fwadvisor.review.findings import Finding, Severity

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parent / "sarif-2.1.0-used.schema.json").read_text())
)
BAD = 'rule "x" <b> `y` | 100% \x1b[31m\u202e\n::error::z\ud800'


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "fire wall").mkdir()
    (tmp_path / "fire wall" / "a b.nft").write_text("x\n")
    monkeypatch.chdir(tmp_path / "fire wall")
    return tmp_path


def finding(number: int = 0, **more) -> Finding:
    given = {
        "id": "shadowed-rule",
        "severity": Severity.LOW,
        "message": f"finding {number}",
        "span": Span("a b.nft", number + 1, 3, 4, "\ttcp dport 22 accept"),
        "fingerprint": f"f{number}",
    }
    return Finding(**{**given, **more})


def report(*findings: Finding, **more) -> FindingsReport:
    ids = {each.id for each in findings} | {each.finding.id for each in more.get("ignored", ())}
    explained = [Explained(id=id, title=f"About {id}", text="A *paragraph*.", remedy="Do it") for id in ids]
    return FindingsReport(files=("a b.nft",), findings=findings, explained=explained, summary="summed up", **more)


def made(wanted: FindingsReport, limits: Limits | None = None) -> dict:
    text = findings_sarif.render(wanted, limits) if limits else render("sarif", wanted)
    log = json.loads(text.encode())
    SCHEMA.validate(log)
    run = log["runs"][0]
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert set(rules) == {each["ruleId"] for each in run["results"]}
    return run


def notes(run: dict, id: str) -> list[str]:
    said = run["invocations"][0]["toolExecutionNotifications"]
    return [each["message"]["text"] for each in said if each["descriptor"]["id"] == id]


def test_nothing_found_is_a_run_without_results():
    run = made(report())
    assert run["results"] == []
    assert notes(run, "summary") == ["summed up"]


def test_a_finding_has_its_place_below_the_root_of_the_repository():
    labels = (Label(Span("a b.nft", 9, 1, 2), "kills it"), Label(Span("-", 1), "elsewhere"))
    (result,) = made(report(finding(4, labels=labels, details=("packets",))))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "fire%20wall/a%20b.nft", "uriBaseId": "SRCROOT"}
    assert {k: place["region"][k] for k in ("startLine", "startColumn", "endColumn")} == {
        "startLine": 5, "startColumn": 3, "endColumn": 7,
    }  # fmt: skip
    assert result["message"]["text"] == "finding 4\npackets"
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 9


def test_findings_without_a_place_stand_at_the_beginning_of_the_first_file():
    for span in (None, Span("-", 3), Span("/elsewhere/x.nft", 3)):
        (result,) = made(report(finding(span=span)))["results"]
        assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_each_severity_is_a_rule_with_its_score():
    run = made(report(*(finding(n, severity=each) for n, each in enumerate(reversed(Severity)))))
    assert [each["ruleId"].partition("/")[2] for each in run["results"]] == [each.value for each in Severity]
    scores = {each["id"].partition("/")[2]: each["properties"].get("security-severity") for each in
              run["tool"]["driver"]["rules"]}  # fmt: skip
    assert scores.pop("info") is None
    numbers = [float(scores[each.value]) for each in list(Severity)[:4]]
    assert numbers[0] > 9.0 >= numbers[1] >= 7.0 > numbers[2] >= 4.0 > numbers[3] > 0
    levels = [each["level"] for each in run["results"]]
    assert levels == ["error", "error", "warning", "note", "note"]


def test_what_is_not_known_is_open_and_said():
    run = made(report(finding(id="unknown", severity=Severity.HIGH), left_out=["x.nft:3:1: not understood: no set"]))
    assert run["results"][0]["kind"] == "open"
    assert notes(run, "not-known") == ["x.nft:3:1: not understood: no set"]


def test_ignored_findings_are_suppressed_with_their_reason():
    ignored = Ignored(finding=finding(7), reason="we live with it", until="2030-01-01")
    run = made(report(finding(1), ignored=[ignored]))
    first, second = run["results"]
    assert "suppressions" not in first
    assert second["suppressions"] == [{"kind": "external", "justification": "we live with it (until 2030-01-01)"}]


def test_the_same_fingerprint_twice_is_told_apart():
    run = made(report(finding(1, fingerprint="same"), finding(2, fingerprint="same")))
    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert prints == ["same:1", "same:2"]


def test_no_text_of_a_file_does_harm():
    span = Span("a b.nft", 0, 0, 0, BAD)
    run = made(report(finding(message=BAD, details=(BAD,), span=span, labels=(Label(span, BAD),)), left_out=[BAD]))
    text = run["results"][0]["message"]["text"]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("\n") == 1
    markdown = run["tool"]["driver"]["rules"][0]["help"]["markdown"]
    assert markdown.startswith("A \\*paragraph\\*.")


def test_too_many_results_leave_the_least_severe_out_and_say_so():
    findings = [finding(n, severity=Severity.HIGH if n == 29 else Severity.LOW) for n in range(30)]
    run = made(report(*findings), Limits(results=10, shown=5))
    assert len(run["results"]) == 10
    assert run["results"][0]["message"]["text"] == "finding 29"
    first, second = notes(run, "limit")
    assert first.startswith("20 of 30 results are left out")
    assert second == "code scanning shows 5 of 10 results, the worst ones"


def test_the_limits_of_code_scanning_hold():
    text = render("sarif", report(*(finding(n) for n in range(25_100))))
    run = json.loads(text)["runs"][0]
    assert len(run["results"]) == 25_000
    assert notes(run, "limit")[0].startswith("100 of 25,100 results are left out")
    assert len(gzip.compress(text.encode())) <= 10 * 2**20


def test_too_large_a_file_is_cut_below_the_limit_and_says_so():
    import random

    dice = random.Random(1)
    findings = [finding(n, details=(dice.randbytes(400).hex(),)) for n in range(300)]
    limits = Limits(size=40_000)
    text = findings_sarif.render(report(*findings), limits)
    assert len(gzip.compress(text.encode())) <= limits.size
    run = made(report(*findings), limits)
    assert 30 < len(run["results"]) < 300
    assert f"{300 - len(run['results'])} of 300 results are left out" in notes(run, "limit")[0]


def test_many_places_and_long_messages_are_cut_and_say_so():
    labels = tuple(Label(Span("a b.nft", n), "kills it") for n in range(1, 500))
    run = made(report(finding(labels=labels, details=("x" * 20_000,))))
    result = run["results"][0]
    assert len(result["relatedLocations"]) == 99
    assert result["message"]["text"].endswith("more characters")
    assert len(notes(run, "limit")) == 2


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b.nft", "fire wall/a b.nft"),
        ("../x.nft", "x.nft"),
        ("../../x.nft", None),
        ("-", None),
        ("", None),
        ("/etc/x", None),
        ("HEAD~1:dir/x.nft", "dir/x.nft"),
        ("HEAD:./x.nft", "fire wall/x.nft"),
        (":./x.nft", "fire wall/x.nft"),
        ("a\0b", None),
    ],
)
def test_paths_are_relative_to_the_root(name: str, path: str | None, repository: Path):
    assert path_in(name, repository) == path


def test_a_uri_is_never_taken_for_a_scheme(repository: Path):
    assert uri_of("a:b/ä %.nft") == "./a%3Ab/%C3%A4%20%25.nft"
    assert uri_of("\udcff.nft") == "%FF.nft"
    assert first_path(("nothing", "x + a b.nft"), repository) == "fire wall/a b.nft"
    assert first_path(("nothing",), repository) is None
