"""What meanings say: unknown parts, conditions, effects, what firewalls speak of, and rulesets as they are written."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.diagnostic import Span
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.firewall import (
    EFFECTS,
    PASSED,
    BaseChain,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Point,
    Unknown,
    Write,
)
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import (
    LOOPBACK,
    Chain,
    HelperAssignment,
    Hook,
    IcmpType,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    State,
    Verdict,
)
from fwadvisor.model.walk import decide
from fwadvisor.packets import Result, Space, compare

PART = Hook.INPUT, Family.IPV4
TCP = IntegerTest(Field.PROTOCOL, ((6, 6),))
SSH = (TCP, IntegerTest(Field.DESTINATION_PORT, ((22, 22),)))
ACCEPT, DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)
YES, NO, UNCLEAR = Result(Verdict.ACCEPT), Result(Verdict.DROP), Result(None)


def rule(action, *tests, writes=()):
    return FirewallRule(tests=tests, action=action, span=Span("rules", 1), text="rule", writes=writes)


def firewall(*rules, default=Verdict.DROP, **more):
    return Firewall(
        name="rules",
        dialect="test",
        chains={"list": FirewallChain("list", rules)},
        bases=(BaseChain(point=Point.INPUT, chain="list", default=default),),
        **more,
    )


def changes(a, b, **options):
    space = Space([a, b], **options)
    return compare(space.meaning(a, *PART), space.meaning(b, *PART))


def outcomes(a, b, **options):
    return {(change.old, change.new) for change in changes(a, b, **options)}


def test_unknown_parts_are_never_the_same():
    a, b = (firewall(rule(Unknown("-j FOO"), *SSH)) for _ in range(2))
    (change,) = changes(a, b)
    assert change.unknown
    assert (change.old, change.new) == (UNCLEAR, UNCLEAR)
    assert change.packets.count() == 1
    meaning = Space([a]).meaning(a, *PART)
    assert meaning.verdicts() == {None, Verdict.DROP}
    assert meaning.unknown.witness().destination_port == 22
    assert not meaning.accepted.count()


def test_an_unknown_rule_that_never_matches_hides_nothing():
    a = firewall(rule(DROP, TCP), rule(Unknown("-j FOO"), *SSH))
    assert changes(a, firewall(rule(DROP, TCP))) == ()


def test_a_condition_of_one_name_is_the_same_in_both():
    limit = ConditionTest(Condition("limit 5/second burst 5 packets"))
    a = firewall(rule(ACCEPT, limit, *SSH))
    b = firewall(rule(DROP, replace(limit, holds=False)), rule(ACCEPT, *SSH))
    assert changes(a, b) == ()
    (change,) = changes(a, firewall(rule(ACCEPT, *SSH)))
    assert (change.old, change.new) == (NO, YES)
    assert change.packets.witness().conditions == frozenset()
    (box,) = change.packets.boxes()
    assert box.conditions == {limit.condition: False}


def test_a_condition_that_is_not_understood_makes_unknown_what_depends_on_it():
    vague = ConditionTest(Condition("-m foo", understood=False))
    a, b = (firewall(rule(ACCEPT, vague, *SSH)) for _ in range(2))
    assert outcomes(a, b) == {(UNCLEAR, UNCLEAR)}
    assert outcomes(a, firewall()) == {(UNCLEAR, NO)}
    meaning = Space([a]).meaning(a, *PART)
    assert meaning.depends_on() == {vague.condition}
    assert meaning.verdicts() == {None, Verdict.DROP}


def test_a_condition_on_which_nothing_depends_makes_nothing_unknown():
    vague = ConditionTest(Condition("-m foo", understood=False))
    a = firewall(rule(ACCEPT, vague, *SSH), rule(ACCEPT, *SSH), rule(DROP, vague))
    assert changes(a, firewall(rule(ACCEPT, *SSH))) == ()
    assert Space([a]).meaning(a, *PART).depends_on() == frozenset()


def test_effects_count_only_where_they_are_asked_for():
    log = rule(Continue(), *SSH, writes=(Write(Field.LOG, "ssh "),))
    helper = rule(Continue(), *SSH, writes=(Write(Field.ASSIGNED_HELPER, "RAS"),))
    ssh = rule(ACCEPT, *SSH)
    plain, logged, helped = firewall(ssh), firewall(log, ssh), firewall(helper, ssh)
    assert outcomes(plain, logged) == set()
    written = Result(Verdict.ACCEPT, ((Field.LOG, "ssh "),))
    assert outcomes(plain, logged, effects=frozenset({Field.LOG})) == {(YES, written)}
    assert outcomes(plain, logged, effects=frozenset({Field.ASSIGNED_HELPER})) == set()
    given = Result(Verdict.ACCEPT, ((Field.ASSIGNED_HELPER, "RAS"),))
    assert outcomes(plain, helped, effects=EFFECTS) == {(YES, given)}


def test_denied_packets_have_no_effect_but_a_line_in_the_log():
    log = rule(Continue(), *SSH, writes=(Write(Field.LOG, "ssh "), Write(Field.ASSIGNED_HELPER, "RAS")))
    logged = Result(Verdict.DROP, ((Field.LOG, "ssh "),))
    assert outcomes(firewall(), firewall(log), effects=EFFECTS) == {(NO, logged)}


def test_nothing_is_said_of_what_one_does_not_speak_of():
    known = IntegerTest(Field.STATE, ((1, 2),))
    rest = IntegerTest(Field.STATE, ((3, 4),))
    lo = NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK})))
    ack = IntegerTest(Field.TCP_FLAGS, ((16, 16),))
    linux = firewall(
        rule(ACCEPT, lo), rule(ACCEPT, known), rule(ACCEPT, rest), rule(ACCEPT, TCP, ack), rule(ACCEPT, *SSH)
    )
    following = frozenset({State.ESTABLISHED, State.RELATED})
    windows = firewall(
        rule(ACCEPT, *SSH),
        hooks=frozenset({Hook.INPUT, Hook.OUTPUT}),
        states=following | {State.NEW},
        implicit=following,
        opening_only=True,
        loopback=False,
    )
    assert changes(linux, windows) == ()
    for still in ({"implicit": frozenset()}, {"opening_only": False}, {"loopback": True}, {"states": frozenset(State)}):
        assert outcomes(linux, replace(windows, **still)) == {(YES, NO)}
    space = Space([linux, windows])
    assert space.parts == tuple((hook, family) for hook in (Hook.INPUT, Hook.OUTPUT) for family in FAMILIES)
    with pytest.raises(ValueError, match="does not speak of forward"):
        space.meaning(windows, Hook.FORWARD, Family.IPV4)
    with pytest.raises(ValueError, match="none of the firewalls"):
        space.meaning(firewall(), *PART)


def test_states_that_pass_unasked_are_told_apart_where_no_rule_asks_for_states():
    """New TCP without SYN is not spoken of; known connections have it, and pass in both."""
    pf = firewall(
        states=frozenset({State.NEW, State.ESTABLISHED}), implicit=frozenset({State.ESTABLISHED}), opening_only=True
    )
    ack = IntegerTest(Field.TCP_FLAGS, ((16, 16),))
    (chain,) = pf.chains
    rejecting = replace(pf, chains={chain: FirewallChain(chain, (rule(Decide(Verdict.REJECT), TCP, ack),))})
    space = Space([pf, rejecting])
    assert compare(space.meaning(pf, *PART), space.meaning(rejecting, *PART)) == ()
    assert space.meaning(rejecting, *PART).verdicts() == {Verdict.ACCEPT, Verdict.DROP}


def test_meanings_of_different_spaces_are_not_compared():
    a = firewall()
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(Space([a]).meaning(a, *PART), Space([a]).meaning(a, *PART))


def test_a_comparison_can_be_limited():
    a, b = firewall(rule(ACCEPT, *SSH)), firewall(rule(ACCEPT, TCP))
    web = (TCP, IntegerTest(Field.DESTINATION_PORT, ((80, 80),)))
    space = Space([a, b], tests=web)
    meanings = [space.meaning(each, *PART) for each in (a, b)]
    (change,) = compare(*meanings, within=space.packets(*PART, web))
    assert change.packets == space.packets(*PART, web)
    assert compare(*meanings, within=space.packets(*PART, SSH)) == ()


def test_a_bit_of_a_mark_is_a_bit():
    bit = IntegerTest(Field.MARK, tuple((n << 18 | 1 << 17, n << 18 | (1 << 18) - 1) for n in range(1 << 14)))
    mark = rule(Continue(), *SSH, writes=(Write(Field.MARK, 1 << 17, 1 << 17),))
    clear = rule(Continue(), *SSH, writes=(Write(Field.MARK, 0, 1 << 17),))
    set_first = firewall(clear, mark, rule(ACCEPT, *SSH, bit))
    assert changes(set_first, firewall(rule(ACCEPT, *SSH))) == ()
    assert outcomes(firewall(clear, rule(ACCEPT, *SSH, bit)), set_first) == {(NO, YES)}


def random_match(dice: random.Random) -> Match:
    protocols = dice.choice([(), (6,), (17,), (6, 17), (1,), (58,), (47,)])
    ports = bool(protocols) and set(protocols) <= {6, 17}
    values = [(22, 22), (80, 90), (85, 443), (0, 1023), (1024, 65535)]
    nets = [((0x0A000000, 0x0A0000FF),), ((0x0A000010, 0x0A000020), (0xC0A80000, 0xC0A8FFFF)), ()]
    states = dice.choice([(), (), (State.NEW,), (State.RELATED,), (State.ESTABLISHED, State.RELATED)])
    return Match(
        protocols=protocols,
        source=dice.choice([None, AddressSet(nets[0]), AddressSet(nets[1], ((5, 500),))]),
        destination=dice.choice([None, AddressSet(nets[1]), AddressSet(nets[0], ((0, 1 << 64),))])
        if protocols != (58,)
        else None,
        source_ports=(dice.choice(values),) if ports and dice.random() < 0.3 else None,
        destination_ports=(dice.choice(values),) if ports and dice.random() < 0.6 else None,
        icmp=(IcmpType(dice.choice([3, 8, 128]), dice.choice([None, 0, 3])),) if protocols in {(1,), (58,)} else (),
        in_interfaces=dice.choice([(), (), ("eth0",), ("eth1", LOOPBACK)]),
        states=states,
        helpers=dice.choice([(), ("RAS",)]) if states == (State.RELATED,) else (),
    )


def random_ruleset(dice: random.Random) -> Ruleset:
    origin = Origin(kind=OriginKind.NEED, text="random")
    chains = []
    for hook in Hook:
        rules = []
        for _ in range(dice.randrange(10)):
            try:
                rules.append(Rule(random_match(dice), dice.choice(list(Verdict)), origin))
            except ValueError:
                # The fields cannot stand together.
                continue
        chains.append(Chain(hook, tuple(rules), dice.choice(list(Verdict))))
    match = Match(protocols=(17,), destination_ports=((1719, 1719),))
    helper = HelperAssignment(helper="RAS", hook=Hook.INPUT, match=match, origin=origin)
    return Ruleset(name="random", chains=tuple(chains), helpers=(helper,) if dice.random() < 0.5 else ())


@pytest.mark.parametrize("seed", range(120))
def test_a_ruleset_decides_as_it_did_before_it_was_lifted(seed, dice, packets):
    draw = dice(f"lift {seed}")
    ruleset = random_ruleset(draw.random)
    lifted = lift(ruleset)
    space = Space([lifted])
    hook, family = draw.part()
    meaning = space.meaning(lifted, hook, family)
    for packet in packets(draw, hook, family, 60):
        packet = replace(packet, in_interface=draw.random.choice(["", "eth0", "eth1", LOOPBACK]))
        assert meaning.at(packet).verdict is decide(ruleset, packet).verdict


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_rules_that_can_do_nothing_change_nothing(dice):
    rules = list(next(each for each in lift(random_ruleset(dice)).chains.values()).rules)
    idle = [
        rule(Continue(), *SSH),
        rule(ACCEPT, IntegerTest(Field.DSCP, ())),
        rule(Continue(), writes=(Write(Field.MARK, 7),)),
    ]
    padded = list(rules)
    for each in idle:
        padded.insert(dice.randint(0, len(padded)), each)
    assert changes(firewall(*rules), firewall(*padded)) == ()
    doubled = [each for each in rules for _ in range(2)]
    assert changes(firewall(*rules), firewall(*doubled)) == ()


def test_every_point_is_passed_in_order():
    chains = {str(point): FirewallChain(str(point), ()) for point in Point}
    for hook, points in PASSED.items():
        for closed in Point:
            bases = tuple(
                BaseChain(point=p, chain=str(p), default=Verdict.REJECT if p is closed else Verdict.ACCEPT)
                for p in Point
            )
            each = Firewall(name="points", dialect="test", chains=chains, bases=bases)
            verdicts = Space([each]).meaning(each, hook, Family.IPV4).verdicts()
            assert verdicts == {Verdict.REJECT if closed in points else Verdict.ACCEPT}


def test_the_lowest_bits_of_a_mark_are_asked_but_not_written_out():
    test = IntegerTest(Field.MARK, ((1, 1),))
    low = rule(Continue(), *SSH, writes=(Write(Field.MARK, 0, 0xFFFFFFFE),))
    each = firewall(low, rule(ACCEPT, *SSH, test))
    accepted = Space([each]).meaning(each, *PART).accepted
    assert accepted.witness().mark == 1
    assert accepted.count() == 1 << 31
    with pytest.raises(BudgetError, match="the values of mark"):
        list(accepted.boxes())


@pytest.mark.parametrize("times", [7, 8])
def test_equal_rules_in_a_row_write_one_after_the_other(times):
    flip = rule(Continue(), *SSH, writes=(Write(Field.MARK, 1, 0),))
    odd = IntegerTest(Field.MARK, ((1, 1),))
    each = firewall(*[flip] * times, rule(ACCEPT, odd, *SSH))
    assert Space([each]).meaning(each, *PART).accepted.witness().mark == (times + 1) % 2
