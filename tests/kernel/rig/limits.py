"""What the rig cannot ask, and what the kernel itself decides: which packets never come to a hook, which refusals
nobody hears, and the state that connection tracking gives to the first packet of a flow.

Each entry was measured by sending with no rules loaded (`why_not`) and with everything rejected (`silent`).
"""

from __future__ import annotations

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Hook, State, Verdict
from fwadvisor.model.walk import Packet

from .frames import AH, is_multicast

_EVERYBODY = 0xFFFFFFFF
_MAPPED = 0xFFFF
#: IPv6 headers that are no protocol of their own: the number after them is what rules see.
_EXTENSION_HEADERS = frozenset({0, 43, 44, AH, 59, 60, 135, 139, 140})

#: What the kernel answers with an error of its own: echo, timestamp, information and mask; all else may be an error.
_ICMP_ANSWERABLE = frozenset({0, 8, 13, 14, 15, 16, 17, 18})
_ICMP_REQUESTS = frozenset({8, 13, 15, 17})
_ICMPV6_REQUESTS = frozenset({128, 139})
#: TCP flags that say nothing of the state: PSH, ECE, CWR; what may open a connection or belong to one that was
#: opened unseen: SYN, SYN and URG, ACK, ACK and URG.
_TCP_FREE, _TCP_OPENING = 0xC8, frozenset({0x02, 0x22, 0x10, 0x30})
_RST = 4
#: Newer kernels leave multicast router discovery (151, 152) untracked as well.
_ICMPV6_UNTRACKED = frozenset({130, 131, 132, 133, 134, 135, 136, 143})


def state_of(packet: Packet) -> State:
    """The state of a packet that belongs to no known connection."""
    if packet.protocol == TCP:
        return State.NEW if packet.tcp_flags & ~_TCP_FREE in _TCP_OPENING else State.INVALID
    if packet.protocol == (ICMP if packet.family is Family.IPV6 else ICMPV6):
        return State.INVALID  # of the other family
    if packet.protocol == ICMP:
        return State.NEW if packet.icmp_type in _ICMP_REQUESTS else State.INVALID
    if packet.protocol != ICMPV6 or packet.icmp_type in _ICMPV6_REQUESTS:
        return State.NEW
    return State.UNTRACKED if packet.icmp_type in _ICMPV6_UNTRACKED else State.INVALID


def why_not(packet: Packet) -> str:
    """Why the packet cannot be sent to its hook, or "" where it can."""
    if packet.family is Family.IPV4:
        return _why_not_sent4(packet) if packet.hook is Hook.OUTPUT else _why_not_received4(packet)
    if packet.protocol in _EXTENSION_HEADERS:
        return "the number is an extension header's, not a protocol's"
    return "" if packet.hook is Hook.OUTPUT else _why_not_received6(packet)


def _why_not_sent4(packet: Packet) -> str:
    return "0.0.0.0 as destination means the machine itself" if packet.destination == 0 else ""


def _why_not_received4(packet: Packet) -> str:
    source, destination = packet.source, packet.destination
    if destination == 0:
        return "0.0.0.0 is no destination"
    if is_multicast(Family.IPV4, source) or source == _EVERYBODY:
        return "a group or everybody is no source"
    if packet.hook is Hook.FORWARD and (is_multicast(Family.IPV4, destination) or destination == _EVERYBODY):
        return "groups and broadcasts are not forwarded"
    if source == 0 and destination != _EVERYBODY:
        return "0.0.0.0 is a source only of broadcasts"
    return ""


def _scope(address: int) -> int:
    return address >> 112 & 15


def _is_link_local(address: int) -> bool:
    return address >> 118 == 0x3FA


def _why_not_received6(packet: Packet) -> str:
    source, destination = packet.source, packet.destination
    on_wire = packet.in_interface != LOOPBACK
    if is_multicast(Family.IPV6, source):
        return "a group is no source"
    if on_wire and 1 in (source, destination):
        return "::1 never comes from a wire"
    if is_multicast(Family.IPV6, destination) and (_scope(destination) == 0 or (on_wire and _scope(destination) == 1)):
        return "groups of scope 0, and from a wire of scope 1, are not received"
    if packet.hook is Hook.FORWARD:
        if source == 0 or _is_link_local(source) or _is_link_local(destination):
            return "the unspecified address and link-local addresses are not forwarded"
        if is_multicast(Family.IPV6, destination):
            return "groups are not forwarded"
    return ""


def _is_broadcast(packet: Packet) -> bool:
    """Broadcasts: everybody, and where the box receives, those of the rig's own links and of loopback."""
    address = packet.destination
    if address == _EVERYBODY:
        return True
    own = address == 0x7FFFFFFF or (address >> 16 == 0xC612 and address & 0xFF == 0xFF)
    return own and (packet.hook is Hook.INPUT or packet.out_interface == LOOPBACK)


def _is_mapped(address: int) -> bool:
    return address >> 32 == _MAPPED


def silent(packet: Packet) -> str:
    """Why a refusal may go unheard when the packet is rejected, or "" where the sender always hears it.

    Some of the reasons hold for resets alone or for ICMP errors alone.
    """
    family, source, destination = packet.family, packet.source, packet.destination
    if is_multicast(family, destination) or source == 0:
        return "no answer for a group, or to nobody"
    if family is Family.IPV4 and (_is_broadcast(packet) or packet.source_type is AddressType.BROADCAST):
        return "no answer for a broadcast, or to one"
    if family is Family.IPV6 and is_multicast(family, source):
        return "no answer to a group"
    if packet.protocol == TCP and packet.tcp_flags & _RST:
        return "no reset for a reset"
    odd = destination == 0 or _is_mapped(source) or _is_mapped(destination)
    if family is Family.IPV6 and packet.protocol == TCP and odd:
        return "no reset between addresses that are no unicast addresses"
    if packet.protocol == ICMP and packet.icmp_type not in _ICMP_ANSWERABLE:
        return "no error about an error"
    if packet.protocol == ICMPV6 and packet.icmp_type < 128:
        return "no error about an error"
    return ""


def agree(expected: Verdict, seen: Verdict, packet: Packet) -> bool:
    """Whether a verdict that was seen is the one expected; an unheard refusal looks like a drop."""
    return seen is expected or (seen is Verdict.DROP and expected is Verdict.REJECT and bool(silent(packet)))
