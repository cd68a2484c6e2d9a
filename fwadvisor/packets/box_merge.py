"""Few boxes for a set of packets that is given as many.

Three ways, from cheap to thorough; each gives disjoint boxes with exactly the packets of the given ones:

- `merged`: two boxes that differ on one axis alone become one. It goes around the axes until nothing changes.
- `by_paths`: on the first axis of an order, values with the same packets behind them are grouped, and so on behind
  each group. Such a form is the same however the set was cut before, so it undoes cuts that merging cannot.
- `fewest`: among all ways to divide the set into boxes one with the fewest, for sets that are small after equal
  values have been joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, permutations, product
from typing import TypeAlias

from fwadvisor.model.interval import Intervals, contains, normalize, size
from fwadvisor.packets.overlap_axes import Box

#: The values of the first axis in groups, each with what is behind it.
_Node: TypeAlias = tuple[tuple[Intervals, "_Node"], ...]
#: Sets with more boxes or ranges than that are merged only.
_MOST_BOXES, _MOST_RANGES = 64, 400
#: Sets of at most so many cells, after equal values have been joined, are divided in all ways.
_MOST_CELLS, _MOST_CHOICES = 64, 10
_MOST_STEPS = 20_000
#: So many axes are tried in every order; of more axes each one comes first once.
_ALL_ORDERS = 4


def fewer(boxes: Sequence[Box], whole: Sequence[Intervals]) -> list[Box]:
    """The same packets in fewer boxes, with the fewest where the set is small; the given boxes are disjoint."""
    best = merged(boxes, whole)
    if len(best) < 2 or len(best) > _MOST_BOXES or _ranges(best) > _MOST_RANGES:
        return best
    places = [place for place in range(len(whole)) if any(box[place] is not None for box in boxes)]
    orders = permutations(places) if len(places) <= _ALL_ORDERS else (tuple(_first(p, places)) for p in places)
    for order in orders:
        best = min(best, merged(by_paths(best, whole, order), whole), key=lambda found: (len(found), _ranges(found)))
    return fewest(best, whole, places) if len(best) > 1 else best


def _first(place: int, places: Iterable[int]) -> Iterator[int]:
    yield place
    yield from (other for other in places if other != place)


def _ranges(boxes: Iterable[Box]) -> int:
    return sum(len(values) for box in boxes for values in box if values is not None)


def merged(boxes: Sequence[Box], whole: Sequence[Intervals]) -> list[Box]:
    """Boxes in which no two differ on one axis alone; the given boxes are disjoint.

    Sets of values are numbered, so that boxes are compared by small numbers.
    """
    numbers: dict[Intervals | None, int] = {None: 0}
    sets: list[Intervals | None] = [None]

    def number(values: Intervals | None) -> int:
        known = numbers.setdefault(values, len(sets))
        if known == len(sets):
            sets.append(values)
        return known

    rows = list(dict.fromkeys(tuple(number(values) for values in box) for box in boxes))
    changed = True
    while changed and len(rows) > 1:
        changed = False
        for place in range(len(rows[0])):
            groups: dict[tuple[int, ...], list[int]] = {}
            for row in rows:
                groups.setdefault(row[:place] + row[place + 1 :], []).append(row[place])
            if len(groups) < len(rows):
                changed = True
                rows = [
                    (*rest[:place], number(_union([sets[each] for each in several], whole[place])), *rest[place:])
                    for rest, several in groups.items()
                ]
    return [tuple(sets[each] for each in row) for row in rows]


def _union(several: Sequence[Intervals | None], whole: Intervals) -> Intervals | None:
    if len(several) == 1:
        return several[0]
    found: list[tuple[int, int]] = []
    for values in several:
        if values is None:
            return None
        found += values
    union = normalize(found)
    return None if union == whole else union


def by_paths(boxes: Iterable[Box], whole: Sequence[Intervals], order: Sequence[int]) -> list[Box]:
    """Disjoint boxes of the same packets, grouped axis after axis; axes that are not in `order` are not limited.

    The result depends on the set and the order alone. A set of values is None where it is the whole axis.
    """
    known: dict[tuple[int, frozenset[tuple[Intervals | None, ...]]], _Node] = {}
    rows = frozenset(tuple(box[place] for place in order) for box in boxes)
    node = _node(rows, [whole[place] for place in order], 0, known)
    found: list[Box] = []
    for path in _paths(node, len(order)):
        box: list[Intervals | None] = [None] * len(whole)
        for place, values in zip(order, path, strict=True):
            box[place] = None if values == whole[place] else values
        found.append(tuple(box))
    return found


def _node(
    rows: frozenset[tuple[Intervals | None, ...]],
    whole: Sequence[Intervals],
    depth: int,
    known: dict[tuple[int, frozenset[tuple[Intervals | None, ...]]], _Node],
) -> _Node:
    if depth == len(whole):
        return ()
    node = known.get((depth, rows))
    if node is None:
        groups: dict[_Node, list[tuple[int, int]]] = {}
        for first, last, behind in _stretches(rows, whole[depth]):
            groups.setdefault(_node(behind, whole, depth + 1, known), []).append((first, last))
        node = tuple(sorted((normalize(ranges), below) for below, ranges in groups.items()))
        known[depth, rows] = node
    return node


def _stretches(
    rows: Iterable[tuple[Intervals | None, ...]], whole: Intervals
) -> Iterator[tuple[int, int, frozenset[tuple[Intervals | None, ...]]]]:
    """Stretches of the first axis with what the rows that hold them say of the other axes."""
    begins: dict[int, list[tuple[Intervals | None, ...]]] = {}
    ends: dict[int, list[tuple[Intervals | None, ...]]] = {}
    for row in rows:
        for first, last in whole if row[0] is None else row[0]:
            begins.setdefault(first, []).append(row[1:])
            ends.setdefault(last + 1, []).append(row[1:])
    held: dict[tuple[Intervals | None, ...], int] = {}
    edges = sorted({*begins, *ends})
    for edge, following in pairwise(edges):
        for rest in ends.get(edge, ()):
            held[rest] -= 1
        for rest in begins.get(edge, ()):
            held[rest] = held.get(rest, 0) + 1
        behind = frozenset(rest for rest, count in held.items() if count)
        if behind:
            yield edge, following - 1, behind


def _paths(node: _Node, depth: int) -> Iterator[tuple[Intervals, ...]]:
    if not depth:
        yield ()
        return
    for values, below in node:
        for path in _paths(below, depth - 1):
            yield (values, *path)


def fewest(boxes: list[Box], whole: Sequence[Intervals], places: Sequence[int]) -> list[Box]:
    """A division into the fewest disjoint boxes, where the set is small; else the given boxes.

    Values of an axis that have the same packets behind them belong together in some smallest division, so the set
    is a grid of groups of values. The lowest open cell of it must be in some box; all boxes of open cells with
    that cell are tried, the largest ones first, as long as fewer boxes than the best so far can come of it.
    """
    groups = []
    for place in places:
        top = _node(
            frozenset(tuple(box[p] for p in _first(place, places)) for box in boxes),
            [whole[p] for p in _first(place, places)],
            0,
            {},
        )
        groups.append([values for values, _ in top])
    cells = list(product(*(range(len(each)) for each in groups)))
    if len(cells) > _MOST_CELLS or sum(len(each) - 1 for each in groups) > _MOST_CHOICES:
        return boxes
    filled = 0
    for number, cell in enumerate(cells):
        point = [groups[axis][group][0][0] for axis, group in enumerate(cell)]
        if any(_holds(box, places, point) for box in boxes):
            filled |= 1 << number
    search = _Search(cells, [len(each) for each in groups], filled, len(boxes))
    division = search.run()
    if division is None:
        return boxes
    return [_box(parts, groups, places, whole) for parts in division]


def _holds(box: Box, places: Sequence[int], point: Sequence[int]) -> bool:
    return all((values := box[place]) is None or contains(values, at) for place, at in zip(places, point, strict=True))


def _box(
    parts: Sequence[frozenset[int]],
    groups: Sequence[Sequence[Intervals]],
    places: Sequence[int],
    whole: Sequence[Intervals],
) -> Box:
    box: list[Intervals | None] = [None] * len(whole)
    for axis, place in enumerate(places):
        values = normalize(pair for group in parts[axis] for pair in groups[axis][group])
        box[place] = None if size(values) == size(whole[place]) else values
    return tuple(box)


class _Search:
    """The fewest boxes of a grid whose cells are bits of `filled`; fewer than `best`, or nothing is found."""

    def __init__(self, cells: list[tuple[int, ...]], sizes: Sequence[int], filled: int, best: int) -> None:
        self._place = {cell: number for number, cell in enumerate(cells)}
        self._cells = cells
        self._sizes = sizes
        self._filled = filled
        self._best = best
        self._found: list[tuple[frozenset[int], ...]] | None = None
        self._choices: dict[int, list[tuple[int, tuple[frozenset[int], ...]]]] = {}
        self._steps = 0

    def run(self) -> list[tuple[frozenset[int], ...]] | None:
        """The boxes, each as its groups on every axis, or None where there is nothing better."""
        self._go(self._filled, [])
        return self._found

    def _go(self, open_cells: int, chosen: list[tuple[frozenset[int], ...]]) -> None:
        if not open_cells:
            self._best, self._found = len(chosen), list(chosen)
            return
        if len(chosen) + 1 >= self._best or self._steps >= _MOST_STEPS:
            return
        lowest = (open_cells & -open_cells).bit_length() - 1
        for mask, parts in self._with(lowest):
            if not mask & ~open_cells:
                self._steps += 1
                chosen.append(parts)
                self._go(open_cells & ~mask, chosen)
                chosen.pop()

    def _with(self, cell: int) -> list[tuple[int, tuple[frozenset[int], ...]]]:
        """The boxes of filled cells with one cell, the largest first."""
        known = self._choices.get(cell)
        if known is None:
            sides = [list(_subsets(number, at)) for number, at in zip(self._sizes, self._cells[cell], strict=True)]
            known = []
            for parts in product(*sides):
                mask = 0
                for each in product(*parts):
                    mask |= 1 << self._place[each]
                if not mask & ~self._filled:
                    known.append((mask, parts))
            known.sort(key=lambda each: -each[0].bit_count())
            self._choices[cell] = known
        return known


def _subsets(count: int, member: int) -> Iterator[frozenset[int]]:
    """The sets of numbers below `count` that hold `member`."""
    others = [number for number in range(count) if number != member]
    for chosen in product((False, True), repeat=len(others)):
        yield frozenset({member, *(number for number, taken in zip(others, chosen, strict=True) if taken)})
