"""Sets of packets as Windows Firewall rules can name them: boxes whose sides are all sets of integers.

Both address families lie on one line, IPv4 first, so that a rule for both is one box; interfaces are numbered,
the last number being "every other interface". That makes subtraction the same for every side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import PORTS, Intervals, intersect, normalize, overlaps, size, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, Hook, Match

#: Where IPv6 begins on the common line of addresses.
V6_START = 1 << 32
ALL_ADDRESSES: Intervals = ((0, V6_START + (1 << 128) - 1),)
ALL_V4: Intervals = ((0, V6_START - 1),)
ALL_V6: Intervals = ((V6_START, V6_START + (1 << 128) - 1),)
ALL_PROTOCOLS: Intervals = ((0, 255),)
#: ICMP type * 256 + code.
ALL_ICMP: Intervals = ((0, 65535),)

#: Entries in one list of addresses or ports; Windows 10 refuses more.
LIST_LIMIT = 1000


class Region(NamedTuple):
    """A box of packets. Ports are less than all only for TCP and UDP, `icmp` only for one ICMP protocol."""

    protocols: Intervals
    interfaces: Intervals
    local_ports: Intervals
    remote_ports: Intervals
    icmp: Intervals
    local: Intervals
    remote: Intervals


#: Protocols come first: what is left beside them then keeps its ports and ICMP types whole.
_SIDES = range(len(Region._fields))


def _line(addresses: AddressSet | None, family: Family | None) -> Intervals:
    if addresses is None:
        return ALL_ADDRESSES if family is None else ALL_V4 if family is Family.IPV4 else ALL_V6
    v4 = addresses.v4 if family is not Family.IPV6 else ()
    if family is Family.IPV4 or not addresses.v6:
        return v4
    shifted = tuple((first + V6_START, last + V6_START) for first, last in addresses.v6)
    return normalize((*v4, *shifted)) if v4 else shifted


class Interfaces:
    """Numbers for the interface names of one chain."""

    def __init__(self, matches: Iterable[Match], hook: Hook) -> None:
        self._inbound = hook is Hook.INPUT
        names = {name for match in matches for name in self._of(match)} - {LOOPBACK}
        self.names: tuple[str, ...] = tuple(sorted(names))
        self.all: Intervals = ((0, len(names)),)
        self._numbers: Mapping[str, int] = {name: number for number, name in enumerate(self.names)}

    def _of(self, match: Match) -> tuple[str, ...]:
        return match.in_interfaces if self._inbound else match.out_interfaces

    def numbers(self, match: Match) -> Intervals:
        """The interfaces of a match; () where it only speaks of loopback, or of the other direction's interface."""
        other = match.out_interfaces if self._inbound else match.in_interfaces
        if other:
            return ()
        names = self._of(match)
        if not names:
            return self.all
        return normalize((self._numbers[name],) * 2 for name in names if name != LOOPBACK)

    def expressible(self, numbers: Intervals) -> bool:
        """Whether Windows can name the set: it lists interfaces, it cannot leave some out."""
        return numbers == self.all or numbers[-1][1] < len(self.names)


def region_of(match: Match, interfaces: Interfaces, hook: Hook) -> Region | None:
    """The packets of a match as one box, or None where it holds no packet that Windows Firewall sees."""
    numbers = interfaces.numbers(match)
    if not numbers:
        return None
    source, destination = _line(match.source, match.family), _line(match.destination, match.family)
    source_ports = PORTS if match.source_ports is None else match.source_ports
    destination_ports = PORTS if match.destination_ports is None else match.destination_ports
    inbound = hook is Hook.INPUT
    region = Region(
        normalize((number, number) for number in match.protocols) if match.protocols else ALL_PROTOCOLS,
        numbers,
        destination_ports if inbound else source_ports,
        source_ports if inbound else destination_ports,
        normalize(
            (kind.type * 256 + (kind.code or 0), kind.type * 256 + (255 if kind.code is None else kind.code))
            for kind in match.icmp
        )
        if match.icmp
        else ALL_ICMP,
        destination if inbound else source,
        source if inbound else destination,
    )
    return region if families(region) else None


def everything(interfaces: Interfaces) -> Region:
    """Every packet."""
    return Region(ALL_PROTOCOLS, interfaces.all, PORTS, PORTS, ALL_ICMP, ALL_ADDRESSES, ALL_ADDRESSES)


_ONLY_ICMP: Intervals = ((ICMP, ICMP),)
_ONLY_ICMPV6: Intervals = ((ICMPV6, ICMPV6),)


def families(region: Region) -> tuple[Family, ...]:
    """The IP versions in which the box holds packets."""
    local, remote = region.local, region.remote
    found = []
    if local[0][0] < V6_START and remote[0][0] < V6_START and region.protocols != _ONLY_ICMPV6:
        found.append(Family.IPV4)
    if local[-1][1] >= V6_START and remote[-1][1] >= V6_START and region.protocols != _ONLY_ICMP:
        found.append(Family.IPV6)
    return tuple(found)


def meet(a: Region, b: Region) -> bool:
    """Whether a packet is in both."""
    if not all(overlaps(a[side], b[side]) for side in _SIDES):
        return False
    return bool(families(intersection(a, b)))


def intersection(a: Region, b: Region) -> Region:
    """The packets in both; only for boxes that share a value on every side."""
    return Region(*(intersect(a[side], b[side]) for side in _SIDES))


def minus(a: Region, b: Region) -> list[Region]:
    """The packets of `a` outside `b`, as disjoint boxes."""
    if not meet(a, b):
        return [a]
    pieces = []
    rest = list(a)
    for side in _SIDES:
        outside = subtract(rest[side], b[side])
        if outside:
            piece = Region._make((*rest[:side], outside, *rest[side + 1 :]))
            if families(piece):
                pieces.append(piece)
            rest[side] = intersect(rest[side], b[side])
    return pieces


def merge(regions: Sequence[Region]) -> list[Region]:
    """The same packets in fewer boxes: those that differ on one side only become one."""
    left = list(regions)
    if len(left) < 2:
        return left
    for side in _SIDES:
        groups: dict[tuple[Intervals, ...], list[Region]] = {}
        for region in left:
            groups.setdefault((*region[:side], *region[side + 1 :]), []).append(region)
        if len(groups) < len(left):
            left = [
                group[0]
                if len(group) == 1
                else group[0]._replace(
                    **{Region._fields[side]: normalize(pair for region in group for pair in region[side])}
                )
                for group in groups.values()
            ]
    return left


def rule_count(region: Region) -> int:
    """How many Windows rules the box takes: one for each protocol, and lists split at their limit."""
    count = 1 if region.protocols == ALL_PROTOCOLS else size(region.protocols)
    for side in (region.local, region.remote, region.local_ports, region.remote_ports):
        count *= -(-len(side) // LIST_LIMIT)
    return count


def covers_all(addresses: Intervals, family: Family) -> bool:
    """Whether a side holds every address of a family."""
    if family is Family.IPV4:
        return addresses[0][0] == 0 and addresses[0][1] >= V6_START - 1
    return addresses[-1][0] <= V6_START and addresses[-1][1] == ALL_ADDRESSES[0][1]


def split_line(addresses: Intervals, family: Family) -> Intervals:
    """The addresses of one family, as that family counts them."""
    if family is Family.IPV4:
        return addresses if addresses[-1][1] < V6_START else intersect(addresses, ALL_V4)
    return tuple((first - V6_START, last - V6_START) for first, last in intersect(addresses, ALL_V6))
