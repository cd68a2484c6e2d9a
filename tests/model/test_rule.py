"""What a match may hold, and what a ruleset means."""

import pytest

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    State,
    Verdict,
)
from fwadvisor.model.walk import Packet, decide

V4 = AddressSet(v4=((10, 19),))
V6 = AddressSet(v6=((10, 19),))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"destination_ports": ((80, 80),)}, "ports need protocols"),
        ({"protocols": (TCP, ICMP), "source_ports": ((80, 80),)}, "ports need protocols"),
        ({"protocols": (TCP,), "destination_ports": ()}, "cannot be empty"),
        ({"icmp": (IcmpType(8),)}, "ICMP types need"),
        ({"protocols": (ICMP, ICMPV6), "icmp": (IcmpType(8),)}, "ICMP types need"),
        ({"helpers": ("ftp",)}, "narrow state related"),
        ({"source": V4, "destination": V6}, "no address family"),
        ({"source": V4, "family": Family.IPV6}, "no address family"),
        ({"source": V6, "protocols": (ICMP,)}, "no address family"),
    ],
)
def test_fields_that_cannot_stand_together(fields, problem):
    with pytest.raises(ValueError, match=problem):
        Match(**fields)


def test_families_follow_from_every_field():
    assert Match().families() == (Family.IPV4, Family.IPV6)
    assert Match(source=V4).families() == (Family.IPV4,)
    assert Match(protocols=(ICMPV6,)).families() == (Family.IPV6,)


def rule(match, verdict=Verdict.ACCEPT):
    return Rule(match, verdict, Origin(kind=OriginKind.NEED, text="test"))


def packet(**fields):
    known = {"hook": Hook.INPUT, "family": Family.IPV4, "protocol": TCP, "source": 15, "destination": 1}
    return Packet(**(known | fields))


MATCHES = [
    (Match(), {}, {}),
    (Match(protocols=(TCP,)), {}, {"protocol": UDP}),
    (Match(source=V4), {"source": 19}, {"source": 20}),
    (Match(source=V4), {"source": 10}, {"family": Family.IPV6}),
    (Match(destination=V4), {"destination": 10}, {"destination": 9}),
    (Match(protocols=(TCP,), destination_ports=((5, 9),)), {"destination_port": 9}, {"destination_port": 10}),
    (Match(protocols=(TCP,), source_ports=((5, 9),)), {"source_port": 5}, {"source_port": 4}),
    (
        Match(protocols=(ICMP,), icmp=(IcmpType(3, 4),)),
        {"protocol": ICMP, "icmp_type": 3, "icmp_code": 4},
        {"protocol": ICMP, "icmp_type": 3, "icmp_code": 3},
    ),
    (
        Match(protocols=(ICMP,), icmp=(IcmpType(3),)),
        {"protocol": ICMP, "icmp_type": 3, "icmp_code": 9},
        {"protocol": ICMP, "icmp_type": 8},
    ),
    (Match(in_interfaces=("eth0",)), {"in_interface": "eth0"}, {"in_interface": "eth1"}),
    (Match(out_interfaces=("eth0",)), {"out_interface": "eth0"}, {"out_interface": ""}),
    (Match(states=(State.NEW,)), {}, {"state": State.ESTABLISHED}),
    (
        Match(states=(State.RELATED,), helpers=("H.245",)),
        {"state": State.RELATED, "helper": "H.245"},
        {"state": State.RELATED, "helper": "ftp"},
    ),
]


@pytest.mark.parametrize(("match", "inside", "outside"), MATCHES)
def test_every_field_decides(match, inside, outside):
    ruleset = Ruleset(name="t", chains=(Chain(Hook.INPUT, (rule(match),), Verdict.DROP),))
    assert decide(ruleset, packet(**inside)).verdict is Verdict.ACCEPT
    if outside:
        assert decide(ruleset, packet(**outside)).verdict is Verdict.DROP


def test_first_match_decides_and_default_ends():
    first, second = rule(Match(source=V4), Verdict.REJECT), rule(Match())
    ruleset = Ruleset(name="t", chains=(Chain(Hook.INPUT, (first, second), Verdict.DROP),))
    assert decide(ruleset, packet()).rule is first
    assert decide(ruleset, packet(source=50)).rule is second
    empty = Ruleset(name="t", chains=(Chain(Hook.INPUT, (), Verdict.DROP),))
    assert decide(empty, packet()).rule is None
    with pytest.raises(KeyError):
        decide(empty, packet(hook=Hook.FORWARD))
