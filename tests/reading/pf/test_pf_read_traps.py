"""Every trap of pf that changes a meaning; the sections are those of our notes on pf, which follow pf.conf(5)."""

from __future__ import annotations

from typing import Any

import pytest

SSH = "input em0 tcp 10.0.0.9 > 192.0.2.1:22"
SSH6 = "input em0 tcp [2001:db8::9]:40000 > [2001:db8::1]:22"
UDP = "input em0 udp 10.0.0.9 > 192.0.2.1:22"
THROUGH = "forward em1 em0 tcp 10.0.0.9 > 203.0.113.7:80"
PONG = "input em0 icmp/0 10.0.0.9 > 192.0.2.1"
PONG6 = "input em0 icmpv6/129 2001:db8::9 > 2001:db8::1"
NEIGHBOUR = "input em0 icmpv6/136 2001:db8::9 > 2001:db8::1"


# --- section 1: which rule decides ---------------------------------------------------------------------


def test_1_no_rule_passes_and_a_routed_packet_is_asked_twice(reader: Any) -> None:
    assert reader.verdict("", SSH) == "accept"
    assert reader.verdict("block all\npass in all", THROUGH) == "drop"
    assert reader.verdict("block all\npass all", THROUGH) == "accept"


def test_1_match_never_decides_but_its_tag_sticks(reader: Any) -> None:
    text = "match in all tag T\nblock in all\npass in tagged T"
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict("block in all\nmatch in all", SSH) == "drop"


def test_1_skip_takes_no_negation(reader: Any) -> None:
    assert 'takes no "!"' in reader.problem("set skip on ! em0\n")
    assert 'takes no "!"' in reader.problem("set skip on { em1 ! em0 }\n")


def test_1_lo_is_the_loopback_group(reader: Any) -> None:
    text = "set skip on lo\nblock all"
    assert reader.verdict(text, "input lo tcp 127.0.0.1 > 127.0.0.1:22") == "accept"
    assert reader.verdict(text, SSH) == "drop"


def test_1_on_any_is_not_for_old_freebsd(reader: Any) -> None:
    assert reader.verdict("block on any", SSH) == "drop"
    assert "FreeBSD 12 does not accept" in reader.problem("block on any\n", variant="freebsd-12")


def test_1_a_misspelt_interface_matches_nothing(reader: Any) -> None:
    assert reader.verdict("block on nosuch0", SSH) == "accept"


# --- section 2: state ------------------------------------------------------------------------------


def test_2_flags_belong_to_tcp(reader: Any) -> None:
    assert "flags only belong to proto tcp" in reader.problem("pass proto udp flags S/SA")
    assert reader.verdict("block proto { tcp udp } flags FUP/FUP", UDP) == "drop"
    assert reader.verdict("block proto { tcp udp } flags FUP/FUP", SSH) == "accept"


def test_2_source_limits_of_connections_never_fire_on_udp(reader: Any) -> None:
    text = "block\npass in proto {0} keep state (max-src-conn 3, max-src-conn-rate 5/10)"
    udp, tcp = reader.read(text.replace("{0}", "udp")), reader.read(text.replace("{0}", "tcp"))
    assert len(udp.chains["in"].rules) == 2
    assert len(tcp.chains["in"].rules) == 4
    reached = "max-src-conn 3 reached: pass in {0} keep state (max-src-conn 3)"
    for protocol, sentence, wanted in (("proto tcp", SSH, "drop"), ("proto udp", UDP, "accept"), ("", UDP, "accept")):
        rule = f"block\npass in {protocol} keep state (max-src-conn 3)"
        assert reader.verdict(rule, sentence, reached.replace("{0} ", f"{protocol} ".lstrip())) == wanted


