"""The packets of one hook and family that two versions treat otherwise, told apart by what decides them.

Where the versions have the same base chains, only packets that meet an edited rule can be treated otherwise
(`fwadvisor.packets.overlap_edits`), and only what meets an opaque one can be unknown. So only those are compared, with
the rules that they can meet; that is exact, and quick for long lists. Where the base chains differ, or the edits are
many, everything is compared.

What decides is computed for every packet as well, with a diagram that has an end for each rule. Where a change
is too large for that, its packets are still exact, and what decides them is told by one packet of each of its boxes:
the piece is `sampled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step, evaluate
from fwadvisor.model.firewall import AnyOf, ConditionTest, Field, Firewall, FirewallRule, Unknown
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, Change, PacketSet, RawBox, Result, Space, compare
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.packets.narrow import boxes_of, narrowed
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.packets.overlap_edits import edited_region
from fwadvisor.proof.comparison import TESTS, compared_within
from fwadvisor.review.changes import Kind
from fwadvisor.review.edits import Edited

#: With more boxes than that, it costs less to compare everything than what meets one of them.
_MOST_EDITS = 300
#: A change of more boxes is sampled, and so is one that meets more rules.
_MOST_BOXES, _MOST_RULES = 1000, 4000
#: So many boxes of a sampled change are asked what decides them.
_SAMPLES = 50
_ASIDE = frozenset({Field.LOG, Field.DECIDER})

#: What decides on both sides; None where nothing is asked.
Steps = tuple[tuple[Step | None, ...], tuple[Step | None, ...]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Packets with one result on each side."""

    kind: Kind
    results: tuple[Result, Result]
    #: What decides them: one rule on each side, several where it is not known, or where the piece is sampled.
    steps: Steps
    packets: PacketSet
    sampled: bool = False


@dataclass
class Parts:
    """Two versions, compared hook by hook and family by family.

    Raises:
        BudgetError: the comparison of a part would grow too large.
    """

    edited: Edited
    effects: frozenset[Field]
    budget: Budget

    def __post_init__(self) -> None:
        self._whole = Space(self.edited.firewalls, effects=self.effects, tests=TESTS, budget=self.budget)

    def pieces(self, hook: Hook, family: Family) -> list[Piece]:
        """The packets of a part that are treated otherwise."""
        changes = self._changes(hook, family)
        region = list(islice((box for change in changes for box in change.packets.boxes()), _MOST_BOXES + 1))
        if not region:
            return []
        sides = self._narrowed(region, family)
        if len(region) <= _MOST_BOXES and all(sum(1 for _ in each.rules()) <= _MOST_RULES for each in sides):
            try:
                return list(self._decided(sides, region, hook, family))
            except BudgetError:
                pass  # What decides costs more than what differs, which is known: that is told by samples.
        return list(self._sampled(changes))

    # What differs

    def _changes(self, hook: Hook, family: Family) -> Sequence[Change]:
        old, new = self.edited.firewalls
        region = self._region(hook, family)
        if region is None:
            within = compared_within(self._whole, old, new, hook, family)
            return compare(self._whole.meaning(old, hook, family), self._whole.meaning(new, hook, family), within)
        if not region:
            return ()
        inside = (AnyOf(tuple(box.tests() for box in region)),)
        sides = self._narrowed(region, family) if len(region) <= _MOST_EDITS else (old, new)
        space = Space(sides, effects=self.effects, tests=(*inside, *TESTS), budget=self.budget)
        meanings = [space.meaning(each, hook, family) for each in sides]
        return compare(meanings[0], meanings[1], space.packets(hook, family, inside))

    def _region(self, hook: Hook, family: Family) -> list[RawBox] | None:
        """Boxes outside of which both versions are known to be alike, None where nothing is known."""
        old, new = self.edited.firewalls
        if old.dialect != new.dialect:
            return None
        try:
            region = edited_region(old, new, hook, family, edits=self.edited.chains)
            if region is None:
                return None
            opaque = [rule for each in (old, new) for rule in each.rules() if is_opaque(rule)]
            written = frozenset(write.field for each in (old, new) for rule in each.rules() for write in rule.writes)
            return [_certain(box) for box in (*region, *boxes_of(opaque, written, hook, family))]
        except BudgetError:
            return None  # Only a way to have less to do, which here would be more.

    def _narrowed(self, region: Sequence[RawBox], family: Family) -> tuple[Firewall, Firewall]:
        old, new = self.edited.firewalls
        try:
            return narrowed(old, region, family), narrowed(new, region, family)
        except BudgetError:
            return old, new  # The same, with more to do.

    # What decides

    def _decided(
        self, firewalls: tuple[Firewall, Firewall], region: Sequence[RawBox], hook: Hook, family: Family
    ) -> Iterator[Piece]:
        sides = numbered(firewalls[0]), numbered(firewalls[1])
        inside = (AnyOf(tuple(box.tests() for box in region)),)
        made = tuple(each.firewall for each in sides)
        space = Space(made, effects=self.effects | DECIDERS, tests=(*inside, *TESTS), budget=self.budget)
        meanings = [space.meaning(each, hook, family) for each in made]
        for change in compare(meanings[0], meanings[1], space.packets(hook, family, inside)):
            kind, packets = kind_of(change), change.packets
            if kind is Kind.TREATED:
                # A connection gets its helper and its translation with its first packet.
                packets &= space.packets(hook, family, TESTS)
            if not packets.is_empty:
                before, after = (
                    self._steps(side, each, firewall, packets)
                    for side, each, firewall in zip(sides, (change.old, change.new), firewalls, strict=True)
                )
                yield Piece(kind, (_plain(change.old), _plain(change.new)), (before, after), packets)

    def _steps(self, side: Numbered, result: Result, firewall: Firewall, packets: PacketSet) -> tuple[Step | None, ...]:
        if result.verdict is not None:
            return (side.step(result.effects),)
        return _opaque(firewall, packets) or (_last(firewall, packets),)

    def _sampled(self, changes: Sequence[Change]) -> Iterator[Piece]:
        """The changes as they are, with what decides one packet of each of their first boxes."""
        for change in changes:
            kind, packets = kind_of(change), change.packets
            table = packets.table
            if kind is Kind.TREATED:
                packets &= PacketSet(table, table.set_of(TESTS), table.domain)
            if packets.is_empty:
                continue
            boxes = list(islice(packets.boxes(), _SAMPLES))
            firewalls = self._narrowed(boxes, table.family)
            steps: tuple[dict[Step | None, None], dict[Step | None, None]] = ({}, {})
            for box in boxes:
                witness = (packets & PacketSet(table, table.set_of(box.tests()), table.domain)).witness()
                for side, firewall in enumerate(firewalls):
                    trail = evaluate(firewall, witness).trail if witness else ()
                    steps[side][trail[-1] if trail else None] = None
            yield Piece(kind, (change.old, change.new), (tuple(steps[0]), tuple(steps[1])), packets, sampled=True)


