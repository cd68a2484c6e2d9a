"""Files beside the rules, what pfctl prints, translation, errors with their places, and limits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fwadvisor.dialects import reading
from fwadvisor.dialects.reading import pf
from fwadvisor.dialects.reading.source import MOST_BYTES, Source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Field

SSH = "input em0 tcp 10.0.0.9 > 192.0.2.1:22"
THROUGH = "forward em0 em1 tcp 198.51.100.7 > 10.0.0.5:8080"
GOING = "forward em1 em0 tcp 10.0.0.9 > 203.0.113.7:80"


def put(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / name).write_text(text)


# --- files beside ----------------------------------------------------------------------------------


def test_tables_take_entries_from_files(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, bad="# known\n10.0.0.9\n2001:db8::/32 ; six\n\n!10.0.0.0/30 10.0.1/24\n", more="10.0.0.77\r\n")
    text = 'table <bad> persist file "bad" file "more" { 172.16/12 }\nblock from <bad>'
    assert reader.opaque(text) == ""
    for address, wanted in (
        ("10.0.0.9", "drop"), ("10.0.0.77", "drop"), ("10.0.0.1", "accept"), ("10.0.1.5", "drop"),
        ("172.16.9.9", "drop"), ("172.32.0.0", "accept"),
    ):  # fmt: skip
        assert reader.verdict(text, f"input em0 tcp {address} > 192.0.2.1:22") == wanted, address


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none", "", "cannot"),
        ("../outside", "", "outside"),
        ("bad", "10.0.0.1\n10.0.0.300\n", "bad data in line 2"),
        ("bad", "10.0.0.1/\n10.0.0.0/8x\n", "bad data in line 2"),
    ],
)
def test_bad_files_of_tables(name: str, content: str, reason: str, reader: Any, tmp_path: Path) -> None:
    put(tmp_path, bad=content)
    found = reader.problem(f'\ntable <bad> file "{name}"\n')
    assert found.startswith("2:18 ")
    assert reason in found


def test_names_and_interfaces_in_tables(reader: Any) -> None:
    text = "table <t> const { self, em0:network, 10.0.0.8 }\nblock in to <t>"
    assert reader.opaque(text) == ""
    assert reader.verdict(text, SSH) == "drop"
    assert reader.verdict(text, GOING) == "accept"
    assert reader.verdict(text, GOING, "destination is in a network of em0") == "drop"
    assert reader.verdict("table <t> { self }\nblock in to ! <t>", SSH) == "accept"
    assert reader.verdict("table <t> { self }\nblock in to ! <t>", GOING) == "drop"
    assert "may meet" in reader.opaque("table <t> { em0:network, !10.0.0.8 }\nblock from <t>")
    assert "looked up" in reader.opaque("table <t> { www.example.com }\nblock from <t>")


def test_tables_that_rules_add_to(reader: Any) -> None:
    text = "table <bad> { 10.0.0.8 }\nblock from <bad>\npass proto tcp keep state (max-src-conn 3, overload <bad>)"
    assert "rules add addresses" in reader.opaque(text)
    assert "rules add addresses" in reader.opaque(text.replace("table <bad> { 10.0.0.8 }\n", ""))


def test_included_files_share_macros_and_places(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, a='include "b"\nblock on $if\n', b='if = "em0"\n')
    text = 'include "a"\npass on $if proto udp\n'
    firewall = reader.read(text)
    assert [Path(rule.span.file).name for rule in firewall.chains["in"].rules] == ["a", "pf.conf"]
    assert reader.verdict(text, SSH) == "drop"


def test_included_files_in_a_circle(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, a='include "b"\n', b='include "a"\n')
    found = reader.problem('include "a"\n')
    assert "include each other" in found
    assert "/a includes" in found


def test_anchors_are_loaded_from_files(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, one="pass in quick proto tcp to port 22\n", two="block return quick\n")
    text = 'block\nanchor "fw/one"\nload anchor "fw/one" from "one"\n'
    assert reader.verdict(text, SSH) == "accept"
    assert reader.opaque(text) == ""
    star = 'block\nanchor "fw/*"\nload anchor "fw/z" from "one"\nload anchor "fw/a" from "two"\n'
    assert reader.verdict(star, SSH) == "reject"
    assert reader.verdict(star, SSH, 'anchor "fw/*" is filled') == "unknown"
    assert "has no effect" not in reader.opaque(text)


def test_a_loaded_anchor_has_its_own_tables_and_no_macros_of_others(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, own="table <t> { 10.0.0.9 }\nblock from <t>\nblock return from <main>\n", macro="block on $if\n")
    text = 'table <t> { 10.0.0.1 }\ntable <main> { 10.0.0.7 }\nanchor "a"\nload anchor "a" from "own"\npass from <t>'
    assert reader.verdict(text, SSH) == "drop"
    assert reader.verdict(text, SSH.replace("10.0.0.9", "10.0.0.7")) == "reject"
    assert "not defined" in reader.problem('if = "em0"\nanchor "a"\nload anchor "a" from "macro"\n')


def test_anchors_that_call_each_other(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, a='anchor "/b"\n', b='anchor "/a"\n')
    found = reader.problem('anchor "a"\nload anchor "a" from "a"\nload anchor "b" from "b"\n')
    assert "a calls b calls a" in found


def test_rules_from_nowhere_follow_no_files() -> None:
    with pytest.raises(ReadError, match="did not come from a file"):
        pf.read([Source("-", b'include "x"\n')], {})


def test_several_files_are_one(reader: Any, tmp_path: Path) -> None:
    first, second = Source("a", b'if = "em0"\nblock\n'), Source("b", b"pass on $if\n")
    firewall = pf.read([first, second], {})
    assert firewall.name == "a, b"
    assert [rule.span.file for rule in firewall.chains["in"].rules] == ["a", "b"]


# --- what pfctl prints ---------------------------------------------------------------------------------

PRINTED = """\
@0 scrub in all fragment reassemble
  [ Evaluations: 12        Packets: 3         Bytes: 0           States: 0     ]
  [ Inserted: uid 0 pid 1 State Creations: 0     ]
