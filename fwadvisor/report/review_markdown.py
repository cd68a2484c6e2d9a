"""Reviews as Markdown for comments on pull requests: never longer than such a comment can be.

What does not fit is folded: the worst changes keep all of their details longest, then changes lose details, then
they become one line, then they are counted. A sentence says exactly what is not shown, and where to see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from fwadvisor.proof.words import flow
from fwadvisor.report.markdown_text import code, fence, prose
from fwadvisor.report.review_entries import Entry, Place, closing, counted, entries, opaque, tally
from fwadvisor.report.review_formats import View
from fwadvisor.report.review_text import HEADINGS
from fwadvisor.report.review_words import Spoken, common_limits, joined, spoken, use_words
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.findings import Severity

#: A comment on GitHub holds fewer characters than this; bytes are counted, to be sure.
LIMIT = 65_536
#: Room that is kept for the sentence on what is folded.
_FOLDED = 1_200
#: So much of the room is for lists besides the changes, each list, and for one text of strangers.
_LIST, _TEXT, _NAME = 4_000, 300, 100
#: No change is told in more detail where less room than this is left.
_LEAST = 200


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry, and the review that it belongs to where there are several."""

    entry: Entry
    review: Review
    named: bool


@dataclass(frozen=True, slots=True)
class _Stage:
    """How much of an entry is shown; None: all."""

    regions: int | None
    values: int | None
    rules: int | None
    uses: int | None
    breaks: int | None
    text: int | None


_WHOLE = _Stage(None, None, None, None, None, None)
_PART = _Stage(6, 8, 3, 3, 3, _TEXT)


@dataclass(frozen=True, slots=True)
class _Shown:
    """An entry as text, and how much of it is not in there."""

    text: str
    regions: int
    #: Deciding rules, port risks and consequences.
    details: int
    #: Whether it is one line only.
    line: bool = False

    @property
    def size(self) -> int:
        """Bytes, with the empty line before the next block."""
        return _size(self.text)


def render(reviews: Sequence[Review], view: View) -> str:
    """One comment with the changes of all reviews, the worst first."""
    items = [_Item(entry, review, len(reviews) > 1) for review in reviews for entry in entries(review)]
    items.sort(key=lambda item: (item.entry.kind is Kind.UNKNOWN, item.entry.severity.rank))
    head, foot = list(_head(reviews, view, items)), list(_remarks(reviews, view))
    room = LIMIT - 1 - _FOLDED - sum(map(_size, (*head, *foot)))
    shown = _fitted(items, view, room)
    text = "\n\n".join([*head, *(each.text for each in shown), *_folded(items, shown, view), *foot])
    assert len(text.encode()) < LIMIT  # noqa: S101 - all parts were measured
    return text


def _size(text: str) -> int:
    """Bytes, with the empty line before the next block."""
    return len(text.encode()) + 2


