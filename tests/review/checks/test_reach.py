"""What strangers get in to, held against the walk of single packets, and who they are."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family, format_ranges
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.review.checks.reach import Reach
from fwadvisor.review.checks.strangers import doors, strangers

from .rule_texts import iptables, nftables

CASES = sorted((Path(__file__).resolve().parents[2] / "cases").glob("*/expected/nftables.nft"))[::4]
PORTS = (22, 23, 25, 53, 80, 443, 445, 1720, 3389, 5060, 8080, 30000)


def firewall(text: str) -> Firewall:
    return read_firewall([Source("rules", text.encode())])


def random_rules(dice: random.Random) -> str:
    rules = []
    for _ in range(12):
        tests = [
            dice.choice(
                ("", "ip saddr 203.0.113.0/24", "ip saddr != 10.0.0.0/8", "meta nfproto ipv6", "ip saddr 0.0.0.0/1")
            ),
            dice.choice(("", 'iifname "eth0"', 'iifname != "eth1"', 'iifname "wg*"')),
            dice.choice(("tcp", "udp")) + f" dport {dice.choice(PORTS)}-{dice.choice((40000, 65535))}",
            dice.choice(("accept", "accept", "drop", "reject")),
        ]
        rules.append(" ".join(each for each in tests if each))
    return nftables(*rules)


def agree(rules: Firewall, dice: random.Random, packets: int) -> None:
    """Whether a stranger's packet is accepted over every interface of a door is told as the walk tells it."""
    reach = Reach(rules)
    for family in (Family.IPV4, Family.IPV6):
        known = reach.strangers(family)
        for _ in range(packets):
            first, last = dice.choice(known)
            packet = Packet(
                hook=Hook.INPUT,
                family=family,
                protocol=dice.choice((6, 17)),
                source=dice.randint(first, last),
                destination=0xC0000201 if family is Family.IPV4 else 0x20010DB8 << 96 | 1,
                source_port=dice.randint(49152, 65535),
                destination_port=dice.choice(PORTS),
                in_interface="",
                destination_type=0,
            )
            packet = packet if packet.protocol == 6 else replace(packet, tcp_flags=0)
            for door in reach.doors:
                walked = all(
                    evaluate(rules, replace(packet, in_interface=name)).verdict is Verdict.ACCEPT for name in door.over
                )
                entries = [each for each in reach.entries(Hook.INPUT, family) if each.door == door]
                told = [each for each in entries if each.piece.packets.contains(packet)]
                assert bool(told) is walked, (packet, door, rules.name)
                assert len(told) <= 1


@pytest.mark.parametrize("seed", range(12))
def test_random_rules_agree_with_the_walk(seed: int) -> None:
    dice = random.Random(seed)
    agree(firewall(random_rules(dice)), dice, 60)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parents[1].name)
def test_our_rules_agree_with_the_walk(case: Path) -> None:
    agree(firewall(case.read_text()), random.Random(1), 40)


def test_who_is_a_stranger() -> None:
    rules = firewall(
        nftables("ip saddr { 1.0.0.0/8, 203.0.113.5 } accept", "ip saddr != 8.0.0.0/8 tcp dport 22 accept")
    )
    names = list(format_ranges(strangers(rules, Family.IPV4), Family.IPV4))
    assert names[0] == "2.0.0.0-7.255.255.255"
    assert names[1] == "9.0.0.0/8"
    assert not any("10." in name.split("-")[0][:3] for name in names)
    assert list(format_ranges(strangers(rules, Family.IPV6), Family.IPV6)) == ["64:ff9b::/96", "2000::/3"]


def test_where_strangers_come_in() -> None:
    assert [door.words for door in doors(firewall(iptables()))] == [""]
    nat = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o ens3 -j MASQUERADE\nCOMMIT\n"
    assert [(door.words, door.sure) for door in doors(firewall(nat + iptables("-A INPUT -i ens4 -j ACCEPT")))] == [
        (" over ens3", True)
    ]
    (door,) = doors(firewall(iptables("-A INPUT -i eth0 -j ACCEPT", "-A INPUT -i eth1 -j ACCEPT")))
    assert (door.over[1:], door.name) == (("eth0", "eth1"), "")
    ways = [f"-A FORWARD -i eth{n} -o eth9 -j ACCEPT" for n in (1, 2)]
    assert [door.words for door in doors(firewall(iptables(*ways)))] == ["", " over eth9, if that leads there"]


def test_nobody_is_a_stranger_where_rules_divide_the_internet() -> None:
    rules = [f"ip saddr {n}.0.0.0/8 accept" for n in range(256) if n not in (10, 127)]
    reach = Reach(firewall(nftables(*rules)))
    assert reach.strangers(Family.IPV4) == ()
    assert reach.entries(Hook.INPUT, Family.IPV4) == ()
