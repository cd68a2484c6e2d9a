"""A review as one page of HTML: for people who decide, on a screen, on paper, or read aloud.

The page holds everything it needs and runs nothing: no script, no resource from elsewhere, and its policy forbids
both. Text from files is escaped by the template, and control and direction-changing characters become visible.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from fwadvisor import __version__
from fwadvisor.diagnostic import printable
from fwadvisor.report.html.cards import cards
from fwadvisor.report.html.part import Part, Room, part
from fwadvisor.report.html.verdict import Verdict, verdict
from fwadvisor.report.html.words import Wording
from fwadvisor.report.review_entries import entries
from fwadvisor.report.review_formats import View
from fwadvisor.review.changes import Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template shows."""

    title: str
    before: str
    after: str
    date: str
    verdict: Verdict
    contents: tuple[tuple[str, str], ...]
    alone: tuple[str, ...]
    parts: tuple[Part, ...]
    footer: str


def render(reviews: Sequence[Review], view: View) -> str:
    """The page, without a final line feed."""
    style = (files("fwadvisor.report.html") / "review.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("review")
    text = template.render(page=_page(reviews, view), style=Markup(style), policy=policy)  # noqa: S704 - our own file
    return "\n".join(line for line in text.split("\n") if line.strip()).rstrip("\n")


def _environment() -> Environment:
    text = (files("fwadvisor.report.html") / "review.html.jinja").read_text(encoding="utf-8")
    return Environment(
        loader=DictLoader({"review": text}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """What an expression comes to; of text, with nothing in it that can forge or turn what is shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _page(reviews: Sequence[Review], view: View) -> Page:
    several = len(reviews) > 1
    prefixes = [f"r{number}-" if several else "" for number, _ in enumerate(reviews, 1)]
    wording = Wording(view.database)
    found = [cards(entries(review), prefix, wording) for review, prefix in zip(reviews, prefixes, strict=True)]
    room = Room(everything=view.everything)
    parts = tuple(
        part(review, each, prefix, wording, room) for review, each, prefix in zip(reviews, found, prefixes, strict=True)
    )
    before, after = view.arguments
    name = reviews[0].name if len(reviews) == 1 else f"{before} -> {after}"
    return Page(
        title=view.title or f"Review of {name}",
        before=before or (reviews[0].old.name if reviews else ""),
        after=after or (reviews[0].new.name if reviews else ""),
        date=view.today.isoformat() if view.today else "",
        verdict=verdict(reviews, [card for each in found for card in each], view.alone),
        contents=_contents(parts),
        alone=tuple(view.alone),
        parts=parts,
        footer=f"Made by fwadvisor {__version__}. Every packet that there can be was compared, not samples.",
    )


def _contents(parts: Sequence[Part]) -> tuple[tuple[str, str], ...]:
    """Anchors and headings."""
    if len(parts) > 1:
        return (*((f"{each.prefix}pair", each.name) for each in parts), ("decision", "Decision"))
    return (*(heading for each in parts for heading in each.contents), ("decision", "Decision"))
