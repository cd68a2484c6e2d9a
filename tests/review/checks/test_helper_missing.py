"""Protocols that negotiate ports which nothing opens."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import LIMITED, allow, iptables, nftables, pf, windows

ID = "helper-missing"
RAW = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{}\nCOMMIT\n"
Q931 = "-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931"
CALL = "-A INPUT -s 203.0.113.7 -p tcp --dport 1720 -j ACCEPT"
RELATED = "-A INPUT -m conntrack --ctstate RELATED -j ACCEPT"
#: Without the rule that accepts every related connection.
PLAIN = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{}COMMIT\n"


@pytest.mark.parametrize("dialect", LIMITED)
def test_call_signalling_alone(found, dialect: str) -> None:
    (only,) = found(ID, LIMITED[dialect](1720, "203.0.113.7"), dialect=dialect)
    assert only.severity.value == "medium"
    assert only.message.startswith("H.323 call signalling (tcp 1720) is open on this machine, but ")
    assert any("H.245" in line for line in only.details)
    assert any(line.startswith("then: ") for line in only.details)


def test_the_remedy_is_that_of_the_dialect(found) -> None:
    (only,) = found(ID, iptables(CALL))
    assert "-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931" in only.remedy
    (only,) = found(ID, nftables("ip saddr 203.0.113.7 tcp dport 1720 accept"))
    assert 'type "Q.931" protocol tcp' in only.remedy
    (only,) = found(ID, pf("pass in proto tcp from 203.0.113.7 to self port 1720"))
    assert only.remedy.startswith("There is no helper here")


def test_a_helper_and_its_connections(found) -> None:
    assert found(ID, iptables(CALL, raw=RAW.format(Q931))) == []
    (only,) = found(ID, RAW.format(Q931) + PLAIN.format(f"{CALL}\n"))
    assert "its helper announces that, and no rule accepts it as related" in only.message
    assert found(ID, RAW.format(Q931) + PLAIN.format(f"{CALL}\n{RELATED}\n")) == []


def test_a_range_that_is_open_between_the_same_hosts(found) -> None:
    tcp = "-A INPUT -s 203.0.113.7 -p tcp --dport 30000:30999 -j ACCEPT"
    udp = tcp.replace("tcp", "udp")
    assert found(ID, iptables(CALL, tcp, udp)) == []
    (only,) = found(ID, iptables(CALL, tcp.replace("203.0.113.7", "203.0.113.9"), udp))
    assert at(only)[1] == CALL


def test_media_goes_straight_between_those_that_talk(found) -> None:
    sip = "-A INPUT -s 203.0.113.5 -p udp --dport 5060 -j ACCEPT"
    (only,) = found(ID, iptables(sip))
    assert "SIP signalling (udp 5060)" in only.message
    assert found(ID, iptables(sip, "-A INPUT -s 198.51.100.0/24 -p udp --dport 10000:20000 -j ACCEPT")) == []


def test_ftp_works_actively_where_the_server_may_call(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 21 -j ACCEPT"))
    assert (only.severity.value, "some of what it negotiates" in only.message) == ("low", True)
    assert "then: login works, listings hang" in only.details
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 21 -j ACCEPT", output="DROP"))
    assert only.severity.value == "medium"


def test_tftp_is_answered_from_the_server(found) -> None:
    rule = "-A INPUT -p udp --dport 69 -j ACCEPT"
    assert found(ID, iptables(rule)) == []
    assert len(found(ID, iptables(rule, output="DROP"))) == 1


def test_through_this_machine(found) -> None:
    (only,) = found(ID, iptables("-A FORWARD -p tcp --dport 1723 -j ACCEPT"))
    assert "PPTP" in only.message
    assert "on machines behind it, but GRE, which it needs, is not: no helper, and no rule that" in only.message
    assert only.remedy.endswith("; or accept GRE between the same hosts")
    gre = "-A FORWARD -p gre -j ACCEPT"
    assert found(ID, iptables("-A FORWARD -p tcp --dport 1723 -j ACCEPT", gre)) == []


def test_what_goes_out_and_comes_back(found) -> None:
    assert found(ID, iptables("-A OUTPUT -p tcp --dport 21 -j ACCEPT")) == []
    assert len(found(ID, iptables("-A OUTPUT -p tcp --dport 21 -j ACCEPT", output="DROP"))) == 1


def test_wide_rules_and_other_ports(found) -> None:
    assert found(ID, iptables("-A INPUT -p tcp --dport 1:65535 -j ACCEPT")) == []
    assert found(ID, iptables("-A INPUT -p tcp --dport 443 -j ACCEPT")) == []
    assert found(ID, iptables("-A INPUT -p udp --dport 161 -j ACCEPT")) == []
    assert found(ID, nftables("tcp dport 22 accept")) == []


def test_programs_of_windows_open_what_they_need(found) -> None:
    text = windows(allow("x", "-Protocol TCP -LocalPort 21"), allow("y", "-Program C:\\ftp.exe"))
    assert found(ID, text, dialect="windows") == []


def test_where_it_is_not_known_what_is_accepted(found) -> None:
    assert found(ID, iptables("-A INPUT -p udp -j NFQUEUE", "-A INPUT -p tcp -j NFQUEUE", CALL)) == []
