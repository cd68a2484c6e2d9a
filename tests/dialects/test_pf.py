"""The pf file: its structure, and that its text decides as the policy does, forwarded packets included."""

from __future__ import annotations

import random
from dataclasses import replace
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.dialects.base import Document
from fwadvisor.dialects.pf import DIALECT
from fwadvisor.dialects.pf_match import TABLE_LIMIT
from fwadvisor.errors import InexpressibleError, UnknownNameError
from fwadvisor.model.address import EVERYWHERE, AddressSet, Family
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    SCTP,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    Verdict,
)
from fwadvisor.model.walk import Packet, decide

ACCEPT, DROP, REJECT = Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT
DOCUMENT = Document(name="test", about=("fwadvisor: policy test",))
PEERS = AddressSet(v4=((0x0A000001, 0x0A000001), (0xCB007100, 0xCB0071FF)), name="peers")


def rule(match: Match, verdict: Verdict = ACCEPT, text: str = "a rule", log: Log | None = None) -> Rule:
    return Rule(match, verdict, Origin(kind=OriginKind.NEED, text=text, place=Place("p.yaml", 1)), log)


def port(number: int, **fields: object) -> Match:
    return Match(protocols=(TCP,), destination_ports=((number, number),), **fields)  # type: ignore[arg-type]


def write(*rules: Rule, hook: Hook = Hook.INPUT, default: Verdict = DROP, variant: str = "portable") -> str:
    chains = [Chain(other, (), DROP) for other in Hook if other is not hook]
    ruleset = Ruleset(name="t", chains=(Chain(hook, rules, default), *chains))
    document = replace(DOCUMENT, options=(("pf-variant", variant),))
    return DIALECT.write(ruleset, document)[0].content.decode("ascii")


def lines(text: str, start: str) -> list[str]:
    return [line.partition(" label ")[0] for line in text.split("\n") if line.startswith(start)]


def is_group(packet: Packet) -> bool:
    """Whether a packet is for a group or for everybody on the link: such packets are not forwarded."""
    if packet.family is Family.IPV6:
        return packet.destination >> 120 == 0xFF
    return packet.destination >> 28 == 0xE or packet.destination == 0xFFFFFFFF


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_the_text_decides_every_new_packet_as_the_policy_does(
    seed: int, pf_text: ModuleType, rulesets: ModuleType
) -> None:
    source = random.Random(seed)
    ruleset = rulesets.ruleset(source, (Hook.INPUT, Hook.OUTPUT), (ACCEPT, DROP, REJECT))
    file = pf_text.read(DIALECT.write(ruleset, DOCUMENT)[0].content)
    for hook in (Hook.INPUT, Hook.OUTPUT):
        for packet in rulesets.packets(source, ruleset, hook, 60):
            wanted = decide(ruleset, packet)
            assert pf_text.decide(file, packet) is wanted.verdict, (packet, wanted)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**48), egress=st.booleans())
def test_a_gateway_needs_exactly_its_own_chain_for_every_packet(
    seed: int, egress: bool, pf_text: ModuleType, rulesets: ModuleType
) -> None:
    source = random.Random(seed)
    ruleset = rulesets.ruleset(source, tuple(Hook), (ACCEPT, DROP, REJECT), egress=egress)
    file = pf_text.read(DIALECT.write(ruleset, DOCUMENT)[0].content)
    for hook in Hook:
        for packet in rulesets.packets(source, ruleset, hook, 50):
            wanted, found = decide(ruleset, packet), pf_text.decide(file, packet)
            if hook is Hook.FORWARD:
                if is_group(packet):
                    continue
                assert (found is ACCEPT) is (wanted.verdict is ACCEPT), (packet, wanted)
            else:
                assert found is wanted.verdict, (packet, wanted)


def test_what_came_in_never_goes_out_where_nothing_is_forwarded(pf_text: ModuleType, rulesets: ModuleType) -> None:
    everything = rule(Match())
    chains = (Chain(Hook.INPUT, (everything,), DROP), Chain(Hook.OUTPUT, (everything,), ACCEPT))
    ruleset = Ruleset(name="t", chains=chains)
    file = pf_text.read(DIALECT.write(ruleset, DOCUMENT)[0].content)
    for packet in rulesets.packets(random.Random(1), ruleset, Hook.INPUT, 50):
        assert pf_text.decide(file, packet) is ACCEPT
        assert pf_text.decide(file, replace(packet, hook=Hook.FORWARD, out_interface="em1")) is not ACCEPT


