"""Overlap index: what concerns single rules of a chain, without building the diagram of all packets.

The rules of one chain are boxes in the order in which they decide (`overlap_order`). Let B(r) be the boxes of rule r,
in values of the packet as it enters the chain, E(r) all boxes that end the walk of their packets before r acts, and
N the boxes that hold no possible packet. Then, exactly:

- the effective share of r is S(r) = B(r) - N - E(r): the packets that reach r and match it;
- r is shadowed where S(r) is empty although B(r) - N is not;
- r is redundant where each packet of S(r), asked of the later rules, is decided by one of the same decision, or by
  the default where that is the same. With G the boxes of the same decision after r, and b any later box that does
  something else, that is: B(r) & b is inside of N, E(r) and the part of G before b, for each b; and, unless the
  default is the same, B(r) is inside of N, E(r) and G;
- r and a later q of another verdict are correlated where S(r) & B(q) is not empty and neither B contains the other.

All these are questions whether some boxes cover a box (`overlap_cover`). Most rules overlap few others, and a bit mask
index (`overlap_bits`) finds those with a few operations.

What ends a walk: a verdict, a return, a goto. What does not: `Continue`, a jump, a rule whose action is not known. A
condition is an axis with the values "holds" and "does not", so a rule with a condition takes only where it holds.
A called chain takes what the caller tells of it (`Called`), and nothing more: shares of rules after a jump are those
of the packets that come back, where it is not told which do. So what is called shadowed is never reached, whatever
the called chains do; and what is called redundant is so, whatever they do. A rule whose action is not known is
treated as a jump to such a chain; what it makes of the packet itself is not known at all, so answers about later
rules name it in `assuming`: they hold where it leaves packets as they are.

Indices count the rules of the chain from 0. All answers are of one hook and family: a rule is dead where it is
shadowed or never matches for each hook and family that asks its chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import values_of
from fwadvisor.model.firewall import FirewallRule, Test, Unknown
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets.overlap_axes import Axes, Box, sparse
from fwadvisor.packets.overlap_bits import FEW, Bits, bits
from fwadvisor.packets.overlap_cover import Cover, Other
from fwadvisor.packets.overlap_meter import Limits, Meter
from fwadvisor.packets.overlap_order import Called, Decision, at_once, build, decision, stands
from fwadvisor.packets.rawbox import RawBox

#: A part without a cover is most often found at the first look; each costs a hundredth of a long proof.
_LOOKS = 4


class Never(StrEnum):
    """Why a rule matches no packet."""

    #: Its tests contradict each other, or one of them has no values.
    EMPTY = "empty"
    #: It speaks of the other IP version.
    OTHER_FAMILY = "other family"
    #: No packet of the hook can be like that.
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class NeverMatches:
    """A rule that would match nothing even if it stood alone."""

    rule: int
    why: Never


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A rule that no packet reaches and matches.

    `by` are rules, in the order of the file, that take all its packets; none of them can be missed. The answer
    holds where the rules in `assuming`, whose action is not known, leave packets as they are.
    """

    rule: int
    by: tuple[int, ...]
    assuming: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Redundant:
    """A rule that decides packets, all of which would be decided alike without it.

    `by` are the rules that would decide some of them, `default` says whether the end of the chain would.
    """

    rule: int
    by: tuple[int, ...]
    default: bool
    assuming: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Correlated:
    """Two rules of different verdicts whose order matters: `first` decides packets that `second` speaks of too."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Decided:
    """Which rule decides a packet, None for the end of the chain.

    Where `certain` is False, `rule` is the first of which it is not told whether it decides the packet.
    """

    rule: int | None
    certain: bool = True


class Overlap:
    """The answers about one list of rules, for one hook and family.

    `default` is the verdict at the end of a base chain, None for a chain that is called. `called` tells of chains
    that rules jump to; of others nothing is known. `impossible` are boxes without any packet.

    Raises:
        BudgetError: an answer needs more than `limits`; from every method. It names the rule.
        ValueError: verdicts that stand and returns or gotos are in one chain.
    """

    def __init__(
        self,
        rules: Sequence[FirewallRule],
        hook: Hook,
        family: Family,
        default: Verdict | None,
        *,
        called: Mapping[str, Called] | None = None,
        impossible: Sequence[RawBox] = (),
        chain: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.hook, self.family, self._default = hook, family, default
        self._meter = Meter(limits or Limits(), self.rules, chain)
        self._order = build(self.rules, family, default, called or {}, impossible, self._meter)
        self._axes: Axes = self._order.axes
        self._bits = Bits(self._order.boxes, self._axes.whole)
        self._sparse = [sparse(box) for box in self._order.boxes]
        self._cover = Cover(self._axes.whole, self._meter)
        self._decisions = [decision(rule, default) for rule in self.rules]
        self._reached: dict[int, bool] = {}
        self._unknown = [n for n, rule in enumerate(self.rules) if isinstance(rule.action, Unknown)]

    def deciding(self, packet: Packet) -> Decided:
        """The rule that decides `packet` where it enters this chain."""
        point, open_axes = self._axes.point(values_of(packet), packet.conditions)
        stops = self._order.ends | self._order.unknown
        for number in bits(self._bits.at(point, open_axes) & stops):
            limits = self._sparse[number]
            rule = self._order.owner[number]
            if rule < 0 or any(p not in open_axes and not contains(values, point[p]) for p, values in limits):
                continue
            certain = self._order.ends >> number & 1 == 1 and not any(place in open_axes for place, _ in limits)
            return Decided(rule, certain)
        return Decided(None)

    def overlapping(self, tests: Sequence[Test]) -> Iterator[int]:
        """The rules that match a packet for which all `tests` hold, those that decide first first."""
        masks = 0
        asked = self._axes.touching(tests, self._meter)
        for box in asked:
            masks |= self._bits.overlapping(box, self._bits.all)
        seen = {-1}
        for number in bits(masks):
            rule = self._order.owner[number]
            if rule not in seen and any(self._axes.meet(self._order.boxes[number], box) is not None for box in asked):
                seen.add(rule)
                yield rule

    def first_overlapping(self, tests: Sequence[Test]) -> int | None:
        """The first rule, in the order in which they decide, that matches a packet for which all `tests` hold."""
        return next(self.overlapping(tests), None)

    def share(self, rule: int) -> tuple[RawBox, ...]:
        """The packets that reach the rule and match it, as disjoint boxes; for a verdict that stands, those it decides.

        A rule whose verdict stands and that also marks or tags acts on all packets that reach it.
        """
        self._meter.start(rule)
        return tuple(raw for box in self._share(rule) for raw in self._axes.raw(box, self.hook))

    def _share(self, rule: int) -> Iterator[Box]:
        region = self._order.regions[rule]
        for place, box in enumerate(region):
            mine = ((-1, sparse(earlier)) for earlier in region[:place])
            yield from self._cover.remainder(box, [*self._before(rule, box), *mine])

    def reached(self, rule: int) -> bool:
        """Whether the rule has an effective share."""
        known = self._reached.get(rule)
        if known is None:
            self._meter.start(rule)
            known = any(not self._covered(box, self._earlier(rule)) for box in self._order.regions[rule])
            self._reached[rule] = known
        return known

    def _earlier(self, rule: int) -> int:
        """The boxes that end the walk before the rule acts."""
        late = stands(self.rules[rule]) and not at_once(self.rules[rule])
        position = (self._order.decides if late else self._order.acts)[rule]
        return self._order.ends & ((1 << position) - 1)

    def _before(self, rule: int, box: Box) -> list[Other]:
        return self._others(self._bits.overlapping(box, self._earlier(rule)))

    def _others(self, mask: int) -> list[Other]:
        return [(number, self._sparse[number]) for number in bits(mask)]

    def _covered(self, box: Box, among: int) -> bool:
        mask = self._bits.overlapping(box, among)
        if mask.bit_count() > FEW:
            seen = self._seen_at_once(box, mask)
            if seen is not None:
                return seen
        return self._cover.covers(box, self._others(mask))

    def _seen_at_once(self, box: Box, mask: int) -> bool | None:
        """Whether the box is covered, where one box holds all of it, or a small part of it is not; else None.

        It looks at a part where few boxes are, a few times. One that holds the whole box is among those of any part.
        """
        avoided = 0
        for _ in range(_LOOKS):
            part, fewer = self._bits.thinner(box, mask, avoided)
            others = self._others(fewer)
            if not avoided and any(self._cover.holds(other, box) for other in others):
                return True
            used: set[int] = set()
            if not self._cover.covers(part, others, used):
                return False
            avoided |= sum(1 << number for number in used)
        return None

    def shadowed(self) -> tuple[Shadowed, ...]:
        """Each rule that matches packets, none of which reach it."""
        found = []
        for rule, region in enumerate(self._order.regions):
            if region and not self.reached(rule):
                by = self._takers(rule)
                if by:
                    found.append(Shadowed(rule, by, self._assumed(rule)))
        return tuple(found)

    def _takers(self, rule: int) -> tuple[int, ...]:
        """The rules that take everything from one that is not reached; none where its packets are impossible."""
        region = self._order.regions[rule]
        near = 0
        for box in region:
            near |= self._bits.overlapping(box, self._earlier(rule))
        return self._cover.needed(region, self._others(near), self._order.owner)

    def _assumed(self, rule: int) -> tuple[int, ...]:
        return tuple(each for each in self._unknown if each < rule and self.reached(each))

    def never_matching(self) -> tuple[NeverMatches, ...]:
        """Each rule that matches no possible packet."""
        found = []
        for number, rule in enumerate(self.rules):
            if not self._order.regions[number]:
                found.append(NeverMatches(number, self._why_empty(rule)))
            elif not self.reached(number) and not self._takers(number):
                found.append(NeverMatches(number, Never.IMPOSSIBLE))
        return tuple(found)

    def _why_empty(self, rule: FirewallRule) -> Never:
        other = FAMILIES[1] if self.family is FAMILIES[0] else FAMILIES[0]
        there = Axes(other, rule.tests).boxes(rule.tests, self._meter)
        return Never.OTHER_FAMILY if there else Never.EMPTY

    def redundant(self) -> tuple[Redundant, ...]:
        """Each rule that is reached and can be removed without any change inside the chain."""
        found = []
        for rule, decided in enumerate(self._decisions):
            if decided is None or (stands(self.rules[rule]) and at_once(self.rules[rule])):
                continue
            if self.reached(rule):
                self._meter.start(rule)
                if self._is_redundant(rule, decided):
                    found.append(self._redundant(rule, decided))
        return tuple(found)

    def _later(self, rule: int) -> int:
        """The boxes after those of the rule, in the order in which they decide."""
        end = self._order.decides[rule] + len(self._order.regions[rule])
        return self._bits.all >> end << end

    def _is_redundant(self, rule: int, decided: Decision) -> bool:
        earlier, later = self._earlier(rule), self._later(rule)
        same = self._order.deciding[decided] & later & self._order.ends
        other = later & ~same & ~self._order.inert
        region = self._order.regions[rule]
        if not self._default_is(decided) and not all(self._covered(box, earlier | same) for box in region):
            return False
        for box in region:
            for number in bits(self._bits.overlapping(box, other)):
                met = self._axes.meet(box, self._order.boxes[number])
                if met is not None and not self._covered(met, earlier | same & ((1 << number) - 1)):
                    return False
        return True

    def _default_is(self, decided: Decision) -> bool:
        return decided == (self._default or "return", ())

    def _redundant(self, rule: int, decided: Decision) -> Redundant:
        taken = self._earlier(rule)
        same = self._order.deciding[decided] & self._later(rule) & self._order.ends
        by: set[int] = set()
        default = False
        for box in self._order.regions[rule]:
            for number in bits(self._bits.overlapping(box, same)):
                met = self._axes.meet(box, self._order.boxes[number])
                if met is not None and not self._covered(met, taken | same & ((1 << number) - 1)):
                    by.add(self._order.owner[number])
            default = default or not self._covered(box, taken | same)
        return Redundant(rule, tuple(sorted(by)), default, self._assumed(rule))

    def correlated(self, most: int = 1000) -> tuple[tuple[Correlated, ...], bool]:
        """The first `most` pairs of rules whose order matters, and whether these are all."""
        found: list[Correlated] = []
        for pair in self._pairs():
            if len(found) == most:
                return tuple(found), False
            found.append(pair)
        return tuple(found), True

    def _pairs(self) -> Iterator[Correlated]:
        verdicts: dict[str, int] = {}
        for (verdict, _), mask in self._order.deciding.items():
            verdicts[verdict] = verdicts.get(verdict, 0) | mask
        for rule in range(len(self.rules)):
            decided = self._decisions[rule]
            if decided is None or not self.reached(rule):
                continue
            self._meter.start(rule)
            others = self._order.ends & self._later(rule) & ~verdicts[decided[0]]
            seen: dict[int, None] = {}
            for box in self._order.regions[rule]:
                for number in bits(self._bits.overlapping(box, others)):
                    second = self._order.owner[number]
                    if second not in seen and self._decisions[second] is not None and self._takes(rule, box, number):
                        seen[second] = None
            for second in seen:
                if not self._inside(rule, second) and not self._inside(second, rule):
                    yield Correlated(rule, second)

    def _takes(self, rule: int, box: Box, number: int) -> bool:
        """Whether the rule decides a packet that is in its box and in that of the number."""
        met = self._axes.meet(box, self._order.boxes[number])
        return met is not None and not self._covered(met, self._earlier(rule))

    def _inside(self, rule: int, other: int) -> bool:
        boxes = [(place, sparse(box)) for place, box in enumerate(self._order.regions[other])]
        return all(self._cover.covers(box, boxes) for box in self._order.regions[rule])
