"""Defaults and last rules that accept what nobody spoke of."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import OPEN, allow, iptables, nftables, pf, windows

ID = "missing-default-drop"
ACCEPTING = {
    "iptables": iptables("-A INPUT -p tcp --dport 22 -j ACCEPT", policy="ACCEPT"),
    "nftables": nftables("tcp dport 22 accept", policy="accept"),
    "pf": pf("pass in proto tcp to port 22", first=""),
    "windows": windows(allow("x", "-Protocol TCP -LocalPort 22"), default="Allow"),
}


@pytest.mark.parametrize("dialect", ACCEPTING)
def test_rules_that_accept_what_the_default_accepts_too(found, dialect: str) -> None:
    (only, *more) = [f for f in found(ID, ACCEPTING[dialect], dialect=dialect) if "to this machine" in f.message]
    assert not more
    assert only.severity.value == "high"
    assert only.message.endswith("nothing from the internet is refused at all")
    assert any(line.startswith("packets: input") for line in only.details)


@pytest.mark.parametrize("dialect", OPEN)
def test_a_default_that_drops(found, dialect: str) -> None:
    assert found(ID, OPEN[dialect](22), dialect=dialect) == []


def test_the_remedy_names_the_chain(found) -> None:
    (only,) = found(ID, ACCEPTING["iptables"])
    assert at(only) == ("high", ":INPUT ACCEPT [0:0]", [])
    assert "`:INPUT DROP [0:0]`" in only.remedy
    (only,) = found(ID, ACCEPTING["nftables"])
    assert "`policy drop;` in the first line of chain input" in only.remedy


def test_a_last_rule_that_accepts_everything(found) -> None:
    (only,) = found(ID, nftables("tcp dport 22 accept", "counter accept"))
    assert at(only)[:2] == ("high", "counter accept")
    assert only.labels[0].text == "the default of input: drop"


def test_some_are_refused(found) -> None:
    rules = ("tcp dport 22 accept", "tcp dport 445 drop")
    (only,) = found(ID, nftables(*rules, policy="accept"))
    assert only.severity.value == "medium"


def test_a_list_of_what_is_closed_is_information(found) -> None:
    (only,) = found(ID, nftables("tcp dport 445 drop", policy="accept"))
    assert (only.severity.value, only.message.endswith("the rules only close what they name")) == ("info", True)


def test_a_last_rule_that_drops_makes_up_for_the_default(found) -> None:
    assert found(ID, iptables("-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -j DROP", policy="ACCEPT")) == []
    assert found(ID, pf("pass in quick proto tcp to port 22", "block in log quick all", first="")) == []


def test_a_second_chain_that_drops_makes_up_for_the_first(found) -> None:
    more = "\tchain late {\n\t\ttype filter hook input priority 10; policy drop;\n\t\ttcp dport 22 accept\n\t}\n"
    assert found(ID, nftables("tcp dport 22 accept", policy="accept", more=more)) == []


def test_a_chain_without_rules_is_no_firewall(found) -> None:
    assert found(ID, iptables(forward="ACCEPT")) == []


def test_forwarding_that_is_open_behind_rules_that_accept(found) -> None:
    text = iptables("-A FORWARD -p tcp --dport 443 -j ACCEPT", forward="ACCEPT")
    (only,) = found(ID, text)
    assert (only.severity.value, "through this machine" in only.message) == ("high", True)


def test_over_the_inside_interface_alone(found) -> None:
    rules = ("-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -i eth0 -j DROP", "-A INPUT -i eth1 -j ACCEPT")
    assert found(ID, iptables(*rules)) == []


def test_known_connections_alone_are_no_default(found) -> None:
    assert found(ID, iptables("-A INPUT -m conntrack --ctstate NEW -j DROP", policy="ACCEPT")) == []


STRANGE = "-A INPUT -m strange --x -j DROP"
BLACKLIST = "-A INPUT -m set --match-set blacklist src -j DROP"
WEB = "-A INPUT -p tcp --dport 443 -j ACCEPT"


def test_a_list_of_unknown_contents_is_no_default(found) -> None:
    (only,) = found(ID, iptables(BLACKLIST, WEB, policy="ACCEPT"))
    assert at(only)[:2] == ("high", ":INPUT ACCEPT [0:0]")
    assert "that no rule speaks of are accepted (IPv4)" in only.message
    assert only.message.endswith("nothing from the internet is known to be refused")
    assert "not known: set blacklist (src)" in only.details


def test_a_table_that_pf_fills_itself_is_no_default(found) -> None:
    text = pf("block in quick from <bruteforce>", first="table <bruteforce> persist\npass in all")
    (only, *_) = found(ID, text)
    assert at(only)[:2] == ("high", "pass in all")
    assert "that no rule speaks of are accepted (IPv4 and IPv6)" in only.message


def test_only_who_is_in_a_list_gets_in(found) -> None:
    assert found(ID, iptables("-A INPUT -m set ! --match-set friends src -j DROP", policy="ACCEPT")) == []
    assert found(ID, iptables("-A INPUT -m set --match-set friends src -j ACCEPT")) == []


def test_what_is_not_understood_may_take_everything_first(found) -> None:
    (only,) = found(ID, iptables(STRANGE, WEB, policy="ACCEPT"))
    assert (only.severity.value, "that no rule speaks of may be accepted (IPv4)" in only.message) == ("medium", True)
    assert "not known: strange --x" in only.details
    # A list beside it makes nothing surer.
    (only,) = found(ID, iptables(BLACKLIST, STRANGE, WEB, policy="ACCEPT"))
    assert only.severity.value == "medium"


def test_what_is_not_understood_takes_a_part(found) -> None:
    (only,) = found(ID, iptables(STRANGE.replace("-m", "-p tcp -m"), WEB, policy="ACCEPT"))
    assert (only.severity.value, "that no rule speaks of are accepted (IPv4)" in only.message) == ("high", True)


def test_what_is_not_understood_elsewhere_raises_no_doubt(found) -> None:
    (only,) = found(ID, iptables("-A FORWARD -m strange --x -j DROP", WEB, policy="ACCEPT"))
    assert only.message.endswith("nothing from the internet is refused at all")
    assert not any(line.startswith("not known") for line in only.details)
