"""Witnesses in the language of flows, so that ``fwadvisor test RULES --flow "..."`` asks about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fwadvisor.model.address import Family, format_address
from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import PROFILES, AddressType, Condition, Field
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Hook, State, protocol_name
from fwadvisor.model.walk import Packet
from fwadvisor.packets.box_text import FLAGS
from fwadvisor.review.changes import ReviewedChange

#: What the language takes for granted where a flow does not say it.
_CLIENT_PORT, _SYN, _ACK = 40000, 2, 16
_WORD = re.compile(r"[^\s,\"]+")


def spelled(change: ReviewedChange) -> str:
    """The witness of a change as a flow, or "" where the language has no words for it."""
    packet = change.witness
    asked = {each for box in change.regions for each in box.raw.integers}
    conditions = dict.fromkeys(each for box in change.regions for each in box.raw.conditions)
    words = [*_ends(packet, asked), *_words(packet, asked), *_conditions(packet, conditions)]
    return "" if any(word is None for word in words) else " ".join(word for word in words if word)


def _ends(packet: Packet, asked: set[Field]) -> Iterator[str | None]:
    """``198.51.100.1 -> self:1720/tcp``; where rules ask for the machine's own address, that address and the hook."""
    ported = packet.protocol in WITH_PORTS
    own = {Hook.INPUT: Field.DESTINATION, Hook.OUTPUT: Field.SOURCE}.get(packet.hook)
    kind = {Hook.INPUT: Field.DESTINATION_TYPE, Hook.OUTPUT: Field.SOURCE_TYPE}.get(packet.hook)
    named = own is None or own in asked or kind in asked
    source = "self" if own is Field.SOURCE and not named else format_address(packet.source, packet.family)
    target = "self" if own is Field.DESTINATION and not named else format_address(packet.destination, packet.family)
    if ported:
        source = _with_port(source, packet.source_port) if packet.source_port != _CLIENT_PORT else source
        target = f"{_with_port(target, packet.destination_port)}/{protocol_name(packet.protocol)}"
    yield f"{source} -> {target}"
    if not ported:
        yield from _without_ports(packet)
    if named:
        yield packet.hook.value
    if packet.destination_type == AddressType.BROADCAST:
        yield "broadcast"


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if address.count(":") > 1 else f"{address}:{port}"


def _without_ports(packet: Packet) -> Iterator[str]:
    own = ICMP if packet.family is Family.IPV4 else ICMPV6
    if packet.protocol == own:
        yield f"{protocol_name(own)} {packet.icmp_type}/{packet.icmp_code}"
    else:
        yield f"protocol {packet.protocol}"
        yield f"ipv{packet.family.value}"


def _words(packet: Packet, asked: set[Field]) -> Iterator[str | None]:
    if packet.state is State.RELATED and packet.helper:
        yield f"related to {packet.helper}" if _WORD.fullmatch(packet.helper) else None
    elif packet.state is not State.NEW:
        yield packet.state.value
    for way, name in (("in", packet.in_interface), ("out", packet.out_interface)):
        if name:
            yield f"{way} {'lo' if name == LOOPBACK else name}" if _WORD.fullmatch(name) else None
    usual = _SYN if packet.state in (State.NEW, State.RELATED) else _ACK
    if packet.protocol == TCP and (packet.tcp_flags != usual or Field.TCP_FLAGS in asked):
        names = [name for bit, name in enumerate(FLAGS) if packet.tcp_flags >> bit & 1]
        yield f"flags {','.join(names) or 'none'}"
    numbers = {
        Field.MARK: ("mark", packet.mark), Field.CONNECTION_MARK: ("connection mark", packet.connection_mark),
        Field.TTL: ("ttl", packet.ttl), Field.LENGTH: ("length", packet.length), Field.DSCP: ("dscp", packet.dscp),
    }  # fmt: skip
    yield from (f"{word} {value}" for each, (word, value) in numbers.items() if each in asked)
    if Field.PROFILE in asked:
        yield f"profile {PROFILES[packet.profile]}"


def _conditions(packet: Packet, conditions: Iterable[Condition]) -> Iterator[str | None]:
    for each in conditions:
        word = "when" if each.name in packet.conditions else "unless"
        yield None if '"' in each.name else f'{word} "{each.name}"'
