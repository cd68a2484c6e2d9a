"""Conditions of iptables rules: everything of a match but its addresses, as the words of one or more lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from fwadvisor.dialects.base import slug
from fwadvisor.model.address import Family
from fwadvisor.model.interval import PORTS, Intervals, format_ports
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, LOOPBACK, SCTP, TCP, UDP, Match

#: A multiport list holds 15 numbers; a range takes two.
_SLOTS = 15
_MULTIPORT = "-m multiport"
#: What single ports are matched with.
_PORT_MODULES = {TCP: "-m tcp", UDP: "-m udp", SCTP: "-m sctp", DCCP: "-m dccp"}
_WORDS = {ICMP: "icmp", ICMPV6: "ipv6-icmp", TCP: "tcp", UDP: "udp", SCTP: "sctp"}
#: ``--icmp-type 255`` would mean any type.
_ANY_ICMP = 255


@dataclass(frozen=True, slots=True)
class Condition:
    """The words of one line, and the protocol that they ask for (None: any)."""

    words: tuple[str, ...]
    protocol: int | None = None


def protocol_words(number: int) -> str:
    """The option that matches a protocol; zero would mean any and has to be read from the header."""
    return '-m u32 --u32 "6&0xFF=0"' if number == 0 else f"-p {_WORDS.get(number, number)}"


def conditions(match: Match, family: Family) -> Iterator[Condition]:
    """Lines that together match what `match` does in `family`, but for the addresses."""
    outer = product(_interfaces("-i", match.in_interfaces), _interfaces("-o", match.out_interfaces))
    states = f"-m conntrack --ctstate {','.join(match.states).upper()}" if match.states else ""
    helpers = [f'-m helper --helper "{slug(name, 29)}"' for name in match.helpers] or [""]
    upper = list(_upper(match, family))
    for interfaces in outer:
        for each in upper:
            for helper in helpers:
                words = (*interfaces, *each.words, states, helper)
                yield Condition(tuple(word for word in words if word), each.protocol)


def _interfaces(option: str, names: tuple[str, ...]) -> list[str]:
    return [f"{option} {'lo' if name == LOOPBACK else slug(name, 15)}" for name in names] or [""]


def _upper(match: Match, family: Family) -> Iterator[Condition]:
    if not match.protocols:
        yield Condition(())
    if match.icmp:
        option = "--icmp-type" if match.protocols == (ICMP,) else "--icmpv6-type"
        for each in dict.fromkeys(match.icmp):
            if each.type != _ANY_ICMP:
                kind = str(each.type) if each.code is None else f"{each.type}/{each.code}"
                yield Condition((protocol_words(match.protocols[0]), f"{option} {kind}"), match.protocols[0])
        return
    for protocol in match.protocols:
        if protocol == 0 and family is Family.IPV6:
            continue  # There it is a header on the way to the protocol, never the protocol.
        destinations = list(port_words(match.destination_ports, "d", protocol))
        # The legacy variant takes one multiport match in a line.
        alone = _is_multiport(destinations[0])
        for source in port_words(match.source_ports, "s", protocol, alone=alone):
            for destination in destinations:
                # After multiport the legacy variant would take --dport for short for --dports.
                words = (protocol_words(protocol), *sorted((destination, source), key=_is_multiport))
                yield Condition(tuple(word for word in words if word), protocol)


def _is_multiport(words: str) -> bool:
    return words.startswith(_MULTIPORT)


def port_words(ports: Intervals | None, side: str, protocol: int, *, alone: bool = False) -> Iterator[str]:
    """The options that match some ports: one port or range by itself, more in lists of 15 numbers.

    With `alone` each port or range has options of its own.
    """
    if ports is None or ports == PORTS:
        yield ""
    elif alone or (len(ports) == 1 and protocol in (TCP, UDP)):
        module = _PORT_MODULES[protocol]
        yield from (f"{module} --{side}port {format_ports((each,), dash=':')}" for each in ports)
    else:
        for chunk in _chunks(ports):
            yield f"{_MULTIPORT} --{side}ports {format_ports(chunk, dash=':')}"


def _chunks(ports: Intervals) -> Iterator[Intervals]:
    chunk: list[tuple[int, int]] = []
    slots = 0
    for first, last in ports:
        wanted = 1 if first == last else 2
        if slots + wanted > _SLOTS:
            yield tuple(chunk)
            chunk, slots = [], 0
        chunk.append((first, last))
        slots += wanted
    if chunk:
        yield tuple(chunk)
