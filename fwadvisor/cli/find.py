"""The `find` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, TextOrJson, day_from, project_folders, settings_from
from fwadvisor.cli.options import BUDGET, DIALECTS, KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwadvisor.diagnostic import Diagnostic
    from fwadvisor.review.find import Asked
    from fwadvisor.review.flow_scan import Language
    from fwadvisor.review.flows import Flow


def find(
    rules: list[str] = typer.Argument(
        ...,
        metavar="RULES...",
        help="Rule files, those of one dialect being one firewall; DIR stands for its rule files, - for standard "
        "input; or profiles.",
    ),
    accepts: list[str] = typer.Option(
        [], "--accepts", metavar="REGION", help='What of a region is accepted, such as "any -> self:1500-1800/tcp".'
    ),
    drops: list[str] = typer.Option([], "--drops", metavar="REGION", help="What is dropped."),
    rejects: list[str] = typer.Option([], "--rejects", metavar="REGION", help="What is rejected."),
    blocks: list[str] = typer.Option([], "--blocks", metavar="REGION", help="What is dropped or rejected."),
    unknown: list[str] = typer.Option(
        [], "--unknown", metavar="REGION", help="Of what it is not known what happens to it; part of every answer."
    ),
    addresses: list[str] = typer.Option(
        [], "--self", metavar="ADDRESSES", help="The addresses of the machine, where rules ask for them."
    ),
    settings: list[str] = SETTINGS,
    dialects: list[str] = DIALECTS,
    everything: bool = typer.Option(False, "--all", help="Show every box and rule in full, not the first ones."),
    format: TextOrJson = typer.Option(TextOrJson.TEXT, "--format", "-f", help="Form of the answer."),
    output: str | None = typer.Option(None, "--output", "-o", metavar="FILE", help="Write the answer to this file."),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Find all packets of a region that are accepted (dropped, rejected), with the rules that decide them.

    A region is a flow with ranges, networks, lists and "any"; docs/flows.md has the language. As grep does, it exits
    0 where there are such packets or may be some, 1 where there is none, 2 on errors.

    Example: fwadvisor find nftables.nft --accepts "any -> self:1500-1800/tcp"
    """
    from fwadvisor.cli.writing import STDOUT, check_output, write_answer
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.proof.files import forced
    from fwadvisor.report import find_json, find_text
    from fwadvisor.review.find import Asked, find_all
    from fwadvisor.review.flow_file import own_language
    from fwadvisor.review.named import firewalls_named
    from fwadvisor.review.policies import Settings

    check_output(output, rules)
    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    database = load(knowledge)
    texts = {
        Asked.ACCEPTS: accepts,
        Asked.DROPS: drops,
        Asked.REJECTS: rejects,
        Asked.BLOCKS: blocks,
        Asked.UNKNOWN: unknown,
    }
    asked = _regions(texts, own_language(database, addresses, exact=False))
    wanted = Settings(
        database=database, values=settings_from(settings), profile_dirs=profile_dirs, today=day_from(today)
    )
    named = firewalls_named(rules, forced(dialects), wanted)
    show((*database.notices, *named.warnings), color)
    answers = list(find_all(named.firewalls, asked, Budget(nodes=nodes)))
    if not quiet or output not in (None, STDOUT):
        as_text = format is TextOrJson.TEXT
        text = find_text.render(answers, everything=everything) if as_text else find_json.render(answers)
        write_answer(text, output)
    if not any(each.found for each in answers):
        raise typer.Exit(EXIT_FINDINGS)


def _regions(texts: Mapping[Asked, Sequence[str]], language: Language) -> list[tuple[Asked, Flow]]:
    """What is asked; the problems of all regions.

    Raises:
        FwadvisorError: nothing is asked, or a text is no region.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.review.flow_text import parse_flow

    found: list[tuple[Asked, Flow]] = []
    problems: list[Diagnostic] = []
    for asked, each in ((asked, each) for asked, listed in texts.items() for each in listed):
        try:
            found.append((asked, parse_flow(each, language, f"--{asked}")))
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise FwadvisorError(problems)
    if not found:
        raise FwadvisorError(error("nothing is looked for", hint='--accepts "any -> self:1500-1800/tcp"'))
    return found
