"""Connections that the box already knows, so that a probe belongs to one: messages for its connection tracking.

The probe is a packet of the direction that opened the connection. Where its state is related, or it has a helper, the
connection was expected by another one, whose helper that is.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence

from fwadvisor.model.address import Family
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, State
from fwadvisor.model.walk import Packet

from .box import BOX
from .places import Places

#: States of packets that belong to a connection.
KNOWN = frozenset({State.ESTABLISHED, State.RELATED})
FLUSH = struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0)
_NETLINK_NETFILTER = 12

_NEW, _REQUEST_ACK_CREATE_EXCLUSIVE = 1 << 8 | 0, 0x1 | 0x4 | 0x400 | 0x200
_NESTED = 0x8000
_ORIGINAL, _REPLY, _STATUS, _PROTOCOL_STATE, _HELPER, _TIMEOUT, _MARK, _MASTER = 1, 2, 3, 4, 5, 7, 8, 14
_SEEN_REPLY, _ASSURED, _CONFIRMED = 2, 4, 8
_TCP_ESTABLISHED, _LIBERAL = 3, b"\x08\x08"
_INET = {Family.IPV4: 2, Family.IPV6: 10}
#: The port of the connections that expect others.
_MASTER_PORT = 21

Ends = tuple[int, int, int, int]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _nest(kind: int, *inside: bytes) -> bytes:
    return _attribute(kind | _NESTED, b"".join(inside))


def _tuple(kind: int, family: Family, protocol: int, ends: Ends) -> bytes:
    """Addresses and ports of one direction."""
    source, destination, source_port, destination_port = ends
    first, width = (1, 4) if family is Family.IPV4 else (3, 16)
    ports = _attribute(2, source_port.to_bytes(2)) + _attribute(3, destination_port.to_bytes(2))
    return _nest(
        kind,
        _nest(1, _attribute(first, source.to_bytes(width)), _attribute(first + 1, destination.to_bytes(width))),
        _nest(2, _attribute(1, bytes([protocol])), ports),
    )


def _message(family: Family, *attributes: bytes) -> bytes:
    body = struct.pack("!BBH", _INET[family], 0, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), _NEW, _REQUEST_ACK_CREATE_EXCLUSIVE, 1, 0) + body


def _connection(family: Family, protocol: int, ends: Ends, status: int, *more: bytes) -> bytes:
    source, destination, source_port, destination_port = ends
    if protocol == TCP:
        state = _nest(1, _attribute(1, bytes([_TCP_ESTABLISHED])), _attribute(4, _LIBERAL), _attribute(5, _LIBERAL))
        more = (_nest(_PROTOCOL_STATE, state), *more)
    return _message(
        family,
        _tuple(_ORIGINAL, family, protocol, ends),
        _tuple(_REPLY, family, protocol, (destination, source, destination_port, source_port)),
        _attribute(_STATUS, (status | _CONFIRMED).to_bytes(4)),
        _attribute(_TIMEOUT, (60).to_bytes(4)),
        *more,
    )


def _messages(packet: Packet, number: int) -> Iterator[bytes]:
    """What makes the connection of one probe known; `number` is another one for each."""
    family, protocol = packet.family, packet.protocol
    ends = (packet.source, packet.destination, packet.source_port, packet.destination_port)
    mark = _attribute(_MARK, packet.connection_mark.to_bytes(4))
    status = _SEEN_REPLY | _ASSURED if packet.state is State.ESTABLISHED else 0
    if status and not packet.helper:
        yield _connection(family, protocol, ends, status, mark)
        return
    master = (packet.source, packet.destination, 1024 + number, _MASTER_PORT)
    helper = [_nest(_HELPER, _attribute(1, packet.helper.encode() + b"\0"))] if packet.helper else []
    yield _connection(family, TCP, master, _SEEN_REPLY | _ASSURED, *helper)
    yield _connection(family, protocol, ends, status, mark, _tuple(_MASTER, family, TCP, master))


def tell(places: Places, messages: Sequence[bytes]) -> None:
    """Send messages to the connection tracking of the box.

    Raises:
        OSError: the kernel refuses one.
    """
    places.socket(BOX, socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER, first=messages).close()


def known(packets: Sequence[Packet]) -> list[bytes]:
    """What makes the connections of all these probes known; their `same_connection` has to differ."""
    return [message for number, packet in enumerate(packets) for message in _messages(packet, number)]


def same_connection(packet: Packet) -> object:
    """Equal for packets of one connection."""
    ends = frozenset({(packet.source, packet.source_port), (packet.destination, packet.destination_port)})
    return packet.family, packet.protocol, ends


def why_unknown(packet: Packet) -> str:
    """Why no connection can be made of which the packet is, or "" where one can."""
    if packet.protocol in (ICMP, ICMPV6):
        return "a message belongs to a connection by more than its type"
    if packet.protocol not in (TCP, UDP):
        return "only TCP and UDP connections are made"
    if packet.protocol == TCP and packet.tcp_flags not in (0x10, 0x18):
        return "these flags do not belong in the middle of a connection"
    if (packet.source, packet.source_port) == (packet.destination, packet.destination_port):
        return "nobody tells the directions of a connection with itself apart"
    if packet.destination_port == _MASTER_PORT or packet.source_port == _MASTER_PORT:
        return "the port of connections that expect others"
    return ""
