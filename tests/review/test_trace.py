"""What a firewall does with a flow: verdicts, deciders, ways, and on what they depend, held against plain walks."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.flow_file import Case, Expected, own_language
from fwadvisor.review.flow_text import parse_flow
from fwadvisor.review.journey import journey
from fwadvisor.review.trace import Fate, Part, Score, Trace, run, trace

LANGUAGE = own_language(load())
NFT = """table inet x {
	chain ssh {
		ip saddr 192.0.2.0/24 accept comment "office"
		ip saddr 198.51.100.0/24 return
		limit rate 5/second accept
		reject
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established accept
		ct state related ct helper "RAS" accept
		tcp dport 22 jump ssh
		iifname "eth1" tcp dport 8080 accept
		tcp dport 443 log prefix "web " accept
		tcp dport 1720 ct state new ct helper set "h" accept
		tcp dport 25 reject
	}
	ct helper h { type "Q.931" protocol tcp; }
}
"""
V4 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set friends src -p tcp --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 80 -j ACCEPT
-A INPUT -p tcp --dport 81 -j NFQUEUE --queue-num 0
COMMIT
"""
PF = "set skip on lo\nblock drop in all\npass out all\npass in quick proto tcp from any to any port 22\n"


def firewall(text: str, dialect: str, name: str = "rules") -> Firewall:
    return read_firewall([Source(name, text.encode())], dialect)


RULES = firewall(NFT, "nftables", "rules.nft")


def ask(text: str, rules: Firewall = RULES) -> Trace:
    return trace(rules, parse_flow(text, LANGUAGE), Budget())


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("192.0.2.7 -> self:22/tcp", Fate.ACCEPT),
        ("198.51.100.7 -> self:22/tcp", Fate.DROP),
        ("203.0.113.7 -> self:22/tcp", Fate.DEPENDS),
        ('203.0.113.7 -> self:22/tcp when "limit 5/second burst 5 packets"', Fate.ACCEPT),
        ('203.0.113.7 -> self:22/tcp unless "limit 5/second burst 5 packets"', Fate.REJECT),
        ("203.0.113.7 -> self:8080/tcp", Fate.DEPENDS),
        ("203.0.113.7 -> self:8080/tcp in eth1", Fate.ACCEPT),
        ("203.0.113.7 -> self:8080/tcp in eth0", Fate.DROP),
        ("any -> self:443/tcp", Fate.ACCEPT),
        ("any -> self:25/tcp", Fate.REJECT),
        ("any -> self:24-25/tcp", Fate.BLOCK),
        ("any -> self:99/tcp established", Fate.ACCEPT),
        ("any -> self:5000/udp related to RAS", Fate.ACCEPT),
        ("any -> self:5000/udp related to ftp", Fate.DROP),
        ("any -> self:5000/udp related", Fate.DEPENDS),
        ("127.0.0.1 -> self:5000/udp", Fate.ACCEPT),
        ("self -> any:25/tcp", Fate.ACCEPT),
        ("10.0.0.1 -> 10.0.1.1:25/tcp", Fate.ACCEPT),
    ],
)
def test_the_fate_of_all_packets_of_a_flow(text: str, fate: Fate) -> None:
    assert ask(text).fate is fate


def legs(part: Part) -> list[tuple[int, int, bool]]:
    """Lines (0 for a default), how deep, and whether another chain was left for it."""
    way = journey(RULES, part.outcome.trail)
    return [(leg.step.rule.span.line if leg.step.rule else 0, leg.depth, leg.entered) for leg in way]


def test_the_decider_the_way_and_the_effects() -> None:
    (part,) = ask("192.0.2.7 -> self:22/tcp").parts
    assert legs(part) == [(13, 0, True), (3, 1, True)]
    assert part.deciders[0] is not None
    assert part.deciders[0].rule is not None
    assert part.deciders[0].rule.comment == "office"
    (back,) = ask("198.51.100.7 -> self:22/tcp").parts
    assert legs(back) == [(13, 0, True), (4, 1, True), (0, 0, True)], "into the chain, out of it, to the default"
    assert ask("any -> self:443/tcp").parts[0].outcome.effects[Field.LOG] == "web "
    assert ask("203.0.113.1 -> self:1720/tcp").parts[0].outcome.effects[Field.ASSIGNED_HELPER] == "Q.931"


def test_what_sets_parts_apart_is_said_in_full_and_nothing_else() -> None:
    found = {part.verdict: part for part in ask("203.0.113.7 -> self:22/tcp").parts}
    lines = {verdict: [box.line(place=False) for box in part.apart] for verdict, part in found.items()}
    assert lines == {
        Verdict.ACCEPT: ["when limit 5/second burst 5 packets"],
        Verdict.REJECT: ["unless limit 5/second burst 5 packets"],
    }
    found = {part.verdict: part for part in ask("10.0.0.0/8,192.0.2.9 -> self:22/tcp ipv4").parts}
    assert [box.line(place=False) for box in found[Verdict.ACCEPT].apart] == [
        "10.0.0.0/8 -> any  when limit 5/second burst 5 packets", "192.0.2.9 -> any",
    ]  # fmt: skip


def test_what_is_not_understood_leaves_the_flow_unknown_with_its_place() -> None:
    rules = firewall(V4, "iptables", "rules.v4")
    found = ask("203.0.113.7 -> self:22/tcp", rules)
    assert found.fate is Fate.UNKNOWN
    unknown = next(part for part in found.parts if part.verdict is None)
    assert [each.span.line for each in unknown.opaque] == [5]
    assert ask("203.0.113.7 -> self:80/tcp", rules).fate is Fate.ACCEPT
    assert ask("203.0.113.7 -> self:81/tcp", rules).fate is Fate.UNKNOWN
    assert ask("203.0.113.7 -> self:82/tcp", rules).fate is Fate.DROP


