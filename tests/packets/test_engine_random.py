"""The engine against `evaluate`, packet for packet, on random firewalls of every kind."""

from __future__ import annotations

from itertools import product

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import EFFECTS, Field
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Result, Space, compare

KINDS = {
    "everything": {},
    "first match": {"writes": False, "conditions": False, "unknown": False, "standing": False, "jumps": False},
    "chains": {"writes": False, "standing": False},
    "last match": {"writes": False, "jumps": False},
    "writes": {"unknown": False, "conditions": False, "standing": False},
    "tags and marks": {"fields": (Field.TAG, Field.MARK, Field.CONNECTION_MARK, Field.DSCP, Field.PROTOCOL)},
    "passed on": {
        "fields": (Field.TAG, Field.MARK, Field.DSCP),
        "writing": 0.6, "most": 1, "unknown": False, "standing": False, "conditions": False,
    },
    "anchors": {
        "fields": (Field.TAG, Field.PROTOCOL, Field.STATE),
        "jumping": 0.5, "stands": 0.7, "most": 1, "unknown": False, "conditions": False,
    },
    "few fields": {"fields": (Field.SOURCE, Field.DESTINATION_PORT, Field.PROTOCOL, Field.STATE)},
}  # fmt: skip


def expected(firewall, packet, effects):
    outcome = evaluate(firewall, packet)
    if outcome.verdict is None:
        return Result(None)
    seen = effects if outcome.verdict is Verdict.ACCEPT else effects & {Field.LOG}
    return Result(outcome.verdict, tuple(sorted((k, v) for k, v in outcome.effects.items() if k in seen)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(30))
def test_the_diagram_decides_as_the_walk_does(kind, seed, dice, packets):
    draw = dice(f"{kind} {seed}", **KINDS[kind])
    effects = EFFECTS if seed % 3 == 0 else frozenset({Field.LOG}) if seed % 3 == 1 else frozenset()
    firewall, other = draw.firewall(), draw.firewall()
    # The other firewall refines the atoms.
    space = Space([other, firewall], effects=effects)
    for _ in range(2):
        hook, family = draw.part()
        meaning = space.meaning(firewall, hook, family)
        for packet in packets(draw, hook, family, 60):
            assert meaning.at(packet) == expected(firewall, packet, effects)


@pytest.mark.parametrize("stands", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(8))
def test_small_firewalls_decide_as_the_walk_does(stands, seed, dice):
    """Few fields of few values, every packet of them: what rules write, others test; anchors decide or do not."""
    draw = dice(
        f"small {stands} {seed}", narrow=True, fields=(Field.MARK, Field.DSCP, Field.PROTOCOL), writing=0.5, most=1,
        jumping=0.45, stands=stands, standing=stands > 0, unknown=False, conditions=False,
    )  # fmt: skip
    for _ in range(60):
        firewall = draw.firewall()
        effects = frozenset({Field.LOG}) if draw.random.random() < 0.3 else frozenset()
        hook = draw.random.choice(list(Hook))
        meaning = Space([firewall], effects=effects).meaning(firewall, hook, Family.IPV4)
        for protocol, mark, dscp in product((6, 17), range(4), (0, 10)):
            packet = Packet(
                hook=hook, family=Family.IPV4, protocol=protocol, mark=mark, dscp=dscp, source=1, destination=2
            )
            assert meaning.at(packet) == expected(firewall, packet, effects)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20))
def test_changes_are_where_results_differ(kind, seed, dice, packets, possible):
    draw = dice(f"compare {kind} {seed}", **KINDS[kind])
    first = draw.firewall()
    second = draw.firewall()
    space = Space([first, second])
    hook, family = draw.part()
    a, b = space.meaning(first, hook, family), space.meaning(second, hook, family)
    changes = compare(a, b)
    assert all(not change.packets.is_empty for change in changes)
    for packet in packets(draw, hook, family, 80):
        inside = [change for change in changes if change.packets.contains(packet)]
        if not possible(packet, first, second):
            assert not inside
            continue
        old, new = certain(a, packet), certain(b, packet)
        if old == new and old.verdict is not None:
            assert not inside
        else:
            assert [(change.old, change.new) for change in inside] == [(old, new)]


def certain(meaning, packet):
    """The result, where it is the same whatever conditions do that are not understood."""
    from dataclasses import replace

    results = {
        meaning.at(replace(packet, conditions=frozenset(c for c in packet.conditions if c[0] != "v") | more))
        for more in ({*()}, {"v0"}, {"v1"}, {"v0", "v1"})
    }
    return results.pop() if len(results) == 1 else Result(None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_each_packet_is_where_its_verdict_is(kind, seed, dice, packets, possible):
    draw = dice(f"where {kind} {seed}", **KINDS[kind])
    firewall = draw.firewall()
    space = Space([firewall])
    hook, family = draw.part()
    meaning = space.meaning(firewall, hook, family)
    sets = {verdict: meaning.where(verdict) for verdict in (*Verdict, None)}
    assert meaning.verdicts() == {verdict for verdict, where in sets.items() if not where.is_empty}
    for packet in packets(draw, hook, family, 60):
        inside = [verdict for verdict, where in sets.items() if where.contains(packet)]
        assert inside == ([certain(meaning, packet).verdict] if possible(packet, firewall) else [])
    for verdict, where in sets.items():
        witness = where.witness()
        assert (witness is None) == where.is_empty
        if witness is not None:
            assert where.contains(witness)
            assert possible(witness, firewall)
            assert certain(meaning, witness).verdict is verdict
