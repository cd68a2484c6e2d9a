"""Rules that take packets for answers, accept what is of no connection, or stand too low."""

from __future__ import annotations

import pytest

from .conftest import at, nft
from .rule_texts import iptables, nftables, pf

ID = "accepts-before-state"
INVALID = "-A INPUT -m conntrack --ctstate INVALID -j DROP"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("-A INPUT -p udp --sport 53 -j ACCEPT", "udp packets from the port of a server"),
        ("-A INPUT -p tcp --sport 80 -j ACCEPT", "tcp connections that begin from the port of a server"),
        ("-A INPUT -p tcp ! --syn -j ACCEPT", "tcp packets without SYN"),
    ],
)
def test_answers_that_are_none(found, rule: str, words: str) -> None:
    findings = [each for each in found(ID, iptables(rule)) if each.severity.value == "high"]
    assert words in {each.message.split(" with ")[1].split(":")[0] for each in findings}
    assert {at(each)[1] for each in findings} == {rule}
    assert any(line.startswith("such as: ") for line in findings[0].details)


def test_answers_in_nftables_and_pf(found) -> None:
    assert len(found(ID, nftables("udp sport 53 accept"))) == 1
    assert len(found(ID, pf("pass in proto udp from any port 53 to self"))) == 1


@pytest.mark.parametrize(
    "rule",
    [
        "-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT",
        "-A INPUT -p udp --sport 53 -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "-A INPUT -s 192.0.2.53 -p udp --sport 53 -j ACCEPT",
        "-A INPUT -p udp --sport 123 --dport 123 -j ACCEPT",
        "-A INPUT -p udp --dport 53 -j ACCEPT",
        "-A INPUT -p udp --dport 1024:65535 -j ACCEPT",
        "-A INPUT -i lo -p udp --sport 53 -j ACCEPT",
    ],
)
def test_what_takes_nothing_for_an_answer(found, rule: str) -> None:
    assert found(ID, iptables(rule)) == []


def test_packets_of_no_connection_before_they_are_dropped(found) -> None:
    rule = "-A INPUT -p tcp --dport 22 -j ACCEPT"
    (only,) = found(ID, iptables(rule, INVALID))
    assert at(only) == ("low", rule, [INVALID])
    assert found(ID, iptables(INVALID, rule)) == []
    assert found(ID, iptables(rule)) == []
    assert found(ID, iptables("-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT", INVALID)) == []
    assert found(ID, iptables("-A INPUT -p icmp -j ACCEPT", INVALID)) == []


def test_the_same_in_nftables(found) -> None:
    (only,) = found(ID, nft("tcp dport 22 accept", "ct state invalid drop", "ct state established accept"))
    assert at(only) == ("low", "tcp dport 22 accept", ["ct state invalid drop"])


def test_known_connections_far_down(found) -> None:
    rules = [f"ip saddr 10.0.{n}.0/24 tcp dport 22 ct state new accept" for n in range(25)]
    (only,) = found(ID, nft(*rules, "ct state { established, related } accept"))
    assert (only.severity.value, "below 25 other rules of input" in only.message) == ("info", True)
    assert only.labels[0].span.source.strip() == rules[0]
    assert found(ID, nft("ct state established accept", *rules)) == []
    assert found(ID, nft(*rules[:10], "ct state established accept")) == []
