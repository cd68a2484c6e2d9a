"""The node table: ordered, reduced, hash-consed diagrams over atom indexes, and the operators on them.

A diagram is an integer. Positive ones are nodes, 0 and negative ones are ends. A node is ``(level, bounds, kids)``:
kid i is for the atoms up to bounds[i] that kid i-1 is not for; the last bound is the last atom of the level.
Neighbouring kids differ, so that one function has one node, and equal functions have equal numbers.

0 is "open": nothing is decided. A set of packets has the ends 0 (outside) and `IN`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

from fwadvisor.model.interval import Intervals
from fwadvisor.packets.budget import UNLIMITED, Budget, OverrunError

OPEN = 0
IN = -1

Node = tuple[int, tuple[int, ...], tuple[int, ...]]
#: Time is looked at once in so many nodes.
_PACE = 2048
#: Two diagrams make one key: more nodes than this many bits can count fit into no memory.
_SHIFT = 40


class Nodes:
    """The table of one hook and family, with its operators and their caches."""

    def __init__(self, sizes: Sequence[int]) -> None:
        #: Number of atoms of each level.
        self.sizes = tuple(sizes)
        self.nodes: list[Node] = [(len(self.sizes), (), ())]
        self._unique: dict[Node, int] = {}
        self._override: dict[int, int] = {}
        self._meet: dict[int, int] = {}
        self._leaves: dict[tuple[int, Intervals, int, int], int] = {}
        self._ends: dict[int, frozenset[int]] = {}
        self._same_ends: dict[frozenset[int], frozenset[int]] = {}
        self._left = UNLIMITED.nodes
        self._deadline: float | None = None

    def start(self, budget: Budget) -> None:
        """Count nodes and seconds from now on."""
        self._left = budget.nodes
        self._deadline = None if budget.seconds is None else monotonic() + budget.seconds

    def level(self, a: int) -> int:
        """The level of a node; an end is below all of them."""
        return self.nodes[a][0] if a > 0 else len(self.sizes)

    def make(self, level: int, bounds: Sequence[int], kids: Sequence[int]) -> int:
        """The diagram with these kids; neighbours must already differ.

        Raises:
            OverrunError: the budget is spent.
        """
        if len(kids) == 1:
            return kids[0]
        key = (level, tuple(bounds), tuple(kids))
        found = self._unique.get(key)
        if found is not None:
            return found
        nodes = self.nodes
        number = len(nodes)
        self._left -= 1 + (len(kids) >> 3)
        if self._left < 0:
            raise OverrunError("nodes")
        if not number % _PACE and self._deadline is not None and monotonic() > self._deadline:
            raise OverrunError("seconds")
        nodes.append(key)
        self._unique[key] = number
        return number

    def join(self, level: int, bounds: Sequence[int], kids: Sequence[int]) -> int:
        """As `make`, for kids whose neighbours may be equal."""
        kept_bounds: list[int] = []
        kept: list[int] = []
        last = None
        for bound, kid in zip(bounds, kids, strict=True):
            if kid == last:
                kept_bounds[-1] = bound
            else:
                kept_bounds.append(bound)
                kept.append(kid)
                last = kid
        return self.make(level, kept_bounds, kept)

    def leaf(self, level: int, atoms: Intervals, inside: int, outside: int = OPEN) -> int:
        """The diagram that is `inside` for these atoms of a level, else `outside`; both below the level."""
        if inside == outside:
            return inside
        key = (level, atoms, inside, outside)
        found = self._leaves.get(key)
        if found is not None:
            return found
        bounds: list[int] = []
        kids: list[int] = []
        following = 0
        for first, last in atoms:
            if first > following:
                bounds.append(first - 1)
                kids.append(outside)
            bounds.append(last)
            kids.append(inside)
            following = last + 1
        if following < self.sizes[level]:
            bounds.append(self.sizes[level] - 1)
            kids.append(outside)
        made = self._leaves[key] = self.make(level, bounds, kids)
        return made

    def box(self, atoms: Iterable[tuple[int, Intervals]], end: int) -> int:
        """The diagram that is `end` where every level has one of its atoms, else open."""
        made = end
        for level, values in sorted(atoms, reverse=True):
            made = self.leaf(level, values, made)
        return made

    def override(self, a: int, b: int) -> int:
        """`a` where it is not open, else `b`: of two parts of a list the first decides. Of two sets, the union."""
        if a <= 0:
            return a or b
        if b == OPEN or a == b:
            return a
        cache = self._override
        key = a << _SHIFT | b if b > 0 else ~(a << _SHIFT | -b)
        found = cache.get(key)
        if found is not None:
            return found
        nodes, override = self.nodes, self.override
        level, bounds_a, kids_a = nodes[a]
        level_b, bounds_b, kids_b = nodes[b] if b > 0 else nodes[0]
        if level < level_b:
            made = self.join(level, bounds_a, [x if x < 0 else override(x, b) if x else b for x in kids_a])
        elif level > level_b:
            made = self.join(level_b, bounds_b, [override(a, y) if y else a for y in kids_b])
        else:
            made = self._merged(level, bounds_a, kids_a, bounds_b, kids_b)
        cache[key] = made
        return made

    def _merged(
        self,
        level: int,
        bounds_a: tuple[int, ...],
        kids_a: tuple[int, ...],
        bounds_b: tuple[int, ...],
        kids_b: tuple[int, ...],
    ) -> int:
        """`override` of two nodes of one level."""
        override = self.override
        bounds: list[int] = []
        kids: list[int] = []
        i = j = 0
        to_a, x = bounds_a[0], kids_a[0]
        to_b, y = bounds_b[0], kids_b[0]
        end = bounds_a[-1]
        last = None
        while True:
            kid = (x if y == 0 or x == y else override(x, y)) if x > 0 else x or y
            to = to_a if to_a < to_b else to_b
            if kid == last:
                bounds[-1] = to
            else:
                bounds.append(to)
                kids.append(kid)
                last = kid
            if to == end:
                return self.make(level, bounds, kids)
            if to == to_a:
                i += 1
                to_a, x = bounds_a[i], kids_a[i]
            if to == to_b:
                j += 1
                to_b, y = bounds_b[j], kids_b[j]

    def meet(self, a: int, b: int) -> int:
        """`b` within the set `a`, open outside. Of two sets, the intersection."""
        if a <= 0 or b == OPEN:
            return b if a else OPEN
        if a == b:
            return a
        key = a << _SHIFT | b if b > 0 else ~(a << _SHIFT | -b)
        found = self._meet.get(key)
        if found is None:
            found = self._meet[key] = self.apart(self.meet, a, b)
        return found

    def apart(self, operator: Callable[[int, int], int], a: int, b: int) -> int:
        """The diagram whose kids are the operator on the kids of `a` and `b` for the same atoms."""
        level, bounds, kids_a, kids_b = self.aligned(a, b)
        return self.join(level, bounds, [operator(x, y) for x, y in zip(kids_a, kids_b, strict=True)])

    def aligned(self, a: int, b: int) -> tuple[int, Sequence[int], Sequence[int], Sequence[int]]:
        """The higher level of two diagrams, and their kids there over common bounds."""
        level_a, bounds_a, kids_a = self.nodes[a] if a > 0 else self.nodes[0]
        level_b, bounds_b, kids_b = self.nodes[b] if b > 0 else self.nodes[0]
        if level_a < level_b:
            return level_a, bounds_a, kids_a, [b] * len(kids_a)
        if level_b < level_a:
            return level_b, bounds_b, [a] * len(kids_b), kids_b
        if bounds_a == bounds_b:
            return level_a, bounds_a, kids_a, kids_b
        bounds, xs, ys = [], [], []
        i = j = 0
        end = bounds_a[-1]
        while True:
            to_a, to_b = bounds_a[i], bounds_b[j]
            to = to_a if to_a < to_b else to_b
            bounds.append(to)
            xs.append(kids_a[i])
            ys.append(kids_b[j])
            if to == end:
                return level_a, bounds, xs, ys
            if to == to_a:
                i += 1
            if to == to_b:
                j += 1

    def columns(self, level: int, several: Sequence[int]) -> tuple[list[int], list[list[int]]]:
        """The kids of several diagrams at a level over common bounds; those below the level are their own kids."""
        here = [self.level(each) == level for each in several]
        bounds = sorted({bound for each, at in zip(several, here, strict=True) if at for bound in self.nodes[each][1]})
        columns = []
        for each, at in zip(several, here, strict=True):
            if not at:
                columns.append([each] * len(bounds))
                continue
            _, own, kids = self.nodes[each]
            column, place = [], 0
            for bound in bounds:
                column.append(kids[place])
                if own[place] == bound:
                    place += 1
            columns.append(column)
        return bounds, columns

    def relabel(self, a: int, ends: Mapping[int, int]) -> int:
        """`a` with its ends replaced; those that are not named stay."""
        if all(old == new for old, new in ends.items()):
            return a
        known: dict[int, int] = {end: ends.get(end, end) for end in self.ends_of(a)}
        nodes = self.nodes

        def walk(node: int) -> int:
            level, bounds, kids = nodes[node]
            for kid in kids:
                if kid not in known:
                    known[kid] = walk(kid)
            return self.join(level, bounds, [known[kid] for kid in kids])

        return known[a] if a in known else walk(a)

    def complement(self, a: int) -> int:
        """The other packets than those of the set `a`."""
        return self.relabel(a, {OPEN: IN, IN: OPEN})

    def pick(self, a: int, ends: Iterable[int]) -> int:
        """The set of packets for which `a` has one of these ends."""
        chosen = frozenset(ends)
        known: dict[int, int] = {}

        def walk(node: int) -> int:
            has = self.ends_of(node)
            if chosen.isdisjoint(has):
                return OPEN
            if has <= chosen:
                return IN
            level, bounds, kids = self.nodes[node]
            for kid in kids:
                if kid not in known:
                    known[kid] = walk(kid)
            return self.join(level, bounds, [known[kid] for kid in kids])

        return walk(a)

    def ends_of(self, a: int) -> frozenset[int]:
        """The ends that `a` has."""
        known = self._ends
        found = known.get(a)
        if found is None:
            if a <= 0:
                found = frozenset({a})
            else:
                several = {self.ends_of(kid) for kid in set(self.nodes[a][2])}
                found = several.pop() if len(several) == 1 else frozenset().union(*several)
                found = self._same_ends.setdefault(found, found)
            known[a] = found
        return found

    def below(self, a: int) -> set[int]:
        """The nodes of the diagram `a`."""
        seen: set[int] = set()
        stack = [a]
        while stack:
            node = stack.pop()
            if node > 0 and node not in seen:
                seen.add(node)
                stack.extend(self.nodes[node][2])
        return seen

    def kid(self, a: int, atom: int) -> int:
        """The kid of a node for an atom of its level."""
        _, bounds, kids = self.nodes[a]
        return kids[bisect_left(bounds, atom)]

    def at(self, a: int, atoms: Sequence[int]) -> int:
        """The end of `a` for one atom of each level."""
        while a > 0:
            a = self.kid(a, atoms[self.nodes[a][0]])
        return a

    def exists(self, a: int, levels: frozenset[int]) -> int:
        """The set `a` without these levels: where one of their atoms, at least, leads inside."""
        known: dict[int, int] = {}

        def walk(node: int) -> int:
            if node <= 0:
                return node
            found = known.get(node)
            if found is None:
                level, bounds, kids = self.nodes[node]
                walked = [walk(kid) for kid in kids]
                found = OPEN
                if level in levels:
                    for kid in walked:
                        found = self.override(found, kid)
                else:
                    found = self.join(level, bounds, walked)
                known[node] = found
            return found

        return walk(a)
