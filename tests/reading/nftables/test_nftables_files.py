"""Files by hand: commands, variables, included files, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fwadvisor.dialects.reading import nftables
from fwadvisor.dialects.reading.source import Source, load_source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall

Read = Callable[..., Firewall]
Verdict = Callable[[Firewall, str], str]
Problems = Callable[..., list[str]]

_BASE = "add table inet t\nadd chain inet t c { type filter hook input priority 0 ; policy drop ; }\n"


@pytest.mark.parametrize(
    ("commands", "wanted"),
    [
        ("add rule inet t c tcp dport 80 accept", "accept"),
        ("rule inet t c tcp dport 80 accept", "accept"),
        ("add rule inet t c tcp dport 80 drop; insert rule inet t c tcp dport 80 accept", "accept"),
        ("add rule inet t c drop; add rule inet t c accept; insert rule inet t c index 1 accept", "drop"),
        ("add rule inet t c tcp dport 1 drop; add rule inet t c drop; add rule inet t c index 0 accept", "accept"),
        ("add rule inet t c accept; flush chain inet t c", "drop"),
        ("add rule inet t c accept; flush table inet t", "drop"),
        ("flush ruleset", "accept"),
        ("flush ruleset ip6", "drop"),
        ("delete table inet t", "accept"),
        ("destroy table inet nosuch; delete chain inet t c", "accept"),
        ("rename chain inet t c d; add rule inet t d accept", "accept"),
        (
            "add set inet t s { type inet_service; }; add element inet t s { 80, 81 }; "
            "add rule inet t c tcp dport @s accept",
            "accept",
        ),
        (
            "add set inet t s { type inet_service; }; add rule inet t c tcp dport @s accept; "
            "add element inet t s { 80 }; delete element inet t s { 80 }",
            "drop",
        ),
        (
            "add set inet t s { type inet_service; flags interval; elements = { 70-90 } }; "
            "delete element inet t s { 80 }; add rule inet t c tcp dport @s accept",
            "drop",
        ),
        (
            "add set inet t s { type inet_service; }; add element inet t s { 80 }; flush set inet t s; "
            "add rule inet t c tcp dport @s accept",
            "drop",
        ),
        ("list ruleset; add rule inet t c accept", "accept"),
        ("table inet t { chain c { accept; } }", "accept"),
        ("delete rule inet t c handle 5", "unknown"),
        ("add rule inet t c position 5 accept", "unknown"),
    ],
)
def test_commands(read_text: Read, verdict: Verdict, commands: str, wanted: str) -> None:
    assert verdict(read_text(_BASE + commands), "4 tcp if chain inet t c") == wanted


def test_variables_hold_in_their_block(read_text: Read, verdict: Verdict) -> None:
    firewall = read_text("""
        define port = 22
        define more = { $port, 443 }
        define prio = 5
        define net = 192.0.2.0/24
        table inet t {
            define port = 80
            chain c {
                type filter hook input priority $prio; policy drop
                define verdict = { 8080 }
                tcp dport $port ip saddr $net accept
                tcp dport $verdict accept
            }
            chain d { type filter hook forward priority 0; policy drop; tcp dport $more accept; }
        }
        redefine port = 23
        table inet t { chain c { tcp dport $port accept; } }
        undefine port
    """)
    assert [verdict(firewall, f"4 tcp dport {port}") for port in (80, 22, 23, 8080)] == [
        "accept", "drop", "accept", "accept",
    ]  # fmt: skip
    assert [verdict(firewall, f"4 tcp hook forward dport {port}") for port in (22, 443, 80)] == [
        "accept", "accept", "drop",
    ]  # fmt: skip


def test_files_beside_and_below_are_included(tmp_path: Path, verdict: Verdict) -> None:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "main.nft").write_text(
        '#!/usr/sbin/nft -f\ninclude "names.nft"\ntable inet t {\n'
        ' chain c {\n type filter hook input priority 0; policy drop;\n include "rules.d/*.nft"\n }\n}\n'
        'include "rules.d/none*.nft"\n'
    )
    (tmp_path / "names.nft").write_text("define web = 80\n")
    (tmp_path / "rules.d" / "a.nft").write_text("tcp dport $web accept\n")
    (tmp_path / "rules.d" / "b.nft").write_text("tcp dport 80 drop\ntcp dport 81 accept\n")
    firewall = nftables.read([load_source(tmp_path / "main.nft")], {})
    assert [verdict(firewall, f"4 tcp dport {port}") for port in (80, 81, 82)] == ["accept", "accept", "drop"]
    assert {Path(rule.span.file).name for rule in firewall.rules()} == {"a.nft", "b.nft"}


def test_several_sources_are_one_configuration(verdict: Verdict) -> None:
    first = Source("1.nft", _BASE.encode())
    firewall = nftables.read([first, Source("2.nft", b"add rule inet t c accept\n")], {})
    assert verdict(firewall, "4 tcp") == "accept"
    assert firewall.name == "1.nft, 2.nft"


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nft").write_text('include "b.nft"\n')
    (tmp_path / "b.nft").write_text('include "a.nft"\n')
    with pytest.raises(ReadError, match=r"include each other: .*a.nft -> .*b.nft -> .*a.nft"):
        nftables.read([load_source(tmp_path / "a.nft")], {})


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.nft", "/etc/*.conf", "../*.nft", "nosuch.nft"])
def test_files_elsewhere_are_not_read(tmp_path: Path, problems: Problems, name: str) -> None:
    (tmp_path / "secret.nft").write_text("table inet secret { }\n")
    (tmp_path / "inside").mkdir()
    (found,) = problems(f'include "{name}"\n', tmp_path / "inside")
    assert found.startswith("1:9 ")


def test_text_from_standard_input_includes_nothing(problems: Problems) -> None:
    assert problems('include "x.nft"') == ['1:9 "x.nft" cannot be read: the rules did not come from a file']


def test_many_files_that_include_many_end(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.nft").write_text(f'include "{number + 1}.nft"\n' * 12)
    (tmp_path / "12.nft").write_text("")
    with pytest.raises(ReadError, match="too many files"):
        nftables.read([load_source(tmp_path / "0.nft")], {})


_RULE = "table inet t {{\n set ports {{ type inet_service; }}\n chain input {{\n  {}\n }}\n}}\n"


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("tcp dport 70000 accept", "4:13 70000 is more than the largest port, 65535"),
        ("tcp dport 10-5", "4:13 the range ends before it begins"),
        ("ip saddr 1.2.3.400 drop", '4:12 "1.2.3.400" is no IPv4 address'),
        ("ip6 saddr 1.2.3.4", '4:13 "1.2.3.4" is no IPv6 address'),
        ("ip saddr 10.0.0.0/33", '4:12 "33" is no prefix length, which is at most 32'),
        ("ct state nwe accept", '4:12 "nwe" is no connection state (did you mean "new"?)'),
        ("icmp type echo-reqest", '4:13 "echo-reqest" is no ICMP type (did you mean "echo-request"'),
        ("tcp flags sin", '4:13 "sin" is no TCP flag (did you mean'),
        ("jump inptu", '4:8 table "inet t" has no chain "inptu" (did you mean "input"?)'),
        ("tcp dport vmap { 1 : jump x }", '4:31 table "inet t" has no chain "x"'),
        ("jump input", "4:3 chains jump in a circle: inet t input -> inet t input"),
        ("tcp dport @prts accept", '4:13 table "inet t" has no set "prts" (did you mean "ports"?)'),
        ("ip saddr @ports accept", '4:12 the elements of "ports" are of type port, not IPv4 address'),
        ("ip saddr . tcp dport @ports", '4:24 the elements of "ports" have 1 parts, not 2'),
        ("tcp dport $web", '4:13 "$web" is not defined'),
        ("accept drop", "4:10 nothing follows a verdict but a comment"),
        ('accept comment "a" drop', "4:22 nothing follows a comment"),
        ("tcp dport { 22 23 }", '4:18 "," or "}" is expected, not "23"'),
        ("tcp dport { 22 . 23 }", "4:18 the key has 1 part, and more follow"),
        ("tcp dport {", '1:14 this "{" is never closed'),
        ('log prefix "x', "4:14 this quote is never closed"),
        ("limit rate 5/fortnight", '4:16 "fortnight" is no unit of time'),
        ("limit name nosuch", '4:14 table "inet t" has no limit "nosuch"'),
        ('ct helper set "nosuch"', '4:17 table "inet t" has no ct helper "nosuch"'),
        ("tcp dport vmap { 22 : acept }", '4:25 "acept" is no verdict (did you mean "accept"'),
        ("reject with tcp rest", '4:19 "reset" is expected'),
        ("meta mark 0x1ffffffff", "4:13 0x1ffffffff is more than the largest mark"),
    ],
)
def test_what_nft_refuses_is_an_error_at_its_place(problems: Problems, rule: str, wanted: str) -> None:
    assert problems(_RULE.format(rule))[0].removesuffix(")").startswith(wanted.removesuffix(")"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("table inet t {\n", '1:14 this "{" is never closed'),
        ("table inet t { chain c {\n }\n", '1:14 this "{" is never closed'),
        ("}\n", '1:1 there is no "{" to this "}"'),
        ("tabel inet t { }\n", '1:1 "tabel" is no command of nft (did you mean "table"?)'),
        ("add rul inet t c accept", '1:5 "rul" is no command of nft'),
        ("table inet t { chian c { } }", '1:16 "chian" is not expected in a table (did you mean "chain"'),
        ("table inet t { set s { tpye x; } }", '1:24 "tpye" is not expected in a set (did you mean "type"'),
        ("table inet t { set s { type ipv4_adr; } }", '1:29 "ipv4_adr" is no type of nft (did you mean "ipv4_addr"'),
        ("table inet t { set s { type ipv4_addr; elements = { 1.1.1 } } }", "1:"),
        ("add rule inet t c accept", '1:15 table "inet t" is not declared here'),
        ("table inet t { }; add rule inet t c accept", '1:35 table "inet t" has no chain "c"'),
        (
            "table inet t { chain c { type filter hook inptu priority 0; } }",
            '1:43 "inptu" is no hook (did you mean "input"',
        ),
        ("table inet t { chain c { type fliter hook input priority 0; } }", '1:31 "fliter" is no type of a chain'),
        ("table inet t { chain c { type filter hook input priority filtre; } }", '1:58 "filtre" is no priority'),
        (
            "table inet t { chain c { type filter hook input priority 0; policy reject; } }",
            "1:68 a policy is accept or drop",
        ),
        ("table inet t { chain c { policy drop; } }", '1:26 chain "c" has no hook'),
        ("define a = 1\ndefine a = 2\n", '2:12 "a" is defined already'),
        ("redefine a = 1", '1:14 "a" is not defined here'),
        ("define a = $a", '1:12 "$a" is not defined'),
        (
            "table inet t { chain a { jump b; }; chain b { goto a; } }",
            "1:46 chains jump in a circle: inet t a -> inet t b -> inet t a",
        ),
        (
            "table inet t { chain a { type filter hook input priority 0; }; chain b { jump a; } }",
            '1:79 chain "a" is a base chain',
        ),
    ],
)
def test_wrong_files(problems: Problems, text: str, wanted: str) -> None:
    found = problems(text)[0]
    if "circle" in wanted:
        assert "circle: inet t a -> inet t b -> inet t a" in found
    else:
        assert found.removesuffix(")").startswith(wanted.removesuffix(")"))


def test_all_problems_are_shown_in_one_run(problems: Problems) -> None:
    text = "table inet t {\n chain c {\n  tcp dport 99999\n  ct state nwe\n  accept\n  jump x\n }\n}\nnonsense\n"
    assert [each.split(" ")[0] for each in problems(text)] == ["9:1", "3:13", "4:12", "6:8"]


def test_too_many_jumps_in_a_row_are_refused(problems: Problems) -> None:
    chains = "".join(f"chain c{n} {{ jump c{n + 1}; }}\n" for n in range(16))
    base = "chain base { type filter hook input priority 0; jump c0; }"
    assert "deep" in problems(f"table inet t {{ {base}\n{chains} chain c16 {{ }} }}")[0]


@pytest.mark.parametrize(
    ("content", "least", "most"),
    [
        (b"#!/usr/sbin/nft -f\n", 100, 100),
        (b'{"nftables": [{"metainfo": {}}]}', 100, 100),
        (b"table inet filter {\n}\n", 80, 100),
        (b"table ip6 filter { # handle 1\n}\n", 80, 100),
        (b"flush ruleset\n", 60, 100),
        (b"add rule ip filter input accept\n", 60, 100),
        (b"define x = 1\n", 20, 60),
        (b"*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", 0, 0),
        (b"iptables -A INPUT -j ACCEPT\n", 0, 0),
        (b"pass in quick on em0\ntable <x> persist\n", 0, 0),
        (b'{"other": 1}', 0, 0),
        (b"\xff\xfe\x00", 0, 0),
        (b"", 0, 0),
    ],
)
def test_recognition(content: bytes, least: int, most: int) -> None:
    assert least <= nftables.recognize(Source("x", content)) <= most


def test_files_with_too_much_in_them_are_refused(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# a comment\n" * 30 + "table inet t { chain c { tcp dport 22 accept; } }"
    monkeypatch.setattr("fwadvisor.dialects.reading.nftables.text._MOST_TOKENS", 50)
    assert problems(text)[0].startswith("1:1 the file has more than 50 words")
    monkeypatch.setattr("fwadvisor.dialects.reading.nftables.text._MOST_TOKENS", 100)
    monkeypatch.setattr("fwadvisor.dialects.reading.nftables.script._MOST_STATEMENTS", 2)
    assert problems(text)[0].startswith("31:26 the files hold more than 2 rules")
