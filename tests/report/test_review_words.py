"""The words for a region say the region: read back, they give the same packets."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.addresses import predefined
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Condition, Field, Names
from fwadvisor.model.interval import normalize, subtract
from fwadvisor.model.rule import LOOPBACK, PROTOCOL_NAMES, Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.report.review_words import port_name, region_words

DATABASE = load()
NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
WHOLE = {Field.PROTOCOL: 255, Field.SOURCE_PORT: 65535, Field.DESTINATION_PORT: 65535, Field.STATE: 4}


# --- reading the words back ---------------------------------------------------------------------


def read(text: str, hook: Hook, family: Family) -> RawBox:
    """The box that the words of a region say."""
    parts = text.split("; " if "; " in text else ", ")
    integers, names, conditions = {}, {}, {}
    read_ends(parts[0], hook, family, integers)
    read_traffic(re.sub(r" \([^)]*\)", "", parts[1]), integers)
    for part in parts[2:]:
        word, _, rest = part.partition(" ")
        if part == "new connections":
            integers[Field.STATE] = ((0, 0),)
        elif part.startswith("every state but "):
            out = part.removeprefix("every state but ").split(" and ")
            integers[Field.STATE] = states(each for each in STATES if each.value not in out)
        elif word == "state":
            integers[Field.STATE] = states(each for each in STATES if each.value in rest.split(" or "))
        elif word in ("on", "in", "out"):
            way = Field.OUT_INTERFACE if word == "out" or hook is Hook.OUTPUT else Field.IN_INTERFACE
            names[way] = (interfaces(rest.removeprefix("on ")),)
        elif word in ("when", "unless"):
            conditions[Condition(rest)] = word == "when"
        else:
            field = {"ttl": Field.TTL, "mark": Field.MARK}[word]
            integers[field] = numbers(rest, 255 if word == "ttl" else 2**32 - 1, 16 if word == "mark" else 10)
    return RawBox(hook, family, integers, names, conditions)


def states(found) -> tuple:
    return normalize((STATES.index(each), STATES.index(each)) for each in found)


def interfaces(text: str) -> Names:
    inverted = text.startswith("any interface but ")
    words = text.removeprefix("any interface but ").split(", ")
    names = [LOOPBACK if word == "loopback" else word for word in words if not word.endswith("*")]
    return Names(frozenset(names), frozenset(word[:-1] for word in words if word.endswith("*")), inverted)


def read_ends(text: str, hook: Hook, family: Family, integers: dict) -> None:
    text = text.removeprefix("from ")
    source, destination = text.split(" through this machine to " if hook is Hook.FORWARD else " to ")
    for field, end in ((Field.SOURCE, source), (Field.DESTINATION, destination)):
        end = end.removesuffix(" (this machine)")
        if end not in ("anywhere", "this machine"):
            integers[field] = addresses(end, family)


def addresses(text: str, family: Family) -> tuple:
    if text.startswith("everywhere but "):
        return subtract(family.universe, addresses(text.removeprefix("everywhere but "), family))
    known = {"the internet": "internet", "private addresses": "private"}
    if text in known:
        return predefined(known[text]).of(family)
    text, _, holes = text.partition(" except ")
    if holes:
        return subtract(addresses(text, family), addresses(holes, family))
    found = []
    for each in text.split(", "):
        if "-" in each:
            found.append(tuple(int(ipaddress.ip_address(end)) for end in each.split("-")))
        else:
            network = ipaddress.ip_network(each)
            found.append((int(network[0]), int(network[-1])))
    return normalize(found)


def numbers(text: str, largest: int, base: int = 10) -> tuple:
    if text.startswith("any but "):
        return subtract(((0, largest),), numbers(text.removeprefix("any but "), largest, base))
    ends = [each.partition("-") for each in text.split(", ")]
    return normalize((int(first, base), int(last or first, base)) for first, _, last in ends)


def read_traffic(text: str, integers: dict) -> None:
    text, _, source = text.partition(" from port ")
    if source:
        integers[Field.SOURCE_PORT] = numbers(source, 65535)
    text, _, icmp = text.partition(" type ")
    if icmp:
        integers[Field.ICMP] = tuple((first << 8, (last << 8) + 255) for first, last in numbers(icmp, 255))
    if found := re.fullmatch(r"(.*?) (any port but |port |)(\d[\d, -]*)", text):
        protocols, word, ports = found.groups()
        if word or not protocols.startswith(("protocol", "every protocol")):
            integers[Field.DESTINATION_PORT] = numbers(("any but " if "but" in word else "") + ports, 65535)
            text = protocols
    text = re.sub(r" (to )?any port$", "", text)
    if text != "any protocol":
        integers[Field.PROTOCOL] = protocols_of(text)


def protocols_of(text: str) -> tuple:
    if text.startswith("every protocol but "):
        return subtract(((0, 255),), protocols_of(text.removeprefix("every protocol but ")))
    words = text.removeprefix("protocol ").replace(" and ", ", ")
    return numbers(", ".join(str(NUMBERS.get(word, word)) for word in words.split(", ")), 255)


# --- and what they must be ------------------------------------------------------------------------


@st.composite
def ranges(draw, largest: int, most: int = 4):
    ends = draw(st.lists(st.tuples(st.integers(0, largest), st.integers(0, largest)), min_size=1, max_size=most))
    found = normalize((min(pair), max(pair)) for pair in ends)
    return found if found != ((0, largest),) else ((0, 0),)


@st.composite
def networks(draw, family: Family):
    if draw(st.booleans()):
        return predefined(draw(st.sampled_from(["internet", "private"]))).of(family)
    found = []
    for _ in range(draw(st.integers(1, 3))):
        prefix = draw(st.integers(1, family.bits))
        first = draw(st.integers(0, (1 << prefix) - 1)) << (family.bits - prefix)
        found.append((first, first + (1 << (family.bits - prefix)) - 1 + draw(st.sampled_from([0, 0, 5]))))
    found = normalize((first, min(last, family.universe[0][1])) for first, last in found)
    for first, last in found[: draw(st.integers(0, 2))]:
        # A hole, most often one in a larger network.
        bits = draw(st.integers(0, max(0, (last - first).bit_length() - 1)))
        start = first + (draw(st.integers(0, last - first)) >> bits << bits)
        found = subtract(found, ((start, min(last, start + (1 << bits) - 1)),))
    found = found or ((1, 1),)
    found = found if found != family.universe else ((1, 1),)
    return found if draw(st.booleans()) else subtract(family.universe, found)


def names():
    some = st.frozensets(st.sampled_from(["eth0", "eth1", "wg-a.7", LOOPBACK]), min_size=1, max_size=3)
    return st.builds(Names, some, st.frozensets(st.sampled_from(["ppp", "br"]), max_size=1), st.booleans())


@st.composite
def boxes(draw):
    hook, family = draw(st.sampled_from(Hook)), draw(st.sampled_from(Family))
    integers, chosen = {}, st.booleans()
    for field in (Field.SOURCE, Field.DESTINATION):
        if draw(chosen):
            integers[field] = draw(networks(family))
    if draw(chosen):
        known = st.sampled_from([((6, 6),), ((17, 17),), ((6, 6), (17, 17)), ((6, 6), (17, 17), (132, 132))])
        integers[Field.PROTOCOL] = draw(known | ranges(255))
    for field in (Field.SOURCE_PORT, Field.DESTINATION_PORT):
        if draw(chosen):
            integers[field] = draw(ranges(65535) | st.sampled_from([((22, 22), (80, 80)), ((1720, 1720),)]))
    if draw(chosen):
        integers[Field.STATE] = states(draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=4, unique=True)))
    if draw(chosen):
        integers[draw(st.sampled_from([Field.TTL, Field.MARK]))] = ((1, 1), (7, 9))
    if not {Field.DESTINATION_PORT, Field.SOURCE_PORT} & integers.keys() and draw(chosen):
        number = 1 if family is Family.IPV4 else 58
        integers |= {Field.PROTOCOL: ((number, number),), Field.ICMP: ((3 << 8, (5 << 8) + 255), (8 << 8, 2303))}
    ways = {Hook.INPUT: [Field.IN_INTERFACE], Hook.OUTPUT: [Field.OUT_INTERFACE]}
    fields = ways.get(hook, [Field.IN_INTERFACE, Field.OUT_INTERFACE])
    named = {field: (draw(names()),) for field in fields if draw(chosen)}
    conditions = {Condition("limit 5/second burst 5 packets"): draw(chosen)} if draw(chosen) else {}
    return RawBox(hook, family, integers, named, conditions)


@given(boxes())
@settings(max_examples=400, deadline=None)
def test_words_read_back_are_the_region(box: RawBox) -> None:
    text = region_words(ReadableBox(box), DATABASE, None).line
    assert read(text, box.hook, box.family) == box, text


def test_the_region_of_the_manual() -> None:
    box = RawBox(
        Hook.INPUT,
        Family.IPV4,
        {Field.SOURCE: addresses("198.51.100.7", Family.IPV4), Field.PROTOCOL: ((6, 6),),
         Field.DESTINATION_PORT: ((1720, 1720),), Field.STATE: ((0, 0),)},
        {Field.IN_INTERFACE: (Names(frozenset({LOOPBACK}), inverted=True),)},
    )  # fmt: skip
    words = region_words(ReadableBox(box), DATABASE)
    assert words.line == (
        "from 198.51.100.7 to this machine, tcp 1720 (H.323 call signalling), new connections, "
        "on any interface but loopback"
    )
    assert region_words(ReadableBox(replace(box, integers={}, names={})), DATABASE).line == (
        "from anywhere to this machine, any protocol"
    )


def test_addresses_are_minimal_cidrs_where_few_are_enough() -> None:
    def said(values: tuple) -> str:
        box = RawBox(Hook.INPUT, Family.IPV4, {Field.SOURCE: values})
        return region_words(ReadableBox(box), DATABASE).ends.split(" to ")[0]

    ten = int(ipaddress.ip_address("10.0.0.0"))
    assert said(((ten, ten + 2),)) == "from 10.0.0.0/31, 10.0.0.2"
    assert said(((ten + 1, ten + 254),)) == "from 10.0.0.1-10.0.0.254"
    assert said(predefined("internet").v4) == "from the internet"
    assert said(subtract(Family.IPV4.universe, predefined("private").v4)) == "from everywhere but private addresses"


def test_long_lists_are_cut_with_a_count_and_only_then() -> None:
    box = ReadableBox(
        RawBox(Hook.INPUT, Family.IPV4, {Field.PROTOCOL: ((6, 6),), Field.DESTINATION_PORT: ((1, 1), (3, 3), (5, 5))})
    )
    assert region_words(box, DATABASE, 2).traffic.endswith(" and 1 more")
    assert "more" not in region_words(box, DATABASE, None).traffic


@pytest.mark.parametrize(
    ("pair", "transport", "name"),
    [
        ((22, 22), "tcp", "SSH"),
        ((6892, 6895), "tcp", "Messenger direct file transfer"),
        ((1, 65535), "tcp", ""),
        ((20000, 20001), "tcp", ""),
        ((1024, 65535), "udp", ""),
        ((24, 24), "dccp", ""),
        ((79, 79), "tcp", "Finger"),
        ((13, 13), "udp", "Small services"),
        ((11, 11), "tcp", "systat"),
    ],
)
def test_a_port_has_a_name_where_all_of_the_range_is_for_it(pair, transport: str, name: str) -> None:
    from fwadvisor.ports.facts import Transport

    assert port_name(pair, [Transport(transport)], DATABASE) == name


def test_nothing_of_a_name_can_forge_a_line() -> None:
    box = RawBox(
        Hook.FORWARD,
        Family.IPV4,
        {},
        {Field.IN_INTERFACE: (Names(frozenset({"e\x1b[31m"})),)},
        {Condition("string a\nb"): True},
    )
    text = region_words(ReadableBox(box), DATABASE).line
    assert "\x1b" not in text
    assert "\n" not in text
