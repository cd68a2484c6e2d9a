"""Readable boxes: the same packets, disjoint, few; and lines that an administrator can check."""

import random
from itertools import permutations, product

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Condition, Field, Names
from fwadvisor.model.interval import Intervals, contains, normalize
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.packets.box_merge import by_paths, fewer, merged
from fwadvisor.packets.rawbox import RawBox

WHOLE: tuple[Intervals, ...] = (((0, 2),), ((0, 2),), ((0, 1),))
POINTS = list(product(range(3), range(3), range(2)))


def members(box, points=POINTS):
    return {
        point
        for point in points
        if all(values is None or contains(values, at) for values, at in zip(box, point, strict=True))
    }


def singles(points):
    return [tuple(((at, at),) for at in point) for point in points]


def least(points):
    """The fewest disjoint boxes of a set of points, by trying all divisions."""
    if not points:
        return 0
    lowest = min(points)
    best = len(points)
    sides = [[s for s in subsets(top + 1) if lowest[axis] in s] for axis, top in enumerate((2, 2, 1))]
    for parts in product(*sides):
        box = frozenset(product(*parts))
        if box <= points:
            best = min(best, 1 + least_of(points - box))
    return best


_KNOWN: dict[frozenset[tuple[int, ...]], int] = {}


def least_of(points):
    if points not in _KNOWN:
        _KNOWN[points] = least(points)
    return _KNOWN[points]


def subsets(count):
    return [[n for n in range(count) if mask >> n & 1] for mask in range(1, 1 << count)]


@pytest.mark.parametrize("seed", range(60))
def test_small_sets_get_the_fewest_boxes(seed):
    draw = random.Random(seed)
    points = frozenset(draw.sample(POINTS, draw.randint(1, 9)))
    found = fewer(singles(sorted(points)), WHOLE)
    assert sum(len(members(box)) for box in found) == len(points)
    assert set().union(*map(members, found)) == points
    assert len(found) == least_of(points)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("way", ["merged", "paths", "fewer"])
def test_every_way_keeps_the_packets_and_is_disjoint(seed, way):
    draw = random.Random(seed)
    whole = (((0, 5),),) * 4
    points = list(product(range(6), repeat=4))
    boxes, free = [], set(points)
    for _ in range(draw.randint(1, 12)):
        box = tuple(
            None if draw.random() < 0.3 else normalize((v, v) for v in draw.sample(range(6), 2)) for _ in range(4)
        )
        if members(box, points) <= free:
            boxes.append(box)
            free -= members(box, points)
    order = draw.sample(range(4), 4)
    ways = {
        "merged": lambda: merged(boxes, whole),
        "paths": lambda: by_paths(boxes, whole, order),
        "fewer": lambda: fewer(boxes, whole),
    }
    found = ways[way]()
    covered = [point for box in found for point in members(box, points)]
    assert sorted(covered) == sorted(set(points) - free)
    assert not any(values == whole[0] for box in found for values in box)
    if way != "paths":
        assert len(found) <= len(boxes)


def test_neither_merging_nor_paths_give_the_fewest_here():
    """Every order of the axes gives six boxes."""
    text = "001 010 020 100 101 111 121 200 210 211"
    points = [tuple(map(int, each)) for each in text.split()]
    assert all(len(merged(by_paths(singles(points), WHOLE, order), WHOLE)) == 6 for order in permutations(range(3)))
    assert len(fewer(singles(points), WHOLE)) == least_of(frozenset(points)) == 5


def test_a_merged_axis_that_is_whole_is_no_limit():
    assert merged([(((0, 1),),), (((2, 2),),)], (((0, 2),),)) == [(None,)]


def test_paths_undo_cuts_that_merging_cannot():
    """A windmill of four bars and its middle is one square."""
    bars = [((0, 1), (0, 0)), ((2, 2), (0, 1)), ((1, 2), (2, 2)), ((0, 0), (1, 2)), ((1, 1), (1, 1))]
    boxes = [tuple((side,) for side in bar) for bar in bars]
    assert len(merged(boxes, (((0, 2),), ((0, 2),)))) == 5
    assert fewer(boxes, (((0, 2),), ((0, 2),))) == [(None, None)]


def raw(hook=Hook.INPUT, family=Family.IPV4, names=None, conditions=None, **integers):
    fields = {Field[name.upper()]: values for name, values in integers.items()}
    return RawBox(hook, family, fields, names or {}, conditions or {})