def test_forward_rules_without_a_way_out_are_decided_coming_in() -> None:
    text = write(rule(port(443, source=PEERS, in_interfaces=("em1",))), hook=Hook.FORWARD)
    assert lines(text, "pass") == [
        "pass in quick on em1 inet proto tcp from <zone-peers> to any port 443 tag fwa_leave",
        "pass out quick all tagged fwa_leave",
    ]
    assert "block drop in from any to (self) tag fwa_self\n" in text


def test_forward_rules_with_both_interfaces_are_decided_going_out() -> None:
    text = write(rule(port(443, in_interfaces=("em1",), out_interfaces=("em0",))), hook=Hook.FORWARD)
    assert lines(text, "pass") == [
        "pass in quick on em1 proto tcp from any to any port 443",
        "pass out quick on em0 proto tcp from any to any port 443 tagged fwa_transit_1",
    ]
    assert "block drop in on em1 all tag fwa_transit_1\n" in text


def test_zones_are_tables_and_single_networks_stand_in_the_rule() -> None:
    lan = AddressSet(v4=((0x0A000000, 0x0AFFFFFF),), name="lan")
    text = write(rule(port(22, source=PEERS)), rule(port(80, source=lan)), rule(port(443, source=PEERS)))
    assert lines(text, "table") == ["table <zone-peers> const { 10.0.0.1, 203.0.113.0/24 }"]
    assert "pass in quick inet proto tcp from 10.0.0.0/8 to any port 80 " in text


def test_table_names_stay_apart_short_and_safe(pf_text: ModuleType) -> None:
    names = ("any", "self", "in", "", "", "x" * 80, "x" * 80, "a b", "a/b", "peers", "peers-2", "peers")
    rules = [
        rule(
            port(22, source=AddressSet(v4=((number * 10, number * 10), (number * 10 + 5, number * 10 + 5)), name=name))
        )
        for number, name in enumerate(names, 1)
    ]
    file = pf_text.read(write(*rules).encode())
    assert len(file.tables) == len(names)


def test_neighbour_discovery_keeps_no_state_and_mld_may_carry_options() -> None:
    neighbours = Match(protocols=(ICMPV6,), icmp=tuple(map(IcmpType, (133, 134, 135, 136))))
    listeners = Match(protocols=(ICMPV6,), icmp=tuple(map(IcmpType, (130, 143))))
    text = write(rule(neighbours), rule(listeners), rule(neighbours, DROP))
    assert lines(text, "pass") == [
        "pass in quick inet6 proto icmp6 all icmp6-type { 133, 134, 135, 136 } no state",
        "pass in quick inet6 proto icmp6 all icmp6-type { 130, 143 } no state allow-opts",
    ]
    assert "block drop in quick inet6 proto icmp6 all icmp6-type { 133, 134, 135, 136 } label" in text


def test_a_code_takes_a_line_of_its_own() -> None:
    text = write(rule(Match(protocols=(ICMP,), icmp=(IcmpType(3, 4), IcmpType(8), IcmpType(11)))))
    assert lines(text, "pass") == [
        "pass in quick inet proto icmp all icmp-type { 8, 11 }",
        "pass in quick inet proto icmp all icmp-type 3 code 4",
    ]


def test_any_address_of_one_family_is_a_family_and_never_a_zero_prefix() -> None:
    half = AddressSet(v4=Family.IPV4.universe, v6=PEERS_V6)
    text = write(rule(port(22, source=half)), rule(port(80, source=EVERYWHERE)), rule(port(81, family=Family.IPV4)))
    assert lines(text, "pass") == [
        "pass in quick inet proto tcp from any to any port 22",
        "pass in quick inet6 proto tcp from 2001:db8::/32 to any port 22",
        "pass in quick inet proto tcp from any to any port 80",
        "pass in quick inet6 proto tcp from any to any port 80",
        "pass in quick inet proto tcp from any to any port 81",
    ]
    assert "/0" not in text


PEERS_V6 = ((0x20010DB8 << 96, (0x20010DB8 << 96) + (1 << 96) - 1),)


