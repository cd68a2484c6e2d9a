"""What random rule texts are made of: small pools of values that nest, touch and overlap, so that rules meet.

A text comes with `Lead`s: for each rule, values of packet fields that lead to it. They say where to look, never
what to expect; what a text means is what the kernel does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from fwadvisor.model.address import Family, format_address
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, LOOPBACK, SCTP, TCP, UDP, Hook

from .frames import UDPLITE

_T = TypeVar("_T")
Span = tuple[int, int]
Value = int | str

V4, V6 = Family.IPV4, Family.IPV6
PROTOCOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "dccp": DCCP, "udplite": UDPLITE}
OTHERS = {"gre": 47, "esp": 50, "ospf": 89, "vrrp": 112}
PORTS = (0, 1, 22, 23, 53, 80, 81, 443, 1023, 1024, 5060, 40000, 65535)
MARKS = (0, 1, 2, 3, 0xF, 0x10, 0xFF, 0x1000, 0x80000000)
#: Masks of few ranges of marks, and such as are known to be only a condition for a reader where marks are written.
NARROW_MASKS = (0xFFFFFFF0, 0xFFFFFF0F, 0xFFFFFFFE, 0xF0000000, 0xFFFFFFFC)
WIDE_MASKS = (0x1, 0xF, 0xF0, 0xFF, 0x80000001)
LENGTHS = (60, 64, 100, 128, 576, 1000, 1400, 1500)
DSCP = {"cs0": 0, "cs1": 8, "af11": 10, "af41": 34, "ef": 46, "cs6": 48}
TTLS = (1, 2, 5, 64, 128, 254, 255)
STATES = ("new", "established", "related", "invalid", "untracked")
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
ICMP_TYPES = {ICMP: (0, 3, 5, 8, 11, 13), ICMPV6: (1, 2, 3, 128, 129, 133, 135, 136, 143)}
ADDRESS_TYPES = ("local", "unicast", "broadcast", "multicast")

#: Where addresses begin: elsewhere, and the box's own.
_ELSEWHERE = {V4: (0xCB007100, 0x0A000000, 0xC0000200), V6: (0x20010DB8 << 96, 0xFD << 120, 0x20010DB80005 << 80)}
_OWN = {V4: 0xC6336400, V6: 0x20010DB8000F << 80}
#: Both ends of a few that everybody knows, and one of a group to join.
_SPECIAL: dict[Family, tuple[Span, ...]] = {
    V4: ((0xE0000000, 0xEFFFFFFF), (0x7F000000, 0x7FFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xE0000104, 0xE0000104)),
    V6: ((0xFF << 120, (1 << 128) - 1), (1, 1), (0x3FA << 118, (0x3FB << 118) - 1), (0xFF02 << 112 | 0xFB,) * 2),
}
_SIZES = {V4: (0, 0, 0, 1, 3, 8), V6: (0, 0, 0, 1, 16, 64)}


@dataclass(slots=True)
class Line:
    """A rule in the making: its words, and the values that packets need to meet it."""

    words: list[str] = field(default_factory=list)
    wanted: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    #: The chain that it leads to.
    target: str = ""

    def want(self, name: str, values: Iterable[Value]) -> None:
        """Remember values of a packet field with which the rule is met."""
        self.wanted[name] = tuple(values)


@dataclass(frozen=True, slots=True)
class Lead:
    """Values of packet fields that lead a packet of the hooks and families to one rule."""

    hooks: tuple[Hook, ...]
    families: tuple[Family, ...]
    wanted: Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class RandomText:
    """The files of a seed by name, the ways to their rules, and values at the edges of what they test."""

    seed: int
    files: Mapping[str, str]
    leads: tuple[Lead, ...]
    edges: Mapping[str, tuple[Value, ...]]


class Dice:
    """Choices that follow from a seed, and the edges of all that was chosen."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        self.edges: dict[str, dict[Value, None]] = {}
        #: Whether rules write marks; then masks are narrow ones.
        self.writes_marks = self.chance(0.7)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, values: Sequence[_T]) -> _T:
        return self.random.choice(values)

    def some(self, values: Sequence[_T], least: int = 1, most: int = 3) -> list[_T]:
        """Different values, in the order of `values`."""
        count = min(self.random.randint(least, most), len(values))
        return [values[i] for i in sorted(self.random.sample(range(len(values)), count))]

    def edge(self, name: str, spans: Iterable[Span], largest: int) -> None:
        """Note the ends of ranges, and what is just outside."""
        noted = self.edges.setdefault(name, {})
        for first, last in spans:
            for value in (first, last, first - 1, last + 1):
                if 0 <= value <= largest:
                    noted[value] = None

    def addresses(self, family: Family, end: str, count: int = 1) -> list[Span]:
        """Disjoint ranges, some of them one address, some a network."""
        found: list[Span] = []
        while len(found) < count:
            span = self._address_span(family)
            if all(span[1] < first or last < span[0] for first, last in found):
                found.append(span)
        self.edge(f"{end}{family}", found, (1 << family.bits) - 1)
        return sorted(found)

    def _address_span(self, family: Family) -> Span:
        if self.chance(0.1):
            return self.pick(_SPECIAL[family])
        own = self.chance(0.4)
        base = _OWN[family] if own else self.pick(_ELSEWHERE[family])
        size = self.pick(_SIZES[family])
        first = base + self.random.randint(0, 9) * (1 << size)
        stretch = self.random.randint(1, 6) if self.chance(0.2) else 0
        return first, first + (1 << size) - 1 + stretch

    def spans(self, pool: Sequence[int], count: int, largest: int, stretch: int) -> list[Span]:
        """Disjoint ranges that begin in a pool."""
        found: list[Span] = []
        for first in self.some(pool, count, count):
            last = min(largest, first + self.random.randint(1, stretch)) if self.chance(0.35) else first
            if all(last < other or end < first for other, end in found):
                found.append((first, last))
        return sorted(found)

    def mask(self) -> int:
        return self.pick(NARROW_MASKS if self.writes_marks else NARROW_MASKS + WIDE_MASKS)

    def ports(self, end: str, count: int = 1) -> list[Span]:
        found = self.spans(PORTS, count, 65535, 1500)
        self.edge(end, found, 65535)
        return found


