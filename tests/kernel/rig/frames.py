"""Packets as bytes and back: what is put on the wire for a probe, and which probe a packet belongs to.

The number of a probe travels in the IPv4 identification or the IPv6 flow label, which every protocol has and no
rule changes. For TCP the number is in the sequence numbers as well, because a reset shows nothing else of the packet
that it answers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

from fwadvisor.model.address import Family
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, Hook
from fwadvisor.model.walk import Packet

IGMP, GRE, ESP, AH, UDPLITE = 2, 47, 50, 51, 136
RST, ACK = 4, 16
#: The hop limit of a sentinel.
HOPS = 61
_SENTINEL_PROTOCOL = 253
_OUR_STATION = b"\x02\0\0\0\0\x01"
MAX_NUMBER = 0xFFFF

_V4_ERRORS = frozenset({3, 4, 5, 11, 12})
#: Bytes that follow the first four of the header, by ICMPv6 type: as long as the real message.
_V6_BODY = {130: 20, 131: 20, 132: 20, 133: 4, 134: 12, 135: 20, 136: 20, 137: 36, 143: 4}


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) >> 1}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """The checksum of SCTP (RFC 9260 appendix A)."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def pseudo_header(family: Family, source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What a transport checksum covers besides the packet."""
    if family is Family.IPV4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!II", length, protocol)


def _tcp(packet: Packet, number: int) -> bytes:
    """A reset tells one of the sequence numbers, plus the length of what it answers: ours is in the upper half."""
    ports, flags = (packet.source_port, packet.destination_port), packet.tcp_flags
    acknowledgement = number << 16 if flags & ACK else 0
    return struct.pack("!HHIIBBHHH", *ports, number << 16, acknowledgement, 0x50, flags, 64240, 0, 0)


def _sctp_init(packet: Packet, number: int, length: int) -> bytes:
    """A packet of that length, if it is long enough: what is not needed belongs to the chunk, as connection tracking
    reads chunk after chunk."""
    size = max(20, length - 12)
    chunk = struct.pack("!BBHIIHHI", 1, 0, size, number, 65536, 1, 1, number).ljust(size, b"\0")
    common = struct.pack("!HHI", packet.source_port, packet.destination_port, 0)
    return common + struct.pack("<I", crc32c(common + bytes(4) + chunk)) + chunk


def _stranger(packet: Packet) -> bytes:
    """The packet that an unasked ICMP error claims to be about: UDP, back from where the error goes."""
    about = Packet(
        hook=packet.hook,
        family=packet.family,
        protocol=UDP,
        source=packet.destination,
        destination=packet.source,
        source_port=40000,
        destination_port=40001,
    )
    return ip_packet(about, 0, struct.pack("!HHHH", 40000, 40001, 8, 0))


def _icmp(packet: Packet, number: int) -> bytes:
    head = struct.pack("!BBH", packet.icmp_type, packet.icmp_code, 0)
    if packet.protocol == ICMP:
        error, size = packet.icmp_type in _V4_ERRORS, 4
    else:
        error, size = packet.icmp_type < 128, _V6_BODY.get(packet.icmp_type, 4)
    if error:
        return head + bytes(4) + _stranger(packet)
    return head + struct.pack("!HH", number, 1).ljust(size, b"\0")


def _dccp_request(packet: Packet, number: int, length: int) -> bytes:
    """A request whose sum is right with the addresses, as the protocol has it, and without, as kernels that do not
    know the protocol sum it up to reject it: its checksum covers the header only, and two bytes of data do the rest.
    """
    family, width = packet.family, 4 if packet.family is Family.IPV4 else 16
    ports = packet.source_port, packet.destination_port
    head = struct.pack("!HHBBHBBHII", *ports, 5, 1, 0, 1, 0, 0, number, 0)
    data = bytes(max(4, length - len(head)))
    ends = packet.source.to_bytes(width), packet.destination.to_bytes(width)
    value = checksum(pseudo_header(family, *ends, DCCP, len(head) + len(data)) + head)
    head = head[:6] + value.to_bytes(2) + head[8:]
    pseudo = pseudo_header(family, *ends, DCCP, len(head) + len(data)) if family is Family.IPV6 else b""
    return head + checksum(pseudo + head + data).to_bytes(2) + data[2:]


#: Where a protocol has its checksum. One that the kernel does not know gets it as ICMP does: to reject a packet
#: the kernel first sums it up, whatever it is, and keeps silent where the sum is wrong.
_CHECKSUM_AT: dict[int, int | None] = {TCP: 16, UDP: 6, UDPLITE: 6}
_CHECKSUM_AT |= dict.fromkeys((DCCP, SCTP, GRE, ESP, AH))
_CHECKSUM_OF_OTHERS = 2
_WITH_PSEUDO_HEADER = frozenset({TCP, UDP, UDPLITE})


def transport(packet: Packet, number: int, length: int = 0) -> bytes:
    """The first packet of a new flow of the probe's protocol, without its checksum (SCTP and DCCP: with).

    It is as long as the protocol needs, SCTP and DCCP as long as `length` asks.
    """
    protocol, ports = packet.protocol, (packet.source_port, packet.destination_port)
    if protocol == TCP:
        return _tcp(packet, number)
    if protocol == UDP:
        return struct.pack("!HHHH", *ports, 8, 0)
    if protocol in (ICMP, ICMPV6):
        return _icmp(packet, number)
    if protocol == SCTP:
        return _sctp_init(packet, number, length)
    if protocol == GRE:
        return struct.pack("!HHI", 0, 0x0800, number)
    if protocol == UDPLITE:
        return struct.pack("!HHHH", *ports, 0, 0)
    if protocol == DCCP:
        return _dccp_request(packet, number, length)
    return struct.pack("!HHIII", 0, 0, number, number, number)


