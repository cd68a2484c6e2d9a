"""`fwadvisor canon`: what shows in a diff and what does not, and files that are no rule files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.report.canon_text import canon_text

NFT = """table inet x {
	set admins { type ipv4_addr; flags interval; elements = { 192.0.2.0/28, 198.51.100.7 } }
	chain input {
		type filter hook input priority filter; policy drop;
		ct state invalid drop
		iifname "lo" accept
		ct state established,related accept
		ip saddr @admins tcp dport 22 accept
		tcp dport { 80, 443 } accept
		udp dport 53 ip saddr 10.0.0.0/8 accept
		ip saddr 203.0.113.9 drop
		tcp dport 25 accept
		limit rate 5/second log prefix "in: "
	}
}
"""
#: The same in another order, grouping, spelling, with comments.
SAME = """# a comment
table inet x {
  chain input {
    type filter hook input priority 0
    policy drop
    ct state invalid counter drop comment "first of all"
    ip saddr 10.0.0.0-10.255.255.255 udp dport domain accept   # names
    tcp dport https accept
    ip saddr 198.51.100.7 tcp dport ssh accept
    ip saddr { 192.0.2.0/29, 192.0.2.8/29 } tcp dport 22 accept
    tcp dport 80 accept
    ct state related accept
    ct state established accept
    iifname lo accept
    ip saddr 203.0.113.9 drop
    tcp dport 25 accept
    limit rate 5/second log prefix "in: "
  }
}
"""


def said(text: str, name: str = "x.nft", dialect: str = "") -> str:
    return canon_text(read_firewall([Source(name, text.encode())], dialect))


def test_how_rules_are_written_does_not_show():
    assert said(SAME) == said(NFT)


def test_the_text_is_one_line_a_rule():
    assert said(NFT).split("\n") == [
        "rules of nftables, in canonical form",
        "",
        "chain inet x input: asked at input, priority 0, default drop",
        "  state established, related: accept",
        "  state invalid: drop",
        "  in loopback: accept",
        "  IPv4  tcp  port 22  from 192.0.2.0/28, 198.51.100.7: accept",
        "  tcp  port 80, 443: accept",
        "  IPv4  udp  port 53  from 10.0.0.0/8: accept",
        "  IPv4  from 203.0.113.9: drop",
        "  tcp  port 25: accept",
        '  when limit 5/second burst 5 packets: log "in: "',
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dport 22", "dport 23"),
        ("policy drop", "policy accept"),
        ("198.51.100.7 }", "198.51.100.8 }"),
        ("ip saddr 203.0.113.9 drop\n\t\ttcp dport 25 accept", "tcp dport 25 accept\n\t\tip saddr 203.0.113.9 drop"),
        ('"in: "', '"out: "'),
        ("5/second", "6/second"),
        ("hook input", "hook forward"),
        ("priority filter", "priority filter - 1"),
        ("25 accept", "25 reject"),
        ("iifname", "oifname"),
        ('"lo"', '"lo*"'),
        ("table inet", "table ip"),
        ("udp dport 53", "udp sport 53"),
        ("25 accept", "25 notrack"),
        ("\t\tct state invalid drop\n", ""),
        ("25 accept", "25 jump more\n\t}\n\tchain more {\n\t\taccept"),
    ],
)
def test_what_changes_the_meaning_shows(old: str, new: str):
    assert NFT.count(old) >= 1
    assert said(NFT.replace(old, new)) != said(NFT)


def test_one_member_of_a_long_list_is_one_line():
    elements = [f"192.0.2.{2 * n}" for n in range(50)]
    texts = [
        said(NFT.replace("192.0.2.0/28, 198.51.100.7", ", ".join(each)))
        for each in (elements, [*elements[:20], *elements[21:]])
    ]
    assert set(texts[0].split("\n")) - set(texts[1].split("\n")) == {"      from 192.0.2.40"}
    assert not set(texts[1].split("\n")) - set(texts[0].split("\n"))


def test_what_only_repeats_the_default_does_not_show():
    end = 'log prefix "in: "\n'
    assert said(NFT.replace(end, f"{end}\t\tdrop\n")) == said(NFT)
    early = NFT.replace("ct state invalid drop", "tcp dport 80 drop")
    assert said(early) != said(NFT.replace("ct state invalid drop", ""))


def test_chains_that_no_packet_comes_to_do_not_show():
    more = NFT.replace("table inet x {", "table inet x {\n\tchain spare { tcp dport 1 accept; }")
    assert said(more) == said(NFT)


def test_what_is_not_understood_shows_as_it_is_written():
    one, other = (NFT.replace("tcp dport 25 accept", f"strange {n}  thing accept") for n in (1, 2))
    assert "not understood" in said(one)
    assert "strange 1 thing" in said(one)
    assert said(one) != said(other)
    assert said(one) == said(one.replace("strange 1  thing", "strange 1 thing"))


def test_what_has_no_meaning_for_the_model_shows_as_it_is_written():
    base = "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS %s\nCOMMIT\n"
    one, other = (said(base % each, "x.v4") for each in ("--clamp-mss-to-pmtu", "--set-mss 1400"))
    assert one != other


@pytest.mark.parametrize("profile", ["h323-needed", "web-server"])
def test_generated_files_have_a_form_in_every_dialect(profile: str, tmp_path: Path):
    words = ["--set", "peers=203.0.113.0/24"] if profile == "h323-needed" else []
    run("generate", profile, *words, "-o", tmp_path / "out", cwd=tmp_path)
    for name in ("iptables.v4", "iptables.v6", "nftables.nft", "pf.conf", "windows.ps1"):
        text = (tmp_path / "out" / name).read_text()
        first, *rest = said(text, name).split("\n")
        assert first.endswith("in canonical form")
        assert len(rest) > 5
        assert "not understood" not in "\n".join(rest)


def run(*words: object, given: bytes | None = None, cwd: Path, fine: tuple[int, ...] = (0,)):
    done = subprocess.run(
        [sys.executable, "-m", "fwadvisor", *map(str, words)],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=120,
    )
    assert done.returncode in fine, done.stderr.decode()
    return done


def test_the_command_reads_files_and_standard_input(tmp_path: Path):
    (tmp_path / "x.nft").write_text(NFT)
    from_file = run("canon", "x.nft", cwd=tmp_path)
    from_input = run("canon", "-", given=NFT.encode(), cwd=tmp_path)
    assert from_file.stdout.decode() == said(NFT) + "\n"
    assert from_input.stdout == from_file.stdout
    assert from_file.stderr == b""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is recognized as no dialect"),
        (b"# README\nhello\n", "is recognized as no dialect"),
        (b"\x7fELF\x00\x01\x02\xff\xfe", "is recognized as no dialect"),
        (b"table inet x {\n\tchain input {\n\t\ttcp dport\n", "(line "),
        (b'table inet x {\n\tinclude "other.nft"\n}\n', "(line 2)"),
        (b"\x1b[31mred\x1b[0m\n", "is recognized as no dialect"),
    ],
)
def test_what_is_no_rule_file_is_printed_as_it_is(content: bytes, reason: str, tmp_path: Path):
    """git stops at a textconv that fails, so `git log -p` would end there."""
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "other.nft").write_text("")
    done = run("canon", "file", cwd=tmp_path)
    first, *rest = done.stdout.decode().removesuffix("\n").split("\n")
    assert first.startswith("not in canonical form: ")
    assert reason in first
    assert len(rest) == len(content.decode("utf-8", "backslashreplace").splitlines())
    assert "\x1b" not in done.stdout.decode()
    strict = run("canon", "--strict", "file", cwd=tmp_path, fine=(2,))
    assert strict.stdout == b""
    assert b"error: " in strict.stderr


def test_too_large_a_file_is_printed_as_it_is(tmp_path: Path):
    (tmp_path / "huge").write_bytes(b"table inet x {}\n" * (17 * 2**16))
    done = run("canon", "huge", cwd=tmp_path)
    assert done.stdout.startswith(b"not in canonical form: it is larger than 16 MiB (line 1)\ntable inet x {}\n")
    run("canon", "-", given=b"x" * (2**24 + 1), cwd=tmp_path, fine=(2,))


@pytest.mark.parametrize("words", [["missing"], ["."], ["/dev/zero"], ["x", "--from", "klingon"], ["a\x01b"]])
def test_what_cannot_be_read_is_an_error(words: list[str], tmp_path: Path):
    (tmp_path / "x").write_text(NFT)
    done = run("canon", *words, cwd=tmp_path, fine=(2,))
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: ")


def test_so_many_rules_that_order_cannot_be_told_say_so():
    text = said(NFT)
    firewall = read_firewall([Source("x.nft", NFT.encode())])
    first, *rest = canon_text(firewall, most_pairs=3).split("\n")
    assert first.endswith("there are too many to tell everywhere whether their order matters, so it counts")
    assert sorted(rest) == sorted(text.split("\n")[1:])


def test_the_command_imports_neither_engine_nor_profiles(tmp_path: Path):
    (tmp_path / "x.nft").write_text(NFT)
    code = (
        "import sys; sys.argv = ['fwadvisor', 'canon', 'x.nft']\n"
        "from fwadvisor.cli import main\n"
        "try: main()\n"
        "finally:\n"
        "    import json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    modules = set(json.loads(done.stderr))
    assert b"in canonical form" in done.stdout
    for unwanted in ("fwadvisor.packets", "fwadvisor.profile", "fwadvisor.ports", "jinja2", "yaml", "netaddr"):
        assert unwanted not in modules


def test_what_has_passed_does_not_show():
    texts = [
        said(
            NFT.replace(
                "tcp dport 25 accept", f"tcp dport 25 counter packets {n} bytes {60 * n}\n\t\ttcp dport 25 accept"
            )
        )
        for n in (0, 7)
    ]
    assert texts[0] == texts[1]
    assert "go on: tcp dport 25 counter" in texts[0]
    base = "*filter\n:INPUT DROP [%d:%d]\n[%d:%d] -A INPUT -s 192.0.2.1/32\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
    assert said(base % (0, 0, 0, 0), "x.v4") == said(base % (1, 2, 3, 4), "x.v4")
