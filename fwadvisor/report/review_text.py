"""Reviews as text, for a reviewer in a hurry: the worst first, one witness each, and a line that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fwadvisor.diagnostic import printable
from fwadvisor.ports.explain.text import fold
from fwadvisor.proof.words import flow
from fwadvisor.report.review_entries import (
    Answer,
    Entry,
    Place,
    answer,
    closing,
    counted,
    entries,
    opaque,
    summary,
    tally,
)
from fwadvisor.report.review_formats import View
from fwadvisor.report.review_words import common_limits, joined, spoken, use_words
from fwadvisor.review.changes import ApplicationChange, Kind, Review
from fwadvisor.review.knowledge import MOST_USES

#: What stands above the changes of one kind.
HEADINGS = {
    Kind.WIDENED: "accepted now, not before",
    Kind.NARROWED: "accepted before, not now",
    Kind.CHANGED: "refused in another way",
    Kind.TREATED: "accepted as before, with another helper or translation",
    Kind.RELOGGED: "only what is logged differs",
    Kind.UNKNOWN: "nobody can say what happens to these",
}
_STYLES = {"critical": "31;1", "high": "31", "medium": "33", "low": "32", "info": "36", "head": "1", "dim": "2",
           "-": "31", "+": "32"}  # fmt: skip
_LABEL = 8
_INDENT = 4


@dataclass(frozen=True, slots=True)
class _Most:
    """How many of each list are shown; None: all."""

    entries: int | None = 12
    regions: int | None = 6
    values: int | None = 8
    deciders: int | None = 3
    uses: int | None = 4
    breaks: int | None = 3
    places: int | None = 8
    conditions: int | None = 6


_EVERYTHING = _Most(None, None, None, None, None, None, None, None)
_SEE = "see with --all"


def render(reviews: Sequence[Review], view: View) -> str:
    """Each review in a block, then one closing line for all."""
    writer = _Writer(view, _EVERYTHING if view.everything else _Most())
    blocks = [writer.paint(printable(view.title), "head")] if view.title else []
    for review in reviews:
        blocks += writer.review(review, named=len(reviews) > 1)
    if view.alone:
        blocks.append("\n".join(line for each in view.alone for line in writer.wrapped(printable(each), 0)))
    # One line, whatever the width: the last one of the output.
    blocks.append(closing(reviews, view.alone))
    return "\n\n".join(blocks)


@dataclass(frozen=True, slots=True)
class _Writer:
    view: View
    most: _Most
    #: Uses of ports whose risk is told already.
    told: set[str] = field(default_factory=set)

    def paint(self, text: str, style: str) -> str:
        code = _STYLES.get(style, "")
        return f"\x1b[{code}m{text}\x1b[0m" if self.view.color and code and text else text

    def wrapped(self, text: str, indent: int, more: int = 0) -> list[str]:
        """Prose in lines of the width; lines after the first are indented by `more`."""
        room = max(20, self.view.width - indent - more)
        return [" " * (indent + (more if index else 0)) + line for index, line in enumerate(fold(text, room))]

    def labelled(self, label: str, texts: Iterable[str]) -> Iterator[str]:
        """``why     text``, further texts and lines below the first."""
        left = " " * _INDENT
        room = max(20, self.view.width - _INDENT - _LABEL - 1)
        lead = label
        for text in texts:
            for line in fold(text, room):
                yield f"{left}{self.paint(lead.ljust(_LABEL), 'dim')} {line}".rstrip()
                lead = ""

    def review(self, review: Review, named: bool) -> Iterator[str]:
        """The blocks of one review."""
        found = entries(review)
        if named:
            yield "\n".join(
                [self.paint(f"== {printable(review.name)}", "head"), *self.wrapped(summary(review, found), 0)]
            )
        for kind in Kind:
            here = [each for each in found if each.kind is kind]
            if here:
                yield self.paint(f"{kind.value.upper()}: {HEADINGS[kind]}", "head")
                shown = here[: self.most.entries]
                yield from map(self.entry, shown)
                if len(here) > len(shown):
                    rest = here[len(shown) :]
                    number, _, what = tally(rest)[0].partition(" ")
                    yield f"  and {number} more {what}: {_SEE}"
        if review.applications:
            yield "\n".join(self.applications(review.applications))
        remarks = list(self.remarks(review))
        if remarks:
            yield "\n".join(remarks)

    def entry(self, entry: Entry) -> str:
        """One change, or twins."""
        before, after = entry.main.outcomes
        families = " and ".join(f"IPv{each.value}" for each in entry.families)
        severity = self.paint(entry.severity.value.upper(), entry.severity.value)
        ids = self.paint(" ".join(each.id for each in entry.changes), "dim")
        lines = [f"  {severity}  {entry.hook}, {families}: {printable(f'{before} -> {after}')}  {ids}"]
        lines += self.regions(entry)
        lines += self.labelled("why", map(printable, entry.why))
        lines += self.labelled("for one", [flow(entry.main.witness)])
        for sign, side in (("-", 0), ("+", 1)):
            lines += self.deciders(sign, entry.deciders(side))
        lines += self.labelled("but", entry.limits)
        of_many = ", the worst of many" if any(len(each.uses) >= MOST_USES for each in entry.changes) else ""
        words = f"known use{of_many}", f"known uses{of_many}"
        lines += self.labelled("ports", self.cut(self.uses(entry), self.most.uses, *words))
        lines += self.labelled(
            "breaks", self.cut([printable(e) for e in entry.breaks], self.most.breaks, "consequence")
        )
        return "\n".join(lines)

    def cut(self, texts: Sequence[str], most: int | None, word: str, words: str = "") -> Iterator[str]:
        """The first texts, and how many there are more."""
        yield from texts[:most]
        if most is not None and len(texts) > most:
            yield f"and {counted(len(texts) - most, f'more {word}', f'more {words}' if words else '')}: {_SEE}"

    def regions(self, entry: Entry) -> Iterator[str]:
        """The regions of all families; what limits all of them alike is said once."""
        found = spoken(entry, self.view.database, self.most.values, self.most.regions)
        shown = found[: self.most.regions]
        common = common_limits(shown)
        for each in shown:
            yield from self.wrapped(each.line(common), _INDENT, 2)
        if common:
            yield from self.wrapped(f"all of these: {joined(common)}", _INDENT, 2)
        more = len(entry.regions) - sum(each.boxes for each in shown)
        if more:
            yield f"{' ' * _INDENT}and {counted(more, 'more region')}: {_SEE}"

    def uses(self, entry: Entry) -> list[str]:
        """The ports and their risk, which is told once."""
        texts = []
        for use in entry.uses:
            # Why it is risky to expose a port is no matter where it is closed.
            text = use_words(use, why=entry.kind is not Kind.NARROWED)
            texts.append(f"{text.partition(':')[0]}: see above" if text in self.told else text)
            self.told.add(text)
        return texts

    def deciders(self, sign: str, places: Sequence[Place]) -> Iterator[str]:
        """Each rule on its line as it stands in the file, in no way cut."""
        for text in self.cut([each.line for each in places], self.most.deciders, "deciding rule"):
            yield f"{' ' * _INDENT}{self.paint(f'{sign} {text}', sign)}"

    def applications(self, found: Sequence[ApplicationChange]) -> Iterator[str]:
        """What the changes come to for applications."""
        yield self.paint("APPLICATIONS", "head")
        shown = found[: self.most.entries]
        for each in shown:
            severity = self.paint(each.severity.value.upper(), each.severity.value)
            yield f"  {severity}  {printable(each.title)}, {each.hook}: {each.before} -> {each.after}"
            yield from self.wrapped(printable(each.text), _INDENT)
        if len(found) > len(shown):
            yield f"  and {counted(len(found) - len(shown), 'more application')}: {_SEE}"

    def remarks(self, review: Review) -> Iterator[str]:
        """What is not understood, not known and not compared, and edits that do nothing."""
        places = [printable(f"{each.span}: {each.reason}") for each in opaque(review)]
        for text in self.cut(places, self.most.places, "place"):
            yield from self.wrapped(f"not understood: {text}", 2, 2)
        for label, texts in (("not known", review.doubts), ("not compared", review.left_out)):
            for text in texts:
                yield from self.wrapped(f"{label}: {printable(text)}", 2, 2)
        names = [printable(condition.name) for condition in review.conditions]
        if names:
            text = "; ".join(self.cut(names, self.most.conditions, "condition"))
            yield from self.wrapped(f"whatever may be of: {text}", 2, 2)
        idle = idle_edits(review)
        if idle and answer(review) is not Answer.SAME:
            yield from self.wrapped(f"without effect: {idle}", 2, 2)


def idle_edits(review: Review) -> str:
    """``11 edited rules change nothing, 2 of them only moved``; "" where there are none."""
    edits = review.edits
    if not edits.idle:
        return ""
    moved = f"; {edits.moved:,} moved" if edits.moved else ""
    return f"{counted(edits.idle, 'edited rule')} of {edits.added:,} added, {edits.removed:,} removed{moved}"
