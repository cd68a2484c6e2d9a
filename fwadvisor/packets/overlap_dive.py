"""A quick look for one packet of a box that no other box holds.

Whether boxes cover a box can take many steps to prove; that they do not is shown by one packet. This goes for a
likely one: on the axis and at the value where the fewest boxes are, then on the next axis among those that are
left. It finds a packet or says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from fwadvisor.model.interval import Intervals, contains

#: What a box leaves of each place that it limits.
Limited: TypeAlias = dict[int, Intervals]


def finds_a_gap(values: Sequence[Intervals], boxes: list[Limited]) -> bool:
    """Whether a packet with `values` was found that is in no box; boxes have some of `values` where they limit."""
    places = {place for box in boxes for place in box}
    while boxes:
        best: tuple[int, int, int] | None = None
        for place in places:
            count, value = _thinnest(values[place], [box[place] for box in boxes if place in box])
            count += sum(place not in box for box in boxes)
            if best is None or count < best[0]:
                best = (count, place, value)
        if best is None:
            return False
        count, place, value = best
        if not count:
            return True
        boxes = [box for box in boxes if place not in box or contains(box[place], value)]
        places.discard(place)
        if any(places.isdisjoint(box) for box in boxes):
            return False
    return True


def _thinnest(values: Intervals, held: list[Intervals]) -> tuple[int, int]:
    """The least number of sets in `held` that a value of `values` is in, and the first such value."""
    change = dict.fromkeys((first for first, _ in values), 0)
    for each in held:
        for first, last in each:
            change[first] = change.get(first, 0) + 1
            change[last + 1] = change.get(last + 1, 0) - 1
    count = 0
    least = len(held) + 1
    where = 0
    for value in sorted(change):
        count += change[value]
        if count < least and contains(values, value):
            least, where = count, value
            if not count:
                break
    return least, where