def ends(spans: Sequence[Span]) -> tuple[int, ...]:
    """Values inside of ranges."""
    return tuple(dict.fromkeys(value for first, last in spans for value in (first, last, (first + last) // 2)))


def address(value: int, family: Family) -> str:
    return format_address(value, family)


def network(span: Span, family: Family) -> str | None:
    """The span as one network or address, or None where it is neither."""
    size = span[1] - span[0] + 1
    if size & (size - 1) or span[0] % size:
        return None
    length = family.bits - size.bit_length() + 1
    return address(span[0], family) + ("" if length == family.bits else f"/{length}")


def names_like(pattern: str, wildcard: str) -> tuple[str, ...]:
    """The interfaces of the box that a pattern means."""
    names = {"lo": LOOPBACK, "wan0": "wan0", "lan0": "lan0"}
    if pattern.endswith(wildcard):
        return tuple(value for name, value in names.items() if name.startswith(pattern[:-1]))
    return (names[pattern],) if pattern in names else ()


@dataclass(frozen=True, slots=True)
class Spot:
    """A chain in the making, as far as the ways to its rules go."""

    #: The hooks of a base chain; () for others.
    hooks: tuple[Hook, ...]
    families: tuple[Family, ...]
    lines: Sequence[Line]


def leads(spots: Mapping[str, Spot], random: Random) -> Iterator[Lead]:
    """A way to each rule, through one of the rules that jump to its chain."""
    callers: dict[str, list[tuple[str, Line]]] = {}
    for name, spot in spots.items():
        for line in spot.lines:
            if line.target:
                callers.setdefault(line.target, []).append((name, line))
    for name, spot in spots.items():
        for line in spot.lines:
            wanted, at = dict(line.wanted), name
            while not spots[at].hooks and at in callers:
                at, caller = random.choice(callers[at])
                wanted = {**caller.wanted, **wanted}
            if spots[at].hooks:
                yield Lead(spots[at].hooks, spots[at].families, wanted)
