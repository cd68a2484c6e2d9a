"""One packet of a set, as ordinary as there is: a new TCP connection between real hosts, if there can be one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, AddressType, Field
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, UDP, Hook
from fwadvisor.model.walk import Packet
from fwadvisor.packets.axes import BitAxis, ClassAxis, NameAxis, RangeAxis
from fwadvisor.packets.nodes import OPEN
from fwadvisor.packets.table import Table

Value = int | str | bool
#: Ports that people know, best first.
_KNOWN_PORTS = (443, 80, 22, 53, 25, 1720, 5060, 161, 123, 3389, 445, 993, 389, 21, 23, 110, 143, 179, 514, 1719)
_EPHEMERAL = 40000
_SYN, _ACK, _SYN_ACK = 2, 16, 18
#: What an unusual value costs; the sum decides, so that state and protocol come before addresses and ports.
_STATE, _PROTOCOL, _CONDITION, _BAD_ADDRESS, _TYPE, _LOOPBACK, _SMALL = 5000, 1000, 300, 200, 150, 100, 10
#: Interfaces of containers and virtual machines; a card that no rule names is met more often.
_VIRTUAL = ("docker", "br-", "veth", "virbr", "lxc", "lxd", "cni", "cali", "flannel", "podman")
_VIRTUAL_COST = 1.5


def _v4(text: str) -> tuple[int, int]:
    network, _, prefix = text.partition("/")
    value = int.from_bytes(bytes(map(int, network.split("."))))
    return value, value + (1 << (32 - int(prefix))) - 1


def _v6(text: str, prefix: int) -> tuple[int, int]:
    groups = [int(group, 16) for group in text.split(":") if group]
    value = int.from_bytes(b"".join(group.to_bytes(2) for group in groups).ljust(16, b"\0"))
    return value, value + (1 << (128 - prefix)) - 1


#: Address ranges, best first, each with its cost: documentation (RFC 5737, RFC 3849), private (RFC 1918, RFC 4193),
#: public, then what no host has.
_HOSTS = {
    (Family.IPV4, Field.SOURCE): [*map(_v4, ("198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"))],
    (Family.IPV4, Field.DESTINATION): [*map(_v4, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))],
    (Family.IPV6, Field.SOURCE): [_v6("2001:db8:1", 48), _v6("2001:db8", 32)],
    (Family.IPV6, Field.DESTINATION): [_v6("2001:db8:2", 48), _v6("2001:db8", 32)],
}
_PRIVATE = {
    Family.IPV4: [*map(_v4, ("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"))],
    Family.IPV6: [_v6("fd00", 8)],
}
_PUBLIC = {
    Family.IPV4: [*map(_v4, ("1.0.0.0/8", "2.0.0.0/7", "4.0.0.0/6", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6",
                             "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/3", "96.0.0.0/4", "112.0.0.0/5", "120.0.0.0/6",
                             "124.0.0.0/7", "126.0.0.0/8", "128.0.0.0/3", "160.0.0.0/5", "168.0.0.0/6",
                             "172.0.0.0/8", "173.0.0.0/8", "174.0.0.0/7", "176.0.0.0/4", "192.0.0.0/3"))],
    Family.IPV6: [_v6("2000", 3)],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pick:
    """The best way on from a pair of diagrams: its cost, and the value that is taken at this level."""

    cost: float
    level: int = -1
    value: Value = 0
    node: int = OPEN
    domain: int = OPEN


_NO_WAY = _Pick(inf)
_THERE = _Pick(0)


class Search:
    """Looks for the cheapest packet of a set; what is known of a pair of diagrams is kept."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._known: dict[tuple[int, int], _Pick] = {}

    def best(self, node: int, domain: int) -> Packet | None:
        """The packet with the least cost in a set within a domain, or None where there is none."""
        pick = self._pick(node, domain)
        if pick.cost == inf:
            return None
        chosen: dict[int, Value] = {}
        while pick.level >= 0:
            chosen[pick.level] = pick.value
            pick = self._pick(pick.node, pick.domain)
        return self._packet(chosen)

    def _pick(self, node: int, domain: int) -> _Pick:
        if node == OPEN or domain == OPEN:
            return _NO_WAY
        if node < 0 and domain < 0:
            return _THERE
        found = self._known.get((node, domain))
        if found is None:
            found = self._known[node, domain] = self._cheapest(node, domain)
        return found

    def _cheapest(self, node: int, domain: int) -> _Pick:
        level, bounds, kids, domains = self.table.nodes.aligned(node, domain)
        ways: list[tuple[float, int, Value, int, int]] = []
        first = 0
        for bound, kid, rest in zip(bounds, kids, domains, strict=True):
            if kid != OPEN and rest != OPEN:
                cost, value = self._value(level, first, bound)
                ways.append((cost, first, value, kid, rest))
            first = bound + 1
        ways.sort(key=lambda way: way[:2])
        best = _NO_WAY
        for cost, _, value, kid, rest in ways:
            if cost >= best.cost:
                break
            total = cost + self._pick(kid, rest).cost
            if total < best.cost:
                best = _Pick(total, level, value, kid, rest)
        return best

    def _value(self, level: int, first: int, last: int) -> tuple[float, Value]:
        """The most ordinary value of a run of atoms, and its cost."""
        axis, hook = self.table.layout.axes[level], self.table.hook
        if isinstance(axis, RangeAxis):
            return _ranged(axis.field, self.table.family, axis.values(((first, last),))[0])
        if isinstance(axis, BitAxis):
            value = min(axis.least(atom) for atom in range(first, last + 1))
            return float(value != 0), value
        if isinstance(axis, ClassAxis):
            return _classed(axis.field, hook, self.table.family, axis.values(((first, last),)))
        if isinstance(axis, NameAxis):
            wish = "eth1" if axis.field is Field.OUT_INTERFACE and hook is Hook.FORWARD else "eth0"
            return min(_named(axis, number, wish) for number in range(first, last + 1))
        return (0, False) if first == 0 else (_CONDITION, True)

    def _packet(self, chosen: dict[int, Value]) -> Packet:
        """The packet with the values chosen; elsewhere any value will do, so the most ordinary is taken."""
        layout = self.table.layout
        values: dict[Field, int | str] = {}
        conditions = set()
        for level, (key, axis) in enumerate(zip(layout.keys, layout.axes, strict=True)):
            value = chosen[level] if level in chosen else self._value(level, 0, axis.size - 1)[1]
            if isinstance(key, Field):
                values[key] = value
            elif value:
                conditions.add(key[0].name)
        return _packet(self.table.hook, self.table.family, values, frozenset(conditions))


