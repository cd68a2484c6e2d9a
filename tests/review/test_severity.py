"""How severe a change is: the tables of `fwadvisor.review.severity`, `reach` and `exposed`, line by line."""

from dataclasses import replace

import pytest

from fwadvisor.addresses import address_set
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Field, Names
from fwadvisor.model.interval import normalize, subtract
from fwadvisor.model.rule import LOOPBACK, Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.ports.facts import Risk
from fwadvisor.report.review_words import region_words
from fwadvisor.review.changes import Kind
from fwadvisor.review.exposed import exposed, port_words
from fwadvisor.review.findings import Severity
from fwadvisor.review.knowledge import breaks
from fwadvisor.review.reach import Reach, other_end
from fwadvisor.review.severity import rate

INTERNET = None
WIDE = "203.0.0.0/16"
LAN = "192.168.0.0/16"
HOSTS = "192.168.1.5"
LINK = "169.254.0.0/16"
WIDENED, NARROWED = Kind.WIDENED, Kind.NARROWED


@pytest.fixture(scope="module")
def database():
    return load()


def region(
    hook=Hook.INPUT, family=Family.IPV4, *, peer=None, protocol=6, port=None, icmp=None, states=None, over=None, **more
):
    """Packets with one other end, over the interfaces `over`."""
    integers = {}
    if protocol is not None:
        integers[Field.PROTOCOL] = ((protocol, protocol),)
    if peer is not None:
        texts = peer if isinstance(peer, tuple) else (peer,)
        integers[Field.DESTINATION if hook is Hook.OUTPUT else Field.SOURCE] = address_set(texts).of(family)
    if port is not None:
        integers[Field.DESTINATION_PORT] = (port,) if isinstance(port, tuple) else ((port, port),)
    if icmp is not None:
        integers[Field.ICMP] = ((icmp * 256, icmp * 256 + 255),)
    if states is not None:
        integers[Field.STATE] = states
    integers |= {Field[name]: values for name, values in more.items()}
    names = {}
    if over is not None:
        prefixes = frozenset(name[:-1] for name in over if name.endswith("*"))
        plain = frozenset(name for name in over if not name.endswith("*"))
        names[Field.OUT_INTERFACE if hook is Hook.OUTPUT else Field.IN_INTERFACE] = (Names(plain, prefixes),)
    return RawBox(hook, family, integers, names)


def rated(database, kind, *regions, outcomes=("", "")):
    severity, why = rate(kind, regions[0].hook, [ReadableBox(each) for each in regions], database, outcomes)
    assert why
    assert "\n" not in why
    assert not why.endswith(".")
    return severity, why


#: Ports whose risk towards the internet and in a local network is of each kind.
OF_RISK = {
    (Risk.CRITICAL, Risk.CRITICAL): 2375,
    (Risk.CRITICAL, Risk.HIGH): 23,
    (Risk.HIGH, Risk.MEDIUM): 1720,
    (Risk.MEDIUM, Risk.LOW): 22,
    (Risk.LOW, Risk.LOW): 443,
}


def port_of(strangers=None, lan=None):
    return next(
        port for (one, other), port in OF_RISK.items() if strangers in (None, one) and lan in (None, other)
    )  # fmt: skip


def test_the_ports_have_the_risks_that_the_tests_believe(database):
    for (strangers, lan), port in OF_RISK.items():
        entry = database.entries_at("tcp", port)[0]
        assert (entry.risk_internet, entry.risk_lan) == (strangers, lan)


