"""Rules that match nothing, with the test that cannot hold."""

from __future__ import annotations

import pytest

from .conftest import at, nft

NEVER = "never-matching-rule"
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("tcp dport 22 udp dport 53 accept", "its tests of the protocol exclude each other"),
        ("tcp dport 22 tcp dport 23 accept", "its tests of the destination port exclude each other"),
        ("ip saddr 10.0.0.0/8 ip saddr 192.0.2.1 accept", "its tests of the source exclude each other"),
        ('oifname "eth0" accept', "packets of input have no outgoing interface"),
    ],
)
def test_impossible_tests_are_named(found, rule: str, why: str) -> None:
    (one,) = found(NEVER, nft(rule))
    assert at(one)[:2] == ("medium", rule)
    assert one.message == f"this rule matches no packet: {why}"


def test_a_block_that_blocks_nothing_is_severe(found) -> None:
    (one,) = found(NEVER, nft("tcp dport 22 tcp dport 23 drop", policy="accept"))
    assert one.severity.value == "high"


def test_an_empty_set_matches_nothing(found) -> None:
    (one,) = found(NEVER, nft("ip saddr @nobody accept", before="\tset nobody { type ipv4_addr; }\n"))
    assert one.message == "this rule matches no packet: no source is left that it allows"


def test_the_icmp_of_the_other_family(found) -> None:
    (one,) = found(NEVER, HEAD + "-A INPUT -p icmpv6 -j ACCEPT\nCOMMIT\n", name="rules.v4", dialect="iptables")
    assert one.severity.value == "low"
    assert one.message == "this rule matches no packet: nobody sends ICMPv6 in IPv4, where the protocol is icmp"


def test_a_rule_of_one_family_in_a_chain_of_both_is_fine(found) -> None:
    assert not found(NEVER, nft("ip saddr 10.0.0.1 accept", "icmp type echo-request accept", "icmpv6 type 133 accept"))


def test_a_chain_of_several_hooks_is_dead_only_for_all(found) -> None:
    text = """table inet x {
	chain shared { oifname "eth0" accept; }
	chain input { type filter hook input priority 0; jump shared; }
	chain forward { type filter hook forward priority 0; jump shared; }
}
"""
    assert not found(NEVER, text)


def test_a_block_for_packets_that_do_not_come_anyway_is_a_habit(found) -> None:
    head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    (only,) = found("never-matching-rule", f"{head}-A FORWARD -m addrtype --dst-type BROADCAST -j DROP\nCOMMIT\n")
    assert (only.severity.value, only.message) == (
        "low",
        "this rule matches no packet: no packet of forward can be like that",
    )