def test_2_a_reached_limit_drops_but_old_freebsd_goes_on(reader: Any) -> None:
    text = "block return\npass in keep state (max 5)\n"
    reached = "max 5 states reached: pass in keep state (max 5)"
    assert reader.verdict(text, SSH) == "accept"
    for variant in ("openbsd", "freebsd"):
        assert reader.verdict(text, SSH, reached, variant=variant) == "drop"
    assert reader.verdict(text, SSH, reached, variant="freebsd-12") == "reject"
    assert reader.verdict(text, SSH, variant="freebsd-12") == "accept"


def test_2_where_nothing_tells_the_variant_a_reached_limit_is_warned_of(reader: Any) -> None:
    text = "block\npass in keep state (max 5)\n"
    assert "FreeBSD 12" in reader.warnings(text)
    assert reader.warnings(text, variant="openbsd") == ""


def test_2_limits_of_lists_count_for_each_rule_of_the_list(reader: Any) -> None:
    text = "block\npass in from { 10.0.0.9 10.0.0.8 } keep state (max 5)"
    reached = "max 5 states reached: pass in from { 10.0.0.9 10.0.0.8 } keep state (max 5)"
    assert reader.verdict(text, SSH, reached) == "drop"
    assert reader.verdict(text, SSH, f"{reached} (2)") == "accept"
    assert reader.opaque(text) == ""


# --- section 3: block, drop, return -----------------------------------------------------------------


@pytest.mark.parametrize("text", ["block log return", "pass quick in", "pass log log", "block in drop", "pass in out"])
def test_3_words_out_of_order_are_syntax_errors(text: str, reader: Any) -> None:
    assert "is expected" in reader.problem(text)


def test_3_the_right_order(reader: Any) -> None:
    assert reader.verdict("block return log quick on em0\npass", SSH) == "reject"


# --- section 4: addresses, lists, negation, tables --------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pass from { 10.0.0.1, }", "expected after this comma"),
        ("pass from { 10.0.0.1,, 10.0.0.2 }", "expected after this comma"),
        ("pass from { }", "a list cannot be empty"),
        ("pass from ! { 10.0.0.1 }", "a list cannot stand here"),
        ("pass from { 10.0.0.1", "this list is not closed"),
        ("pass from { 10.0.0.1,\n 10.0.0.2 }", "expected after this comma"),
        ("pass from 10.0.0.1/33", "at most 32 bits"),
        ("pass from 2001:db8::/129", "at most 128 bits"),
        ("pass from 10.0.0.0/255.0.0.0", "a prefix length is expected"),
        ("pass from [2001:db8::1]", "is expected"),
        ("pass from 10.0.0.01", "is no address"),
        ("pass from 10.0.0.256", "is no address"),
        ("pass from 10.1", "is no address"),
        ("pass from 10.0.0.1-10.0.0.9", "is no address"),
        ("pass from 10.0.0.1 - 2001:db8::1", "of the same family"),
        ("pass from em0:netwrk", "is no modifier"),
        ("pass from (em0:netwrk)", "is no interface"),
        ("pass inet6 from 10.0.0.1", "no valid combination"),
        ("pass from 10.0.0.1 to 2001:db8::1", "no valid combination"),
        ("table <t> { <u> }", "cannot hold tables"),
        ("table <t> { 10.0.0.1 - 10.0.0.9 }", "a range cannot stand in a table"),
        ("table <t> { (em0) }", "in parentheses cannot stand in a table"),
        ("table <t> { any }", "cannot stand in a table"),
        ("table <pass> { 10.0.0.1 }", "is a word of pf.conf"),
        (f"table <{'x' * 32}> persist", "longer than 31"),
        ("pass to urpf-failed", "is no destination"),
    ],
)  # fmt: skip
def test_4_what_pfctl_refuses(text: str, reason: str, reader: Any) -> None:
    assert reason in reader.problem(text + "\n")


