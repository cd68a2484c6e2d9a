"""The nftables file: its text, line by line, and what no text may do to it."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from fwadvisor.dialects.base import Document
from fwadvisor.dialects.nftables import DIALECT
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import (
    DCCP,
    ICMP,
    ICMPV6,
    LOOPBACK,
    SCTP,
    TCP,
    UDP,
    Chain,
    HelperAssignment,
    Hook,
    IcmpType,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    State,
    Verdict,
)

ACCEPT, DROP, REJECT = Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT
DOCUMENT = Document(name="test", about=("fwadvisor: policy test",))
_NET6 = 0x20010DB8 << 96
PEERS = AddressSet(
    v4=((0xC0000200, 0xC00002FF), (0xCB007101, 0xCB007101)), v6=((_NET6, _NET6 + (1 << 96) - 1),), name="Peers & Co."
)
HOST = AddressSet(v4=((0x0A000001, 0x0A000001),))


def rule(match: Match, verdict: Verdict = ACCEPT, text: str = "why", log: Log | None = None) -> Rule:
    origin = Origin(kind=OriginKind.NEED, text=text, profile="p", place=Place("p.yaml", 7))
    return Rule(match, verdict, origin, log)


def write(
    *rules: Rule, default: Verdict = DROP, log: Log | None = None, hook: Hook = Hook.INPUT, **more: object
) -> str:
    ruleset = Ruleset(name="t", chains=(Chain(hook, rules, default, log),), **more)  # type: ignore[arg-type]
    return DIALECT.write(ruleset, DOCUMENT)[0].content.decode("ascii")


def chain(text: str, name: str = "input") -> list[str]:
    found = re.search(rf"\tchain {name} \{{\n(.*?)\t\}}\n", text, re.DOTALL)
    assert found, f"no chain {name}"
    return [line.strip() for line in found[1].splitlines()]


def lines(match: Match, verdict: Verdict = ACCEPT) -> list[str]:
    """The rules for a match, without the comment that each of them ends in."""
    found = chain(write(rule(match, verdict)))[1:]
    assert all(line.endswith(' comment "why (p:7)"') for line in found)
    return [line.removesuffix(' comment "why (p:7)"') for line in found]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(), ["accept"]),
        (Match(in_interfaces=(LOOPBACK,)), ['iifname "lo" accept']),
        (Match(in_interfaces=("eth0", "br-1.2")), ['iifname { "eth0", "br-1.2" } accept']),
        (Match(states=(State.NEW,)), ["ct state new accept"]),
        (Match(states=(State.NEW, State.UNTRACKED)), ["ct state new,untracked accept"]),
        (Match(family=Family.IPV6), ["meta nfproto ipv6 accept"]),
        (Match(protocols=(TCP,)), ["meta l4proto tcp accept"]),
        (Match(protocols=(47,)), ["meta l4proto 47 accept"]),
        (Match(protocols=(TCP,), destination_ports=((22, 22),)), ["tcp dport 22 accept"]),
        (Match(protocols=(TCP,), destination_ports=((0, 65535),)), ["meta l4proto tcp accept"]),
        (Match(protocols=(UDP,), destination_ports=((53, 53), (80, 90))), ["udp dport { 53, 80-90 } accept"]),
        (Match(protocols=(SCTP,), destination_ports=((3868, 3868),)), ["sctp dport 3868 accept"]),
        (Match(protocols=(DCCP,), destination_ports=((5, 5),)), ["dccp dport 5 accept"]),
        (
            Match(protocols=(TCP, UDP), destination_ports=((53, 53),)),
            ["meta l4proto { tcp, udp } th dport 53 accept"],
        ),
        (
            Match(protocols=(UDP,), source_ports=((67, 67),), destination_ports=((68, 68),), family=Family.IPV4),
            ["meta nfproto ipv4 udp sport 67 udp dport 68 accept"],
        ),
        # The order is one that nft lists as it is.
        (Match(protocols=(ICMP,)), ["meta l4proto icmp meta nfproto ipv4 accept"]),
        (Match(protocols=(ICMPV6,)), ["meta l4proto icmpv6 meta nfproto ipv6 accept"]),
        (Match(protocols=(ICMP,), source=HOST), ["ip saddr 10.0.0.1 meta l4proto icmp accept"]),
        (Match(protocols=(ICMP,), icmp=(IcmpType(8), IcmpType(0))), ["icmp type { 8, 0 } accept"]),
        (
            Match(protocols=(ICMP,), icmp=(IcmpType(3, 4), IcmpType(3, 1), IcmpType(8))),
            ["icmp type 8 accept", "icmp type 3 icmp code { 4, 1 } accept"],
        ),
        (Match(protocols=(ICMPV6,), icmp=(IcmpType(135),)), ["icmpv6 type 135 accept"]),
        (Match(source=HOST), ["ip saddr 10.0.0.1 accept"]),
        (
            Match(source=PEERS, protocols=(TCP,), destination_ports=((22, 22),)),
            [
                "ip saddr { 192.0.2.0/24, 203.0.113.1 } tcp dport 22 accept",
                "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
            ],
        ),
        (Match(source=PEERS, destination=HOST), ["ip saddr { 192.0.2.0/24, 203.0.113.1 } ip daddr 10.0.0.1 accept"]),
        (Match(source=AddressSet(v4=((5, 9),))), ["ip saddr 0.0.0.5-0.0.0.9 accept"]),
        (Match(source=AddressSet(v4=Family.IPV4.universe)), ["meta nfproto ipv4 accept"]),
        (Match(source=AddressSet(v4=Family.IPV4.universe, v6=Family.IPV6.universe)), ["accept"]),
        (
            Match(
                states=(State.RELATED,),
                helpers=("Q.931", "H.245"),
                protocols=(TCP, UDP),
                destination_ports=((1024, 65535),),
            ),
            ['ct state related ct helper { "Q.931", "H.245" } meta l4proto { tcp, udp } th dport 1024-65535 accept'],
        ),
    ],
)
def test_a_match_in_words(match: Match, expected: list[str]) -> None:
    assert lines(match) == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(protocols=(TCP,)), "meta l4proto tcp reject with tcp reset"),
        (Match(protocols=(TCP,), family=Family.IPV4), "meta nfproto != ipv6 meta l4proto tcp reject with tcp reset"),
        (
            Match(protocols=(TCP,), family=Family.IPV6, destination_ports=((22, 22),)),
            "meta nfproto != ipv4 tcp dport 22 reject with tcp reset",
        ),
        (Match(protocols=(UDP,)), "meta l4proto udp reject with icmpx type admin-prohibited"),
        (
            Match(protocols=(UDP,), family=Family.IPV6),
            "meta nfproto ipv6 meta l4proto udp reject with icmpx type admin-prohibited",
        ),
        (Match(), "goto reject_1"),
        (Match(protocols=(TCP, UDP)), "meta l4proto { tcp, udp } goto reject_1"),
    ],
)
def test_a_rejection_fits_the_protocol(match: Match, expected: str) -> None:
    assert lines(match, REJECT) == [expected]


def test_the_chain_that_rejects_answers_tcp_with_a_reset() -> None:
    text = write(rule(Match(), REJECT))
    assert chain(text, "reject_1") == [
        "meta l4proto tcp reject with tcp reset",
        "reject with icmpx type admin-prohibited",
    ]


def test_a_log_is_limited_and_decides_nothing() -> None:
    text = write(rule(Match(protocols=(TCP,)), ACCEPT, log=Log("hi there: ", 7)))
    assert chain(text)[1] == 'meta l4proto tcp goto log_accept_1 comment "why (p:7)"'
    assert chain(text, "log_accept_1") == ['limit rate 7/minute log prefix "hi there: "', "accept"]


def test_a_log_without_limit() -> None:
    assert chain(write(rule(Match(), DROP, log=Log("x", None))), "log_drop_1") == ['log prefix "x: "', "drop"]


@pytest.mark.parametrize(("default", "policy"), [(ACCEPT, "accept"), (DROP, "drop"), (REJECT, "drop")])
def test_the_default_is_the_policy_of_the_base_chain(default: Verdict, policy: str) -> None:
    found = chain(write(default=default, log=Log("end: ", 3), hook=Hook.FORWARD), "forward")
    assert found[:2] == [
        f"type filter hook forward priority filter; policy {policy};",
        'limit rate 3/minute log prefix "end: " comment "default of forward"',
    ]
    assert len(found) == (4 if default is REJECT else 2)


def test_states_that_nothing_lies_between_are_one_map() -> None:
    related = Match(states=(State.RELATED,), protocols=(ICMP,))
    text = write(
        rule(Match(states=(State.ESTABLISHED,)), ACCEPT, "replies"),
        rule(related),
        rule(Match(states=(State.INVALID,)), DROP, "stray"),
    )
    assert chain(text)[1] == 'ct state vmap { established : accept, invalid : drop } comment "replies, stray"'


def test_a_state_rule_stays_behind_a_rule_that_sees_its_packets() -> None:
    rules = [
        rule(Match(states=(State.ESTABLISHED,))),
        rule(Match(protocols=(ICMP,), icmp=(IcmpType(3, 4),))),
        rule(Match(states=(State.INVALID,)), DROP),
    ]
    assert [line.split(" comment")[0] for line in chain(write(*rules))[1:]] == [
        "ct state established accept",
        "icmp type 3 icmp code 4 accept",
        "ct state invalid drop",
    ]


def test_sets_that_are_used_again_are_named_after_their_zone() -> None:
    text = write(
        rule(Match(source=PEERS)),
        rule(Match(destination=PEERS), DROP),
        rule(Match(source=AddressSet(v4=((1, 1), (3, 3)), name="peers co"))),
        rule(Match(source=AddressSet(v4=((1, 1), (3, 3))), protocols=(TCP,))),
        rule(Match(source=AddressSet(v4=((1, 1), (5, 5)), name="9 lives"), protocols=(TCP,))),
        rule(Match(source=AddressSet(v4=((1, 1), (5, 5))), protocols=(UDP,))),
    )
    assert re.findall(r"\tset (\S+) ", text) == ["peers_co_v4", "peers_co_2_v4", "zone_9_lives_v4"]
    assert "elements = { 192.0.2.0/24, 203.0.113.1 }" in text
    assert "ip saddr @peers_co_v4 accept" in text
    assert "ip daddr @peers_co_v4 drop" in text


def test_a_helper_is_assigned_after_connection_tracking() -> None:
    match = Match(protocols=(TCP,), source=HOST, destination_ports=((1720, 1720),))
    origin = Origin(kind=OriginKind.NEED, text="calls")
    text = write(helpers=(HelperAssignment(helper="Q.931", hook=Hook.INPUT, match=match, origin=origin),))
    assert '\tct helper helper_q_931_tcp {\n\t\ttype "Q.931" protocol tcp\n\t\tl3proto inet\n\t}\n' in text
    assert chain(text, "input_helpers") == [
        "type filter hook input priority filter - 1; policy accept;",
        'ct state new ip saddr 10.0.0.1 tcp dport 1720 ct helper set "helper_q_931_tcp" comment "calls"',
    ]


def test_the_table_is_declared_deleted_and_declared() -> None:
    body = [line for line in write().splitlines() if line and not line.startswith("#")]
    assert body[:3] == ["table inet fwadvisor", "delete table inet fwadvisor", "table inet fwadvisor {"]


def test_the_head_says_what_it_is_and_how_to_load_check_and_undo_it() -> None:
    note = Note(id="n", topic=Topic.RISK, text="Beware of \u201cquotes\u201d", commands=("nft list ruleset",))
    head = DIALECT.write(Ruleset(name="t", chains=()), Document(name="mine", about=("made from p",), notes=(note,)))[
        0
    ].content.decode()
    for words in ("policy mine", "made from p", "Beware of ?quotes?", "nft list ruleset"):
        assert f"# {words}" in head or f" {words}." in head
    for command in ("nft -c -f nftables.nft", "nft -f nftables.nft", "nft delete table inet fwadvisor"):
        assert command in head


def many(count: int) -> list[Rule]:
    return [
        rule(
            Match(
                protocols=(TCP,),
                source=AddressSet(v4=((number << 8, (number << 8) + 255),)),
                destination=AddressSet(v4=((0x0B000000 + number % 50, 0x0B000000 + number % 50),)),
                destination_ports=((number % 7, number % 7),),
            ),
            text=f"rule {number}",
        )
        for number in range(1, count + 1)
    ]


def test_many_rules_of_a_shape_become_lookups() -> None:
    text = write(*many(700))
    assert chain(text)[1:] == ['meta nfproto ipv4 jump destination_1 comment "700 rules from rule 1 (p:7)"']
    assert chain(text, "destination_1")[0].startswith("ip daddr vmap { 11.0.0.0 : goto service_1, ")
    assert chain(text, "service_1")[0].startswith("meta l4proto . th dport . ip saddr { tcp . 0 . ")
    assert len(re.findall(r"\tchain ", text)) == 52


def test_the_size_grows_with_the_rules_and_not_faster() -> None:
    assert len(write(*many(4000))) < 5 * len(write(*many(1000)))


def test_the_same_input_gives_the_same_bytes() -> None:
    assert write(*many(300), rule(Match(source=PEERS))) == write(*many(300), rule(Match(source=PEERS)))


def test_hostile_text_stays_inside_quotes_and_comments(rulesets: ModuleType) -> None:
    clean = DIALECT.write(rulesets.hostile("text"), DOCUMENT)[0].content.decode("ascii")
    for text in rulesets.HOSTILE:
        found = DIALECT.write(rulesets.hostile(text), Document(name="x", about=(text,)))[0].content.decode("ascii")
        shape = [re.sub(r'"[^"\n]*"|@\w+|#.*', "", line) for line in found.splitlines() if not line.startswith("#")]
        wanted = [re.sub(r'"[^"\n]*"|@\w+|#.*', "", line) for line in clean.splitlines() if not line.startswith("#")]
        assert [re.sub(r"set \w+", "set", line) for line in shape] == [re.sub(r"set \w+", "set", x) for x in wanted]
        assert max(len(each) for each in re.findall(r'comment "([^"]*)"', found)) <= 128
        assert "\\" not in found
