"""Which rule decides each packet, against the walk."""

import pytest

from fwadvisor.model.evaluate import evaluate
from fwadvisor.packets import Budget, Space
from fwadvisor.packets.deciders import DECIDERS, numbered


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
