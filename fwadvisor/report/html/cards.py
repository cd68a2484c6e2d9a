"""Changes as cards: what one edit does, in both families where it does the same, with the rules side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.model.address import Family
from fwadvisor.model.interval import format_ports
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports.database import Database
from fwadvisor.proof.words import flow
from fwadvisor.report.html.rule_text import Piece, compared, plain
from fwadvisor.report.html.words import DIRECTIONS, KINDS, Wording, families, known_only, listed
from fwadvisor.report.review_entries import Entry, Place, counted
from fwadvisor.report.review_words import RegionWords, region_words
from fwadvisor.review.changes import Kind, PortUse
from fwadvisor.review.findings import Severity

#: Without `everything`: so many regions and rules of a card are open, and so many more are folded into it.
OPEN_REGIONS, FOLDED_REGIONS = 6, 200
OPEN_RULES, FOLDED_RULES = 3, 50
#: So many regions are looked at for the one line that stands for a change.
_LOOKED_AT = 4


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region, and in which IP versions it changes."""

    families: str
    #: "" where it is that of the whole card.
    traffic: str
    ends: str
    #: Limits that the other regions of the card do not have.
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule or default that decides."""

    places: tuple[str, ...]
    pieces: tuple[Piece, ...]
    edited: bool
    #: Of very long rules, how many characters are not shown.
    cut: int


@dataclass(frozen=True, slots=True)
class Side:
    """What decides in one version."""

    heading: str
    outcome: str
    #: What is said of rules that the other version does not have at this place.
    edited: str
    rules: tuple[RuleView, ...]
    folded: tuple[RuleView, ...]
    #: How many there are that are in neither.
    more: int


@dataclass(frozen=True, slots=True)
class UseView:
    """A known use of ports, with the place of its page."""

    anchor: str
    numbers: str
    title: str
    risk_internet: str
    risk_inside: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One change, or one of IPv4 and its twin of IPv6."""

    entry: Entry
    anchor: str
    number: int
    #: What changes in one line: the traffic, and between whom.
    traffic: str
    ends: str

    @property
    def kind(self) -> Kind:
        """What it does to its packets."""
        return self.entry.kind

    @property
    def severity(self) -> Severity:
        """Of the worse twin."""
        return self.entry.severity

    @property
    def word(self) -> str:
        """What becomes of the packets."""
        return KINDS[self.kind][0]

    @property
    def sign(self) -> str:
        """The sign that stands for that."""
        return KINDS[self.kind][1]

    @property
    def direction(self) -> str:
        """Such as "to this machine"."""
        return DIRECTIONS[self.entry.hook]

    @property
    def families(self) -> str:
        """``IPv4 and IPv6``."""
        return families(self.entry.families)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the changes."""
        return tuple(change.id for change in self.entry.changes)

    @property
    def outcomes(self) -> tuple[str, str]:
        """What becomes of the packets before and after."""
        return self.entry.main.outcomes

    @property
    def witnesses(self) -> tuple[tuple[str, str], ...]:
        """A packet of each IP version, in words."""
        return tuple((families((each.family,)), flow(each.witness)) for each in self.entry.changes)

    @property
    def uses(self) -> tuple[PortUse, ...]:
        """The known uses of the ports; of packets that open no connection, none."""
        return () if all(known_only(box.raw) for box in self.entry.regions) else self.entry.uses

    @property
    def places(self) -> tuple[str, str]:
        """Where what decides first stands, before and after."""
        before, after = (self.entry.deciders(side) for side in (0, 1))
        return listed(_places(before[0]), 1), listed(_places(after[0]), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a card shows besides its heading."""

    regions: tuple[RegionRow, ...]
    folded: tuple[RegionRow, ...]
    more: int
    #: Limits that all regions have.
    common: tuple[str, ...]
    sides: tuple[Side, Side]
    #: Whether these rules decide only some of the packets: there are too many to ask for all.
    sampled: bool
    #: Whether there are further regions that the review does not list.
    endless: bool
    uses: tuple[UseView, ...]


def cards(found: Sequence[Entry], prefix: str, wording: Wording) -> tuple[Card, ...]:
    """Entries in their order; `prefix` keeps the anchors of several reviews apart."""
    return tuple(_card(entry, number, prefix, wording) for number, entry in enumerate(found, 1))


