"""The canonical form against the engine: what is put in order does what it did, and order that counts stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fwadvisor.model.address import FAMILIES
from fwadvisor.model.firewall import (
    EFFECTS,
    AnyOf,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Return,
)
from fwadvisor.model.interval import intersect
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, RawBox, Space, compare
from fwadvisor.report.canon_rules import alternatives, effect_of, parts_of
from fwadvisor.report.canon_text import canon_text, chain_in_order
from fwadvisor.review.canon_rows import Row

KINDS = {
    "everything": {},
    "first match": {"writes": False, "conditions": False, "unknown": False, "standing": False, "jumps": False},
    "chains": {"writes": False, "standing": False},
    "last match": {"writes": False, "jumps": False, "unknown": False},
    "writes": {"unknown": False, "conditions": False, "standing": False, "writing": 0.6},
    "few fields": {"fields": (Field.SOURCE, Field.DESTINATION_PORT, Field.PROTOCOL, Field.STATE), "unknown": False},
    "names": {"fields": (Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.TAG), "unknown": False},
}  # fmt: skip
#: Conditions that are as true after they were asked as before.
STEADY = {"c0": "fragment", "c1": "source mac 00:11:22:33:44:55", "c2": "owner uid 0"}


def steady(test):
    """The test with conditions that may change places."""
    if isinstance(test, ConditionTest) and test.condition.name in STEADY:
        return replace(test, condition=Condition(STEADY[test.condition.name]))
    if isinstance(test, AnyOf):
        return replace(test, alternatives=tuple(tuple(map(steady, each)) for each in test.alternatives))
    return test


def with_rules(firewall: Firewall, change) -> Firewall:
    chains = {n: FirewallChain(n, tuple(change(list(c.rules)))) for n, c in firewall.chains.items()}
    return replace(firewall, chains=chains)


def rebuilt(firewall: Firewall, most_pairs: int) -> Firewall:
    """The firewall whose chains are the rows of the canonical form, in their order."""
    written = frozenset(write.field for rule in firewall.rules() for write in rule.writes)
    does = {effect_of(rule, written).text: rule for rule in firewall.rules()}
    others = {text: test for rule in firewall.rules() for test, text in alternatives(rule.tests).items()}

    def rules(name: str) -> Iterator[FirewallRule]:
        for step in chain_in_order(firewall, name, most_pairs).steps:
            for row in step:
                box = RawBox(Hook.INPUT, row.family, row.integers, row.names, row.conditions)
                tests = (*box.tests(), *(others[text] for text in row.others))
                yield replace(does[row.effect.text], tests=tests)

    chains = {name: FirewallChain(name, tuple(rules(name))) for name in firewall.chains}
    return replace(firewall, chains=chains)


def assert_same(one: Firewall, other: Firewall) -> None:
    space = Space([one, other], effects=EFFECTS, budget=Budget(nodes=200_000))
    for hook, family in space.parts:
        assert not compare(space.meaning(one, hook, family), space.meaning(other, hook, family))


@pytest.mark.parametrize("most_pairs", [3_000_000, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_what_is_put_in_order_does_what_it_did(kind, seed, most_pairs, dice):
    draw = dice(f"canon {kind} {seed}", **KINDS[kind])
    for number in range(3):
        firewall = with_rules(
            draw.firewall(), lambda rules: [replace(each, tests=tuple(map(steady, each.tests))) for each in rules]
        )
        # Whatever is opaque is never the same as anything, so it becomes a verdict that is known.
        known = with_rules(firewall, lambda rules: [as_known(each) for each in rules])
        assert_same(known, rebuilt(known, most_pairs)), number


def as_known(rule: FirewallRule) -> FirewallRule:
    action = Decide(Verdict.REJECT) if type(rule.action).__name__ == "Unknown" else rule.action
    return replace(rule, action=action, tests=tuple(map(understood, rule.tests)))


def understood(test):
    if isinstance(test, ConditionTest):
        return replace(test, condition=Condition(test.condition.name))
    if isinstance(test, AnyOf):
        return replace(test, alternatives=tuple(tuple(map(understood, each)) for each in test.alternatives))
    return test


@pytest.mark.parametrize("seed", range(60))
def test_firewalls_of_one_text_decide_alike(seed, dice):
    """Small edits of few rules, so that texts are often the same; and where they are, so is what is decided."""
    fields = (Field.SOURCE, Field.PROTOCOL, Field.STATE)
    draw = dice(f"alike {seed}", writes=False, unknown=False, conditions=False, fields=fields, most=2)
    firewall = draw.firewall()

    def edited(rules):
        if len(rules) > 1:
            a, b = draw.random.sample(range(len(rules)), 2)
            if draw.random.random() < 0.5:
                rules[a], rules[b] = rules[b], rules[a]
            else:
                del rules[a]
        return rules

    for _ in range(6):
        other = with_rules(firewall, edited)
        if canon_text(other) == canon_text(firewall):
            assert_same(firewall, other)


@pytest.mark.parametrize("seed", range(40))
def test_order_that_does_not_matter_does_not_show(seed, dice):
    """Neighbours that end the walk alike, or have no packet in common, change places as often as you like."""
    draw = dice(f"order {seed}", writes=False, unknown=False, conditions=False, jumps=False, standing=False)
    firewall = draw.firewall()

    def exchangeable(a, b) -> bool:
        if isinstance(a.action, Continue) or isinstance(b.action, Continue):
            return False
        return a.action == b.action or apart(a, b)

    def shuffled(rules):
        for _ in range(20):
            if len(rules) > 1:
                at = draw.random.randrange(len(rules) - 1)
                if exchangeable(*rules[at : at + 2]):
                    rules[at], rules[at + 1] = rules[at + 1], rules[at]
        return rules

    assert canon_text(with_rules(firewall, shuffled)) == canon_text(firewall)


def apart(a: FirewallRule, b: FirewallRule) -> bool:
    """Whether values of one field keep two rules apart in every family."""
    return any(
        isinstance(x, IntegerTest) and isinstance(y, IntegerTest) and x.field is y.field
        and not intersect(x.values, y.values)
        for x in a.tests for y in b.tests
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_how_lists_are_grouped_does_not_show(seed, dice):
    """A rule, and a rule for each member of one of its lists of ports, states, protocols or destinations."""
    draw = dice(f"lists {seed}", writes=False, unknown=False, conditions=False, jumps=False, standing=False)
    firewall = draw.firewall()

    def divided(rules):
        found = []
        for rule in rules:
            places = [
                place
                for place, test in enumerate(rule.tests)
                if isinstance(test, IntegerTest) and len(test.values) > 1
                and test.field in (Field.STATE, Field.PROTOCOL, Field.DESTINATION_PORT)
                and sum(getattr(other, "field", None) is test.field for other in rule.tests) == 1
            ]  # fmt: skip
            if not places or isinstance(rule.action, (Continue, Return)):
                found.append(rule)
                continue
            place = draw.random.choice(places)
            for pair in rule.tests[place].values:
                test = replace(rule.tests[place], values=(pair,))
                found.append(replace(rule, tests=(*rule.tests[:place], test, *rule.tests[place + 1 :])))
        return found

    assert canon_text(with_rules(firewall, divided)) == canon_text(firewall)


@pytest.mark.parametrize("seed", range(60))
def test_no_two_rows_read_alike(seed, dice):
    draw = dice(f"read {seed}", most=4)
    rows: dict[tuple, Row] = {}
    for _ in range(8):
        firewall = draw.firewall()
        for name in firewall.chains:
            for step in chain_in_order(firewall, name).steps:
                for row in step:
                    said = (row.family, tuple(parts_of(row)), row.effect.text)
                    means = replace(row, effect=replace(row.effect, writes=frozenset()))
                    assert rows.setdefault(said, means) == means
    assert {row.family for row in rows.values()} == set(FAMILIES) or not rows