def test_4_lists_of_negations_match_nearly_everything(reader: Any) -> None:
    text = "block from { !10.0.0.9, !10.0.0.8 }"
    assert reader.verdict(text, SSH) == "drop"
    assert "negated one lets nearly every address match" in reader.warnings(text)
    assert reader.verdict("block from ! 10.0.0.9", SSH) == "accept"
    assert reader.warnings("block from ! 10.0.0.9") == ""


def test_4_the_same_with_interfaces_and_ports(reader: Any) -> None:
    assert reader.verdict("block on { !em0, !em1 }", SSH) == "drop"
    assert "nearly every interface" in reader.warnings("block on { !em0, !em1 }")
    assert reader.verdict("block on { !em0, em1 }", SSH) == "accept"
    assert reader.verdict("block proto tcp to port { != 22, != 80 }", SSH) == "drop"
    assert "nearly every port" in reader.warnings("block proto tcp to port { != 22, != 80 }")


def test_4_a_negated_table_is_the_way_to_negate_a_set(reader: Any) -> None:
    text = "table <t> { 10.0.0.9, 10.0.0.8 }\nblock from ! <t>"
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict(text, "input em0 tcp 10.0.0.7 > 192.0.2.1:22") == "drop"
    assert reader.verdict(text, SSH6) == "drop"


def test_4_any_in_a_list_depends_on_the_variant(reader: Any) -> None:
    text = "block from { any, 10.0.0.8 }\n"
    for variant in ("openbsd", "freebsd"):
        assert reader.verdict(text, SSH, variant=variant) == "drop"
        assert reader.opaque(text, variant=variant) == ""
    assert reader.verdict(text, SSH, variant="freebsd-12") == "accept"
    assert reader.verdict(text, "input em0 tcp 10.0.0.8 > 192.0.2.1:22", variant="freebsd-12") == "drop"
    assert "FreeBSD before 15" in reader.opaque(text)
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict(text, SSH, '"any" counts in a list') == "drop"
    assert reader.verdict("block from { any }", SSH) == "drop"


def test_4_any_in_a_list_where_something_else_tells_the_variant(reader: Any) -> None:
    assert reader.verdict("match in\nblock from { any, 10.0.0.8 }", SSH) == "drop"
    assert reader.opaque("match in\nblock from { any, 10.0.0.8 }") == ""


def test_4_host_bits_are_cleared_silently(reader: Any) -> None:
    assert reader.verdict("block from 10.1.2.3/8", SSH) == "drop"
    assert reader.verdict("block from 2001:db8::5/32", SSH6) == "drop"
    assert reader.verdict("block from 0/0", SSH) == "drop"
    assert reader.verdict("block from 0/0", SSH6) == "accept"


def test_4_mixed_lists_keep_the_pairs_that_match(reader: Any) -> None:
    text = "block from { 10.0.0.9 2001:db8::7 } to { 192.0.2.1 2001:db8::1 }"
    assert reader.verdict(text, SSH) == "drop"
    assert reader.verdict(text, SSH6) == "accept"
    assert reader.verdict("block inet from { 10.0.0.8 2001:db8::9 }", SSH6) == "accept"


def test_4_a_negated_interface_or_self_without_parentheses_is_not_told(reader: Any) -> None:
    for host in ("self", "em0", "em0:network"):
        assert "makes a rule for each of its addresses" in reader.opaque(f"block from ! {host}")
        assert reader.opaque(f"block from ! ({host})") == ""


def test_4_scopes_bind_the_rule_or_not(reader: Any) -> None:
    link = "input em0 tcp [fe80::1]:40000 > [fe80::2]:22"
    text = "block in from fe80::1%em0"
    assert "binds the rule" in reader.opaque(text)
    assert reader.verdict(text, link) == "accept"
    assert reader.verdict(text, link, "the scope em0 fits") == "drop"
    assert reader.opaque("block on em0 from fe80::1%em0") == ""
    assert reader.verdict("block on em0 from fe80::1%em0", link) == "drop"
    assert reader.opaque(text + "\n", variant="freebsd-12") == ""
    assert reader.verdict(text + "\n", link, variant="freebsd-12") == "drop"
    other = "input em1 tcp [fe80::1]:40000 > [fe80::2]:22"
    assert reader.verdict(text + "\n", other, variant="freebsd-12") == "accept"