def _packet(hook: Hook, family: Family, values: dict[Field, int | str], conditions: frozenset[str]) -> Packet:
    number = {field: value for field, value in values.items() if isinstance(value, int)}
    text = {field: value for field, value in values.items() if isinstance(value, str)}
    icmp = number.get(Field.ICMP, 0)
    return Packet(
        hook=hook,
        family=family,
        state=STATES[number[Field.STATE]],
        helper=text[Field.HELPER],
        profile=number.get(Field.PROFILE, 2),
        protocol=number[Field.PROTOCOL],
        in_interface=text[Field.IN_INTERFACE],
        out_interface=text[Field.OUT_INTERFACE],
        source_type=number[Field.SOURCE_TYPE],
        destination_type=number[Field.DESTINATION_TYPE],
        source=number[Field.SOURCE],
        destination=number[Field.DESTINATION],
        source_port=number[Field.SOURCE_PORT],
        destination_port=number[Field.DESTINATION_PORT],
        icmp_type=icmp >> 8,
        icmp_code=icmp & 255,
        tcp_flags=number[Field.TCP_FLAGS],
        length=number.get(Field.LENGTH, 60),
        dscp=number.get(Field.DSCP, 0),
        ttl=number.get(Field.TTL, 64),
        mark=number.get(Field.MARK, 0),
        connection_mark=number.get(Field.CONNECTION_MARK, 0),
        conditions=conditions,
    )


