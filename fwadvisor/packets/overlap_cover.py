"""What some boxes leave of a box, exactly.

Promise of `remainder(box, others)`: the boxes given are disjoint, are parts of `box`, meet none of the others, and
together with the others hold all of `box`. Why: each step takes one of these ways with a box that is still open.

1. Others that do not meet the box are forgotten; where none is left, the box is given.
2. One that holds the whole box: nothing is left.
3. Those that limit a single axis take whole slices: the box loses these values and nothing else.
4. On an axis that all others limit, values that none of them has are given at once, as one box.
5. Else the box is cut in two along an axis that one of the others limits, and both parts are open.

Every step makes the box smaller or the others fewer, so it ends. The pieces that are open wait on a stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from fwadvisor.model.interval import Intervals, covers, intersect, normalize, subtract
from fwadvisor.packets.overlap_axes import Box
from fwadvisor.packets.overlap_dive import finds_a_gap
from fwadvisor.packets.overlap_meter import Meter

#: A box as the places that it limits, with a number by which it is known.
Other: TypeAlias = tuple[int, tuple[tuple[int, Intervals], ...]]
#: An other that meets the open box: and what it leaves of the places where it does not hold all values of it.
_Partial: TypeAlias = tuple[Other, list[tuple[int, Intervals]]]

#: Fewer others are cut faster than a packet between them is looked for.
_MANY = 6


class Cover:
    """What boxes leave of boxes, on axes whose sets of all values are `whole`."""

    def __init__(self, whole: tuple[Intervals, ...], meter: Meter) -> None:
        self._whole = whole
        self._meter = meter

    def remainder(
        self, box: Box, others: Iterable[Other], used: set[int] | None = None, one: bool = False
    ) -> Iterator[Box]:
        """The parts of `box` outside of all `others`; `used` takes the numbers of those that took something.

        With `one`, the first box given only says that there is one.

        Raises:
            BudgetError: it takes more boxes than allowed.
        """
        used = set() if used is None else used
        stack = [(box, list(others))]
        while stack:
            box, near = stack.pop()
            self._meter.spend(len(near))
            partial, single = self._sort(box, near, used)
            if partial is None:
                continue
            if single:
                smaller = self._slice(box, single, used)
                if smaller is not None:
                    stack.append((smaller, [other for other, _ in partial]))
                continue
            if not partial:
                yield box
                continue
            if one and len(partial) >= _MANY and self._gap(box, partial):
                yield box
                return
            yield from self._cut(box, partial, stack)

    def _gap(self, box: Box, partial: list[_Partial]) -> bool:
        values = [self._values(box, place) for place in range(len(box))]
        return finds_a_gap(values, [dict(limits) for _, limits in partial])

    def _sort(
        self, box: Box, near: list[Other], used: set[int]
    ) -> tuple[list[_Partial] | None, list[tuple[int, int, Intervals]]]:
        """Those that limit two axes or more, or None where one holds the whole box; and those that limit one."""
        partial: list[_Partial] = []
        single: list[tuple[int, int, Intervals]] = []
        for other in near:
            limits: list[tuple[int, Intervals]] = []
            for place, values in other[1]:
                old = box[place]
                if old is None:
                    limits.append((place, values))
                elif old is not values:
                    met = intersect(old, values)
                    if not met:
                        break
                    if met != old:
                        limits.append((place, met))
            else:
                if len(limits) > 1:
                    partial.append((other, limits))
                elif limits:
                    single.append((other[0], *limits[0]))
                else:
                    used.add(other[0])
                    return None, single
        return partial, single

    def _slice(self, box: Box, single: list[tuple[int, int, Intervals]], used: set[int]) -> Box | None:
        taken: dict[int, list[Intervals]] = {}
        for _, place, values in single:
            taken.setdefault(place, []).append(values)
        for place, slices in taken.items():
            left = subtract(self._values(box, place), normalize(pair for values in slices for pair in values))
            if not left:
                used.update(number for number, where, _ in single if where == place)
                return None
            box = (*box[:place], left, *box[place + 1 :])
        used.update(number for number, _, _ in single)
        return box

    def _cut(self, box: Box, partial: list[_Partial], stack: list[tuple[Box, list[Other]]]) -> Iterator[Box]:
        limited: dict[int, int] = {}
        for _, limits in partial:
            for place, _ in limits:
                limited[place] = limited.get(place, 0) + 1
        near = [other for other, _ in partial]
        for place, count in limited.items():
            if count == len(partial):
                seen = normalize(
                    pair for _, limits in partial for at, values in limits if at == place for pair in values
                )
                rest = subtract(self._values(box, place), seen)
                if rest:
                    stack.append(((*box[:place], seen, *box[place + 1 :]), near))
                    yield (*box[:place], rest, *box[place + 1 :])
                    return
        _, limits = min(partial, key=lambda each: len(each[1]))
        place, values = max(limits, key=lambda each: limited[each[0]])
        rest = subtract(self._values(box, place), values)
        stack.append(((*box[:place], values, *box[place + 1 :]), near))
        stack.append(((*box[:place], rest, *box[place + 1 :]), near))

    def _values(self, box: Box, place: int) -> Intervals:
        values = box[place]
        return self._whole[place] if values is None else values

    def holds(self, other: Other, box: Box) -> bool:
        """Whether one of the others holds all of the box."""
        return all((mine := box[place]) is not None and covers(values, mine) for place, values in other[1])

    def covers(self, box: Box, others: Iterable[Other], used: set[int] | None = None) -> bool:
        """Whether the others hold all of `box`."""
        return next(self.remainder(box, others, used, one=True), None) is None

    def needed(self, boxes: list[Box], others: list[Other], owner: list[int]) -> tuple[int, ...]:
        """Owners of others that together hold all `boxes`, none of which can be missed; the early ones are kept.

        `owner` gives the owner of each number; one that is negative is always there and is not named.
        The others hold all of the boxes.
        """
        used: set[int] = set()
        for box in boxes:
            self.covers(box, others, used)
        owners = sorted({owner[number] for number in used})
        for each in [each for each in reversed(owners) if each >= 0]:
            fewer = [other for other in others if owner[other[0]] != each and owner[other[0]] in owners]
            if all(self.covers(box, fewer) for box in boxes):
                owners.remove(each)
        return tuple(each for each in owners if each >= 0)
