"""Constant writes under a mask, ``(old & ~mask) ^ value``, and sets of integers that can be asked bit by bit.

A single bit of a 32-bit mark splits its values into up to 2**31 ranges. As a diagram over bits such a set is a few
nodes, and so is what a write carries into it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from fwadvisor.model.firewall import LARGEST, Field
from fwadvisor.model.interval import Intervals
from fwadvisor.packets.budget import Budget
from fwadvisor.packets.nodes import IN, OPEN, Nodes

_BUDGET = Budget(nodes=500_000)
#: A set of values in more ranges than this is not written out.
MOST_RANGES = 1 << 18


def written(old: int, mask: int | None, value: int) -> int:
    """The field's value after the write."""
    return value if mask is None else (old & ~mask) ^ value


def simplest(field: Field, mask: int | None) -> int | None:
    """The mask, or None where the write leaves no bit of the old value."""
    if mask is None or field not in LARGEST:
        return mask
    return None if mask & LARGEST[field] == LARGEST[field] else mask


class Bits:
    """Functions of the integers of so many bits: diagrams with a level for each bit, the highest first."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.nodes = Nodes([2] * bits)
        self.nodes.start(_BUDGET)
        self._sets: dict[Intervals, int] = {}

    def set_of(self, values: Intervals) -> int:
        """A set of integers as a diagram."""
        found = self._sets.get(values)
        if found is None:
            found = self._sets[values] = self._set(values)
        return found

    def _set(self, values: Intervals) -> int:
        ends = [last for _, last in values]

        def walk(level: int, low: int) -> int:
            high = low + (1 << (self.bits - level)) - 1
            place = bisect_left(ends, low)
            if place == len(values) or values[place][0] > high:
                return OPEN
            if values[place][0] <= low and high <= values[place][1]:
                return IN
            middle = low + (high - low + 1) // 2
            return self._node(level, walk(level + 1, low), walk(level + 1, middle))

        return walk(0, 0)

    def before(self, function: int, mask: int, value: int) -> int:
        """The function of the old value that a function of the written one is."""
        known: dict[int, int] = {}

        def walk(a: int) -> int:
            if a <= 0:
                return a
            if a not in known:
                level = self.nodes.level(a)
                bit = 1 << (self.bits - 1 - level)
                flipped = 1 if value & bit else 0
                zero = walk(self.nodes.kid(a, flipped))
                one = zero if mask & bit else walk(self.nodes.kid(a, 1 - flipped))
                known[a] = self._node(level, zero, one)
            return known[a]

        return walk(function)

    def at(self, function: int, value: int) -> int:
        """The end of a function for an integer."""
        while function > 0:
            function = self.nodes.kid(function, value >> (self.bits - 1 - self.nodes.level(function)) & 1)
        return function

    def first(self, function: int, end: int) -> int:
        """The least integer for which the function has an end that it has."""
        low = 0
        while function > 0:
            level, _, (zero, one) = self.nodes.nodes[function]
            if end in self.nodes.ends_of(zero):
                function = zero
            else:
                function, low = one, low + (1 << (self.bits - 1 - level))
        return low

    def ranges(self, function: int, end: int) -> Iterator[tuple[int, int]]:
        """The integers for which the function has an end, in order; ranges may touch. There can be very many."""
        stack = [(function, 0, 0)]
        while stack:
            a, level, low = stack.pop()
            if a == end:
                yield low, low + (1 << (self.bits - level)) - 1
            elif a > 0 and end in self.nodes.ends_of(a):
                own, _, kids = self.nodes.nodes[a]
                # A bit above the node's own is free.
                zero, one = kids if own == level else (a, a)
                stack += [(one, level + 1, low + (1 << (self.bits - 1 - level))), (zero, level + 1, low)]

    def count(self, function: int, end: int) -> int:
        """How many integers have an end."""
        known: dict[int, int] = {}

        def walk(a: int) -> int:
            """As parts of the whole, in units of one integer of all."""
            if a <= 0:
                return 1 << self.bits if a == end else 0
            if a not in known:
                known[a] = sum(map(walk, self.nodes.nodes[a][2])) // 2
            return known[a]

        return walk(function)

    def classes(self, sets: Iterable[int]) -> tuple[int, int]:
        """The function whose ends are 0, -1, ... for the classes of integers that no set tells apart; their number."""
        made, number = OPEN, 1
        for each in sets:
            pairs: dict[tuple[int, int], int] = {}
            made = self._paired(made, each, pairs, {})
            number = len(pairs)
        return made, number

    def pairs(self, a: int, b: int) -> set[tuple[int, int]]:
        """The pairs of ends that two functions have for some integer."""
        found: dict[tuple[int, int], int] = {}
        self._paired(a, b, found, {})
        return set(found)

    def _paired(self, a: int, b: int, pairs: dict[tuple[int, int], int], known: dict[tuple[int, int], int]) -> int:
        if a <= 0 and b <= 0:
            return pairs.setdefault((a, b), -len(pairs))
        if (a, b) not in known:
            known[a, b] = self.nodes.apart(lambda x, y: self._paired(x, y, pairs, known), a, b)
        return known[a, b]

    def _node(self, level: int, zero: int, one: int) -> int:
        return zero if zero == one else self.nodes.make(level, (0, 1), (zero, one))


def closed(bits: Bits, sets: Iterable[int], writes: Iterable[tuple[int, int]]) -> list[int]:
    """The sets, and all that writes (mask, value) carry into them, one after the other."""
    found = dict.fromkeys(sets)
    waiting = list(found)
    writes = list(writes)
    while waiting:
        each = waiting.pop()
        for mask, value in writes:
            before = bits.before(each, mask, value)
            if before not in found:
                found[before] = None
                waiting.append(before)
    return list(found)
