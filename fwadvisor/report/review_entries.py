"""A review as people read it: changes that are one to them, what is counted, and the sentence that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.diagnostic import Span, printable
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Opaque
from fwadvisor.model.rule import Hook
from fwadvisor.packets.box import ReadableBox
from fwadvisor.report.comparison_text import parts_in_words
from fwadvisor.review.changes import Decider, Kind, PortUse, Review, ReviewedChange
from fwadvisor.review.findings import Severity


class Answer(StrEnum):
    """What a review comes to."""

    SAME = "same"
    DIFFERENT = "different"
    #: Nobody can say, because of parts that are not understood.
    UNKNOWN = "unknown"


#: Changes of what is reached, or may be.
_REACHED = frozenset({Kind.WIDENED, Kind.NARROWED, Kind.UNKNOWN})
#: What is said of a change that has more regions than can be listed, and of one with more rules than can be named.
CUT = "these are the first regions of a change that is too large to list them all"
SAMPLED = "these rules decide some of the packets; the change is too large to name all that do"


@dataclass(frozen=True, slots=True)
class Place:
    """What decides, with every place where it stands: the same rule in a file of IPv4 and one of IPv6 has two."""

    text: str
    spans: tuple[Span, ...]
    edited: bool

    @property
    def line(self) -> str:
        """``rules.v4:12, rules.v6:14: -A INPUT -j ACCEPT``."""
        where = ", ".join(f"{span.file}:{span.line}" for span in self.spans)
        return printable(f"{where}: {self.text}" if where else self.text)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of one family, or the twin changes that one edit makes in IPv4 and IPv6; the worse one first."""

    changes: tuple[ReviewedChange, ...]

    @property
    def main(self) -> ReviewedChange:
        """The change that speaks for all."""
        return self.changes[0]

    @property
    def kind(self) -> Kind:
        """Of all of them."""
        return self.main.kind

    @property
    def hook(self) -> Hook:
        """Of all of them."""
        return self.main.hook

    @property
    def severity(self) -> Severity:
        """Of the worst."""
        return self.main.severity

    @property
    def families(self) -> tuple[Family, ...]:
        """IPv4, IPv6 or both."""
        return tuple(sorted(each.family for each in self.changes))

    @property
    def regions(self) -> tuple[ReadableBox, ...]:
        """The regions of all."""
        return tuple(box for change in self.changes for box in change.regions)

    @property
    def why(self) -> tuple[str, ...]:
        """Why they are as severe as that, each sentence once."""
        return tuple(dict.fromkeys(each.why for each in self.changes if each.why))

    @property
    def breaks(self) -> tuple[str, ...]:
        """What stops working, each sentence once."""
        return tuple(dict.fromkeys(text for each in self.changes for text in each.breaks))

    @property
    def uses(self) -> tuple[PortUse, ...]:
        """The known uses of the ports, each once, where that they are reached, or no longer, is what matters."""
        if self.kind not in _REACHED:
            return ()
        found: dict[tuple[str, str], PortUse] = {}
        for change in self.changes:
            for use in change.uses:
                found.setdefault((use.port.id, use.transport), use)
        return tuple(found.values())

    @property
    def limits(self) -> tuple[str, ...]:
        """What is not told of changes that are too large to tell all, sentences without a full stop."""
        cut = any(each.cut for each in self.changes)
        sampled = any(each.sampled for each in self.changes)
        return (*((CUT,) if cut else ()), *((SAMPLED,) if sampled else ()))

    def deciders(self, side: int) -> tuple[Place, ...]:
        """What decides before (0) or after (1), the deciders of the first witness first."""
        found: dict[tuple[str, bool], dict[Span, None]] = {}
        for change in self.changes:
            for each in change.deciders[side]:
                found.setdefault((each.text, each.edited), {}).update({each.span: None} if each.span else {})
        return tuple(Place(text, tuple(spans), edited) for (text, edited), spans in found.items())


def entries(review: Review) -> tuple[Entry, ...]:
    """The changes of a review in its order, twins together."""
    groups: dict[object, list[list[ReviewedChange]]] = {}
    order: list[list[ReviewedChange]] = []
    for change in review.changes:
        key = (change.kind, change.hook, change.outcomes, _cause(change))
        for group in groups.setdefault(key, []):
            if all(each.family is not change.family for each in group):
                group.append(change)
                break
        else:
            groups[key].append([change])
            order.append(groups[key][-1])
    return tuple(Entry(tuple(group)) for group in order)


