"""Logs that anybody can fill."""

from __future__ import annotations

from .conftest import at
from .rule_texts import iptables, nftables, pf

ID = "unlimited-logging"
LOG = '-A INPUT -j LOG --log-prefix "dropped: "'


def test_a_log_of_everything_that_is_left(found) -> None:
    (only,) = found(ID, iptables(LOG, "-A INPUT -j DROP"))
    assert at(only) == ("medium", LOG, [])
    assert "-m limit --limit 10/minute" in only.remedy
    (only,) = found(ID, nftables('log prefix "dropped: " drop'))
    assert "limit rate 10/minute log" in only.remedy


def test_logs_with_a_limit(found) -> None:
    for limit in ("-m limit --limit 5/minute", "-m hashlimit --hashlimit-upto 5/minute --hashlimit-name x"):
        assert found(ID, iptables(f"-A INPUT {limit} -j LOG")) == [], limit
    assert found(ID, nftables("limit rate 5/minute log")) == []


def test_a_limit_on_the_way(found) -> None:
    more = "\tchain l {\n\t\tlog drop\n\t}\n"
    assert found(ID, nftables("limit rate 5/minute jump l", more=more)) == []
    assert len(found(ID, nftables("tcp dport 23 jump l", more=more))) == 1


def test_a_limit_that_says_more_than(found) -> None:
    (only,) = found(ID, nftables("limit rate over 5/minute log drop"))
    assert only.severity.value == "medium"
    above = "-A INPUT -m hashlimit --hashlimit-above 5/minute --hashlimit-name x -j LOG"
    assert len(found(ID, iptables(above))) == 1


def test_packets_that_strangers_cannot_send(found) -> None:
    assert found(ID, iptables("-A INPUT -s 10.0.0.0/8 -j LOG")) == []
    assert found(ID, iptables("-A INPUT -i lo -j LOG")) == []
    assert found(ID, iptables("-A OUTPUT -j LOG")) == []
    assert found(ID, iptables("-A INPUT -m conntrack --ctstate ESTABLISHED -j LOG")) == []
    assert found(ID, nftables("drop", "log")) == []


def test_packets_of_no_connection_are_easily_sent(found) -> None:
    assert len(found(ID, nftables("ct state invalid log drop"))) == 1


def test_what_forwards_counts(found) -> None:
    (only,) = found(ID, iptables("-A FORWARD -j LOG", "-A FORWARD -j DROP"))
    assert any(line.startswith("packets: forward") for line in only.details)


def test_each_rule_that_logs_first(found) -> None:
    findings = found(ID, nftables("tcp dport 23 log drop", "udp dport 53 log drop"))
    assert [at(each)[1] for each in findings] == ["tcp dport 23 log drop", "udp dport 53 log drop"]


def test_pf_writes_elsewhere(found) -> None:
    assert found(ID, pf("block in log all")) == []


def test_over_the_inside_interface(found) -> None:
    more = '\tchain n {\n\t\ttype nat hook postrouting priority 100;\n\t\toifname "eth0" masquerade\n\t}\n'
    assert found(ID, nftables('iifname "eth1" log', more=more)) == []
    (only,) = found(ID, nftables('iifname "eth0" log', more=more))
    assert only.message.endswith("over eth0")
