"""Which rule decides each packet, against the walk."""

import pytest

from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field
from fwadvisor.packets import Budget, Space
from fwadvisor.packets.deciders import DECIDERS, numbered, writing


def asked(draw, packets, possible):
    """How many packets of a random firewall were asked; each decider is where the walk ends."""
    firewall = draw.firewall()
    found = numbered(firewall)
    count = 0
    for hook, family in sorted({draw.part() for _ in range(4)}):
        if hook not in firewall.hooks or family not in firewall.families:
            continue
        space = Space((found.firewall,), effects=DECIDERS, budget=Budget(nodes=400_000))
        meaning = space.meaning(found.firewall, hook, family)
        for packet in packets(draw, hook, family, 60):
            outcome = evaluate(firewall, packet)
            if outcome.verdict is None or not possible(packet, firewall):
                continue
            result = meaning.at(packet)
            assert result.verdict is outcome.verdict
            step = found.step(result.effects)
            assert step == (outcome.trail[-1] if outcome.trail else None)
            if step is not None and step.rule is not None:
                assert any(step.rule is rule for rule in firewall.rules())
            count += 1
    return count


@pytest.mark.parametrize("begin", range(0, 80, 10))
def test_the_decider_is_where_the_walk_ends(begin, dice, packets, possible):
    assert sum(asked(dice(seed), packets, possible) for seed in range(begin, begin + 10)) > 200


@pytest.mark.parametrize("seed", range(40))
def test_numbers_change_no_verdict(seed, dice, packets):
    draw = dice(seed)
    firewall = draw.firewall()
    found = numbered(firewall).firewall
    for hook, family in (draw.part() for _ in range(3)):
        for packet in packets(draw, hook, family, 30):
            assert evaluate(firewall, packet).verdict is evaluate(found, packet).verdict


def test_who_writes_a_log_line_is_who_decides_with_it(dice, packets):
    """A verdict that stands and gives way logs nothing, and nobody says that it does."""
    count = 0
    for seed in range(80):
        draw = dice(seed, stands=0.7, unknown=False, fields=(Field.PROTOCOL, Field.TAG), writing=0.6)
        firewall = draw.firewall()
        found = writing(firewall, frozenset({Field.LOG}))
        for packet in packets(draw, *draw.part(), 30):
            log = evaluate(firewall, packet).effects.get(Field.LOG)
            step = found.decides(packet)
            assert (log is None) is (step is None)
            if step is not None:
                count += 1
                assert log in [write.value for write in step.rule.writes]
    assert count > 20
