"""The command `check`: findings for people and programs, exit codes, options, and wrong input of every kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BAD = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		tcp dport 1-99 accept
		tcp dport 23 drop
		# fwadvisor: ignore shadowed-rule until 2027-01-31 -- the vendor asks for it
		tcp dport 22 accept
		ip saddr 10.0.0.0/8 accept
		udp dport 53 drop
	}
}
"""
GOOD = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established,related accept
		tcp dport 443 accept
	}
}
"""
OPAQUE = (
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -m strange --x -j ACCEPT\nCOMMIT\n"
)
NEVER = "profile: guard\ntitle: Guard\nnever: [{flow: tcp 50, from: any, to: self, reason: nobody needs it}]\n"
MINE = (
    "--only",
    "shadowed-rule,redundant-rule,correlated-rules,never-matching-rule,unused-objects",
    "--today",
    "2026-06-01",
)


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "bad.nft").write_text(BAD)
    (tmp_path / "good.nft").write_text(GOOD)
    (tmp_path / "opaque.v4").write_text(OPAQUE)
    (tmp_path / "guard.yaml").write_text(NEVER)
    (tmp_path / "empty.nft").write_text("")
    (tmp_path / "broken.nft").write_text("table inet x {\n\tchain input {\n\t\ttcp dport 22 acept\n")

    def call(*words: str, stdin: str = "", only: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", "check", *words, *(MINE if only else ())],
            cwd=tmp_path,
            input=stdin,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "a defect of fwadvisor" not in done.stderr, done.stderr
        return done

    return call


def test_findings_read_like_those_of_a_compiler(run) -> None:
    done = run("bad.nft")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "bad.nft:5:3: high: this rule drops nothing: line 4 accepts every packet that it matches [shadowed-rule]\n"
        "    5 |   tcp dport 23 drop\n"
        "      |   ^^^^^^^^^^^^^^^^^\n"
        "  bad.nft:4:3: accepts all of its packets first\n"
        "    4 |   tcp dport 1-99 accept\n"
        "      |   ^^^^^^^^^^^^^^^^^^^^^\n"
        "  remedy: Move the rule above the ones that take its packets, narrow those, or delete it\n"
        "\n"
        "not shown: 1 correlated-rules; see them with --all\n"
        "what they are: fwadvisor explain shadowed-rule\n"
        "2 findings (1 high, 1 info), 1 ignored (1 until 2027-01-31) in 1 file\n"
    )


def test_all_shows_what_is_folded_and_what_is_ignored(run) -> None:
    text = run("bad.nft", "--all").stdout
    assert "bad.nft:8:3: info: this rule accepts packets that the blocking rule of line 9 would block too" in text
    assert "ignored  bad.nft:7:3: this rule repeats another" in text
    assert "until 2027-01-31: the vendor asks for it" in text


def test_auditors_see_everything(run) -> None:
    done = run("bad.nft", "--no-ignores")
    assert "bad.nft:7:3: low: this rule repeats another" in done.stdout
    assert done.stdout.endswith("3 findings (1 high, 1 low, 1 info) in 1 file\n")


def test_nothing_found(run) -> None:
    done = run("good.nft")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no findings in 1 file\n", "")


def test_standard_input_and_a_dialect_that_is_said(run) -> None:
    assert run("-", stdin=BAD).returncode == 1
    assert run("-", "--from", "nftables", stdin=GOOD).returncode == 0
    done = run("-", "--from", "nftable", stdin=GOOD)
    assert done.returncode == 2
    assert 'did you mean "nftables"' in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--fail-on", "high"), 1), (("--fail-on", "critical"), 1), (("--exit-zero",), 0),
        (("--fail-on", "critical", "--skip", "risky-service-exposed"), 0), (("--fail-on", "any"), 1),
        (("--only", "correlated-rules"), 0), (("--only", "correlated-rules", "--fail-on", "any"), 1),
        (("--only", "unused-objects,never-matching-rule"), 0), (("--skip", "shadowed-rule"), None),
    ],
)  # fmt: skip
def test_what_fails(run, words: tuple[str, ...], code: int | None) -> None:
    done = run("bad.nft", *words, only=False)
    if code is not None:
        assert done.returncode == code
    if "shadowed-rule" in words:
        assert "shadowed-rule" not in done.stdout.replace("ignore shadowed-rule", "")


def test_quiet_says_nothing_but_the_code(run) -> None:
    done = run("bad.nft", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_json_holds_everything(run) -> None:
    done = run("bad.nft", "-f", "json")
    data = json.loads(done.stdout)
    assert data["version"] == 1
    assert data["files"] == ["bad.nft"]
    assert (data["summary"]["findings"], data["summary"]["high"], data["summary"]["ignored"]) == (2, 1, 1)
    first = data["findings"][0]
    assert (first["id"], first["severity"], first["place"]["line"]) == ("shadowed-rule", "high", 5)
    assert first["labels"][0]["place"]["source"].strip() == "tcp dport 1-99 accept"
    assert len(first["fingerprint"]) == 16
    assert (data["ignored"][0]["reason"], data["ignored"][0]["until"]) == ("the vendor asks for it", "2027-01-31")
    assert "shadowed-rule" in {each["id"] for each in data["checks"]}


def test_markdown(run) -> None:
    text = run("bad.nft", "-f", "markdown").stdout
    assert text.startswith("## 2 findings (1 high, 1 info), 1 ignored (1 until 2027-01-31) in 1 file\n")
    assert "### High: this rule drops nothing" in text
    assert "- `bad.nft:4:3` accepts all of its packets first: `tcp dport 1-99 accept`" in text
    assert "_Not shown here: 1 `correlated-rules`._" in text
    assert "<details><summary>1 ignored finding</summary>" in text


def test_markdown_stays_small_and_says_what_it_leaves_out(run, tmp_path: Path) -> None:
    rules = "".join(f"\t\ttcp dport {n} drop\n" for n in range(1, 900))
    head = "table inet x {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t\taccept\n"
    (tmp_path / "many.nft").write_text(f"{head}{rules}\t}}\n}}\n")
    text = run("many.nft", "-f", "markdown").stdout
    assert len(text) < 65_536
    shown = text.count("### High")
    assert shown > 50
    assert f"_Not shown here: {899 - shown} `shadowed-rule`._" in text
    assert "and 879 more" not in text
    folded = run("many.nft").stdout
    assert folded.count(": high: ") == 20
    assert "not shown: 879 shadowed-rule; see them with --all" in folded
    assert run("many.nft", "--all").stdout.count(": high: ") == 899


def test_output_goes_to_a_file_and_the_summary_to_the_screen(run, tmp_path: Path) -> None:
    done = run("bad.nft", "-f", "json", "-o", "out.json")
    assert done.returncode == 1
    assert done.stdout == "2 findings (1 high, 1 info), 1 ignored (1 until 2027-01-31) in 1 file\n"
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["text"] == done.stdout.strip()
    refused = run("bad.nft", "-o", "nowhere/out.txt")
    assert refused.returncode == 2
    assert "cannot write nowhere/out.txt" in refused.stderr


def test_control_characters_of_a_file_do_not_reach_the_terminal(run, tmp_path: Path) -> None:
    text = BAD.replace("tcp dport 23 drop", 'tcp dport 23 drop comment "\x1b[2Jgone\u202e"')
    (tmp_path / "evil.nft").write_text(text)
    for form in ("text", "markdown"):
        shown = run("evil.nft", "-f", form).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_opaque_parts_are_said(run) -> None:
    done = run("opaque.v4")
    assert done.returncode == 0
    assert "not known  opaque.v4:5" in done.stdout
    data = json.loads(run("opaque.v4", "-f", "json").stdout)
    assert len(data["left_out"]) == 1


def test_several_firewalls_and_joined_files(run, tmp_path: Path) -> None:
    done = run("bad.nft", "good.nft")
    assert done.stdout.endswith("in 2 files\n")
    (tmp_path / "a.v4").write_text(OPAQUE.replace("-m strange --x", "-p tcp --dport 1:99"))
    (tmp_path / "a.v6").write_text(OPAQUE.replace("-m strange --x", "-p tcp --dport 1:99"))
    assert run("a.v4+a.v6").stdout == "no findings in 2 files\n"


def test_guardrails_and_policies(run) -> None:
    done = run("bad.nft", "--guardrails", "guard.yaml", "--only", "unused-objects", only=False)
    assert done.returncode == 1
    assert "never-violated" in done.stdout
    assert "guard.yaml:3:" in done.stdout
    assert run("good.nft", "--guardrails", "guard.yaml").returncode == 0
    shipped = run("good.nft", "--policy", "web-server")
    assert shipped.returncode == 1
    assert "policy-narrowed" in shipped.stdout
    wrong = run("good.nft", "--policy", "web-srver")
    assert wrong.returncode == 2
    assert "web-server" in wrong.stderr
    none = run("good.nft", "--guardrails", "web-server")
    assert none.returncode == 2
    assert "has no never statement" in none.stderr


def test_the_project_file_ignores(run, tmp_path: Path) -> None:
    (tmp_path / "fwadvisor.yaml").write_text("ignores:\n  - {id: shadowed-rule, at: bad.nft, reason: agreed}\n")
    done = run("bad.nft")
    assert done.returncode == 0
    assert "2 ignored (1 until 2027-01-31)" in done.stdout
    (tmp_path / "fwadvisor.yaml").write_text("ignores:\n  - {id: shadowed, reason: agreed}\n")
    wrong = run("bad.nft")
    assert wrong.returncode == 2
    assert 'fwadvisor.yaml:2:10: error: no check is called "shadowed"' in wrong.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.nft",), "cannot read missing.nft"),
        (("empty.nft",), "is recognized as no dialect"),
        (("broken.nft",), "broken.nft:2:14: error"),
        (("",), "a file has no name"),
        (("good.nft", "--only", "shadow-rule"), 'did you mean "shadowed-rule"'),
        (("good.nft", "--skip", "nonsense"), 'no check is called "nonsense"'),
        (("good.nft", "--only", "never-violated"), '"never-violated" cannot be chosen: it comes with --policy and --'),
        (("good.nft", "--skip", "policy-widened"), '"policy-widened" cannot be chosen: it comes with --policy and --'),
        (("good.nft", "--only", "unused-ignore"), '"unused-ignore" cannot be chosen: it comes with what is ignored'),
        (("good.nft", "--only", "shadowed-rule", "--skip", "shadowed-rule"), "no check is left to run"),
        (("good.nft", "--today", "soon"), "--today takes YYYY-MM-DD"),
        (("good.nft", "--fail-on", "some"), "--fail-on"),
        (("good.nft", "-f", "xml"), "--format"),
        (("good.nft", "--set", "x"), "--set takes NAME=VALUE"),
        (("good.nft", "--set", "admins=192.0.2.1"), "--set gives admins, but no profile is named"),
        (("good.nft", "--from", "other.nft=pf"), "none of the files"),
    ],
)
def test_wrong_input_is_an_error(run, words: tuple[str, ...], said: str) -> None:
    done = run(*words, only=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_directory_without_rule_files_and_one_with(run, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    assert "holds none of the rule files" in run("dir").stderr
    (tmp_path / "dir" / "nftables.nft").write_text(BAD)
    assert run("dir").returncode == 1


def test_a_budget_that_is_too_small_is_no_answer(run, tmp_path: Path) -> None:
    more = "".join(f"\t\tip saddr 192.0.{n % 97}.{n % 251} tcp dport {n * 7} accept\n" for n in range(1, 500))
    (tmp_path / "large.nft").write_text(BAD.replace("\t\tudp dport 53", f"{more}\t\tudp dport 53"))
    done = run("large.nft", "--guardrails", "no-risky-exposure", "--budget", "1000")
    assert done.returncode == 2
    assert "the policy has no answer" in done.stderr
    assert "[shadowed-rule]" in done.stdout


def test_explain_knows_checks(tmp_path: Path) -> None:
    def explain(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fwadvisor", "explain", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert "Shadowed rule" in explain("shadowed-rule").stdout
    assert "# shadowed-rule: Shadowed rule" in explain("shadowed-rule", "-f", "markdown").stdout
    data = json.loads(explain("1720", "never-violated", "-f", "json").stdout)
    assert [each["kind"] for each in data["subjects"]] == ["port", "check"]
    wrong = explain("shadowed-rules")
    assert wrong.returncode == 2
    assert 'did you mean "shadowed-rule"' in wrong.stderr
