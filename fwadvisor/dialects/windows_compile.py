"""First-match lists for a firewall without order, where block overrides allow.

For each deny there are three ways, and any mixture of them is exact:

* leave it out, where no later permit meets it (the default already denies);
* a Block rule for the deny less what earlier permits accept;
* trim it off every later permit.

Proof. Let f be the first rule that matches packet x. If f is a permit, x lies in no earlier deny, so nothing was
trimmed off f at x; earlier blocks do not hold x, and later ones had f taken away: x is allowed. If f is a deny
that blocks, x lies in no earlier permit, so the block holds x unless no later permit does: denied. If f trims, no
later permit holds x any more and no earlier one ever did: denied. If there is no f, the default decides.

A list whose default is to accept ends in a permit for everything. Only where that permit is never trimmed may the
profile's own default accept; then every other permit is superfluous.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from operator import xor

from fwadvisor.dialects.windows_region import (
    ALL_PROTOCOLS,
    Interfaces,
    Region,
    everything,
    intersection,
    meet,
    merge,
    minus,
    region_of,
    rule_count,
)
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.interval import Intervals, union
from fwadvisor.model.rule import Chain, Match, Rule, State, Verdict

#: A deny that falls into more boxes than this is better served the other way, or refused.
MOST_BOXES = 4096


class Fate(StrEnum):
    """What became of one rule of the policy."""

    WRITTEN = "written"
    #: The default does the same.
    DEFAULT = "default"
    #: Earlier rules take all of its packets.
    SHADOWED = "shadowed"
    #: A deny, taken off later permits.
    TRIMMED = "trimmed"
    #: It speaks of known connections or of loopback, which Windows Firewall never asks about.
    IMPLICIT = "implicit"


@dataclass(slots=True)
class Line:
    """One rule of the policy and the boxes that Windows Firewall gets for it.

    `rule` is None for the permit that stands for an accepting default.
    """

    index: int
    rule: Rule | None
    accept: bool
    regions: list[Region]
    fate: Fate = Fate.WRITTEN
    #: Lines whose packets were taken away from this one.
    less: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """A chain in Windows terms: union of the accepting lines less union of the others, and the profile's default."""

    chain: Chain
    interfaces: Interfaces
    lines: tuple[Line, ...]
    default_accept: bool


def applies(match: Match) -> bool:
    """Whether the match speaks of first packets; Windows Firewall passes the rest of a known flow by itself."""
    return not match.states or State.NEW in match.states


def compile_chain(chain: Chain) -> Plan:
    """The chain as allow and block rules that decide every new packet alike.

    Raises:
        InexpressibleError: a deny would need more rules than anybody could read.
    """
    interfaces = Interfaces((rule.match for rule in chain.rules if applies(rule.match)), chain.hook)
    lines = []
    for index, rule in enumerate(chain.rules, 1):
        region = region_of(rule.match, interfaces, chain.hook) if applies(rule.match) else None
        line = Line(index, rule, rule.verdict is Verdict.ACCEPT, [region] if region else [])
        if region is None:
            line.fate = Fate.IMPLICIT
        lines.append(line)
    if chain.default is Verdict.ACCEPT:
        lines.append(Line(len(lines) + 1, None, accept=True, regions=[everything(interfaces)]))
    _Compiler(lines, interfaces, chain).run()
    last = lines[-1] if chain.default is Verdict.ACCEPT else None
    default_accept = last is not None and not last.less
    if default_accept:
        for line in lines:
            if line.accept and line.fate is Fate.WRITTEN:
                line.fate, line.regions = Fate.DEFAULT, []
    return Plan(chain, interfaces, tuple(lines), default_accept)


class _Index:
    """Which permits can meet a box: for each side, the permits that hold each stretch of its values as a bit mask."""

    #: Bits that the masks of one side may take; a side with more stretches is compared permit by permit.
    _MOST_BITS = 200_000_000

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = regions
        self._sides = [
            (side, _Stretches(toggles))
            for side in range(len(Region._fields))
            if len(toggles := _toggles(regions, side)) * len(regions) <= self._MOST_BITS
        ]

    def meeting(self, region: Region, within: int) -> Iterator[int]:
        """Positions in the mask `within` whose box meets `region`, in order."""
        for side, stretches in self._sides:
            if not within:
                return
            within &= stretches.meeting(region[side])
        while within:
            lowest = within & -within
            within ^= lowest
            position = lowest.bit_length() - 1
            if meet(self._regions[position], region):
                yield position


def _toggles(regions: Sequence[Region], side: int) -> dict[int, int]:
    """Where the set of boxes that hold a value changes: value -> the boxes that begin or end there."""
    toggles: dict[int, int] = {}
    whole: dict[Intervals, int] = {}
    for position, region in enumerate(regions):
        whole[region[side]] = whole.get(region[side], 0) | 1 << position
    for ranges, mask in whole.items():
        for first, last in ranges:
            toggles[first] = toggles.get(first, 0) ^ mask
            toggles[last + 1] = toggles.get(last + 1, 0) ^ mask
    return toggles


class _Stretches:
    """The boxes that hold each stretch of values of one side."""

    def __init__(self, toggles: dict[int, int]) -> None:
        self._starts = sorted(toggles)
        self._masks = list(accumulate((toggles[start] for start in self._starts), xor))
        self._known: dict[Intervals, int] = {}

    def meeting(self, ranges: Intervals) -> int:
        """The boxes that hold a value of `ranges`."""
        found = self._known.get(ranges)
        if found is None:
            found = 0
            for first, last in ranges:
                low, high = bisect_right(self._starts, first), bisect_right(self._starts, last)
                for mask in self._masks[max(0, low - 1) : high]:
                    found |= mask
            self._known[ranges] = found
        return found