def _plain(result: Result) -> Result:
    return Result(result.verdict, tuple(each for each in result.effects if each[0] is not Field.DECIDER))


def _last(firewall: Firewall, packets: PacketSet) -> Step | None:
    """What ends the walk of one of the packets."""
    witness = packets.witness()
    trail = evaluate(firewall, witness).trail if witness else ()
    return trail[-1] if trail else None


def _opaque(firewall: Firewall, packets: PacketSet) -> tuple[Step, ...]:
    """The rules that are not understood and that packets can meet, in order."""
    boxes = list(packets.boxes())
    return tuple(
        Step(chain.name, rule)
        for chain in narrowed(firewall, boxes, packets.table.family).chains.values()
        for rule in chain.rules
        if is_opaque(rule)
    )


def is_opaque(rule: FirewallRule) -> bool:
    """Whether it is not known what a rule does, or which packets it matches."""
    return isinstance(rule.action, Unknown) or any(
        isinstance(test, ConditionTest) and not test.condition.understood for test in flat(rule.tests)
    )


def _certain(box: RawBox) -> RawBox:
    """The box without conditions that are not understood: where one matters, all of it is unknown."""
    if all(condition.understood for condition in box.conditions):
        return box
    return replace(box, conditions={each: holds for each, holds in box.conditions.items() if each.understood})


def kind_of(change: Change) -> Kind:
    """What a change does to its packets."""
    if change.unknown:
        return Kind.UNKNOWN
    old, new = change.old, change.new
    if old.verdict is not new.verdict:
        if new.verdict is Verdict.ACCEPT:
            return Kind.WIDENED
        return Kind.NARROWED if old.verdict is Verdict.ACCEPT else Kind.CHANGED
    before, after = ({f: v for f, v in each.effects if f not in _ASIDE and v} for each in (old, new))
    return Kind.RELOGGED if before == after else Kind.TREATED
