"""Sets of addresses as few networks, with what is missing from them: ``203.0.0.0/16 except 203.0.113.0/24``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.model.address import Family, cidrs, format_cidr, format_ranges
from fwadvisor.model.interval import Intervals, intersect, normalize, subtract
from fwadvisor.packets.box_text import cut

#: A range of addresses is said in CIDRs where these are no more.
_CIDRS = 4
#: A range is as much to read as so many networks.
_RANGE = 3
#: Of sets of more ranges nobody reads the networks, so they are not looked for.
_MOST_RANGES = 32
EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Networks:
    """All addresses of `inside` that are not in `outside`, which are parts of those."""

    inside: tuple[str, ...]
    outside: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How much there is to read."""
        everything = self.inside == (EVERYWHERE,)
        return sum(_RANGE if "-" in each else 1 for each in (*self.inside, *self.outside)) - everything

    def words(self, most: int | None) -> str:
        """The set on one line; of longer lists than `most` the rest is counted."""
        if not self.inside:
            return "nowhere"
        inside = cut(self.inside, most)
        if not self.outside:
            return inside
        return f"{inside} {'but' if inside == EVERYWHERE else 'except'} {cut(self.outside, most)}"


def networks(values: Intervals, family: Family, known: Sequence[tuple[str, Intervals]] = ()) -> Networks:
    """The shortest way to say a set of addresses exactly; a set that is `known` has its name.

    Candidates are the networks themselves, everything but those that are missing, larger networks with exceptions, and
    a known set with exceptions.
    """
    for name, those in known:
        if values == those:
            return Networks((name,))
    if values == family.universe:
        return Networks((EVERYWHERE,))
    return min(_candidates(values, family, known), key=lambda each: each.size)


def _candidates(values: Intervals, family: Family, known: Sequence[tuple[str, Intervals]]) -> Iterator[Networks]:
    yield Networks(_texts(values, family))
    missing = subtract(family.universe, values)
    for name, those in known:
        if missing == those:
            yield Networks((EVERYWHERE,), (name,))
        elif values and not subtract(values, those):
            yield Networks((name,), _texts(subtract(those, values), family))
    if values and len(values) <= _MOST_RANGES:
        for covers in (_Covers(values, family).fewest(), [_around(values, family)]):
            whole = normalize((first, first + (1 << family.bits - prefix) - 1) for first, prefix in covers)
            if whole != family.universe:
                inside = tuple(format_cidr(*each, family) for each in covers)
                yield Networks(inside, _texts(subtract(whole, values), family))
    yield Networks((EVERYWHERE,), _texts(missing, family))


def _texts(values: Intervals, family: Family) -> tuple[str, ...]:
    """Each range in CIDRs, or as ``first-last`` where these are many."""
    found: list[str] = []
    for pair in values:
        pieces = list(cidrs((pair,), family))
        texts: Iterable[str] = (format_cidr(*each, family) for each in pieces)
        found += texts if len(pieces) <= _CIDRS else format_ranges((pair,), family)
    return tuple(found)


def _around(values: Intervals, family: Family) -> tuple[int, int]:
    """The smallest network with all of them."""
    free = (values[0][0] ^ values[-1][1]).bit_length()
    return values[0][0] >> free << free, family.bits - free


@dataclass(slots=True)
class _Way:
    """How the addresses of one network are said: in so many networks, and which of those hold addresses."""

    cost: int
    covers: tuple[tuple[int, int], ...] = ()


class _Covers:
    """Looks for the networks that say a set in the fewest ones, those that are missing from them counted too."""

    def __init__(self, values: Intervals, family: Family) -> None:
        self._values = values
        self._family = family

    def fewest(self) -> list[tuple[int, int]]:
        return list(self._ways(0, 0, self._values)[0].covers)

    def _ways(self, first: int, prefix: int, part: Intervals) -> tuple[_Way, _Way]:
        """The best ways to say a network that no larger one covers, and one that is covered."""
        last = first + (1 << self._family.bits - prefix) - 1
        if not part:
            return _Way(0), _Way(1)
        if part == ((first, last),):
            return _Way(1, ((first, prefix),)), _Way(0)
        half = first + (1 << self._family.bits - prefix - 1)
        left, left_covered = self._ways(first, prefix + 1, intersect(part, ((first, half - 1),)))
        right, right_covered = self._ways(half, prefix + 1, intersect(part, ((half, last),)))
        covered = _Way(left_covered.cost + right_covered.cost)
        apart = _Way(left.cost + right.cost, left.covers + right.covers)
        if apart.cost <= covered.cost + 1:
            return apart, covered
        return _Way(covered.cost + 1, ((first, prefix),)), covered