def _cause(change: ReviewedChange) -> object:
    """What tells changes apart: the edited deciders of both sides, or all of them where none is edited."""
    edited = any(each.edited for side in change.deciders for each in side)
    return tuple(frozenset(_said(each) for each in side if each.edited or not edited) for side in change.deciders)


def _said(decider: Decider) -> str:
    """The rule; defaults of IPv4 and IPv6 stand in chains of other names."""
    return decider.text if decider.rule is not None else f"default:{decider.text.rpartition(':')[2]}"


def answer(review: Review) -> Answer:
    """DIFFERENT where at least one packet surely has another fate."""
    if len(review.unknown) < len(review.changes):
        return Answer.DIFFERENT
    return Answer.SAME if review.same else Answer.UNKNOWN


def opaque(review: Review) -> tuple[Opaque, ...]:
    """The parts that were not understood and are not the same in both versions, each once."""
    return review.opaque


def counted(number: int, word: str, words: str = "") -> str:
    """``1 line``, ``2 lines``."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def tally(found: Iterable[Entry]) -> list[str]:
    """``2 widened (1 critical)``, ``1 narrowed``: how many of each kind, and how many of those are bad."""
    kinds: dict[Kind, list[Severity]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each.severity)
    parts = []
    for kind in Kind:
        severities = kinds.get(kind, [])
        bad = ", ".join(f"{severities.count(each):,} {each}" for each in _BAD if each in severities)
        if severities:
            parts.append(f"{len(severities):,} {kind}" + (f" ({bad})" if bad else ""))
    return parts


_BAD = (Severity.CRITICAL, Severity.HIGH)


def edited_rules(review: Review) -> str:
    """``3 of 14 edited rules matter``; "" where no rule was edited, or the dialects differ."""
    edits = review.edits
    if not edits.rules:
        return ""
    matter = "matters" if edits.effective == 1 else "matter"
    told = f"{edits.effective:,} of {counted(edits.rules, 'edited rule')} {matter}"
    return f"{told}, {edits.unknown:,} may" if edits.unknown else told


def summary(review: Review, found: Sequence[Entry] | None = None) -> str:
    """One review in one line: ``2 widened (1 critical), 1 narrowed; 3 of 14 edited rules matter; worst: critical``."""
    found = entries(review) if found is None else found
    if review.same:
        both = f"{review.old.name} and {review.new.name} decide every packet alike ({parts_in_words(review.parts)})"
        lines = f"; {counted(review.edits.lines, 'line')} changed, 0 packets"
        shared = len({each for each in review.alike if each in review.new.opaque})
        unread = f"; {counted(shared, 'part')} not understood, the same in both" if shared else ""
        return printable(f"same: {both}{lines if review.old.dialect == review.new.dialect else ''}{unread}")
    parts = [", ".join(tally(found))] if found else []
    if answer(review) is Answer.UNKNOWN:
        possible = (
            f"{counted(len(found), 'possible change')}{tally(found)[0].partition(' unknown')[2]}" if found else ""
        )
        parts = [f"unknown: {possible or 'no packet is known to be decided otherwise'}"]
    places = len(opaque(review))
    if places:
        parts.append(f"{counted(places, 'part')} not understood")
    if edited_rules(review):
        parts.append(edited_rules(review))
    if review.worst:
        parts.append(f"worst: {review.worst}")
    return "; ".join(parts)


def closing(reviews: Sequence[Review], alone: Sequence[str] = ()) -> str:
    """All reviews in one line; of a single one its `summary`."""
    if len(reviews) == 1 and not alone:
        return summary(reviews[0])
    answers = [answer(each) for each in reviews]
    parts = [f"{answers.count(each)} {each}" for each in Answer if each in answers]
    parts += [f"{len(alone)} on one side only"] if alone else []
    texts = [f"{counted(len(reviews) + len(alone), 'file')}: {', '.join(parts)}"]
    found = [entry for review in reviews for entry in entries(review)]
    texts += [", ".join(tally(found))] if found else []
    worst = min((each.severity for each in found), key=lambda each: each.rank, default=None)
    texts += [f"worst: {worst}"] if worst else []
    return "; ".join(texts)