@pytest.mark.parametrize(
    ("peer", "of", "expected"),
    [
        (INTERNET, "strangers", ("critical", "high", "medium", "low")),
        (WIDE, "strangers", ("high", "medium", "low", "low")),
        (LAN, "lan", ("high", "high", "medium", "low")),
        (HOSTS, "lan", ("medium", "medium", "low", "low")),
        (LINK, "lan", ("low", "low", "low", "low")),
    ],
)
def test_widened_to_this_machine(database, peer, of, expected):
    for risk, severity in zip(Risk, expected, strict=True):
        port = port_of(**{of: risk})
        assert rated(database, WIDENED, region(peer=peer, port=port))[0] == severity


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (Hook.INPUT, ("critical", "high", "medium", "low")),
        (Hook.FORWARD, ("high", "medium", "low", "low")),
        (Hook.OUTPUT, ("medium", "low", "low", "low")),
    ],
)
def test_through_and_from_this_machine_it_is_less(database, hook, expected):
    for risk, severity in zip(Risk, expected, strict=True):
        assert rated(database, WIDENED, region(hook, port=port_of(strangers=risk)))[0] == severity


def test_the_reasons_are_concrete(database):
    assert rated(database, WIDENED, region(port=3389)) == (
        Severity.CRITICAL, "the internet reaches 3389/tcp (Remote Desktop (RDP), risk critical)",
    )  # fmt: skip
    assert rated(database, WIDENED, region(peer=HOSTS, port=22)) == (
        Severity.LOW, "192.168.1.5 reaches 22/tcp (SSH, risk low)",
    )  # fmt: skip
    assert rated(database, WIDENED, region(Hook.FORWARD, peer=("10.0.0.0/8", "192.168.0.0/16"), port=23))[1] == (
        "10.0.0.0/8, 192.168.0.0/16 reach 23/tcp (Telnet, risk high) behind this machine"
    )
    assert rated(database, WIDENED, region(Hook.OUTPUT, port=445))[1] == (
        "this machine reaches 445/tcp (SMB file sharing, risk critical) on the internet"
    )


def test_packets_that_open_nothing_are_low(database):
    for states, said in ((((1, 1),), "established"), (((3, 4),), "invalid, untracked"), (((2, 2),), "related")):
        severity, why = rated(database, WIDENED, region(states=states))
        assert severity is Severity.LOW
        assert said in why
    severity, why = rated(database, WIDENED, region(port=23, TCP_FLAGS=((16, 16),)))
    assert (severity, "without a SYN" in why) == (Severity.LOW, True)
    assert rated(database, WIDENED, region(port=23, TCP_FLAGS=((2, 2),)))[0] is Severity.CRITICAL


def test_loopback_is_info(database):
    assert rated(database, WIDENED, region(port=23, over=[LOOPBACK]))[0] is Severity.INFO


def test_the_worst_region_counts(database):
    both = [region(port=443), region(port=23)]
    assert rated(database, WIDENED, *both) == rated(database, WIDENED, both[1])


# who is at the other end


@pytest.mark.parametrize(
    ("peer", "reach"),
    [
        ("0.0.0.0/0", Reach.INTERNET),
        ("11.0.0.0/8", Reach.INTERNET),
        ("11.0.0.0/9", Reach.WIDE),
        ("203.0.112.0/23", Reach.WIDE),
        ("203.0.113.0/24", Reach.NETWORK),
        ("10.0.0.0/8", Reach.NETWORK),
        ("10.0.0.0/28", Reach.HOSTS),
        ("203.0.113.5", Reach.HOSTS),
        ("169.254.0.0/16", Reach.LINK),
        ("0.0.0.0", Reach.LINK),
    ],
)
def test_reach_of_ipv4(peer, reach):
    assert other_end(region(peer=peer)).reach is reach
    assert other_end(region(Hook.OUTPUT, peer=peer)).reach is reach


@pytest.mark.parametrize(
    ("peer", "reach"),
    [
        ("::/0", Reach.INTERNET),
        ("2001::/16", Reach.INTERNET),
        ("2001:db8::/32", Reach.WIDE),
        ("2001:db8::/48", Reach.NETWORK),
        ("fd00::/8", Reach.NETWORK),
        ("2001:db8::1", Reach.HOSTS),
        (("fe80::/10", "::"), Reach.LINK),
    ],
)
def test_reach_of_ipv6(peer, reach):
    assert other_end(region(family=Family.IPV6, peer=peer)).reach is reach


