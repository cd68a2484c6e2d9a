"""Packets, and what decides them, in words."""

from __future__ import annotations

from fwadvisor.diagnostic import Span, printable
from fwadvisor.model.address import Family, format_address
from fwadvisor.model.evaluate import WITH_PORTS, Step
from fwadvisor.model.firewall import Firewall, FirewallRule
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, protocol_name
from fwadvisor.model.walk import Packet

#: The flags of RFC 9293 from the lowest bit.
_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
_SYN = 2


def decider(firewall: Firewall, step: Step | None) -> str:
    """What decides a packet: the rule with its place, or a default."""
    if step is None:
        return "accept: nothing asks about it"
    if isinstance(step.rule, FirewallRule):
        place = f"{step.rule.span.file}:{step.rule.span.line}"
        return printable(f"{place}: {step.rule.text}")
    base = next(each for each in firewall.bases if each.chain == step.chain)
    place = f"{base.span.file}:{base.span.line}: " if base.span else ""
    return printable(f"{place}the default of {step.chain}: {base.default}")


def flow(packet: Packet) -> str:
    """One packet in a line: ``tcp 203.0.113.5:40000 -> 192.0.2.1:1720, new, in eth0``."""
    family = packet.family
    source, destination = format_address(packet.source, family), format_address(packet.destination, family)
    words = protocol_name(packet.protocol)
    if packet.protocol in WITH_PORTS:
        form = "[{}]:{}" if family is Family.IPV6 else "{}:{}"
        source = form.format(source, packet.source_port)
        destination = form.format(destination, packet.destination_port)
    elif packet.protocol == (ICMP if family is Family.IPV4 else ICMPV6):
        words += f" type {packet.icmp_type} code {packet.icmp_code}"
    more = [str(packet.state) + (f" to {packet.helper}" if packet.helper else "")]
    more += [f"{way} {name}" for way, name in (("in", packet.in_interface), ("out", packet.out_interface)) if name]
    if packet.protocol == TCP and packet.tcp_flags != _SYN:
        flags = [name for bit, name in enumerate(_FLAGS) if packet.tcp_flags >> bit & 1]
        more.append(f"flags {','.join(flags) or 'none'}")
    more += [f"{name} {value:#x}" for name, value in (("mark", packet.mark),) if value]
    more += [f"where {name}" for name in sorted(packet.conditions)]
    return printable(f"{words} {source} -> {destination}, {', '.join(more)}")


def deciding_span(firewall: Firewall, step: Step | None) -> Span | None:
    """Where the rule or default stands that decides."""
    if step is None:
        return None
    if step.rule is not None:
        return step.rule.span
    return next(each for each in firewall.bases if each.chain == step.chain).span
