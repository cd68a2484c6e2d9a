"""Rows in an order that depends on what they do alone, and as few of them as lists allow.

Two rows depend on each other where some packet may be in both and it counts which one is asked first. A row stands one
step after the last row before it on which it depends. Rows of one step can stand in any order, so they are put
together where they differ in one list, and sorted. Files that differ in the order of rows that do not depend on each
other, and in how they group lists, come to the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

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


class _Bucket(NamedTuple):
    """What tells most rows apart that have no packet in common, or need no order."""

    family: Family
    #: The protocol and the destination port, where there is one only.
    protocol: int | None
    port: int | None
    effect: Effect
    #: Whether asking the row's conditions changes nothing.
    steady: bool


@dataclass
class _Steps:
    """The rows placed so far, by step and by what they can be told apart by quickly."""

    most: int | None
    steps: list[dict[_Bucket, list[Row]]] = field(default_factory=list)
    pairs: int = 0

    def place(self, row: Row) -> None:
        at = len(self.steps)
        while at and not self._depends(row, self.steps[at - 1]):
            at -= 1
        if at == len(self.steps):
            self.steps.append({})
        self.steps[at].setdefault(_bucket(row), []).append(row)

    def _depends(self, row: Row, step: Mapping[_Bucket, list[Row]]) -> bool:
        mine = _bucket(row)
        for bucket, rows in step.items():
            if _may_meet(mine, bucket) and _order_counts(mine.effect, bucket.effect, mine.steady and bucket.steady):
                if self.most is None:
                    return True
                self.pairs += len(rows)
                if self.pairs > self.most:
                    raise _TooManyError
                if any(map(row.meets, rows)):
                    return True
        return False


class _TooManyError(Exception):
    """There are more pairs than are looked at."""


def _bucket(row: Row) -> _Bucket:
    protocol, port = (_single(row, each) for each in (Field.PROTOCOL, Field.DESTINATION_PORT))
    return _Bucket(row.family, protocol, port, row.effect, all(map(is_steady, row.conditions)))


def _single(row: Row, each: Field) -> int | None:
    values = row.integers.get(each, ())
    if len(values) != 1 or values[0][0] != values[0][1] or each in row.effect.writes:
        return None
    return values[0][0]


def _may_meet(a: _Bucket, b: _Bucket) -> bool:
    """Whether rows of two buckets may have packets in common."""
    return (
        a.family is b.family
        and (a.protocol is None or b.protocol is None or a.protocol == b.protocol)
        and (a.port is None or b.port is None or a.port == b.port)
    )


def _order_counts(a: Effect, b: Effect, steady: bool) -> bool:
    """Whether it counts which one of two rows is asked first, where packets match both."""
    if not steady or Kind.OTHER in (a.kind, b.kind):
        return True
    if a == b:
        return False
    if a.kind is Kind.NOTES and b.kind is Kind.NOTES:
        return bool(a.writes & b.writes)
    return {a.kind, b.kind} != {Kind.ENDS, Kind.STANDS}


def ordered(rows: Sequence[Row], neutral: Collection[str], most: int = MOST_PAIRS) -> Ordered:
    """The rows in steps; those at the end that do what the end of the chain does (`neutral`) are left out."""
    steps, exact = _Steps(most), True
    try:
        for row in rows:
            steps.place(row)
    except _TooManyError:
        steps, exact = _Steps(None), False
        for row in rows:
            steps.place(row)
    flat = [[row for several in step.values() for row in several] for step in steps.steps]
    if exact and neutral:
        flat = _without_tail(flat, neutral)
    return Ordered(tuple(tuple(_joined(step)) for step in flat if step), exact)


def _without_tail(steps: list[list[Row]], neutral: Collection[str]) -> list[list[Row]]:
    """The steps without rows that change nothing, because what is after them does the same to all of their packets."""
    later: dict[_Bucket, list[Row]] = {}
    kept: list[list[Row]] = []
    for step in reversed(steps):
        left = [row for row in step if row.effect.text not in neutral or _is_needed(row, later)]
        for row in left:
            later.setdefault(_bucket(row), []).append(row)
        kept.insert(0, left)
    return kept


def _is_needed(row: Row, later: Mapping[_Bucket, list[Row]]) -> bool:
    """Whether a later row would do something else to one of its packets."""
    mine = _bucket(row)
    return any(
        mine.effect != bucket.effect and _may_meet(mine, bucket) and any(map(row.meets, rows))
        for bucket, rows in later.items()
    )


def _joined(step: Iterable[Row]) -> list[Row]:
    """The rows with those as one that differ in one list alone."""
    rows = list(step)
    for each in _JOINED:
        groups: dict[Hashable, list[Row]] = {}
        for row in rows:
            groups.setdefault(_rest(row, each), []).append(row)
        rows = [_one(several, each) for several in groups.values()]
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
