"""Lookups in sets: what ``ipset save`` prints beside the rules."""

from __future__ import annotations

import pytest
from iptables_rows import packet

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Verdict


def firewall(sets: str, match: str, version: int = 4, more: str = "") -> Firewall:
    rules = f"*filter\n:INPUT DROP [0:0]\n-A INPUT -m set {match} -j ACCEPT\n{more}COMMIT\n"
    return read([Source(f"rules.v{version}", rules.encode()), Source("ipset.conf", sets.encode())], {})


@pytest.mark.parametrize(
    ("sets", "match", "yes", "no"),
    [
        ("create s hash:ip family inet hashsize 1024 maxelem 65536\nadd s 10.0.0.1\nadd s 10.0.0.4-10.0.0.6",
         "--match-set s src", ["src=10.0.0.1", "src=10.0.0.5"], ["src=10.0.0.2", "dst=10.0.0.1"]),
        ("create s hash:ip\nadd s 10.0.0.1", "! --match-set s src", ["src=10.0.0.2"], ["src=10.0.0.1"]),
        ("create s hash:ip netmask 24\nadd s 10.0.0.1", "--match-set s src", ["src=10.0.0.9"], ["src=10.0.1.1"]),
        ("create s hash:ip", "--match-set s src", [], ["src=10.0.0.1"]),
        ("create s hash:ip", "! --match-set s src", ["src=10.0.0.1"], []),
        ("create s hash:net\nadd s 10.0.0.0/8\nadd s 10.1.0.0/16 nomatch\nadd s 10.1.2.0/24", "--match-set s dst",
         ["dst=10.0.0.1", "dst=10.1.2.3", "dst=10.2.0.0"], ["dst=10.1.0.1", "dst=10.1.3.0", "dst=11.0.0.0"]),
        ("create s hash:ip,port\nadd s 10.0.0.1,tcp:80\nadd s 10.0.0.1,443\nadd s 10.0.0.2,udp:53\n"
         "add s 10.0.0.3,icmp:8/0\nadd s 10.0.0.4,gre:0", "--match-set s dst,dst",
         ["dst=10.0.0.1 dport=80", "dst=10.0.0.1 dport=443", "udp dst=10.0.0.2 dport=53", "icmp dst=10.0.0.3 icmp=8/0",
          "gre dst=10.0.0.4"],
         ["dst=10.0.0.1 dport=81", "udp dst=10.0.0.1 dport=80", "dst=10.0.0.2 dport=53", "icmp dst=10.0.0.3 icmp=0/0",
          "dst=10.0.0.4"]),
        ("create s hash:ip,port\nadd s 10.0.0.1,tcp:80", "! --match-set s src,dst",
         ["src=10.0.0.1 dport=81", "src=10.0.0.2 dport=80"], ["src=10.0.0.1 dport=80"]),
        ("create s hash:net,port\nadd s 10.0.0.0/8,tcp:80-90", "--match-set s src,src",
         ["src=10.1.1.1 sport=85"], ["src=10.1.1.1 sport=91", "src=11.1.1.1 sport=85"]),
        ("create s hash:ip,port,ip\nadd s 10.0.0.1,tcp:80,10.0.0.9", "--match-set s src,dst,dst",
         ["src=10.0.0.1 dport=80 dst=10.0.0.9"], ["src=10.0.0.1 dport=80 dst=10.0.0.8"]),
        ("create s hash:net,net\nadd s 10.0.0.0/8,11.0.0.0/8\nadd s 10.0.0.0/8,12.0.0.0/8", "--match-set s src,dst",
         ["src=10.0.0.1 dst=11.0.0.1", "src=10.0.0.1 dst=12.0.0.1"], ["src=10.0.0.1 dst=13.0.0.1"]),
        ("create s hash:net,iface\nadd s 10.0.0.0/8,eth1", "--match-set s src,src",
         ["src=10.0.0.1 in=eth1"], ["src=10.0.0.1 in=eth0"]),
        ("create s bitmap:port range 0-1024\nadd s 22\nadd s 80-90", "--match-set s dst",
         ["dport=22", "udp dport=85"], ["dport=23", "sctp dport=22", "icmp"]),
        ("create s bitmap:ip range 10.0.0.0-10.0.0.255\nadd s 10.0.0.1-10.0.0.3", "--match-set s src",
         ["src=10.0.0.2"], ["src=10.0.0.4"]),
        ("create s hash:mac\nadd s 00:11:22:33:44:55", "--match-set s src",
         ["{source mac 00:11:22:33:44:55}"], ["tcp"]),
        ("create a hash:ip\nadd a 10.0.0.1\ncreate b hash:net\nadd b 11.0.0.0/8\ncreate s list:set size 8\nadd s a\n"
         "add s b", "--match-set s src", ["src=10.0.0.1", "src=11.0.0.9"], ["src=12.0.0.1"]),
        ("create s hash:ip,port\nadd s 10.0.0.1,80", "--match-set s src", [], ["src=10.0.0.1 dport=80"]),
        ("create s hash:ip family inet6\nadd s fd00::1", "--match-set s src", [], ["src=10.0.0.1"]),
        ("create s hash:ip timeout 300\nadd s 10.0.0.1 timeout 299", "--match-set s src",
         ["{set s (src)}"], ["src=10.0.0.1"]),
        ("create s hash:ip timeout 0\nadd s 10.0.0.1 timeout 0", "--match-set s src", ["src=10.0.0.1"], ["tcp"]),
        ("create s hash:ip\nadd s 10.0.0.1\nadd s 10.0.0.2\ndel s 10.0.0.1", "--match-set s src",
         ["src=10.0.0.2"], ["src=10.0.0.1"]),
        ("create s hash:ip\nadd s 10.0.0.1\nflush s", "--match-set s src", [], ["src=10.0.0.1"]),
        ("create s hash:ip\ncreate t hash:ip\nadd t 10.0.0.1\nswap s t", "--match-set s src",
         ["src=10.0.0.1"], ["tcp"]),
        ("create t hash:ip\nadd t 10.0.0.1\nrename t s", "--match-set s src", ["src=10.0.0.1"], ["tcp"]),
        ("create s hash:ip comment\nadd s 10.0.0.1 comment \"a b\"", "--match-set s src", ["src=10.0.0.1"], ["tcp"]),
    ],
)  # fmt: skip
def test_lookup(sets: str, match: str, yes: list[str], no: list[str]) -> None:
    found = firewall(f"{sets}\n", match)
    assert not found.opaque
    assert [evaluate(found, packet(each)).verdict for each in yes] == [Verdict.ACCEPT] * len(yes)
    assert [evaluate(found, packet(each)).verdict for each in no] == [Verdict.DROP] * len(no)