@0 block drop in log all label "default"
  [ Evaluations: 12        Packets: 3         Bytes: 0           States: 0     ]
  [ Inserted: uid 0 pid 1 State Creations: 0     ]
@1(1000000103) pass in quick on em0 inet proto tcp from <admin:3> to (em0:1) port = ssh flags S/SA keep state
  [ Evaluations: 12        Packets: 3         Bytes: 0           States: 0     ]
@2 pass in quick on em0 inet proto tcp from any to (em0:0:*) port 1024:65535 flags S/SA keep state
@3 anchor "ftp-proxy/*" all
"""


def test_what_pfctl_prints_with_numbers_and_counters(reader: Any) -> None:
    firewall = reader.read(PRINTED)
    rules = firewall.chains["in"].rules
    assert len(rules) == 4
    assert rules[1].text.startswith("pass in quick on em0")
    assert rules[1].span.line == 7
    assert rules[1].span.column == len("@1(1000000103) ") + 1
    assert "does not show its entries" in reader.opaque(PRINTED)
    both = ("set admin (src)", "destination is an address of em0")
    assert reader.verdict(PRINTED, SSH, *both) == "accept"
    assert reader.verdict(PRINTED, SSH) == "drop"
    high = SSH.replace(":22", ":2000")
    assert reader.verdict(PRINTED, high, "destination is the first address of em0") == "accept"
    assert "show neither tables" in reader.warnings(PRINTED)


def test_bare_rules_may_be_printed_so_their_tables_are_not_empty(reader: Any) -> None:
    assert "does not show its entries" in reader.opaque("block drop in from <bad> to any\n")
    for written in (
        "set skip on lo\nblock drop in from <bad> to any\n",
        "block in from <bad>\n",
        "pass from { <bad> } to any\n",
    ):
        assert reader.opaque(written) == ""
        assert "not defined" in reader.warnings(written)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("block drop in all\n", "pf"), ("pass\n", "pf"), (PRINTED, "pf"), ("# x\n\ntable <t> persist\n", "pf"),
        ("match out on egress inet from ! (egress:network) to any nat-to (egress:0)\n", "pf"),
        ("scrub in all\n", "pf"), ('ext_if="em0"\nset skip on lo0\n', "pf"),
        ("rdr pass on em0 proto tcp to port 80 -> 10.0.0.1\n", "pf"),
    ],
)  # fmt: skip
def test_pf_is_recognized(text: str, wanted: str) -> None:
    assert pf.recognize(Source("x", text.encode())) >= 70
    assert reading.recognize(Source("x", text.encode())) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n", "table inet filter {\n chain input {\n }\n}\n", "",
        "New-NetFirewallRule -DisplayName x -Direction Inbound\n", "passenger list\nblocked by all\n",
        "\x00\xff", "iptables -P INPUT DROP\n",
    ],
)  # fmt: skip
def test_others_are_not(text: str) -> None:
    assert pf.recognize(Source("x", text.encode("latin-1"))) < 20


# --- translation -----------------------------------------------------------------------------------

RDR = """\
rdr on em0 proto tcp from any to 192.0.2.1 port 80 -> 10.0.0.5 port 8080
block in
pass in proto tcp to 10.0.0.5 port 8080
"""
BEFORE = ("before translation: destination 192.0.2.1", "before translation: destination-port 80")


def test_rules_after_rdr_see_the_translated_destination(reader: Any) -> None:
    assert reader.verdict(RDR, THROUGH) == "accept"
    assert reader.verdict(RDR, THROUGH.replace("8080", "80")) == "drop"
    assert reader.outcome(RDR, THROUGH, *BEFORE).effects[Field.TRANSLATION] == "dnat to 10.0.0.5:8080"
    assert Field.TRANSLATION not in reader.outcome(RDR, THROUGH).effects
    assert "before or after translation" in reader.warnings(RDR)


def test_rdr_pass_accepts_what_it_translates(reader: Any) -> None:
    text = RDR.replace("rdr on", "rdr pass on").replace("pass in proto tcp to 10.0.0.5 port 8080\n", "")
    assert reader.verdict(text, THROUGH, *BEFORE) == "accept"
    assert reader.verdict(text, THROUGH, BEFORE[0]) == "drop"
    assert reader.verdict(text, THROUGH.replace("10.0.0.5", "10.0.0.6"), *BEFORE) == "drop"
    assert reader.verdict("no rdr on em0\n" + text, THROUGH, *BEFORE) == "drop"


def test_the_first_translation_rule_counts(reader: Any) -> None:
    text = "nat on em0 from 10.0.0.9 to any -> 192.0.2.1\nnat on em0 from 10/8 to any -> (em0)\n"
    assert reader.outcome(text, GOING).effects[Field.TRANSLATION] == "snat to 192.0.2.1"
    assert reader.outcome(text, GOING.replace("10.0.0.9", "10.0.0.8")).effects[Field.TRANSLATION] == "masquerade"
    assert Field.TRANSLATION not in reader.outcome("no nat on em0 from 10/8\n" + text, GOING).effects
    assert reader.verdict("nat pass on em0 from 10/8 to any -> (em0)\nblock out", GOING) == "accept"
    assert reader.verdict("nat on em0 from 10/8 to any -> (em0)\nblock out", GOING) == "drop"


def test_rules_after_nat_see_the_translated_source(reader: Any) -> None:
    text = "nat on em0 from 10/8 to any -> 192.0.2.1\nblock out\npass out on em0 from 192.0.2.1\n"
    assert reader.verdict(text, GOING) == "drop"
    assert reader.verdict(text, GOING, "after translation: source 192.0.2.1") == "accept"
    for exact in ("block out on em1 from 10/8", "block out on em0 from 172.16/12", "block in on em0 from 10/8",
                  "block out on em0 inet6 from 2001:db8::/32"):  # fmt: skip
        assert "translation" not in reader.warnings(f"nat on em0 from 10/8 to any -> 192.0.2.1\n{exact}\n"), exact


def test_match_nat_to_hides_sources_from_later_rules_only(reader: Any) -> None:
    text = "block\npass\nblock out on em0 from 10.0.0.9\nmatch out on em0 from 10/8 nat-to 192.0.2.1\n"
    assert reader.verdict(text, GOING) == "drop"
    assert reader.warnings(text) == ""
    later = "block\npass\nmatch out on em0 from 10/8 nat-to 192.0.2.1\nblock out on em0 from 10.0.0.9\n"
    assert reader.verdict(later, GOING) == "accept"
    assert reader.verdict(later, GOING, "after translation: source 10.0.0.9") == "drop"
    assert reader.outcome(later, GOING).effects[Field.TRANSLATION] == "snat to 192.0.2.1"


def test_pass_rdr_to_matches_the_original_destination(reader: Any) -> None:
    text = "block\npass out\npass in on em0 proto tcp to 192.0.2.1 port 80 rdr-to 10.0.0.5 port 8080\n"
    assert reader.verdict(text, THROUGH) == "drop"
    assert reader.verdict(text, THROUGH, *BEFORE) == "accept"
    assert reader.outcome(text, THROUGH, *BEFORE).effects[Field.TRANSLATION] == "dnat to 10.0.0.5:8080"
    exact = (
        text
        + "block in on em0 proto tcp to 192.0.2.1 port 22\nblock in on em1 to 10.0.0.5\n"
        + "block in proto udp to 192.0.2.1\n"
    )
    hidden = [each.message for each in reader.read(exact).warnings]
    assert hidden == ["1 tests see addresses before or after translation: they are conditions"]


def test_translation_and_anchors_from_files_have_no_order(reader: Any, tmp_path: Path) -> None:
    put(tmp_path, nat="match out on em0 from 10/8 nat-to 192.0.2.1\n", block="block in to 192.0.2.1\n")
    text = 'anchor "a"\nblock out on em0 from 10.0.0.9\nload anchor "a" from "nat"\n'
    assert reader.verdict(text, GOING) == "accept"
    assert reader.verdict(text, GOING, "after translation: source 10.0.0.9") == "drop"
    text = 'anchor "a"\nmatch in on em0 to 192.0.2.1 rdr-to 10.0.0.5\nload anchor "a" from "block"\n'
    assert reader.verdict(text, THROUGH, "before translation: destination 192.0.2.1") == "drop"


def test_match_rdr_to_shows_later_rules_the_new_destination(reader: Any) -> None:
    text = (
        "block\npass out\nmatch in on em0 proto tcp to 192.0.2.1 port 80 rdr-to 10.0.0.5 port 8080\n"
        "pass in proto tcp to 10.0.0.5 port 8080\n"
    )
    assert reader.verdict(text, THROUGH) == "accept"


def test_binat_translates_both_ways(reader: Any) -> None:
    text = "binat on em0 from 10.0.0.5 to any -> 192.0.2.5\nblock in\npass in to 10.0.0.5\n"
    inside = "before translation: destination 192.0.2.5"
    assert reader.outcome(text, THROUGH, inside).effects[Field.TRANSLATION] == "dnat to 10.0.0.5"
    going = GOING.replace("10.0.0.9", "10.0.0.5").replace("em1 em0", "em1 em0")
    assert reader.outcome("binat on em0 from 10.0.0.5 to any -> 192.0.2.5\n", going).effects[
        Field.TRANSLATION
    ] == "snat to 192.0.2.5"  # fmt: skip


def test_anchors_of_translation_may_be_filled(reader: Any) -> None:
    text = 'nat-anchor "x/*"\nrdr-anchor "y"\npass\n'
    assert 'anchor "y"' in reader.opaque(text)
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict(text, SSH, 'anchor "y" is filled') == "unknown"
    assert reader.verdict(text, SSH, 'anchor "x/*" is filled') == "accept"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nat on em0 from 10/8", '"->" and an address'),
        ("no nat on em0 -> 192.0.2.1", "puts nothing in place"),
        ("no nat pass on em0", "cannot stand after"),
        ("rdr on em0 to port 80 -> 10.0.0.1", "ports need proto"),
        ("rdr on em0 -> 10.0.0.1 port 80", "ports need proto"),
        ("nat quick on em0 -> 10.0.0.1", "is expected"),
    ],
)
def test_wrong_translation(text: str, reason: str, reader: Any) -> None:
    assert reason in reader.problem(text + "\n")


# --- errors ----------------------------------------------------------------------------------------


def test_every_problem_is_named_with_its_place(reader: Any) -> None:
    found = reader.problem(
        "block al\n\npas in\n  pass in proto tpc\nset blok-policy drop\npass in quikc\nset timeout udp.foo 3\n"
    )
    lines = found.split("\n")
    assert [line.split(" ")[0] for line in lines] == ["1:7", "3:1", "4:17", "5:5", "6:9", "7:13"]
    for wanted in ("pass", "tcp", "block-policy", "udp.first"):
        assert f'did you mean "{wanted}"' in found, wanted


def test_many_problems_are_counted() -> None:
    with pytest.raises(ReadError) as refused:
        pf.read([Source("x", b"foo bar\n" * 100_000)], {})
    assert 40 < len(refused.value.diagnostics) < 60


@pytest.mark.parametrize(
    "text",
    ["include \"x", "table <t> {", "pass from <", "pass from (", "pass proto {", "set", "set skip on", "$",
     "anchor \"", "pass in on", "pass flags", "pass label", "pass tagged", "pass ! x", "pass port", "load anchor x",
     "pass keep state (", "pass set (", "pass user", "antispoof for", "nat", "no", "no scrub (", "queue", "altq",
     "ether", "pass route-to (", "pass route-to ( em0", "pass max-pkt-rate 5", "pass probability x", "pass tos 256",
     "pass icmp-type", "- 5", "pass from 10.0.0.1 -", "pass scrub (no-df", "pass divert-to", "x = {",
     "pass from -1", "pass proto -1", "match nat-to", "pass from 10.0.0.1/", "pass log (", "pass prio 9"],
)  # fmt: skip
def test_half_statements_are_refused_with_a_place(text: str, reader: Any) -> None:
    for whole in (text, text + "\n"):
        assert reader.problem(whole).startswith("1:")


# --- limits ----------------------------------------------------------------------------------------


LINE = 4 * 2**20 - 100


def lines(line: bytes) -> bytes:
    return line * (MOST_BYTES // len(line))


def row(start: bytes, word: bytes, end: bytes = b"\n") -> bytes:
    """One line, as long as lines may be."""
    return start + word * ((LINE - len(start) - len(end)) // len(word)) + end


LONG_RULE = b'pass in quick on em0 inet proto tcp from 10.0.0.1 to 10.0.0.2 port { 22, 80 } label "xxxx"\n'
HUGE: dict[str, Callable[[], bytes]] = {
    "line feeds": lambda: b"\n" * MOST_BYTES,
    "short rules": lambda: lines(b"pass\n"),
    "long rules": lambda: lines(LONG_RULE),
    "macros": lambda: (
        b'a = "10.0.0.1"\n' + lines(b"pass in quick on em0 proto tcp from $a to $a port 22 # xxxxx\n")[70:]
    ),
    "one table": lambda: row(b"table <t> { ", b"10.0.0.1 ", b"}\n"),
    "four tables": lambda: row(b"table <t> { ", b"!1.0.0.1 ", b"}\n") * 3,
    "list over lines": lambda: b"pass from {\n" + b"10.0.0.1 10.0.0.2 10.0.0.3\n" * 500_000,
    "braces": lambda: row(b"pass from ", b"{"),
    "quotes": lambda: row(b"", b'"'),
    "one quote per line": lambda: lines(b'"\n'),
    "backslashes": lambda: lines(b"\\\n"),
    "comment": lambda: b"#" + lines(b"\\\n")[2:],
    "errors": lambda: lines(b"this is no rule at all\n"),
    "one word": lambda: row(b"", b"a"),
    "too long a line": lambda: b"a" * MOST_BYTES,
    "anchors": lambda: lines(b"anchor a {\n"),
    "undefined tables": lambda: b"".join(b"pass from <t%d>\n" % number for number in range(MOST_BYTES // 20)),
    "negated list": lambda: row(b"pass from { ", b"!1.0.0.1 ", b"}\n"),
    "dollars": lambda: row(b'a = "$"\n', b"$a "),
    "macro of macros": lambda: row(b'a = "' + b"x " * 4000 + b'"\nb = ', b"$a "),
    "macros of many words": lambda: b'a = "' + b"x " * 4000 + b'"\n' + lines(b"foo $a xxxxxxxxxxxxx\n")[9000:],
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_files_are_read_or_refused_in_time(name: str) -> None:
    content = HUGE[name]()
    assert len(content) <= MOST_BYTES
    began = time.process_time()
    with suppress(ReadError):
        pf.read([Source("huge", content)], {})
    assert time.process_time() - began < 10


def test_ten_thousand_rules_are_read_quickly() -> None:
    lines = [
        f"pass in quick on em{n % 3} inet proto tcp from <zone-{n % 50}> to 10.{n % 200}.{n % 250}.0/24"
        f" port {{ {n}, 22 }}"
        f' tagged fwa_self label "in {n:05} rule"\n'
        for n in range(10_000)
    ]
    tables = [f"table <zone-{n}> const {{ 10.1.{n}.0/24, 2001:db8:{n}::/48 }}\n" for n in range(50)]
    source = Source("x", "".join([*tables, *lines]).encode())
    began = time.process_time()
    firewall = pf.read([source], {})
    assert time.process_time() - began < 1.5
    assert len(firewall.chains["in"].rules) == 10_000


SEEDS = (
    'ext = "em0"\ntable <t> persist { 10/8, !10.1/16 }\nset skip on lo\nscrub in all\nnat on $ext from 10/8 -> ($ext)\n'
    'block return in log quick on $ext inet proto { tcp, udp } from <t> to any port { 22, 80:90, > 1000 } label "x"\n'
    "anchor \"a\" in on em0 {\n pass in inet proto icmp icmp-type { 8, 3 code 4 } keep state (max 5, sloppy)\n}\n",
    "match in all scrub (no-df max-mss 1440)\nantispoof quick for em0\n"
    "pass out from (self) to ! 10.0.0.1 nat-to 192.0.2.1\n"
    'pass in proto tcp from any os "x" to 10.0.0.1 - 10.0.0.9 port 1 >< 9 flags S/SA user root tag T \\\n tagged U\n',
    PRINTED,
)  # fmt: skip


def mutated(dice: random.Random, text: bytes) -> bytes:
    raw = bytearray(text)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(raw) + 1)
        match dice.randrange(5):
            case 0:
                raw[at:at] = dice.choice(
                    [b"{", b"}", b"(", b"\n", b'"', b"\\", b"$", b"!", b"<", b">", b"#", b"/", b"-", b","]
                )
            case 1:
                del raw[at : at + dice.randint(1, 20)]
            case 2:
                raw[at:at] = raw[at : at + dice.randint(1, 40)]
            case 3:
                raw[at:at] = bytes([dice.randrange(256)])
            case _:
                words = raw.split(b" ")
                dice.shuffle(words)
                raw = bytearray(b" ".join(words)) if dice.random() < 0.1 else raw
    return bytes(raw)


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_mutated_texts_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    refused = 0
    for _ in range(1500):
        content = mutated(dice, SEEDS[seed].encode())
        source = Source("x", content, tmp_path)
        assert 0 <= pf.recognize(source) <= 100
        before, refused = refused, refused + 1
        with suppress(ReadError):
            pf.read([source], {"variant": dice.choice(["", "", "openbsd", "freebsd", "freebsd-12"])})
            refused = before
    assert 100 < refused < 1500


@pytest.mark.parametrize("seed", range(3))
def test_any_bytes_are_read_or_refused(seed: int) -> None:
    dice = random.Random(f"bytes {seed}")
    words = [b"pass", b"block", b"from", b"{", b"}", b"\n", b"10/8", b"<t>", b'"', b"port", b"proto tcp", b"anchor x {",
             b"set", b"= ", b"!", b"\\\n", b"table", b"nat", b"->", b"keep state (", b"max 5", b")",
             b"flags S/SA"]  # fmt: skip
    for _ in range(1500):
        content = b" ".join(dice.choices(words, k=dice.randint(1, 30)))
        if dice.random() < 0.2:
            content = dice.randbytes(dice.randint(1, 200))
        with suppress(ReadError):
            pf.read([Source("x", content)], {})
