"""Ladders as one SVG picture: self-contained, for light and dark screens, with a title and a description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from fwadvisor.calls.ladder import CallLadder, Fate, LadderStep, Party
from fwadvisor.ports.explain.text import fold
from fwadvisor.report import ladder_words as words
from fwadvisor.report.html.svg import element, shown

_STYLE = """
 svg { background: #ffffff; }
 text { font: 13px system-ui, sans-serif; fill: #1b2027; }
 .title { font-size: 18px; font-weight: 600; }
 .head { font-weight: 600; text-anchor: middle; }
 .address, .says { text-anchor: middle; }
 .address, .soft, .number { fill: #56606d; }
 .part { font-size: 11px; font-weight: 600; letter-spacing: .06em; fill: #56606d; }
 .rule { font: 12px ui-monospace, monospace; }
 .lane { stroke: #b5bec9; stroke-width: 1.5; }
 .here { stroke: #56606d; stroke-width: 5; }
 .passes { stroke: #14662f; fill: none; }
 .known { stroke: #7d8896; fill: none; }
 .blocked { stroke: #b3123f; fill: none; }
 .unreached { stroke: #7d8896; stroke-dasharray: 2 5; fill: none; }
 .begins { stroke-width: 3; }
 text.blocked { fill: #b3123f; stroke: none; font-weight: 600; }
 text.passes { fill: #14662f; stroke: none; font-weight: 600; }
 @media (prefers-color-scheme: dark) {
  svg { background: #13171c; }
  text { fill: #e5e9ee; }
  .address, .soft, .number, .part { fill: #a7b1be; }
  .lane { stroke: #4a5462; }
  .here { stroke: #a7b1be; }
  .passes { stroke: #7fd49a; }
  .known, .unreached { stroke: #8b96a5; }
  .blocked { stroke: #ff8ba3; }
  text.blocked { fill: #ff8ba3; }
  text.passes { fill: #7fd49a; }
 }
"""
_LINE, _TITLE_LINE, _ROW, _MARGIN = 17, 23, 30, 24
_SPAN = {2: 250, 3: 180, 4: 150}
_ASIDE = 380
#: Widths of a letter, wide ones counted in.
_LETTER, _FIXED = 6.9, 7.5
_LABEL = 40


@dataclass
class _Picture:
    """The picture in the making; `y` is where the next thing goes."""

    width: int
    y: float = _MARGIN
    parts: list[Markup] = field(default_factory=list)

    def text(self, x: float, words_: str, class_: str = "") -> None:
        self.parts.append(element("text", shown(words_), x=x, y=self.y, class_=class_))

    def folded(self, x: float, words_: str, class_: str, letters: int) -> None:
        for line in fold(words_, letters):
            self.text(x, line, class_)
            self.y += _TITLE_LINE if class_ == "title" else _LINE


def render(ladders: Sequence[CallLadder]) -> str:
    """All ladders, one below the other, in one picture."""
    width = max(_width(each) for each in ladders)
    picture = _Picture(width)
    for each in ladders:
        _ladder(picture, each)
    titles = "; ".join(f"{words.title(each)} ({each.dialect})" for each in ladders)
    said = " ".join(f"{words.title(each)}: {_description(each)}" for each in ladders)
    style = Markup(f"<style>{_STYLE}</style>")  # noqa: S704 - a constant
    return str(
        element(
            "svg",
            element("title", shown(titles), id="ladder-title"),
            element("desc", shown(said), id="ladder-desc"),
            style,
            _arrow_heads(),
            *picture.parts,
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            aria_labelledby="ladder-title",
            aria_describedby="ladder-desc",
            viewBox=f"0 0 {width} {picture.y:g}",
            width=width,
            height=picture.y,
        )
    )


def _description(ladder: CallLadder) -> str:
    """The ladder for those who do not see it."""
    told = (
        f"{step.number} {words.zone_name(step.source)} to {words.zone_name(step.destination)}: {step.says}, "
        f"{words.decided(step, words.Rules()).split(' [')[0]}"
        for step in ladder.steps
    )
    return f"{words.under(ladder)} {'. '.join(told)}. {words.verdict_of(ladder)}"


def _arrow_heads() -> Markup:
    heads = []
    for kind in ("passes", "known", "blocked"):
        path = element("path", d="M0 0 L9 4 L0 8", class_=kind)
        heads.append(
            element("marker", path, id=f"head-{kind}", markerWidth=10, markerHeight=8, refX=9, refY=4, orient="auto",
                    markerUnits="userSpaceOnUse")
        )  # fmt: skip
    return element("defs", *heads)


def _span(ladder: CallLadder) -> int:
    return _SPAN.get(len(ladder.parties), 120)


def _width(ladder: CallLadder) -> int:
    return 2 * _MARGIN + 36 + 60 + _span(ladder) * (len(ladder.parties) - 1) + 40 + _ASIDE


def _lane(ladder: CallLadder, zone: str) -> float:
    place = next(place for place, party in enumerate(ladder.parties) if party.zone == zone)
    return _MARGIN + 36 + 60 + place * _span(ladder)


def _ladder(picture: _Picture, ladder: CallLadder) -> None:
    letters = int((picture.width - 2 * _MARGIN) / _LETTER)
    picture.y += 10
    picture.folded(_MARGIN, words.title(ladder), "title", letters * 2 // 3)
    picture.y += 2
    picture.folded(_MARGIN, f"{words.under(ladder)} {words.agreed(ladder)}", "soft", letters)
    picture.y += 14
    for party in ladder.parties:
        _head(picture, ladder, party)
    picture.y += 2 * _LINE + 6
    top, lanes = picture.y, len(picture.parts)
    rules = words.Rules()
    before: LadderStep | None = None
    for step in ladder.steps:
        _step(picture, ladder, step, before, rules)
        before = step
    for party in ladder.parties:
        x = _lane(ladder, party.zone)
        drawn = element("line", x1=x, x2=x, y1=top, y2=picture.y, class_="lane here" if party.here else "lane")
        # Below the arrows.
        picture.parts.insert(lanes, drawn)
    picture.y += _ROW
    for sentence in words.sentences(ladder):
        picture.folded(_MARGIN, sentence, "", letters)
    picture.y += 10
    for number, rule in enumerate(rules.rules, 1):
        picture.text(_MARGIN, f"[{number}]", "rule")
        said = f"{rule.place}: {rule.text}" if rule.place else rule.text
        picture.folded(_MARGIN + _LABEL, said, "rule", int((picture.width - 2 * _MARGIN - _LABEL) / _FIXED))
    picture.y += _MARGIN


def _head(picture: _Picture, ladder: CallLadder, party: Party) -> None:
    x = _lane(ladder, party.zone)
    roles = f" ({', '.join(party.roles)})" if party.roles else ""
    room = int((_span(ladder) - 8) / _LETTER)
    y = picture.y
    head = fold(words.zone_name(party.zone) + roles, room)
    picture.text(x, head[0] if len(head) == 1 else words.zone_name(party.zone)[:room], "head")
    picture.y = y + _LINE
    picture.text(x, party.address, "address")
    picture.y = y


def _step(
    picture: _Picture, ladder: CallLadder, step: LadderStep, before: LadderStep | None, rules: words.Rules
) -> None:
    aside = _lane(ladder, ladder.parties[-1].zone) + 40
    if before is None or before.part != step.part:
        picture.y += _ROW
        picture.text(aside, step.part.upper(), "part")
    picture.y += _ROW - 6
    kind = _kind(step)
    picture.text(_MARGIN, str(step.number), "number")
    _arrow(picture, ladder, step, kind)
    picture.text(aside, words.decided(step, rules), kind if kind in ("passes", "blocked") else "soft")
    remarks = list(words.remarks(step, rules))
    if before is not None and before.flow == step.flow and remarks == list(words.remarks(before, rules)):
        remarks = []
    for remark in remarks:
        for line in fold(remark, int(_ASIDE / _LETTER)):
            picture.y += _LINE
            picture.text(aside, line, "soft")


def _kind(step: LadderStep) -> str:
    if step.fate is Fate.UNREACHED:
        return "unreached"
    if step.fate is Fate.BLOCKED:
        return "blocked"
    return "passes" if step.begins else "known"


def _arrow(picture: _Picture, ladder: CallLadder, step: LadderStep, kind: str) -> None:
    start, end = _lane(ladder, step.source), _lane(ladder, step.destination)
    here = next(_lane(ladder, party.zone) for party in ladder.parties if party.here)
    toward = 1 if start < end else -1
    stop = end - 3 * toward
    if kind == "blocked":
        stop = here - 10 * toward if here != start else start + 60 * toward
    y = picture.y - 4
    marker = {} if kind == "unreached" or kind == "blocked" else {"marker_end": f"url(#head-{kind})"}
    class_ = f"{kind} begins" if step.begins and kind != "unreached" else kind
    picture.parts.append(element("line", x1=start + 3 * toward, x2=stop, y1=y, y2=y, class_=class_, **marker))
    if kind == "blocked":
        cross = f"M{stop - 6:g} {y - 6:g} L{stop + 6:g} {y + 6:g} M{stop - 6:g} {y + 6:g} L{stop + 6:g} {y - 6:g}"
        picture.parts.append(element("path", d=cross, class_="blocked begins"))
    above = picture.y
    picture.y = y - 6
    picture.text((start + end) / 2, step.says, "says")
    picture.y = above
