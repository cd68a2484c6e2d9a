"""What a reviewer reads first: one sentence, and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.report.html.cards import Card
from fwadvisor.report.html.words import KINDS
from fwadvisor.report.review_entries import Answer, answer, counted, opaque
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.findings import Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for all reviews of a report."""

    #: A severity, ``same`` or ``unknown``.
    tone: str
    headline: str
    remarks: tuple[str, ...]
    severities: tuple[tuple[Severity, int], ...]
    kinds: tuple[tuple[Kind, str, str, int], ...]
    total: int


def verdict(reviews: Sequence[Review], cards: Sequence[Card], alone: Sequence[str]) -> Verdict:
    """What the reviews come to."""
    worst = min((each.severity for each in cards), key=lambda each: each.rank, default=None)
    answers = {answer(each) for each in reviews}
    if Answer.DIFFERENT in answers or (alone and not reviews):
        tone = worst.value if worst else Severity.INFO.value
    else:
        tone = "unknown" if Answer.UNKNOWN in answers else "info" if alone else "same"
    return Verdict(
        tone=tone,
        headline=_headline(answers, cards, bool(alone)),
        remarks=tuple(_remarks(reviews, cards, alone, worst)),
        severities=tuple((each, sum(card.severity is each for card in cards)) for each in Severity),
        kinds=tuple((kind, *KINDS[kind], sum(card.kind is kind for card in cards)) for kind in Kind),
        total=len(cards),
    )


def _headline(answers: set[Answer], cards: Sequence[Card], alone: bool) -> str:
    if Answer.DIFFERENT in answers:
        kinds = {card.kind for card in cards}
        if {Kind.WIDENED, Kind.NARROWED} <= kinds:
            return "Some traffic is newly accepted, and some no longer."
        if Kind.WIDENED in kinds:
            return "More traffic is accepted than before."
        if Kind.NARROWED in kinds:
            return "Less traffic is accepted than before."
        return "The same traffic is accepted as before, but packets are refused, treated or logged otherwise."
    if Answer.UNKNOWN in answers:
        return "It is not known whether any packet is decided otherwise."
    if alone:
        return "Files are missing on one side."
    return "Every packet is decided as before."


def _remarks(
    reviews: Sequence[Review], cards: Sequence[Card], alone: Sequence[str], worst: Severity | None
) -> list[str]:
    found = []
    bad = [card for card in cards if card.severity.at_least(Severity.HIGH) and card.kind is not Kind.UNKNOWN]
    if bad and worst is not None:
        found.append(f"{counted(len(bad), 'change needs', 'changes need')} a close look before this is approved.")
    places = sum(len(opaque(review)) for review in reviews)
    unknown = sum(card.kind is Kind.UNKNOWN for card in cards)
    if places:
        found.append(
            f"{counted(places, 'part was', 'parts were')} not understood: what packets meet there is not known."
        )
    elif unknown or any(review.doubts for review in reviews):
        found.append("Not everything is known.")
    if len(reviews) > 1:
        same = sum(review.same for review in reviews)
        found.append(
            f"{counted(len(reviews), 'pair of files', 'pairs of files')}, {same:,} of them without any effect."
        )
    elif reviews and reviews[0].same and reviews[0].edits.lines:
        found.append(f"{counted(reviews[0].edits.lines, 'line')} changed, 0 packets.")
    if alone:
        found.append(f"{counted(len(alone), 'file is', 'files are')} on one side only.")
    return found
