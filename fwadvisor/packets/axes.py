"""The axes of a packet space: for each field the atoms, sets of values that no test tells apart.

A level of a diagram knows only the numbers of atoms, from 0; a set of atoms is an `Intervals` of numbers. So a
128-bit address costs what a port does.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from fwadvisor.diagnostic import error
from fwadvisor.errors import BudgetError
from fwadvisor.model.firewall import Condition, Field, Names
from fwadvisor.model.interval import Intervals, intersect, normalize, size
from fwadvisor.packets.masked import MOST_RANGES, Bits, closed, written
from fwadvisor.packets.nodes import IN, OPEN


class UnknownBoundaryError(ValueError):
    """A test tells values apart that the space does not; it must be among the tests that the space is made for."""


class RangeAxis:
    """A field whose atoms are ranges of integers, in order: addresses, ports, ICMP types, lengths."""

    def __init__(self, field: Field, largest: int, sets: Iterable[Intervals]) -> None:
        self.field = field
        self.largest = largest
        starts = {0}
        for values in sets:
            for first, last in values:
                starts.add(first)
                starts.add(last + 1)
        starts.discard(largest + 1)
        self.starts = sorted(starts)
        self.size = len(self.starts)
        self._number = {value: number for number, value in enumerate(self.starts)}
        self._number[largest + 1] = self.size
        self._known: dict[Intervals, Intervals] = {}

    def atoms(self, values: Intervals) -> Intervals:
        """The atoms of a set of values.

        Raises:
            UnknownBoundaryError: an atom lies partly in it.
        """
        found = self._known.get(values)
        if found is None:
            number = self._number
            try:
                found = tuple([(number[first], number[last + 1] - 1) for first, last in values])
            except KeyError as missing:
                raise UnknownBoundaryError(f"{self.field} is not told apart at {missing}") from None
            self._known[values] = found
        return found

    def of(self, value: int) -> int:
        """The atom of a value."""
        return bisect_right(self.starts, value) - 1

    def values(self, atoms: Intervals) -> Intervals:
        """The values of a set of atoms."""
        return normalize((self.starts[first], self._end(last)) for first, last in atoms)

    def count(self, first: int, last: int) -> int:
        """How many values the atoms from `first` to `last` hold."""
        return self._end(last) - self.starts[first] + 1

    def _end(self, atom: int) -> int:
        return self.starts[atom + 1] - 1 if atom + 1 < self.size else self.largest

    def mapped(self, mask: int | None, value: int) -> list[int]:
        """For each atom the one that a write carries it to."""
        return [self.of(written(start, mask, value)) for start in self.starts]


class ClassAxis:
    """A field whose atoms are classes of integers, scattered as they may be: flags, marks, protocols, states."""

    def __init__(self, field: Field, largest: int, sets: Iterable[Intervals]) -> None:
        self.field = field
        self.largest = largest
        distinct = list(dict.fromkeys(sets))
        starts = sorted({0, *(edge for s in distinct for f, last in s for edge in (f, last + 1))} - {largest + 1})
        changes: dict[int, int] = {}
        for number, values in enumerate(distinct):
            for first, last in values:
                changes[first] = changes.get(first, 0) ^ (1 << number)
                changes[last + 1] = changes.get(last + 1, 0) ^ (1 << number)
        classes: dict[int, list[tuple[int, int]]] = {}
        signature = 0
        ends = [*(start - 1 for start in starts[1:]), largest]
        for start, end in zip(starts, ends, strict=True):
            signature ^= changes.get(start, 0)
            classes.setdefault(signature, []).append((start, end))
        self.classes: list[Intervals] = [normalize(ranges) for ranges in classes.values()]
        self.size = len(self.classes)
        self._known: dict[Intervals, Intervals] = {}
        self._starts = starts
        place = {ranges: number for number, ranges in enumerate(self.classes)}
        owner = {first: place[ranges] for ranges in self.classes for first, _ in ranges}
        self._at: list[int] = []
        for start in starts:
            self._at.append(owner.get(start, self._at[-1] if self._at else 0))

    def atoms(self, values: Intervals) -> Intervals:
        """The atoms of a set of values.

        Raises:
            UnknownBoundaryError: an atom lies partly in it.
        """
        found = self._known.get(values)
        if found is None:
            inside = []
            for number, ranges in enumerate(self.classes):
                common = intersect(ranges, values)
                if common == ranges:
                    inside.append((number, number))
                elif common:
                    raise UnknownBoundaryError(f"{self.field} is not told apart at {common[0][0]}")
            found = self._known[values] = normalize(inside)
        return found

    def of(self, value: int) -> int:
        """The atom of a value."""
        return self._at[bisect_right(self._starts, value) - 1]

    def values(self, atoms: Intervals) -> Intervals:
        """The values of a set of atoms."""
        return normalize(each for first, last in atoms for ranges in self.classes[first : last + 1] for each in ranges)

    def count(self, first: int, last: int) -> int:
        """How many values the atoms from `first` to `last` hold."""
        return sum(size(ranges) for ranges in self.classes[first : last + 1])

    def mapped(self, mask: int | None, value: int) -> list[int]:
        """For each atom the one that a write carries it to."""
        return [self.of(written(ranges[0][0], mask, value)) for ranges in self.classes]


class BitAxis:
    """A field that is tested or written bit by bit, such as a mark."""

    def __init__(
        self, field: Field, largest: int, sets: Iterable[Intervals], writes: Iterable[tuple[int, int]]
    ) -> None:
        self.field = field
        self.bits = Bits(largest.bit_length())
        tested = dict.fromkeys(self.bits.set_of(values) for values in sets)
        self._function, self.size = self.bits.classes(closed(self.bits, tested, writes))
        self._known: dict[Intervals, Intervals] = {}

    def atoms(self, values: Intervals) -> Intervals:
        """The atoms of a set of values.

        Raises:
            UnknownBoundaryError: an atom lies partly in it.
        """
        found = self._known.get(values)
        if found is None:
            tested = self.bits.set_of(values)
            pairs = self.bits.pairs(self._function, tested)
            inside = {-atom for atom, where in pairs if where == IN}
            torn = inside & {-atom for atom, where in pairs if where == OPEN}
            if torn:
                raise UnknownBoundaryError(f"{self.field} is not told apart at {self.least(min(torn))}")
            found = self._known[values] = normalize((atom, atom) for atom in inside)
        return found

    def of(self, value: int) -> int:
        """The atom of a value."""
        return -self.bits.at(self._function, value)

    def values(self, atoms: Intervals) -> Intervals:
        """The values of a set of atoms.

        Raises:
            BudgetError: they fall into more than `MOST_RANGES` ranges, as those with one of the lowest bits do.
        """
        ranges = (each for atom in numbers(atoms) for each in self.bits.ranges(self._function, -atom))
        found = list(islice(ranges, MOST_RANGES + 1))
        if len(found) > MOST_RANGES:
            raise BudgetError(
                error(
                    f"the values of {self.field} in a set of packets fall into more than {MOST_RANGES:,} ranges",
                    hint="ask for less than the whole set: a packet of it, their number, or a smaller region",
                )
            )
        return normalize(found)

    def count(self, first: int, last: int) -> int:
        """How many values the atoms from `first` to `last` hold."""
        return sum(self.bits.count(self._function, -atom) for atom in range(first, last + 1))

    def mapped(self, mask: int | None, value: int) -> list[int]:
        """For each atom the one that a write carries it to."""
        return [self.of(written(self.least(atom), mask, value)) for atom in range(self.size)]

    def least(self, atom: int) -> int:
        """The least value of an atom."""
        return self.bits.first(self._function, -atom)


@dataclass(frozen=True, slots=True)
class NameAtom:
    """One name, or with `fresh` all names that start with `text` and with no longer prefix, and are no atom."""

    text: str
    fresh: bool = False


class NameAxis:
    """A field of names: each name that a test lists, each prefix's other names, and all other names."""

    def __init__(self, field: Field, sets: Iterable[Names], literals: Iterable[str]) -> None:
        self.field = field
        tests = list(dict.fromkeys(sets))
        self.literals = sorted({"", *literals, *(name for names in tests for name in names.names)})
        self.prefixes = sorted({"", *(prefix for names in tests for prefix in names.prefixes)})
        self.all = [NameAtom(name) for name in self.literals] + [NameAtom(prefix, True) for prefix in self.prefixes]
        self.size = len(self.all)
        self._literal = {name: number for number, name in enumerate(self.literals)}
        self._fresh = {prefix: len(self.literals) + number for number, prefix in enumerate(self.prefixes)}
        self._known: dict[Names, Intervals] = {}

    def atoms(self, names: Names) -> Intervals:
        """The atoms of a set of names.

        Raises:
            UnknownBoundaryError: an atom lies partly in it.
        """
        found = self._known.get(names)
        if found is None:
            if not names.names <= self._literal.keys() or not names.prefixes <= self._fresh.keys():
                raise UnknownBoundaryError(f"{self.field} does not tell {names} apart")
            inside = []
            for number, atom in enumerate(self.all):
                hit = any(atom.text.startswith(prefix) for prefix in names.prefixes)
                if (hit or (not atom.fresh and atom.text in names.names)) is not names.inverted:
                    inside.append((number, number))
            found = self._known[names] = normalize(inside)
        return found

    def of(self, name: str) -> int:
        """The atom of a name."""
        found = self._literal.get(name)
        if found is not None:
            return found
        return self._fresh[max((p for p in self.prefixes if name.startswith(p)), key=len)]

    def of_fresh(self, prefix: str) -> int:
        """The atom of a prefix's other names; "" for all further names."""
        return self._fresh[prefix]

    def under(self, prefix: str) -> set[int]:
        """The atoms whose names all start with a prefix."""
        return {number for number, atom in enumerate(self.all) if atom.text.startswith(prefix)}

    def count(self, first: int, last: int) -> int:
        """How many atoms there are from `first` to `last`: a class of names counts as one."""
        return last - first + 1

    def mapped(self, mask: int | None, value: str) -> list[int]:
        """For each atom the one that a write carries it to."""
        assert mask is None  # noqa: S101 - names are written whole
        return [self.of(value)] * self.size

    def sample(self, atom: int, wish: str = "eth0") -> str:
        """A name of the atom; `wish` where it can be any."""
        text = self.all[atom].text
        if not self.all[atom].fresh:
            return text
        tails = ("0", "1", "2") if text else (wish, "eth1", "eth2", "eth3", "other")
        # There are finitely many atoms, so that some next letter starts none of them.
        candidates = chain(tails, map(chr, range(ord("0"), sys.maxunicode)))
        return next(text + tail for tail in candidates if self.of(text + tail) == atom)


class ConditionAxis:
    """A condition: atom 0 where it does not hold, 1 where it does."""

    size = 2

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def count(self, first: int, last: int) -> int:
        """Each truth value counts as one."""
        return last - first + 1


IntegerAxis = RangeAxis | ClassAxis | BitAxis
Axis = IntegerAxis | NameAxis | ConditionAxis
#: Fields that are tested bit by bit.
BITWISE = frozenset({Field.MARK, Field.CONNECTION_MARK})
#: Fields whose values are tested in ranges; the others are small, or tested bit by bit.
RANGED = frozenset(
    {Field.SOURCE, Field.DESTINATION, Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.ICMP, Field.LENGTH}
)


def numbers(atoms: Sequence[tuple[int, int]]) -> Iterable[int]:
    """Each atom of a set."""
    for first, last in atoms:
        yield from range(first, last + 1)
