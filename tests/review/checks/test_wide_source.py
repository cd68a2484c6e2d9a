"""Sources that are far too wide for a risky port."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import LIMITED, OPEN, iptables, nftables, pf

ID = "too-wide-source"


@pytest.mark.parametrize("dialect", LIMITED)
def test_sixteen_million_private_addresses(found, dialect: str) -> None:
    (only,) = found(ID, LIMITED[dialect](23, "10.0.0.0/8"), dialect=dialect)
    assert only.severity.value == "medium"
    assert only.message == "Telnet (tcp 23) is open to all of 10.0.0.0/8, on this machine"


@pytest.mark.parametrize("dialect", LIMITED)
@pytest.mark.parametrize(("port", "source"), [(23, "10.1.0.0/16"), (443, "10.0.0.0/8"), (3306, "10.0.0.0/8")])
def test_a_network_or_a_port_without_much_risk_inside(found, dialect: str, port: int, source: str) -> None:
    assert found(ID, LIMITED[dialect](port, source), dialect=dialect) == []


@pytest.mark.parametrize("dialect", OPEN)
def test_everybody_is_another_finding(found, dialect: str) -> None:
    assert found(ID, OPEN[dialect](23), dialect=dialect) == []


def test_a_million_public_addresses(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -s 4.0.0.0/10 -p tcp --dport 445 -j ACCEPT"))
    assert (only.severity.value, "4.0.0.0/10" in only.message) == ("high", True)
    assert found(ID, iptables("-A INPUT -s 203.0.0.0/16 -p tcp --dport 445 -j ACCEPT")) == []
    (six,) = found(ID, nftables("ip6 saddr 2a00::/12 tcp dport 445 accept"))
    assert "2a00::/12" in six.message
    assert found(ID, nftables("ip6 saddr 2001:db8::/32 tcp dport 445 accept")) == []


def test_all_private_space_as_several_networks(found) -> None:
    source = "{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }"
    (only,) = found(ID, nftables(f"ip saddr {source} tcp dport {{ 22, 5900 }} accept"))
    assert at(only)[0] == "medium"
    assert only.message.startswith("VNC")
    assert len(found(ID, pf(f"pass in proto tcp from {source} to port 5900"))) >= 1


def test_only_what_is_left_after_other_rules_counts(found) -> None:
    rules = ("-A INPUT -s 10.128.0.0/9 -j DROP", "-A INPUT -s 10.0.0.0/8 -p tcp --dport 23 -j ACCEPT")
    assert found(ID, iptables(*rules)) == []


def test_an_interface_without_a_source_is_no_wide_source(found) -> None:
    rules = ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 443 -j ACCEPT", "-A INPUT -i eth1 -p tcp --dport 23 -j ACCEPT")
    assert found(ID, iptables(*rules)) == []
