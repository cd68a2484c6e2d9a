"""What a change of rules does: every packet whose fate differs between two versions, grouped by what did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from fwadvisor.diagnostic import error
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step, evaluate
from fwadvisor.model.firewall import AnyOf, Condition, Field, Firewall
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, Change, PacketSet, RawBox, Result, Space, compare
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.packets.narrow import narrowed
from fwadvisor.ports.database import Database
from fwadvisor.proof.comparison import (
    NETFILTER,
    TESTS,
    common_parts,
    compared_within,
    doubts,
    left_out,
    outcome,
    spoken,
)
from fwadvisor.review.applications import applications_changed
from fwadvisor.review.changes import Decider, Kind, Review, ReviewedChange
from fwadvisor.review.edits import Edited, edits_between
from fwadvisor.review.knowledge import breaks, uses_of
from fwadvisor.review.severity import rate

_LETTERS = {
    Kind.WIDENED: "w", Kind.NARROWED: "n", Kind.CHANGED: "c", Kind.TREATED: "t", Kind.RELOGGED: "l", Kind.UNKNOWN: "u",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Piece:
    """Packets with one result and one decider on each side."""

    kind: Kind
    results: tuple[Result, Result]
    steps: tuple[Step | None, Step | None]
    packets: PacketSet


def review(
    old: Firewall,
    new: Firewall,
    database: Database,
    budget: Budget,
    *,
    name: str = "",
    lines: int = 0,
    kinds: frozenset[Kind] = frozenset(Kind),
) -> Review:
    """Everything that happens otherwise to some packet in `new`, completely, and nothing else.

    `lines` is how many lines of the text differ, as the caller counted them. Of other `kinds` nothing is computed.

    Raises:
        BudgetError: the comparison would grow too large.
        FwadvisorError: there is no packet of which both speak.
    """
    if old.dialect == new.dialect and old.opening_only is not new.opening_only:
        # One asks about packets that open nothing, so both are asked about them.
        old, new = (replace(each, opening_only=False) for each in (old, new))
    parts = common_parts(old, new)
    if not parts:
        message = f"{old.name} and {new.name} speak of no packet that is in both"
        raise FwadvisorError(error(message, hint=f"{spoken(old)}; {spoken(new)}"))
    effects = {Field.LOG}
    if old.dialect == new.dialect or {old.dialect, new.dialect} <= NETFILTER:
        effects |= {Field.ASSIGNED_HELPER, Field.TRANSLATION}
    space = Space((old, new), effects=frozenset(effects), tests=TESTS, budget=budget)
    edited = Edited.between(old, new)
    changes: list[ReviewedChange] = []
    conditions: dict[Condition, None] = {}
    for hook, family in parts:
        before, after = space.meaning(old, hook, family), space.meaning(new, hook, family)
        within = compared_within(space, old, new, hook, family)
        found = [each for each in compare(before, after, within) if _kind(each) in kinds]
        known = before.depends_on() & after.depends_on()
        conditions |= dict.fromkeys(condition for condition in known if condition.understood)
        region = [box for change in found for box in change.packets.boxes()]
        if region:
            pieces = _pieces(old, new, hook, family, region, space.effects, budget)
            changes += _changes(pieces, edited, database)
    applications, missing = applications_changed(old, new, changes, database, budget)
    changes.sort(key=lambda each: (each.kind is Kind.UNKNOWN, each.severity.rank, list(Kind).index(each.kind)))
    return Review(
        name=name or f"{old.name} -> {new.name}",
        old=old,
        new=new,
        parts=parts,
        changes=tuple(changes),
        applications=applications,
        edits=edits_between(edited, changes, lines),
        left_out=(*left_out(old, new), *missing),
        doubts=tuple(doubts(old, new)),
        conditions=tuple(sorted(conditions, key=lambda condition: condition.name)),
    )


def _pieces(
    old: Firewall,
    new: Firewall,
    hook: Hook,
    family: Family,
    region: list[RawBox],
    effects: frozenset[Field],
    budget: Budget,
) -> Iterator[_Piece]:
    """The packets of a region, told apart by what decides them on both sides; computed from the rules that meet it."""
    sides = numbered(narrowed(old, region, family)), numbered(narrowed(new, region, family))
    inside = (AnyOf(tuple(box.tests() for box in region)),)
    firewalls = tuple(each.firewall for each in sides)
    space = Space(firewalls, effects=effects | DECIDERS, tests=(*inside, *TESTS), budget=budget)
    meanings = [space.meaning(each, hook, family) for each in firewalls]
    for change in compare(meanings[0], meanings[1], space.packets(hook, family, inside)):
        kind = _kind(change)
        packets = change.packets
        if kind is Kind.TREATED:
            # A connection gets its helper and its translation with its first packet.
            packets &= space.packets(hook, family, TESTS)
        if not packets.is_empty:
            yield _Piece(kind, (_plain(change.old), _plain(change.new)), _steps(sides, change), packets)


def _plain(result: Result) -> Result:
    return Result(result.verdict, tuple(each for each in result.effects if each[0] is not Field.DECIDER))


def _steps(sides: tuple[Numbered, Numbered], change: Change) -> tuple[Step | None, Step | None]:
    found = []
    for side, result in zip(sides, (change.old, change.new), strict=True):
        if result.verdict is not None:
            found.append(side.step(result.effects))
        else:
            # What is not known leaves no number behind; for one of the packets, the walk says where it ends.
            witness = change.packets.witness()
            trail = evaluate(side.firewall, witness).trail if witness else ()
            found.append(trail[-1] if trail else None)
    return found[0], found[1]


def _kind(change: Change) -> Kind:
    if change.unknown:
        return Kind.UNKNOWN
    old, new = change.old, change.new
    if old.verdict is not new.verdict:
        if new.verdict is Verdict.ACCEPT:
            return Kind.WIDENED
        return Kind.NARROWED if old.verdict is Verdict.ACCEPT else Kind.CHANGED
    before, after = ({f: v for f, v in each.effects if f not in _ASIDE and v} for each in (old, new))
    return Kind.RELOGGED if before == after else Kind.TREATED


_ASIDE = frozenset({Field.LOG, Field.DECIDER})


def _changes(pieces: Iterable[_Piece], edited: Edited, database: Database) -> Iterator[ReviewedChange]:
    """The pieces that the same edit causes, together."""
    groups: dict[object, list[_Piece]] = {}
    for piece in pieces:
        outcomes = _outcomes(piece)
        cause = tuple(
            id(step.rule) if step is not None and edited.is_edited(side, step) else None
            for side, step in enumerate(piece.steps)
        )
        groups.setdefault((piece.kind, outcomes, cause if any(cause) else _both(piece)), []).append(piece)
    for group in groups.values():
        yield _change(group, edited, database)


def _outcomes(piece: _Piece) -> tuple[str, str]:
    """What tells pieces apart. Effects count only where nothing else differs: they would tear every change in parts."""
    if piece.kind is Kind.RELOGGED:
        counted = frozenset({Field.LOG})
    elif piece.kind is Kind.TREATED:
        counted = frozenset({Field.ASSIGNED_HELPER, Field.TRANSLATION})
    else:
        counted = frozenset()
    plain = (replace(each, effects=tuple(e for e in each.effects if e[0] in counted)) for each in piece.results)
    before, after = map(outcome, plain)
    return before, after


def _both(piece: _Piece) -> object:
    return tuple((step.chain, id(step.rule)) if step else None for step in piece.steps)


def _change(group: list[_Piece], edited: Edited, database: Database) -> ReviewedChange:
    packets = group[0].packets
    for piece in group[1:]:
        packets |= piece.packets
    regions = readable_boxes(packets.boxes())
    kind, outcomes = group[0].kind, _outcomes(group[0])
    hook, family = packets.table.hook, packets.table.family
    witness = packets.witness()
    assert witness is not None  # noqa: S101 - pieces hold packets
    group.sort(key=lambda piece: not piece.packets.contains(witness))
    severity, why = rate(kind, hook, regions, database, outcomes)
    return ReviewedChange(
        id=_id(kind, hook, family, outcomes, regions),
        kind=kind,
        hook=hook,
        family=family,
        outcomes=outcomes,
        packets=packets,
        regions=regions,
        witness=witness,
        deciders=(_deciders(group, 0, edited), _deciders(group, 1, edited)),
        severity=severity,
        why=why,
        uses=uses_of(regions, database),
        breaks=breaks(kind, hook, regions, database),
    )


def _id(kind: Kind, hook: Hook, family: Family, outcomes: tuple[str, str], regions: tuple[ReadableBox, ...]) -> str:
    text = repr((kind.value, hook.value, int(family), outcomes, [each.line(None) for each in regions]))
    return f"{_LETTERS[kind]}-{sha256(text.encode()).hexdigest()[:8]}"


def _deciders(group: list[_Piece], side: int, edited: Edited) -> tuple[Decider, ...]:
    steps = {(step.chain, id(step.rule)) if step else None: step for step in (piece.steps[side] for piece in group)}
    return tuple(edited.decider(side, step) for step in steps.values())