def network(first, prefix):
    value = int.from_bytes(bytes(map(int, first.split("."))))
    return (value, value + (1 << 32 - prefix) - 1)


def lines(*boxes, **more):
    return [box.line(**more) for box in readable_boxes(boxes)]


def test_one_service_between_networks():
    box = raw(
        protocol=((6, 6),),
        source=(network("198.51.100.7", 32), network("203.0.113.0", 24)),
        destination=(network("10.0.0.0", 8),),
        destination_port=((1720, 1720), (3230, 3285)),
        state=((0, 0),),
        names={Field.IN_INTERFACE: (Names(frozenset({"eth0"})),)},
        conditions={Condition("limit 5/second burst 5 packets"): True, Condition("fragment"): False},
    )
    assert lines(box) == [
        "input  IPv4  tcp  198.51.100.7, 203.0.113.0/24 -> 10.0.0.0/8  port 1720, 3230-3285  in eth0  state new"
        "  unless fragment  when limit 5/second burst 5 packets"
    ]
    assert lines(box, place=False)[0].startswith("tcp  198.51.100.7")


def test_what_is_shorter_is_said():
    all_but_net = normalize([(0, network("10.0.0.0", 8)[0] - 1), (network("10.0.0.0", 8)[1] + 1, 2**32 - 1)])
    assert lines(raw(source=all_but_net)) == ["input  IPv4  all except 10.0.0.0/8 -> any"]
    assert lines(raw(protocol=((6, 6),), destination_port=((0, 21), (23, 65535)))) == [
        "input  IPv4  tcp  port all except 22"
    ]
    assert lines(raw(protocol=((6, 6),), destination_port=((1024, 65535),))) == ["input  IPv4  tcp  port 1024-65535"]
    assert lines(raw(protocol=((0, 5), (7, 16), (18, 255)))) == ["input  IPv4  protocols all except tcp, udp"]
    assert lines(raw(protocol=((6, 6), (17, 17), (47, 47)))) == ["input  IPv4  tcp, udp, gre"]
    states = [n for n, state in enumerate(STATES) if state is not State.INVALID]
    assert lines(raw(state=normalize((n, n) for n in states))) == ["input  IPv4  state all except invalid"]


def test_no_limit_is_all_packets():
    assert lines(raw(Hook.FORWARD, Family.IPV6)) == ["forward  IPv6  all packets"]
    assert lines(raw(), place=False) == ["all packets"]
    assert lines() == []


def test_two_halves_become_everything():
    """A box and its complement in a condition, in ports and in names leave no limit."""
    eth = (Names(prefixes=frozenset({"eth"})),)
    other = (Names(prefixes=frozenset({"eth"}), inverted=True),)
    limited = Condition("limit 1/second burst 5 packets")
    boxes = [
        raw(names={Field.IN_INTERFACE: eth}, conditions={limited: True}),
        raw(names={Field.IN_INTERFACE: eth}, conditions={limited: False}),
        raw(names={Field.IN_INTERFACE: other}, destination_port=((0, 99),)),
        raw(names={Field.IN_INTERFACE: other}, destination_port=((100, 65535),)),
    ]
    assert lines(*boxes) == ["input  IPv4  all packets"]


def test_names_in_words():
    def said(*names):
        (box,) = readable_boxes([raw(names={Field.IN_INTERFACE: names})])
        return box.line(place=False)

    eth = Names(prefixes=frozenset({"eth"}))
    assert said(Names(frozenset({"ppp0"}), frozenset({"eth"}))) == "in ppp0, eth*"
    assert said(eth, Names(frozenset({"eth0"}), inverted=True)) == "in eth* except eth0"
    assert said(Names(frozenset({LOOPBACK}), inverted=True)) == "in all except loopback"
    assert said(Names(frozenset({""}))) == "in none"
    assert said(Names(frozenset({"e\x1b[2J"}))) == "in e\\x1b[2J"


def test_interfaces_that_no_packet_has_are_no_exceptions():
    def said(hook, *names):
        sets = tuple(Names(frozenset(each), inverted=True) for each in names)
        (box,) = readable_boxes([RawBox(hook, Family.IPV4, {}, {Field.IN_INTERFACE: sets}, {})])
        return box.line(place=False)

    assert said(Hook.FORWARD, {"", LOOPBACK, "docker0"}) == "in all except docker0"
    assert said(Hook.FORWARD, {"", LOOPBACK}, {"docker0"}) == "in all except docker0"
    assert said(Hook.FORWARD, {"", LOOPBACK}) == "all packets"
    assert said(Hook.INPUT, {"", LOOPBACK, "docker0"}) == "in all except loopback, docker0"
    assert said(Hook.INPUT, {""}) == "all packets"


