"""Decision diagrams, batches and plans: grouped rules decide as a walk from the top does."""

from __future__ import annotations

import random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.dialects import batches as grouping
from fwadvisor.dialects.batches import Batch, batches
from fwadvisor.dialects.diagram import Action, Diagram, Dimension, Node, Row, diagram, services, split_services
from fwadvisor.dialects.plan import Decision, Step, lead, plan
from fwadvisor.model.address import AddressSet
from fwadvisor.model.interval import Intervals, contains, normalize
from fwadvisor.model.rule import PORT_PROTOCOLS, TCP, Hook, Log, Match, Origin, OriginKind, Rule, Verdict
from fwadvisor.model.walk import Packet, decide, matches

ACCEPT, DROP, REJECT = Action(Verdict.ACCEPT), Action(Verdict.DROP), Action(Verdict.REJECT)
DIMENSIONS = (Dimension.DESTINATION, Dimension.SOURCE, Dimension.SERVICE)

_ranges = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 4)), min_size=1, max_size=3).map(
    lambda pairs: normalize((first, first + length) for first, length in pairs)
)
_rows = st.lists(
    st.builds(
        lambda values, action: Row(tuple(values), action),
        st.lists(_ranges, min_size=3, max_size=3),
        st.sampled_from((ACCEPT, DROP, REJECT)),
    ),
    min_size=1,
    max_size=12,
)


def decided(found: Diagram, value: dict[Dimension, int]) -> Action | None:
    if not all(contains(ranges, value[dimension]) for dimension, ranges in found.fixed.items()):
        return None
    return found.root.decide(value) if isinstance(found.root, Node) else found.root


@settings(max_examples=200, deadline=None)
@given(rows=_rows)
def test_a_diagram_decides_as_the_first_matching_row(rows: list[Row]) -> None:
    found = diagram(DIMENSIONS, rows)
    assert found is not None
    for number in range(0, 20**3, 7):
        point = (number % 20, number // 20 % 20, number // 400)
        first = next(
            (row.action for row in rows if all(contains(r, v) for r, v in zip(row.values, point, strict=True))), None
        )
        assert decided(found, dict(zip(DIMENSIONS, point, strict=True))) == first


def test_equal_nodes_are_one_node() -> None:
    rows = [
        Row((((number, number),), ((number % 2, number % 2),), ((80, 80),)), ACCEPT) for number in range(0, 200, 2)
    ] + [Row((((number, number),), ((1, 1),), ((80, 80),)), ACCEPT) for number in range(1, 200, 2)]
    found = diagram(DIMENSIONS, rows)
    assert found is not None
    assert isinstance(found.root, Node)
    assert found.fixed == {Dimension.SERVICE: ((80, 80),)}
    assert len(found.root.below()) == 2


def test_values_that_all_cross_are_refused_instead_of_exploding() -> None:
    count = 400
    rows = [
        Row((((number, number + count),), ((count - number, 3 * count - 2 * number),), ((number, 2 * count),)), ACCEPT)
        for number in range(count)
    ]
    assert diagram(DIMENSIONS, rows) is None


def test_services_number_protocols_and_ports() -> None:
    ports: Intervals = ((22, 22), (65535, 65535))
    numbers = services((TCP, TCP + 1), ports)
    split = [part for first, last in numbers for part in split_services(first, last)]
    assert split == [(6, 22, 22), (6, 65535, 65535), (7, 22, 22), (7, 65535, 65535)]
    whole = services((TCP, TCP + 1), None)
    assert len(whole) == 1
    assert list(split_services(*whole[0])) == [(6, 0, 65535), (7, 0, 65535)]


def rule(number: int, verdict: Verdict = Verdict.ACCEPT, **fields: object) -> Rule:
    match = Match(protocols=(TCP,), destination_ports=((number, number),), **fields)  # type: ignore[arg-type]
    return Rule(match, verdict, Origin(kind=OriginKind.NEED, text=f"rule {number}"))


def test_few_rules_stay_as_they_are() -> None:
    rules = [rule(number) for number in range(grouping.THRESHOLD - 1)]
    assert list(batches(rules)) == rules


def test_many_rules_of_a_shape_are_a_batch_and_the_others_stay() -> None:
    lan = AddressSet(v4=((1, 5),))
    many = [rule(number) for number in range(grouping.THRESHOLD)]
    few = [rule(number, source=lan) for number in range(3)]
    found = list(batches([many[0], *few, *many[1:]]))
    assert found[:3] == few
    assert isinstance(found[3], Batch)
    assert found[3].rules == tuple(many)


def test_rules_with_another_verdict_keep_their_place() -> None:
    lan = AddressSet(v4=((1, 5),))
    many = [rule(number) for number in range(100)]
    found = list(batches([*many[:50], rule(7, Verdict.DROP, source=lan), *many[50:]]))
    assert [each.rules[0] if isinstance(each, Batch) else each.verdict for each in found] == [
        many[0],
        Verdict.DROP,
        many[50],
    ]


def test_rules_that_log_are_apart_from_those_that_do_not() -> None:
    quiet = [rule(number) for number in range(40)]
    loud = [Rule(each.match, each.verdict, each.origin, Log("x")) for each in quiet]
    found = [each for each in plan([*quiet, *loud]) if isinstance(each, Decision)]
    actions = {
        action
        for each in found
        if isinstance(each.diagram.root, Node)
        for action in each.diagram.root.children().values()
    }
    # The loud ones never match: the quiet ones before them say the same.
    assert actions == {ACCEPT}


def step_action(step: Step, packet: Packet) -> Action | None:
    if not matches(lead(step), packet):
        return None
    if isinstance(step, Rule):
        return Action(step.verdict, step.log)
    value = {
        Dimension.SOURCE: packet.source,
        Dimension.DESTINATION: packet.destination,
        Dimension.SERVICE: packet.protocol << 16
        | (packet.destination_port if packet.protocol in PORT_PROTOCOLS else 0),
    }
    root = step.diagram.root
    return root.decide(value) if isinstance(root, Node) else root


@pytest.mark.parametrize(("threshold", "count"), [(2, 20), (8, 60), (32, 200)])
def test_a_plan_decides_every_packet_as_the_walk_does(
    threshold: int, count: int, rulesets: ModuleType, many: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "THRESHOLD", threshold)
    decisions = 0
    for seed in range(8):
        source = random.Random(seed)
        ruleset = many.ruleset(source, tuple(Hook), tuple(Verdict), count, ("em0",))
        for chain in ruleset.chains:
            steps = list(plan(chain.rules))
            decisions += sum(isinstance(step, Decision) for step in steps)
            for packet in rulesets.packets(source, ruleset, chain.hook, 80):
                found = next(filter(None, (step_action(step, packet) for step in steps)), Action(chain.default))
                wanted = decide(ruleset, packet)
                assert found.verdict is wanted.verdict, (seed, packet, wanted.rule)
    assert decisions
