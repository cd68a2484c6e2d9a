"""A conversion that answers what it rejects otherwise says so, and names the rules."""

from __future__ import annotations

import pytest

from .conftest import firewall, to

IPTABLES = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n%s\n-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n"
NFTABLES = "table ip f { chain i { type filter hook input priority 0; policy drop;\n%s\ntcp dport 80 accept\n} }\n"
PF = "set skip on lo0\nblock in all\npass out all\n%s\n"
START = "rejected as before, but with another answer "


def answers(dialect: str, text: str, target: str) -> list[str]:
    notes = to(firewall(dialect, text), target).notes
    return [note.removeprefix(START) for note in notes if note.startswith(START)]


@pytest.mark.parametrize(
    ("dialect", "text", "target", "said"),
    [
        ("iptables", IPTABLES % "-A INPUT -p tcp --dport 1 -j REJECT", "nftables",
         "(TCP gets tcp-reset instead of port-unreachable): rules:4: -A INPUT -p tcp --dport 1 -j REJECT"),
        ("iptables", IPTABLES % "-A INPUT -p udp -j REJECT --reject-with icmp-host-prohibited", "pf",
         "(other packets get port-unreachable instead of host-prohibited): rules:4: "),
        ("iptables", IPTABLES % "-A INPUT -s 10.0.0.1 -j REJECT", "iptables",
         "(TCP gets tcp-reset instead of port-unreachable, other packets get admin-prohibited instead of port-un"),
        ("nftables", NFTABLES % "udp dport 1 reject", "iptables",
         "(other packets get admin-prohibited instead of port-unreachable): rules:2: udp dport 1 reject"),
        ("nftables", NFTABLES % "tcp dport 1 reject with icmpx type admin-prohibited", "pf",
         "(TCP gets tcp-reset instead of admin-prohibited): rules:2: "),
        ("nftables", NFTABLES % "tcp dport 1 reject with icmp host-unreachable", "pf",
         "(TCP gets tcp-reset instead of host-unreachable): rules:2: "),
        ("pf", PF % "block return in proto udp from any to any port 1", "nftables",
         "(other packets get admin-prohibited instead of port-unreachable): rules:4: "),
        ("pf", PF % "block return-icmp(13) in quick proto tcp from any to any port 1", "nftables",
         "(TCP gets tcp-reset instead of admin-prohibited): rules:4: "),
    ],
)  # fmt: skip
def test_another_answer_is_said_with_its_rule(dialect: str, text: str, target: str, said: str) -> None:
    (note,) = answers(dialect, text, target)
    assert note.startswith(said)


@pytest.mark.parametrize(
    ("dialect", "text", "target"),
    [
        ("iptables", IPTABLES % "-A INPUT -p tcp --dport 1 -j REJECT --reject-with tcp-reset", "nftables"),
        ("iptables", IPTABLES % "-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n"
         "-A INPUT -j REJECT --reject-with icmp-admin-prohibited", "nftables"),
        ("iptables", IPTABLES % "-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable", "pf"),
        ("nftables", NFTABLES % "tcp dport 1 reject with tcp reset", "pf"),
        ("nftables", NFTABLES % "udp dport 1 reject with icmpx type admin-prohibited", "iptables"),
        ("pf", PF % "block return in proto { tcp udp } from any to any port 1", "pf"),
        ("pf", PF % "block return-rst in quick proto tcp from any to any port 1", "nftables"),
    ],
)  # fmt: skip
def test_the_same_answer_is_no_matter(dialect: str, text: str, target: str) -> None:
    assert answers(dialect, text, target) == []


def test_many_rules_are_one_note() -> None:
    rules = "\n".join(f"-A INPUT -p tcp --dport {port} -s 10.0.0.{port} -j REJECT" for port in range(1, 7))
    (note,) = answers("iptables", IPTABLES % rules, "nftables")
    assert note.endswith("10.0.0.1 -j REJECT, rules:5, rules:6, 3 more rules")