def test_what_stands_for_no_rule_and_is_not_understood_makes_everything_unknown() -> None:
    rules = firewall("table bridge b { chain c { type filter hook input priority 0; drop; } }\n" + NFT, "nftables")
    found = ask("192.0.2.7 -> self:22/tcp", rules)
    assert (found.fate, [each.span.line for each in found.doubts]) == (Fate.UNKNOWN, [1])


def test_of_what_a_firewall_does_not_speak_it_is_not_asked() -> None:
    pf, v4 = firewall(PF, "pf"), firewall(V4, "iptables")
    assert ask("10.0.0.1 -> self:22/tcp related", pf).unasked == ("it knows no state related",)
    assert ask("10.0.0.1 -> self:22/tcp flags ack", pf).unasked == ("a connection begins with SYN only",)
    both = ask("any -> self:80/tcp", v4)
    assert (both.fate, both.unasked) == (Fate.ACCEPT, ("it does not speak of IPv6",))
    assert ask("2001:db8::1 -> self:80/tcp", v4).fate is Fate.UNASKED
    windows = replace(pf, hooks=frozenset({Hook.INPUT}))
    assert ask("10.0.0.1 -> 10.0.1.1:80/tcp", windows).unasked == ("it does not filter forward",)
    known = ask("10.0.0.1 -> self:99/tcp established", pf)
    assert (known.fate, known.parts[0].outcome.trail) == (Fate.ACCEPT, ())


@pytest.mark.parametrize(
    ("text", "expected", "score"),
    [
        ("192.0.2.7 -> self:22/tcp", Expected.ACCEPT, Score.PASS),
        ("192.0.2.7 -> self:22/tcp", Expected.DROP, Score.FAIL),
        ("any -> self:25/tcp", Expected.REJECT, Score.PASS),
        ("any -> self:25/tcp", Expected.DROP, Score.FAIL),
        ("any -> self:24-25/tcp", Expected.BLOCK, Score.PASS),
        ("any -> self:22/tcp", Expected.BLOCK, Score.FAIL),
        ("203.0.113.7 -> self:22/tcp", Expected.ACCEPT, Score.FAIL),
        ("203.0.113.7 -> self:22/tcp", None, Score.ASKED),
    ],
)
def test_expectations(text: str, expected: Expected | None, score: Score) -> None:
    (tested,) = run([Case(parse_flow(text, LANGUAGE), expected)], [RULES], Budget())
    assert tested.score is score


def test_a_flow_passes_where_those_that_speak_of_it_agree_and_fails_where_none_does() -> None:
    v4 = firewall(V4, "iptables")
    case = Case(parse_flow("2001:db8::7 -> self:443/tcp", LANGUAGE), Expected.ACCEPT)
    assert run([case], [RULES, v4], Budget())[0].score is Score.PASS
    assert run([case], [v4], Budget())[0].score is Score.FAIL
    unknown = Case(parse_flow("203.0.113.7 -> self:81/tcp", LANGUAGE), Expected.ACCEPT)
    assert run([unknown], [v4], Budget())[0].score is Score.FAIL


def test_marks_that_rules_write_are_followed() -> None:
    rules = firewall(
        "table inet m { chain pre { type filter hook prerouting priority -150;\n"
        "ip saddr 10.0.0.0/8 meta mark set 0x7; }\n"
        "chain input { type filter hook input priority 0; policy drop; meta mark 0x7 accept; } }\n",
        "nftables",
    )
    assert ask("10.1.1.1 -> self:1/tcp", rules).fate is Fate.ACCEPT
    assert ask("11.1.1.1 -> self:1/tcp", rules).fate is Fate.DROP
    assert ask("11.1.1.1 -> self:1/tcp mark 0x7", rules).fate is Fate.ACCEPT


def test_random_packets_of_a_flow_are_in_the_part_that_the_plain_walk_says() -> None:
    """Packets of the flow, made without the engine, in conditions both ways."""
    dice = random.Random(11)
    limit = "limit 5/second burst 5 packets"
    for _ in range(120):
        port = dice.choice([22, 25, 443, 1720, 8080, 9])
        source = dice.choice([0xC0000201, 0xC6336401, 0xCB007101, 0x0A000001])
        name = dice.choice(["eth0", "eth1", "wlan0"])
        packet = Packet(
            hook=Hook.INPUT, family=Family.IPV4, protocol=6, source=source, destination=0xC0000301,
            source_port=40000, destination_port=port, in_interface=name, state=State.NEW, destination_type=0,
            conditions=frozenset({limit} if dice.random() < 0.5 else ()),
        )  # fmt: skip
        verdict = evaluate(RULES, packet).verdict
        dotted = ".".join(map(str, source.to_bytes(4)))
        word = "when" if packet.conditions else "unless"
        found = ask(f'{dotted} -> self:{port}/tcp in {name} {word} "{limit}"')
        assert found.fate.value == str(verdict), packet
        loose = ask(f"{dotted} -> self:{port}/tcp")
        assert verdict in {part.verdict for part in loose.parts}
        for part in loose.parts:
            assert evaluate(RULES, part.witness).verdict is part.verdict


def test_a_budget_ends_with_an_error() -> None:
    with pytest.raises(BudgetError):
        trace(RULES, parse_flow("any -> self:1-65535/tcp", LANGUAGE), Budget(nodes=5))
