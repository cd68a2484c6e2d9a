"""Risky services that strangers reach, and everything that only looks like it."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import LIMITED, OPEN, allow, iptables, nftables, pf, windows

ID = "risky-service-exposed"
DIALECTS = tuple(OPEN)


def messages(findings) -> list[tuple[str, str]]:
    return [(each.severity.value, each.message) for each in findings]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_critical_port_that_is_open_to_everybody(found, dialect: str) -> None:
    (only,) = found(ID, OPEN[dialect](3389), dialect=dialect)
    assert only.severity.value == "critical"
    assert only.message == "Remote Desktop (RDP) (tcp 3389) is open to everybody on the internet, on this machine"
    assert "3389" in only.span.source
    assert any(line.startswith("packets: input  IPv4  tcp  port 3389") for line in only.details)
    assert any(line.startswith("such as: tcp ") and ":3389, new" in line for line in only.details)
    assert any("password guessing" in line for line in only.details)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_partner_is_not_everybody(found, dialect: str) -> None:
    assert found(ID, LIMITED[dialect](3389, "203.0.113.5"), dialect=dialect) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_port_that_is_built_for_the_internet_is_no_finding(found, dialect: str) -> None:
    assert found(ID, OPEN[dialect](443), dialect=dialect) == []
    assert found(ID, OPEN[dialect](22), dialect=dialect) == []


def test_everybody_but_some_is_everybody(found) -> None:
    rules = ("-A INPUT -s 198.51.100.0/24 -j DROP", "-A INPUT -p tcp --dport 445 -j ACCEPT")
    assert len(found(ID, iptables(*rules))) == 1
    assert len(found(ID, iptables("-A INPUT ! -s 10.0.0.0/8 -p tcp --dport 445 -j ACCEPT"))) == 1


def test_what_an_earlier_rule_drops_is_not_open(found) -> None:
    assert found(ID, nftables("tcp dport 445 drop", "tcp dport { 443, 445 } accept")) == []
    assert found(ID, pf("pass in quick proto tcp to port 443", "pass in proto tcp to port 445", "block in all")) == []


def test_both_rules_of_one_split_are_named(found) -> None:
    halves = ("ip saddr 0.0.0.0/1 tcp dport 445 accept", "ip saddr 128.0.0.0/1 tcp dport 445 accept")
    assert len(found(ID, nftables(*halves))) >= 1


def test_through_jumps_and_sets(found) -> None:
    chain = "\tchain web {\n\t\ttcp dport @ports accept\n\t}\n"
    ports = "\tset ports {\n\t\ttype inet_service\n\t\telements = { 443, 6379 }\n\t}\n"
    (only,) = found(ID, nftables("meta l4proto tcp jump web", before=ports, more=chain))
    assert at(only) == ("critical", "tcp dport @ports accept", [])
    assert only.message.startswith("Redis and Valkey (tcp 6379) is open")


def test_a_wide_rule_is_one_finding_that_names_the_worst(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 1:65535 -j ACCEPT"))
    assert only.severity.value == "critical"
    assert " more are open to everybody" in only.message


def test_a_high_risk_is_high(found) -> None:
    assert messages(found(ID, iptables("-A INPUT -p tcp --dport 3306 -j ACCEPT"))) == [
        ("high", "MySQL and MariaDB (tcp 3306) is open to everybody on the internet, on this machine")
    ]


def test_names_for_everybody_are_information(found) -> None:
    (only,) = found(ID, nftables("udp dport 53 accept"))
    assert only.severity.value == "info"
    assert any("wrong for one that has clients" in line for line in only.details)


def test_the_answer_to_a_question_for_an_address_is_no_service(found) -> None:
    assert found(ID, nftables("udp dport 68 accept", "udp sport 67 udp dport 68 accept")) == []
    assert len(found(ID, nftables("udp dport 67 accept"))) == 1


def test_a_limit_does_not_close_a_port(found) -> None:
    (only,) = found(ID, nftables("tcp dport 23 limit rate 5/minute accept"))
    assert only.severity.value == "critical"
    assert any("when limit 5/minute" in line for line in only.details)


def test_only_one_hardware_address_or_no_translation_is_not_everybody(found) -> None:
    mac = "-A INPUT -m mac --mac-source 00:11:22:33:44:55 -p tcp --dport 23 -j ACCEPT"
    assert found(ID, iptables(mac, "-A INPUT -m mark --mark 0x1 -p tcp --dport 23 -j ACCEPT")) == []
    assert found(ID, nftables("meta mark 1 tcp dport 23 accept")) == []
    forward = "\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\t\tct status dnat accept\n\t}\n"
    assert found(ID, nftables(more=forward)) == []


def test_what_nobody_knows_makes_it_perhaps(found) -> None:
    rules = ("-A INPUT -m set --match-set bad src -j DROP", "-A INPUT -p tcp --dport 3389 -j ACCEPT")
    (only,) = found(ID, iptables(*rules))
    assert only.severity.value == "high"
    assert "may be open to everybody" in only.message
    assert any(line == "not known: set bad (src)" for line in only.details)
    assert found(ID, iptables("-A INPUT -m set --match-set good src -p tcp --dport 3389 -j ACCEPT")) == []


def test_a_target_that_is_not_understood_silences(found) -> None:
    rules = ("-A INPUT -p tcp --dport 3389 -j NFQUEUE", "-A INPUT -p tcp --dport 3389 -j ACCEPT")
    assert found(ID, iptables(*rules)) == []


def test_the_inside_interface_is_not_the_internet(found) -> None:
    forward = (
        "\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n"
        '\t\tiifname "eth1" oifname "eth0" accept\n\t}\n'
        '\tchain n {\n\t\ttype nat hook postrouting priority 100;\n\t\toifname "eth0" masquerade\n\t}\n'
    )
    assert found(ID, nftables('iifname "eth1" tcp dport 445 accept', more=forward)) == []
    (only,) = found(ID, nftables('iifname "eth0" tcp dport 445 accept', more=forward))
    assert only.message.endswith("is open to everybody on the internet over eth0, on this machine")
    assert found(ID, nftables('iifname != "eth0" tcp dport 445 accept', more=forward)) == []


def test_the_only_interface_that_is_named_is_perhaps_the_internet(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -i eth0 -p tcp --dport 23 -j ACCEPT"))
    assert (only.severity.value, "over eth0, if that leads there" in only.message) == ("high", True)
    assert found(ID, iptables("-A INPUT -i wg0 -p tcp --dport 23 -j ACCEPT")) == []
    several = ("-A INPUT -i eth1 -p tcp --dport 23 -j ACCEPT", "-A INPUT -i eth0 -p tcp --dport 443 -j ACCEPT")
    assert found(ID, iptables(*several)) == []


def test_egress_of_pf_is_the_internet(found) -> None:
    assert len(found(ID, pf("pass in on egress proto tcp to port 23"))) == 1
    assert len(found(ID, pf("pass in on egress proto tcp to (egress) port 23"))) == 1
    assert found(ID, pf("pass in on { em1 em2 } proto tcp to port 23", "pass in on em0 proto tcp to port 443")) == []


def test_private_machines_behind_are_reached_through_translation_only(found) -> None:
    (only,) = found(ID, iptables("-A FORWARD -d 10.1.0.0/16 -p tcp --dport 445 -j ACCEPT"))
    assert (only.severity.value, "on machines behind it" in only.message) == ("high", True)
    assert any("translates or tunnels" in line for line in only.details)
    (public,) = found(ID, iptables("-A FORWARD -d 192.0.2.0/24 -p tcp --dport 445 -j ACCEPT"))
    assert public.severity.value == "critical"


def test_windows_of_known_networks_and_neighbours_only(found) -> None:
    for more in ("-Profile Domain", "-RemoteAddress LocalSubnet", "-Program C:\\a.exe"):
        assert found(ID, windows(allow("x", f"-Protocol TCP -LocalPort 3389 {more}")), dialect="windows") == [], more
    public = windows(allow("x", "-Protocol TCP -LocalPort 3389 -Profile Public"))
    assert len(found(ID, public, dialect="windows")) == 1


def test_a_default_that_accepts_is_another_finding(found) -> None:
    assert found(ID, nftables("tcp dport 443 accept", policy="accept")) == []
    assert found(ID, nftables("accept")) == []


def test_tables_that_refuse_nothing_decide_nothing(found) -> None:
    nat = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
    )
    mangle = nat.replace("*nat", "*mangle").replace(":INPUT", ":FORWARD ACCEPT [0:0]\n:INPUT")
    rules = ("-A INPUT -p tcp --dport 23 -j ACCEPT", "-A FORWARD -d 192.0.2.1 -p tcp --dport 445 -j ACCEPT")
    assert [at(each)[1] for each in found(ID, nat + iptables(*rules) + mangle)] == list(rules)


def test_groups_are_no_hosts(found) -> None:
    assert found(ID, nftables("ip daddr 224.0.0.251 udp dport 5353 accept")) == []


def test_what_the_files_translate_is_reached_behind(found) -> None:
    dnat = "-A PREROUTING -p tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432"
    nat = f"*nat\n:PREROUTING ACCEPT [0:0]\n{dnat}\nCOMMIT\n"
    rule = "-A FORWARD -d 172.17.0.{}/32 -o docker0 -p tcp --dport 5432 -j ACCEPT"
    severities = [found(ID, nat + iptables(rule.format(host)))[0].severity.value for host in (2, 3)]
    assert severities == ["high", "medium"]
    (only,) = found(ID, pf("pass in on egress proto tcp to (egress) port 3389 rdr-to 192.168.1.50"))
    assert only.severity.value == "critical"


def test_a_limit_of_pf_closes_nothing(found) -> None:
    (only,) = found(ID, pf("pass in proto tcp to self port 23 keep state (max-src-conn 10)"))
    assert only.severity.value == "critical"
