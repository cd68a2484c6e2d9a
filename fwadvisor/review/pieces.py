"""The packets of one hook and family that two versions treat otherwise, told apart by what decides them.

Where the versions have the same base chains, only packets that meet an edited rule can be treated otherwise
(`fwadvisor.packets.overlap_edits`): the walks of all others are the same in both, whatever opaque rules do that both
versions have (`fwadvisor.review.pieces_opaque`). So only those are compared, with the rules that they can meet; that is
exact, and quick for long lists. Where the base chains differ, or the edits are many, everything is compared. Where it
is not known that opaque rules mean the same in both versions, what meets one is compared as well, and is unknown.

What decides is computed for every packet as well, with a diagram that has an end for each rule; a condition that is not
understood is one that holds or not there, as it may only matter to who decides. Packets of which nobody knows what
happens to them are told apart by the opaque rules that they can meet. Where a change is too large for all that, its
packets are still exact, and what decides them is told by one packet of each of its boxes: the piece is `sampled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import AnyOf, Field, Firewall
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget, Change, PacketSet, RawBox, Result, Space, compare
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered, writing
from fwadvisor.packets.narrow import boxes_of, narrowed
from fwadvisor.packets.overlap_edits import edited_region
from fwadvisor.proof.comparison import TESTS, compared_within
from fwadvisor.review.changes import Kind
from fwadvisor.review.conditions import all_understood
from fwadvisor.review.edits import Edited
from fwadvisor.review.pieces_opaque import is_opaque, opaque_steps, sure_tests, unknown_before_edits

#: With more boxes than that, it costs less to compare everything than what meets one of them.
_MOST_EDITS = 300
#: A change of more boxes is sampled, and so is one that meets more rules.
_MOST_BOXES, _MOST_RULES = 5000, 8000
#: Packets that are not known are told apart in at most so many parts.
_MOST_PARTS = 200
#: So many boxes of a sampled change are asked what decides them.
_SAMPLES = 50
_ASIDE = frozenset({Field.LOG, Field.DECIDER})
#: Changes of what a verdict leaves behind.
_LEFT_BEHIND = frozenset({Kind.TREATED, Kind.RELOGGED})

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
    #: Whether opaque rules that are the same in both versions mean the same (`fwadvisor.review.alike`).
    alike: bool = False

    def __post_init__(self) -> None:
        firewalls = self.edited.firewalls
        self._written = frozenset(write.field for each in firewalls for rule in each.rules() for write in rule.writes)
        opaque = (rule for each in firewalls for rule in each.rules() if is_opaque(rule))
        #: What spaces must be able to tell.
        self._tests = (*TESTS, *(test for rule in opaque for test in sure_tests(rule.tests, self._written)))
        self._whole = Space(firewalls, effects=self.effects, tests=self._tests, budget=self.budget)

    def pieces(self, hook: Hook, family: Family) -> list[Piece]:
        """The packets of a part that are treated otherwise."""
        changes = self._changes(hook, family)
        region = list(islice((box for change in changes for box in change.packets.boxes()), _MOST_BOXES + 1))
        if not region:
            return []
        sides = self._narrowed(region, family)
        if len(region) <= _MOST_BOXES and all(sum(1 for _ in each.rules()) <= _MOST_RULES for each in sides):
            try:
                return [*self._decided(changes, hook, family), *self._unknown(changes, sides)]
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
        space = Space(sides, effects=self.effects, tests=(*inside, *self._tests), budget=self.budget)
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
            if self.alike:
                opaque = unknown_before_edits(old, new, hook, family, self.edited.chains) if region else []
            else:
                both = (step for each in (old, new) for step in opaque_steps(each, hook, family))
                opaque = [step.rule for step in both if step.rule is not None]
            return [_certain(box) for box in (*region, *boxes_of(opaque, self._written, hook, family))]
        except BudgetError:
            return None  # Only a way to have less to do, which here would be more.

    def _narrowed(self, region: Sequence[RawBox], family: Family) -> tuple[Firewall, Firewall]:
        old, new = self.edited.firewalls
        try:
            return narrowed(old, region, family), narrowed(new, region, family)
        except BudgetError:
            return old, new  # The same, with more to do.

    # What decides

    def _decided(self, changes: Sequence[Change], hook: Hook, family: Family) -> Iterator[Piece]:
        """The packets whose fate is known in both versions, by what decides it."""
        region = [box for change in changes if not change.unknown for box in change.packets.boxes()]
        if not region:
            return
        sides = self._narrowed(region, family)
        told = (
            counting(numbered(sides[0]), hook, family, beside=sides[1]),
            counting(numbered(sides[1]), hook, family, beside=sides[0]),
        )
        left: dict[tuple[Result, Result], list[tuple[Step | None, Step | None]]] = {}
        for change in self._by_number(told, region, hook, family):
            results = _plain(change.old), _plain(change.new)
            before, after = told[0].step(change.old.effects), told[1].step(change.new.effects)
            if kind_of(*results) in _LEFT_BEHIND:
                if not _begun(kind_of(*results), change.packets).is_empty:
                    left.setdefault(results, []).append((before, after))
            else:
                yield Piece(kind_of(*results), results, ((before,), (after,)), change.packets)
        for fields in {_differing(*results) for results in left}:
            yield from self._left_behind(fields, sides, told, left, region, hook, family)

    def _left_behind(
        self,
        fields: frozenset[Field],
        sides: tuple[Firewall, Firewall],
        told: tuple[Numbered, Numbered],
        deciding: Mapping[tuple[Result, Result], Sequence[tuple[Step | None, Step | None]]],
        region: Sequence[RawBox],
        hook: Hook,
        family: Family,
    ) -> Iterator[Piece]:
        """Packets with one verdict that differ in these effects only: it is what writes them that decides.

        Where nothing writes them, it is what decides the verdict.
        """
        written = writing(sides[0], fields), writing(sides[1], fields)
        for change in self._by_number(written, region, hook, family):
            results = _plain(change.old), _plain(change.new)
            kind = kind_of(*results)
            if kind not in _LEFT_BEHIND or _differing(*results) != fields:
                continue
            packets = _begun(kind, change.packets)
            witness = packets.witness()
            if witness is None:
                continue
            before, after = (
                (step,) if step else _first(told[side].decides(witness), [each[side] for each in deciding[results]])
                for side, step in enumerate((written[0].step(change.old.effects), written[1].step(change.new.effects)))
            )
            yield Piece(kind, results, (before, after), packets)

    def _by_number(
        self, told: tuple[Numbered, Numbered], region: Sequence[RawBox], hook: Hook, family: Family
    ) -> Sequence[Change]:
        """What differs in a region, told apart by the numbers that rules leave behind."""
        inside = (AnyOf(tuple(box.tests() for box in region)),)
        made = tuple(all_understood(each.firewall) for each in told)
        space = Space(made, effects=self.effects | DECIDERS, tests=(*inside, *TESTS), budget=self.budget)
        meanings = [space.meaning(each, hook, family) for each in made]
        return compare(meanings[0], meanings[1], space.packets(hook, family, inside))

    def _unknown(self, changes: Sequence[Change], firewalls: tuple[Firewall, Firewall]) -> Iterator[Piece]:
        """The packets whose fate is not known, by the opaque rules that they can meet."""
        for change in changes:
            if not change.unknown:
                continue
            table = change.packets.table
            opaque = [tuple(opaque_steps(each, table.hook, table.family)) for each in firewalls]
            asked = [
                (side, step)
                for side, result in enumerate((change.old, change.new))
                for step in (opaque[side] if result.verdict is None else ())
            ]
            for packets, met in _told_apart(change.packets, asked, self._written):
                before, after = (
                    tuple(step for number, step in met if number == side) or (_last(firewall, packets),)
                    for side, firewall in enumerate(firewalls)
                )
                yield Piece(Kind.UNKNOWN, (change.old, change.new), (before, after), packets)

    def _sampled(self, changes: Sequence[Change]) -> Iterator[Piece]:
        """The changes as they are, with what decides one packet of each of their first boxes."""
        for change in changes:
            kind = kind_of(change.old, change.new)
            packets = _begun(kind, change.packets)
            table = packets.table
            if packets.is_empty:
                continue
            boxes = list(islice(packets.boxes(), _SAMPLES))
            firewalls = self._narrowed(boxes, table.family)
            steps: tuple[dict[Step | None, None], dict[Step | None, None]] = ({}, {})
            for box in boxes:
                witness = (packets & PacketSet(table, table.set_of(box.tests()), table.domain)).witness()
                for side, firewall in enumerate(firewalls):
                    steps[side][_decider(firewall, witness)] = None
            yield Piece(kind, (change.old, change.new), (tuple(steps[0]), tuple(steps[1])), packets, sampled=True)


def _first(one: Step | None, others: Sequence[Step | None]) -> tuple[Step | None, ...]:
    """One step, and then the others, each once."""
    return tuple({(step.chain, id(step.rule)) if step else None: step for step in (one, *others)}.values())


def _differing(old: Result, new: Result) -> frozenset[Field]:
    before, after = ({field: value for field, value in each.effects if value} for each in (old, new))
    return frozenset(field for field in before.keys() | after.keys() if before.get(field) != after.get(field))


def _plain(result: Result) -> Result:
    return Result(result.verdict, tuple(each for each in result.effects if each[0] is not Field.DECIDER))


def _last(firewall: Firewall, packets: PacketSet) -> Step | None:
    """What ends the walk of one of the packets."""
    return _decider(firewall, packets.witness())


def _decider(firewall: Firewall, witness: Packet | None) -> Step | None:
    if witness is None:
        return None
    return counting(numbered(firewall), witness.hook, witness.family).decides(witness)


def _begun(kind: Kind, packets: PacketSet) -> PacketSet:
    """What counts of a change: a connection gets its helper and its translation with its first packet."""
    if kind is not Kind.TREATED:
        return packets
    table = packets.table
    return packets & PacketSet(table, table.set_of(TESTS), table.domain)


def _told_apart(
    packets: PacketSet, asked: Sequence[tuple[int, Step]], written: frozenset[Field]
) -> list[tuple[PacketSet, tuple[tuple[int, Step], ...]]]:
    """The packets by the opaque rules that they can meet, of one side or the other."""
    table = packets.table
    parts: list[tuple[PacketSet, tuple[tuple[int, Step], ...]]] = [(packets, ())]
    for side, step in asked:
        assert step.rule is not None  # noqa: S101 - opaque rules are asked
        meeting = PacketSet(table, table.set_of(tuple(sure_tests(step.rule.tests, written))), table.domain)
        split = [
            part
            for each, met in parts
            for part in ((each & meeting, (*met, (side, step))), (each - meeting, met))
            if not part[0].is_empty
        ]
        if len(split) > _MOST_PARTS:
            return [(packets, tuple(asked))]
        parts = split
    return parts


def _certain(box: RawBox) -> RawBox:
    """The box without conditions that are not understood: where one matters, all of it is unknown."""
    if all(condition.understood for condition in box.conditions):
        return box
    return replace(box, conditions={each: holds for each, holds in box.conditions.items() if each.understood})


def kind_of(old: Result, new: Result) -> Kind:
    """What a change does to its packets."""
    if old.verdict is None or new.verdict is None:
        return Kind.UNKNOWN
    if old.verdict is not new.verdict:
        if new.verdict is Verdict.ACCEPT:
            return Kind.WIDENED
        return Kind.NARROWED if old.verdict is Verdict.ACCEPT else Kind.CHANGED
    before, after = ({f: v for f, v in each.effects if f not in _ASIDE and v} for each in (old, new))
    return Kind.RELOGGED if before == after else Kind.TREATED
