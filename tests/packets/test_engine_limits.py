"""Sizes: lists stay small that should, and what would not ends with an error that says where."""

from __future__ import annotations

import random

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    BaseChain,
    Condition,
    ConditionTest,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Point,
    Write,
)
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, Space, compare

TCP = IntegerTest(Field.PROTOCOL, ((6, 6),))
ACCEPT, DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)
UNLIMITED = Budget()


def rule(line, action, *tests, writes=()):
    span = Span("rules", line, source=f"rule {line}")
    return FirewallRule(tests=tests, action=action, span=span, text="rule", writes=writes)


def firewall(rules, default=Verdict.DROP, point=Point.INPUT):
    return Firewall(
        name="rules",
        dialect="test",
        chains={"list": FirewallChain("list", tuple(rules))},
        bases=(BaseChain(point=point, chain="list", default=default),),
    )


def crossing(count, seed=1):
    """Random boxes in four fields: every two of them meet as likely as not."""
    dice = random.Random(seed)

    def values(largest):
        return (tuple(sorted((dice.randrange(largest), dice.randrange(largest)))),)

    return firewall(
        rule(
            line,
            dice.choice([ACCEPT, DROP]),
            TCP,
            AddressTest(Field.SOURCE, values(2**32), values(2**128)),
            AddressTest(Field.DESTINATION, values(2**32), values(2**128)),
            IntegerTest(Field.DESTINATION_PORT, values(65536)),
            IntegerTest(Field.SOURCE_PORT, values(65536)),
        )
        for line in range(1, count + 1)
    )


def hosts(count, action=lambda number: ACCEPT, port=lambda number: 22, seed=1):
    dice = random.Random(seed)
    return firewall(
        rule(
            number + 1,
            action(number),
            TCP,
            AddressTest(Field.SOURCE, ((host, host),), ((host << 64, host << 64),)),
            IntegerTest(Field.DESTINATION_PORT, ((port(number), port(number)),)),
        )
        for number, host in enumerate(dice.randrange(2**32) for _ in range(count))
    )


def nodes(*firewalls, family=Family.IPV4, budget=UNLIMITED, hook=Hook.INPUT):
    """How many nodes the diagrams take beyond those that every space has."""
    space, empty = Space(firewalls, budget=budget), Space([])
    space.meaning(firewalls[0], hook, family)
    return len(space.table(hook, family).nodes.nodes) - len(empty.table(hook, family).nodes.nodes)


def edges(firewall):
    """How many edges the finished diagram of a firewall has."""
    space = Space([firewall])
    meaning = space.meaning(firewall, Hook.INPUT, Family.IPV4)
    table = meaning.table.nodes
    return sum(len(table.nodes[node][2]) for node in table.below(meaning.root))


def test_the_worst_case_ends_with_an_error_that_says_where():
    large = crossing(600)
    with pytest.raises(BudgetError) as refusal:
        nodes(large, budget=Budget(nodes=5_000))
    (diagnostic,) = refusal.value.diagnostics
    assert "rules: chain list takes more than 5,000 nodes to compute for input packets of IPv4" in diagnostic.message
    assert diagnostic.span.source.startswith("rule ")
    assert all(field in diagnostic.hint for field in ("source", "destination", "port"))


def test_the_worst_case_grows_faster_than_the_list():
    few, many = edges(crossing(50)), edges(crossing(200))
    assert many > 10 * few


def test_seconds_are_a_budget_too():
    with pytest.raises(BudgetError, match=r"takes more than 0\.05 seconds"):
        nodes(crossing(1500), budget=Budget(seconds=0.05))


def test_rules_are_a_budget_too():
    with pytest.raises(BudgetError, match="60 rules for input packets of IPv4, more than the 59"):
        nodes(crossing(60), budget=Budget(rules=59))
    assert nodes(crossing(60), budget=Budget(rules=60)) > 60


def test_the_order_of_addresses_is_chosen():
    # Each source has a few destinations of its own, all of which a few wide sources share.
    def made(swapped):
        dice = random.Random(3)
        first, second = (Field.SOURCE, Field.DESTINATION)[:: -1 if swapped else 1]
        rules = []
        for line in range(400):
            a, b = dice.randrange(2**32), dice.randrange(2**32)
            many = ((a, a + 2**31),) if dice.random() < 0.2 else ((a, a),)
            rules.append(
                rule(
                    line, dice.choice([ACCEPT, DROP]), AddressTest(first, many, ()), AddressTest(second, ((b, b),), ())
                )
            )
        return firewall(rules)

    sizes = [nodes(made(swapped)) for swapped in (False, True)]
    assert max(sizes) < 1.1 * min(sizes)


