"""All packets of a region with a verdict: nothing missing, nothing besides, by the rules that decide them."""

from __future__ import annotations

import random

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget, PacketSet, Space
from fwadvisor.ports import load
from fwadvisor.review.find import Answer, Asked, find
from fwadvisor.review.flow_file import own_language
from fwadvisor.review.flow_text import parse_flow

LANGUAGE = own_language(load(), exact=False)
NFT = """table inet x {
	chain ssh {
		ip saddr 192.0.2.0/24 accept
		limit rate 5/second accept
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established accept
		tcp dport 22 jump ssh
		tcp dport 1500-1600 ip saddr != 10.0.0.0/8 accept
		tcp dport 1550 reject
		ip6 saddr 2001:db8::/32 tcp dport 1720 accept
		iifname "eth*" udp dport 1700-1800 accept
	}
}
"""
V4 = """*filter
:INPUT DROP [0:0]
-A INPUT -m set --match-set friends src -p tcp --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 80 -j ACCEPT
COMMIT
"""


def firewall(text: str, dialect: str) -> Firewall:
    return read_firewall([Source("rules", text.encode())], dialect)


RULES = firewall(NFT, "nftables")


def ask(text: str, asked: Asked = Asked.ACCEPTS, rules: Firewall = RULES) -> Answer:
    return find(rules, parse_flow(text, LANGUAGE), asked, Budget())


def lines(answer: Answer) -> list[tuple[int, int, str]]:
    return [
        (share.step.rule.span.line if share.step and share.step.rule else 0, share.family, box.line(place=False))
        for share in answer.shares
        for box in share.boxes
    ]


def test_the_accepted_packets_of_a_region_by_rule() -> None:
    assert lines(ask("any -> self:1500-1800/tcp")) == [
        (11, 4, "all except 10.0.0.0/8 -> any  port 1500-1600"),
        (13, 6, "2001:db8::/32 -> any  port 1720"),
    ]


def test_blocked_packets_and_defaults() -> None:
    assert lines(ask("any -> self:1550/tcp ipv4", Asked.REJECTS)) == [(12, 4, "10.0.0.0/8 -> any")]
    assert lines(ask("10.0.0.0/8 -> self:1599/tcp", Asked.DROPS)) == [(0, 4, "all packets")]
    assert not ask("10.0.0.0/8 -> self:1599/tcp").found


def test_conditions_and_interfaces_are_part_of_the_answer() -> None:
    assert lines(ask("any -> self:22/tcp ipv6")) == [(4, 6, "when limit 5/second burst 5 packets")]
    assert lines(ask("any -> self:1790-2000/udp ipv4")) == [(14, 4, "port 1790-1800  in eth*")]


def test_what_is_not_known_is_in_every_answer() -> None:
    rules = firewall(V4, "iptables")
    found = ask("any -> self:22/tcp", rules=rules)
    assert [share.verdict for share in found.shares] == [None]
    assert (found.found, [each.span.line for each in found.opaque]) == (True, [3])
    assert not ask("any -> self:23/tcp", Asked.UNKNOWN, rules).found
    assert ask("any -> self", Asked.UNKNOWN, rules).found
    assert ask("any -> self:80/tcp", rules=rules).unasked == ("it does not speak of IPv6",)


def test_parts_that_stand_for_no_rule_leave_nothing_sure() -> None:
    rules = firewall("table bridge b { chain c { type filter hook input priority 0; drop; } }\n" + NFT, "nftables")
    found = ask("any -> self:9/tcp", rules=rules)
    assert (found.found, found.shares, len(found.doubts)) == (True, (), 1)


@pytest.mark.parametrize("asked", [Asked.ACCEPTS, Asked.DROPS, Asked.REJECTS, Asked.BLOCKS])
def test_every_packet_is_in_the_answer_that_the_plain_walk_says(asked: Asked) -> None:
    region = parse_flow("any -> self:20-2000/tcp,udp new,established ipv4", LANGUAGE)
    answer = find(RULES, region, asked, Budget())
    tests = [each.raw.tests() for share in answer.shares for each in share.whole]
    flat = tuple(test for box in tests for test in box)
    space = Space((RULES,), tests=(*flat, *region.tests(Family.IPV4, ordinary=False)))
    within = space.packets(Hook.INPUT, Family.IPV4, region.tests(Family.IPV4, ordinary=False))
    boxes = [space.packets(Hook.INPUT, Family.IPV4, box) for box in tests]
    dice = random.Random(asked.value)
    seen: set[Verdict | None] = set()
    for _ in range(1500):
        packet = Packet(
            hook=Hook.INPUT,
            family=Family.IPV4,
            protocol=dice.choice([6, 17, 6, 132]),
            source=dice.choice([0x0A000001, 0xC0000205, 0xCB007101]),
            destination=0xC0000301,
            source_port=dice.randrange(1, 65536),
            destination_port=dice.choice([22, 80, 1500, 1550, 1600, 1601, 1700, 1720, 1800, 3000]),
            in_interface=dice.choice(["eth0", "eth7", "wlan0", "<loopback>"]),
            state=dice.choice([State.NEW, State.ESTABLISHED, State.RELATED]),
            destination_type=0,
            conditions=frozenset(dice.choice([(), ("limit 5/second burst 5 packets",)])),
        )
        verdict = evaluate(RULES, packet).verdict
        wanted = within.contains(packet) and verdict in asked.verdicts
        assert sum(box.contains(packet) and within.contains(packet) for box in boxes) == wanted, packet
        seen.add(verdict)
    assert len(seen) == 3
    assert isinstance(within, PacketSet)
