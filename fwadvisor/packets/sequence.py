"""One part of a list after the other, where packets go on with new values, effects or a verdict that stands."""

from __future__ import annotations

from enum import IntEnum

from fwadvisor.packets.ends import Ends, Kind, Update
from fwadvisor.packets.layout import Layout
from fwadvisor.packets.nodes import OPEN, Nodes

Targets = tuple[tuple[int, int], ...]


_ONLY_OPEN = frozenset({OPEN})


class Carry(IntEnum):
    """What packets that go on from a part take with them; the larger the costlier."""

    NOTHING = 0
    #: A standing verdict or effects, which no test sees.
    UNSEEN = 1
    #: New values of fields.
    VALUES = 2


class Sequencer:
    """The operators that know what ends mean."""

    def __init__(self, layout: Layout, nodes: Nodes, ends: Ends) -> None:
        self.layout = layout
        self.nodes = nodes
        self.ends = ends
        self._then: dict[tuple[int, int], int] = {}
        self._grafted: dict[tuple[int, Targets], int] = {}
        #: Of all ends of a diagram, those with which packets go on.
        self._going: dict[frozenset[int], frozenset[int]] = {}
        self._after: dict[tuple[int, int], int] = {}
        self._values: dict[tuple[Update, ...], dict[int, int]] = {}

    def carry(self, end: int) -> Carry:
        """What a packet with this end takes along."""
        if end == OPEN or self.ends[end].kind is not Kind.ON:
            return Carry.NOTHING
        levels = self.layout.levels
        return Carry.VALUES if any(write[0] in levels for write in self.ends[end].writes) else Carry.UNSEEN

    def carried(self, node: int) -> Carry:
        """What packets that go on from a diagram take along at most."""
        return max((self.carry(end) for end in self.going(node)), default=Carry.NOTHING)

    def sequence(self, a: int, b: int, carry: Carry) -> int:
        """`a` first, and `b` with the packets that go on; `carry` is at least `carried(a)`."""
        if carry is Carry.NOTHING:
            return self.nodes.override(a, b)
        if carry is Carry.UNSEEN:
            return self.then(a, b)
        return self._graft(a, tuple((end, self.after(end, b)) for end in sorted(self.going(a))))

    def then(self, a: int, b: int) -> int:
        """`sequence` where no test of `b` sees what `a` writes: end after end."""
        if b == OPEN or a == OPEN:
            return a or b
        if a < 0:
            if self.ends[a].kind is not Kind.ON:
                return a
            if b < 0:
                return self.ends.after(a, b)
        elif self.going(a) <= _ONLY_OPEN:
            return self.nodes.override(a, b)
        key = (a, b)
        found = self._then.get(key)
        if found is None:
            found = self._then[key] = self.nodes.apart(self.then, a, b)
        return found

    def going(self, node: int) -> frozenset[int]:
        """The ends of a diagram with which packets go on."""
        ends = self.nodes.ends_of(node)
        found = self._going.get(ends)
        if found is None:
            on = frozenset(end for end in ends if end == OPEN or self.ends[end].kind is Kind.ON)
            found = self._going[ends] = on
        return found

    def after(self, end: int, node: int) -> int:
        """What becomes of packets that come to `end`, go on, and then see `node`."""
        if end == OPEN:
            return node
        found = self._after.get((end, node))
        if found is None:
            seen = self.written(self.ends[end].writes, node)
            found = self.nodes.relabel(seen, {each: self.ends.after(end, each) for each in self.nodes.ends_of(seen)})
            self._after[end, node] = found
        return found

    def written(self, writes: tuple[Update, ...], node: int) -> int:
        """`node` as packets see it whose fields were written before: tests ask for the new values."""
        levels = self.layout.levels
        writes = tuple(write for write in writes if write[0] in levels)
        if not writes:
            return node
        places = {levels[field]: (mask, value) for field, mask, value in writes}
        lowest = max(places)
        known = self._values.setdefault(writes, {})
        nodes = self.nodes

        def walk(a: int) -> int:
            if a <= 0 or nodes.nodes[a][0] > lowest:
                return a
            found = known.get(a)
            if found is None:
                level, bounds, kids = nodes.nodes[a]
                if level not in places:
                    found = nodes.join(level, bounds, [walk(kid) for kid in kids])
                else:
                    mapped = self.layout.axes[level].mapped(*places[level])  # type: ignore[union-attr,arg-type]
                    if places[level][0] is None:
                        found = walk(nodes.kid(a, mapped[0]))
                    else:
                        found = nodes.join(level, range(len(mapped)), [walk(nodes.kid(a, atom)) for atom in mapped])
                known[a] = found
            return found

        return walk(node)

    def _graft(self, a: int, targets: Targets) -> int:
        """`a` with diagrams in the place of those of its ends that `targets` names, exactly those that go on."""
        if not targets:
            return a
        if len(targets) == 1 and targets[0][0] == OPEN:
            return self.nodes.override(a, targets[0][1])
        if a <= 0:
            return targets[0][1]
        found = self._grafted.get((a, targets))
        if found is not None:
            return found
        all_of = [a, *(node for _, node in targets)]
        level = min(self.nodes.level(each) for each in all_of)
        bounds, columns = self.nodes.columns(level, all_of)
        names = [end for end, _ in targets]
        kids = []
        for kid, *others in zip(*columns, strict=True):
            if kid <= 0:
                kids.append(others[names.index(kid)] if kid in names else kid)
                continue
            going = self.going(kid)
            below = tuple([(name, other) for name, other in zip(names, others, strict=True) if name in going])
            kids.append(self._graft(kid, below))
        made = self._grafted[a, targets] = self.nodes.join(level, bounds, kids)
        return made
