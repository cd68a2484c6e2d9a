"""What IPv6 alone opens."""

from __future__ import annotations

from .conftest import at
from .rule_texts import allow, iptables, nftables, pf, windows

ID = "missing-ipv6-twin"
ND = "-A INPUT -p ipv6-icmp -j ACCEPT"


def test_a_port_that_only_ip6tables_opens(found, checked) -> None:
    four = iptables("-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 443 -j ACCEPT")
    six = iptables(ND, "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 443 -j ACCEPT")
    done = checked({"rules.v4": four, "rules.v6": six}, ID, joined=True)
    (only,) = done.findings
    assert at(only) == ("medium", "-A INPUT -p tcp --dport 22 -j ACCEPT", [":INPUT DROP [0:0]"])
    assert only.message == "IPv6 lets everybody in to SSH (tcp 22), and IPv4 does not, on this machine: " \
        "this rule accepts it"  # fmt: skip
    assert only.labels[0].text == "this default closes tcp 22 in IPv4"


def test_the_same_ports_in_both(checked) -> None:
    rule = "-A INPUT -p tcp --dport 443 -j ACCEPT"
    files = {"rules.v4": iptables(rule), "rules.v6": iptables(ND, rule)}
    assert checked(files, ID, joined=True).findings == []


def test_addresses_do_not_count(checked) -> None:
    four = iptables("-A INPUT -d 192.0.2.1 -p tcp --dport 443 -j ACCEPT")
    six = iptables(ND, "-A INPUT -d 2001:db8::1 -p tcp --dport 443 -j ACCEPT")
    assert checked({"rules.v4": four, "rules.v6": six}, ID, joined=True).findings == []


def test_a_default_that_accepts_in_ipv6(checked) -> None:
    files = {"rules.v4": iptables(), "rules.v6": iptables(policy="ACCEPT", forward="ACCEPT")}
    into, through = checked(files, ID, joined=True).findings
    assert at(into) == ("high", ":INPUT ACCEPT [0:0]", [":INPUT DROP [0:0]"])
    assert (through.severity.value, "machines behind it" in through.message) == ("medium", True)


def test_a_table_for_ipv4_alone(found) -> None:
    text = "table ip x {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n"
    (only,) = found(ID, text)
    assert only.severity.value == "high"
    assert only.message.endswith("no rule is asked about it")
    both = text + text.replace("table ip x", "table ip6 x")
    assert found(ID, both) == []


def test_one_table_for_both(found) -> None:
    assert found(ID, nftables("tcp dport { 22, 443 } accept")) == []
    (only,) = found(ID, nftables("meta nfproto ipv6 tcp dport 6379 accept"))
    assert (only.severity.value, "Redis" in only.message) == ("critical", True)


def test_one_partner_over_ipv6_is_not_everybody(found) -> None:
    assert found(ID, nftables("ip6 saddr 2001:db8::5 tcp dport 22 accept")) == []


def test_everything_open_in_ipv4_is_another_finding(found) -> None:
    assert found(ID, nftables(policy="accept")) == []


def test_pf_and_windows(found) -> None:
    assert found(ID, pf("pass in proto tcp to port 22")) == []
    (only,) = found(ID, pf("pass in inet proto tcp from 10.0.0.0/8 to port 22", "pass in inet6 proto tcp to port 22"))
    assert only.message.startswith("IPv6 lets everybody in to SSH")
    text = windows(allow("x", "-Protocol TCP -LocalPort 3389 -RemoteAddress 2000::/3"))
    (only,) = found(ID, text, dialect="windows")
    assert only.message.startswith("IPv6 lets everybody in to Remote Desktop")


def test_files_of_ipv4_alone_are_information(found) -> None:
    (only,) = found(ID, iptables())
    assert (only.severity.value, only.span) == ("info", None)
    assert "iptables.v4+iptables.v6" in only.remedy


def test_protocols_without_ports(found) -> None:
    (only,) = found(ID, nftables("meta nfproto ipv6 meta l4proto gre accept"))
    assert "gre" in only.message
