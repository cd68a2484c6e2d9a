"""Probes as sentences, so that a test reads as one: ``input wan0 tcp 203.0.113.7 > 198.51.100.1:22``."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from fwadvisor.model.address import Family, format_address
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, LOOPBACK, PROTOCOL_NAMES, SCTP, TCP, UDP, Hook
from fwadvisor.model.walk import Packet

from .frames import UDPLITE
from .limits import state_of

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
_WITH_PORTS = (TCP, UDP, SCTP, DCCP, UDPLITE)
#: The source port where a sentence gives none.
EPHEMERAL = 40000


def _end(text: str, port: int) -> tuple[Family, int, int]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        number = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, number = text, ""
    else:
        host, _, number = text.partition(":")
    address = ip_address(host)
    return Family(address.version), int(address), int(number or port)


def probe(sentence: str) -> Packet:
    """The first packet of a new flow.

    ``input IN PROTOCOL SOURCE > DESTINATION``, ``output OUT ...``, ``forward IN OUT ...``. The protocol is a name
    or number, for ICMP with its type and code (``icmp/3/4``); an address is followed by ``:port``, IPv6 then in
    brackets; ``lo`` stands for the loopback interface.
    """
    words = sentence.split()
    hook = Hook(words[0])
    interfaces = [LOOPBACK if word == "lo" else word for word in words[1 : 3 if hook is Hook.FORWARD else 2]]
    protocol_word, source_word, arrow, destination_word = words[1 + len(interfaces) :]
    if arrow != ">":
        raise ValueError(f"no > in {sentence!r}")
    name, *detail = protocol_word.split("/")
    protocol = _NUMBERS[name] if name in _NUMBERS else int(name)
    family, source, source_port = _end(source_word, EPHEMERAL if protocol in _WITH_PORTS else 0)
    other, destination, destination_port = _end(destination_word, 0)
    if family is not other:
        raise ValueError(f"two families in {sentence!r}")
    echo = 8 if protocol == ICMP else 128
    kind = int(detail[0]) if detail else (echo if protocol in (ICMP, ICMPV6) else 0)
    packet = Packet(
        hook=hook,
        family=family,
        protocol=protocol,
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=destination_port,
        icmp_type=kind,
        icmp_code=int(detail[1]) if len(detail) > 1 else 0,
        in_interface=interfaces[0] if hook is not Hook.OUTPUT else "",
        out_interface=interfaces[-1] if hook is not Hook.INPUT else "",
    )
    return with_state(packet)


def with_state(packet: Packet) -> Packet:
    """The packet with the state that connection tracking gives to it as the first of a flow."""
    state = state_of(packet)
    return packet if packet.state is state else replace(packet, state=state)


def _ending(family: Family, address: int, port: int) -> str:
    text = format_address(address, family)
    if not port:
        return text
    return f"{text}:{port}" if family is Family.IPV4 else f"[{text}]:{port}"


def told(packet: Packet) -> str:
    """The packet as a sentence, with what of it is not ordinary."""
    detail = f"/{packet.icmp_type}/{packet.icmp_code}" if packet.protocol in (ICMP, ICMPV6) else ""
    names = [name for name in (packet.in_interface, packet.out_interface) if name]
    words = [
        packet.hook.value,
        *("lo" if name == LOOPBACK else name for name in names),
        PROTOCOL_NAMES.get(packet.protocol, str(packet.protocol)) + detail,
        _ending(packet.family, packet.source, packet.source_port),
        ">",
        _ending(packet.family, packet.destination, packet.destination_port),
        f"({AddressType(packet.source_type).name.lower()} > {AddressType(packet.destination_type).name.lower()}),",
        packet.state.value,
    ]
    for name in ("helper", "tcp_flags", "length", "dscp", "ttl", "mark", "connection_mark"):
        value = getattr(packet, name)
        if value:
            words.append(
                f"{name.replace('_', ' ')} {value:#x}" if "mark" in name or "flags" in name else f"{name} {value}"
            )
    return " ".join(words)
