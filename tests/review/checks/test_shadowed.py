"""Shadowed rules: by one rule, by several together, over families, hooks and chains; and what is no such rule."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from time import process_time

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.rule import Hook
from fwadvisor.model.walk import Packet
from fwadvisor.proof.files import forced
from fwadvisor.review.check import read

from .conftest import at, nft

ID = "shadowed-rule"


def test_a_drop_behind_a_wider_accept_is_severe_and_both_lines_are_shown(found) -> None:
    (one,) = found(ID, nft("tcp dport 1-1024 accept", "tcp dport 23 drop"))
    assert at(one) == ("high", "tcp dport 23 drop", ["tcp dport 1-1024 accept"])
    assert one.message == "this rule drops nothing: line 4 accepts every packet that it matches"
    assert one.labels[0].text == "accepts all of its packets first"


@pytest.mark.parametrize(
    ("first", "second", "severity"),
    [
        ("drop", "accept", "medium"), ("accept", "reject", "high"), ("accept", "accept", "low"),
        ("drop", "reject", "low"), ("reject", "accept", "medium"),
    ],
)  # fmt: skip
def test_the_severity_is_what_becomes_of_what_was_meant(found, first: str, second: str, severity: str) -> None:
    (one,) = found(ID, nft(f"tcp dport 1-99 {first}", f"tcp dport 23 {second}"))
    assert one.severity.value == severity


def test_a_union_of_rules_shadows_and_each_of_them_is_named(found) -> None:
    text = nft(
        "ip saddr 10.0.0.0/9 tcp dport 23 accept",
        "udp dport 23 accept",
        "ip saddr 10.128.0.0/9 tcp dport 20-30 accept",
        "ip saddr 10.0.0.0/8 tcp dport 23 drop",
    )
    (one,) = found(ID, text)
    severity, line, others = at(one)
    assert (severity, line) == ("high", "ip saddr 10.0.0.0/8 tcp dport 23 drop")
    assert others == ["ip saddr 10.0.0.0/9 tcp dport 23 accept", "ip saddr 10.128.0.0/9 tcp dport 20-30 accept"]
    assert not found(ID, text.replace("10.128.0.0/9", "10.128.0.0/10"))


def test_a_rule_for_both_families_is_dead_only_where_both_are(found) -> None:
    rules = ["meta nfproto ipv4 tcp dport 22 accept", "tcp dport 22 drop"]
    assert not found(ID, nft(*rules))
    (one,) = found(ID, nft(rules[0], "meta nfproto ipv6 tcp dport 22 accept", rules[1]))
    assert len(one.labels) == 2


def test_a_script_that_writes_one_line_for_both_families_is_dead_only_where_both_are(checked) -> None:
    text = """#!/bin/sh
