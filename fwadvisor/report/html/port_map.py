"""The port map as SVG: a ladder of ports, open before on the left, open after on the right, changes marked."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from markupsafe import Markup

from fwadvisor.report.html.ladder import Ladder, Open, Rung
from fwadvisor.report.html.svg import Drawing, cut, element
from fwadvisor.report.html.words import DIRECTIONS, KINDS

_LEGEND = {
    Open.ANYONE: "open to any address", Open.SOME: "open to some addresses only", Open.CLOSED: "closed",
    Open.UNKNOWN: "not known",
}  # fmt: skip
WIDTH = 340
_PORTS, _BEFORE, _AFTER, _BAR, _SIGN, _NAME = 88, 98, 140, 34, 192, 208
_TOP, _ROW = 24, 20
#: Characters of a name that fit beside the ladder.
_LETTERS = 19
_CLASSES = {Open.CLOSED: "shut", Open.SOME: "some", Open.UNKNOWN: "vague", Open.ANYONE: "open"}


def port_map(ladder: Ladder, id: str) -> Markup:
    """The picture; ports that did not change and are closed are thin."""
    title = heading(ladder)
    drawing = Drawing(id, WIDTH, f"Port map: {title}", _description(ladder))
    if ladder.known:
        drawing.text(_BEFORE + _BAR / 2, 14, "before", "quiet", "middle")
        drawing.text(_AFTER + _BAR / 2, 14, "after", "quiet", "middle")
    drawing.add(element("defs", _pattern(f"{id}-some")))
    y: float = _TOP
    for rung in ladder.rungs:
        height = _height(rung)
        _draw(drawing, rung, y, height, ladder.known)
        y += height
    drawing.height = y + 4
    return drawing.drawn("port-map")


def heading(ladder: Ladder) -> str:
    """``TCP to this machine, IPv4 and IPv6``."""
    return f"{ladder.transport.upper()} {DIRECTIONS[ladder.hook]}, {ladder.families}"


def _description(ladder: Ladder) -> str:
    changed = [rung for rung in ladder.rungs if rung.kinds]
    texts = [f"{rung.ports}{f' ({rung.name})' if rung.name else ''}: {rung.change}" for rung in changed[:12]]
    more = f"; and {len(changed) - 12} more" if len(changed) > 12 else ""
    return f"Changed ports: {'; '.join(texts)}{more}. The table below the picture says the same."


def _height(rung: Rung) -> float:
    """More ports are higher, by the logarithm of their number; a row of words fits in any case."""
    return round(_ROW + 5 * log10(rung.last - rung.first + 1), 1)


def _draw(drawing: Drawing, rung: Rung, y: float, height: float, known: bool) -> None:
    middle = y + height / 2 + 4
    quiet = "" if rung.kinds else "quiet"
    if rung.kinds:
        drawing.add(element("rect", x=0, y=y + 0.5, width=WIDTH, height=height - 1, rx=3, class_="band"))
    drawing.text(_PORTS, middle, rung.ports, f"mono {quiet}", "end")
    if rung.together:
        drawing.text(_NAME, middle, f"{rung.together} ranges together", quiet)
    else:
        drawing.text(_NAME, middle, cut(rung.name, _LETTERS), quiet)
    if known and not rung.together:
        for x, state in ((_BEFORE, rung.before), (_AFTER, rung.after)):
            drawing.add(_bar(state, x, y + 2, _BAR, height - 4, f"{drawing.id}-some"))
            if state is Open.UNKNOWN:
                drawing.text(x + _BAR / 2, middle, "?", "", "middle")
    elif known:
        drawing.text(_BEFORE + _BAR + 4, middle, "⋯", "quiet", "middle")
    for number, kind in enumerate(rung.kinds[:2]):
        sign = KINDS[kind][1]
        drawing.text(_SIGN - 7 * (len(rung.kinds[:2]) - 1) + 14 * number, middle, sign, f"sign {kind}", "middle")


def _bar(state: Open, x: float, y: float, width: float, height: float, pattern: str) -> Markup:
    fill = {"fill": f"url(#{pattern})"} if state is Open.SOME else {}
    return element(
        "rect", x=x, y=y, width=width, height=round(height, 1), rx=2, class_=f"bar {_CLASSES[state]}", **fill
    )


def _pattern(id: str) -> Markup:
    """Slanted lines, so that "some addresses" differs from "any address" without colour."""
    ground = element("rect", width=6, height=6, class_="hatched")
    line = element("line", x1=0, y1=0, x2=0, y2=6, class_="hatch")
    return element(
        "pattern", ground, line, id=id, width=6, height=6, patternUnits="userSpaceOnUse", patternTransform="rotate(45)"
    )


def legend(ladders: Sequence[Ladder], id: str) -> Markup:
    """What the bars mean, in words beside small ones; "not known" where a map has it."""
    states = [Open.ANYONE, Open.SOME, Open.CLOSED]
    if any(Open.UNKNOWN in (rung.before, rung.after) for ladder in ladders for rung in ladder.rungs):
        states.append(Open.UNKNOWN)
    found = Markup("")
    for state in states:
        pattern = (element("defs", _pattern(f"{id}-some")),) if state is Open.SOME else ()
        bar = _bar(state, 1, 1, 20, 10, f"{id}-some")
        swatch = element(
            "svg", *pattern, bar, class_="swatch", width=22, height=12, viewBox="0 0 22 12", aria_hidden="true"
        )
        found += Markup("<span>{}{}</span> ").format(swatch, _LEGEND[state])
    return found
