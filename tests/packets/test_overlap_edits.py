"""The region outside of which two versions decide alike, against a walk with every packet; and alignment."""

import random
from itertools import pairwise

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    AnyOf,
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
    Jump,
    Point,
    Return,
    Write,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets.overlap_edits import aligned, edited_region

LIMIT = Condition("limit 1/second burst 5 packets")
PACKETS = [
    Packet(hook=Hook.INPUT, family=Family.IPV4, protocol=6, source=0, destination=0, destination_port=port, mark=mark,
           ttl=ttl, conditions=frozenset({LIMIT.name} if holds else ()))
    for port in range(4) for mark in range(3) for ttl in range(3) for holds in (False, True)
]  # fmt: skip


def rule(*tests, action=Decide(Verdict.ACCEPT), writes=()):  # noqa: B008 - frozen
    return FirewallRule(tests=tests, action=action, span=Span("rules", 1), text="rule", writes=writes)


def firewall(default=Verdict.DROP, **chains):
    made = {name: FirewallChain(name, tuple(rules)) for name, rules in chains.items()}
    base = BaseChain(point=Point.INPUT, chain="main", default=default)
    return Firewall(name="f", dialect="d", chains=made, bases=(base,))


def some_tests(draw, depth=0):
    tests = []
    for field in (Field.DESTINATION_PORT, Field.MARK, Field.TTL):
        if draw.random() < 0.4:
            tests.append(IntegerTest(field, normalize((v, v) for v in range(4) if draw.random() < 0.5)))
    if draw.random() < 0.15:
        tests.append(ConditionTest(LIMIT, draw.random() < 0.5))
    if depth == 0 and draw.random() < 0.3:
        tests.append(AnyOf(tuple(some_tests(draw, 1) for _ in range(2)), draw.random() < 0.5))
    return tuple(tests)


def some_rule(draw, jumps):
    actions = [
        Decide(Verdict.ACCEPT),
        Decide(Verdict.DROP),
        Continue(),
        Return(),
        *([Jump("sub")] * 2 if jumps else ()),
    ]
    writes = (Write(Field.MARK, draw.randrange(3)),) if draw.random() < 0.25 else ()
    return rule(*some_tests(draw), action=draw.choice(actions), writes=writes)


def edited(draw, rules, jumps):
    rules = list(rules)
    for _ in range(draw.randint(0, 2)):
        place = draw.randrange(len(rules) + 1)
        if draw.random() < 0.5 and place < len(rules):
            del rules[place]
        else:
            rules.insert(place, some_rule(draw, jumps))
    return rules


@pytest.mark.parametrize("seed", range(300))
def test_outside_of_the_region_nothing_changes(seed):
    draw = random.Random(seed)
    main = [some_rule(draw, True) for _ in range(draw.randint(2, 7))]
    sub = [some_rule(draw, False) for _ in range(draw.randint(1, 4))]
    old = firewall(main=main, sub=sub)
    new = firewall(main=edited(draw, main, True), sub=edited(draw, sub, False))
    region = edited_region(old, new, Hook.INPUT, Family.IPV4)
    assert region is not None
    inside = firewall(main=[rule(*box.tests()) for box in region])
    for packet in PACKETS:
        before, after = evaluate(old, packet), evaluate(new, packet)
        if (before.verdict, before.effects) != (after.verdict, after.effects):
            assert evaluate(inside, packet).verdict is Verdict.ACCEPT
    if old == new:
        assert region == ()


def test_only_the_edited_port_is_in_the_region():
    def port(number):
        return rule(IntegerTest(Field.PROTOCOL, ((6, 6),)), IntegerTest(Field.DESTINATION_PORT, ((number, number),)))

    old = firewall(main=[port(n) for n in range(1, 100)])
    new = firewall(main=[port(n) for n in range(1, 100) if n != 22])
    (box,) = edited_region(old, new, Hook.INPUT, Family.IPV4)
    assert box.integers == {Field.PROTOCOL: ((6, 6),), Field.DESTINATION_PORT: ((22, 22),)}


def test_an_edit_of_a_called_chain_is_bounded_by_the_jump():
    def version(port):
        called = [rule(IntegerTest(Field.DESTINATION_PORT, ((port, port),)))]
        return firewall(main=[rule(IntegerTest(Field.TTL, ((1, 1),)), action=Jump("sub"))], sub=called)

    region = edited_region(version(22), version(23), Hook.INPUT, Family.IPV4)
    assert [box.integers for box in region] == [
        {Field.TTL: ((1, 1),), Field.DESTINATION_PORT: ((port, port),)} for port in (22, 23)
    ]


def test_a_counting_rule_is_no_edit():
    assert edited_region(firewall(main=[rule(action=Continue())]), firewall(main=[]), Hook.INPUT, Family.IPV4) == ()


def test_other_defaults_or_bounds_say_nothing():
    old = firewall(main=[])
    assert edited_region(old, firewall(Verdict.ACCEPT, main=[]), Hook.INPUT, Family.IPV4) is None
    less = Firewall(name="f", dialect="d", chains=old.chains, bases=old.bases, loopback=False)
    assert edited_region(old, less, Hook.INPUT, Family.IPV4) is None


def longest(old, new):
    """The length of a longest common subsequence, by its definition."""
    if not old or not new:
        return 0
    if old[0] == new[0]:
        return 1 + longest(old[1:], new[1:])
    return max(longest(old[1:], new), longest(old, new[1:]))


@pytest.mark.parametrize("seed", range(200))
def test_alignment_is_a_common_subsequence(seed):
    draw = random.Random(seed)
    old = [draw.randrange(6) for _ in range(draw.randint(0, 8))]
    new = [draw.randrange(6) for _ in range(draw.randint(0, 8))]
    pairs = aligned(old, new)
    assert all(old[i] == new[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    assert len(pairs) >= min(longest(old, new), 1)


def test_alignment_of_rules_that_occur_once_is_the_longest():
    draw = random.Random(3)
    for _ in range(100):
        old = draw.sample(range(12), 8)
        new = draw.sample(range(12), 8)
        common = [element for element in old if element in new]
        assert len(aligned(old, new)) == longest(common, [e for e in new if e in common])


def test_twenty_thousand_equal_rules_with_edits_are_aligned():
    old = list(range(20_000))
    new = [*old[:5000], -1, *old[5003:12_000], -2, -3, *old[12_000:]]
    assert len(aligned(old, new)) == 20_000 - 3
    assert len(aligned([0] * 3000, [0] * 1000 + [1] + [0] * 1999)) >= 2999
