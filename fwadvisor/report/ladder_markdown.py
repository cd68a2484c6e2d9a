"""Ladders as Markdown: a heading, the picture as text, and the rules as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.calls.ladder import CallLadder
from fwadvisor.report import ladder_text
from fwadvisor.report import ladder_words as words
from fwadvisor.report.markdown_text import fence, prose

#: Rules are folded here; Markdown is read in wider windows than terminals.
_WIDTH = 120


def render(ladders: Sequence[CallLadder]) -> str:
    """All ladders as one document."""
    return "\n".join(["# Calls, step by step", "", *(line for each in ladders for line in section(each, 2))]).rstrip()


def section(ladder: CallLadder, level: int, *, in_notes: bool = False) -> Iterator[str]:
    """One ladder under a heading of a level; `in_notes` tells the dialect, and leaves out what notes say anyway."""
    lead = f"{ladder.dialect}: " if in_notes else ""
    yield f"{'#' * level} {prose(lead + words.title(ladder))}"
    yield ""
    yield f"{prose(words.under(ladder))} {prose(words.agreed(ladder))}".rstrip()
    yield ""
    rules = words.Rules()
    yield fence(ladder_text.picture(ladder, rules))
    yield ""
    for sentence in words.sentences(ladder, limits=not in_notes):
        yield f"- {prose(sentence)}"
    yield ""
    if rules.rules:
        yield "Rules that decide:"
        yield ""
        yield fence(words.rule_lines(rules, _WIDTH))
        yield ""
