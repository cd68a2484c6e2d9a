"""The `test` command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, day_from, project_folders, settings_from
from fwadvisor.cli.options import BUDGET, DIALECTS, KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show, use_color

if TYPE_CHECKING:
    from fwadvisor.diagnostic import Diagnostic
    from fwadvisor.review.flow_file import Case
    from fwadvisor.review.flow_scan import Language


class FlowFormat(StrEnum):
    """Forms of tested flows: for people, for programs, for CI servers."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


def flows(
    rules: list[str] = typer.Argument(
        ...,
        metavar="RULES...",
        help="Rule files, those of one dialect being one firewall; DIR stands for its rule files, - for standard "
        "input; or profiles.",
    ),
    texts: list[str] = typer.Option(
        [], "--flow", metavar="FLOW", help='Such as "203.0.113.5 -> self:1720/tcp in eth0"; may be repeated.'
    ),
    files: list[str] = typer.Option(
        [], "--flows", metavar="FILE", help="Flows with the verdicts that are expected of them, line by line."
    ),
    addresses: list[str] = typer.Option(
        [], "--self", metavar="ADDRESSES", help="The addresses of the machine, where rules ask for them."
    ),
    trail: bool = typer.Option(False, "--trail", help="Show what decides each flow of a file, not only failures."),
    settings: list[str] = SETTINGS,
    dialects: list[str] = DIALECTS,
    format: FlowFormat = typer.Option(FlowFormat.TEXT, "--format", "-f", help="Form of the answer."),
    output: str | None = typer.Option(None, "--output", "-o", metavar="FILE", help="Write the answer to this file."),
    everything: bool = typer.Option(False, "--all", help="Show every box, decider and rule in full."),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="Exit 0 whatever fails; 2 on errors."),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of the answer and of messages."),
) -> None:
    """Tell what rules do with a flow: the verdict, the rule that decides, the way there, and what it depends on.

    Flows may say what is expected of them ("accept: 203.0.113.5 -> self:1720/tcp"), so that a file of flows is a
    test suite for a firewall; docs/flows.md has the language. Exits 0 where everything is as expected, 1 where
    something is not or cannot be known, 2 on errors.

    Example: fwadvisor test nftables.nft --flow "203.0.113.5 -> self:1720/tcp"
    """
    import sys

    from fwadvisor.cli.writing import STDOUT, check_output, write_answer
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.proof.files import forced
    from fwadvisor.report import trace_json, trace_junit, trace_text
    from fwadvisor.review.flow_file import own_language
    from fwadvisor.review.named import firewalls_named
    from fwadvisor.review.policies import Settings
    from fwadvisor.review.trace import Score, run

    check_output(output, (*rules, *files))
    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    database = load(knowledge)
    cases = _cases(texts, files, own_language(database, addresses), "-" in rules)
    wanted = Settings(
        database=database, values=settings_from(settings), profile_dirs=profile_dirs, today=day_from(today)
    )
    named = firewalls_named(rules, forced(dialects), wanted)
    show((*database.notices, *named.warnings), color)
    tested = run(cases, named.firewalls, Budget(nodes=nodes))
    to_file = output is not None and output != STDOUT
    if to_file or not quiet:
        if format is FlowFormat.TEXT:
            painted = color is Color.ALWAYS if to_file else use_color(sys.stdout, color)
            text = trace_text.render(tested, trail=trail or not files, everything=everything, color=painted)
        else:
            text = (trace_json if format is FlowFormat.JSON else trace_junit).render(tested)
        write_answer(text, output)
    if not exit_zero and any(each.score is Score.FAIL for each in tested):
        raise typer.Exit(EXIT_FINDINGS)


def _cases(texts: list[str], files: list[str], language: Language, stdin_taken: bool) -> list[Case]:
    """The flows of the command line, then those of the files; the problems of all of them."""
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.proof.files import source_of
    from fwadvisor.review.flow_file import parse_case, read_flows

    if not texts and not files:
        hint = '--flow "203.0.113.5 -> self:1720/tcp", or --flows FILE'
        raise FwadvisorError(error("no flow is asked about", hint=hint))
    if files.count("-") + stdin_taken > 1:
        raise FwadvisorError(error("standard input is named twice, and can be read once"))
    found: list[Case] = []
    problems: list[Diagnostic] = []
    for text in texts:
        try:
            found.append(parse_case(text, language))
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    for name in files:
        try:
            found += read_flows(source_of(name), language)
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise FwadvisorError(problems)
    return found
