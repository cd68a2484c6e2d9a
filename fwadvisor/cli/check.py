"""The `check` command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_ERROR, EXIT_FINDINGS, day_from, project_folders, settings_from
from fwadvisor.cli.options import BUDGET, DIALECTS, KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show, use_color

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Format(StrEnum):
    """Forms of the findings."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


class FailOn(StrEnum):
    """From which severity on a finding makes the command exit 1."""

    ANY = "any"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def check(
    files: list[str] = typer.Argument(
        ...,
        metavar="RULES...",
        help="Rule files, each a firewall; A+B are one firewall, DIR stands for its rule files, - for standard input.",
    ),
    policies: list[str] = typer.Option(
        [], "--policy", "-p", metavar="PROFILE", help="Also check that the rules do what this profile says."
    ),
    guardrails: list[str] = typer.Option(
        [], "--guardrails", "-g", metavar="PROFILE", help="Also check that the never statements of this profile hold."
    ),
    settings: list[str] = SETTINGS,
    only: list[str] = typer.Option([], "--only", metavar="ID,...", help="Run these checks and no others."),
    skip: list[str] = typer.Option([], "--skip", metavar="ID,...", help="Leave these checks out."),
    dialects: list[str] = DIALECTS,
    format: Format = typer.Option(Format.TEXT, "--format", "-f", help="Form of the findings."),
    output: str | None = typer.Option(None, "--output", "-o", metavar="FILE", help="Write the findings to a file."),
    everything: bool = typer.Option(False, "--all", help="Cut nothing, and show ignored findings with their reasons."),
    fail_on: FailOn = typer.Option(
        FailOn.LOW, "--fail-on", help="Exit 1 for findings of this severity and above; any counts severity info too."
    ),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="Exit 0 whatever is found."),
    no_ignores: bool = typer.Option(False, "--no-ignores", help="Ignore nothing, whatever comments and files say."),
    allow_approximate: bool = typer.Option(
        False, "--allow-approximate", help="Hold against the narrower policy where the dialect cannot say it all."
    ),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of findings and messages."),
) -> None:
    """Tell what is wrong with rule files: dead, needless and dangerous rules, and what breaks a policy.

    "fwadvisor explain ID" tells what a finding is. A comment at or above a rule ignores one:
    # fwadvisor: ignore shadowed-rule until 2027-01-31 -- reason. Exits 0 where nothing is found, 1 where something
    is (see --fail-on), 2 on errors.

    Examples: fwadvisor check /etc/nftables.conf ; fwadvisor check rules.v4+rules.v6 --guardrails no-risky-exposure
    """
    import sys
    from datetime import date

    from fwadvisor.cli.writing import STDOUT, check_output, write_answer
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.project import load_project
    from fwadvisor.proof.files import check_named, forced
    from fwadvisor.report.findings_formats import render
    from fwadvisor.report.findings_of import report_of
    from fwadvisor.review.check import Asked, check_all, read, selected
    from fwadvisor.review.findings import Severity
    from fwadvisor.review.promises import Wanted

    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    ids, said, values = selected(only, skip), forced(dialects), settings_from(settings)
    _check_settings(values, (*policies, *guardrails))
    check_named(said, files)
    check_output(output, files)
    database = load(knowledge)
    wanted = Wanted(
        policies=policies,
        guardrails=guardrails,
        settings=values,
        profile_dirs=profile_dirs,
        allow_approximate=allow_approximate,
    )
    asked = Asked(
        ids=ids,
        database=database,
        today=day_from(today) or date.today(),
        budget=Budget(nodes=nodes),
        wanted=wanted,
        ignoring=not no_ignores,
        ignores=load_project().ignores,
    )
    checked = check_all(read(files, said), asked)
    show((*database.notices, *checked.warnings), color)
    painted = output in (None, STDOUT) and use_color(sys.stdout, color)
    report = report_of(checked, everything=everything, color=painted)
    to_file = output not in (None, STDOUT)
    if to_file or not quiet:
        write_answer(render(format, report), output, exact=format is not Format.TEXT)
    if to_file and not quiet:
        print(report.summary)
    show(checked.problems, color)
    if checked.problems:
        raise typer.Exit(EXIT_ERROR)
    least = Severity.INFO if fail_on is FailOn.ANY else Severity(fail_on.value)
    if not exit_zero and any(each.severity.at_least(least) for each in checked.findings):
        raise typer.Exit(EXIT_FINDINGS)


def _check_settings(values: Mapping[str, str], profiles: Sequence[str]) -> None:
    """That there is a profile for what is set.

    Raises:
        FwadvisorError: there is none.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    if values and not profiles:
        hint = "--policy PROFILE or --guardrails PROFILE names one; rule files have no parameters"
        raise FwadvisorError(error(f"--set gives {', '.join(values)}, but no profile is named", hint=hint))
