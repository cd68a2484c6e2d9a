"""The command that asks rules about flows: its answers, exit codes, forms, and wrong input of every kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established accept
		ip saddr 203.0.113.0/24 tcp dport 1720 accept comment "calls"
		tcp dport 22 limit rate 5/second accept
	}
}
"""
V4 = """*filter
:INPUT DROP [0:0]
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 1720 -j ACCEPT
-A INPUT -m set --match-set friends src -p tcp --dport 22 -j ACCEPT
COMMIT
"""
FLOWS = """peers = 203.0.113.0/24
accept: peers -> self:1720/tcp   # calls
block:  any -> self:1503/tcp
"""


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "a.nft").write_text(NFT)
    (tmp_path / "a.v4").write_text(V4)
    (tmp_path / "flows.txt").write_text(FLOWS)
    (tmp_path / "wrong.txt").write_text(FLOWS + "accept: any -> self:1720/tcp  # not everybody\n")
    (tmp_path / "odd.txt").write_text("any > self:1/tcp\nany -> self:2\n")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "binary").write_bytes(b"\x00\xff\xfe")

    def call(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", *words],
            cwd=tmp_path,
            input=stdin,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return call


def test_one_flow_is_told_in_full(run) -> None:
    done = run("test", "a.nft", "--flow", "203.0.113.5 -> self:1720/tcp in eth0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "accept:  203.0.113.5 -> self:1720/tcp in eth0  (a.nft)",
        "    for one  tcp 203.0.113.5:40000 -> 192.0.2.1:1720, new, in eth0",
        '    decided  a.nft:6: ip saddr 203.0.113.0/24 tcp dport 1720 accept comment "calls"',
        "",
        "1 flow, nothing expected",
    ]


def test_conditions_are_told_apart(run) -> None:
    done = run("test", "a.nft", "--flow", "198.51.100.1 -> self:22/tcp")
    assert done.returncode == 0
    assert "it depends:" in done.stdout
    assert "accept: when limit 5/second burst 5 packets" in done.stdout
    assert "drop: unless limit 5/second burst 5 packets" in done.stdout
    assert run("test", "a.nft", "--flow", "accept: 198.51.100.1 -> self:22/tcp").returncode == 1


def test_a_suite_passes_and_fails(run) -> None:
    done = run("test", "a.nft", "--flows", "flows.txt")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 flows: 2 pass")
    assert "pass  accept    peers -> self:1720/tcp  accept   # calls" in done.stdout
    done = run("test", "a.nft", "--flows", "wrong.txt")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "3 flows: 2 pass, 1 FAIL")
    assert "FAIL  accept    any -> self:1720/tcp    depends  # not everybody" in done.stdout
    assert "expected accept, but it depends:  any -> self:1720/tcp  # not everybody  (a.nft)" in done.stdout
    assert "drop of IPv4: all except 203.0.113.0/24 -> any" in done.stdout
    assert "a.nft:2: the default of inet x input: drop" in done.stdout
    assert run("test", "a.nft", "--flows", "wrong.txt", "--exit-zero").returncode == 0
    quiet = run("test", "a.nft", "--flows", "wrong.txt", "-q")
    assert (quiet.returncode, quiet.stdout) == (1, "")


def test_several_firewalls_are_a_matrix(run) -> None:
    done = run("test", "a.nft", "a.v4", "--flows", "flows.txt")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["expected", "flow", "nftables", "iptables"]
    assert done.stdout.splitlines()[-1] == "2 flows, 2 firewalls: 2 pass"


def test_what_is_not_understood_fails_an_expectation_with_its_place(run) -> None:
    done = run("test", "a.v4", "--flow", "accept: 203.0.113.5 -> self:22/tcp")
    assert done.returncode == 1
    assert "expected accept, but unknown" in done.stdout
    assert "not understood  a.v4:4" in done.stdout


def test_every_dialect_that_generate_writes_is_tested_and_so_is_the_policy(run) -> None:
    settings = ("--set", "peers=203.0.113.0/24,2001:db8:323::/48")
    assert run("generate", "h323-needed", *settings, "-o", "out", "-q").returncode == 0
    flows = ("--flow", "accept: 203.0.113.5 -> self:1720/tcp", "--flow", "block: 198.51.100.1 -> self:1720/tcp")
    done = run("test", "out", *flows)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "2 flows, 4 firewalls: 2 pass"
    assert 'connection tracking follows it with the helper "Q.931"' in done.stdout
    done = run("test", "h323-needed", *settings, *flows)
    assert done.returncode == 0
    assert "profiles/h323-needed.yaml:" in done.stdout


