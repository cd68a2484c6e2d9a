"""Everything that the page says about one pair of versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from fwadvisor.model.firewall import Opaque
from fwadvisor.model.rule import Hook
from fwadvisor.report.comparison_text import parts_in_words
from fwadvisor.report.html.cards import Card, Details, details
from fwadvisor.report.html.commands import Plan, plans
from fwadvisor.report.html.ladder import Ladder, ladders
from fwadvisor.report.html.pages import PageView, page_views
from fwadvisor.report.html.port_map import heading, legend, port_map
from fwadvisor.report.html.words import DIRECTIONS, KINDS, Wording
from fwadvisor.report.html.zone_diagram import NARROW, WIDE, zone_diagram
from fwadvisor.report.html.zones import Arrow, arrows, shown
from fwadvisor.report.review_entries import counted, opaque, summary
from fwadvisor.review.changes import ApplicationChange, Kind, Review
from fwadvisor.review.findings import Severity

#: Without `everything`: so many changes of a report are shown in full.
_FULL = 40
#: So many lines of what opens and what closes, of opaque places, and of rows of the table of zones.
_SHORT, _OPAQUE, _ROWS = 6, 20, 200


@dataclass(slots=True)
class Room:
    """How many changes may still be shown in full, over all pairs of a report."""

    everything: bool
    cards: int = _FULL

    def take(self, wanted: int) -> int:
        """So many of those that are wanted."""
        if self.everything:
            return wanted
        taken = min(wanted, self.cards)
        self.cards -= taken
        return taken


class Column(NamedTuple):
    """What opens, or what closes, in short."""

    kind: str
    heading: str
    cards: tuple[Card, ...]
    more: int
    nothing: str


class Fold(NamedTuple):
    """Changes that are shown in short."""

    summary: str
    cards: tuple[Card, ...]


class LadderView(NamedTuple):
    """A port map with its table."""

    heading: str
    picture: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One review, ready for the template."""

    prefix: str
    name: str
    summary: str
    compared: str
    opaque: tuple[Opaque, ...]
    opaque_folded: tuple[Opaque, ...]
    opaque_count: str
    doubts: tuple[str, ...]
    left_out: tuple[str, ...]
    conditions: tuple[str, ...]
    edits: tuple[str, ...]
    cards: tuple[Card, ...]
    columns: tuple[Column, ...]
    full: tuple[tuple[Card, Details], ...]
    folded: tuple[Fold, ...]
    #: ``2 changes are``, where not all regions are known one by one; else "".
    endless: str
    kinds_drawn: tuple[tuple[Kind, str, str], ...]
    diagram_wide: Markup
    diagram_narrow: Markup
    arrows_hidden: int
    arrow_rows: tuple[tuple[str, ...], ...]
    arrow_rows_more: int
    ladders: tuple[LadderView, ...]
    ladder_excuse: str
    ladder_legend: Markup
    applications: tuple[ApplicationChange, ...]
    directions: Mapping[Hook, str]
    pages: tuple[PageView, ...]
    pages_more: tuple[str, ...]
    plans: tuple[Plan, ...]

    @property
    def contents(self) -> Iterator[tuple[str, str]]:
        """Anchors and headings of the sections that are there."""
        sections = (
            ("unknown", "Not known", self.opaque or self.doubts),
            ("short", "What changes", self.cards),
            ("zones", "Zones", self.cards),
            ("ports", "Ports", self.ladders),
            ("applications", "Applications", self.applications),
            ("changes", "Each change", self.cards),
            ("scope", "What this covers", True),
            ("knowledge", "About these ports", self.pages),
            ("commands", "Load, go back, verify", self.plans),
        )
        return ((self.prefix + anchor, text) for anchor, text, there in sections if there)