def _shortened(text: str, most: int | None = _TEXT) -> str:
    """The text; of a longer one than `most` the beginning, and how many characters are missing."""
    if most is None or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def _fitted(items: Sequence[_Item], view: View, room: int) -> list[_Shown]:
    """As many of the items, the worst first, in as much detail as there is room for."""
    shown: list[_Shown] = []
    # Lines first, so that many changes are named, but not so many that there is no room for the worst.
    room = _lines(items, shown, view, room // 2) + room - room // 2
    for stage in (_PART, _WHOLE):
        for place, item in enumerate(items[: len(shown)]):
            before = shown[place]
            if room < _LEAST:
                break
            if stage is _PART or not before.line:
                better = _Details(item, view, stage).shown()
                if better.size - before.size <= room:
                    room -= better.size - before.size
                    shown[place] = better
    _lines(items, shown, view, room)
    return shown


def _lines(items: Sequence[_Item], shown: list[_Shown], view: View, room: int) -> int:
    """Add the next items as lines while they fit; returns the room that is left."""
    for item in items[len(shown) :]:
        line = _line(item, view)
        if line.size > room:
            break
        shown.append(line)
        room -= line.size
    return room


def _line(item: _Item, view: View) -> _Shown:
    """``- **critical** widened, input, IPv4: `from anywhere ...` and 3 more regions``."""
    entry = item.entry
    first = spoken(entry, view.database, 4, 1)[0]
    more = len(entry.regions) - first.boxes
    text = f"- **{entry.severity}** {_what(entry)}: {code(_shortened(first.line()))}{_and_more(more)}"
    text += f" in {code(_shortened(item.review.name, _NAME))}" if item.named else ""
    hidden = sum(len(entry.deciders(side)) for side in (0, 1)) + len(entry.uses) + len(entry.breaks)
    return _Shown(text, more, hidden, line=True)


def _what(entry: Entry) -> str:
    return f"{entry.kind}, {entry.hook}, {' and '.join(f'IPv{each.value}' for each in entry.families)}"


def _and_more(regions: int) -> str:
    return f" and {counted(regions, 'more region')}" if regions else ""


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


@dataclass(frozen=True, slots=True)
class _Details:
    """One entry to be unfolded, as far as a stage goes."""

    item: _Item
    view: View
    stage: _Stage

    def shown(self) -> _Shown:
        entry, stage = self.item.entry, self.stage
        regions = spoken(entry, self.view.database, stage.values, stage.regions)[: stage.regions]
        more = len(entry.regions) - sum(each.boxes for each in regions)
        rules = [entry.deciders(side) for side in (0, 1)]
        uses = [use_words(each, why=entry.kind is not Kind.NARROWED) for each in entry.uses]
        lines = [*self.summary(regions[0]), *self.regions(regions, more)]
        lines += ["", f"For one: {code(flow(entry.main.witness))}", "", self.rules(rules)]
        lines += [line for text in entry.limits for line in ("", prose(_sentence(text)))]
        lines += [*self.texts("Ports", uses, stage.uses), *self.texts("Breaks", entry.breaks, stage.breaks)]
        lines += ["", f"<sub>{' '.join(each.id for each in entry.changes)}</sub>", "", "</details>"]
        cut = [(rules[0], stage.rules), (rules[1], stage.rules), (uses, stage.uses), (entry.breaks, stage.breaks)]
        hidden = sum(max(0, len(found) - most) for found, most in cut if most is not None)
        return _Shown("\n".join(lines), more, hidden)

    def summary(self, first: Spoken) -> list[str]:
        """What stands there before it is unfolded, and why it is severe."""
        entry = self.item.entry
        others = _and_more(len(entry.regions) - first.boxes)
        where = f" in {code(_shortened(self.item.review.name, _NAME))}" if self.item.named else ""
        before, after = entry.main.outcomes
        what = f"{HEADINGS[entry.kind]} ({before} to {after})"
        why = " ".join(_sentence(_shortened(each, self.stage.text)) for each in entry.why)
        head = f"<b>{entry.severity}</b> {_what(entry)}: {code(_shortened(first.line()))}{others}{where}"
        return [
            "<details>",
            f"<summary>{head}</summary>",
            "",
            f"{prose(_sentence(what))} {prose(why)}",
            "",
        ]

    def regions(self, regions: Sequence[Spoken], more: int) -> Iterator[str]:
        """A line for each, and one for what they have in common."""
        common = common_limits(regions)
        if len(regions) == 1 and not more and len(regions[0].line()) <= _TEXT:
            # The summary says it.
            return
        yield ""
        for each in regions:
            yield f"- {code(_shortened(each.line(common), self.stage.text))}"
        if more:
            yield f"- {_and_more(more).strip()}"
        if common:
            yield f"- all of these: {code(_shortened(joined(common), self.stage.text))}"

    def rules(self, sides: Sequence[Sequence[Place]]) -> str:
        """The deciding rules of both sides as a difference of texts."""
        lines = []
        for sign, places in zip("-+", sides, strict=True):
            lines += [f"{sign} {_shortened(each.line, self.stage.text)}" for each in places[: self.stage.rules]]
            if self.stage.rules is not None and len(places) > self.stage.rules:
                lines.append(f"{sign} and {counted(len(places) - self.stage.rules, 'more deciding rule')}")
        return fence(lines, "diff")

    def texts(self, label: str, texts: Sequence[str], most: int | None) -> Iterator[str]:
        """A short list under a label."""
        if texts:
            yield from ("", f"{label}:", "")
            yield from (f"- {prose(_shortened(each, self.stage.text))}" for each in texts[:most])
            if most is not None and len(texts) > most:
                yield f"- and {len(texts) - most:,} more"


def _head(reviews: Sequence[Review], view: View, items: Sequence[_Item]) -> Iterator[str]:
    """Title, the sentence that says it all, and a table of how many there are."""
    yield f"### {prose(_shortened(view.title or 'Firewall review'))}"
    yield f"**{prose(_shortened(_sentence(closing(reviews, view.alone)), 2 * _TEXT))}**"
    if items:
        kinds = [kind for kind in Kind if any(item.entry.kind is kind for item in items)]
        rows = ["| |" + "".join(f" {each} |" for each in Severity), "|---|" + "---:|" * len(Severity)]
        for kind in kinds:
            here = [item.entry.severity for item in items if item.entry.kind is kind]
            numbers = (f"{here.count(each):,}" if each in here else "" for each in Severity)
            rows.append(f"| {kind} |" + "".join(f" {number} |" for number in numbers))
        yield "\n".join(rows)


def _folded(items: Sequence[_Item], shown: Sequence[_Shown], view: View) -> Iterator[str]:
    """What is not shown, in exact numbers, and where it is."""
    parts = []
    missing = [item.entry for item in items[len(shown) :]]
    if missing:
        regions = sum(len(entry.regions) for entry in missing)
        parts.append(f"{counted(len(missing), 'change')} ({', '.join(tally(missing))}) with "
                     f"{counted(regions, 'region')} are not shown at all")  # fmt: skip
    lines = sum(each.line for each in shown)
    if lines:
        parts.append(f"{counted(lines, 'change')} of the above {'is' if lines == 1 else 'are'} shown as one line")
    regions, details = sum(each.regions for each in shown), sum(each.details for each in shown)
    if regions:
        parts.append(f"{counted(regions, 'region')} of the changes above are left out")
    if details:
        what = counted(details, "deciding rule, risk or consequence", "deciding rules, risks and consequences")
        parts.append(f"{what} of the changes above are left out")
    if parts:
        yield f"**Folded to fit into a comment:** {'; '.join(parts)}. {_where(view)}"


def _where(view: View) -> str:
    """The command that shows everything."""
    words = " ".join(quote(each) for each in view.arguments if each) or "OLD NEW"
    words = words if len(words) <= _TEXT else "OLD NEW"
    return f"All of it: {code(f'fwadvisor diff {words} --all')} or {code('-f json')}."


def _remarks(reviews: Sequence[Review], view: View) -> Iterator[str]:
    """What the changes come to for applications, and what the review does not know or does not speak of."""
    applications = [
        f"**{each.severity}** {prose(_shortened(f'{each.title}, {each.hook}: {each.before} to {each.after}'))}: "
        f"{prose(_shortened(each.text))}"
        for review in reviews
        for each in review.applications
    ]
    places = dict.fromkeys(f"{each.span}: {each.reason}" for review in reviews for each in opaque(review))
    names = dict.fromkeys(condition.name for review in reviews for condition in review.conditions)
    lists = {
        "Applications": applications,
        "On one side only": [prose(_shortened(each)) for each in view.alone],
        "Not understood": [code(_shortened(each)) for each in places],
        "Not known": _prose(each for review in reviews for each in review.doubts),
        "Not compared": _prose(each for review in reviews for each in review.left_out),
        "Whatever may be of": [code(_shortened(each)) for each in names],
    }
    for label, texts in lists.items():
        if texts:
            yield _list(label, texts)


def _prose(texts: Iterable[str]) -> list[str]:
    return [prose(_shortened(each)) for each in dict.fromkeys(texts)]


def _list(label: str, texts: Sequence[str]) -> str:
    """As many of the texts as a list has room for, and how many there are more."""
    lines = [f"**{label}**", ""]
    room = _LIST
    for index, each in enumerate(texts):
        room -= _size(each)
        if room < 0:
            lines.append(f"- and {len(texts) - index:,} more")
            break
        lines.append(f"- {each}")
    return "\n".join(lines)