@pytest.mark.parametrize(
    ("over", "reach", "text"),
    [
        ((LOOPBACK,), Reach.LOOPBACK, "the machine itself"),
        (("eth1",), Reach.WIDE, "whoever is behind eth1"),
        (("lan0", "wg*"), Reach.NETWORK, "whoever is behind lan0, wg*"),
        (("ppp0",), Reach.INTERNET, "the internet over ppp0"),
        ((LOOPBACK, "eth1"), Reach.WIDE, "whoever is behind loopback, eth1"),
    ],
)
def test_interfaces_that_are_named_limit_it(over, reach, text):
    end = other_end(region(over=over))
    assert (end.reach, end.text) == (reach, text)


def test_interfaces_that_are_excluded_limit_nothing():
    raw = RawBox(Hook.INPUT, Family.IPV4, {}, {Field.IN_INTERFACE: (Names(frozenset({"eth1"}), inverted=True),)})
    assert other_end(raw).reach is Reach.INTERNET


def test_many_networks_are_counted():
    peers = tuple(f"10.{n}.0.0/16" for n in range(0, 20, 2))
    assert other_end(region(peer=peers)).text == "10.0.0.0/16, 10.2.0.0/16 and 8 more networks"
    hosts = tuple(f"10.0.{n}.1" for n in range(5))
    assert other_end(region(peer=hosts)).text == "10.0.0.1, 10.0.1.1 and 3 more hosts"


# what is reached


@pytest.mark.parametrize(
    ("raw", "strangers", "lan", "text"),
    [
        (region(port=61000), "medium", "low", "61000/tcp (no known use, risk "),
        (region(port=(61000, 62500)), "high", "medium", "61000-62500/tcp (no known use, risk "),
        (region(port=(440, 450)), "critical", "medium", "440-450/tcp, among them 445/tcp (SMB file sharing, risk "),
        (region(), "critical", "critical", "every TCP port, among them "),
        (region(protocol=None), "critical", "critical", "every port and protocol, among them "),
        (region(protocol=47), "medium", "low", "the protocol gre (GRE, risk "),
        (region(protocol=200), "medium", "low", "the protocol 200 (no known use, risk "),
        (region(protocol=1), "medium", "low", "every ICMP type"),
        (region(protocol=1, icmp=5), "medium", "low", "ICMP type 5"),
        (region(protocol=1, icmp=8), "low", "low", "ICMP type 8 (risk low)"),
        (region(family=Family.IPV6, protocol=58, icmp=137), "medium", "low", "ICMPv6 type 137"),
        (region(family=Family.IPV6, protocol=58, icmp=135), "low", "low", "ICMPv6 type 135"),
        (region(family=Family.IPV6, protocol=1), "low", "low", "nothing that anybody sends"),
        # Part of a wide entry (RPC's dynamic ports) is no use of it; all of it is.
        (region(port=50000), "medium", "low", "50000/tcp (no known use"),
        (region(port=(49152, 65535)), "critical", "medium", "49152-65535/tcp (Microsoft RPC dynamic ports"),
    ],
)
def test_what_is_reached(database, raw, strangers, lan, text):
    one, other = exposed(raw, database, True), exposed(raw, database, False)
    assert (one.risk, other.risk) == (strangers, lan)
    assert one.text.startswith(text)


# narrowed


