"""What the port database says of the packets of a change."""

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.rule import Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.ports.facts import Risk
from fwadvisor.review.changes import Kind
from fwadvisor.review.knowledge import MOST_USES, breaks, uses_of


@pytest.fixture(scope="module")
def database():
    return load()


def boxes(*regions, hook=Hook.INPUT, family=Family.IPV4):
    return [ReadableBox(RawBox(hook, family, each)) for each in regions]


def tcp(*ports, number=6, **more):
    return {
        Field.PROTOCOL: ((number, number),),
        Field.DESTINATION_PORT: tuple((port, port) for port in ports),
        **{Field[name]: value for name, value in more.items()},
    }


def test_uses_are_those_of_the_numbers_the_worst_first(database):
    uses = uses_of(boxes(tcp(22, 23), tcp(23, number=17), tcp(53, number=17)), database)
    assert [(use.port.id, use.transport, use.numbers) for use in uses] == [
        ("telnet", "tcp", ((23, 23),)),
        ("dns", "udp", ((53, 53),)),
        ("ssh", "tcp", ((22, 22),)),
    ]


def test_numbers_of_several_regions_are_one_use(database):
    (use,) = uses_of(boxes(tcp(5900), tcp(5902)), database)
    assert (use.port.id, use.numbers) == ("vnc", ((5900, 5900), (5902, 5902)))


def test_wide_ranges_name_the_worst_few(database):
    for region in ({Field.PROTOCOL: ((6, 6),)}, {}):
        uses = uses_of(boxes(region), database)
        assert len(uses) == MOST_USES
        assert all(use.port.risk_internet is Risk.CRITICAL for use in uses)
        assert uses[0].port.risk_lan is Risk.CRITICAL


def test_protocols_have_uses(database):
    (use,) = uses_of(boxes({Field.PROTOCOL: ((47, 47),)}), database)
    assert (use.port.id, use.transport) == ("gre", "ip")


def test_ports_that_are_agreed_at_run_time_are_no_use(database):
    assert uses_of(boxes(tcp(50000), tcp(50000, number=17)), database) == ()


def test_only_what_is_blocked_breaks(database):
    for kind in Kind:
        found = breaks(kind, Hook.INPUT, boxes(tcp(443)), database)
        assert found == (("Web server: site is down",) if kind is Kind.NARROWED else ())


def test_what_breaks_depends_on_the_direction(database):
    dns = tcp(53, number=17)
    inside = breaks(Kind.NARROWED, Hook.INPUT, boxes(dns), database)
    assert "DNS resolver for a network: no names inside" in inside
    assert "Name lookups: no names" not in inside
    out = breaks(Kind.NARROWED, Hook.OUTPUT, boxes(dns, hook=Hook.OUTPUT), database)
    assert "Name lookups: no names" in out
    assert "DNS resolver for a network: no names inside" not in out
    through = breaks(Kind.NARROWED, Hook.FORWARD, boxes(dns, hook=Hook.FORWARD), database)
    assert set(through) == {*inside, *out}


def test_no_new_connection_no_break(database):
    assert breaks(Kind.NARROWED, Hook.INPUT, boxes(tcp(443, STATE=((1, 2),))), database) == ()


def test_agreed_ports_break_nothing_that_anybody_knows(database):
    assert breaks(Kind.NARROWED, Hook.INPUT, boxes(tcp(50000, number=17)), database) == ()


def test_source_ports_must_fit(database):
    answer = tcp(68, number=17, SOURCE_PORT=((67, 67),))
    assert any(text.startswith("DHCP client") for text in breaks(Kind.NARROWED, Hook.INPUT, boxes(answer), database))
    other = tcp(68, number=17, SOURCE_PORT=((53, 53),))
    assert breaks(Kind.NARROWED, Hook.INPUT, boxes(other), database) == ()


def test_of_everything_only_what_is_needed_breaks(database):
    everything = breaks(Kind.NARROWED, Hook.INPUT, boxes({}), database)
    assert any(text.startswith("SSH access: ") for text in everything)
    assert len(everything) == len(set(everything))
    optional = {
        f"{application.title}: {flow.if_denied}"
        for application in database.applications.values()
        for flow in application.flows
        if flow.need != "core"
    } - {
        f"{application.title}: {flow.if_denied}"
        for application in database.applications.values()
        for flow in application.flows
        if flow.need == "core"
    }
    assert not optional & set(everything)


def test_neighbour_discovery_breaks_ipv6(database):
    region = {Field.PROTOCOL: ((58, 58),), Field.ICMP: ((135 * 256, 136 * 256 + 255),)}
    (text,) = breaks(Kind.NARROWED, Hook.INPUT, boxes(region, family=Family.IPV6), database)
    assert text.startswith("IPv6: ")
    echo = {Field.PROTOCOL: ((58, 58),), Field.ICMP: ((128 * 256, 128 * 256),)}
    assert breaks(Kind.NARROWED, Hook.INPUT, boxes(echo, family=Family.IPV6), database) == ()
