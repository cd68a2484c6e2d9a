"""Ladders as text of 80 columns: parties across, time downwards, and at the end the rules that decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.calls.ladder import CallLadder, Fate, LadderStep, Party
from fwadvisor.diagnostic import printable
from fwadvisor.ports.explain.text import WIDTH, fold
from fwadvisor.report import ladder_words as words

_NUMBER = 3
_GAP = 2
#: Columns between two parties, by the number of parties; with more of them, the words of a message may go aside.
_SPANS = {2: 25, 3: 20, 4: 14}
_NARROWEST = 9


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Where the columns of the parties are."""

    parties: tuple[Party, ...]
    span: int

    @property
    def width(self) -> int:
        return self.span * (len(self.parties) - 1) + 1

    def at(self, zone: str) -> int:
        return next(place for place, party in enumerate(self.parties) if party.zone == zone) * self.span

    @property
    def here(self) -> int:
        return next((place for place, party in enumerate(self.parties) if party.here), 0) * self.span

    def empty(self) -> list[str]:
        row = [" "] * self.width
        for place in range(len(self.parties)):
            row[place * self.span] = "|"
        return row


def render(ladders: Sequence[CallLadder]) -> str:
    """The ladders, one below the other."""
    return "\n\n\n".join("\n".join(lines(each)) for each in ladders)


def lines(ladder: CallLadder) -> Iterator[str]:
    """One ladder with its heading and its rules."""
    yield from fold(words.title(ladder), WIDTH)
    yield from fold(f"{words.under(ladder)} {words.agreed(ladder)}", WIDTH)
    yield ""
    yield from body(ladder)


def body(ladder: CallLadder) -> Iterator[str]:
    """The picture, what it comes to, and the rules."""
    rules = words.Rules()
    yield from picture(ladder, rules)
    yield ""
    for sentence in words.sentences(ladder):
        yield from fold(sentence, WIDTH)
    if rules.rules:
        yield ""
        yield "Rules that decide"
        yield from words.rule_lines(rules, WIDTH)


def picture(ladder: CallLadder, rules: words.Rules) -> Iterator[str]:
    """Parties, steps and arrows; the rules that it names are added to `rules`."""
    lanes = _Lanes(ladder.parties, _SPANS.get(len(ladder.parties), _NARROWEST))
    yield from _heads(lanes)
    before: LadderStep | None = None
    for step in ladder.steps:
        if before is None or step.part != before.part:
            for line in fold(printable(step.part).upper(), WIDTH - _NUMBER - lanes.width - _GAP):
                yield _row("", lanes.empty(), line)
        yield from _step(step, lanes, rules, like=before)
        before = step


def _row(number: str, lanes: Sequence[str], right: str) -> str:
    return f"{number:>{_NUMBER - 1}} {''.join(lanes)}{' ' * _GAP}{right}".rstrip()


def _heads(lanes: _Lanes) -> Iterator[str]:
    """The names of the parties, their roles and addresses, each above its column."""
    room = WIDTH - _NUMBER - lanes.span * (len(lanes.parties) - 1)
    for value in (
        [words.zone_name(party.zone) for party in lanes.parties],
        [f"({', '.join(party.roles)})" if party.roles else "" for party in lanes.parties],
        [party.address for party in lanes.parties],
    ):
        rows: list[str] = []
        for place, text in enumerate(value):
            width = lanes.span - 1 if place < len(value) - 1 else room
            for index, line in enumerate(fold(printable(text), width)):
                if index == len(rows):
                    rows.append("")
                rows[index] = rows[index].ljust(place * lanes.span) + line
        yield from (f"{' ' * _NUMBER}{row}".rstrip() for row in rows)


def _step(step: LadderStep, lanes: _Lanes, rules: words.Rules, like: LadderStep | None) -> Iterator[str]:
    """The rows of a step; what was just said of the step before in the same flow (RTP, then RTCP) is not repeated."""
    drawn, said = _arrow(step, lanes)
    decided = words.decided(step, rules)
    remarks = list(words.remarks(step, rules))
    if like is not None and like.flow == step.flow and remarks == list(words.remarks(like, rules)):
        remarks = []
    texts = [f"{printable(step.says)}: {decided}" if not said else decided, *remarks]
    room = WIDTH - _NUMBER - lanes.width - _GAP
    right = [
        line if index == 0 else f"  {line}"
        for text in texts
        for index, line in enumerate(fold(text, room - 2 if room > 12 else room))
    ]
    for index, text in enumerate(right):
        yield _row(str(step.number) if index == 0 else "", drawn if index == 0 else lanes.empty(), text)


def _arrow(step: LadderStep, lanes: _Lanes) -> tuple[list[str], bool]:
    """The row of a step, and whether the words of its message are in it."""
    row = lanes.empty()
    start, end = lanes.at(step.source), lanes.at(step.destination)
    rightwards = start < end
    low, high = min(start, end) + 1, max(start, end) - 1
    fill = "." if step.fate is Fate.UNREACHED else "=" if step.begins else "-"
    stop = _stop(step, lanes, start, end)
    for column in range(low, high + 1):
        past = stop is not None and (column > stop if rightwards else column < stop)
        if not past and row[column] == " ":
            row[column] = fill
        elif not past:
            row[column] = "+"
    if stop is not None:
        row[stop] = "X"
    elif step.fate is Fate.PASSES:
        row[high if rightwards else low] = ">" if rightwards else "<"
    label = f" {printable(step.says)} "
    free = _longest(row, fill)
    if free is None or free[1] - free[0] + 1 < len(label):
        return row, False
    begin = free[0] + (free[1] - free[0] + 1 - len(label)) // 2
    row[begin : begin + len(label)] = label
    return row, True


def _stop(step: LadderStep, lanes: _Lanes, start: int, end: int) -> int | None:
    """Where a blocked message ends: before this machine, or right behind it where it comes from here."""
    if step.fate is not Fate.BLOCKED:
        return None
    here = lanes.here
    toward = 1 if start < end else -1
    if here == start:
        # Far enough for the words.
        return end - toward * (abs(end - start) // 8 + 1)
    return here - toward if here == end else here


def _longest(row: Sequence[str], fill: str) -> tuple[int, int] | None:
    """The longest stretch of `fill` in a row."""
    best: tuple[int, int] | None = None
    start = None
    for column, each in enumerate([*row, ""]):
        if each == fill and start is None:
            start = column
        elif each != fill and start is not None:
            if best is None or column - start > best[1] - best[0] + 1:
                best = start, column - 1
            start = None
    return best
