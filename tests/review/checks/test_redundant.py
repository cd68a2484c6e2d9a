"""Redundant rules: what later rules or an open default do as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import at, nft

ID = "redundant-rule"


def test_a_narrow_rule_before_a_wide_one_of_the_same_verdict(found) -> None:
    (one,) = found(ID, nft("ip saddr 10.1.0.0/16 tcp dport 22 accept", "ip saddr 10.0.0.0/8 tcp dport 22 accept"))
    assert at(one) == (
        "low",
        "ip saddr 10.1.0.0/16 tcp dport 22 accept",
        ["ip saddr 10.0.0.0/8 tcp dport 22 accept"],
    )


def test_several_later_rules_together(found) -> None:
    rules = ("tcp dport 20-29 accept", "tcp dport 1-24 accept", "tcp dport 25-99 accept")
    (one,) = found(ID, nft(*rules))
    assert at(one) == ("low", rules[0], list(rules[1:]))
    assert "2 other rules do" in one.message


@pytest.mark.parametrize(
    "between",
    ["ip saddr 10.1.1.1 drop", "tcp dport 22 log prefix \"x\" drop"],
)  # fmt: skip
def test_a_rule_between_that_blocks_makes_it_needed(found, between: str) -> None:
    rules = ("ip saddr 10.1.0.0/16 tcp dport 22 accept", between, "ip saddr 10.0.0.0/8 tcp dport 22 accept")
    assert not [each for each in found(ID, nft(*rules)) if at(each)[1] == rules[0]]


def test_a_log_makes_it_needed(found) -> None:
    assert not found(ID, nft('ip saddr 10.1.0.0/16 tcp dport 22 log prefix "a" accept', "tcp dport 22 accept"))


def test_one_family_that_needs_it_is_enough(found) -> None:
    assert not found(ID, nft("tcp dport 22 accept", "meta nfproto ipv4 tcp dport 1-99 accept"))


def test_a_block_before_a_blocking_default_is_no_finding(found) -> None:
    assert not found(ID, nft("tcp dport 23 drop", "drop"))


def test_what_an_open_default_accepts_is_one_remark_for_the_chain(found) -> None:
    (one,) = found(ID, nft("tcp dport 22 accept", "tcp dport 80 accept", policy="accept"))
    assert at(one) == ("info", "tcp dport 22 accept", ["tcp dport 80 accept"])
    assert one.message == "this rule and 1 more of inet x input accept what is accepted without them too: by default"


def test_a_last_rule_of_pf_that_passes_all_is_a_default(found) -> None:
    text = "block drop in all\npass out quick proto tcp from any to any port 80\npass out quick all\n"
    assert [at(each)[0] for each in found(ID, text)] == ["info"]


def test_rules_with_reasons_of_their_own_are_only_information(found) -> None:
    rules = ('ip saddr 10.0.0.1 tcp dport 22 accept comment "backup"', 'tcp dport 22 accept comment "admins"')
    assert [at(each)[0] for each in found(ID, nft(*rules))] == ["info"]


def test_what_is_not_understood_makes_nothing_needless(found) -> None:
    lines = (
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -m set --match-set friends src -j ACCEPT",
        "-A INPUT -m set ! --match-set friends src -j ACCEPT",
    )
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    assert not found(ID, head + "\n".join(lines) + "\nCOMMIT\n")


REJECTS = {
    "iptables": (
        "-p tcp -j REJECT --reject-with tcp-reset",
        "-s 10.0.0.0/8 -j REJECT --reject-with icmp-host-prohibited",
    ),
    "nftables": ("tcp dport 1-99 reject with tcp reset", "tcp dport 1-999 reject with icmpx type admin-prohibited"),
}


def test_a_reset_is_not_repeated_by_an_icmp_error(found) -> None:
    (first, second) = REJECTS["nftables"]
    assert found(ID, nft(first, second, "tcp dport 2000 accept")) == []
    alike = second.replace("999", "99") + ' comment "x"'
    assert len(found(ID, nft(alike, second, "tcp dport 2000 accept"))) == 1
    head, end = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT ", "\nCOMMIT\n"
    first, second = REJECTS["iptables"]
    assert found(ID, head + f"-s 10.1.0.0/16 {first}\n-A INPUT {second}" + end) == []
    assert len(found(ID, head + f"-s 10.1.0.0/16 -p tcp {second[14:]}\n-A INPUT {second}" + end)) == 1


def test_what_blocks_some_of_its_packets_first_does_not_count_as_accepting(found) -> None:
    text = (Path(__file__).parents[2] / "cases/home-gateway/expected/pf.conf").read_text()
    (only,) = [each for each in found(ID, text) if "port { 1:24" in each.span.source]
    assert at(only)[2] == [
        'pass in quick on eth1 proto { tcp, udp } all label "fwd 0015 tcp,udp any: lan to things"',
        'block drop in quick all tagged fwa_self label "in default"',
    ]
    assert "the same packets are accepted too, as the rule of line " in only.message
    assert [label.text.split()[0] for label in only.labels] == ["accepts", "drops"]
