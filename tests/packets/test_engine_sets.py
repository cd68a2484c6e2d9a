"""Packet sets: the laws of sets, counting by brute force, boxes that say exactly the set, ordinary witnesses."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    Condition,
    ConditionTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
)
from fwadvisor.model.interval import intersect, subtract
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Space, UnknownBoundaryError

TCP = IntegerTest(Field.PROTOCOL, ((6, 6),))


@pytest.fixture
def sets(dice):
    """Random packet sets of one part, and the dice that made them."""

    def make(seed, count=3, **switches):
        draw = dice(f"sets {seed}", **switches)
        tests = [tuple(draw.test() for _ in range(draw.random.randint(0, 3))) for _ in range(count)]
        vague = {"v0", "v1"}
        tests = [each for each in tests if not any(name in str(each) for name in vague)]
        space = Space([], tests=[test for each in tests for test in each])
        hook, family = draw.part()
        return draw, space, (hook, family), [space.packets(hook, family, each) for each in tests], tests

    return make


@pytest.mark.parametrize("seed", range(40))
def test_sets_obey_the_laws_of_sets(seed, sets):
    _, space, part, found, _ = sets(seed)
    everything = space.everything(*part)
    nothing = ~everything
    assert nothing.is_empty
    assert not everything.is_empty
    for a in found:
        assert ~~a == a
        assert a & a == a | a == a
        assert a & ~a == nothing
        assert a | ~a == everything
        assert a - nothing == a
        assert a.count() + (~a).count() == everything.count()
    for a, b in combinations(found, 2):
        assert a & b == b & a
        assert a | b == b | a
        assert ~(a & b) == ~a | ~b
        assert a - b == a & ~b
        assert (a - b) | (a & b) == a
        assert (a | b).count() == a.count() + b.count() - (a & b).count()
        assert (a == b) == ((a - b).is_empty and (b - a).is_empty)


@pytest.mark.parametrize("seed", range(60))
def test_a_set_holds_the_packets_for_which_its_tests_do(seed, sets, packets, possible, holds):
    draw, _, part, found, tests = sets(seed)
    for packet in packets(draw, *part, 60):
        for each, condition in zip(found, tests, strict=True):
            assert each.contains(packet) == (possible(packet) and holds(condition, packet))


@pytest.mark.parametrize("seed", range(60))
def test_boxes_are_disjoint_and_make_up_the_set(seed, sets):
    _, space, part, found, _ = sets(seed, count=2)
    for each in found:
        union = ~space.everything(*part)
        boxes = []
        for box in each.boxes():
            boxes.append(space.packets(*part, box.tests()))
            if len(boxes) > 60:
                break
            union |= boxes[-1]
        if len(boxes) <= 60:
            assert union == each
        assert all(not box.is_empty for box in boxes)
        assert all((a & b).is_empty for a, b in combinations(boxes, 2))


@pytest.mark.parametrize("seed", range(60))
def test_a_witness_is_in_the_set_and_possible(seed, sets, possible):
    *_, found, _ = sets(seed)
    for each in found:
        witness = each.witness()
        assert (witness is None) == each.is_empty
        assert witness is None or (each.contains(witness) and possible(witness))


@pytest.mark.parametrize("seed", range(10))
def test_a_count_is_that_of_enumeration(seed, dice):
    fields = (Field.STATE, Field.PROFILE, Field.DSCP)
    draw = dice(f"count {seed}", fields=fields, writes=seed % 2 == 0)
    firewall = draw.firewall()
    everywhere = tuple(IntegerTest(field, ((0, 0),)) for field in fields)
    space = Space([firewall], tests=[*everywhere, *(ConditionTest(Condition(f"c{n}")) for n in range(3))])
    meaning = space.meaning(firewall, Hook.FORWARD, Family.IPV4)
    counts = dict.fromkeys([*Verdict, None], 0)
    for state, profile, dscp, holding in product(
        firewall.states, range(3), range(64), product([False, True], repeat=3)
    ):
        names = {f"c{n}" for n in range(3) if holding[n]}
        results = set()
        for more in product([False, True], repeat=2):
            packet = Packet(
                hook=Hook.FORWARD, family=Family.IPV4, protocol=6, source=1 << 24, destination=2 << 24, state=state,
                profile=profile, dscp=dscp, tcp_flags=2, in_interface="x", out_interface="y",
                conditions=frozenset(names | {v for v, on in zip(("v0", "v1"), more, strict=True) if on}),
            )  # fmt: skip
            results.add(evaluate(firewall, packet).verdict)
        counts[results.pop() if len(results) == 1 else None] += 1
    # Conditions that are not understood double what is counted, in every set alike.
    unclear = sum(not condition.understood for condition, _ in meaning.table.plan.asked.conditions)
    assert {v: meaning.where(v).count() for v in counts} == {v: n << unclear for v, n in counts.items()}


def only(field, *values):
    return IntegerTest(field, tuple((v, v) for v in sorted(values)))


def named(field, *names, prefixes=(), inverted=False):
    return NameTest(field, Names(frozenset(names), frozenset(prefixes), inverted))


def witness(*tests, hook=Hook.INPUT, family=Family.IPV4):
    return Space([], tests=tests).packets(hook, family, tests).witness()


def test_the_witness_of_everything_is_a_new_https_connection():
    packet = witness()
    assert (packet.state, packet.protocol, packet.tcp_flags) == (State.NEW, 6, 2)
    assert (packet.source_port, packet.destination_port) == (40000, 443)
    assert packet.source >> 8 == 0xC63364
    assert packet.destination >> 8 == 0xC00002
    assert (packet.in_interface, packet.out_interface, packet.helper) == ("eth0", "", "")
    assert packet.destination_type is AddressType.LOCAL


@pytest.mark.parametrize(
    ("tests", "wanted"),
    [
        ([IntegerTest(Field.DESTINATION_PORT, ((50, 60),))], {"destination_port": 53}),
        ([IntegerTest(Field.DESTINATION_PORT, ((5000, 5050),))], {"destination_port": 5000, "protocol": 6}),
        ([IntegerTest(Field.SOURCE_PORT, ((0, 1023),))], {"source_port": 1023}),
        ([only(Field.PROTOCOL, 17, 47)], {"protocol": 17, "tcp_flags": 0}),
        ([only(Field.PROTOCOL, 1)], {"icmp_type": 8, "icmp_code": 0, "destination_port": 0}),
        ([only(Field.STATE, 1, 3)], {"state": State.ESTABLISHED}),
        ([AddressTest(Field.SOURCE, ((0x0A000000, 0x0A0000FF),), ())], {"source": 0x0A000001}),
        ([AddressTest(Field.SOURCE, ((0, 0x0A0000FF),), ())], {"source": 0x0A000001}),
        ([AddressTest(Field.SOURCE, ((0x7F000001, 0x7F000001),), ())], {"source": 0x7F000001}),
        ([AddressTest(Field.DESTINATION, ((0xE0000001, 0xE0000001),), ())], {"destination_type": 3}),
        ([AddressTest(Field.DESTINATION, ((0xFFFFFFFF, 0xFFFFFFFF),), ())], {"destination_type": 2}),
        ([named(Field.IN_INTERFACE, "ens3", LOOPBACK)], {"in_interface": "ens3"}),
        ([named(Field.IN_INTERFACE, "eth0", prefixes=["wl"], inverted=True)], {"in_interface": "eth1"}),
        ([named(Field.IN_INTERFACE, prefixes=["eth"])], {"in_interface": "eth0"}),
        ([named(Field.IN_INTERFACE, prefixes=["eth"]), named(Field.IN_INTERFACE, "eth0", inverted=True)],
         {"in_interface": "eth1"}),
        ([ConditionTest(Condition("c"), holds=False)], {"conditions": frozenset()}),
        ([AnyOf(((ConditionTest(Condition("c")),), (only(Field.STATE, 3),)))], {"state": State.NEW}),
        ([only(Field.TCP_FLAGS, 16, 4)], {"tcp_flags": 16, "protocol": 6}),
        ([IntegerTest(Field.MARK, ((256, 511),))], {"mark": 256}),
    ],
)  # fmt: skip
def test_a_witness_is_as_ordinary_as_the_set_lets_it_be(tests, wanted):
    packet = witness(*tests)
    assert {name: getattr(packet, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("hook", "family", "tests"),
    [
        (Hook.INPUT, Family.IPV4, [only(Field.DESTINATION_TYPE, AddressType.UNICAST)]),
        (Hook.INPUT, Family.IPV4, [named(Field.OUT_INTERFACE, "eth0")]),
        (Hook.OUTPUT, Family.IPV4, [named(Field.IN_INTERFACE, "", inverted=True)]),
        (Hook.FORWARD, Family.IPV4, [only(Field.SOURCE_TYPE, AddressType.LOCAL)]),
        (Hook.FORWARD, Family.IPV4, [AddressTest(Field.DESTINATION, ((0xFFFFFFFF, 0xFFFFFFFF),), ())]),
        (Hook.INPUT, Family.IPV6, [only(Field.DESTINATION_TYPE, AddressType.BROADCAST)]),
        (Hook.INPUT, Family.IPV4, [IntegerTest(Field.DESTINATION_PORT, ((1, 65535),)), only(Field.PROTOCOL, 47)]),
        (Hook.INPUT, Family.IPV6, [IntegerTest(Field.ICMP, ((1, 65535),)), only(Field.PROTOCOL, 1)]),
        (Hook.INPUT, Family.IPV4, [IntegerTest(Field.TCP_FLAGS, ((1, 255),)), only(Field.PROTOCOL, 17)]),
        (Hook.INPUT, Family.IPV4, [named(Field.HELPER, "RAS"), only(Field.STATE, STATES.index(State.NEW))]),
        (Hook.INPUT, Family.IPV4, [named(Field.TAG, "", inverted=True)]),
    ],
)
def test_impossible_packets_are_in_no_set(hook, family, tests):
    space = Space([], tests=tests)
    assert space.packets(hook, family, tests).is_empty
    assert space.packets(hook, family, tests).count() == 0
    assert not list(space.packets(hook, family, tests).boxes())


def test_nested_prefixes_are_boxes_of_their_own():
    field = Field.IN_INTERFACE
    tests = [named(field, prefixes=["eth"]), named(field, prefixes=["eth1"], inverted=True), named(field, "eth10")]
    space = Space([], tests=tests)
    part = Hook.INPUT, Family.IPV4
    (box,) = space.packets(*part, tests[:2]).boxes()
    assert all("eth2" in names for names in box.names[field])
    assert not all("eth12" in names for names in box.names[field])
    (box,) = space.packets(*part, [named(field, prefixes=["eth1"])]).boxes()
    assert box.names == {field: (Names(prefixes=frozenset({"eth1"})),)}


def test_boxes_name_no_field_that_the_domain_decides():
    tests = [TCP, only(Field.DESTINATION_PORT, 22)]
    (box,) = Space([], tests=tests).packets(Hook.INPUT, Family.IPV4, tests).boxes()
    assert box.integers == {Field.PROTOCOL: ((6, 6),), Field.DESTINATION_PORT: ((22, 22),)}
    assert not box.names


def test_values_that_nothing_tells_apart_cannot_be_asked_for():
    space = Space([], tests=[TCP])
    with pytest.raises(UnknownBoundaryError, match="destination-port"):
        space.packets(Hook.INPUT, Family.IPV4, [only(Field.DESTINATION_PORT, 22)])
    with pytest.raises(UnknownBoundaryError, match="mark"):
        Space([], tests=[only(Field.MARK, 3)]).packets(Hook.INPUT, Family.IPV4, [only(Field.MARK, 4)])
    with pytest.raises(UnknownBoundaryError, match="interface"):
        space.packets(Hook.INPUT, Family.IPV4, [named(Field.IN_INTERFACE, "eth7")])
    with pytest.raises(UnknownBoundaryError, match="condition"):
        space.packets(Hook.INPUT, Family.IPV4, [ConditionTest(Condition("c"))])
    with pytest.raises(UnknownBoundaryError, match="profile"):
        space.packets(Hook.INPUT, Family.IPV4, [only(Field.PROFILE, 1)])


def test_sets_of_different_parts_do_not_mix():
    space = Space([])
    with pytest.raises(ValueError, match="cannot be combined"):
        space.everything(Hook.INPUT, Family.IPV4) & space.everything(Hook.OUTPUT, Family.IPV4)


@pytest.mark.parametrize("seed", range(30))
def test_the_values_of_a_field_are_those_that_packets_of_the_set_have(seed, sets):
    _, space, part, found, tests = sets(seed, count=4)
    asked = [test for each in tests for test in each if isinstance(test, IntegerTest)]
    for packets in found:
        for test in asked:
            values, inside = packets.values(test.field), space.packets(*part, (test,))
            assert bool(intersect(values, test.values)) is not (packets & inside).is_empty
            rest = subtract(((0, LARGEST[test.field]),), test.values)
            assert bool(intersect(values, rest)) is not (packets - inside).is_empty


def test_values_of_addresses_of_fields_nobody_tests_and_of_no_packets():
    v4 = AddressTest(Field.SOURCE, ((10, 20), (40, 50)), ())
    space = Space([], tests=[TCP, v4])
    packets = space.packets(Hook.INPUT, Family.IPV4, (TCP, v4))
    assert packets.values(Field.SOURCE) == ((10, 20), (40, 50))
    assert packets.values(Field.PROTOCOL) == ((6, 6),)
    assert packets.values(Field.LENGTH) == ((0, 65535),)
    assert packets.values(Field.DESTINATION_PORT) == ((0, 65535),)
    assert (packets & ~packets).values(Field.SOURCE) == ()
    assert (packets & ~packets).values(Field.LENGTH) == ()
