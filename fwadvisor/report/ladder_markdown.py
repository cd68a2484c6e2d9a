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
    lines = ["# Calls, step by step", ""]
    for each in ladders:
        lines += [f"## {prose(words.title(each))}", "", prose(_under(each)), ""]
        rules = words.Rules()
        lines += [fence(ladder_text.picture(each, rules)), "", *_below(each, rules, limits=True)]
    return "\n".join(lines).rstrip()


def sections(alike: Sequence[CallLadder], level: int) -> Iterator[str]:
    """Ladders of several dialects that make one picture, under a heading: the picture, then each dialect's rules.

    What helpers do not follow is left out, as notes say it anyway.
    """
    names = ", ".join(each.dialect for each in alike)
    yield f"{'#' * level} {prose(f'{names}: {words.title(alike[0])}')}"
    yield ""
    yield fence(ladder_text.picture(alike[0], words.Rules()))
    yield ""
    for each in alike:
        yield prose(_under(each))
        yield ""
        rules = words.Rules()
        list(ladder_text.picture(each, rules))
        yield from _below(each, rules, limits=False)


def _under(ladder: CallLadder) -> str:
    return f"{words.under(ladder)} {words.agreed(ladder)}".rstrip()


def _below(ladder: CallLadder, rules: words.Rules, *, limits: bool) -> Iterator[str]:
    yield from (f"- {prose(sentence)}" for sentence in words.sentences(ladder, limits=limits))
    yield ""
    if rules.rules:
        yield "Rules that decide:"
        yield ""
        yield fence(words.rule_lines(rules, _WIDTH))
        yield ""
