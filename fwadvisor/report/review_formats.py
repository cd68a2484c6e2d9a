"""The forms in which a review of a change can be shown: a table, one module for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module

from fwadvisor.ports.database import Database
from fwadvisor.review.changes import Review

#: Form -> the module whose `render(reviews, view) -> str` makes it; imported when it is asked for.
FORMATS: Mapping[str, str] = {
    "text": "review_text",
    "json": "review_json",
    "markdown": "review_markdown",
    "html": "review_html",
    "sarif": "review_sarif",
    "github": "review_github",
    "junit": "review_junit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How to show it."""

    database: Database
    #: Cut nothing.
    everything: bool = False
    color: bool = False
    #: The day of the review, where the form has a place for it.
    today: date | None = None
    #: What the change is called: a ticket, a branch.
    title: str = ""
    #: What was compared, as the command line named it.
    arguments: tuple[str, str] = ("", "")
    #: Files that only one side has, a sentence each: a difference, though there is nothing to review.
    alone: tuple[str, ...] = ()
    #: Columns of the terminal, where the form cares.
    width: int = 80


def render(format: str, reviews: Sequence[Review], view: View) -> str:
    """The reviews in one of `FORMATS`, without a final line feed."""
    module = import_module(f"fwadvisor.report.{FORMATS[format]}")
    text: str = module.render(reviews, view)
    return text
