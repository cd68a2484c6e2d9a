"""Windows rules as data: each is the parameters of one New-NetFirewallRule, before any quoting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from socket import AF_INET, AF_INET6, inet_ntop

from fwadvisor.dialects.base import slug, whence
from fwadvisor.dialects.windows_compile import Line, Plan
from fwadvisor.dialects.windows_region import (
    ALL_ICMP,
    ALL_PROTOCOLS,
    LIST_LIMIT,
    Region,
    covers_all,
    families,
    split_line,
)
from fwadvisor.model.address import Family
from fwadvisor.model.interval import PORTS, Intervals
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Hook

#: How New-NetFirewallRule names protocols; others go by number.
_PROTOCOLS = {TCP: "TCP", UDP: "UDP", ICMP: "ICMPv4", ICMPV6: "ICMPv6"}
#: Every address of a family: Windows refuses a mask of length 0.
_HALVES = {Family.IPV4: ("0.0.0.0/1", "128.0.0.0/1"), Family.IPV6: ("::/1", "8000::/1")}
#: Protocols that belong to one family by themselves.
_OF_ONE_FAMILY = (((ICMP, ICMP),), ((ICMPV6, ICMPV6),))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsRule:
    """One New-NetFirewallRule. () means Any; every list has at most `LIST_LIMIT` entries."""

    name: str
    display_name: str
    description: str
    inbound: bool
    allow: bool
    protocol: str = "Any"
    local_ports: tuple[str, ...] = ()
    remote_ports: tuple[str, ...] = ()
    icmp_types: tuple[str, ...] = ()
    local_addresses: tuple[str, ...] = ()
    remote_addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()


def rules_of(plan: Plan) -> Iterator[WindowsRule]:
    """The Windows rules of a compiled chain, in the order of the policy's rules."""
    inbound = plan.chain.hook is Hook.INPUT
    side = "in" if inbound else "out"
    for line in plan.lines:
        if not line.regions:
            continue
        shapes = [shape for region in line.regions for shape in _shapes(region, plan)]
        title, description = _title(line, side), _description(line)
        for number, shape in enumerate(shapes, 1):
            protocol, local_ports, remote_ports, icmp, local, remote, interfaces = shape
            yield WindowsRule(
                name=f"{side}-{line.index:04d}" + (f"-p{number}" if len(shapes) > 1 else ""),
                display_name=title,
                description=description,
                inbound=inbound,
                allow=line.accept,
                protocol=protocol,
                local_ports=local_ports,
                remote_ports=remote_ports,
                icmp_types=icmp,
                local_addresses=local,
                remote_addresses=remote,
                interfaces=interfaces,
            )


def _title(line: Line, side: str) -> str:
    text = slug(line.rule.origin.text, 120) if line.rule else "everything else"
    return f"{side} {line.index:04d} {text}"


def _description(line: Line) -> str:
    parts = [whence(line.rule.origin) if line.rule else "default"]
    if line.rule and line.rule.origin.reason:
        parts.append(slug(line.rule.origin.reason, 200))
    if line.rule and line.rule.origin.ticket:
        parts.append(slug(line.rule.origin.ticket))
    if line.less:
        shown = " ".join(f"{index:04d}" for index in line.less[:12])
        more = f" and {len(line.less) - 12} more" if len(line.less) > 12 else ""
        parts.append(f"less rule {shown}{more}")
    return "; ".join(parts)


_Texts = tuple[str, ...]


def _shapes(region: Region, plan: Plan) -> Iterator[tuple[str, _Texts, _Texts, _Texts, _Texts, _Texts, _Texts]]:
    """The box as rules: one for each protocol, lists split at their limit."""
    interfaces = () if region.interfaces == plan.interfaces.all else _names(region.interfaces, plan)
    local_ports, remote_ports = _ports(region.local_ports), _ports(region.remote_ports)
    icmp = _icmp_types(region.icmp)
    for protocol, one in _by_protocol(region):
        local, remote = _addresses(one)
        lists = (local_ports, remote_ports, icmp, local, remote)
        if max(map(len, lists)) <= LIST_LIMIT:
            yield protocol, *lists, interfaces
            continue
        for parts in product(*map(_chunks, lists)):
            yield protocol, parts[0], parts[1], parts[2], parts[3], parts[4], interfaces


def _by_protocol(region: Region) -> Iterator[tuple[str, Region]]:
    if region.protocols == ALL_PROTOCOLS:
        yield "Any", region
        return
    for first, last in region.protocols:
        for number in range(first, last + 1):
            one = region._replace(protocols=((number, number),))
            if families(one):
                yield _PROTOCOLS.get(number, str(number)), one


def _names(numbers: Intervals, plan: Plan) -> tuple[str, ...]:
    return tuple(plan.interfaces.names[n] for first, last in numbers for n in range(first, last + 1))


def _chunks(entries: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
    if len(entries) <= LIST_LIMIT:
        return (entries,)
    return [entries[start : start + LIST_LIMIT] for start in range(0, len(entries), LIST_LIMIT)]


@lru_cache(maxsize=4096)
def _ports(ports: Intervals) -> tuple[str, ...]:
    if ports == PORTS:
        return ()
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def _icmp_types(kinds: Intervals) -> tuple[str, ...]:
    """Whole types by number, single codes as ``type:code``."""
    if kinds == ALL_ICMP:
        return ()
    entries = []
    for first, last in kinds:
        while first <= last:
            kind, code = divmod(first, 256)
            if code == 0 and first + 255 <= last:
                entries.append(str(kind))
                first += 256
            else:
                entries.append(f"{kind}:{code}")
                first += 1
    return tuple(entries)


def _addresses(region: Region) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The local and the remote list; () where every address will do."""
    found = families(region)
    local, remote = _side(region.local, found), _side(region.remote, found)
    if not local and not remote and len(found) == 1 and region.protocols not in _OF_ONE_FAMILY:
        remote = _HALVES[found[0]]
    return local, remote


@lru_cache(maxsize=65536)
def _side(addresses: Intervals, found: tuple[Family, ...]) -> tuple[str, ...]:
    if all(covers_all(addresses, family) for family in found):
        return ()
    entries: list[str] = []
    for family in found:
        if covers_all(addresses, family):
            entries += _HALVES[family]
            continue
        kind, length, bits = (AF_INET, 4, 32) if family is Family.IPV4 else (AF_INET6, 16, 128)
        for first, last in split_line(addresses, family):
            text, count = inet_ntop(kind, first.to_bytes(length)), last - first + 1
            if count > 1:
                # A host stands bare, a network with its prefix, anything else as a range.
                network = count & (count - 1) == 0 and first & (count - 1) == 0
                text += f"/{bits - count.bit_length() + 1}" if network else f"-{inet_ntop(kind, last.to_bytes(length))}"
            entries.append(text)
    return tuple(entries)
