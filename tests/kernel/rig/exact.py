"""Probes of which every field is as the kernel sees it, for rules that ask for any of them.

Here an address has one type (`address_type`): `box.OWN` and the addresses of the links are the box's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from ipaddress import ip_network

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, PORT_PROTOCOLS, TCP, Hook
from fwadvisor.model.walk import Packet

from . import frames
from .box import OWN, addresses
from .connections import KNOWN, why_unknown
from .limits import state_of, why_not

_OWN = {family: ip_network(network) for family, network in OWN.items()}
_FIRST, _LAST = ({family: int(network[end]) for family, network in _OWN.items()} for end in (0, -1))
_LOOPBACK_NETWORK, _EVERYBODY, _LOOPBACK_BROADCAST = 127, 0xFFFFFFFF, 0x7FFFFFFF
_LINK_LOCAL = 0x3FA
#: The longest packet that a link carries.
LONGEST = 1500
_WITH_PORTS = PORT_PROTOCOLS | {frames.UDPLITE}


@cache
def _link_addresses(family: Family, count: int) -> frozenset[int]:
    """The box's own addresses on so many links."""
    texts = [addresses(index, 1)[family is Family.IPV6] for index in range(count)]
    return frozenset(int(ip_network(text)[0]) for text in texts)


def _anycast(links: Sequence[str]) -> frozenset[int]:
    networks = (each >> 64 << 64 for each in _link_addresses(Family.IPV6, len(links)))
    return frozenset({_FIRST[Family.IPV6], _LINK_LOCAL << 118, 0xFF << 120, *networks})


def address_type(family: Family, address: int, links: Sequence[str]) -> AddressType:
    """What an address is to the box."""
    if frames.is_multicast(family, address):
        return AddressType.MULTICAST
    own = _link_addresses(family, len(links))
    if _FIRST[family] <= address <= _LAST[family] or address in own:
        return AddressType.LOCAL
    if family is Family.IPV6:
        return AddressType.LOCAL if address == 1 else AddressType.UNICAST
    broadcasts = {0, _EVERYBODY, _LOOPBACK_BROADCAST, *(each | 0xFF for each in own)}
    if address in broadcasts:
        return AddressType.BROADCAST
    return AddressType.LOCAL if address >> 24 == _LOOPBACK_NETWORK else AddressType.UNICAST


def exact(packet: Packet, links: Sequence[str]) -> Packet:
    """The packet with every field that follows from others, and none that its protocol does not have."""
    family, protocol = packet.family, packet.protocol
    ports = protocol in _WITH_PORTS
    icmp = protocol == (ICMP if family is Family.IPV4 else ICMPV6)
    known = packet.state in KNOWN
    tcp_flags = packet.tcp_flags if protocol == TCP else 0
    packet = replace(
        packet,
        source_port=packet.source_port if ports else 0,
        destination_port=packet.destination_port if ports else 0,
        icmp_type=packet.icmp_type if icmp else 0,
        icmp_code=packet.icmp_code if icmp else 0,
        tcp_flags=tcp_flags,
        helper=packet.helper if known else "",
        connection_mark=packet.connection_mark if known else 0,
        mark=packet.mark if packet.hook is Hook.OUTPUT else 0,
        source_type=address_type(family, packet.source, links),
        destination_type=address_type(family, packet.destination, links),
    )
    length = max(packet.length, frames.shortest(packet))
    state = packet.state if known else state_of(packet)
    return replace(packet, state=state, length=length) if (state, length) != (packet.state, packet.length) else packet


def why_not_exact(packet: Packet, links: Sequence[str]) -> str:
    """Why an exact packet cannot be sent to its hook, or "" where it can."""
    reason = why_not(packet) or (why_unknown(packet) if packet.state in KNOWN else "")
    if reason:
        return reason
    if packet.length > LONGEST:
        return "too long for the links"
    if packet.family is Family.IPV6 and not _anycast(links).isdisjoint((packet.source, packet.destination)):
        return "the first address of a link's or an own network means any router there (anycast)"
    if packet.family is Family.IPV6 and 0 in (packet.source, packet.destination):
        return "the unspecified address is of no type"
    if packet.hook is Hook.INPUT and packet.destination_type is AddressType.UNICAST:
        return "it is for another machine"
    if packet.hook is Hook.FORWARD:
        return _why_not_forwarded(packet)
    return _why_not_sent(packet, links) if packet.hook is Hook.OUTPUT else _why_not_received(packet)


def _why_not_received(packet: Packet) -> str:
    if packet.family is Family.IPV6 and packet.in_interface == LOOPBACK:
        if packet.destination_type is AddressType.MULTICAST:
            return "groups are not received on loopback"
        if packet.source >> 118 == _LINK_LOCAL:
            return "link-local addresses have a link"
    return ""


def _why_not_sent(packet: Packet, links: Sequence[str]) -> str:
    if packet.out_interface == LOOPBACK and packet.destination_type is not AddressType.LOCAL:
        return "only what is for the machine itself leaves by loopback"
    if packet.out_interface != LOOPBACK and packet.destination in _link_addresses(packet.family, len(links)):
        return "what is for an own address of a link leaves by loopback"
    if packet.source == 0:
        return "the kernel fills in a source"
    if packet.destination_type is AddressType.BROADCAST:
        return "broadcasts are sent as routing says"
    return ""


def _why_not_forwarded(packet: Packet) -> str:
    if packet.destination_type is not AddressType.UNICAST:
        return "it is not for another machine"
    if packet.source_type is not AddressType.UNICAST:
        return "the source is this machine, or none"
    return "" if 1 <= packet.ttl < 255 else "no packet with such a hop limit is forwarded"
