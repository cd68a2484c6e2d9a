"""The language of flows: what each sentence means, and what is said of those that mean nothing."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.ports import load
from fwadvisor.review.flow_file import Case, Expected, own_language, parse_case, read_flows
from fwadvisor.review.flow_scan import Language
from fwadvisor.review.flow_text import parse_flow
from fwadvisor.review.flows import Flow

DATABASE = load()
EXACT, REGIONS = Language(DATABASE), Language(DATABASE, exact=False)
V4, V6 = Family.IPV4, Family.IPV6


def flow(text: str, language: Language = EXACT) -> Flow:
    return parse_flow(text, language)


def refusal(text: str, language: Language = EXACT) -> tuple[str, str, str]:
    """The message, the text under the caret, and the hint."""
    with pytest.raises(FwadvisorError) as problem:
        parse_flow(text, language)
    (found,) = problem.value.diagnostics
    assert found.span is not None
    start = found.span.column - 1
    return found.message, text[start : start + found.span.length], found.hint


@pytest.mark.parametrize(
    ("text", "hook"),
    [
        ("203.0.113.5 -> self:1720/tcp", Hook.INPUT),
        ("self -> 203.0.113.5:1720/tcp", Hook.OUTPUT),
        ("203.0.113.5 -> 198.51.100.7:22/tcp", Hook.FORWARD),
        ("203.0.113.5 -> 198.51.100.7:22/tcp input", Hook.INPUT),
        ("203.0.113.5 -> 224.0.1.41:1718/udp input", Hook.INPUT),
        ("192.0.2.1 -> 198.51.100.7:22/tcp output", Hook.OUTPUT),
    ],
)
def test_self_says_which_way_it_goes(text: str, hook: Hook) -> None:
    assert flow(text).hook is hook


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("any -> self:443/tcp", (V4, V6)),
        ("any -> self:443/tcp ipv6", (V6,)),
        ("203.0.113.5 -> self:443/tcp", (V4,)),
        ("[2001:db8::5]:40000 -> self:443/tcp", (V6,)),
        ("2001:db8::/32 -> self:443/tcp", (V6,)),
        ("fe80::1 -> self:443/tcp", (V6,)),
        ("203.0.113.5, 2001:db8::5 -> self:443/tcp", (V4, V6)),
        ("internet -> self:443/tcp", (V4, V6)),
        ("any -> self icmp echo-request", (V4, V6)),
        ("any -> self icmp fragmentation-needed", (V4,)),
        ("any -> self icmpv6 135", (V6,)),
        ("any -> self/icmp6 neighbour-solicitation", (V6,)),
    ],
)
def test_addresses_and_words_say_the_ip_version(text: str, families: tuple[Family, ...]) -> None:
    assert flow(text).families == families


def test_ports_are_numbers_ranges_lists_and_services() -> None:
    assert flow("any -> self:22/tcp").destination.ports == ((22, 22),)
    assert flow("any -> self:80,443,8000-8010/tcp,udp").destination.ports == ((80, 80), (443, 443), (8000, 8010))
    assert flow("any -> self:h323hostcall/tcp").destination.ports == ((1720, 1720),)
    assert flow("any -> self:https,ms-wbt-server/tcp").destination.ports == ((443, 443), (3389, 3389))
    assert flow("any:1024-65535 -> self:22/tcp").source.ports == ((1024, 65535),)
    assert flow("203.0.113.5:123->self:123/udp").source.ports == ((123, 123),)


def test_protocols_are_names_and_numbers() -> None:
    assert flow("any -> self/gre").protocols == (47,)
    assert flow("any -> self/47").protocols == (47,)
    assert flow("203.0.113.5 -> 198.51.100.7 protocol 47").protocols == (47,)
    assert flow("203.0.113.5 -> 198.51.100.0/24/esp").protocols == (50,)
    assert flow("any -> self tcp", REGIONS).protocols == (6,)
    ping = flow("any -> self icmp echo-request")
    assert (ping.of(V4), ping.of(V6)) == ((1,), (58,))
    assert ping.icmp == {V4: ((2048, 2303),), V6: ((32768, 33023),)}
    assert flow("any -> self icmp 3/4").icmp == {V4: ((772, 772),), V6: ((772, 772),)}


def test_words_say_the_rest() -> None:
    said = flow("203.0.113.5 -> 198.51.100.7:22/tcp in eth0 out eth1 mark 0x1 flags syn,ack ttl 1 new,established")
    assert (said.in_interface, said.out_interface) == ("eth0", "eth1")
    assert said.states == (State.NEW, State.ESTABLISHED)
    assert said.integers == {Field.MARK: ((1, 1),), Field.TCP_FLAGS: ((18, 18),), Field.TTL: ((1, 1),)}
    assert flow("any -> self:80/tcp").states == (State.NEW,)
    assert flow("any -> self:80/tcp any state").states == tuple(State)
    related = flow("any -> self:5000/udp related to RAS")
    assert (related.states, related.helper) == ((State.RELATED,), "RAS")
    assert flow('any -> self:22/tcp when "limit 5/second burst 5 packets"').conditions == {
        "limit 5/second burst 5 packets": True
    }
    assert flow("127.0.0.1 -> self:631/tcp").in_interface == LOOPBACK
    assert flow("self -> 127.0.0.1:631/tcp").out_interface == LOOPBACK
    assert flow("any -> self:80/tcp in lo0").in_interface == LOOPBACK
    assert flow("any -> self:80/tcp profile domain").integers[Field.PROFILE] == ((0, 0),)
    assert flow("10.0.0.1 -> 10.0.0.255:137/udp broadcast input").broadcast


@pytest.mark.parametrize(
    ("text", "message", "under", "hint"),
    [
        ("", "an address is expected", "", "self"),
        ("->", "an address is expected, but found", "->", "network"),
        ("203.0.113.5", "are missing", "5", "->"),
        ("203.0.113.5 > self:1720/tcp", '"->" is expected', ">", 'write "->"'),
        ("203.0.113.5 -> slef:1720/tcp", 'no addresses are called "slef"', "slef", '"self"'),
        ("www.example.org -> self:80/tcp", "no addresses are called", "www.example.org", "not looked up"),
        ("203.0.113.300 -> self:80/tcp", "300 is more than 255", "203.0.113.300", ""),
        ("10.0.0.1/8 -> self:80/tcp", "has host bits set", "10.0.0.1/8", "10.0.0.0/8"),
        ("any -> self:80/tpc", '"tpc" is no protocol', "tpc", '"tcp"'),
        ("any -> self:80/", "a protocol is expected", "/", "tcp"),
        ("any -> self:80", "the protocol of the ports is missing", "0", "/tcp"),
        ("any -> self", "the protocol is missing", "f", "/icmp"),
        ("any -> self/tcp", "the port of tcp is missing", "tcp", "self:443/tcp"),
        ("any -> 2001:db8::1:80/tcp", "the port of tcp is missing", "tcp", "[2001:db8::1]:80/tcp"),
        ("any -> 2001:db8:1:2:3:4:5:6:80/tcp", "is not an IPv6 address", "2001:db8:1:2:3:4:5:6:80", "]:80"),
        ("any -> [2001:db8::1:80/tcp", '"[" is not closed', "[", "[2001:db8::1]:1720"),
        ("any -> self:/tcp", "a port is expected", "/", "service"),
        ("any -> self:99999/tcp", '"99999" is no port', "99999", "65535"),
        ("any -> self:20-10/tcp", "ends before it begins", "20-10", "10-20"),
        ("any -> self:htps/tcp", 'no service is called "htps"', "htps", '"https"'),
        ("any -> self:bootps/tcp,sctp", "", "", ""),
        ("any -> self:80/gre", "gre has no ports", "80", ""),
        ("any -> self:80/tcp estabilshed", "says nothing about a flow", "estabilshed", '"established"'),
        ("any -> self:80/tcp flags syn,akc", '"akc" is no TCP flag', "akc", '"ack"'),
        ("any -> self:80/udp flags syn", "only TCP has flags", "flags", "/tcp"),
        ("any -> self:80/tcp in", "the interface", "n", "eth0"),
        ("any -> self:80/tcp out eth0", "ends at the machine", "out", ""),
        ("self -> any:80/tcp in eth0", "leaves the machine itself", "in", ""),
        ("any -> self:80/tcp output", "does not fit", "output", ""),
        ("any -> self:80/tcp new new", "after it said", "new", ""),
        ("any -> self:80/tcp udp", "the protocol is said twice", "udp", ""),
        ("any -> self:80/tcp mark x", '"x" is no number', "x", ""),
        ("any -> self:80/tcp ttl 300", "is not within 0-255", "300", ""),
        ("any -> self:80/tcp profile home", "no network profile", "home", "domain"),
        ("any -> self:80/tcp when limit", "a condition in quotes", "l", "when"),
        ("any -> self:80/tcp established to RAS", '"to" belongs to "related"', "to", "related to RAS"),
        ("any -> self:80/tcp any packets", '"any" is followed by "state"', "packets", ""),
        ("any -> self icmp echo-reqest", "is no type of ICMP", "echo-reqest", "echo-request"),
        ("203.0.113.5 -> 2001:db8::1 icmp", "different IP versions", "2", ""),
        ("203.0.113.5 -> self/icmpv6", "no IP version of the flow", "icmpv6", ""),
        ("self -> self:80/tcp", "both sides are this machine", "s", "127.0.0.1"),
        ("any,10.0.0.1 -> self:80/tcp", '"any" stands alone', "any,10.0.0.1 ", ""),
        ("any -> self:10.0.0.1/tcp", '"10.0.0.1" is no port', "10.0.0.1", ""),
    ],
)
def test_what_is_wrong_is_shown_with_its_place(text: str, message: str, under: str, hint: str) -> None:
    if not message:
        # Registered for both, so that nothing is wrong.
        assert flow(text).destination.ports == ((67, 67),)
        return
    found = refusal(text)
    assert message in found[0]
    assert found[1].strip() == under.strip()
    assert hint in found[2]


def test_a_region_needs_neither_protocol_nor_port() -> None:
    assert flow("any -> self", REGIONS).protocols == ()
    assert flow("10.0.0.0/8 -> self/tcp", REGIONS).destination.ports is None
    assert "the protocol of the ports" in refusal("any -> self:22", REGIONS)[0]


def test_no_text_makes_it_stumble() -> None:
    pieces = [
        "any",
        "self",
        "->",
        ":",
        "/",
        "[",
        "]",
        ",",
        "tcp",
        "443",
        "icmp",
        "in",
        "flags",
        '"',
        " ",
        "2001:db8::1",
    ]
    pieces += ["10.0.0.0/8", "-", "when", "mark", "0x", "related", "to", "\u202e", "é", "99999999", "protocol"]
    dice = random.Random(4)
    read = 0
    refused: list[tuple[str, FwadvisorError]] = []
    for _ in range(4000):
        text = "".join(dice.choice(pieces) + dice.choice(["", " "]) for _ in range(dice.randrange(9)))
        text = dice.choice(["", "any -> self:443/tcp ", "any -> self icmp "]) + text
        try:
            found = parse_flow(text, REGIONS)
        except FwadvisorError as problem:
            refused.append((text, problem))
        else:
            read += 1
            assert all(found.tests(family, ordinary=True) for family in found.families)
    assert read > 50
    for text, problem in refused:
        assert all(each.span and 1 <= each.span.column <= len(text) + 1 for each in problem.diagnostics)


FILE = """# The calls of the video room.
peers = 203.0.113.0/24, 2001:db8:323::/48
self = 192.0.2.10