def test_reject_returns_and_log_stands_where_all_parsers_take_it() -> None:
    text = write(rule(port(113), REJECT, log=Log("x")), default=REJECT)
    assert lines(text, "block return") == [
        "block return in log quick proto tcp from any to any port 113 tagged fwa_self",
        "block return in quick all tagged fwa_self",
    ]


@pytest.mark.parametrize(
    ("variant", "line"),
    [
        ("openbsd", "set reassemble yes"),
        ("freebsd", "set reassemble yes"),
        ("freebsd-12", "scrub in all fragment reassemble"),
    ],
)
def test_variants_differ_in_reassembly_alone(variant: str, line: str, pf_text: ModuleType) -> None:
    text, portable = write(rule(port(22)), variant=variant), write(rule(port(22)))
    pf_text.read(text.encode())
    plain = [each for each in text.split("\n") if each and not each.startswith("#") and each != line]
    assert plain == [each for each in portable.split("\n") if each and not each.startswith("#")]
    assert f"\n{line}\n" in text


def test_an_unknown_variant_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        write(variant="freebds")
    assert "freebsd" in caught.value.diagnostics[0].hint


def test_sctp_ports_need_the_variant_that_has_them() -> None:
    sctp = rule(Match(protocols=(SCTP,), destination_ports=((3868, 3868),)))
    assert "proto 132 from any to any port 3868" in write(sctp, variant="freebsd")
    with pytest.raises(InexpressibleError, match="SCTP"):
        write(sctp)


def test_an_interface_called_like_a_word_of_the_language_is_refused() -> None:
    with pytest.raises(InexpressibleError, match='"all"'):
        write(rule(port(22, in_interfaces=("all",))))


def test_more_tables_than_openbsd_holds_become_lists(pf_text: ModuleType) -> None:
    rules = [
        rule(port(22, source=AddressSet(v4=((n * 8, n * 8), (n * 8 + 2, n * 8 + 2))))) for n in range(TABLE_LIMIT + 5)
    ]
    portable = pf_text.read(write(*rules).encode())
    assert len(portable.tables) == TABLE_LIMIT
    assert "set ruleset-optimization none" in portable.options
    openbsd = pf_text.read(write(*rules, variant="openbsd").encode(), table_limit=5000)
    assert len(openbsd.tables) == TABLE_LIMIT + 5
    assert any(line.startswith("set limit tables") for line in openbsd.options)


def test_long_tables_are_wrapped(pf_text: ModuleType) -> None:
    many = AddressSet(v4=tuple((n * 4, n * 4) for n in range(1, 2000)), name="many")
    text = write(rule(Match(protocols=(UDP,), source=many)))
    assert max(map(len, text.split("\n"))) < 130
    assert len(pf_text.read(text.encode()).tables["zone-many"]) == 1999


def test_hostile_texts_neither_break_the_file_nor_change_its_meaning(pf_text: ModuleType, rulesets: ModuleType) -> None:
    plain = None
    for text in ("plain", *rulesets.HOSTILE):
        ruleset = rulesets.hostile(text)
        note = Note(id="n", topic=Topic.RISK, text=text, commands=(text,))
        document = Document(name="test", about=(text, text), notes=(note, note))
        file = pf_text.read(DIALECT.write(ruleset, document)[0].content)
        (table,) = file.tables.values()
        meaning = [
            table,
            *(replace(each, label="", source=each.source[0], destination=each.destination[0]) for each in file.rules),
        ]
        plain = plain or meaning
        assert meaning == plain


def test_the_checker_bites(pf_text: ModuleType) -> None:
    good = write(rule(port(22, source=PEERS)))
    pf_text.read(good.encode())
    for old, new in (
        ("table <zone-peers>", "table <zone-pears>"),
        ("203.0.113.0/24", "203.0.113.1/24"),
        ("port 22", "port 22:21"),
        ("proto tcp", ""),
        ("block drop in all tag", "pass in all tag"),
        ("in quick", "in"),
        ("set block-policy drop\n", ""),
        ("# fwadvisor: policy test", "# fwadvisor: policy test \\"),
        ("\n", "\r\n"),
    ):
        assert old in good
        with pytest.raises((AssertionError, ValueError)):
            pf_text.read(good.replace(old, new).encode())