@pytest.mark.parametrize(
    ("raw", "severity", "text"),
    [
        (region(over=[LOOPBACK]), "high", "over the loopback interface"),
        (region(states=((1, 1),), port=80), "high", "every connection breaks"),
        (region(), "high", "every connection breaks"),
        (region(port=61000), "low", "no application that is known"),
        (region(family=Family.IPV6, protocol=58, icmp=135), "high", "neighbour discovery (ICMPv6 type 135)"),
        (region(family=Family.IPV6, protocol=58, icmp=135, peer="2001:db8::/32"), "low", "no type of ICMP"),
        (region(family=Family.IPV6, protocol=58, icmp=135, TTL=((0, 254),)), "low", "no type of ICMP"),
        (region(Hook.FORWARD, Family.IPV6, protocol=58, icmp=135), "low", "no type of ICMP"),
        (region(port=22), "high", "the internet no longer reaches 22/tcp (SSH access), and whoever administers"),
        (region(peer=HOSTS, port=3389), "high", "192.168.1.5 no longer reaches 3389/tcp (Remote Desktop host)"),
        (region(port=5986), "high", "locked out"),
        (region(Hook.FORWARD, port=22), "medium", "SSH access needs 22/tcp (SSH), which is blocked from the internet"),
        (region(Hook.OUTPUT, port=22), "low", "Backup of this host may use 22/tcp (SSH), which is blocked towards"),
        (region(protocol=1, icmp=3), "medium", "ICMP errors (type 3) are blocked"),
        (region(family=Family.IPV6, protocol=58, icmp=2), "medium", "ICMPv6 errors (type 2) are blocked"),
        (region(protocol=1, icmp=8), "low", "no type of ICMP"),
        (region(port=443), "medium", "Web server needs 443/tcp (HTTPS), which is blocked from the internet"),
        (region(Hook.OUTPUT, protocol=17, port=53), "medium", "towards the internet"),
        (
            region(port=1433, states=((0, 0),)),
            "low",
            "SQL database server may use 1433/tcp (Microsoft SQL Server), which",
        ),
        (region(port=1720, states=((0, 0),)), "medium", "H.323 endpoint or room video system needs 1720/tcp"),
        (region(port=1503, states=((0, 0),)), "low", "may use 1503/tcp"),
        (region(port=(33000, 34500), states=((0, 0),)), "medium", "1501 TCP ports are blocked"),
        (region(states=((2, 2),)), "medium", "what belongs to a connection is blocked"),
        (region(states=((2, 2),), port=5000), "low", "only packets that are related are blocked"),
        (region(states=((3, 3),)), "low", "only packets that are invalid are blocked"),
    ],
)
def test_narrowed(database, raw, severity, text):
    found, why = rated(database, NARROWED, raw)
    assert (found, text in why) == (severity, True), why


def test_addresses_are_said_as_in_the_regions(database):
    """Networks with what is missing from them, one that reaches; of long lists the rest is counted."""
    hole = subtract(address_set(("203.0.0.0/16",)).v4, address_set(("203.0.113.0/24",)).v4)
    raw = RawBox(
        Hook.INPUT, Family.IPV4, {Field.PROTOCOL: ((6, 6),), Field.DESTINATION_PORT: ((23, 23),), Field.SOURCE: hole}
    )
    region_said = region_words(ReadableBox(raw), database).ends
    why = rated(database, WIDENED, raw)[1]
    assert region_said == "from 203.0.0.0/16 except 203.0.113.0/24 to this machine"
    assert why.startswith("203.0.0.0/16 except 203.0.113.0/24 reaches 23/tcp")
    many = subtract(hole, normalize((n << 8, n << 8) for n in range(203 << 16, (203 << 16) + 90, 9)))
    assert other_end(replace(raw, integers={Field.SOURCE: many})).text == "203.0.0.0/16 except 11 networks"


def flags(*values):
    return tuple((each, each) for each in values)


@pytest.mark.parametrize(
    ("raw", "severity", "text"),
    [
        (region(port=22, states=((0, 0),), TCP_FLAGS=flags(16, 18)), "low", "only packets that are TCP without a SYN"),
        (region(states=((0, 0),), TCP_FLAGS=flags(1, 4, 16)), "low", "only packets that are TCP without a SYN"),
        (region(TCP_FLAGS=flags(0, 41)), "low", "only packets that are TCP without a SYN"),
        (region(port=22, TCP_FLAGS=flags(0, 2)), "high", "locked out"),
        (region(port=22, TCP_FLAGS=flags(16)), "high", "every connection breaks"),
        (region(TCP_FLAGS=flags(24)), "high", "every connection breaks"),
    ],
)
def test_packets_that_neither_open_nor_carry_a_connection_lock_nobody_out(database, raw, severity, text):
    found, why = rated(database, NARROWED, raw)
    assert (found, text in why) == (severity, True), why
    assert bool(breaks(NARROWED, Hook.INPUT, [ReadableBox(raw)], database)) is ("locked out" in why)