def test_4_host_names_are_looked_up_at_load(reader: Any) -> None:
    for name in ("www.example.com", "localhost", "lan"):
        assert "looked up when the rules are loaded" in reader.opaque(f"block from {name}")
        assert reader.verdict(f"block from {name}", SSH, f"source is {name}") == "drop"


def test_4_the_longest_prefix_of_a_table_decides(reader: Any) -> None:
    text = "table <t> { 10.0.0.0/8, !10.0.0.0/24, 10.0.0.9, !2001:db8::/32, 2001::/16 }\nblock from <t>"
    assert reader.verdict(text, SSH) == "drop"
    assert reader.verdict(text, "input em0 tcp 10.0.0.8 > 192.0.2.1:22") == "accept"
    assert reader.verdict(text, "input em0 tcp 10.0.1.8 > 192.0.2.1:22") == "drop"
    assert reader.verdict(text, SSH6) == "accept"


def test_4_an_undefined_table_is_empty(reader: Any) -> None:
    text = "table <bad> { 10.0.0.9 }\nblock from <bda>"
    assert reader.verdict(text, SSH) == "accept"
    found = [each for each in reader.read(text).warnings if "not defined" in each.message]
    assert [each.span.line for each in found] == [2]
    assert 'did you mean "bad"?' in found[0].hint
    assert found[0].labels[0].span.line == 1
    assert reader.verdict("set skip on lo\nblock from ! <bda>", SSH) == "drop"


def test_4_a_table_that_lists_nothing_keeps_what_it_has(reader: Any) -> None:
    text = "table <bad> persist\nblock from <bad>"
    assert "contents of table <bad> are not known" in reader.opaque(text)
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict(text, SSH, "set bad (src)") == "drop"
    assert reader.opaque("table <bad> persist {}\nblock from <bad>") == ""
    assert reader.verdict("table <bad> {}\nblock from <bad>", SSH) == "accept"


# --- section 5: ports, protocols, ICMP -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pass to port 22", "ports need proto"),
        ("pass proto tcp port 22", "is expected"),
        ("pass proto tcp all port 22", "is expected"),
        ("pass proto any", '"any" is no protocol'),
        ("pass proto { tcp icmp } to port 22", "ports need proto"),
        ("pass proto tcp to port 65536", "the largest is 65535"),
        ("pass proto tcp to port > 65536", "the largest is 65535"),
        ("pass proto tcp to port 2000:1000", "ends before it begins"),
        ("pass proto tcp to port 10 >< 10", "ends before it begins"),
        ("pass proto tcp to port 20 <> 10", "ends before it begins"),
        ("pass proto tcp to port > 10:20", "cannot be used together"),
        ("pass proto tcp to port 1024:*", "is not known here"),
        ("pass proto tcp to port 1024 : 2000", "is expected"),
        ("pass proto tcp to port htpp", 'did you mean "http"'),
        ("pass proto 0", "protocol 0"),
        ("pass proto 256", "too large"),
        ("pass proto TCPP", "is not known here"),
        ("pass proto icmp icmp-type 8", "needs the address family"),
        ("pass inet icmp-type 8", "needs proto icmp"),
        ("pass inet6 proto icmp icmp-type 8", "no valid|other address family"),
        ("pass inet proto icmp icmp6-type 8", "needs proto icmp6"),
        ("pass inet proto icmp icmp-type 8 code { 0, 1 }", "a list of codes"),
        ("pass inet proto icmp icmp-type echorequest", 'did you mean "echoreq"'),
        ("pass inet proto icmp icmp-type 256", "too large"),
        ("block return-rst", "return-rst"),
        ("block keep state", "keeps no state"),
        ("block in allow-opts", "allow-opts"),
        ("pass proto tcp flags X/SA", "is no TCP flag"),
        ("pass proto tcp flags SA/S", "never match"),
        ("pass proto tcp to port 22 fragment", "fragments have no ports"),
    ],
)  # fmt: skip
def test_5_what_pfctl_refuses(text: str, reason: str, reader: Any) -> None:
    found = reader.problem(text + "\n")
    assert any(part in found for part in reason.split("|")), found


