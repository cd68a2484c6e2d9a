"""The commands that compare: their answers, their exit codes, and wrong input of every kind."""

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
		ct state established accept
		tcp dport 22 %s
	}
}
"""
V4 = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 %s-j ACCEPT
COMMIT
"""
PF = "set skip on lo\nblock drop in all\npass out all\npass in quick proto tcp from any to any port 22\n"


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "a.nft").write_text(NFT % "accept")
    (tmp_path / "b.nft").write_text(NFT % "ip saddr 192.0.2.0/24 accept")
    (tmp_path / "limited.nft").write_text(NFT % "limit rate 5/second accept")
    (tmp_path / "a.v4").write_text(V4 % "")
    (tmp_path / "a.v6").write_text(V4 % "")
    (tmp_path / "set.v4").write_text(V4 % "-m set --match-set friends src ")
    (tmp_path / "a.pf").write_text(PF)

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


def test_equal_files_of_two_dialects(run) -> None:
    done = run("equal", "a.nft", "a.v4+a.v6")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "equal: a.nft = a.v4+a.v6 (input, output, forward; IPv4, IPv6)\n"


def test_one_family_only_is_said(run) -> None:
    done = run("equal", "a.nft", "a.v4")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "equal: a.nft = a.v4 (input, output, forward; IPv4)"
    assert "IPv6: a.v4 does not speak of it" in done.stdout


def test_a_difference_has_a_witness_and_both_deciding_lines(run) -> None:
    done = run("equal", "a.nft", "b.nft")
    assert done.returncode == 1
    text = done.stdout
    assert "input, IPv4: a.nft accepts, b.nft drops" in text
    assert "input, IPv6: a.nft accepts, b.nft drops" in text
    assert "all except 192.0.2.0/24 -> any port 22" in text
    assert "a.nft:6: tcp dport 22 accept" in text
    assert "b.nft:2: the default of " in text
    assert text.splitlines()[-1].startswith("different: a.nft and b.nft (input; IPv4, IPv6)")


def test_the_same_limit_on_both_sides_compares_equal(run, tmp_path: Path) -> None:
    (tmp_path / "again.nft").write_text((tmp_path / "limited.nft").read_text().replace("table inet x", "table inet y"))
    done = run("equal", "limited.nft", "again.nft")
    assert done.returncode == 0
    assert "whatever may be of  limit 5/second burst 5 packets" in done.stdout
    assert run("equal", "limited.nft", "a.nft").returncode == 1


@pytest.mark.parametrize("name", ["set.v4"])
def test_what_is_not_understood_is_never_equal_not_even_to_itself(run, name: str) -> None:
    done = run("equal", name, name)
    assert done.returncode == 1
    assert "unknown: " in done.stdout
    assert f"not understood  {name}:" in done.stdout


def test_pf_against_nftables_says_what_is_not_compared(run, tmp_path: Path) -> None:
    forwarding = (tmp_path / "a.nft").read_text()
    done = run("equal", "a.pf", "a.nft")
    assert "not compared" in done.stdout
    assert "SYN" in done.stdout
    assert forwarding


def test_json_holds_everything(run) -> None:
    done = run("equal", "a.nft", "b.nft", "-f", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["version"]) == (1, 1)
    (comparison,) = found["comparisons"]
    assert comparison["answer"] == "different"
    first = comparison["differences"][0]
    assert (first["hook"], first["family"], first["outcomes"]) == ("input", 4, ["accept", "drop"])
    assert first["deciding"][0]["line"] == 6
    assert first["witness"]["destination_port"] == 22
    assert first["packets"]


def test_quiet_says_it_with_the_exit_code_alone(run) -> None:
    assert (run("equal", "a.nft", "a.nft", "-q").stdout, run("equal", "a.nft", "b.nft", "-q").stdout) == ("", "")
    assert [run("equal", "a.nft", other, "-q").returncode for other in ("a.nft", "b.nft")] == [0, 1]


def test_standard_input(run, tmp_path: Path) -> None:
    assert run("equal", "-", "a.nft", stdin=(tmp_path / "a.nft").read_text()).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("equal", "a.nft"), "nothing to compare with"),
        (("equal", "a.nft", "none.nft"), "cannot read none.nft"),
        (("equal", "a.nft", "a.pf", "--from", "nftable"), 'no dialect is called "nftable"'),
        (("equal", "a.nft", "a.pf", "--from", "nftables"), "a.pf:"),
        (("equal", "a.nft", "."), "holds none of the rule files"),
        (("equal", "a.nft", "/dev/zero"), "neither a file nor a pipe"),
        (("prove", "a.nft", "--policy", "web-servr"), 'no profile "web-servr"'),
        (("prove", "a.nft", "--policy", "h323-needed"), "peers"),
        (("prove", "a.nft", "--policy", "web-server", "--set", "nonsense"), "--set takes NAME=VALUE"),
        (("equal", "a.nft", "a.pf", "--from", "a.ntf=pf"), 'did you mean "a.nft"'),
        (("equal", "a.nft", "a.pf", "--from", "a.nft="), "--from takes DIALECT or FILE=DIALECT"),
        (("equal", "-", "-"), "standard input is named twice"),
        (("equal", "", "a.nft"), "a file has no name"),
        (("equal", "a.v4", "a.v6"), "a.v4 and a.v6 speak of no packet that is in both"),
    ],
)
def test_wrong_input_is_an_error_with_words(run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("target", ["iptables", "nftables", "windows", "pf"])
def test_what_generate_writes_is_proved_and_an_edit_is_found(run, tmp_path: Path, target: str) -> None:
    assert run("generate", "web-server", "-t", target, "-o", "out", "-q").returncode == 0
    done = run("prove", "out", "--policy", "web-server")
    assert done.returncode == 0, done.stdout
    assert "= policy web-server (input, output" in done.stdout
    for path in (tmp_path / "out").glob("*"):
        if path.suffix not in (".md", ".json"):
            text = path.read_bytes()
            for right, wrong in ((b"443", b"444"), (b"'443'", b"'444'")):
                text = text.replace(right, wrong)
            path.write_bytes(text)
    done = run("prove", "out", "--policy", "web-server")
    assert done.returncode == 1
    assert "port 443" in done.stdout
    assert "profiles/web-server.yaml:" in done.stdout


def test_exposure_is_told_in_words_and_in_json(run) -> None:
    words = ("--policy", "h323-needed", "--set", "peers=203.0.113.0/24")
    assert run("generate", "h323-needed", *words[2:], "-o", "out", "-q").returncode == 0
    done = run("prove", "out", *words)
    assert (done.returncode, done.stdout.splitlines()[0].count("with exposure")) == (0, 1)
    assert "12 TCP ports and 48 UDP ports" in done.stdout
    document = json.loads(run("prove", "out", *words, "-f", "json").stdout)
    found = {each["firewalls"][0]["dialect"]: each for each in document["comparisons"]}
    assert [found[name]["exposure"] for name in ("iptables", "nftables")] == [[], []]
    assert found["pf"]["exposure"][0]["does_not_follow"] == ["H.245", "Q.931", "RAS"]
    assert found["pf"]["exposure"][0]["accepts_besides"]


def test_the_script_for_windows_is_printed(run) -> None:
    done = run("export-script")
    assert done.returncode == 0
    assert "Get-NetFirewallRule" in done.stdout
