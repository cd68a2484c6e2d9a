"""Ladders as Markdown: a heading, the picture as text, and the rules as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.calls.ladder import CallLadder
from fwadvisor.report import ladder_text
from fwadvisor.report import ladder_words as words
from fwadvisor.report.markdown_text import code, fence, prose


def render(ladders: Sequence[CallLadder]) -> str:
    """All ladders as one document."""
    return "\n".join(["# Calls, step by step", "", *(line for each in ladders for line in section(each, 2))]).rstrip()


def section(ladder: CallLadder, level: int) -> Iterator[str]:
    """One ladder under a heading of a level."""
    yield f"{'#' * level} {prose(words.title(ladder))}"
    yield ""
    yield f"{prose(words.under(ladder))} {prose(words.agreed(ladder))}".rstrip()
    yield ""
    rules = words.Rules()
    yield fence(ladder_text.picture(ladder, rules))
    yield ""
    for sentence in (words.verdict_of(ladder), *words.endings(ladder), *filter(None, [ladder.note])):
        yield f"- {prose(sentence)}"
    yield ""
    if rules.rules:
        yield "Rules that decide:"
        yield ""
        for number, rule in enumerate(rules.rules, 1):
            place = f"{code(rule.place)}: " if rule.place else ""
            yield f"- \\[{number}\\] {place}{code(rule.text)}"
        yield ""