@pytest.mark.parametrize("kind", ["same", "alternating", "ports"])
def test_lists_of_hosts_grow_with_their_length(kind):
    switch = {
        "same": {},
        "alternating": {"action": lambda number: (ACCEPT, DROP)[number % 2]},
        "ports": {"port": lambda number: 1 + number % 100},
    }[kind]
    assert nodes(hosts(2000, **switch)) < 6 * 2000


def test_equal_rules_in_a_row_become_one():
    assert nodes(hosts(3000)) - nodes(hosts(1)) < 10


def test_ipv6_costs_what_ipv4_does():
    four, six = nodes(crossing(100)), nodes(crossing(100), family=Family.IPV6)
    assert six < 1.5 * four


def test_a_second_version_adds_little():
    dice = random.Random(7)
    first = hosts(2000, action=lambda number: (ACCEPT, DROP)[number * number % 7 % 2])
    rules = list(first.chains["list"].rules)
    del rules[dice.randrange(2000)]
    rules.insert(dice.randrange(2000), rules[5])
    second = firewall(rules)
    assert nodes(first, second) - nodes(first) < 250


def test_hundreds_of_conditions_can_hold_at_once():
    conditions = [Condition(f"limit {number}/second") for number in range(600)]
    each = firewall(rule(n, ACCEPT, TCP, ConditionTest(c)) for n, c in enumerate(conditions, 1))
    meaning = Space([each]).meaning(each, Hook.INPUT, Family.IPV4)
    assert meaning.depends_on() == frozenset(conditions)
    assert len(meaning.where(Verdict.DROP).witness().conditions) == 0
    assert len(meaning.accepted.witness().conditions) == 1


def test_thousands_of_alternatives_are_one_set():
    dice = random.Random(2)
    pairs = tuple(
        (AddressTest(Field.SOURCE, ((host, host),), ()), IntegerTest(Field.DESTINATION_PORT, ((port, port),)))
        for host, port in ((dice.randrange(2**32), dice.choice([22, 80, 443])) for _ in range(3000))
    )
    either = firewall([rule(1, ACCEPT, TCP, AnyOf(pairs))])
    lines = firewall([rule(n, ACCEPT, TCP, *pair) for n, pair in enumerate(pairs, 1)])
    space = Space([either, lines])
    part = Hook.INPUT, Family.IPV4
    assert compare(space.meaning(either, *part), space.meaning(lines, *part)) == ()
    assert nodes(either) < 60


def gateway(count):
    """pf's way of forwarding: what comes in is tagged by whom it is for, what goes out is asked for its tag."""

    def tagged(tag):
        return NameTest(Field.TAG, Names(frozenset({tag})))

    me = AddressTest(Field.DESTINATION, ((1 << 24, 1 << 24),), ())
    drop = Decide(Verdict.DROP, stands=True)
    marks = [
        rule(1, drop, writes=(Write(Field.TAG, "transit"),)),
        rule(2, drop, me, writes=(Write(Field.TAG, "self"),)),
    ]
    own = [rule(n, each.action, *each.tests, tagged("self")) for n, each in enumerate(hosts(count).rules())]
    through = [
        rule(n, each.action, *each.tests, writes=(Write(Field.TAG, "leave"),) if n % 3 else ())
        for n, each in enumerate(hosts(count, seed=2, port=lambda number: 1 + number % 50).rules())
    ]
    out = [rule(1, ACCEPT, tagged("leave")), rule(2, DROP, tagged("transit"))]
    chains = {
        "in": FirewallChain("in", (*marks, *own, rule(0, DROP, tagged("self")), *through)),
        "out": FirewallChain("out", tuple(out)),
    }
    bases = (
        BaseChain(point=Point.PREROUTING, chain="in", default=Verdict.DROP),
        BaseChain(point=Point.POSTROUTING, chain="out", default=Verdict.ACCEPT),
    )
    return Firewall(name="gateway", dialect="pf", chains=chains, bases=bases)


def test_tags_of_a_gateway_grow_with_the_list():
    few, many = (nodes(gateway(count), hook=Hook.FORWARD) for count in (200, 800))
    assert many < 6 * few


def test_a_gateway_lets_through_what_is_tagged(dice, packets):
    each = gateway(30)
    meaning = Space([each]).meaning(each, Hook.FORWARD, Family.IPV4)
    verdicts = set()
    for verdict in Verdict:
        witness = meaning.where(verdict).witness()
        if witness is not None:
            verdicts.add(evaluate(each, witness).verdict)
    assert verdicts == {Verdict.ACCEPT, Verdict.DROP}
