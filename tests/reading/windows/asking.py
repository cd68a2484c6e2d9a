"""Packets in words, and what a firewall does with them; errors and warnings in words."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows import read
from fwadvisor.errors import ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import PROFILES, Firewall
from fwadvisor.model.rule import ICMP, ICMPV6, Hook, Verdict
from fwadvisor.model.walk import Packet

_PROTOCOLS = {"tcp": 6, "udp": 17, "gre": 47, "sctp": 132}


def packet(text: str) -> Packet:
    """``in tcp 192.0.2.1:5000 > 10.0.0.1:80 profile=domain interface=Ethernet if=program x``: a packet in words.

    ICMP is ``icmp 8:0``; what `given` names after ``if=`` are conditions that hold, with ``+`` between them.
    """
    direction, protocol, rest = text.split(" ", 2)
    rest, _, conditions = rest.partition(" if=")
    icmp = (0, 0)
    if protocol == "icmp":
        kind, rest = rest.split(" ", 1)
        icmp = tuple(map(int, kind.split(":")))  # type: ignore[assignment]
    source, _, destination, *options = rest.split(" ")
    named = dict(option.split("=") for option in options)
    (source, source_port), (destination, destination_port) = _end(source), _end(destination)
    family = Family(ip_address(source).version)
    number = (ICMP if family is Family.IPV4 else ICMPV6) if protocol == "icmp" else _PROTOCOLS[protocol]
    inbound = direction == "in"
    return Packet(
        hook=Hook.INPUT if inbound else Hook.OUTPUT,
        family=family,
        protocol=number,
        source=int(ip_address(source)),
        destination=int(ip_address(destination)),
        source_port=source_port,
        destination_port=destination_port,
        icmp_type=icmp[0],
        icmp_code=icmp[1],
        in_interface=named.get("interface", "Ethernet") if inbound else "",
        out_interface="" if inbound else named.get("interface", "Ethernet"),
        profile=PROFILES.index(named.get("profile", "public")),
        conditions=frozenset(conditions.split("+")) if conditions else frozenset(),
    )


def _end(text: str) -> tuple[str, int]:
    """``192.0.2.1:80``, ``[2001:db8::1]:80`` or an address alone."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
        return address.rstrip("]"), int(port or 40000)
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, int(port)
    return text, 40000


def passes(firewall: Firewall, text: str) -> bool:
    """Whether the firewall lets the packet through; it must know."""
    verdict = evaluate(firewall, packet(text)).verdict
    assert verdict is not None, text
    return verdict is Verdict.ACCEPT


def verdict(firewall: Firewall, text: str) -> Verdict | None:
    """What becomes of the packet, None where it is not known."""
    return evaluate(firewall, packet(text)).verdict


def refused(content: str | bytes, name: str = "rules.ps1") -> tuple[Diagnostic, ...]:
    """The problems of a file that cannot be read."""
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(ReadError) as caught:
        read([Source(name, raw)], {})
    return caught.value.diagnostics


def pointed(problem: Diagnostic) -> str:
    """The text under the caret."""
    assert problem.span is not None
    start = problem.span.column - 1
    return problem.span.source[start : start + problem.span.length]


def warned(firewall: Firewall) -> str:
    """The messages of all warnings."""
    return "\n".join(each.message for each in firewall.warnings)