class _Compiler:
    """Decides for each deny whether to leave it out, to block it, or to trim later permits."""

    def __init__(self, lines: list[Line], interfaces: Interfaces, chain: Chain) -> None:
        live = [line for line in lines if line.regions]
        self.permits = [line for line in live if line.accept]
        self.denies = [line for line in live if not line.accept]
        self.interfaces = interfaces
        self.chain = chain
        #: The permits as the policy has them, before anything is trimmed.
        self.whole = [line.regions[0] for line in self.permits]

    @cached_property
    def index(self) -> _Index:
        """Built only where a deny has later permits, which is seldom under a default that blocks."""
        return _Index(self.whole)

    def run(self) -> None:
        """Settle every deny, in order."""
        position = 0
        everyone = (1 << len(self.permits)) - 1
        for deny in self.denies:
            while position < len(self.permits) and self.permits[position].index < deny.index:
                position += 1
            before = (1 << position) - 1
            self._settle(deny, before, everyone & ~before)

    def _settle(self, deny: Line, before: int, after: int) -> None:
        wanted = deny.regions[0]
        later = [
            self.permits[i]
            for i in (self.index.meeting(wanted, after) if after else ())
            if any(meet(piece, wanted) for piece in self.permits[i].regions)
        ]
        if not later:
            deny.fate, deny.regions = Fate.DEFAULT, []
            return
        earlier = list(self.index.meeting(wanted, before))
        blocks = self._blocks(wanted, earlier, later)
        if blocks == []:
            deny.fate, deny.regions = Fate.SHADOWED, []
            return
        price = self._price(blocks)
        if price is not None and price <= 1:
            self._block(deny, blocks, earlier)
            return
        trimmed = [self._trim(permit, wanted) for permit in later]
        extra = self._extra(later, trimmed)
        if price is not None and (extra is None or price <= max(1, extra)):
            self._block(deny, blocks, earlier)
        elif extra is not None:
            for permit, pieces in zip(later, trimmed, strict=True):
                permit.regions = pieces
                permit.less.append(deny.index)
                if not pieces:
                    permit.fate = Fate.SHADOWED
            deny.fate, deny.regions = Fate.TRIMMED, []
        else:
            raise InexpressibleError(
                f"windows: rule {deny.index} of the {self.chain.hook} chain crosses so many other rules that it would "
                f"take more than {MOST_BOXES} Windows rules; iptables, nftables and pf can say it"
            )

    def _block(self, deny: Line, blocks: list[Region] | None, earlier: list[int]) -> None:
        deny.regions = blocks or []
        deny.less = [self.permits[position].index for position in earlier]

    def _blocks(self, wanted: Region, earlier: list[int], later: list[Line]) -> list[Region] | None:
        """The deny less the earlier permits, where a later permit could accept it; None: too many boxes.

        Earlier permits are taken whole: a packet that was trimmed off one is held by an earlier deny anyway.
        """
        holes = merge([intersection(wanted, self.whole[position]) for position in earlier])
        whole = self._less(wanted, holes, later)
        protocols: Intervals = ()
        for permit in later:
            for piece in permit.regions:
                protocols = union(protocols, piece.protocols)
        if protocols == ALL_PROTOCOLS or (whole is not None and (self._price(whole) or MOST_BOXES) <= 1):
            return whole
        narrowed = intersection(wanted, wanted._replace(protocols=protocols))
        narrow = self._less(narrowed, holes, later)
        prices = [(self._price(boxes), boxes) for boxes in (whole, narrow) if boxes is not None]
        possible = [(price, boxes) for price, boxes in prices if price is not None]
        return min(possible, key=lambda pair: pair[0])[1] if possible else None

    def _less(self, wanted: Region, holes: Sequence[Region], later: Sequence[Line]) -> list[Region] | None:
        pieces = [wanted]
        for hole in holes:
            pieces = [part for piece in pieces for part in minus(piece, hole)]
            if len(pieces) > MOST_BOXES:
                return None
        useful = [
            piece for piece in pieces if any(meet(piece, region) for permit in later for region in permit.regions)
        ]
        return merge(useful)

    def _trim(self, permit: Line, deny: Region) -> list[Region]:
        return merge([part for piece in permit.regions for part in minus(piece, deny)])

    def _price(self, regions: Sequence[Region] | None) -> int | None:
        """Windows rules for these boxes; None where Windows cannot say one of them, or not in reason."""
        if regions is None or not all(self.interfaces.expressible(region.interfaces) for region in regions):
            return None
        price = sum(map(rule_count, regions))
        return price if price <= MOST_BOXES else None

    def _extra(self, permits: Sequence[Line], trimmed: Sequence[list[Region]]) -> int | None:
        """How many rules more the permits take when trimmed; None where that cannot be said."""
        extra = 0
        for permit, pieces in zip(permits, trimmed, strict=True):
            price = self._price(pieces)
            if price is None:
                return None
            # The permit for everything costs nothing as long as the profile's default stands for it.
            before = 0 if permit.rule is None and not permit.less else sum(map(rule_count, permit.regions))
            extra += price - before
        return extra