iptables -P INPUT DROP
ip6tables -P INPUT DROP
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
%sfor ipt in iptables ip6tables; do
$ipt -A INPUT -p tcp --dport 22 -j DROP
done
"""
    more = "ip6tables -A INPUT -p tcp --dport 22 -j ACCEPT\n"
    assert not checked({"fw.sh": text % ""}, ID).findings
    (one,) = checked({"fw.sh": text % more}, ID).findings
    assert one.span is not None
    assert one.span.line == 7


def test_a_chain_that_several_hooks_ask_is_dead_only_for_all_of_them(found) -> None:
    text = """table inet x {
	chain shared {
		iifname "eth0" tcp dport 22 accept
		iifname "eth0" tcp dport 22 drop
		oifname "eth1" drop
		tcp dport 23 drop
	}
	chain input { type filter hook input priority 0; jump shared; }
	chain forward { type filter hook forward priority 0; jump shared; }
}
"""
    (one,) = found(ID, text)
    assert at(one)[1] == 'iifname "eth0" tcp dport 22 drop'
    wider = text.replace('oifname "eth1" drop', "meta l4proto tcp accept")
    assert {at(each)[1] for each in found(ID, wider)} == {'iifname "eth0" tcp dport 22 drop', "tcp dport 23 drop"}
    output = wider.replace("chain forward { type filter hook forward", "chain output { type filter hook output")
    assert "tcp dport 23 drop" in {at(each)[1] for each in found(ID, output)}
    partly = wider.replace("meta l4proto tcp accept", 'iifname "eth1" accept').replace("tcp dport 23", 'iifname "eth1"')
    assert 'iifname "eth1" drop' in {at(each)[1] for each in found(ID, partly)}


def test_the_last_verdict_of_pf_shadows_the_ones_before(found) -> None:
    text = "block drop in all\npass in proto tcp from any to any port 22\nblock drop in proto tcp from any to any\n"
    assert [at(each)[1] for each in found(ID, text)] == ["pass in proto tcp from any to any port 22"]
    assert found(ID, text)[0].labels[0].text == "drops all of its packets"


def test_the_first_default_of_pf_is_only_information_where_all_is_passed_later(found) -> None:
    (one,) = found(ID, "block drop in all\npass in quick all\n")
    assert at(one)[:2] == ("info", "block drop in all")


def test_rules_that_say_why_they_repeat_are_only_information(found) -> None:
    rules = 'tcp dport 22 accept comment "admins"', 'ip saddr 10.0.0.1 tcp dport 22 accept comment "{}"'
    assert [at(each)[0] for each in found(ID, nft(rules[0], rules[1].format("monitoring")))] == ["info"]
    assert [at(each)[0] for each in found(ID, nft(rules[0], rules[1].format("admins")))] == ["low"]


def test_members_of_a_list_that_are_dead_are_information(found) -> None:
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    rules = "-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -s 10.1.0.0/16,192.0.2.1 -j ACCEPT\n"
    (one,) = found(ID, f"{head}{rules}COMMIT\n")
    assert one.severity.value == "info"
    assert one.message.startswith("1 of the 2 combinations")


def test_what_is_not_understood_shadows_nothing_and_that_is_said(checked) -> None:
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    lines = (
        "-A INPUT -m set --match-set friends src -j ACCEPT",
        "-A INPUT -m set ! --match-set friends src -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j DROP",
    )
    done = checked({"fw": head + "\n".join(lines) + "\nCOMMIT\n"}, ID)
    assert not done.findings
    assert any("whether" in each and ":7 is reached depends on" in each for each in done.left_out), done.left_out


def test_unknown_actions_before_it_make_a_shadow_uncertain(checked) -> None:
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    rules = "-A INPUT -p tcp --dport 1:99 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP\nCOMMIT\n"
    done = checked({"fw": f"{head}-A INPUT -j STRANGE --thing\n{rules}"}, ID)
    assert not done.findings
    assert checked({"fw": head + rules}, ID).findings


@pytest.mark.parametrize(
    "rules",
    [
        ("tcp dport 22 log", "tcp dport 22 accept"),
        ("limit rate 5/second accept", "tcp dport 22 accept"),
        ("tcp dport 22 accept", "tcp dport 22-23 drop"),
        ("ct state established accept", "tcp dport 22 accept"),
    ],
)
def test_no_false_alarm(found, rules: tuple[str, ...]) -> None:
    assert not found(ID, nft(*rules))


def test_the_same_finding_has_the_same_fingerprint_where_lines_move(found) -> None:
    rules = ["tcp dport 1-99 accept", "tcp dport 23 drop", "tcp dport 23 drop"]
    before = found(ID, nft(*rules))
    after = found(ID, nft("# a comment", "udp dport 53 accept", *rules))
    assert [each.fingerprint for each in before] == [each.fingerprint for each in after]
    assert len({each.fingerprint for each in before}) == 2


def test_ten_thousand_rules_take_seconds(checked) -> None:
    """Pairs alone would be fifty million."""
    chance = random.Random(7)
    rules = []
    for _ in range(10_000):
        source = f"10.{chance.randrange(256)}.{chance.randrange(256)}.0/24"
        rules.append(f"-A INPUT -s {source} -p tcp --dport {chance.randrange(1, 9999)} -j ACCEPT")
    rules.insert(5000, "-A INPUT -s 10.0.0.0/8 -p tcp --dport 10000 -j ACCEPT")
    rules.append("-A INPUT -s 10.7.0.0/16 -p tcp --dport 10000 -j DROP")
    text = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" + "\n".join(rules) + "\nCOMMIT\n"
    start = process_time()
    done = checked({"fw": text}, ID)
    assert process_time() - start < 15
    assert [at(each)[1] for each in done.findings if each.severity.value == "high"] == [rules[-1]]


CHAINS = """table inet x {
	chain web {
		tcp dport 80 accept
		udp dport 53 accept
		tcp dport 443 drop
		drop
	}
	chain first {
		tcp dport 25 accept
		drop
	}
	chain input {
		type filter hook input priority 0; policy drop;
		tcp dport 443 accept
		meta l4proto tcp jump web
		iifname "eth0" jump first
		iifname "eth0" udp dport 110 accept
		iifname "eth1" udp dport 110 accept
	}
}
"""


def test_what_other_chains_take_or_do_not_lead_to_a_rule_counts(found) -> None:
    findings = [at(each) for each in found(ID, CHAINS)]
    assert findings == [
        ("medium", "udp dport 53 accept", ["drop", "meta l4proto tcp jump web"]),
        ("high", "tcp dport 443 drop", ["tcp dport 443 accept", "meta l4proto tcp jump web"]),
        ("medium", "tcp dport 25 accept", ["drop", 'iifname "eth0" jump first']),
        ("medium", 'iifname "eth0" udp dport 110 accept', ["drop"]),
    ]


def some_rules(chance: random.Random, jumps: tuple[str, ...]) -> str:
    def rule() -> str:
        tests = chance.choice(["", f"ip saddr 10.0.0.{chance.choice([0, 2])}/{chance.choice([30, 31])} "])
        first = chance.randrange(1, 6)
        tests += f"{chance.choice(['tcp', 'udp'])} dport {first}-{first + chance.randrange(3)} "
        return tests * chance.choice([0, 1, 1, 1]) + chance.choice(["accept", "drop", "return", *jumps, *jumps])

    return "".join(f"\t\t{rule()}\n" for _ in range(7))


@pytest.mark.parametrize("seed", range(25))
def test_no_rule_that_is_called_dead_ever_decides_a_packet(checked, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    base = "\t\ttype filter hook input priority 0; policy drop;\n"
    text = "table ip x {\n" + "".join(
        f"\tchain {name} {{\n{base if name == 'input' else ''}{some_rules(chance, jumps)}\t}}\n"
        for name, jumps in (("a", ()), ("b", ("jump a", "goto a")), ("input", ("jump a", "jump b", "goto b")))
    )
    done = checked({"a.nft": f"{text}}}\n"}, ID)
    dead = {each.span.line for each in done.findings if each.span}
    (files,) = read([str(tmp_path / "a.nft")], forced([]))
    for address, port, protocol in product(range(5), range(9), (6, 17)):
        packet = Packet(
            hook=Hook.INPUT, family=Family.IPV4, protocol=protocol, source=(10 << 24) + address, destination=9,
            destination_port=port, destination_type=0,
        )  # fmt: skip
        last = evaluate(files.firewall, packet).trail[-1]
        assert last.rule is None or last.rule.span.line not in dead


def test_an_earlier_base_chain_kills_nothing_that_it_might_let_pass(found) -> None:
    """Both chains of one hook are asked, and each has the last word of its own."""
    first = "\tchain first { type filter hook input priority -10; jump more; }\n\tchain more { tcp dport 22 accept; }\n"
    assert not found(ID, nft("tcp dport 22 accept", before=first))


def test_where_something_is_not_understood_other_chains_are_not_asked(checked) -> None:
    lines = (
        "-A INPUT -m strange --x -j DROP", "-A INPUT -p tcp -j WEB", "-A WEB -p udp --dport 53 -j ACCEPT",
    )  # fmt: skip
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:WEB - [0:0]\n"
    assert not checked({"fw": head + "\n".join(lines) + "\nCOMMIT\n"}, ID).findings
    assert checked({"fw": head + "\n".join(lines[1:]) + "\nCOMMIT\n"}, ID).findings


def test_the_remedy_of_a_repeat_is_to_delete_it(found) -> None:
    (only,) = found(ID, nft("tcp dport 1-99 accept", "tcp dport 22 accept"))
    assert only.message.startswith("this rule repeats another: ")
    assert only.remedy == "Delete it, or narrow the rules that take its packets"
    (only,) = found(ID, nft("tcp dport 1-99 reject with icmpx type no-route", "tcp dport 22 reject with tcp reset"))
    assert (only.severity.value, only.message.startswith("this rule rejects nothing: ")) == ("low", True)
