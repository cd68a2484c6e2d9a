"""Services that hardly anybody needs, open by rules of their own."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import LIMITED, OPEN, allow, iptables, nftables, pf, windows

ID = "legacy-service-open"


@pytest.mark.parametrize("dialect", OPEN)
def test_call_signalling_for_everybody(found, dialect: str) -> None:
    (only,) = found(ID, OPEN[dialect](1720), dialect=dialect)
    assert only.severity.value == "medium"
    assert only.message == (
        "H.323 call signalling (tcp 1720) is old and open on this machine: "
        "does anything here use H.323 call signalling? If not, close it"
    )
    assert any(line.startswith("used by: ") for line in only.details)


@pytest.mark.parametrize("dialect", LIMITED)
@pytest.mark.parametrize(("port", "severity"), [(1503, "medium"), (1720, "low"), (23, "low")])
def test_for_one_network(found, dialect: str, port: int, severity: str) -> None:
    (only,) = found(ID, LIMITED[dialect](port, "10.1.2.0/24"), dialect=dialect)
    assert only.severity.value == severity


@pytest.mark.parametrize("dialect", OPEN)
@pytest.mark.parametrize("port", [22, 389, 443, 3389])
def test_services_that_are_alive(found, dialect: str, port: int) -> None:
    assert found(ID, OPEN[dialect](port), dialect=dialect) == []


def test_obsolete_and_for_everybody_is_high(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 1503 -j ACCEPT"))
    assert (only.severity.value, "is obsolete and open" in only.message) == ("high", True)


def test_a_comment_that_names_what_needs_it(found) -> None:
    assert found(ID, nftables('tcp dport 1720 accept comment "polycom in room 5"')) == []
    assert len(found(ID, nftables('tcp dport 1720 accept comment "do not touch"'))) == 1
    (only,) = found(ID, nftables('tcp dport 1503 accept comment "netmeeting of the board"'))
    assert only.severity.value == "info"


def test_rules_for_many_ports_were_not_made_for_it(found) -> None:
    assert found(ID, iptables("-A INPUT -p tcp --dport 1:1024 -j ACCEPT")) == []
    assert found(ID, iptables("-A INPUT -s 10.0.0.5 -j ACCEPT")) == []
    assert found(ID, nftables(policy="accept")) == []


def test_several_ports_of_one_rule_are_one_finding(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp -m multiport --dports 21,22,23 -j ACCEPT"))
    assert "Telnet (tcp 23) and FTP control (tcp 21) are old" in only.message


def test_in_a_chain_that_is_led_to_by_the_port(found) -> None:
    more = "\tchain t {\n\t\tip saddr 10.0.0.0/24 accept\n\t}\n"
    (only,) = found(ID, nftables("tcp dport 23 jump t", more=more))
    assert at(only)[1] == "ip saddr 10.0.0.0/24 accept"


def test_what_never_gets_there_is_not_open(found) -> None:
    assert found(ID, nftables("tcp dport 23 drop", "tcp dport 23 accept")) == []
    assert (
        found(ID, pf("pass in quick proto tcp to self port 22", "pass in proto tcp to port 23", "block in all")) == []
    )
    assert found(ID, iptables("-A INPUT -i lo -p tcp --dport 23 -j ACCEPT")) == []
    assert found(ID, iptables("-A OUTPUT -p tcp --dport 23 -j ACCEPT")) == []


def test_neighbours_are_somebody(found) -> None:
    text = windows(allow("x", "-Protocol TCP -LocalPort 21 -RemoteAddress LocalSubnet"))
    (only,) = found(ID, text, dialect="windows")
    assert only.severity.value == "low"
    mac = "-A INPUT -m mac --mac-source 00:11:22:33:44:55 -p tcp --dport 23 -j ACCEPT"
    assert len(found(ID, iptables(mac))) == 1