@pytest.mark.parametrize(
    ("raw", "severity", "text"),
    [
        (region(port=22), "medium", "the internet no longer reaches 22/tcp (SSH access), unless limit 5/second"),
        (region(), "medium", "packets of established connections are blocked, unless limit 5/second"),
        (region(over=[LOOPBACK]), "medium", "over the loopback interface, unless limit 5/second"),
        (region(port=443), "medium", "which is blocked from the internet, unless limit 5/second"),
        (region(port=61000), "low", "has a use for what is blocked, unless limit 5/second"),
    ],
)
def test_where_a_condition_decides_nobody_is_locked_out(database, raw, severity, text):
    limited = replace(raw, conditions={Condition("limit 5/second"): False})
    assert rated(database, NARROWED, raw)[0] in (severity, Severity.HIGH)
    found, why = rated(database, NARROWED, limited)
    assert (found, text in why) == (severity, True), why
    assert "locked out" not in why
    told = breaks(NARROWED, Hook.INPUT, [ReadableBox(limited)], database)
    assert all(", unless limit 5/second: " in each and "lock yourself out" not in each for each in told)
    held = replace(raw, conditions={Condition("fragment"): True, Condition("a"): False})
    assert rated(database, NARROWED, held)[1].endswith(", unless a and when fragment")


def test_other_kinds(database):
    raw = region(port=23)
    assert rated(database, Kind.CHANGED, raw, outcomes=("drop", "reject"))[0] is Severity.LOW
    assert "are told now" in rated(database, Kind.CHANGED, raw, outcomes=("drop", "reject"))[1]
    assert "no longer told" in rated(database, Kind.CHANGED, raw, outcomes=("reject", "drop"))[1]
    assert rated(database, Kind.RELOGGED, raw) == (Severity.INFO, "only the log differs")
    severity, why = rated(database, Kind.UNKNOWN, raw)
    assert (severity, "nobody can say" in why) == (Severity.HIGH, True)


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        (("accept", "accept with helper RAS"), "accepted as before, but with helper RAS"),
        (("accept with helper RAS", "accept"), "accepted as before, but no longer with helper RAS"),
        (("accept with a", "accept with b"), "accepted as before, but with b instead of with a"),
    ],
)
def test_treated(database, outcomes, text):
    assert rated(database, Kind.TREATED, region(port=1719), outcomes=outcomes) == (Severity.LOW, text)
    alone = rated(database, Kind.TREATED, region(port=1719, over=[LOOPBACK]), outcomes=outcomes)
    assert alone == (Severity.INFO, f"{text}, and only from the machine to itself")


def test_every_kind_has_a_severity(database):
    for kind in Kind:
        assert isinstance(rated(database, kind, region(port=23), outcomes=("accept", "drop"))[0], Severity)


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        (((0, 65535),), "every TCP port"),
        (((0, 21), (23, 79), (81, 65535)), "all TCP ports but 22 and 80"),
        (((0, 21), (23, 65535)), "all TCP ports but 22"),
        (((0, 1023), (2048, 65535)), "all TCP ports but 1024-2047"),
        (((0, 1), (3, 4), (6, 7), (9, 65535)), "all TCP ports but 2, 5 and 8"),
        (((22, 22), (80, 90)), "22,80-90/tcp"),
        (tuple((n, n) for n in range(10, 30, 2)), "10 TCP ports"),
    ],
)
def test_ports_are_said_the_short_way(ports, words):
    assert port_words(ports, "tcp") == words
