"""The order of the large fields follows how well each of them divides the rules."""

from __future__ import annotations

import random

import pytest

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import normalize
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import TCP, Chain, Hook, Match, Origin, OriginKind, Rule, Ruleset, Verdict
from fwadvisor.packets import Space
from fwadvisor.packets.shares import orders

SOURCE, DESTINATION = Field.SOURCE, Field.DESTINATION
PORT, FROM = Field.DESTINATION_PORT, Field.SOURCE_PORT
ORIGIN = Origin(kind=OriginKind.NEED, text="rule")


def firewall(ports, count=300):
    """Rules between networks and hosts; `ports` draws the destination ports of each, None for any."""
    dice = random.Random(4)

    def match():
        network = dice.randrange(2**24) << 8
        host = dice.randrange(2**32)
        return Match(
            family=Family.IPV4,
            protocols=(TCP,),
            source=None if dice.random() < 0.2 else AddressSet(v4=((network, network + 255),)),
            destination=None if dice.random() < 0.1 else AddressSet(v4=((host, host),)),
            destination_ports=ports(dice),
        )

    rules = tuple(Rule(match(), dice.choice([Verdict.ACCEPT, Verdict.DROP]), ORIGIN) for _ in range(count))
    return lift(Ruleset(name="rules", chains=(Chain(Hook.INPUT, rules, Verdict.DROP),)))


def of_a_pool(dice):
    port = dice.randrange(30) * 100 + 1
    return ((port, port + 2),)


def mostly_open(dice):
    return None if dice.random() < 0.6 else ((1, dice.randrange(2, 60000)),)


def large(made):
    layout = Space([made]).table(Hook.INPUT, Family.IPV4).layout
    return [field for field in layout.fields if field in (SOURCE, DESTINATION, PORT)]


@pytest.mark.parametrize(
    ("ports", "order"),
    [(of_a_pool, [PORT, DESTINATION, SOURCE]), (mostly_open, [DESTINATION, SOURCE, PORT])],
)
def test_the_field_that_divides_the_rules_best_comes_first(ports, order):
    assert large(firewall(ports)) == order


def test_a_rule_that_is_written_as_many_divides_as_one():
    """One rule with all its sources, or a rule for each: the order is the same, and sources come last."""

    def made(split):
        rules = []
        dice = random.Random(6)
        for number in range(200):
            sources = sorted({dice.randrange(2**32) for _ in range(20)})
            groups = [(each,) for each in sources] if split else [tuple(sources)]
            host, port = dice.randrange(100), dice.randrange(30) + 1
            rules += [
                Rule(
                    Match(
                        family=Family.IPV4,
                        protocols=(TCP,),
                        source=AddressSet(v4=normalize((each, each) for each in group)),
                        destination=AddressSet(v4=((host, host),)),
                        destination_ports=((port, port),),
                    ),
                    Verdict.DROP if number % 3 else Verdict.ACCEPT,
                    ORIGIN,
                )
                for group in groups
            ]
        return lift(Ruleset(name="rules", chains=(Chain(Hook.INPUT, tuple(rules), Verdict.DROP),)))

    assert large(made(split=True)) == large(made(split=False))
    assert large(made(split=True))[-1] == SOURCE


@pytest.mark.parametrize(
    ("first", "tried"),
    [
        (
            (PORT, DESTINATION, SOURCE, FROM),
            ((PORT, DESTINATION, SOURCE, FROM), (DESTINATION, SOURCE, PORT, FROM), (SOURCE, DESTINATION, PORT, FROM)),
        ),
        ((SOURCE, DESTINATION, PORT, FROM), ((SOURCE, DESTINATION, PORT, FROM), (DESTINATION, SOURCE, PORT, FROM))),
    ],
)
def test_other_orders_are_tried_after_it(first, tried):
    assert orders(first) == tried
