"""Excerpts of what ufw, firewalld and shorewall load, with answers that are known by reading them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import load_source
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressType, Firewall
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Hook, State
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Space

DUMPS = Path(__file__).with_name("dumps")
PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
ROUTER = "192.0.2.1"
WAY_BACK = frozenset({"fib saddr . mark . iif oif exists"})

#: File, "hook protocol source > destination:port", what else the packet is, and what becomes of it.
KNOWN = [
    # The default, and rules of the user's chains.
    ("ufw.save", f"input tcp 203.0.113.46 > {ROUTER}:3389 in eth0", {}, "accept"),
    ("ufw.save", f"input tcp 203.0.113.47 > {ROUTER}:3389 in eth0", {}, "drop"),
    ("ufw.save", f"input tcp 203.0.113.46 > {ROUTER}:3389 in eth1", {}, "drop"),
    ("ufw.save", f"input tcp 203.0.113.225 > {ROUTER}:587 in eth0", {}, "accept"),
    ("ufw.save", f"input tcp 203.0.113.225 > {ROUTER}:588 in eth0", {}, "drop"),
    # Before them: known connections, and what is invalid.
    ("ufw.save", f"input tcp 203.0.113.47 > {ROUTER}:3389 in eth0", {"state": State.ESTABLISHED}, "accept"),
    ("ufw.save", f"input tcp 203.0.113.46 > {ROUTER}:3389 in eth0", {"state": State.INVALID}, "drop"),
    # Forwarded: a multiport, a rejection, the deny that stands behind a log.
    ("ufw.save", "forward tcp 192.0.2.112 > 172.20.215.169:13 in eth0 out eth2", {}, "accept"),
    ("ufw.save", "forward tcp 203.0.113.9 > 172.20.250.248:587 in eth0 out eth2", {}, "reject"),
    ("ufw.save", "forward tcp 192.0.2.167 > 172.20.166.107:80 in eth0 out eth2", {}, "drop"),
    ("ufw.save", "output udp 192.0.2.1 > 8.8.8.8:53 out eth0", {}, "accept"),
    # A zone's chains: deny before allow; rejected at its end.
    ("firewalld.nft", f"input tcp 203.0.113.137 > {ROUTER}:1720 in eth0", {}, "accept"),
    ("firewalld.nft", f"input tcp 203.0.113.138 > {ROUTER}:1720 in eth0", {}, "reject"),
    ("firewalld.nft", f"input udp 100.113.84.233 > {ROUTER}:20000 in eth0", {}, "drop"),
    ("firewalld.nft", f"input tcp 10.20.112.1 > {ROUTER}:22 in eth1", {}, "drop"),
    ("firewalld.nft", f"input tcp 10.20.128.1 > {ROUTER}:22 in eth1", {}, "accept"),
    ("firewalld.nft", f"input icmp 10.20.128.1 > {ROUTER} in eth1", {}, "reject"),
    ("firewalld.nft", f"input icmp 10.20.128.1 > {ROUTER} in eth0", {}, "accept"),
    # A set, between two zones.
    ("firewalld.nft", "forward udp 203.0.113.77 > 172.20.86.9:3240 in eth0 out eth2", {}, "accept"),
    ("firewalld.nft", "forward udp 203.0.114.77 > 172.20.86.9:3240 in eth0 out eth2", {}, "drop"),
    ("firewalld.nft", "forward tcp 192.0.2.5 > 172.20.165.197:993 in eth0 out eth2", {}, "reject"),
    ("firewalld.nft", "forward tcp 192.0.2.5 > 172.20.165.197:993 in eth0 out eth1", {}, "reject"),
    # What has no way back is dropped before anything else, but for what finds neighbours.
    ("firewalld.nft", "input icmpv6 fe80::1 > fe80::2 in eth1", {"icmp_type": 135}, "accept"),
    ("firewalld.nft", "input icmpv6 fe80::1 > fe80::2 in eth1", {"icmp_type": 136}, "drop"),
    ("firewalld.nft", "input icmpv6 fe80::1 > fe80::2 in eth1", {"icmp_type": 136, "conditions": WAY_BACK}, "accept"),
    ("firewalld.nft", "input icmpv6 fe80::1 > fe80::2 in eth1", {"icmp_type": 128, "conditions": WAY_BACK}, "reject"),
    ("firewalld.nft", "output tcp 2001:db8::1 > 2002:a00::1:80 out eth0", {}, "reject"),
    ("firewalld.nft", "output tcp 2001:db8::1 > 2001:db8:1::1:80 out eth0", {}, "accept"),
    # Chains by zone pair, a list of unwanted networks, and flags that no connection has.
    ("shorewall.save", "forward tcp 203.0.113.66 > 172.20.191.130:587 in eth0 out eth2", {}, "accept"),
    ("shorewall.save", "forward tcp 203.0.113.68 > 172.20.191.130:587 in eth0 out eth2", {}, "drop"),
    ("shorewall.save", "forward tcp 198.51.100.7 > 172.20.4.235:3389 in eth0 out eth2", {}, "drop"),
    ("shorewall.save", "forward tcp 203.0.113.66 > 172.20.191.130:587 in eth0 out eth2", {"tcp_flags": 3}, "drop"),
    ("shorewall.save", "forward tcp 100.84.104.131 > 172.20.85.1:3306 in eth0 out eth2", {}, "reject"),
    ("shorewall.save", "forward tcp 10.20.145.1 > 172.20.208.57:3306 in eth1 out eth2", {}, "reject"),
    ("shorewall.save", "forward tcp 10.23.145.1 > 172.20.12.224:993 in eth1 out eth2", {}, "accept"),
    ("shorewall.save", "forward tcp 100.67.42.18 > 172.20.237.9:9250 in eth0 out eth2", {}, "accept"),
    ("shorewall.save", f"input udp 203.0.113.230 > {ROUTER}:53 in eth0", {}, "accept"),
    ("shorewall.save", f"input udp 203.0.113.240 > {ROUTER}:53 in eth0", {}, "drop"),
    ("shorewall.save", f"input tcp 10.20.0.1 > {ROUTER}:22 in eth1", {}, "reject"),
    ("shorewall.save", f"output udp {ROUTER} > 203.0.113.240:53 out eth0", {}, "accept"),
]  # fmt: skip

#: Rules that are read; every excerpt is understood completely.
RULES = {"ufw.save": 76, "firewalld.nft": 80, "shorewall.save": 104}


@cache
def firewall(name: str) -> Firewall:
    return read_firewall([load_source(DUMPS / name)])


@cache
def space(name: str) -> Space:
    return Space([firewall(name)])


def packet(text: str, more: dict[str, object]) -> Packet:
    """A packet from one line of `KNOWN`."""
    words = text.split()
    hook, protocol, source, _, target = words[:5]
    host, _, port = target.rpartition(":") if protocol in ("tcp", "udp") else (target, "", "0")
    names = dict(zip(words[5::2], words[6::2], strict=True))
    family = Family(ip_address(source).version)
    plain = Packet(
        hook=Hook(hook),
        family=family,
        protocol=PROTOCOLS[protocol],
        source=int(ip_address(source)),
        destination=int(ip_address(host)),
        source_port=40000 if port != "0" else 0,
        destination_port=int(port),
        icmp_type=8,
        in_interface=names.get("in", ""),
        out_interface=names.get("out", ""),
        source_type=AddressType.LOCAL if hook == "output" else AddressType.UNICAST,
        destination_type=AddressType.LOCAL if hook == "input" else AddressType.UNICAST,
    )
    return replace(plain, **more)


@pytest.mark.parametrize("name", RULES)
def test_an_excerpt_is_understood_completely(name):
    found = firewall(name)
    assert [each.reason for each in found.opaque] == []
    assert sum(1 for _ in found.rules()) == RULES[name]


@pytest.mark.parametrize(("name", "text", "more", "verdict"), KNOWN)
def test_known_answers(name, text, more, verdict):
    asked = packet(text, more)
    assert evaluate(firewall(name), asked).verdict == verdict
    assert space(name).meaning(firewall(name), asked.hook, asked.family).at(asked).verdict == verdict