def part(review: Review, cards: tuple[Card, ...], prefix: str, wording: Wording, room: Room) -> Part:
    """What is said about one review."""
    database = wording.database
    full = cards[: room.take(len(cards))]
    drawn, hidden = shown(found := arrows(cards, wording))
    maps, excuse = ladders(review, database)
    views, more = page_views(cards, prefix, database, room.everything)
    places = opaque(review)
    endless = sum(change.cut for change in review.changes)
    rows = len(found) if room.everything else _ROWS
    return Part(
        prefix=prefix,
        name=review.name,
        summary=summary(review),
        compared=parts_in_words(review.parts),
        opaque=places[:_OPAQUE],
        opaque_folded=places[_OPAQUE:],
        opaque_count=counted(len(places), "part"),
        doubts=review.doubts,
        left_out=review.left_out,
        conditions=tuple(each.name for each in review.conditions),
        edits=tuple(_edits(review)),
        cards=cards,
        columns=tuple(_columns(cards)),
        full=tuple((card, details(card, prefix, database, room.everything)) for card in full),
        folded=tuple(_folds(cards[len(full) :])),
        endless=counted(endless, "change is", "changes are") if endless else "",
        kinds_drawn=tuple((kind, *KINDS[kind]) for kind in Kind if any(card.kind is kind for card in cards)),
        diagram_wide=zone_diagram(drawn, f"{prefix}zones-wide", WIDE),
        diagram_narrow=zone_diagram(drawn, f"{prefix}zones-narrow", NARROW),
        arrows_hidden=hidden,
        arrow_rows=tuple(_row(each) for each in found[:rows]),
        arrow_rows_more=len(found[rows:]),
        ladders=tuple(_ladder(each, f"{prefix}map-{number}") for number, each in enumerate(maps, 1)),
        ladder_excuse=excuse,
        ladder_legend=legend(maps, f"{prefix}legend"),
        applications=review.applications,
        directions=DIRECTIONS,
        pages=tuple(views),
        pages_more=tuple(more),
        plans=plans(review, cards),
    )


def _columns(cards: Sequence[Card]) -> Iterator[Column]:
    """What opens and what closes; further kinds where there are any."""
    headings = {
        Kind.WIDENED: ("Opens", "Nothing is newly accepted."),
        Kind.NARROWED: ("Closes", "Nothing that was accepted is refused now."),
        Kind.UNKNOWN: ("Not known", ""),
    }
    for kind, (text, nothing) in headings.items():
        found = tuple(card for card in cards if card.kind is kind)
        if found or nothing:
            yield Column(kind.value, text, found[:_SHORT], len(found[_SHORT:]), nothing)
    others = tuple(card for card in cards if card.kind not in headings)
    if others:
        yield Column("changed", "Otherwise changed", others[:_SHORT], len(others[_SHORT:]), "")


def _folds(cards: Sequence[Card]) -> Iterator[Fold]:
    """The changes that are not shown in full, those of one severity and kind together."""
    for severity in Severity:
        for kind in Kind:
            found = tuple(card for card in cards if card.severity is severity and card.kind is kind)
            if found:
                yield Fold(f"{counted(len(found), 'more change')}: {severity}, {KINDS[kind][0]}", found)


def _row(arrow: Arrow) -> tuple[str, ...]:
    numbers = arrow.cards
    changes = ", ".join(map(str, numbers[:12])) + (f" and {len(numbers) - 12:,} more" if len(numbers) > 12 else "")
    return (
        arrow.source.name,
        arrow.destination.name,
        f"{KINDS[arrow.kind][0]} {DIRECTIONS[arrow.hook]}",
        arrow.label,
        arrow.versions,
        changes,
    )


def _ladder(ladder: Ladder, id: str) -> LadderView:
    known = ("Before", "After") if ladder.known else ()
    rows = (
        (
            f"{each.ports}{f' ({each.together} ranges)' if each.together else ''}",
            *((each.before.word, each.after.word) if ladder.known else ()),
            each.change or "as before",
            each.name or "",
        )
        for each in ladder.rungs
    )
    return LadderView(heading(ladder), port_map(ladder, id), ("Ports", *known, "Change", "Known as"), tuple(rows))


def _edits(review: Review) -> Iterator[str]:
    """How the text changed, and how little of that may matter."""
    edits = review.edits
    if edits.lines:
        yield f"{counted(edits.lines, 'line')} changed"
    if edits.rules:
        parts = ((edits.added, "added"), (edits.removed, "removed"), (edits.moved, "moved"))
        yield f"{counted(edits.rules, 'rule')}: {', '.join(f'{number:,} {word}' for number, word in parts if number)}"
        may = f", {edits.unknown:,} may" if edits.unknown else ""
        yield f"{edits.effective:,} of them decide packets otherwise{may}; {edits.idle:,} change nothing"