def test_5_the_protocol_of_an_anchor_does_not_count_for_ports(reader: Any) -> None:
    assert "ports need proto" in reader.problem("anchor proto udp {\npass to port 53\n}\n")


def test_5_reversed_ranges_are_none_for_old_freebsd(reader: Any) -> None:
    for ports in ("2000:1000", "10 >< 10"):
        text = f"block proto udp to port {ports}\n"
        assert reader.verdict(text, UDP, variant="freebsd-12") == "accept"
        assert "never matches" in reader.warnings(text, variant="freebsd-12")


def test_5_ports_of_sctp_are_freebsds(reader: Any) -> None:
    text = "block\npass proto sctp to port 3868\n"
    assert reader.verdict(text, "input em0 sctp 10.0.0.9 > 192.0.2.1:3868") == "accept"
    assert "OpenBSD does not accept ports of sctp" in reader.problem(text, variant="openbsd")


def test_5_openbsd_never_matches_answers_of_icmp_with_state(reader: Any) -> None:
    for text, sentence in (
        ("block\npass", PONG),
        ("block\npass", PONG6),
        ("block\npass inet proto icmp icmp-type echorep", PONG),
        ("block\npass proto { icmp icmp6 tcp }", PONG6),
    ):
        assert reader.verdict(text, sentence, variant="openbsd") == "drop"
        assert reader.verdict(text, sentence, variant="freebsd") == "accept"
        assert reader.verdict(f"{text} no state", sentence, variant="openbsd") == "accept"
        assert reader.verdict(f"{text} keep state (sloppy)", sentence, variant="openbsd") == "accept"
    assert reader.verdict("block\npass", NEIGHBOUR, variant="openbsd") == "accept"
    assert reader.verdict("pass\nblock proto icmp", PONG, variant="openbsd") == "drop"
    assert reader.verdict("block\npass", SSH, variant="openbsd") == "accept"


def test_5_where_nothing_tells_the_variant_an_answer_is_warned_of(reader: Any) -> None:
    text = "block\npass inet proto icmp icmp-type { 8, 0 }"
    assert "OpenBSD never matches" in reader.warnings(text)
    assert reader.verdict(text, PONG) == "accept"
    assert reader.warnings("block\npass inet proto icmp icmp-type 8") == ""
    assert reader.warnings(text, variant="freebsd") == ""


# --- section 6 and 7: order of statements, variants --------------------------------------------------------


def test_6_freebsd_wants_its_order(reader: Any) -> None:
    text = "pass\nset block-policy drop\n"
    assert "in order" in reader.problem(text, variant="freebsd")
    assert reader.read(text, variant="openbsd").opaque == ()
    assert reader.problem("nat on em0 from any -> (em0)\nset optimization normal\n")
    assert reader.read("set require-order no\npass\nset optimization normal\n", variant="freebsd").opaque == ()
    for late in ("set skip on lo", "table <t> { 10.0.0.1 }", 'x = "y"', "set state-policy if-bound"):
        assert reader.read(f"pass\n{late}\n", variant="freebsd").opaque == ()


def test_6_a_later_option_tells_openbsd(reader: Any) -> None:
    text = "block\npass\nset optimization normal\n"
    assert reader.verdict(text, PONG) == "drop"


def test_6_antispoof_expands_to_conditions(reader: Any) -> None:
    firewall = reader.read("antispoof quick for em0 inet label x")
    assert len(firewall.chains["in"].rules) == 2
    assert firewall.chains["out"].rules == ()