def _summed_udplite(family: Family, length: int) -> tuple[int, int]:
    """The protocol and length with which connection tracking sums up UDP-Lite.

    They are not those of RFC 3828; a probe has to be valid to connection tracking, and nobody else reads it.
    """
    return UDP, length & 0xFF if family is Family.IPV4 else length


def header_length(family: Family) -> int:
    """The length of an IP header without options."""
    return 20 if family is Family.IPV4 else 40


def ip_packet(packet: Packet, number: int, content: bytes) -> bytes:
    """`content` with its checksum filled in, behind an IP header as it arrives."""
    family, protocol = packet.family, packet.protocol
    length = len(content)
    # Forwarding takes one away before the rules see it.
    hops = packet.ttl + (packet.hook is Hook.FORWARD)
    width = 4 if family is Family.IPV4 else 16
    source, destination = packet.source.to_bytes(width), packet.destination.to_bytes(width)
    at = _CHECKSUM_AT.get(protocol, _CHECKSUM_OF_OTHERS)
    if at is not None:
        covers_addresses = family is Family.IPV6 or protocol in _WITH_PSEUDO_HEADER
        summed = (protocol, length) if protocol != UDPLITE else _summed_udplite(family, length)
        pseudo = pseudo_header(family, source, destination, *summed) if covers_addresses else b""
        value = checksum(pseudo + content) or (0xFFFF if protocol in (UDP, UDPLITE) else 0)
        content = content[:at] + value.to_bytes(2) + content[at + 2 :]
    if family is Family.IPV6:
        first = 0x60000000 | packet.dscp << 22 | number
        return struct.pack("!IHBB", first, length, protocol, hops) + source + destination + content
    first = 0x45, packet.dscp << 2
    head = struct.pack("!BBHHHBBH", *first, length + 20, number, 0, hops, protocol, 0) + source + destination
    return head[:10] + checksum(head).to_bytes(2) + head[12:] + content


def shortest(packet: Packet) -> int:
    """The length of the shortest packet that `probe` makes of a packet."""
    return header_length(packet.family) + len(transport(packet, 0))


def probe(packet: Packet, number: int) -> bytes:
    """The whole packet for a probe: as long as it says, or where its protocol needs more, the shortest one."""
    length = packet.length - header_length(packet.family)
    content = transport(packet, number, length).ljust(length, b"\0")
    if packet.protocol == UDP:
        content = content[:4] + len(content).to_bytes(2) + content[6:]
    return ip_packet(packet, number, content)


def sentinel(number: int) -> bytes:
    """A packet that the witness sees before any rule."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, number, 0, HOPS, _SENTINEL_PROTOCOL, 0, bytes(4), bytes(4))
    return head[:10] + checksum(head).to_bytes(2) + head[12:]


def number_of(data: bytes) -> tuple[Family, int]:
    """The number that a packet carries; it is ours only if the `print_of` it is known too."""
    if data[0] >> 4 == 4:
        return Family.IPV4, data[4] << 8 | data[5]
    return Family.IPV6, (data[1] & 15) << 16 | data[2] << 8 | data[3]


def print_of(data: bytes) -> bytes:
    """What a probe and no answer to it has: protocol, destination and the first bytes behind it (a port, or a type).

    The source is left out: the kernel fills it in where a packet that it sends has none.
    """
    if data[0] >> 4 == 4:
        return data[9:10] + data[16:22]
    return data[6:7] + data[24:42]


def answered(data: bytes) -> tuple[Family, int, str] | None:
    """The probe that a refusal (a reset or an ICMP error) answers, and the kind of the refusal."""
    if data[0] >> 4 == 4:
        family, protocol, at = Family.IPV4, data[9], (data[0] & 15) * 4
    else:
        family, protocol, at = Family.IPV6, data[6], 40
    if protocol == TCP and len(data) >= at + 14 and data[at + 13] & RST:
        sequence, acknowledgement = struct.unpack_from("!II", data, at + 4)
        return family, (acknowledgement if data[at + 13] & ACK else sequence) >> 16, "tcp-reset"
    if protocol not in (ICMP, ICMPV6) or len(data) < at + 28:
        return None
    if data[at] != (3 if protocol == ICMP else 1):
        return None
    about = number_of(data[at + 8 :])
    return *about, f"icmp{'' if protocol == ICMP else 'v6'} {data[at]}/{data[at + 1]}"


def ethernet(station: bytes, family: Family, address: int) -> bytes:
    """The link header for a packet to `address`: to the station, or to the address's group."""
    if family is Family.IPV6:
        to = b"\x33\x33" + (address & 0xFFFFFFFF).to_bytes(4) if is_multicast(family, address) else station
        return to + _OUR_STATION + b"\x86\xdd"
    if is_multicast(family, address):
        station = b"\x01\x00\x5e" + (address & 0x7FFFFF).to_bytes(3)
    elif address == 0xFFFFFFFF:
        station = b"\xff" * 6
    return station + _OUR_STATION + b"\x08\x00"


def is_multicast(family: Family, address: int) -> bool:
    """Whether an address is a group."""
    return address >> 28 == 14 if family is Family.IPV4 else address >> 120 == 0xFF


def texts(packets: Iterable[Packet]) -> str:
    """Packets for a failure message, one a line."""
    from fwadvisor.model.address import format_address

    return "\n".join(
        f"  {p.hook} IPv{p.family} protocol {p.protocol} {format_address(p.source, p.family)}:{p.source_port}"
        f" -> {format_address(p.destination, p.family)}:{p.destination_port}"
        f" icmp {p.icmp_type}/{p.icmp_code} in={p.in_interface or '-'} out={p.out_interface or '-'} {p.state}"
        for p in packets
    )
