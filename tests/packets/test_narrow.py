"""A firewall with only the rules that can matter to some packets decides those packets alike."""

import random

import pytest

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import PASSED, Field
from fwadvisor.model.rule import Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.narrow import boxes_of, narrowed


def regions(draw, hook, family):
    """Boxes from the tests of random rules."""
    return [box for _ in range(4) for box in boxes_of(draw.rules(1, []), frozenset(), hook, family)][:4]


@pytest.mark.parametrize("seed", range(120))
def test_packets_of_the_region_have_the_same_fate(seed, dice, packets, holds):
    draw = dice(seed)
    firewall = draw.firewall()
    for hook in PASSED:
        for family in FAMILIES:
            region = regions(draw, hook, family)
            if not region:
                continue
            few = narrowed(firewall, region, family)
            for packet in packets(draw, hook, family, 60):
                if any(holds(box.tests(), packet) for box in region):
                    one, other = evaluate(firewall, packet), evaluate(few, packet)
                    assert (one.verdict, one.trail, one.effects) == (other.verdict, other.trail, other.effects)


def test_most_rules_go(dice):
    draw = dice(1, writes=False, conditions=False, jumps=False, fields=(Field.DESTINATION_PORT, Field.SOURCE))
    kept = total = 0
    for _ in range(50):
        firewall = draw.firewall()
        region = [RawBox(Hook.INPUT, Family.IPV4, {Field.DESTINATION_PORT: ((22, 22),), Field.SOURCE: ((1, 1),)})]
        kept += sum(1 for _ in narrowed(firewall, region, Family.IPV4).rules())
        total += sum(1 for _ in firewall.rules())
    assert kept < total * 0.75


def test_a_region_without_boxes_keeps_no_rule_that_asks(dice):
    firewall = dice(3).firewall()
    assert not list(narrowed(firewall, [], Family.IPV4).rules())


@pytest.mark.parametrize("seed", range(60))
def test_boxes_of_rules_hold_every_packet_that_they_match(seed, dice, packets, holds):
    draw = dice(seed, writes=False)
    rules = draw.rules(3, [])
    for hook, family in (draw.part() for _ in range(3)):
        boxes = boxes_of(rules, frozenset(), hook, family)
        for packet in packets(draw, hook, family, 40):
            matched = any(holds(rule.tests, packet) for rule in rules)
            assert any(holds(box.tests(), packet) for box in boxes) is matched


def test_fields_that_rules_write_are_left_open(dice):
    draw = random.Random(5)
    rules = dice(draw.randrange(100)).rules(20, [])
    written = frozenset({Field.MARK, Field.STATE})
    for box in boxes_of(rules, written, Hook.INPUT, Family.IPV4):
        assert not written & set(box.integers)
