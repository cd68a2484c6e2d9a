"""Decision diagrams over addresses and services: many first-match rules as a few nested lookups.

A node looks at one dimension of a packet and leads on to another node or to an action; equal nodes are one
node. So ten thousand rules become a lookup of the destination, one of the source and a short list of
services that many places share, and the work for a packet hardly grows with the number of rules.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, permutations
from typing import NamedTuple, TypeVar

from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import Log, Verdict

_PORT_BITS = 16
_ALL_PORTS = (1 << _PORT_BITS) - 1


class Dimension(StrEnum):
    """What a node looks at."""

    DESTINATION = "destination"
    SOURCE = "source"
    #: Protocol and destination port as one number: ``protocol << 16 | port``.
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Action:
    """What becomes of a packet."""

    verdict: Verdict
    log: Log | None = None


class Row(NamedTuple):
    """A rule in numbers: the values in each dimension that it matches, and its action."""

    values: tuple[Intervals, ...]
    action: Action


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A lookup in one dimension. Edges are sorted and disjoint; what lies on none is left to later rules."""

    dimension: Dimension
    edges: tuple[tuple[int, int, Node | Action], ...]

    def inner(self) -> Iterator[Node]:
        """The nodes that the edges lead to, edge by edge; from one node either all edges lead to nodes or none."""
        return (child for _, _, child in self.edges if isinstance(child, Node))

    def below(self) -> dict[Node, None]:
        """The nodes that edges lead to, each once, in order."""
        return dict.fromkeys(self.inner()) if self.edges and isinstance(self.edges[0][2], Node) else {}

    def children(self) -> dict[int, Node | Action]:
        """What edges lead to, each once, by its identity: equal children are one, and hashing them is slow."""
        return {id(child): child for _, _, child in self.edges}

    def decide(self, value: dict[Dimension, int]) -> Action | None:
        """The action for a packet of these values, or None; the plain reading, for checks."""
        for first, last, child in self.edges:
            if first <= value[self.dimension] <= last:
                return child if isinstance(child, Action) else child.decide(value)
        return None


@dataclass(frozen=True, slots=True)
class Diagram:
    """A root, and the dimensions in which all rules ask for the same values."""

    root: Node | Action
    fixed: dict[Dimension, Intervals]


def services(protocols: Iterable[int], ports: Intervals | None) -> Intervals:
    """Protocols and destination ports as values of `Dimension.SERVICE`."""
    ranges = ports or ((0, _ALL_PORTS),)
    return normalize(
        (protocol << _PORT_BITS | first, protocol << _PORT_BITS | last)
        for protocol in protocols
        for first, last in ranges
    )


def split_services(first: int, last: int) -> Iterable[tuple[int, int, int]]:
    """A range of `Dimension.SERVICE` as (protocol, first port, last port)."""
    while first <= last:
        protocol = first >> _PORT_BITS
        end = min(last, protocol << _PORT_BITS | _ALL_PORTS)
        yield protocol, first & _ALL_PORTS, end & _ALL_PORTS
        first = end + 1


class _TooLargeError(Exception):
    """The values of some dimension cross so much that the diagram would be larger than the rules."""


#: A row inside the builder: the numbers of its values, dimension by dimension, then that of its action.
_Codes = tuple[int, ...]


