"""Sets of integers as sorted, disjoint, non-adjacent inclusive ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

#: Sorted by first value; ranges neither overlap nor touch; both ends are inside.
Intervals: TypeAlias = tuple[tuple[int, int], ...]

PORTS: Intervals = ((0, 65535),)


def normalize(ranges: Iterable[tuple[int, int]]) -> Intervals:
    """Merge inclusive ranges, in any order and overlapping as they like, into an `Intervals`.

    Raises:
        ValueError: a range ends before it begins.
    """
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if last < first:
            raise ValueError(f"range {first}-{last} ends before it begins")
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def union(a: Intervals, b: Intervals) -> Intervals:
    """All integers of either set."""
    return normalize((*a, *b))


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """The integers of both sets."""
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        first = max(a[i][0], b[j][0])
        last = min(a[i][1], b[j][1])
        if first <= last:
            found.append((first, last))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def subtract(a: Intervals, b: Intervals) -> Intervals:
    """The integers of `a` that are not in `b`."""
    left: list[tuple[int, int]] = []
    j = 0
    for first, last in a:
        while j < len(b) and b[j][1] < first:
            j += 1
        k = j
        while k < len(b) and b[k][0] <= last:
            if b[k][0] > first:
                left.append((first, b[k][0] - 1))
            first = b[k][1] + 1
            k += 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


def contains(a: Intervals, value: int) -> bool:
    """Whether `value` is in the set."""
    i = bisect_right(a, (value, float("inf"))) - 1
    return i >= 0 and a[i][0] <= value <= a[i][1]


def overlaps(a: Intervals, b: Intervals) -> bool:
    """Whether the two sets share an integer."""
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i][1] < b[j][0]:
            i += 1
        elif b[j][1] < a[i][0]:
            j += 1
        else:
            return True
    return False


def covers(a: Intervals, b: Intervals) -> bool:
    """Whether every integer of `b` is in `a`."""
    return not subtract(b, a)


def size(a: Intervals) -> int:
    """How many integers the set holds."""
    return sum(last - first + 1 for first, last in a)


def format_ports(ports: Intervals, dash: str = "-", comma: str = ",") -> str:
    """The set as people write ports: ``22,80-81``."""
    return comma.join(str(first) if first == last else f"{first}{dash}{last}" for first, last in ports)
