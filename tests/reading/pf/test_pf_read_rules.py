"""What each construct of a rule means, one packet at a time."""

from __future__ import annotations

from typing import Any

import pytest

from fwadvisor.model.firewall import Field

SSH = "input em0 tcp 10.0.0.9 > 192.0.2.1:22"
WEB = "input em0 tcp 10.0.0.9 > 192.0.2.1:80"
DNS = "input em0 udp 10.0.0.9 > 192.0.2.1:53"
SIX = "input em0 tcp 2001:db8::9 > 2001:db8::1:22"
SSH6 = "input em0 tcp [2001:db8::9]:40000 > [2001:db8::1]:22"
OUT = "output em0 tcp 192.0.2.1 > 10.0.0.9:22"
THROUGH = "forward em1 em0 tcp 10.0.0.9 > 203.0.113.7:80"
PING = "input em0 icmp/8 10.0.0.9 > 192.0.2.1"
PING6 = "input em0 icmpv6/128 2001:db8::9 > 2001:db8::1"

TABLE: list[tuple[str, str, str]] = [
    # default pass, last match, quick
    ("", SSH, "accept"),
    ("block all", SSH, "drop"),
    ("block all\npass in", SSH, "accept"),
    ("block quick all\npass in", SSH, "drop"),
    ("pass in\nblock all", SSH, "drop"),
    ("block\npass in quick proto tcp to port 22\nblock all", SSH, "accept"),
    ("block all\npass in proto tcp to port 80", SSH, "drop"),
    # verdicts and the block policy, which counts from where it stands
    ("block drop all", SSH, "drop"),
    ("block return all", SSH, "reject"),
    ("block return-icmp all", SSH, "reject"),
    ("block return-icmp (host-unr, admin-unr) all", SSH, "reject"),
    ("block return-icmp6(5) all", SSH, "reject"),
    ("block return-rst proto tcp all", SSH, "reject"),
    ("block return-rst (ttl 5) proto tcp all", SSH, "reject"),
    ("set block-policy return\nblock all", SSH, "reject"),
    ("set block-policy return\nblock drop all", SSH, "drop"),
    ("set block-policy return\nset block-policy drop\nblock all", SSH, "drop"),
    # direction: a forwarded packet is asked twice
    ("block in all", OUT, "accept"),
    ("block out all", SSH, "accept"),
    ("block out all", OUT, "drop"),
    ("block in all", THROUGH, "drop"),
    ("block out all", THROUGH, "drop"),
    ("block all\npass in", THROUGH, "drop"),
    ("block all\npass in\npass out", THROUGH, "accept"),
    ("block all\npass", THROUGH, "accept"),
    # interfaces
    ("block on em0", SSH, "drop"),
    ("block on em1", SSH, "accept"),
    ("block in on em0", THROUGH, "accept"),
    ("block out on em0", THROUGH, "drop"),
    ("block on ! em0", SSH, "accept"),
    ("block on ! em1", SSH, "drop"),
    ("block on { em1 em0 }", SSH, "drop"),
    ("block on { em1, em2 }", SSH, "accept"),
    ("block on any", SSH, "drop"),
    ("block on any", "input lo tcp 127.0.0.1 > 127.0.0.1:22", "accept"),
    ("block on lo0", "input lo tcp 127.0.0.1 > 127.0.0.1:22", "drop"),
    ("block on lo", "input lo tcp 127.0.0.1 > 127.0.0.1:22", "drop"),
    ("block on lo1", "input lo tcp 127.0.0.1 > 127.0.0.1:22", "accept"),
    ("set skip on lo\nblock all", "input lo tcp 127.0.0.1 > 127.0.0.1:22", "accept"),
    ("block all\nset skip on { lo em0 }", SSH, "accept"),
    ("set skip on em0\nset skip on none\nblock all", SSH, "drop"),
    ("set skip on em1\nblock all", THROUGH, "drop"),
    ("set skip on em1\nblock in", THROUGH, "accept"),
    # families and protocols
    ("block inet", SSH6, "accept"),
    ("block inet6", SSH6, "drop"),
    ("block proto udp", SSH, "accept"),
    ("block proto { udp tcp }", SSH, "drop"),
    ("block proto 6", SSH, "drop"),
    ("block proto 47", "input em0 gre 10.0.0.9 > 192.0.2.1", "drop"),
    ("block proto esp", "input em0 esp 10.0.0.9 > 192.0.2.1", "drop"),
    ("block proto carp", "input em0 112 10.0.0.9 > 192.0.2.1", "drop"),
    # addresses
    ("block from 10.0.0.9", SSH, "drop"),
    ("block from 10.0.0.8", SSH, "accept"),
    ("block from 10/8", SSH, "drop"),
    ("block from 10.0/16", SSH, "drop"),
    ("block from 10.1/16", SSH, "accept"),
    ("block from 10.0.0.0 - 10.0.0.9", SSH, "drop"),
    ("block from 10.0.0.0 - 10.0.0.8", SSH, "accept"),
    ("block from { 10.0.0.1 - 10.0.0.3, 10.0.0.9 }", SSH, "drop"),
    ("block to 192.0.2.1", SSH, "drop"),
    ("block from 192.0.2.1", SSH, "accept"),
    ("block from any to any", SSH, "drop"),
    ("block to any", SSH, "drop"),
    ("block from ! 10.0.0.9", SSH, "accept"),
    ("block from ! 10.0.0.8", SSH, "drop"),
    ("block from ! 10.0.0.8", SSH6, "accept"),
    ("block from 2001:db8::/32", SSH6, "drop"),
    ("block from { 10.0.0.9, 2001:db8::9 }", SSH6, "drop"),
    ("block from { 10.0.0.9, 2001:db8::9 }", SSH, "drop"),
    ("block from { 10.0.0.9 2001:db8::9 } to { 192.0.2.1 }", SSH6, "accept"),
    ("block in from any to self", SSH, "drop"),
    ("block in from any to (self)", SSH, "drop"),
    ("block in from any to (self)", THROUGH, "accept"),
    ("block in from any to ! (self)", THROUGH, "drop"),
    ("block in from any to ! (self)", SSH, "accept"),
    ("block out from (self)", OUT, "drop"),
    ("block out from (self)", THROUGH, "accept"),
    ("block out from ! (self)", THROUGH, "drop"),
    ("block in from self", SSH, "accept"),
    # ports
    ("block proto tcp to port 22", SSH, "drop"),
    ("block proto tcp to port 22", WEB, "accept"),
    ("block proto tcp to port = 22", SSH, "drop"),
    ("block proto tcp to port != 22", SSH, "accept"),
    ("block proto tcp to port != 22", WEB, "drop"),
    ("block proto tcp to port < 22", SSH, "accept"),
    ("block proto tcp to port <= 22", SSH, "drop"),
    ("block proto tcp to port > 22", SSH, "accept"),
    ("block proto tcp to port >= 22", SSH, "drop"),
    ("block proto tcp to port 22:80", SSH, "drop"),
    ("block proto tcp to port 22:80", WEB, "drop"),
    ("block proto tcp to port 22:22", SSH, "drop"),
    ("block proto tcp to port 22 >< 81", SSH, "accept"),
    ("block proto tcp to port 21 >< 23", SSH, "drop"),
    ("block proto tcp to port 22 <> 80", SSH, "accept"),
    ("block proto tcp to port 23 <> 79", SSH, "drop"),
    ("block proto tcp to port { 80, 22 }", SSH, "drop"),
    ("block proto tcp to port { 80 25:30 > 1000 }", SSH, "accept"),
    ("block proto tcp to port ssh", SSH, "drop"),
    ("block proto tcp to port { ssh:telnet }", SSH, "drop"),
    ("block proto tcp from port 40000", SSH, "drop"),
    ("block proto tcp from any port 1024:65535 to any port 22", SSH, "drop"),
    ("block proto { tcp, udp } to port 53", DNS, "drop"),
    ("block proto tcp to port 53", DNS, "accept"),
    ("block proto tcp to port > 65535", SSH, "accept"),
    ("block proto tcp to port < 0", SSH, "accept"),
    ("block proto tcp to port 010", "input em0 tcp 10.0.0.9 > 192.0.2.1:10", "drop"),
    # ICMP
    ("block inet proto icmp icmp-type echoreq", PING, "drop"),
    ("block inet proto icmp icmp-type 8 code 0", PING, "drop"),
    ("block inet proto icmp icmp-type 8 code 1", PING, "accept"),
    ("block inet proto icmp icmp-type { 0, 3 code needfrag, echoreq }", PING, "drop"),
    ("block inet proto icmp icmp-type unreach code needfrag", "input em0 icmp/3/4 10.0.0.9 > 192.0.2.1", "drop"),
    ("block inet proto icmp icmp-type unreach code needfrag", "input em0 icmp/3/3 10.0.0.9 > 192.0.2.1", "accept"),
    ("block inet6 proto icmp6 icmp6-type echoreq", PING6, "drop"),
    ("block inet6 proto ipv6-icmp icmp6-type 128", PING6, "drop"),
    ("block proto icmp from 10/8 icmp-type 8", PING, "drop"),
    ("block proto icmp", PING, "drop"),
    # states have no say about the first packet
    ("block\npass in no state", SSH, "accept"),
    ("block\npass in keep state", SSH, "accept"),
    ("block\npass in proto tcp modulate state (no-sync, if-bound)", SSH, "accept"),
    ("block\npass in proto tcp synproxy state", SSH, "accept"),
    ("block\npass in keep state (sloppy, udp.multiple 900, tcp.established 60)", SSH, "accept"),
    ("set state-policy if-bound\nset state-defaults no-sync\nblock\npass in", SSH, "accept"),
    # what changes or logs packets, and what only decorates
    ("block log all", SSH, "drop"),
    ("block log (all, to pflog1) quick all", SSH, "drop"),
    ('block all label "x $if"\npass in allow-opts label "y"', SSH, "accept"),
    ("block\npass in rtable 1", SSH, "accept"),
    ("block\npass in set prio 5", SSH, "accept"),
    ("block\npass in set (prio (5, 6), queue q, tos ef)", SSH, "accept"),
    ("block\npass in queue (q, p)", SSH, "accept"),
    ("block\npass in dnpipe 1", SSH, "accept"),
    ("block\nmatch in scrub (no-df random-id max-mss 1440)\npass in", SSH, "accept"),
    ("match in all", SSH, "accept"),
    ("block\nmatch in all", SSH, "drop"),
    ("scrub in all fragment reassemble\nblock", SSH, "drop"),
    ("block\npass in route-to (em1 10.0.0.1)", SSH, "accept"),
    ("block\npass in reply-to (em1 10.0.0.1) proto tcp", SSH, "accept"),
    ("block\npass in proto tcp to port 22 reply-to 10.0.0.1@em1", SSH, "accept"),
    # tags stick the moment a rule matches, whatever decides
    ("block in tag A\npass in tagged A", SSH, "accept"),
    ("block in tag A\npass in tagged B", SSH, "drop"),
    ("block in tag A\npass in ! tagged B", SSH, "accept"),
    ("block in tag A\nmatch in tag B\npass in tagged A", SSH, "drop"),
    ("match in tag A\nblock out\npass out tagged A", THROUGH, "accept"),
    ("pass in quick tag A\nblock out tagged A", THROUGH, "drop"),
    ("match out tag A\nblock in tagged A", THROUGH, "accept"),
    ("block out ! tagged A", OUT, "drop"),
    # the way in of a packet that goes out
    ("block out received-on em1", THROUGH, "drop"),
    ("block out received-on em0", THROUGH, "accept"),
    ("block out ! received-on em0", THROUGH, "drop"),
    ("block out ! received-on em0", OUT, "drop"),
    # tos
    ("block tos ef", SSH, "accept"),
    ("block tos 0", SSH, "drop"),
    # names are quoted or not, statements end with the line or the file
    ('block on "em0" from "10.0.0.9"', SSH, "drop"),
    ("block all\n", SSH, "drop"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence", "wanted"), TABLE, ids=range(len(TABLE)))
def test_rule(text: str, sentence: str, wanted: str, reader: Any) -> None:
    assert reader.verdict(text, sentence) == wanted


CONDITIONS: list[tuple[str, str, dict[str, str]]] = [
    ("block from (em0)", SSH, {"": "accept", "source is an address of em0": "drop"}),
    ("block from em0", SSH, {"": "accept", "source is an address of em0": "drop"}),
    ("block from ! (em0)", SSH, {"": "drop", "source is an address of em0": "accept"}),
    ("block to em0:network", SSH, {"": "accept", "destination is in a network of em0": "drop"}),
    ("block to (em0:broadcast)", SSH, {"": "accept", "destination is a broadcast address of em0": "drop"}),
    ("block to (em0:peer)", SSH, {"": "accept", "destination is the peer of em0": "drop"}),
    ("block from (egress:0)", SSH, {"": "accept", "source is the first address of egress": "drop"}),
    ("block from { (em0) 10.0.0.9 }", SSH, {"": "drop"}),
    ("block from { (em0) 10.0.0.8 }", SSH, {"": "accept", "source is an address of em0": "drop"}),
    ("block on egress", SSH, {"": "accept", "interface group egress in": "drop"}),
    ("block on ! egress", SSH, {"": "drop", "interface group egress in": "accept"}),
    ("block out on { egress em1 }", THROUGH, {"": "accept", "interface group egress out": "drop"}),
    ("set skip on wan\nblock", SSH, {"": "drop", "interface group wan in": "accept"}),
    ("block from no-route", SSH, {"": "accept", "source has no route": "drop"}),
    ("block from urpf-failed", SSH, {"": "drop", "reverse path": "accept"}),
    ("block from ! urpf-failed", SSH, {"": "accept", "reverse path": "drop"}),
    ('block from any os "Windows XP"', SSH, {"": "accept", "operating system Windows XP": "drop"}),
    ('block from any os { "A" "B" }', SSH, {"": "accept", "operating system B": "drop"}),
    ('block from any os "A"', DNS, {"operating system A": "accept"}),
    ("block proto tcp user root", SSH, {"": "accept", "owner uid 0": "drop"}),
    ("block proto tcp user { 5 >< 9, www }", SSH, {"": "accept", "owner uid 6-8": "drop", "owner uid www": "drop"}),
    ("block proto tcp user != 0", SSH, {"": "drop", "owner uid 0": "accept"}),
    ("block proto tcp group wheel", SSH, {"": "accept", "owner gid 0": "drop"}),
    ("block proto tcp user unknown", SSH, {"": "accept", "owner uid unknown": "drop"}),
    ("block fragment", SSH, {"": "accept", "fragment": "drop"}),
    ("block prio 3", SSH, {"": "accept", "priority 3": "drop"}),
    ("block on rdomain 2", SSH, {"": "accept", "routing domain 2": "drop"}),
    ("block in probability 20%", SSH, {"": "accept", "probability 0.2": "drop"}),
    (
        "block in proto tcp probability 0.5\nblock in proto tcp probability 0.5",
        SSH,
        {"": "accept", "probability 0.5": "drop", "probability 0.5 (2)": "drop"},
    ),
    (
        "block\npass in quick proto tcp to port 22 once",
        SSH,
        {"": "drop", "no packet has matched yet: pass in quick proto tcp to port 22 once": "accept"},
    ),
    (
        "block\npass in quick keep state (max 5)",
        SSH,
        {"": "accept", "max 5 states reached: pass in quick keep state (max 5)": "drop"},
    ),
    (
        "block\npass in keep state (max-src-states 5)\npass in proto tcp to port 80",
        SSH,
        {"": "accept", "max-src-states 5 reached: pass in keep state (max-src-states 5)": "drop"},
    ),
    (
        "block\npass in keep state (max-src-states 5)\npass in proto tcp to port 22",
        SSH,
        {"max-src-states 5 reached: pass in keep state (max-src-states 5)": "accept"},
    ),
    (
        "set state-defaults max 7\nblock\npass in",
        SSH,
        {"": "accept", "max 7 states reached: pass in": "drop"},
    ),
    (
        "set state-defaults max 7\nblock\npass in proto icmp no state",
        PING,
        {"max 7 states reached: pass in proto icmp no state": "accept"},
    ),
    (
        "block\npass in max-pkt-rate 10/5",
        SSH,
        {"": "drop", "packets within 10 in 5 seconds: pass in max-pkt-rate 10/5": "accept"},
    ),
    (
        "antispoof for em1",
        SSH,
        {"": "accept", "source is in a network of em1": "drop", "source is an address of em1": "drop"},
    ),
    ("antispoof for em0", SSH, {"source is in a network of em0": "accept", "source is an address of em0": "drop"}),
    ("antispoof for lo0", SSH, {"source is in a network of lo0": "drop", "source is an address of lo0": "accept"}),
    ("antispoof quick for { em0 em1 } inet\npass", SSH6, {"source is an address of em1": "accept"}),
    ("antispoof quick for { em0 em1 } inet\npass", SSH, {"source is an address of em1": "drop"}),
    ("set block-policy return\nantispoof for em1", SSH, {"source is an address of em1": "drop"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence", "wanted"), CONDITIONS, ids=range(len(CONDITIONS)))
def test_condition(text: str, sentence: str, wanted: dict[str, str], reader: Any) -> None:
    for condition, verdict in wanted.items():
        assert reader.verdict(text, sentence, *([condition] if condition else [])) == verdict, condition
    assert reader.opaque(text) == ""


RATE = "pass in proto tcp to port { 22, 80 } keep state (max-src-conn-rate 15/5, overload <t>)"
REACHED = f"max-src-conn-rate 15/5 reached: {RATE}"


def test_each_rule_that_a_list_makes_counts_for_itself(reader: Any) -> None:
    text = f"table <t> persist\nblock in quick from <t>\nblock in\n{RATE}"
    assert "make several rules" not in reader.opaque(text)
    for sentence, own, other in ((SSH, REACHED, f"{REACHED} (2)"), (WEB, f"{REACHED} (2)", REACHED)):
        assert reader.verdict(text, sentence) == "accept"
        assert reader.verdict(text, sentence, own) == "drop"
        assert reader.verdict(text, sentence, other) == "accept"


def test_rules_of_lists_stand_in_the_order_of_pfctl(reader: Any) -> None:
    """Of overlapping elements the last one decides, with quick the first."""
    rule = "pass in proto tcp from { 10.0.0.9, 10.0.0.0/24, 2001:db8::/32 } to any port 22 keep state (max 5)"
    names = ["", " (2)", " (3)"]
    for words, decides in ((rule, 1), (rule.replace("in", "in quick", 1), 0)):
        for number, name in enumerate(names):
            reached = f"max 5 states reached: {words}{name}"
            assert reader.verdict(f"block\n{words}", SSH, reached) == ("drop" if number == decides else "accept")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("block in proto { tcp udp } probability 20%", 2),
        ("pass in on { em0 em1 } proto tcp from { 10.0.0.1 10.0.0.2 } to port { 22 23 } once", 8),
        ("pass in inet proto icmp icmp-type { echoreq, timereq } max-pkt-rate 10/5", 2),
        ("pass in from { 10.0.0.1, 2001:db8::1 } to { 10.0.0.2, 2001:db8::2 } max-pkt-rate 10/5", 2),
        ("pass in proto tcp to port { 22 23 } keep state (sloppy)", 1),
        ("block\npass in proto icmp from { 10.0.0.1 10.0.0.2 } keep state (max-src-conn 5)", 1),
    ],
)
def test_lists_of_what_counts_are_as_many_rules(text: str, rules: int, reader: Any) -> None:
    made = [rule for rule in reader.read(text).chains["in"].rules if rule.text == text.splitlines()[-1]]
    assert len(made) == rules
    assert "make several rules" not in reader.opaque(text)


def test_lists_that_make_too_many_rules_are_not_told_apart(reader: Any) -> None:
    ports = ", ".join(str(2 * number + 1) for number in range(300))
    text = f"block\npass in proto tcp to port {{ {ports} }} keep state (max 5)"
    assert "the lists make several rules of this line" in reader.opaque(text)
    assert len(reader.read(text).chains["in"].rules) == 3
    many = "\n".join(f"pass in proto tcp from 10.{n}.0.0/16 to port {{ 1, 3, 5, 7, 9 }} once" for n in range(256))
    many = "\n".join([many.replace("10.", f"{first}.") for first in range(10, 30)])
    assert "the lists make several rules of this line" in reader.opaque(many)
    assert sum(len(chain.rules) for chain in reader.read(many).chains.values()) < 60_000


def test_any_in_a_list_of_what_counts_is_not_told_apart(reader: Any) -> None:
    assert "the lists make several rules" in reader.opaque("pass in from { any, 10.0.0.1 } max-pkt-rate 10/5")


UNKNOWN = [
    ("pass in proto tcp to port 80 divert-to 127.0.0.1 port 8080", WEB, "divert-to"),
    ("pass in proto tcp divert-packet port 700", WEB, "divert-packet"),
    ("pass in inet6 af-to inet from 192.0.2.1", SSH6, "af-to"),
    ('pass in tag "x_$if"', SSH, "name of the tag"),
    ("match in nat-to 192.0.2.9", SSH, "nat-to"),
    ("match rdr-to 192.0.2.9", SSH, "rdr-to"),
    ('block in from any tagged "$if"', SSH, "name of the tag"),
]


@pytest.mark.parametrize(("text", "sentence", "reason"), UNKNOWN, ids=range(len(UNKNOWN)))
def test_what_cannot_be_told_is_unknown_and_opaque(text: str, sentence: str, reason: str, reader: Any) -> None:
    if "tagged" in text:
        text = f'match in tag "$if"\n{text}'
    assert reason in reader.opaque(text)
    assert reader.verdict(text, sentence) == "unknown"


def test_ether_rules_may_block_anything(reader: Any) -> None:
    text = "ether block in from 00:11:22:33:44:55\npass"
    assert "link layer" in reader.opaque(text)
    assert reader.verdict(text, SSH) == "accept"
    assert reader.verdict(text, SSH, "ether block in from 00:11:22:33:44:55") == "unknown"


FLAGS = [
    ("block proto tcp flags S/SA", 0x02, True),
    ("block proto tcp flags S/SAFR", 0x02, True),
    ("block proto tcp flags /SFRA", 0x02, False),
    ("block proto tcp flags A/A", 0x02, False),
    ("block proto tcp flags any", 0x02, True),
    ("block proto tcp flags SE/SE", 0x02, False),
    ("block proto tcp flags SE/SE", 0x42, True),
    ("block flags SE/SE", 0x42, True),
    ("block proto { tcp udp } flags SE/SE", 0x02, False),
    ("block flags FUP/FUP", 0x02, False),
]


@pytest.mark.parametrize(("text", "flags", "matches"), FLAGS, ids=range(len(FLAGS)))
def test_flags_ask_tcp_alone(text: str, flags: int, matches: bool, reader: Any) -> None:
    from dataclasses import replace

    from rig.sentence import probe

    from fwadvisor.model.evaluate import evaluate

    firewall = reader.read(text)
    packet = replace(probe(SSH), tcp_flags=flags)
    assert evaluate(firewall, packet).verdict == ("drop" if matches else "accept")
    if "proto tcp" not in text:
        assert evaluate(firewall, probe(DNS)).verdict == "drop"


def test_default_flags_leave_no_test(reader: Any) -> None:
    """Every packet that opens a connection has them (`Firewall.opening_only`)."""
    plain, given = (reader.read(f"pass in proto tcp to port 22{flags}") for flags in ("", " flags S/SA keep state"))
    assert plain.opening_only
    assert [r.tests for r in plain.rules()] == [r.tests for r in given.rules()]


LOGGED = [
    ("block in log all\nblock in quick from 10.0.0.9", None),
    ("block in log all\npass in", None),
    ("block in log all\npass in log (to pflog1)", "pflog1"),
    ("block in log all\npass in proto udp", "pflog0"),
    ("block in log all\npass in quick log (to pflog1)", "pflog1"),
    ("block in\nmatch in log\npass in quick", "pflog0"),
    ("match in log\npass in", "pflog0"),
    ('block in log\nanchor "a" in quick {\n pass in\n}', None),
    ('block in log\nanchor "a" in {\n pass in log (to pflog2)\n}', "pflog2"),
]


@pytest.mark.parametrize(("text", "logged"), LOGGED)
def test_the_rule_that_decides_says_what_is_logged(text: str, logged: str | None, reader: Any) -> None:
    assert reader.outcome(text, SSH).effects.get(Field.LOG) == logged


def test_rules_remember_their_line(reader: Any) -> None:
    firewall = reader.read('block all\n  pass in log quick proto tcp to port 22 tag T label "ssh"  # why\n')
    rule = firewall.chains["in"].rules[1]
    assert (rule.span.file, rule.span.line, rule.span.column) == ("pf.conf", 2, 3)
    assert rule.text.startswith('pass in log quick proto tcp to port 22 tag T label "ssh"')
    assert rule.comment == "ssh"
    assert {write.field: write.value for write in rule.writes} == {Field.TAG: "T", Field.LOG: "pflog0"}
    assert "out" in firewall.chains
    assert len(firewall.chains["out"].rules) == 1


def test_states_and_bounds(reader: Any) -> None:
    from dataclasses import replace

    from rig.sentence import probe

    from fwadvisor.model.evaluate import evaluate
    from fwadvisor.model.rule import State

    firewall = reader.read("block all")
    assert firewall.opening_only
    assert firewall.loopback
    assert State.NEW in firewall.states
    assert State.NEW not in firewall.implicit
    assert evaluate(firewall, replace(probe(SSH), state=State.NEW)).verdict == "drop"
    for state in firewall.implicit:
        assert evaluate(firewall, replace(probe(SSH), state=state)).verdict == "accept"
    assert firewall.implicit