OPENBSD_ONLY = [
    "pass in once", "pass divert-packet port 700", "pass on rdomain 1", "pass set queue q", "set debug notice",
    "set limit tables 5000", "queue main on em0 bandwidth 1G\nqueue sub parent main bandwidth 10M default",
    "set queue x",
]  # fmt: skip
FREEBSD_ONLY = [
    "nat on em0 from 10/8 to any -> (em0)", "rdr pass on em0 proto tcp to port 80 -> 10.0.0.1", "scrub in all",
    "binat on em0 from 10.0.0.1 to any -> 192.0.2.1", 'nat-anchor "x"', "pass queue q", "set fail-policy drop",
    "altq on em0 cbq queue { a b }", "set require-order no", "set debug urgent", "pass in route-to (em0 10.0.0.1)",
    "no nat on em0", "no scrub in",
]  # fmt: skip
FREEBSD_15 = ["pass dnpipe 1", "pass ridentifier 5", 'pass label "a" label "b"', "ether pass", "set keepcounters",
              "pass max-pkt-size 1400"]  # fmt: skip
NEWER = ["match in", "pass out nat-to 192.0.2.1", "set reassemble yes no-df", "set syncookies always",
         "pass out received-on em1", "pass max-pkt-rate 5/1", "pass log (matches)", "pass keep state (pflow)",
         "pass in rdr-to 10.0.0.1"]  # fmt: skip
EVERYWHERE = [
    "pass in proto tcp tos ef",
    "set state-policy if-bound",
    "set state-defaults no-sync",
    "pass tag x",
    "pass set prio 3",
    "pass keep state (max-src-conn 3, overload <t> flush global)",
    "anchor x {\npass\n}",
]


@pytest.mark.parametrize(
    ("text", "accepting"),
    [
        *((each, {"openbsd"}) for each in OPENBSD_ONLY),
        *((each, {"freebsd", "freebsd-12"}) for each in FREEBSD_ONLY),
        *((each, {"freebsd"}) for each in FREEBSD_15),
        *((each, {"openbsd", "freebsd"}) for each in NEWER),
        *((each, {"openbsd", "freebsd", "freebsd-12"}) for each in EVERYWHERE),
    ],
)  # fmt: skip
def test_7_what_each_variant_accepts(text: str, accepting: set[str], reader: Any) -> None:
    reader.read(text + "\n")
    for variant in ("openbsd", "freebsd", "freebsd-12"):
        if variant in accepting:
            reader.read(text + "\n", variant=variant)
        else:
            assert "does not accept" in reader.problem(text + "\n", variant=variant)


def test_7_no_pf_loads_a_mixture(reader: Any) -> None:
    found = reader.problem("nat on em0 from 10/8 to any -> (em0)\npass once\n")
    assert "no pf loads this file" in found
    assert found.startswith("2:6 ")


def test_7_an_unknown_variant(reader: Any) -> None:
    assert 'did you mean "openbsd"' in reader.problem("pass", variant="opnbsd")


# --- section 8: lexical traps --------------------------------------------------------------------------


def test_8_carriage_returns_and_byte_order_marks_are_errors(reader: Any) -> None:
    assert reader.problem(b"block all\r\npass in\r\n").startswith("1:10 a carriage return")
    assert "byte order mark" in reader.problem(b"\xef\xbb\xbfblock all\n")
    assert "byte order mark" in reader.problem("block all\n".encode("utf-16"))
    assert reader.verdict("# x\r\nblock all # y\r\n", SSH) == "drop"


def test_8_old_freebsd_wants_a_last_line_feed(reader: Any) -> None:
    assert "line feed" in reader.problem("block all", variant="freebsd-12")
    assert reader.verdict("block all", SSH, variant="freebsd") == "drop"


