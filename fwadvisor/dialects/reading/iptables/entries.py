"""Entries of sets: the values of each dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fwadvisor.dialects.reading.iptables.addresses import network, single
from fwadvisor.dialects.reading.iptables.matches.addresses import mac_address
from fwadvisor.dialects.reading.iptables.matches.ports import icmp_type
from fwadvisor.dialects.reading.iptables.numbers import PROTOCOLS, maybe_number, number, port
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import ICMP, ICMPV6, TCP


@dataclass(frozen=True, slots=True)
class Service:
    """Ports of a protocol, or types and codes of ICMP, or a protocol without either (0)."""

    protocol: int
    values: Intervals


#: Addresses as a range, ports, a name (interface, set) or hardware address, or a number.
Element: TypeAlias = tuple[int, int] | Service | str | int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `nomatch` takes out of a larger network."""

    elements: tuple[Element, ...]
    nomatch: bool = False
    wildcard: bool = False


def dimension(kind: str, text: str, family: Family | None, netmask: int) -> Element:
    """The value of one dimension of an entry.

    Raises:
        RefusedError: it is none.
        NotResolvedError: a host name.
    """
    if kind in ("ip", "net"):
        return _addresses(text, family or Family.IPV4, netmask)
    if kind in ("port", "plain-port"):
        return service(text)
    if kind == "mac":
        return mac_address(text)
    if kind == "mark":
        return number(text, 2**32 - 1, "mark")
    return text


def _addresses(text: str, family: Family, netmask: int) -> tuple[int, int]:
    first_text, dash, last_text = text.partition("-")
    if dash:
        first, last = single(first_text, family), single(last_text, family)
    elif "/" in text:
        ((first, last),) = network(text, family)
    else:
        first = last = single(text, family)
    if last < first:
        raise RefusedError(f'range "{text}" ends before it begins', text)
    if netmask and netmask <= family.bits:
        host = (1 << (family.bits - netmask)) - 1
        return first & ~host, last | host
    return first, last


def service(text: str) -> Service:
    """``tcp:80``, ``80-90`` (of TCP), ``icmp:echo-request``, ``icmpv6:128/0``, ``gre:0``.

    Raises:
        RefusedError: it is none of these.
    """
    name, colon, rest = text.rpartition(":")
    protocol = TCP
    if colon:
        value = maybe_number(name)
        protocol = PROTOCOLS.get(name.lower(), 256) if value is None else value
        if protocol > 255 or protocol == 0:
            raise RefusedError(f'no protocol is called "{name}"', text)
    if protocol in (ICMP, ICMPV6):
        kind, code, _ = icmp_type(rest, Family.IPV4 if protocol == ICMP else Family.IPV6)
        return Service(protocol, ((kind * 256 + code,) * 2,))
    first_text, dash, last_text = rest.partition("-")
    first = port(first_text)
    last = port(last_text) if dash else first
    if last < first:
        raise RefusedError(f'range "{text}" ends before it begins', text)
    return Service(protocol, ((first, last),))
