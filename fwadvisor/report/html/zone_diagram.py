"""The zone diagram as SVG: a row for each arrow, zones on the left, this machine or where it goes on the right.

It is drawn twice, for wide pages and for telephones: words in a picture that shrinks cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap

from markupsafe import Markup

from fwadvisor.diagnostic import printable
from fwadvisor.model.rule import Hook
from fwadvisor.report.html.svg import Drawing, cut, element
from fwadvisor.report.html.words import DIRECTIONS, KINDS
from fwadvisor.report.html.zones import MACHINE, Arrow, Zone, left
from fwadvisor.review.changes import Kind

_LINE, _GAP = 15, 14


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns are."""

    width: int
    box: int
    #: Width of a letter, for breaking lines.
    letter: float

    @property
    def room(self) -> int:
        """Letters that fit between the boxes."""
        return int((self.width - 2 * self.box - 40) / self.letter)

    @property
    def letters(self) -> int:
        """Letters that fit into a box."""
        return int((self.box - 12) / self.letter)


WIDE = Layout(860, 210, 6.6)
NARROW = Layout(328, 100, 6.1)


def zone_diagram(arrows: Sequence[Arrow], id: str, layout: Layout) -> Markup:
    """The picture of the arrows, in their order."""
    drawing = Drawing(id, layout.width, "Zones and changed traffic", _description(arrows))
    y = 4.0
    for through, group in groupby(arrows, key=lambda each: each.hook is Hook.FORWARD):
        several = list(group)
        if through:
            drawing.text(layout.width / 2, y + 12, DIRECTIONS[Hook.FORWARD], "quiet", "middle")
            y += 22
        y = _part(drawing, several, y, layout, through) + _GAP
    drawing.height = y - _GAP + 4
    return drawing.drawn("zones")


def _description(arrows: Sequence[Arrow]) -> str:
    texts = (f"{each.source.name} to {each.destination.name}: {each.label} {KINDS[each.kind][0]}" for each in arrows)
    return ". ".join(texts) + ". The table below the picture says the same."


def _part(drawing: Drawing, arrows: list[Arrow], y: float, layout: Layout, through: bool) -> float:
    """Rows that share a right side; returns where they end."""
    top = y
    for zone, group in groupby(arrows, key=left):
        start = y
        name = _folded(zone.name, layout)
        several = list(group)
        heights = [_height(each, layout) for each in several]
        least = max(sum(heights), len(name) * _LINE + 18)
        for arrow, height in zip(several, heights, strict=True):
            height += (least - sum(heights)) / len(several)
            _arrow(drawing, arrow, y, height, layout)
            if through:
                _box(drawing, arrow.destination, layout.width - layout.box, y + 3, height - 6, layout)
            y += height
        _box(drawing, zone, 0, start + 3, y - start - 6, layout)
    if not through:
        _box(drawing, MACHINE, layout.width - layout.box, top + 3, y - top - 6, layout)
    return y


def _height(arrow: Arrow, layout: Layout) -> float:
    right = len(_folded(arrow.destination.name, layout)) if arrow.hook is Hook.FORWARD else 0
    return max(len(_label(arrow, layout)) * _LINE + 32, right * _LINE + 18)


def _label(arrow: Arrow, layout: Layout) -> list[str]:
    lines = wrap(printable(arrow.label), layout.room, break_on_hyphens=False)
    return lines if len(lines) <= 5 else [*lines[:4], cut(" ".join(lines[4:]), layout.room)]


def _folded(name: str, layout: Layout) -> list[str]:
    lines = wrap(printable(name), layout.letters, break_on_hyphens=True)
    return lines if len(lines) <= 4 else [*lines[:3], cut(" ".join(lines[3:]), layout.letters)]


def _box(drawing: Drawing, zone: Zone, x: float, y: float, height: float, layout: Layout) -> None:
    """This machine has a thick border, the internet round ends, other networks corners."""
    kind = "machine" if zone.machine else "internet" if zone.internet else "network"
    radius = 14 if zone.internet else 2
    drawing.add(
        element("rect", x=x + 1, y=round(y, 1), width=layout.box - 2, height=round(height, 1), rx=radius, class_=kind)
    )
    lines = _folded(zone.name, layout)
    first = y + height / 2 - (len(lines) - 1) * _LINE / 2 + 4
    drawing.lines(x + layout.box / 2, round(first, 1), lines, "strong" if zone.machine else "", "middle")


def _arrow(drawing: Drawing, arrow: Arrow, y: float, height: float, layout: Layout) -> None:
    lines = _label(arrow, layout)
    start, end = layout.box + 6, layout.width - layout.box - 6
    top = y + (height - len(lines) * _LINE - 22) / 2 + 12
    drawing.lines((start + end) / 2, round(top, 1), lines, "", "middle")
    at = round(top + len(lines) * _LINE, 1)
    kind = arrow.kind
    head, tail = (start, end) if arrow.hook is Hook.OUTPUT else (end, start)
    way = 1 if head > tail else -1
    drawing.add(
        element("line", x1=tail + 18 * way, y1=at, x2=head - 9 * way, y2=at, class_=f"way {kind}"),
        _head(head, at, way, kind),
        element("circle", cx=tail + 9 * way, cy=at, r=8, class_=f"badge {kind}"),
    )
    drawing.text(tail + 9 * way, at + 4.5, KINDS[kind][1], f"sign {kind}", "middle")


def _head(x: float, y: float, way: int, kind: Kind) -> Markup:
    """Widened: full; narrowed: hollow, with a bar across; others: a diamond."""
    back = x - 11 * way
    if kind is Kind.WIDENED:
        return element("polygon", points=f"{x:g},{y:g} {back:g},{y - 6:g} {back:g},{y + 6:g}", class_=f"full {kind}")
    if kind is Kind.NARROWED:
        triangle = element(
            "polygon", points=f"{x:g},{y:g} {back:g},{y - 6:g} {back:g},{y + 6:g}", class_=f"hollow {kind}"
        )
        bar = element("line", x1=back - 5 * way, y1=y - 7, x2=back - 5 * way, y2=y + 7, class_=f"across {kind}")
        return element("g", triangle, bar)
    middle = x - 6 * way
    points = f"{x:g},{y:g} {middle:g},{y - 6:g} {back - way:g},{y:g} {middle:g},{y + 6:g}"
    return element("polygon", points=points, class_=f"hollow {kind}")