def two_ends(packet: Packet) -> Iterator[Packet]:
    """The same packet between two hosts, where it goes from an address to itself over a network: neighbours of it."""
    if packet.source != packet.destination or LOOPBACK in (packet.in_interface, packet.out_interface):
        return
    last = packet.family.universe[0][1]
    for step in (1, 2, -1, -2):
        if 0 <= packet.source + step <= last:
            yield replace(packet, source=packet.source + step)
            yield replace(packet, destination=packet.destination + step)


def _first_in(wanted: Iterable[int], values: Intervals) -> tuple[int, int] | None:
    """The place and value of the first wanted integer that is there."""
    for place, value in enumerate(wanted):
        if any(first <= value <= last for first, last in values):
            return place, value
    return None


def _ranged(field: Field, family: Family, values: tuple[int, int]) -> tuple[float, int]:
    first, last = values
    if field in (Field.SOURCE, Field.DESTINATION):
        return _address(field, family, first, last)
    if field is Field.SOURCE_PORT:
        return _nearest(first, last, _EPHEMERAL, 1024)
    if field is Field.DESTINATION_PORT:
        known = _first_in(_KNOWN_PORTS, (values,))
        return (known[0] / len(_KNOWN_PORTS), known[1]) if known else (2 if last else _SMALL, max(first, min(last, 1)))
    if field is Field.ICMP:
        echo = (8 if family is Family.IPV4 else 128) << 8
        return _nearest(first, last, echo, 0)
    return _nearest(first, last, 60, 20)


def _nearest(first: int, last: int, wish: int, least: int) -> tuple[float, int]:
    """The wish where it is in the range, else the value next to it; below `least` it is unusual."""
    value = max(first, min(last, wish))
    return (0 if value == wish else 1 if value >= least else 3), value


def _address(field: Field, family: Family, first: int, last: int) -> tuple[float, int]:
    tiers = (_HOSTS[family, field], _PRIVATE[family], _PUBLIC[family])
    for tier, ranges in enumerate(tiers):
        for low, high in ranges:
            if first <= high and low <= last:
                return _host(max(first, low), min(last, high), tier)
    return _BAD_ADDRESS, first


def _host(low: int, high: int, cost: int) -> tuple[float, int]:
    """A host of the range that does not end in 0 or 255, if there is one."""
    for value in range(low, min(high, low + 2) + 1):
        if value & 255 not in (0, 255):
            return cost, value
    return cost + 0.5, low


def _named(axis: NameAxis, number: int, wish: str) -> tuple[float, str]:
    atom = axis.all[number]
    if axis.field is Field.HELPER:
        return (0 if not atom.text and not atom.fresh else _SMALL + atom.fresh), axis.sample(number)
    if atom.text == LOOPBACK:
        return _LOOPBACK, atom.text
    if not atom.text and not atom.fresh:
        return _SMALL, ""
    if atom.text.startswith(_VIRTUAL):
        return _VIRTUAL_COST, axis.sample(number, wish)
    return float(atom.fresh), axis.sample(number, wish)


def _ordinary(field: Field, hook: Hook, family: Family) -> tuple[tuple[int, ...], float]:
    """The values that are wished for a field, best first, and what it costs to have none or a later one."""
    local, unicast = AddressType.LOCAL, AddressType.UNICAST
    match field:
        case Field.STATE:
            return (0, 1, 2, 4, 3), _STATE
        case Field.PROTOCOL:
            return (TCP, UDP, ICMP if family is Family.IPV4 else ICMPV6, 47, 50), _PROTOCOL
        case Field.SOURCE_TYPE:
            return ((local, unicast) if hook is Hook.OUTPUT else (unicast,)), _TYPE
        case Field.DESTINATION_TYPE:
            return ((local, unicast) if hook is Hook.INPUT else (unicast,)), _TYPE
        case Field.TCP_FLAGS:
            return (_SYN, _ACK, _SYN_ACK), _SMALL
        case Field.PROFILE:
            return (2, 1, 0), 1
        case Field.TTL:
            return (64,), 1
        case _:
            return (0,), 1


def _classed(field: Field, hook: Hook, family: Family, values: Intervals) -> tuple[float, int]:
    wanted, step = _ordinary(field, hook, family)
    found = _first_in(wanted, values)
    if found is None:
        return step * len(wanted), values[0][0]
    return step * found[0], found[1]
