"""Tested flows as text: a table of verdicts, and for each flow what decides it, its way and on what it depends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.diagnostic import printable
from fwadvisor.model.firewall import Field
from fwadvisor.model.rule import State, Verdict
from fwadvisor.proof.words import decider, flow
from fwadvisor.review.journey import journey
from fwadvisor.review.trace import Fate, Part, Score, Tested, Trace

#: Without --all: so many boxes and deciders of a part, and so much of a rule.
_BOXES, _DECIDERS, _WIDTH = 3, 3, 140
_WORDS = {Score.PASS: "pass", Score.FAIL: "FAIL", Score.ASKED: ""}
_COLORS = {"pass": "32", "FAIL": "31;1"}


def render(tested: Sequence[Tested], *, trail: bool = True, everything: bool = False, color: bool = False) -> str:
    """Each flow with `trail`, else those that fail; a table where there are several; and one line that sums up."""
    blocks = []
    if len(tested) > 1 or len(tested[0].traces) > 1:
        blocks.append("\n".join(_table(tested, color)))
    for each in tested:
        shown = each.traces if trail else each.failures
        blocks += ["\n".join(_block(each, trace, trail, everything)) for trace in shown]
    return "\n\n".join([*blocks, summary(tested)])


def summary(tested: Sequence[Tested]) -> str:
    """``3 flows, 2 firewalls: 2 pass, 1 fails``."""
    scores = [each.score for each in tested]
    passed, failed = scores.count(Score.PASS), scores.count(Score.FAIL)
    firewalls = len(tested[0].traces)
    what = f"{_count(len(tested), 'flow')}" + (f", {firewalls} firewalls" if firewalls > 1 else "")
    if passed + failed == 0:
        unknown = sum(any(trace.fate is Fate.UNKNOWN for trace in each.traces) for each in tested)
        return f"{what}, nothing expected" + (f": {unknown} unknown" if unknown else "")
    said = [f"{number} {word}" for number, word in ((passed, "pass"), (failed, "FAIL")) if number]
    asked = scores.count(Score.ASKED)
    return f"{what}: {', '.join(said)}" + (f", of {asked} nothing is expected" if asked else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _table(tested: Sequence[Tested], color: bool) -> Iterator[str]:
    scored = any(each.case.expected for each in tested)
    heads = ["", "expected", "flow"] if scored else ["flow"]
    several = len(tested[0].traces) > 1
    firewalls = [trace.firewall for trace in tested[0].traces]
    told = len({each.dialect for each in firewalls}) == len(firewalls)
    names = [printable(each.dialect if told else each.name) for each in firewalls]
    rows = [[*heads, *(names if several else ["verdict"]), ""]]
    for each in tested:
        start = [_WORDS[each.score], each.case.expected or "-"] if scored else []
        fates = [trace.fate.value for trace in each.traces]
        name = f"# {printable(each.case.name)}" if each.case.name else ""
        rows.append([*start, printable(each.case.flow.text), *fates, name])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        paint = _COLORS.get(row[0]) if color else None
        yield f"\x1b[{paint}m{row[0]}\x1b[0m{line[len(row[0]) :]}" if paint else line


def _block(tested: Tested, trace: Trace, trail: bool, everything: bool) -> Iterator[str]:
    case = tested.case
    fate = "it depends" if trace.fate is Fate.DEPENDS else trace.fate.value
    expected = f"expected {case.expected}, but {fate}" if trace in tested.failures else fate
    name = f"  # {case.name}" if case.name else ""
    yield printable(f"{expected}:  {case.flow.text}{name}  ({trace.firewall.name})")
    for part in trace.parts:
        if len(trace.parts) > 1:
            yield from (f"  {line}" for line in _apart(trace, part, everything))
        if trail or not case.expected or not part.fits(case.expected):
            yield from (f"  {line}" for line in _part(trace, part, trail, everything))
    yield from (printable(f"  not asked  {text}") for text in trace.unasked)
    yield from (printable(f"  not understood  {each.span}: {each.reason}") for each in trace.doubts)


def _apart(trace: Trace, part: Part, everything: bool) -> Iterator[str]:
    """The verdict of a part, and what sets it apart from the others."""
    families = len({each.family for each in trace.parts}) > 1
    boxes = part.apart if everything else part.apart[:_BOXES]
    lines = [" ".join(box.line(None if everything else 8, place=False).split()) for box in boxes]
    if len(part.apart) > len(boxes):
        lines.append(f"and {len(part.apart) - len(boxes)} more boxes: see them with --all")
    place = f" of IPv{part.family.value}" if families else ""
    yield f"{part.verdict or Fate.UNKNOWN}{place}: {lines[0] if lines else 'all'}"
    yield from (f"  {line}" for line in lines[1:])


def _part(trace: Trace, part: Part, trail: bool, everything: bool) -> Iterator[str]:
    step = part.deciders[0]
    yield f"  for one  {flow(part.witness)}"
    yield f"  decided  {_cut(decider(trace.firewall, step), everything)}"
    others = [each for each in part.deciders if each is not None and each != step]
    shown = others if everything else others[:_DECIDERS]
    yield from (f"  and by   {_cut(decider(trace.firewall, each), everything)}" for each in shown)
    if len(others) > len(shown):
        yield f"           and {len(others) - len(shown)} more: see them with --all"
    yield from (f"  besides  {text}" for text in effects(part))
    yield from (printable(f"  not understood  {each.span}: {each.reason}") for each in part.opaque)
    if trail:
        yield from _way(trace, part, everything)


def _way(trace: Trace, part: Part, everything: bool) -> Iterator[str]:
    """The trail, where it is longer than what decides."""
    legs = journey(trace.firewall, part.outcome.trail)
    if len(legs) < 2:
        return
    head = "  way      "
    for leg in legs:
        indent = "  " * leg.depth
        if leg.entered:
            yield f"{head}{indent}{printable(leg.step.chain)}"
            head = " " * len(head)
        text = decider(trace.firewall, leg.step)
        if leg.step.rule is None:
            text = text.replace(f"the default of {printable(leg.step.chain)}", "its end")
        yield f"{head}{indent}  {_cut(text, everything)}"


def effects(part: Part) -> Iterator[str]:
    """What happens besides the verdict, in sentences."""
    found = part.outcome.effects
    if part.verdict is Verdict.ACCEPT and part.witness.state is State.NEW:
        helper, translation = found.get(Field.ASSIGNED_HELPER), found.get(Field.TRANSLATION)
        if helper:
            yield printable(f'connection tracking follows it with the helper "{helper}"')
        if translation:
            yield printable(f"it is translated: {translation}")
    if found.get(Field.LOG) is not None:
        yield printable(f'it is logged as "{found[Field.LOG].strip()}"')


def _cut(text: str, everything: bool) -> str:
    return text if everything or len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