def test_8_a_comment_that_ends_in_a_backslash_swallows_the_next_line(reader: Any) -> None:
    text = "block all\n# let them in \\\npass in\n"
    assert reader.verdict(text, SSH) == "drop"
    assert "the next line belongs to this comment" in reader.warnings(text)
    assert reader.verdict("block all\n# let them in \\ \npass in\n", SSH) == "accept"
    assert reader.verdict("block all # no \\\n pass in \\\n quick\npass out", SSH) == "drop"


def test_8_a_comment_inside_of_a_continued_rule_is_an_error(reader: Any) -> None:
    assert "is expected" in reader.problem("pass in \\\n# why\n on em0\n")


def test_8_a_backslash_joins_lines(reader: Any) -> None:
    assert reader.verdict("block \\\n in \\\n all\n", SSH) == "drop"
    assert reader.verdict("blo\\\nck all", SSH) == "drop"
    assert "is expected" in reader.problem("block \\ \n in\n all\n")


MACROS = [
    ('if = "em0"\nblock on $if', "drop"),
    ("if = em0\nblock on $if", "drop"),
    ('if = "em1"\nif = "em0"\nblock on $if', "drop"),
    ('unused = "x"\nblock', "drop"),
    ('a = "10.0.0.9"\nb = "{" $a "10.0.0.2 }"\nblock from $b', "drop"),
    ('a = "10.0.0."\nblock from $a"9"', "error"),
    ('net = "10.0.0.0"\nblock from $net/24', "drop"),
    ('a = "10.0.0"\nblock from $a.9', "drop"),
    ('who = "from 10.0.0.9"\nblock $who', "drop"),
    ('who = "{ 10.0.0.9, \\\n 10.0.0.8 }"\nblock from $who', "drop"),
    ('who = "{ 10.0.0.9,\n 10.0.0.8 }"\nblock from $who', "drop"),
    ("who = '10.0.0.9'\nblock from $who", "drop"),
    ('a = "10.0.0.9"\nw = "{ $a }"\nblock from $w', "error"),
    ("block from $nobody", "error"),
    ('my-if = "em0"\nblock on $my-if', "error"),
    ('pass = "em0"', "error"),
    ('in = "em0"', "error"),
    ("x = in", "error"),
    ("x =", "error"),
    ('x = "all # not me"\nblock $x', "drop"),
    ("p = 22\nblock proto tcp to port $p", "drop"),
]


@pytest.mark.parametrize(("text", "wanted"), MACROS, ids=range(len(MACROS)))
def test_8_macros(text: str, wanted: str, reader: Any) -> None:
    if wanted == "error":
        assert reader.problem(text)
    else:
        assert reader.verdict(text, SSH) == wanted


def test_8_a_macro_with_a_modifier(reader: Any) -> None:
    text = 'if = "em0"\nblock from $if:network to ($if)'
    both = ("source is in a network of em0", "destination is an address of em0")
    assert reader.verdict(text, SSH, *both) == "drop"


def test_8_undefined_macros_have_a_place_and_a_proposal(reader: Any) -> None:
    found = reader.problem('ext_if = "em0"\nblock on $ext_fi\n')
    assert found.startswith('2:10 macro "ext_fi" is not defined')
    assert 'did you mean "ext_if"?' in found
    assert "letters, digits and _ only" in reader.problem('my-if = "em0"\nblock on $my-if\n')


def test_8_words_are_lower_case_and_reserved_ones_are_quoted(reader: Any) -> None:
    assert 'did you mean "block"' in reader.problem("Block all\n")
    assert "is a word of pf.conf" in reader.problem("block on queue\n")
    assert reader.verdict('block on "queue"', SSH) == "accept"


