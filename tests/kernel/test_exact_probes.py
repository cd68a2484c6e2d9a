"""Exact probes prove themselves: rules that ask for one field accept exactly the packets that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest
from rig import Rig, RigError, probe
from rig.exact import exact, why_not_exact
from rig.random_text import PROTOCOLS
from rig.sentence import told

from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMPV6, UDP, Hook, State, Verdict
from fwadvisor.model.walk import Packet

LINKS = ("wan0", "lan0")
WAYS = ("input wan0", "input lo", "forward wan0 lan0", "output wan0", "output lo")
ENDS = {
    "input": (("203.0.113.7", "198.51.100.1"), ("2001:db8::7", "2001:db8:f::1")),
    "forward": (("203.0.113.7", "192.0.2.9"), ("2001:db8::7", "2001:db8:5::9")),
    "output": (("198.51.100.1", "203.0.113.7"), ("2001:db8:f::1", "2001:db8::7")),
    "output lo": (("198.51.100.1", "198.51.100.2"), ("2001:db8:f::1", "2001:db8:f::2")),
}


def ordinary(protocol: str = "tcp") -> Iterator[Packet]:
    """A packet for each way and family."""
    for way in WAYS:
        for source, destination in ENDS.get(way, ENDS[way.split()[0]]):
            made = probe(f"{way} {protocol} {source} > {destination}")
            yield replace(made, source_port=40000, destination_port=443)


def accepted(rig: Rig, body: str, packets: list[Packet]) -> set[Packet]:
    chains = "".join(
        f"chain {hook} {{ type filter hook {hook} priority 0; policy drop;\n{body} accept\n}}\n" for hook in Hook
    )
    rig.clear()
    rig.load_nftables(f"table inet hand {{\n{chains}}}\n")
    verdicts = rig.verdicts(packets, exact=True)
    return {packet for packet, verdict in zip(packets, verdicts, strict=True) if verdict is Verdict.ACCEPT}


def lines(packets: set[Packet]) -> str:
    return "\n".join(sorted(map(told, packets)))


@pytest.mark.parametrize(
    ("name", "rule", "values"),
    [
        ("length", "meta length {}", (60, 61, 100, 575, 576, 1499, 1500)),
        ("mark", "meta mark {}", (0, 1, 0x80000000, 2**32 - 1)),
        ("destination_port", "tcp dport {}", (0, 1, 65535)),
    ],
)
def test_numbers(rig: Rig, name: str, rule: str, values: tuple[int, ...]) -> None:
    packets = [exact(replace(packet, **{name: value}), LINKS) for packet in ordinary() for value in values]
    for value in values:
        expected = {packet for packet in packets if getattr(packet, name) == value}
        assert lines(accepted(rig, rule.format(value), packets)) == lines(expected)


@pytest.mark.parametrize(
    ("name", "v4", "v6", "values"),
    [
        ("dscp", "ip dscp {}", "ip6 dscp {}", (0, 1, 46, 62, 63)),
        ("ttl", "ip ttl {}", "ip6 hoplimit {}", (1, 2, 63, 64, 65, 254)),
    ],
)
def test_header_fields(rig: Rig, name: str, v4: str, v6: str, values: tuple[int, ...]) -> None:
    packets = [exact(replace(packet, **{name: value}), LINKS) for packet in ordinary("udp") for value in values]
    for value in values:
        expected = {packet for packet in packets if getattr(packet, name) == value}
        body = f"{v4.format(value)} accept\n{v6.format(value)}"
        assert lines(accepted(rig, body, packets)) == lines(expected)


def test_tcp_flags_and_the_state_that_they_make(rig: Rig) -> None:
    packets = [exact(replace(packet, tcp_flags=flags), LINKS) for packet in ordinary() for flags in range(256)]
    for bit in range(8):
        expected = {packet for packet in packets if packet.tcp_flags >> bit & 1}
        assert accepted(rig, f"tcp flags & {1 << bit} != 0", packets) == expected
    for state in State:
        expected = {packet for packet in packets if packet.state is state}
        assert lines(accepted(rig, f"ct state {state}", packets)) == lines(expected)


def of_connections() -> Iterator[Packet]:
    for protocol in ("tcp", "udp"):
        for number, packet in enumerate(ordinary(protocol)):
            for state in (State.NEW, State.ESTABLISHED, State.RELATED):
                for mark, helper in ((0, ""), (5, ""), (5, "ftp")):
                    port = 1000 + 20 * number + 7 * list(State).index(state) + mark + len(helper)
                    yield exact(
                        replace(packet, state=state, connection_mark=mark, helper=helper, destination_port=port,
                                tcp_flags=2 if state is State.NEW else 16),
                        LINKS,
                    )  # fmt: skip


def test_connections_are_known_before(rig: Rig) -> None:
    packets = list(of_connections())
    for rule, holds in CONNECTION_RULES.items():
        assert lines(accepted(rig, rule, packets)) == lines({packet for packet in packets if holds(packet)})


CONNECTION_RULES: dict[str, Callable[[Packet], bool]] = {
    "ct state new": lambda packet: packet.state is State.NEW,
    "ct state established": lambda packet: packet.state is State.ESTABLISHED,
    "ct state related": lambda packet: packet.state is State.RELATED,
    "ct mark 5": lambda packet: packet.connection_mark == 5,
    'ct helper "ftp"': lambda packet: packet.helper == "ftp",
}

ADDRESSES = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "126.255.255.255", "127.0.0.1", "127.255.255.254", "127.255.255.255", "128.0.0.0",
    "198.18.0.1", "198.18.0.2", "198.18.0.255", "198.18.1.1", "198.18.1.255", "198.18.2.255", "198.51.99.255",
    "198.51.100.0", "198.51.100.255", "198.51.101.0", "223.255.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.0",
    "255.255.255.254", "255.255.255.255", "::", "::1", "::2", "2001:2::1", "2001:2::2", "2001:2:0:1::1", "2001:2:0:1::",
    "2001:db8:e:ffff:ffff:ffff:ffff:ffff", "2001:db8:f::", "2001:db8:f::1", "2001:db8:f:0:ffff:ffff:ffff:ffff",
    "2001:db8:f:1::", "fd00::1", "fe80::", "fe80::5", "fec0::1", "ff00::", "ff02::1", "ff02::2", "ff02::fb", "ff0e::1",
]  # fmt: skip


def test_each_address_has_its_type_or_is_listed(rig: Rig) -> None:
    packets = [
        exact(replace(packet, **{end: int(address)}), LINKS)
        for packet in ordinary("udp")
        for address in map(ip_address, ADDRESSES)
        if address.version == packet.family
        for end in ("source", "destination")
    ]
    possible = [packet for packet in packets if not why_not_exact(packet, LINKS)]
    assert len(possible) > len(packets) / 2
    for kind in AddressType:
        for end, name in (("saddr", "source_type"), ("daddr", "destination_type")):
            expected = {packet for packet in possible if getattr(packet, name) is kind}
            assert expected or (end, kind) == ("saddr", AddressType.MULTICAST)
            assert lines(accepted(rig, f"fib {end} type {kind.name.lower()}", possible)) == lines(expected)


def test_every_protocol_is_new_and_can_be_refused_at_any_length(rig: Rig) -> None:
    random = Random(1)
    packets = [
        exact(replace(packet, source_port=random.randint(0, 65535), destination_port=random.randint(0, 65535),
                      length=length), LINKS)
        for name in PROTOCOLS
        for packet in ordinary(name)
        for length in (60, 61, 99, 100, 275, 276, 277, 1399, 1400, 1499, 1500)
    ]  # fmt: skip
    assert accepted(rig, "ct state new", packets) == set(packets)
    rig.clear()
    chains = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; reject\n}}\n" for hook in Hook)
    rig.load_nftables(f"table inet hand {{\n{chains}}}\n")
    assert set(rig.verdicts(packets, exact=True)) == {Verdict.REJECT}


def test_an_exact_packet_that_is_not_possible_is_an_error_and_no_verdict(rig: Rig) -> None:
    elsewhere = exact(probe("input wan0 udp 203.0.113.7 > 192.0.2.9:5"), LINKS)
    assert why_not_exact(elsewhere, LINKS)
    with pytest.raises(RigError, match="instead"):
        rig.verdicts([elsewhere], exact=True)


def test_what_follows_from_other_fields_is_filled_in() -> None:
    packet = exact(
        replace(probe("input wan0 icmpv6/135 2001:db8::7 > ff02::fb"), mark=5, tcp_flags=16, length=0), LINKS
    )
    assert (packet.state, packet.mark, packet.tcp_flags, packet.protocol) == (State.UNTRACKED, 0, 0, ICMPV6)
    assert (packet.source_type, packet.destination_type) == (AddressType.UNICAST, AddressType.MULTICAST)
    assert packet.length == 64
    assert exact(probe("output wan0 udp 198.51.100.1 > 203.0.113.7:5"), LINKS).protocol == UDP
