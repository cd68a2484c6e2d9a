"""`fwadvisor ladder`: exit codes, forms, choices, and what it says where there is nothing to show."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fwadvisor", *words], capture_output=True, text=True, check=False, cwd=cwd
    )


PEERS = ("h323-needed", "--set", "peers=203.0.113.0/24")


def test_everything_passes_with_0_and_a_blocked_step_ends_with_1() -> None:
    fine = run("ladder", *PEERS, "-t", "nftables")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.count("All of it passes.") == 2
    refused = run("ladder", *PEERS, "--set", "media=refused", "-t", "nftables", "--way", "in")
    assert refused.returncode == 1
    assert "H.245 ========X|  tcp 42000 BLOCKED [" in refused.stdout
    assert run("ladder", *PEERS, "--set", "media=refused", "-t", "nftables", "--exit-zero").returncode == 0


def test_every_target_unless_one_is_chosen() -> None:
    every = json.loads(run("ladder", *PEERS, "-f", "json").stdout)
    assert {each["dialect"] for each in every["ladders"]} == {"iptables", "nftables", "windows", "pf"}
    some = json.loads(run("ladder", *PEERS, "-f", "json", "-t", "pf", "-t", "windows", "--way", "out").stdout)
    assert [(each["dialect"], each["way"]) for each in some["ladders"]] == [("windows", "out"), ("pf", "out")]


def test_several_profiles_of_several_applications() -> None:
    words = (*PEERS, "sip-phone", "--set", "registrar=192.0.2.10", "-t", "pf", "-f", "json")
    data = json.loads(run("ladder", *words).stdout)
    assert {(each["application"], each["variant"]) for each in data["ladders"]} == {
        ("h323-endpoint", "slow"),
        ("sip-phone", "calls"),
        ("sip-phone", "called"),
    }
    chosen = json.loads(run("ladder", *words, "--variant", "fast", "--variant", "called").stdout)
    assert {each["variant"] for each in chosen["ladders"]} == {"fast", "called"}


def test_ipv6_where_it_is_asked_for() -> None:
    words = ("ladder", "h323-needed", "--set", "peers=203.0.113.0/24,2001:db8:323::/48", "-t", "nftables", "-f", "json")
    assert {each["family"] for each in json.loads(run(*words).stdout)["ladders"]} == {4}
    six = json.loads(run(*words, "--family", "6").stdout)
    assert {each["family"] for each in six["ladders"]} == {6}
    assert all(":" in party["address"] for each in six["ladders"] for party in each["parties"])


def test_a_picture_into_a_file(tmp_path: Path) -> None:
    done = run("ladder", *PEERS, "-t", "pf", "-f", "svg", "-o", "call.svg", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert ElementTree.fromstring((tmp_path / "call.svg").read_text(encoding="utf-8")).tag.endswith("svg")
    markdown = run("ladder", *PEERS, "-t", "pf", "-f", "markdown", "--way", "in")
    assert markdown.stdout.startswith("# Calls, step by step")


def test_what_is_blocked_in_a_variant_is_named_with_its_rule() -> None:
    done = run("ladder", *PEERS, "no-netmeeting", "-t", "iptables", "--variant", "data", "--way", "in", "-f", "json")
    assert done.returncode == 1
    (ladder,) = json.loads(done.stdout)["ladders"]
    (step,) = (each for each in ladder["steps"] if each["fate"] == "blocked")
    assert (step["says"], step["port"]) == ("T.120", 1503)
    assert all("1503" in ladder["rules"][number - 1]["text"] for number in step["answer"]["rules"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*PEERS, "--variant", "fats"), 'did you mean "fast"?'),
        ((*PEERS, "--variant", "passive"), "these profiles have slow, fast, tunnelled"),
        ((*PEERS, "--way", "through"), "no conversation of these profiles goes this way here"),
        ((*PEERS, "--family", "5"), '--family takes 4 or 6, not "5"'),
        ((*PEERS, "--family", "6"), "no conversation of these profiles goes this way here"),
        ((*PEERS, "--pf-variant", "netbsd"), 'no pf variant is called "netbsd"'),
        (("workstation",), "no need of these profiles has a ladder"),
        ((*PEERS, "-t", "nftable"), 'did you mean "nftables" or "iptables"?'),
        ((*PEERS, "-o", "/nowhere/x"), "there is no folder /nowhere"),
    ],
)
def test_errors_say_what_is_wrong(words: tuple[str, ...], message: str) -> None:
    done = run("ladder", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr


def test_explain_shows_the_steps_at_a_port() -> None:
    done = run("explain", "1720", "--profile", *PEERS, "-f", "json")
    (subject,) = json.loads(done.stdout)["subjects"]
    assert {(each["dialect"], each["way"]) for each in subject["calls"]} == {
        (dialect, way) for dialect in ("iptables", "nftables", "windows", "pf") for way in ("in", "out")
    }
    assert {(each["says"], each["fate"]) for each in subject["calls"]} == {("SETUP", "passes")}
    text = run("explain", "1720", "--profile", *PEERS).stdout
    assert "Calls under this policy" in text
    assert "step 1 of slow, SETUP passes: nftables.nft:" in " ".join(text.split())


def test_explain_tells_how_an_application_talks() -> None:
    text = " ".join(run("explain", "h323").stdout.split())
    for words in ("Step by step: slow start", "CONNECT callee -> caller", "When it fails", "then silence", "Watch it"):
        assert words in text
    (subject,) = json.loads(run("explain", "polycom", "-f", "json").stdout)["subjects"]
    assert subject["conversation"]["forms"][0]["id"] == "slow"
    assert "Calls under this policy" not in run("explain", "22", "--profile", *PEERS).stdout
