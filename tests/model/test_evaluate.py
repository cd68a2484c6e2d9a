"""What a firewall means, one packet at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    STATES,
    Action,
    AnyOf,
    BaseChain,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Names,
    NameTest,
    Point,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import LOOPBACK, TCP, Hook, State, Verdict
from fwadvisor.model.walk import Packet, decide

ACCEPT, DROP, REJECT = Decide(Verdict.ACCEPT), Decide(Verdict.DROP), Decide(Verdict.REJECT)
TCP_ONLY = IntegerTest(Field.PROTOCOL, ((TCP, TCP),))


def port(number: int) -> IntegerTest:
    return IntegerTest(Field.DESTINATION_PORT, ((number, number),))


def rule(action: Action, *tests: Test, writes: tuple[Write, ...] = ()) -> FirewallRule:
    return FirewallRule(tests=tests, action=action, span=Span("test", 1), text="", writes=writes)


def firewall(*bases: BaseChain, implicit: frozenset[State] = frozenset(), **chains: list[FirewallRule]) -> Firewall:
    return Firewall(
        name="test",
        dialect="test",
        chains={name: FirewallChain(name, tuple(rules)) for name, rules in chains.items()},
        bases=bases or (BaseChain(point=Point.INPUT, chain="main", default=Verdict.DROP),),
        implicit=implicit,
    )


def syn(number: int = 80, **more: object) -> Packet:
    values: dict[str, object] = {
        "hook": Hook.INPUT, "family": Family.IPV4, "protocol": TCP, "source": 1, "destination": 2,
        "source_port": 40000, "destination_port": number, "in_interface": "eth0",
    }  # fmt: skip
    return Packet(**{**values, **more})  # type: ignore[arg-type]


def verdict(wall: Firewall, packet: Packet) -> Verdict | None:
    return evaluate(wall, packet).verdict


def test_the_first_rule_that_matches_decides_and_the_default_after_the_last() -> None:
    wall = firewall(main=[rule(REJECT, TCP_ONLY, port(80)), rule(ACCEPT, TCP_ONLY)])
    assert verdict(wall, syn(80)) is Verdict.REJECT
    assert verdict(wall, syn(81)) is Verdict.ACCEPT
    assert verdict(wall, syn(protocol=17)) is Verdict.DROP
    assert evaluate(wall, syn(protocol=17)).trail[-1].rule is None


def test_accept_ends_one_base_chain_and_drop_ends_all() -> None:
    wall = firewall(
        BaseChain(point=Point.INPUT, chain="late", default=Verdict.ACCEPT, priority=10),
        BaseChain(point=Point.INPUT, chain="early", default=Verdict.ACCEPT, priority=-10),
        BaseChain(point=Point.PREROUTING, chain="first", default=Verdict.ACCEPT, priority=50),
        early=[rule(ACCEPT, port(80)), rule(DROP, port(81))],
        late=[rule(DROP, port(80)), rule(ACCEPT)],
        first=[rule(REJECT, port(82))],
    )
    assert verdict(wall, syn(80)) is Verdict.DROP
    assert verdict(wall, syn(81)) is Verdict.DROP
    assert verdict(wall, syn(82)) is Verdict.REJECT
    assert verdict(wall, syn(83)) is Verdict.ACCEPT
    assert [step.chain for step in evaluate(wall, syn(80)).trail] == ["first", "early", "late"]


def test_a_jump_comes_back_and_a_goto_does_not() -> None:
    inner = [rule(ACCEPT, port(80)), rule(Return(), port(81)), rule(REJECT, port(81))]
    jump = firewall(main=[rule(Jump("inner")), rule(REJECT)], inner=inner)
    goto = firewall(main=[rule(Jump("inner", goto=True)), rule(REJECT)], inner=inner)
    assert [verdict(jump, syn(n)) for n in (80, 81, 82)] == [Verdict.ACCEPT, Verdict.REJECT, Verdict.REJECT]
    assert [verdict(goto, syn(n)) for n in (80, 81, 82)] == [Verdict.ACCEPT, Verdict.DROP, Verdict.DROP]


def test_after_a_goto_the_chain_that_jumped_first_goes_on() -> None:
    wall = firewall(
        main=[rule(Jump("middle")), rule(ACCEPT)],
        middle=[rule(Jump("inner", goto=True)), rule(DROP)],
        inner=[],
    )
    assert verdict(wall, syn()) is Verdict.ACCEPT


def test_a_verdict_that_stands_gives_way_to_a_later_one() -> None:
    stands, gives = Decide(Verdict.DROP, stands=True), Decide(Verdict.ACCEPT, stands=True)
    wall = firewall(main=[rule(stands), rule(gives, port(80)), rule(REJECT, port(81)), rule(gives, port(81))])
    assert [verdict(wall, syn(n)) for n in (80, 81, 82)] == [Verdict.ACCEPT, Verdict.REJECT, Verdict.DROP]
    assert evaluate(wall, syn(82)).trail[-1].rule is wall.chains["main"].rules[0]


def test_what_a_standing_verdict_does_besides_stands_with_it() -> None:
    stands, gives = Decide(Verdict.DROP, stands=True), Decide(Verdict.ACCEPT, stands=True)
    log = (Write(Field.LOG, "log"),)
    wall = firewall(
        main=[
            rule(stands, writes=(*log, Write(Field.TAG, "seen"))),
            rule(gives, port(80)),
            rule(DROP, port(81)),
            rule(Continue(), port(82), writes=(Write(Field.LOG, "match"),)),
            rule(gives, port(82), NameTest(Field.TAG, Names(frozenset({"seen"})))),
            rule(Jump("anchor", decisive=True), port(83)),
        ],
        anchor=[rule(stands, writes=(Write(Field.LOG, "inside"),))],
    )
    logged = [evaluate(wall, syn(n)).effects.get(Field.LOG) for n in range(79, 84)]
    assert logged == ["log", None, None, "match", "inside"]
    assert verdict(wall, syn(82)) is Verdict.ACCEPT


def test_a_quick_anchor_decides_where_anything_inside_matched() -> None:
    stands, gives = Decide(Verdict.DROP, stands=True), Decide(Verdict.ACCEPT, stands=True)
    wall = firewall(
        main=[rule(stands), rule(Jump("anchor", decisive=True)), rule(stands, port(80)), rule(gives, port(81))],
        anchor=[rule(gives, port(80)), rule(Continue(), port(82))],
    )
    assert [verdict(wall, syn(n)) for n in (80, 81, 82)] == [Verdict.ACCEPT, Verdict.ACCEPT, Verdict.DROP]


def test_what_a_rule_writes_later_rules_read_also_in_the_next_base_chain() -> None:
    marked = IntegerTest(Field.MARK, ((0x15, 0x15),))
    wall = firewall(
        BaseChain(point=Point.PREROUTING, chain="first", default=Verdict.ACCEPT),
        BaseChain(point=Point.INPUT, chain="main", default=Verdict.DROP),
        first=[
            rule(Continue(), port(80), writes=(Write(Field.MARK, 0x05, 0x0F), Write(Field.TAG, "web"))),
            rule(Continue(), port(80), writes=(Write(Field.MARK, 0x10, 0x00),)),
        ],
        main=[rule(ACCEPT, marked, NameTest(Field.TAG, Names(frozenset({"web"}))))],
    )
    assert verdict(wall, syn(80)) is Verdict.ACCEPT
    assert verdict(wall, syn(81, mark=0x15)) is Verdict.DROP
    assert verdict(wall, syn(80, mark=0xFF00)) is Verdict.DROP


def test_untracked_is_written_and_effects_are_told() -> None:
    untracked = STATES.index(State.UNTRACKED)
    wall = firewall(
        main=[
            rule(Continue(), port(80), writes=(Write(Field.STATE, untracked), Write(Field.LOG, "web: "))),
            rule(ACCEPT, IntegerTest(Field.STATE, ((untracked, untracked),))),
        ]
    )
    outcome = evaluate(wall, syn(80))
    assert (outcome.verdict, outcome.effects) == (Verdict.ACCEPT, {Field.LOG: "web: "})
    assert verdict(wall, syn(81)) is Verdict.DROP


def test_conditions_hold_where_the_packet_says_so_and_an_opaque_action_tells_nothing() -> None:
    slow = ConditionTest(Condition("limit 5/second burst 5 packets"))
    wall = firewall(main=[rule(ACCEPT, slow), rule(Unknown("queue"), port(80))])
    assert verdict(wall, syn(80)) is None
    assert verdict(wall, syn(81)) is Verdict.DROP
    assert verdict(wall, syn(80, conditions=frozenset({slow.condition.name}))) is Verdict.ACCEPT


def test_alternatives_and_their_negation() -> None:
    pairs = ((TCP_ONLY, port(80)), (TCP_ONLY, port(81)))
    assert verdict(firewall(main=[rule(ACCEPT, AnyOf(pairs))]), syn(81)) is Verdict.ACCEPT
    assert verdict(firewall(main=[rule(ACCEPT, AnyOf(pairs, holds=False))]), syn(81)) is Verdict.DROP
    assert verdict(firewall(main=[rule(ACCEPT, AnyOf(()))]), syn()) is Verdict.DROP


def test_families_and_known_connections() -> None:
    wall = firewall(main=[rule(ACCEPT, FamilyTest(Family.IPV6))], implicit=frozenset({State.ESTABLISHED}))
    assert verdict(wall, syn()) is Verdict.DROP
    assert verdict(wall, syn(family=Family.IPV6)) is Verdict.ACCEPT
    assert verdict(wall, syn(state=State.ESTABLISHED)) is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("names", "inside", "outside"),
    [
        (Names(frozenset({"eth0"})), {"eth0"}, {"eth01", "", "lo"}),
        (Names(prefixes=frozenset({"eth"})), {"eth", "eth0"}, {"et", LOOPBACK}),
        (Names(frozenset({"eth0"}), frozenset({"ppp"}), inverted=True), {"eth1", ""}, {"eth0", "ppp0"}),
    ],
)
def test_sets_of_names(names: Names, inside: set[str], outside: set[str]) -> None:
    assert all(name in names for name in inside)
    assert not any(name in names for name in outside)


def test_a_lifted_ruleset_decides_as_the_ruleset_does() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "kernel"))
    from rig import probes_for, random_ruleset

    links = ("wan0", "lan0")
    seen = set()
    for seed in range(40):
        ruleset = random_ruleset(seed, links)
        wall = lift(ruleset)
        packets = probes_for(ruleset, links, 300, seed)
        for packet in packets:
            wanted = decide(ruleset, packet)
            got = evaluate(wall, packet)
            assert got.verdict is wanted.verdict, (seed, packet)
            seen.add((packet.hook, got.verdict))
    assert len(seen) == len(Hook) * len(Verdict)