def test_8_limits_of_names(reader: Any) -> None:
    assert "at most 63 bytes" in reader.problem(f'pass label "{"x" * 64}"\n')
    assert "at most 63 bytes" in reader.problem(f'pass tag "{"é" * 32}"\n')
    assert reader.read(f'pass label "{"é" * 31}"\n').chains["in"].rules[0].comment == "é" * 31
    assert "longer than 15" in reader.problem("block on abcdefghijklmnop0\n")
    assert "8 KB" in reader.problem(f'x = "{"y" * 9000}"\n')
    assert "8 KB" in reader.problem(f"block on {'y' * 9000}\n")
    assert "begin with _" in reader.problem('anchor "_x"\n')
    assert "at most 63 characters" in reader.problem(f'anchor "{"x" * 64}"\n')


def test_8_strings_go_on_over_lines(reader: Any) -> None:
    assert reader.read('pass label "a\nb"\npass\n').chains["in"].rules[0].comment == "ab"
    assert "this quote is not closed" in reader.problem('pass label "a\npass\n')
    assert reader.read("pass label 'it \"s'").chains["in"].rules[0].comment == 'it "s'
    assert reader.read('pass label "a\\"b"').chains["in"].rules[0].comment == 'a"b'


# --- section 9: anchors --------------------------------------------------------------------------------


ANCHORS = [
    ("block\nanchor a {\npass\n}", SSH, "accept"),
    ("block\nanchor a {\npass\n}\nblock", SSH, "drop"),
    ("block\nanchor a {\npass quick\n}\nblock", SSH, "accept"),
    ("block\nanchor a quick {\npass\n}\nblock", SSH, "accept"),
    ("block\nanchor a quick {\npass proto udp\n}\nblock return", SSH, "reject"),
    ("block\nanchor a quick {\nblock return\npass proto udp\n}\npass", SSH, "reject"),
    ("block\nanchor in on em0 {\npass in\n}", SSH, "accept"),
    ("block\nanchor in on em1 {\npass in\n}", SSH, "drop"),
    ("block\nanchor out on em0 {\npass in\n}", SSH, "drop"),
    ("block\nanchor a proto udp {\npass\n}", SSH, "drop"),
    ("block\nanchor a {\nanchor b {\npass quick\n}\n}\nblock", SSH, "accept"),
    ("block\nanchor a {\n\n# nothing\n}", SSH, "drop"),
    ("block\nanchor a to port = 22 {\npass\n}", SSH, "error"),
    ("block\nanchor a proto tcp to port 22 tag T {\npass tagged T\n}", SSH, "accept"),
    ("block\nanchor a {\nblock tag T\n}\npass tagged T", SSH, "accept"),
    ("anchor a {\npass", SSH, "error"),
    ("anchor a {\npass\n} x", SSH, "error"),
    ("anchor a { pass }", SSH, "error"),
    ("anchor a/b {\npass\n}", SSH, "error"),
    ("anchor", SSH, "error"),
    ("anchor a keep state", SSH, "error"),
    ("anchor a {\ntable <t> { 10.0.0.1 }\n}", SSH, "error"),
    ("}", SSH, "error"),
]


@pytest.mark.parametrize(("text", "sentence", "wanted"), ANCHORS, ids=range(len(ANCHORS)))
def test_9_inline_anchors(text: str, sentence: str, wanted: str, reader: Any) -> None:
    if wanted == "error":
        assert reader.problem(text + "\n")
    else:
        assert reader.verdict(text + "\n", sentence) == wanted


def test_9_an_anchor_that_the_file_does_not_fill(reader: Any) -> None:
    text = 'block\nanchor "ftp-proxy/*" proto tcp\n'
    assert 'what anchor "ftp-proxy/*" holds' in reader.opaque(text)
    assert reader.verdict(text, SSH) == "drop"
    assert reader.verdict(text, SSH, 'anchor "ftp-proxy/*" is filled') == "unknown"
    assert reader.verdict(text, UDP, 'anchor "ftp-proxy/*" is filled') == "drop"


def test_9_too_deep_anchors_are_refused(reader: Any) -> None:
    assert "nest deeper" in reader.problem("anchor a {\n" * 200 + "}\n" * 200)
