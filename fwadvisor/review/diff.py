"""What a change of rules does: every packet whose fate differs between two versions, grouped by what did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice

from fwadvisor.diagnostic import error
from fwadvisor.errors import BudgetError, FwadvisorError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Field, Firewall
from fwadvisor.model.rule import Hook
from fwadvisor.packets import Budget, PacketSet
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.ports.database import Database
from fwadvisor.proof.comparison import NETFILTER, common_parts, doubts, left_out, outcome, spoken
from fwadvisor.review.alike import Texts, alike, alike_in_words, doubts_left, filled_otherwise, with_shared
from fwadvisor.review.applications import applications_changed
from fwadvisor.review.changes import Decider, Kind, Review, ReviewedChange
from fwadvisor.review.conditions import conditions_of
from fwadvisor.review.edits import Edited, edits_between
from fwadvisor.review.knowledge import breaks, uses_of
from fwadvisor.review.pieces import Parts, Piece
from fwadvisor.review.severity import rate

_LETTERS = {
    Kind.WIDENED: "w", Kind.NARROWED: "n", Kind.CHANGED: "c", Kind.TREATED: "t", Kind.RELOGGED: "l", Kind.UNKNOWN: "u",
}  # fmt: skip


def review(
    old: Firewall,
    new: Firewall,
    database: Database,
    budget: Budget,
    *,
    name: str = "",
    lines: int = 0,
    texts: Texts | None = None,
    apart: bool = False,
) -> Review:
    """Everything that happens otherwise to some packet in `new`, completely, and nothing else.

    `lines` is how many lines of the text differ, as the caller counted them. `texts` are what the versions are written
    in: without them, nothing is known to be the same that was not understood. With `apart`, each change has one rule
    that decides on either side, also where the dialects differ.

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
    edited = Edited.between(old, new)
    shared = alike(edited, texts)
    if shared.rules:
        edited = with_shared(edited)
    compared = Parts(edited, _effects(old, new), budget, shared.rules)
    changes = [change for part in parts for change in _changes(compared.pieces(*part), edited, database, apart)]
    changes.sort(key=lambda each: (each.kind is Kind.UNKNOWN, each.severity.rank, list(Kind).index(each.kind)))
    applications, missing = applications_changed(*edited.firewalls, changes, database, budget)
    doubted = (*doubts_left(shared, tuple(doubts(old, new)), (old, new)), *filled_otherwise(edited))
    return Review(
        name=name or f"{old.name} -> {new.name}",
        old=old,
        new=new,
        parts=parts,
        changes=tuple(changes),
        applications=applications,
        edits=edits_between(edited, changes, lines, bool(doubted)),
        left_out=(*left_out(old, new), *_effects_left_out(old, new), *missing, *alike_in_words(shared)),
        doubts=doubted,
        conditions=_conditions(*edited.firewalls),
        alike=tuple(part for parts in shared.parts for part in parts),
    )


def _alike(old: Firewall, new: Firewall) -> bool:
    """Whether both say in the same way what they log, assign and translate."""
    return old.dialect == new.dialect or {old.dialect, new.dialect} <= NETFILTER


def _effects(old: Firewall, new: Firewall) -> frozenset[Field]:
    """What is compared besides verdicts."""
    return frozenset({Field.LOG, Field.ASSIGNED_HELPER, Field.TRANSLATION}) if _alike(old, new) else frozenset()


def _effects_left_out(old: Firewall, new: Firewall) -> Iterator[str]:
    if _alike(old, new):
        return
    words = {Field.LOG: "what is logged", Field.ASSIGNED_HELPER: "helpers", Field.TRANSLATION: "translation"}
    written = {write.field for each in (old, new) for rule in each.rules() for write in rule.writes}
    found = [text for field, text in words.items() if field in written]
    if found:
        yield f"{' and '.join(found)}: {old.dialect} and {new.dialect} say that each in its own way"


