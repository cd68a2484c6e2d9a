"""The command that converts: where it writes, what it says, and wrong input of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

V4 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m comment --comment "web" -j ACCEPT
COMMIT
"""
V6 = V4.replace("-A INPUT -p tcp", "-A INPUT -p ipv6-icmp -j ACCEPT\n-A INPUT -p tcp")
LIMITED = V4.replace("--dport 443", "--dport 443 -m limit --limit 5/sec")
NAT = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 80\nCOMMIT\n" + V4


@pytest.fixture
def run(tmp_path: Path):
    for name, text in (("a.v4", V4), ("a.v6", V6), ("limited.v4", LIMITED), ("nat.v4", NAT), ("empty.v4", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "a.pf").write_text("block in all\npass out all\n")
    (tmp_path / "folder").mkdir()

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


def test_rules_go_to_standard_output_and_the_claim_to_the_other(run) -> None:
    done = run("convert", "a.v4", "a.v6", "--to", "nftables")
    assert done.returncode == 0
    assert 'tcp dport 443 accept comment "web (a.v4:7)"' in done.stdout
    assert "converted from a.v4 + a.v6 (iptables)" in done.stdout
    assert done.stderr == "proved: nftables = a.v4 + a.v6 (input, output, forward; IPv4, IPv6), 4 rules from 7\n"
    assert run("convert", "a.v4", "a.v6", "--to", "nftables", "-q").stderr == ""


@pytest.mark.parametrize("target", ["iptables", "nftables", "windows", "pf"])
def test_what_is_written_is_equal_by_the_other_command_as_well(run, tmp_path: Path, target: str) -> None:
    done = run("convert", "a.v4+a.v6", "--to", target, "-o", "folder")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"proved: {target} = a.v4 + a.v6 (input, output")
    assert run("equal", "a.v4+a.v6", "folder").returncode == 0


def test_one_file_and_folders(run, tmp_path: Path) -> None:
    assert run("convert", "a.v4+a.v6", "--to", "nftables", "-o", "rules.nft", "-q").returncode == 0
    assert (tmp_path / "rules.nft").read_text().startswith("#!/usr/sbin/nft -f")
    done = run("convert", "rules.nft", "--to", "iptables", "-o", "one")
    assert (done.returncode, "need a directory to write to" in done.stderr) == (2, True)
    assert run("convert", "rules.nft", "--to", "iptables", "-o", "new/").returncode == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["iptables.v4", "iptables.v6"]
    both = run("convert", "rules.nft", "--to", "iptables")
    assert both.returncode == 0
    assert "iptables.v4 and iptables.v6 follow each other" in both.stderr


def test_one_family_is_one_file(run) -> None:
    done = run("convert", "a.v4", "--to", "iptables")
    assert (done.returncode, done.stdout.count("*filter")) == (0, 1)
    assert "IPv6, of which a.v4 does not speak, is left to other rules" in done.stderr
    assert run("convert", "a.v4", "--to", "iptables", "--rest", "drop").stdout.count("*filter") == 2


def test_refusals_write_nothing(run, tmp_path: Path) -> None:
    done = run("convert", "limited.v4", "--to", "pf", "-o", "never.pf")
    assert (done.returncode, done.stdout, (tmp_path / "never.pf").exists()) == (2, "", False)
    assert "limited.v4:7:1: error:" in done.stderr
    done = run("convert", "limited.v4", "--to", "pf", "--allow-approximate")
    assert done.returncode == 0
    assert "proved: pf accepts no more than limited.v4" in done.stderr
    assert "left out, it stays closed: limited.v4:7" in done.stderr
    assert "--filters-only" in run("convert", "nat.v4", "--to", "pf").stderr
    assert run("convert", "nat.v4", "--to", "pf", "--filters-only").returncode == 0


def test_a_folder_with_the_source_in_it_is_refused(run, tmp_path: Path) -> None:
    (tmp_path / "folder" / "iptables.v4").write_text(V4)
    done = run("convert", "folder", "--to", "iptables", "-o", "folder")
    assert (done.returncode, "which is read" in done.stderr) == (2, True)
    assert (tmp_path / "folder" / "iptables.v4").read_text() == V4
    assert run("convert", "folder", "--to", "nftables", "-o", "folder").returncode == 0


def test_standard_input(run) -> None:
    done = run("convert", "-", "--to", "nftables", stdin=V4)
    assert (done.returncode, "converted from - (iptables)" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.v4",), "--to"),
        (("a.v4", "--to", "nftable"), '"nftables"'),
        (("none.v4", "--to", "pf"), "cannot read none.v4"),
        (("empty.v4", "--to", "pf"), "empty.v4"),
        (("folder", "--to", "pf"), "holds none of the rule files"),
        (("a.v4", "a.pf", "--to", "pf"), "rules of several dialects: iptables, pf"),
        (("a.v4", "--to", "nftables", "-o", "a.v4"), "which is read"),
        (("a.v4", "--to", "nftables", "-o", ""), "names no file"),
        (("a.v4", "--to", "nftables", "--rest", "acept"), 'did you mean "accept"'),
        (("a.v4", "--to", "pf", "--pf-variant", "openbsb"), 'did you mean "openbsd"'),
        (("a.v4", "--to", "pf", "--from", "pf"), "a.v4:1"),
    ],
)
def test_wrong_input_is_an_error_with_words(run, words: tuple[str, ...], said: str) -> None:
    done = run("convert", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
