"""IPv6 that is meant to work, and what it cannot work without."""

from __future__ import annotations

import pytest

from .conftest import at, nft
from .rule_texts import allow, iptables, nftables, pf, windows

ID = "missing-neighbour-discovery"
WEB = "-A INPUT -p tcp --dport 443 -j ACCEPT"
ND = "-A INPUT -p ipv6-icmp --icmpv6-type {} -j ACCEPT"


def six(checked, *rules: str, **more: str):
    files = {"rules.v4": iptables(), "rules.v6": iptables(*rules, **more)}
    return checked(files, ID, joined=True).findings


def test_no_discovery_gets_in(checked) -> None:
    (only,) = six(checked, WEB)
    assert at(only) == ("high", ":INPUT DROP [0:0]", [])
    assert only.message == (
        "IPv6 connections are accepted, but neighbour solicitations (135) and neighbour advertisements (136) "
        "do not get in: IPv6 fails on every link"
    )
    assert "-A INPUT -p ipv6-icmp --icmpv6-type 135 -j ACCEPT" in only.remedy


def test_each_type_counts(checked) -> None:
    (only,) = six(checked, WEB, ND.format(135))
    assert "but neighbour advertisements (136) do not" in only.message
    (advertisements,) = six(checked, WEB, ND.format(135), ND.format(136))
    assert (advertisements.severity.value, "router advertisements (134)" in advertisements.message) == ("info", True)
    assert six(checked, WEB, *map(ND.format, (134, 135, 136))) == []


def test_all_icmpv6_is_enough_and_from_the_link_alone_too(found) -> None:
    start = ("ct state established,related accept", "tcp dport 22 accept")
    assert found(ID, nft(*start, "meta l4proto icmpv6 accept")) == []
    assert found(ID, nft(*start, "ip6 saddr fe80::/10 meta l4proto icmpv6 accept")) == []
    assert found(ID, nft(*start, "icmpv6 type { 134, 135, 136 } ip6 hoplimit 255 accept")) == []


def test_discovery_is_of_no_connection_to_netfilter(found) -> None:
    start = ("ct state established,related accept", "tcp dport 22 accept")
    rule = "ct state {} icmpv6 type {{ 134, 135, 136 }} accept"
    (only,) = found(ID, nft(*start, rule.format("new")))
    assert only.severity.value == "high"
    assert found(ID, nft(*start, rule.format("{ new, untracked }"))) == []


def test_output_counts_too(checked) -> None:
    replies = "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    (only,) = six(checked, WEB, *map(ND.format, (134, 135, 136)), replies, output="DROP")
    assert at(only)[1] == ":OUTPUT DROP [0:0]"
    assert "do not get out" in only.message


def test_packets_that_are_too_big(found) -> None:
    discovery = "icmpv6 type { 134, 135, 136 } accept"
    (only,) = found(ID, nft("ct state established accept", "tcp dport 22 accept", discovery))
    assert (only.severity.value, "too big (2)" in only.message) == ("medium", True)
    assert found(ID, nft("ct state established accept", "tcp dport 22 accept", discovery, "icmpv6 type 2 accept")) == []
    assert found(ID, nft("ct state established,related accept", "tcp dport 22 accept", discovery)) == []


def test_ipv6_that_nobody_wants_misses_nothing(checked, found) -> None:
    assert six(checked, output="DROP") == []
    assert found(ID, nft("meta nfproto ipv4 accept", "drop")) == []
    assert checked({"rules.v4": iptables(WEB)}, ID).findings == []


def test_what_is_not_understood_may_accept_it(found) -> None:
    start = ("ct state established,related accept", "tcp dport 22 accept")
    assert found(ID, nft(*start, "icmpv6 type 134-136 meta cgroup 5 accept")) == []
    assert found(ID, nft(*start, "icmpv6 type 134-136 queue")) == []


def test_a_limit_does_not_refuse(found) -> None:
    start = ("ct state established,related accept", "tcp dport 22 accept")
    assert found(ID, nft(*start, "icmpv6 type 134-136 limit rate 100/second accept")) == []


def test_pf_has_states_for_errors_and_none_for_discovery(found) -> None:
    (only,) = found(ID, pf("pass in proto tcp to self port 22"))
    assert (only.severity.value, at(only)[1]) == ("high", "block all")
    types = "pass quick inet6 proto icmp6 icmp6-type { 134 135 136 }"
    assert found(ID, pf(types, "pass in proto tcp to self port 22")) == []


def test_windows_has_rules_of_its_own(found) -> None:
    text = windows(allow("x", "-Protocol TCP -LocalPort 443"))
    (only,) = found(ID, text, dialect="windows")
    assert (only.severity.value, "Core Networking" in only.remedy) == ("info", True)


@pytest.mark.parametrize("rule", ["tcp dport 22 accept", "udp dport 53 accept"])
def test_our_start_is_enough(found, rule: str) -> None:
    assert found(ID, nftables(rule)) == []