def _conditions(old: Firewall, new: Firewall) -> tuple[Condition, ...]:
    """The conditions that both ask, and that are taken to be alike."""
    before, after = ({test.condition for test in conditions_of(each)} for each in (old, new))
    return tuple(sorted((each for each in before & after if each.understood), key=lambda condition: condition.name))


def _changes(pieces: Iterable[Piece], edited: Edited, database: Database, apart: bool) -> Iterator[ReviewedChange]:
    """The pieces that the same edit causes, together."""
    groups: dict[object, list[Piece]] = {}
    for piece in pieces:
        cause = tuple(
            tuple(id(step.rule) for step in steps if step is not None and edited.is_edited(side, step))
            for side, steps in enumerate(piece.steps)
        )
        key = (piece.kind, _outcomes(piece), cause if any(cause) else _deciding(piece))
        groups.setdefault(key, []).append(piece)
    found = list(groups.values())
    if not apart and edited.firewalls[0].dialect != edited.firewalls[1].dialect:
        found = _joined(found)
    for group in found:
        yield _change(group, edited, database)


#: Of more groups than that, none are joined.
_MOST_GROUPS = 100


def _joined(groups: list[list[Piece]]) -> list[list[Piece]]:
    """Between dialects, where no rule counts as edited: what one dialect says in several rules, as one change.

    Groups are joined that one rule or default decides on a side, where their packets are one box then.
    """
    if len(groups) > _MOST_GROUPS:
        return groups
    found: list[list[Piece]] = []
    for group in groups:
        for other in found:
            if _are_one(other, group):
                other += group
                break
        else:
            found.append(list(group))
    return found


def _are_one(one: list[Piece], other: list[Piece]) -> bool:
    first, second = one[0], other[0]
    if (first.kind, _outcomes(first)) != (second.kind, _outcomes(second)):
        return False
    if first.packets.table is not second.packets.table:
        return False
    if not any(a == b for a, b in zip(_deciding(first), _deciding(second), strict=True)):
        return False
    packets = first.packets
    for piece in (*one[1:], *other):
        packets |= piece.packets
    return len(_regions(packets)[0]) == 1


def _outcomes(piece: Piece) -> tuple[str, str]:
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


def _deciding(piece: Piece) -> tuple[object, ...]:
    return tuple(tuple((step.chain, id(step.rule)) if step else None for step in steps) for steps in piece.steps)


def _change(group: list[Piece], edited: Edited, database: Database) -> ReviewedChange:
    packets = group[0].packets
    for piece in group[1:]:
        packets |= piece.packets
    regions, whole = _regions(packets)
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
        sampled=any(piece.sampled for piece in group),
        cut=not whole,
    )


#: A change of more boxes than can be merged is shown by its first ones.
_MOST_REGIONS = 10_000


def _regions(packets: PacketSet) -> tuple[tuple[ReadableBox, ...], bool]:
    """The packets in few boxes, and whether these are all of them."""
    boxes = list(islice(packets.boxes(), _MOST_REGIONS + 1))
    whole = len(boxes) <= _MOST_REGIONS
    try:
        return readable_boxes(boxes[:_MOST_REGIONS]), whole
    except BudgetError:
        # Too many to be merged; each is right by itself.
        return tuple(map(ReadableBox, boxes[:_MOST_REGIONS])), whole


def _id(kind: Kind, hook: Hook, family: Family, outcomes: tuple[str, str], regions: tuple[ReadableBox, ...]) -> str:
    text = repr((kind.value, hook.value, int(family), outcomes, [each.line(None) for each in regions]))
    return f"{_LETTERS[kind]}-{sha256(text.encode()).hexdigest()[:8]}"


def _deciders(group: list[Piece], side: int, edited: Edited) -> tuple[Decider, ...]:
    steps = {
        (step.chain, id(step.rule)) if step else None: step for piece in group for step in piece.steps[side]
    }  # fmt: skip
    return tuple(edited.decider(side, step) for step in steps.values())
