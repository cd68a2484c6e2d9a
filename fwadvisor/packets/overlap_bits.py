"""Which boxes may overlap a box: for each axis, a bit mask of boxes for each stretch of values.

A set of boxes is an integer with one bit for each. An axis is cut into at most `_MOST` stretches at the ends of
the values that boxes have there; the mask of a stretch has the boxes with values in it. The boxes that have no
limit on the axis are kept once, in `free`. The union of neighbouring stretches is a tree of masks, so that a wide
range costs a few of them. The answer is the intersection over the axes: every overlapping box is in it, and
others only where stretches are wider than values, so it is asked first and believed only after a second look.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from fwadvisor.model.interval import Intervals
from fwadvisor.packets.overlap_axes import Box

_MOST = 512
#: So few boxes are looked at one by one.
FEW = 32
#: Remembered answers of one axis; a mask of 20,000 boxes has 2.5 kB.
_REMEMBERED = 1024


def bits(mask: int) -> Iterator[int]:
    """The boxes of a mask, the first one first."""
    if mask.bit_count() <= 4:
        while mask:
            low = mask & -mask
            yield low.bit_length() - 1
            mask ^= low
        return
    text = bin(mask)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


class AxisBits:
    """The masks of one axis; `values` are those of the boxes, in order."""

    def __init__(self, values: Sequence[Intervals | None]) -> None:
        self.free = 0
        holders: dict[Intervals, int] = {}
        for place, each in enumerate(values):
            if each is None:
                self.free |= 1 << place
            else:
                holders[each] = holders.get(each, 0) | 1 << place
        cuts = sorted({edge for each in holders for first, last in each for edge in (first, last + 1)})
        if len(cuts) > _MOST - 1:
            cuts = [cuts[n * len(cuts) // (_MOST - 1)] for n in range(_MOST - 1)]
        self._cuts = cuts
        self._leaves = len(cuts) + 1
        tree = [0] * (2 * self._leaves)
        for each, holder in holders.items():
            done = -1
            for first, last in each:
                begin = max(done + 1, bisect_right(cuts, first))
                done = bisect_right(cuts, last)
                for leaf in range(self._leaves + begin, self._leaves + done + 1):
                    tree[leaf] |= holder
        for node in range(self._leaves - 1, 0, -1):
            tree[node] = tree[2 * node] | tree[2 * node + 1]
        self._tree = tree
        self._known: dict[Intervals, int] = {}

    def overlapping(self, values: Intervals) -> int:
        """The boxes that may have one of `values`."""
        known = self._known.get(values)
        if known is not None:
            return known
        mask, tree, cuts, leaves = self.free, self._tree, self._cuts, self._leaves
        for first, last in values:
            left = bisect_right(cuts, first) + leaves
            if first == last:
                mask |= tree[left]
                continue
            right = bisect_right(cuts, last) + leaves + 1
            while left < right:
                if left & 1:
                    mask |= tree[left]
                    left += 1
                if right & 1:
                    right -= 1
                    mask |= tree[right]
                left >>= 1
                right >>= 1
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[values] = mask
        return mask

    def at(self, value: int) -> int:
        """The boxes that may have one value."""
        return self.free | self._tree[bisect_right(self._cuts, value) + self._leaves]

    def thinnest(self, values: Intervals, mask: int, avoided: int) -> tuple[int, int, Intervals]:
        """The stretch with the fewest boxes of `avoided`, then of `mask`: a weight, the boxes, and `values` there."""
        free, tree, cuts, leaves = self.free & mask, self._tree, self._cuts, self._leaves
        least, where, held = -1, values[0], mask
        for first, last in values:
            for leaf in range(bisect_right(cuts, first), bisect_right(cuts, last) + 1):
                there = free | tree[leaf + leaves] & mask
                weight = there.bit_count()
                if avoided and (worse := there & avoided):
                    weight += worse.bit_count() << 32
                if least < 0 or weight < least:
                    begin = max(first, cuts[leaf - 1]) if leaf else first
                    end = min(last, cuts[leaf] - 1) if leaf < len(cuts) else last
                    least, where, held = weight, (begin, end), there
        return least, held, (where,)


class Bits:
    """The masks of all axes of some boxes."""

    def __init__(self, boxes: Sequence[Box], whole: Sequence[Intervals]) -> None:
        self._whole = whole
        self._axes = [AxisBits([box[place] for box in boxes]) for place in range(len(whole))]
        self.all = (1 << len(boxes)) - 1

    def overlapping(self, box: Box, among: int) -> int:
        """The boxes of the mask `among` that may overlap `box`."""
        for axis, values in zip(self._axes, box, strict=True):
            if values is not None:
                among &= axis.overlapping(values)
                if not among:
                    break
        return among

    def at(self, point: Sequence[int], unknown: frozenset[int]) -> int:
        """The boxes that may hold one packet, whose place on the axes `unknown` is not known."""
        mask = self.all
        for place, (axis, value) in enumerate(zip(self._axes, point, strict=True)):
            if place not in unknown:
                mask &= axis.at(value)
        return mask

    def thinner(self, box: Box, mask: int, avoided: int) -> tuple[Box, int]:
        """A part of `box` that few boxes of `mask` may overlap, and these; those of `avoided` where it must be.

        It goes from axis to axis, and on each to the thinnest stretch.
        """
        places = set(range(len(box)))
        while places and (mask.bit_count() > FEW or mask & avoided):
            best: tuple[int, int, int, Intervals] | None = None
            for place in places:
                values = box[place]
                each = self._whole[place] if values is None else values
                weight, held, part = self._axes[place].thinnest(each, mask, avoided)
                if best is None or weight < best[0]:
                    best = (weight, place, held, part)
            assert best is not None  # noqa: S101 - there are places
            _, place, mask, part = best
            box = (*box[:place], part, *box[place + 1 :])
            places.discard(place)
        return box, mask
