"""The command that finds packets: its answers, exit codes, and wrong input of every kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ip saddr 203.0.113.0/24 tcp dport 1500-1800 accept
		tcp dport { 21, 23, 25, 110, 143, 3389 } reject
	}
}
"""
V4 = """*filter
:INPUT DROP [0:0]
-A INPUT -m set --match-set friends src -p tcp --dport 22 -j ACCEPT
COMMIT
"""


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "a.nft").write_text(NFT)
    (tmp_path / "a.v4").write_text(V4)

    def call(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", "find", *words],
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


def test_it_finds_as_grep_does(run) -> None:
    done = run("a.nft", "--accepts", "any -> self:1720/tcp")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "a.nft:5: ip saddr 203.0.113.0/24 tcp dport 1500-1800 accept",
        "  accept   IPv4  203.0.113.0/24 -> any",
        "a.nft accepts packets of any -> self:1720/tcp: 1 box by 1 rule",
    ]
    done = run("a.nft", "--accepts", "any -> self:1-1000/tcp")
    assert (done.returncode, done.stdout) == (1, "a.nft accepts no packet of any -> self:1-1000/tcp\n")


def test_several_questions_in_one_run(run) -> None:
    done = run(
        "a.nft",
        "--rejects",
        "10.0.0.1 -> self/tcp",
        "--drops",
        "any -> self:9/udp ipv6",
        "--blocks",
        "any -> self:25/tcp",
    )
    assert done.returncode == 0
    assert "reject   port 21, 23, 25, 110, 143, 3389" in done.stdout
    assert "a.nft:2: the default of inet x input: drop" in done.stdout
    assert "a.nft blocks packets of any -> self:25/tcp: 2 boxes by 1 rule" in done.stdout


def test_what_is_not_known_counts_as_found(run) -> None:
    done = run("a.v4", "--accepts", "any -> self:22/tcp")
    assert done.returncode == 0
    assert "unknown  IPv4  all of it" in done.stdout
    assert "not understood  a.v4:3" in done.stdout
    assert "not asked  it does not speak of IPv6" in done.stdout
    assert run("a.v4", "--accepts", "any -> self:23/tcp").returncode == 1


def test_long_lists_are_cut_on_the_screen_only(run, tmp_path: Path) -> None:
    rules = "\n".join(f"ip saddr 10.0.{n}.0/24 tcp dport {1000 + n} accept" for n in range(30))
    (tmp_path / "long.nft").write_text(NFT.replace('iifname "lo" accept', rules))
    region = ("--accepts", "10.0.0.0/8 -> self")
    assert "and by 10 more rules: see them with --all" in run("long.nft", *region).stdout
    assert "more rules" not in run("long.nft", *region, "--all").stdout
    document = json.loads(run("long.nft", *region, "-f", "json").stdout)
    assert len(document["answers"][0]["shares"]) == 30


def test_json_holds_everything(run) -> None:
    document = json.loads(run("a.nft", "--accepts", "any -> self:1720/tcp", "-f", "json").stdout)
    assert document["version"] == 1
    (answer,) = document["answers"]
    assert (answer["found"], answer["asked"], answer["firewall"]["dialect"]) == (True, "accepts", "nftables")
    (share,) = answer["shares"]
    assert share["deciding"]["line"] == 5
    assert share["packets"][0]["fields"]["destination-port"] == ["1720"]
    assert share["witness"]["source"] == "203.0.113.1"


def test_profiles_and_folders(run, tmp_path: Path) -> None:
    done = run("web-server", "--accepts", "internet -> self:1-1023/tcp")
    assert done.returncode == 0
    assert "profiles/web-server.yaml:" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.nft",), "nothing is looked for"),
        (("none.nft", "--accepts", "any -> self"), "cannot read none.nft"),
        (("a.nft", "--accepts", "any -> slef"), 'did you mean "self"'),
        (("a.nft", "--accepts", "any -> self:22"), "the protocol of the ports is missing"),
        (("a.nft", "--drops", "x", "--accepts", "y"), "--drops:1:1"),
        (("a.nft", "--accepts", "any -> self", "-o", ""), "names no file"),
        (("a.nft", "--accepts", "any -> self", "--budget", "5"), "--budget"),
    ],
)
def test_wrong_input_is_an_error_with_words(run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
