"""The conversations of a policy in the notes: what stays open, symptoms, what to watch, and ladders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fwadvisor.calls.about import CallNotes, Kept
from fwadvisor.calls.ladder import CallLadder, LadderStep
from fwadvisor.model.interval import format_ports, size
from fwadvisor.report import ladder_json, ladder_markdown, ladder_text
from fwadvisor.report import ladder_words as words
from fwadvisor.report.markdown_text import code, fence, prose


def section(notes: Sequence[CallNotes]) -> Iterator[str]:
    """The part of notes.md; nothing where nothing is negotiated."""
    if not notes:
        return
    yield "## Calls"
    yield ""
    for each in notes:
        yield f"### {prose(each.title)}"
        yield ""
        yield from (f"- {prose(_open(kept))}" for kept in _alike(each.kept))
        yield ""
        yield from _symptoms(each)
        yield from _watches(each)
        yield from _ladders(each)


def data(notes: Sequence[CallNotes]) -> list[dict[str, Any]]:
    """The part of notes.json."""
    return [
        {
            "application": each.application,
            "open_between_calls": [
                {
                    "dialect": kept.dialect,
                    "strategy": kept.strategy,
                    "tracked": kept.tracked,
                    "ranges": [
                        {"transport": transport, "ports": format_ports(ports), "count": size(ports), "peers": whom}
                        for transport, ports, whom in kept.ranges
                    ],
                }
                for kept in each.kept
            ],
            "symptoms": [
                {"sees": known.sees, "cause": known.cause, "rules": {name: list(at) for name, at in known.places}}
                for known in each.symptoms
            ],
            "watches": [
                {"dialects": list(w.dialects), "run": w.run, "healthy": list(w.healthy), "means": w.means}
                for w in each.watches
            ],
            "ladders": [ladder_json.ladder_data(ladder, packets=False) for ladder in each.ladders],
        }
        for each in notes
    ]


def _alike(kept: Sequence[Kept]) -> list[tuple[list[str], Kept]]:
    """Dialects that keep the same open, together."""
    found: list[tuple[list[str], Kept]] = []
    for each in kept:
        for names, other in found:
            if (other.strategy, other.ranges, other.tracked) == (each.strategy, each.ranges, each.tracked):
                names.append(each.dialect)
                break
        else:
            found.append(([each.dialect], each))
    return found


def _open(group: tuple[list[str], Kept]) -> str:
    """``pf and windows (pinned) keep 48 UDP and 12 TCP ports open to 2 addresses (peers) at all times.``"""
    names, kept = group
    who = f"{' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))} ({kept.strategy})"
    keep = "keeps" if len(names) == 1 else "keep"
    if not kept.ranges:
        between = "no negotiated port open to others between calls"
        return f"{who} {keep} {between}" + (", and in a call only what it agrees on." if kept.tracked else ".")
    by_peers: dict[str, list[str]] = {}
    for transport, ports, whom in kept.ranges:
        by_peers.setdefault(whom, []).append(f"{size(ports)} {transport.upper()}")
    parts = [f"{' and '.join(counts)} ports open to {whom}" for whom, counts in by_peers.items()]
    more = "; besides, in a call what it agrees on" if kept.tracked else ""
    return f"{who} {keep} {' and '.join(parts)} at all times{more}."


def _symptoms(notes: CallNotes) -> Iterator[str]:
    if not notes.symptoms:
        return
    yield "#### When it fails"
    yield ""
    yield "| what people see | usual cause | steps below |"
    yield "|---|---|---|"
    first = notes.ladders[0]
    for each in notes.symptoms:
        steps = [step for step in first.steps if step.begins and step.flow in each.flows]
        where = ", ".join(f"{step.number} {step.says}" for step in steps)
        yield f"| {prose(each.sees)} | {prose(each.cause)} | {prose(where)} |"
    yield ""


def _watches(notes: CallNotes) -> Iterator[str]:
    if not notes.watches:
        return
    yield "#### Watch a call"
    yield ""
    yield "What a healthy call shows; addresses and ports are those of the ladders below, your own will differ."
    yield ""
    for each in notes.watches:
        yield f"{', '.join(each.dialects)}: {prose(each.means)}"
        yield ""
        yield fence([f"$ {each.run}", *each.healthy], "text")
        yield ""


def _ladders(notes: CallNotes) -> Iterator[str]:
    """The first way in full for each dialect and form; the other ways as the rules that decide."""
    whole: dict[tuple[str, str], CallLadder] = {}
    others: list[CallLadder] = []
    for ladder in notes.ladders:
        if whole.setdefault((ladder.dialect, ladder.form), ladder) is not ladder:
            others.append(ladder)
    alike: dict[tuple[str, ...], list[CallLadder]] = {}
    for ladder in whole.values():
        key = words.title(ladder), *ladder_text.picture(ladder, words.Rules())
        alike.setdefault(key, []).append(ladder)
    for group in alike.values():
        yield from ladder_markdown.sections(group, 4)
    for way in dict.fromkeys((words.title(ladder), ladder.family) for ladder in others):
        yield from _other([ladder for ladder in others if (words.title(ladder), ladder.family) == way])


def _other(ladders: Sequence[CallLadder]) -> Iterator[str]:
    """One more way: the steps at which a rule decides, and the rule in each dialect."""
    yield f"#### {prose(words.title(ladders[0]))}"
    yield ""
    yield f"| step | {' | '.join(ladder.dialect for ladder in ladders)} |"
    yield f"|---|{'---|' * len(ladders)}"
    for number, step in enumerate(ladders[0].steps):
        if step.begins:
            cells = [_cell(ladder.steps[number]) for ladder in ladders if number < len(ladder.steps)]
            yield f"| {step.number} {prose(step.says)} ({prose(step.flow)}) | {' | '.join(cells)} |"
    yield ""


def _cell(step: LadderStep) -> str:
    if step.answer is None:
        return prose(step.fate.value)
    places = " ".join(code(rule.place or rule.text) for rule in step.answer.deciders)
    return f"{'passes' if step.answer.passes else 'BLOCKED'} {places}".rstrip()