def test_json_holds_everything(run) -> None:
    done = run("test", "a.nft", "--flows", "wrong.txt", "-f", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["version"], found["summary"]) == (1, 1, {"pass": 2, "fail": 1, "asked": 0})
    last = found["flows"][-1]
    assert (last["flow"], last["name"], last["line"], last["score"]) == (
        "any -> self:1720/tcp", "not everybody", 4, "fail",
    )  # fmt: skip
    (answer,) = last["firewalls"]
    assert answer["verdict"] == "depends"
    accept = next(part for part in answer["parts"] if part["verdict"] == "accept")
    assert accept["apart"][0]["fields"]["source"] == ["203.0.113.0/24"]
    assert (accept["trail"][-1]["line"], accept["deciding"][0]["file"]) == (6, "a.nft")


def test_junit_is_xml_with_the_reason_of_each_failure(run, tmp_path: Path) -> None:
    done = run("test", "a.nft", "a.v4", "--flows", "wrong.txt", "-f", "junit", "-o", "report.xml")
    assert (done.returncode, done.stdout) == (1, "")
    root = ElementTree.fromstring((tmp_path / "report.xml").read_text())
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("a.nft", "3", "1"), ("a.v4", "3", "1"),
    ]  # fmt: skip
    failure = root.findall(".//failure")[0]
    assert failure.get("message") == "expected accept, but depends"
    assert "a.nft:6" in (failure.text or "")


def test_standard_input_holds_rules_or_flows(run) -> None:
    assert run("test", "-", "--flows", "flows.txt", stdin=NFT).returncode == 0
    assert run("test", "a.nft", "--flows", "-", stdin=FLOWS).returncode == 0
    assert run("test", "-", "--flows", "-", stdin=NFT).returncode == 2


def test_the_addresses_of_the_machine(run, tmp_path: Path) -> None:
    (tmp_path / "to.nft").write_text(NFT.replace("ip saddr 203.0.113.0/24", "ip daddr 192.0.2.10"))
    flow = "accept: any -> self:1720/tcp ipv4"
    assert run("test", "to.nft", "--flow", flow).returncode == 1
    assert run("test", "to.nft", "--flow", flow, "--self", "192.0.2.10").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.nft",), "no flow is asked about"),
        (("none.nft", "--flow", "any -> self:1/tcp"), "cannot read none.nft"),
        (("binary", "--flow", "any -> self:1/tcp"), "binary"),
        ((".", "--flow", "any -> self:1/tcp"), "holds none of the rule files"),
        (("a.nft", "--flow", "any > self:1/tcp"), '"->" is expected'),
        (("a.nft", "--flow", "acept: any -> self:1/tcp"), 'did you mean "accept"'),
        (("a.nft", "--flows", "none.txt"), "cannot read none.txt"),
        (("a.nft", "--flows", "binary"), "binary"),
        (("a.nft", "--flows", "empty.txt"), "holds no flow"),
        (("a.nft", "--flows", "/dev/zero"), "neither a file nor a pipe"),
        (("a.nft", "--flow", "any -> self:1/tcp", "--self", "here"), "no addresses"),
        (("a.nft", "--flow", "any -> self:1/tcp", "--set", "a=b"), "no profile is named"),
        (("a.nft", "--flow", "any -> self:1/tcp", "--from", "nftable"), 'no dialect is called "nftable"'),
        (("a.nft", "--flow", "any -> self:1/tcp", "-o", "a.nft"), "which is read"),
        (("a.nft", "--flow", "any -> self:1/tcp", "-o", "no/such"), "there is no folder"),
        (("h323-needed", "--flow", "any -> self:1/tcp"), "peers"),
    ],
)
def test_wrong_input_is_an_error_with_words(run, words: tuple[str, ...], said: str) -> None:
    done = run("test", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_all_wrong_lines_are_shown_with_their_places(run) -> None:
    done = run("test", "a.nft", "--flows", "odd.txt")
    assert done.returncode == 2
    assert "odd.txt:1:5: error:" in done.stderr
    assert "odd.txt:2:13: error:" in done.stderr
