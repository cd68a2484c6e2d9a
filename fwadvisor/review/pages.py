"""The explanation pages of kinds of findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fwadvisor.diagnostic import Diagnostic, did_you_mean
from fwadvisor.ports.explain.page import Page, Row
from fwadvisor.review.checks import CHECKS, KINDS, check_of

#: Every id that `fwadvisor explain` knows, those of checks first.
IDS = (*CHECKS, *KINDS)
_COMMENT = "# fwadvisor: ignore {} until YYYY-MM-DD -- reason"


def is_id(word: str) -> bool:
    """Whether a word of a user is the id of a check or of another kind of finding."""
    return word.strip().lower() in IDS


def page_of(word: str) -> Page:
    """The page of an id.

    Raises:
        KeyError: there is none.
    """
    check = check_of(word.strip().lower())
    page = Page(check.id, check.title, ((f"severity {check.severity}", check.severity.value),), check.page.what)
    page.add("Why it matters", Row("-", check.page.why))
    page.add("Example", *(Row("-", line, command=True) for line in check.page.example.splitlines()))
    page.add("What to do", Row("remedy", check.page.remedy))
    if check.id in CHECKS:
        page.add(
            "On the command line",
            Row("only this", f"fwadvisor check RULES --only {check.id}", command=True),
            Row("without", f"fwadvisor check RULES --skip {check.id}", command=True),
            Row("ignore one", _COMMENT.format(check.id), command=True),
        )
    return page


def data_of(word: str) -> dict[str, Any]:
    """The same as data.

    Raises:
        KeyError: there is none.
    """
    check = check_of(word.strip().lower())
    return {
        "text": word.strip(),
        "kind": "check",
        "id": check.id,
        "title": check.title,
        "severity": check.severity.value,
        "what": check.page.what,
        "why": check.page.why,
        "example": check.page.example.splitlines(),
        "remedy": check.page.remedy,
    }


def near(word: str, problem: Diagnostic) -> Diagnostic:
    """A problem about an unknown word, with the nearest ids where it names nothing nearer itself."""
    if problem.hint.startswith("did you mean"):
        return problem
    return replace(problem, hint=did_you_mean(word, IDS) or problem.hint)