def test_a_name_in_a_hole_of_a_prefix_takes_two_boxes():
    """eth* but not eth1*, and eth10 all the same."""
    inside = (Names(prefixes=frozenset({"eth"})), Names(prefixes=frozenset({"eth1"}), inverted=True))
    boxes = [raw(names={Field.IN_INTERFACE: each}) for each in (inside, (Names(frozenset({"eth10"})),))]
    assert lines(*boxes, place=False) == ["in eth* except eth1*", "in eth10"]


def test_icmp_flags_marks_and_types():
    assert lines(raw(protocol=((1, 1),), icmp=((0, 255), (768, 770), (2048, 2303)))) == [
        "input  IPv4  icmp  type 0, 3 code 0-2, 8"
    ]
    opening = normalize((f, f) for f in range(256) if f & 23 == 2)
    assert lines(raw(protocol=((6, 6),), tcp_flags=opening)) == ["input  IPv4  tcp  flags syn of fin+syn+rst+ack"]
    assert lines(raw(tcp_flags=((0, 0), (3, 3), (41, 41)))) == ["input  IPv4  flags none, fin+syn, fin+psh+urg"]
    assert lines(raw(tcp_flags=((2, 2),))) == ["input  IPv4  flags only syn"]
    assert lines(raw(mark=((1, 1), (16, 31)), destination_type=((2, 3),))) == [
        "input  IPv4  to an address that is broadcast, multicast  mark 0x1, 0x10-0x1f"
    ]


def test_long_lists_are_cut_on_a_line_and_never_in_data():
    ports = normalize((n, n) for n in range(100, 140, 2))
    (box,) = readable_boxes([raw(protocol=((6, 6),), destination_port=ports)])
    assert box.line(place=False) == "tcp  port 100, 102, 104, 106, 108, 110, 112, 114 and 12 more"
    assert box.line(most=None, place=False).endswith("136, 138")
    assert box.as_json()["fields"]["destination-port"] == [str(n) for n in range(100, 140, 2)]


def test_data_of_a_box():
    box = raw(
        family=Family.IPV6,
        protocol=((6, 6),),
        source=(((0xFE80 << 112), (0xFE80 << 112) + 1),),
        names={Field.IN_INTERFACE: (Names(frozenset({"ppp0"}), frozenset({"eth"})),)},
        conditions={Condition("set blocked (src)", understood=False): False},
    )
    assert ReadableBox(box).as_json() == {
        "hook": "input",
        "family": 6,
        "fields": {"protocol": ["tcp"], "source": ["fe80::/127"]},
        "names": {"in-interface": [{"names": ["ppp0"], "prefixes": ["eth"], "except": False}]},
        "conditions": [{"name": "set blocked (src)", "holds": False, "understood": False}],
    }


def test_order_is_hook_family_protocol_port():
    boxes = [
        raw(Hook.OUTPUT),
        raw(protocol=((17, 17),), destination_port=((53, 53),)),
        raw(protocol=((6, 6),), destination_port=((80, 80),), source=((1, 1),)),
        raw(protocol=((6, 6),), destination_port=((22, 22),), source=((2, 2),)),
        raw(family=Family.IPV6),
    ]
    expected = [
        "input  IPv4  tcp  0.0.0.2 -> any  port 22",
        "input  IPv4  tcp  0.0.0.1 -> any  port 80",
        "input  IPv4  udp  port 53",
        "input  IPv6  all packets",
        "output  IPv4  all packets",
    ]
    assert lines(*boxes) == lines(*reversed(boxes)) == expected


def test_two_thousand_boxes():
    boxes = [
        raw(protocol=((6, 6),), source=((n * 10, n * 10 + n % 7),), destination_port=((port, port),))
        for n in range(1000)
        for port in (22, 80)
    ]
    (box, *more) = readable_boxes(boxes)
    assert not more
    assert box.raw.integers[Field.DESTINATION_PORT] == ((22, 22), (80, 80))
    assert len(box.raw.integers[Field.SOURCE]) == 1000