def test_addresses_of_version_6() -> None:
    sets = "create s hash:net,port family inet6\nadd s fd00::/8,icmpv6:echo-request\nadd s fd00::/8,udp:53\n"
    found = firewall(sets, "--match-set s src,dst", 6)
    for sentence, expected in (
        ("icmpv6 src=fd00::1 icmp=128/0", Verdict.ACCEPT),
        ("icmpv6 src=fd00::1 icmp=129/0", Verdict.DROP),
        ("udp src=fd00::1 dport=53", Verdict.ACCEPT),
        ("udp src=fe00::1 dport=53", Verdict.DROP),
    ):
        assert evaluate(found, packet(sentence, Family.IPV6)).verdict is expected


@pytest.mark.parametrize(
    ("sets", "match"),
    [
        ("create t hash:ip\n", "--match-set s src"),
        ("create s hash:net,net\nadd s 10.0.0.0/8,11.0.0.0/8 nomatch\n", "--match-set s src,dst"),
        ("create s hash:ip,mark\nadd s 10.0.0.1,0x5\n", "--match-set s src,src"),
        ("create s hash:net,iface\nadd s 10.0.0.0/8,eth wildcard\n", "--match-set s src,src"),
        ("create s hash:ip bitmask 255.0.0.255\nadd s 10.0.0.1\n", "--match-set s src"),
    ],
)
def test_what_is_not_known_of_a_set_is_opaque(sets: str, match: str) -> None:
    found = firewall(sets, match)
    assert len(found.opaque) == 1
    assert '"s"' in found.opaque[0].reason


def test_sets_that_rules_change_are_conditions_that_change() -> None:
    more = "-A INPUT -j SET --add-set s src\n-A INPUT -m set --match-set s src -j REJECT\n"
    found = firewall("create s hash:ip\nadd s 10.0.0.1\n", "--match-set s src", more=more)
    assert not found.opaque
    assert evaluate(found, packet("src=10.0.0.1")).verdict is Verdict.DROP
    assert evaluate(found, packet("{set s (src) (2)}")).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("create s hash:ipp\n", "ipset has no type"),
        ("create s hash:ip\ncreate s hash:ip\n", "already"),
        ("create s hash:ip\nadd t 10.0.0.1\n", "no set is called"),
        ("create s hash:ip\nadd s 10.0.0.300\n", "no IPv4 address"),
        ("create s hash:ip\nadd s fd00::1\n", "no IPv4 address"),
        ("create s hash:ip,port\nadd s 10.0.0.1\n", "does not fit"),
        ("create s hash:ip,port\nadd s 10.0.0.1,foo:80\n", "no protocol"),
        ("create s hash:ip hashsiz 5\n", "not expected here"),
        ("create s hash:ip\nad s 10.0.0.1\n", "no command"),
        ("create s hash:ip\nadd s www.example.com\n", "host name"),
        ("create s hash:ip\nadd s\n", "needs a set"),
    ],
)
def test_a_set_file_is_refused(sets: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        firewall(sets, "--match-set s src")
