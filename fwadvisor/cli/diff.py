"""The `diff` command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, day_from, project_folders, settings_from
from fwadvisor.cli.options import BUDGET, DIALECTS, KNOWLEDGE, PROFILE_DIRS, TODAY
from fwadvisor.diagnostic import Color, show, use_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwadvisor.packets import Budget
    from fwadvisor.ports.database import Database
    from fwadvisor.review.changes import Review
    from fwadvisor.review.sides import Pair


class ReviewFormat(StrEnum):
    """Forms of a review: for people, for programs, for pull requests, and for change tickets."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


class FailOn(StrEnum):
    """What makes the command exit with 1; what is unknown does so always."""

    ANY = "any"
    WIDENED = "widened"
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEVER = "never"


def diff(
    old: str = typer.Argument(
        ...,
        metavar="OLD",
        help="The version before: a rule file of any dialect, a profile, REV:path in git, a directory, or - for "
        "standard input; a+b joins files that are one firewall, or profiles.",
    ),
    new: str = typer.Argument(..., metavar="NEW", help="The version after, of the same or another dialect."),
    settings: list[str] = typer.Option(
        [],
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="Value of a parameter, on both sides; old:NAME=VALUE or new:NAME=VALUE on one side only, "
        "PROFILE.NAME=VALUE for one profile only.",
    ),
    dialects: list[str] = DIALECTS,
    format: ReviewFormat = typer.Option(ReviewFormat.TEXT, "--format", "-f", help="Form of the review."),
    output: str | None = typer.Option(
        None, "--output", "-o", metavar="FILE", help="Write the review to this file instead of standard output."
    ),
    everything: bool = typer.Option(False, "--all", help="Show every region, rule and change, not the first ones."),
    fail_on: FailOn = typer.Option(
        FailOn.ANY, "--fail-on", help="Exit 1 for such changes only; for what is unknown always."
    ),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="Exit 0 whatever the review comes to; 2 on errors."),
    title: str = typer.Option("", "--title", metavar="TEXT", help="What the change is called: a ticket, a branch."),
    allow_approximate: bool = typer.Option(
        False, "--allow-approximate", help="Take the narrower policy of a profile where a dialect cannot say it all."
    ),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, errors, and the file of --output."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of the review and of messages."),
) -> None:
    """Tell which packets a change of rules decides otherwise: all of them, why, how risky, and what breaks.

    Exits 0 where every packet has the same fate, 1 where one has another or where opaque parts leave it unknown
    (--fail-on), 2 on errors.

    Example: fwadvisor diff HEAD:rules.nft rules.nft
    """
    import sys
    from datetime import date
    from shutil import get_terminal_size

    from fwadvisor.cli.writing import STDOUT, check_output, write_answer
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.proof.files import forced
    from fwadvisor.report.review_entries import closing
    from fwadvisor.report.review_formats import View, render
    from fwadvisor.review.sides import Given, pairs

    check_output(output, (old, new))
    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    day = day_from(today) or date.today()
    said = forced(dialects)
    database = load(knowledge)
    given = Given(
        database=database,
        said=said,
        settings=settings_from(settings),
        profile_dirs=profile_dirs,
        today=day,
        allow_approximate=allow_approximate,
    )
    found = pairs(old, new, given)
    show((*database.notices, *found.warnings, *(each for pair in found.pairs for each in pair.warnings)), color)
    reviews = _reviews(found.pairs, database, Budget(nodes=nodes))
    to_file = output is not None and output != STDOUT
    view = View(
        database=database,
        everything=everything,
        color=color is Color.ALWAYS if to_file else use_color(sys.stdout, color),
        today=day,
        title=title,
        arguments=(old, new),
        alone=found.alone,
        width=80 if to_file else max(40, get_terminal_size((80, 24)).columns),
    )
    if to_file or not quiet:
        write_answer(render(format.value, reviews, view), output, exact=format is not ReviewFormat.TEXT)
    if to_file and not quiet:
        print(closing(reviews, found.alone))
    if not exit_zero and _fails(reviews, bool(found.alone), fail_on):
        raise typer.Exit(EXIT_FINDINGS)


def _reviews(pairs: Sequence[Pair], database: Database, budget: Budget) -> list[Review]:
    from dataclasses import replace

    from fwadvisor.review.diff import review

    found = []
    for pair in pairs:
        made = review(pair.old, pair.new, database, budget, name=pair.name, texts=pair.texts)
        found.append(replace(made, edits=replace(made.edits, lines=pair.lines)))
    return found


def _fails(reviews: Sequence[Review], alone: bool, fail_on: FailOn) -> bool:
    """Whether there is such a change as `fail_on` says, or something that is not known."""
    from fwadvisor.review.changes import Kind
    from fwadvisor.review.findings import Severity

    if any(each.unknown or each.doubts for each in reviews):
        return True
    changes = [change for each in reviews for change in each.changes]
    match fail_on:
        case FailOn.NEVER:
            return False
        case FailOn.ANY:
            return bool(changes) or alone
        case FailOn.WIDENED:
            # What a file on one side only does is not known.
            return alone or any(each.kind is Kind.WIDENED for each in changes)
        case _:
            return alone or any(each.severity.at_least(Severity(fail_on.value)) for each in changes)