accept: peers -> self:1720/tcp       # call signalling
BLOCK:  any -> self:1503/tcp
10.0.0.1 -> self:22/tcp
drop: any -> self:22/tcp when "limit #1"  # quoted
"""


def cases(text: str) -> tuple[Case, ...]:
    return read_flows(Source("flows.txt", text.encode()), EXACT)


def test_a_file_is_a_list_of_sentences() -> None:
    found = cases(FILE)
    assert [(case.expected, case.name) for case in found] == [
        (Expected.ACCEPT, "call signalling"), (Expected.BLOCK, ""), (None, ""), (Expected.DROP, "quoted"),
    ]  # fmt: skip
    assert [case.flow.span.line for case in found] == [5, 6, 7, 8]
    assert found[0].flow.text == "peers -> self:1720/tcp"
    assert found[0].flow.families == (V4,), "the machine has an IPv4 address only"
    assert list(found[3].flow.conditions) == ["limit #1"]


def test_all_wrong_lines_of_a_file_are_shown() -> None:
    text = "acept: any -> self:1/tcp\nany -> self:2\nx = \nself = 10.0.0.1\nself = 10.0.0.2\na b = 10.0.0.1\nok: \n"
    with pytest.raises(FwadvisorError) as problem:
        cases(text)
    found = [(each.span.line if each.span else 0, each.message) for each in problem.value.diagnostics]
    assert [line for line, _ in found] == [1, 2, 3, 5, 6, 7]
    assert '"acept" is no verdict' in found[0][1]
    assert '"self" is defined twice' in found[3][1]


def test_a_file_without_flows_is_none() -> None:
    for text in ("", "# nothing\n", "a = 10.0.0.1\n"):
        with pytest.raises(FwadvisorError, match="holds no flow"):
            cases(text)


def test_the_command_line_may_say_what_is_expected_and_what_self_is() -> None:
    language = own_language(DATABASE, ["192.0.2.10", "2001:db8::10"])
    found = parse_case("drop: any -> self:22/tcp", language)
    assert found.expected is Expected.DROP
    assert found.flow.destination.of(V4) == ((0xC000020A, 0xC000020A),)
    assert parse_case("any -> self:22/tcp", language).expected is None
    with pytest.raises(FwadvisorError, match="no addresses are called"):
        own_language(DATABASE, ["nonsense"])


def test_every_flow_of_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "flows.md").read_text()
    blocks = re.findall(r"```flows\n(.*?)```", text, re.S)
    assert len(blocks) == 2
    assert sum(len(cases(block)) for block in blocks) == 16
