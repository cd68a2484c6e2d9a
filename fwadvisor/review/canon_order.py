"""Rows in an order that depends on what they do alone, and as few of them as lists allow.

Two rows depend on each other where some packet may be in both and it counts which one is asked first. A row stands one
step after the last row before it on which it depends. Rows of one step can stand in any order, so they are put
together where they differ in one list, and sorted. Files that differ in the order of rows that do not depend on each
other, and in how they group lists, come to the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias, cast

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Names
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.review.canon_rows import Effect, Kind, Row, is_steady, limited

#: So many pairs of rows are looked at; in larger chains all rows of different effects count as dependent.
MOST_PAIRS = 3_000_000
#: Fields whose lists are put together, in this order.
_JOINED = (
    Field.SOURCE, Field.DESTINATION, Field.DESTINATION_PORT, Field.SOURCE_PORT, Field.ICMP, Field.STATE,
    Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.HELPER, Field.PROTOCOL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ordered:
    """The rows of a chain, step after step."""

    steps: tuple[tuple[Row, ...], ...]
    #: Whether all pairs were looked at; False where the order of the file counts more than it must.
    exact: bool


class _Group(NamedTuple):
    """Rows whose order among themselves never counts."""

    family: Family
    effect: Effect
    #: Whether asking the rows' conditions changes nothing.
    steady: bool


#: Rows by what tells most of them apart, level by level (`_keys`); at the last level a list of rows.
_Tree: TypeAlias = dict[int | None, Any]


@dataclass
class _Step:
    """Rows that may stand in any order."""

    groups: dict[_Group, _Tree] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        *keys, last = _keys(row)
        tree = self.groups.setdefault(_group(row), {})
        for key in keys:
            tree = tree.setdefault(key, {})
        tree.setdefault(last, []).append(row)

    def conflicts(self, row: Row) -> Iterator[Row]:
        """The rows that may have packets in common with `row`, and whose order with it would count then."""
        mine = _group(row)
        for group, tree in self.groups.items():
            if group.family is mine.family and _order_counts(mine.effect, group.effect, mine.steady and group.steady):
                yield from _found(tree, _keys(row))


def _found(tree: _Tree, keys: Sequence[int | None]) -> Iterator[Row]:
    """The rows below a level whose keys may meet."""
    if not keys:
        yield from cast("list[Row]", tree)
        return
    key, *rest = keys
    for each in tree if key is None else (key, None):
        if each in tree:
            yield from _found(tree[each], rest)


@dataclass
class _Steps:
    """The rows placed so far."""

    most: int | None
    steps: list[_Step] = field(default_factory=list)
    pairs: int = 0

    def place(self, twins: Sequence[Row]) -> None:
        """Put rows into the first step after all on which one of them depends."""
        at = len(self.steps)
        while at and not any(self._depends(row, self.steps[at - 1]) for row in twins):
            at -= 1
        if at == len(self.steps):
            self.steps.append(_Step())
        for row in twins:
            self.steps[at].add(row)

    def _depends(self, row: Row, step: _Step) -> bool:
        for other in step.conflicts(row):
            if self.most is None:
                return True
            self.pairs += 1
            if self.pairs > self.most:
                raise _TooManyError
            if row.meets(other):
                return True
        return False


class _TooManyError(Exception):
    """There are more pairs than are looked at."""


def _group(row: Row) -> _Group:
    return _Group(row.family, row.effect, all(map(is_steady, row.conditions)))


def _keys(row: Row) -> tuple[int | None, ...]:
    """Protocol, destination port, and blocks of source and destination, where there is one only; None is any."""
    writes, bits = row.effect.writes, row.family.bits
    return tuple(
        None if each in writes else _only(row.integers.get(each, ()), bits * 5 // 8 if each in _ADDRESSES else 0)
        for each in _KEYS
    )


_KEYS = (Field.PROTOCOL, Field.DESTINATION_PORT, Field.SOURCE, Field.DESTINATION)
_ADDRESSES = (Field.SOURCE, Field.DESTINATION)


def _only(values: Intervals, shift: int) -> int | None:
    """The one value that all have without their last bits."""
    if not values or values[0][0] >> shift != values[-1][1] >> shift:
        return None
    return values[0][0] >> shift


def _order_counts(a: Effect, b: Effect, steady: bool) -> bool:
    """Whether it counts which one of two rows is asked first, where packets match both."""
    if not steady or Kind.OTHER in (a.kind, b.kind):
        return True
    if a == b:
        return False
    if a.kind is Kind.NOTES and b.kind is Kind.NOTES:
        return bool(a.writes & b.writes)
    return {a.kind, b.kind} != {Kind.ENDS, Kind.STANDS}


def ordered(rows: Sequence[Sequence[Row]], neutral: Collection[str], most: int = MOST_PAIRS) -> Ordered:
    """The rows in steps; those at the end that do what the end of the chain does (`neutral`) are left out.

    Rows are given with their twins of the other IP version, so that they stay together.
    """
    steps, exact = _Steps(most), True
    try:
        for twins in rows:
            steps.place(twins)
    except _TooManyError:
        steps, exact = _Steps(None), False
        for twins in rows:
            steps.place(twins)
    placed = [step.rows for step in steps.steps]
    if exact and neutral:
        placed = _without_tail(placed, neutral)
    return Ordered(tuple(tuple(_joined(step)) for step in placed if step), exact)


def _without_tail(steps: list[list[Row]], neutral: Collection[str]) -> list[list[Row]]:
    """The steps without rows that change nothing, because what is after them does the same to all of their packets."""
    later = _Step()
    kept: list[list[Row]] = []
    for step in reversed(steps):
        left = [row for row in step if row.effect.text not in neutral or any(map(row.meets, later.conflicts(row)))]
        for row in left:
            later.add(row)
        kept.insert(0, left)
    return kept


def _joined(step: Iterable[Row]) -> list[Row]:
    """The rows with those as one that differ in one list alone."""
    rows = list(step)
    asked = {each for row in rows for each in (*row.integers, *row.names)}
    for each in _JOINED:
        groups: dict[Hashable, list[Row]] = {}
        for row in rows if each in asked else ():
            groups.setdefault(_rest(row, each), []).append(row)
        rows = [_one(several, each) for several in groups.values()] if groups else rows
    return rows


def _rest(row: Row, left_out: Field) -> Hashable:
    """All of a row but one field; rows with the same rest can be one. Rows that never can be are told apart."""
    if not all(map(is_steady, row.conditions)):
        return id(row)
    if left_out in row.names and not _is_listed(row.names[left_out]):
        return id(row)
    return (
        row.family,
        row.effect,
        frozenset((each, values) for each, values in row.integers.items() if each is not left_out),
        frozenset((each, several) for each, several in row.names.items() if each is not left_out),
        frozenset(row.conditions.items()),
        row.others,
    )


def _is_listed(several: Sequence[Names]) -> bool:
    return len(several) == 1 and not several[0].inverted and not several[0].prefixes


def _one(rows: Sequence[Row], each: Field) -> Row:
    """Rows that differ in `each` alone, as one."""
    first = rows[0]
    if len(rows) == 1:
        return first
    if any(each not in row.integers and each not in row.names for row in rows):
        # One of them has no limit there, so it has the packets of all.
        return next(row for row in rows if each not in row.integers and each not in row.names)
    if each in first.names:
        listed = Names(frozenset(name for row in rows for name in row.names[each][0].names))
        return replace(first, names={**first.names, each: (listed,)})
    values: Intervals = normalize(pair for row in rows for pair in row.integers[each])
    return replace(first, integers=limited({**first.integers, each: values}, first.family))