def _card(entry: Entry, number: int, prefix: str, wording: Wording) -> Card:
    shown = [box for change in entry.changes for box in change.regions[:_LOOKED_AT]]
    more = len(entry.regions) - len(shown)
    between = {change.family: _ends(change.regions[:_LOOKED_AT], wording) for change in entry.changes}
    if len(set(between.values())) == 1:
        ends = between[entry.main.family]
    else:
        ends = "; ".join(f"{text} ({families((family,))})" for family, text in between.items())
    return Card(
        entry=entry,
        anchor=f"{prefix}{number}-{entry.main.id}",
        number=number,
        traffic=listed((wording.traffic(box) for box in shown), 2, "; ")
        + (f"; {counted(more, 'more region')}" if more else ""),
        ends=ends,
    )


def _ends(regions: Sequence[ReadableBox], wording: Wording) -> str:
    found = list(dict.fromkeys(wording.of(box).ends for box in regions))
    return found[0] if len(found) == 1 else f"{found[0]}; {len(found) - 1} more below"


def details(card: Card, prefix: str, database: Database, everything: bool) -> Details:
    """What an open card shows."""
    rows, common = _rows(card.entry, database, None if everything else 12)
    opened = len(rows) if everything else OPEN_REGIONS
    end = len(rows) if everything else OPEN_REGIONS + FOLDED_REGIONS
    return Details(
        regions=tuple(rows[:opened]),
        folded=tuple(rows[opened:end]),
        more=len(rows[end:]),
        common=common,
        sides=_both(card.entry, everything),
        sampled=any(change.sampled for change in card.entry.changes),
        endless=any(change.cut for change in card.entry.changes),
        uses=tuple(_use(each, prefix) for each in card.uses),
    )


def _use(use: PortUse, prefix: str) -> UseView:
    """A known use of ports, for people."""
    port = use.port
    return UseView(
        anchor=f"{prefix}port-{port.id}",
        numbers=f"{format_ports(use.numbers, comma=', ')}/{use.transport}",
        title=port.title,
        risk_internet=port.risk_internet.value,
        risk_inside=port.risk_lan.value,
        why=port.risk_why,
    )


def _rows(entry: Entry, database: Database, most: int | None) -> tuple[list[RegionRow], tuple[str, ...]]:
    """The regions, those that are alike in both families once, and what all of them share."""
    found: dict[RegionWords, list[Family]] = {}
    for change in entry.changes:
        for box in change.regions:
            found.setdefault(region_words(box, database, most), []).append(change.family)
    alike = len({words.traffic for words in found}) == 1
    shared = set.intersection(*(set(words.rest) for words in found)) if found else set()
    rows = [
        RegionRow(
            families(each),
            "" if alike else words.traffic,
            words.ends,
            tuple(text for text in words.rest if text not in shared),
        )
        for words, each in found.items()
    ]
    first = next(iter(found))
    return rows, tuple(text for text in first.rest if text in shared)


def _both(entry: Entry, everything: bool) -> tuple[Side, Side]:
    before, after = entry.deciders(0), entry.deciders(1)
    one: tuple[Piece, ...] | None = None
    other: tuple[Piece, ...] | None = None
    if len(before) == len(after) == 1 and before[0].edited and after[0].edited:
        one, other = compared(before[0].text, after[0].text) or (None, None)
    first, second = entry.main.outcomes
    return (
        _side(("Before", first, "removed or changed"), before, one, everything),
        _side(("After", second, "added or changed"), after, other, everything),
    )


def _side(
    words: tuple[str, str, str], deciders: Sequence[Place], marked: tuple[Piece, ...] | None, everything: bool
) -> Side:
    views = [_view(each, marked, everything) for each in deciders]
    opened = len(views) if everything else OPEN_RULES
    end = len(views) if everything else OPEN_RULES + FOLDED_RULES
    return Side(*words, tuple(views[:opened]), tuple(views[opened:end]), len(views[end:]))


def _view(decider: Place, marked: tuple[Piece, ...] | None, everything: bool) -> RuleView:
    pieces, cut = (marked, 0) if marked else plain(decider.text, everything)
    return RuleView(_places(decider), pieces, decider.edited, cut)


def _places(decider: Place) -> tuple[str, ...]:
    return tuple(f"{span.file}:{span.line}" for span in decider.spans)