class _Builder:
    """Builds the diagram for one order of the dimensions."""

    def __init__(
        self, order: Sequence[Dimension], values: Sequence[Sequence[Intervals]], actions: Sequence[Action], budget: int
    ) -> None:
        self._order = order
        self._values = values
        self._actions = actions
        self._budget = budget
        self._nodes: dict[tuple[int, tuple[_Codes, ...]], Node] = {}

    def node(self, level: int, rows: tuple[_Codes, ...]) -> Node:
        """The node that decides `rows` from dimension `level` on."""
        known = self._nodes.get((level, rows))
        if known is None:
            last = level == len(self._order) - 1
            edges = self._last_edges(rows) if last else self._inner_edges(level, rows)
            known = self._nodes[level, rows] = Node(self._order[level], edges)
        return known

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise _TooLargeError

    def _last_edges(self, rows: tuple[_Codes, ...]) -> tuple[tuple[int, int, Action], ...]:
        """First match over one dimension."""
        values, actions = self._values[-1], self._actions
        self._spend(sum(len(values[code]) for code, _ in rows))
        if len({action for _, action in rows}) == 1:
            action = actions[rows[0][1]]
            if len(rows) == 1:
                return tuple((first, last, action) for first, last in values[rows[0][0]])
            ranges = normalize(each for code, _ in rows for each in values[code])
            return tuple((first, last, action) for first, last in ranges)
        ranked = [(first, last, rank) for rank, (code, _) in enumerate(rows) for first, last in values[code]]
        return _joined((first, last, actions[rows[rank][1]]) for first, last, rank in _first_match(sorted(ranked)))

    def _inner_edges(self, level: int, rows: tuple[_Codes, ...]) -> tuple[tuple[int, int, Node], ...]:
        """Cut the dimension where a row begins or ends, and decide each piece by the rows that reach it."""
        values = self._values[level]
        rests: dict[int, list[tuple[int, _Codes]]] = {}
        for position, row in enumerate(rows):
            rests.setdefault(row[0], []).append((position, row[1:]))
        pieces = sorted((first, last, code) for code in rests for first, last in values[code])
        self._spend(len(pieces))
        children: dict[tuple[int, ...], Node] = {}
        edges = []
        for first, last, codes in self._atoms(pieces):
            child = children.get(codes)
            if child is None:
                reaching = (
                    rests[codes[0]] if len(codes) == 1 else sorted(each for code in codes for each in rests[code])
                )
                child = self.node(level + 1, tuple(dict.fromkeys(rest for _, rest in reaching)))
                children[codes] = child
            edges.append((first, last, child))
        return _joined(edges)

    def _atoms(self, pieces: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, tuple[int, ...]]]:
        """Sorted pieces cut to disjoint ranges, each with the codes that cover it."""
        start = 0
        while start < len(pieces):
            first, reach, code = pieces[start]
            end = start + 1
            while end < len(pieces) and pieces[end][0] <= reach:
                reach = max(reach, pieces[end][1])
                end += 1
            if end == start + 1:
                yield first, reach, (code,)
            else:
                yield from self._cut(pieces[start:end])
            start = end

    def _cut(self, pieces: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, tuple[int, ...]]]:
        """A heap of overlapping pieces, cut."""
        changes = sorted(
            [(first, True, code) for first, _, code in pieces] + [(last + 1, False, code) for _, last, code in pieces]
        )
        active: set[int] = set()
        for (at, begins, code), (until, _, _) in pairwise(changes):
            if begins:
                active.add(code)
            else:
                active.discard(code)
            if until > at and active:
                self._spend(len(active))
                yield at, until - 1, tuple(sorted(active))


def _first_match(ranked: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, int]]:
    """Sorted (first, last, rank) ranges cut so that each value is left to the lowest rank that covers it."""
    borders = sorted({first for first, _, _ in ranked} | {last + 1 for _, last, _ in ranked})
    waiting: list[tuple[int, int]] = []
    position = 0
    for at, until in pairwise(borders):
        while position < len(ranked) and ranked[position][0] <= at:
            _, last, rank = ranked[position]
            heapq.heappush(waiting, (rank, last))
            position += 1
        while waiting and waiting[0][1] < at:
            heapq.heappop(waiting)
        if waiting:
            yield at, until - 1, waiting[0][0]


_Child = TypeVar("_Child", Node, Action)


def _joined(edges: Iterable[tuple[int, int, _Child]]) -> tuple[tuple[int, int, _Child], ...]:
    """Neighbouring edges to the same child as one; equal children are one object."""
    joined: list[tuple[int, int, _Child]] = []
    for first, last, child in edges:
        if joined and joined[-1][1] + 1 == first and joined[-1][2] is child:
            joined[-1] = (joined[-1][0], last, child)
        else:
            joined.append((first, last, child))
    return tuple(joined)


def _orders(values: Sequence[Sequence[Intervals]]) -> list[tuple[int, ...]]:
    """The orders of the dimensions worth trying, best first; only dimensions with several values take part.

    Where values overlap, each combination of them needs a node of its own, except in the last dimension, where
    only the first match counts: so the dimension with the most ranges comes last. The most distinct values
    come first, because they leave the fewest rows to each node below.
    """
    weights = [sum(map(len, known)) for known in values]
    several = [number for number, known in enumerate(values) if len(known) > 1]
    return sorted(permutations(several), key=lambda order: (-weights[order[-1]], *(-len(values[n]) for n in order)))


def diagram(dimensions: Sequence[Dimension], rows: Sequence[Row]) -> Diagram | None:
    """The diagram that decides as the first matching row does.

    None where every order of the dimensions would make it much larger than the rows, or where no order is
    needed because `rows` is empty.
    """
    if not rows:
        return None
    interned: list[dict[Intervals, int]] = [{} for _ in dimensions]
    actions: dict[Action, int] = {}
    coded = list(
        dict.fromkeys(
            (
                *(codes.setdefault(value, len(codes)) for codes, value in zip(interned, row.values, strict=True)),
                actions.setdefault(row.action, len(actions)),
            )
            for row in rows
        )
    )
    values = [list(codes) for codes in interned]
    fixed = {dimension: known[0] for dimension, known in zip(dimensions, values, strict=True) if len(known) == 1}
    if len(fixed) == len(dimensions):
        return Diagram(rows[0].action, fixed)
    budget = 10_000 + 8 * sum(len(value) for row in rows for value in row.values)
    for order in _orders(values):
        builder = _Builder([dimensions[n] for n in order], [values[n] for n in order], list(actions), budget)
        try:
            root = builder.node(0, tuple(dict.fromkeys((*(row[n] for n in order), row[-1]) for row in coded)))
        except _TooLargeError:
            continue
        return Diagram(root, fixed)
    return None
