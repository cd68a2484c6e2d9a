"""The `ladder` command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, day_from, project_folders, settings_from
from fwadvisor.cli.options import KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwadvisor.calls.ladder import CallLadder
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.model.policy import Policy
    from fwadvisor.ports.database import Database


class LadderFormat(StrEnum):
    """Forms of a ladder: for terminals, for documents, for programs, for web pages."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    SVG = "svg"


class LadderWay(StrEnum):
    """Who begins: somebody else, this machine, or two others through it."""

    IN = "in"
    OUT = "out"
    THROUGH = "through"


def ladder(
    profiles: list[str] = typer.Argument(..., metavar="PROFILE...", help="Profile names or files."),
    settings: list[str] = SETTINGS,
    targets: list[str] = typer.Option(
        [], "--target", "-t", metavar="TARGET", help="iptables, nftables, windows, pf or all; may be repeated."
    ),
    variants: list[str] = typer.Option(
        [],
        "--variant",
        metavar="NAME",
        help="How the conversation goes: slow, fast, tunnelled, ... or all; may be repeated. What fits the profiles if "
        "not given.",
    ),
    ways: list[LadderWay] = typer.Option([], "--way", help="Who begins; may be repeated. Every way if not given."),
    family: str = typer.Option(
        "", "--family", metavar="4|6", help="IP version; the first in which the parties have addresses if not given."
    ),
    format: LadderFormat = typer.Option(LadderFormat.TEXT, "--format", "-f", help="Form of the answer."),
    output: str | None = typer.Option(None, "--output", "-o", metavar="FILE", help="Write the answer to this file."),
    pf_variant: str = typer.Option(
        "portable", "--pf-variant", metavar="VARIANT", help="portable, openbsd, freebsd or freebsd-12."
    ),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="Exit 0 whatever is blocked; 2 on errors."),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Show a call step by step: who says what to whom on which port, and which rule lets it through.

    Each step is a packet that is asked of the rules as generate writes them, read back: the rule and its line are what
    decides. Helpers of connection tracking open what they read; the ladder says when, for how long, and what happens
    where they cannot read it. Exits 0 where everything passes, 1 where a step is blocked, 2 on errors.

    Example: fwadvisor ladder h323-needed --set peers=203.0.113.0/24 -t nftables
    """
    from fwadvisor.calls.making import Wanted
    from fwadvisor.calls.written import written_ladders
    from fwadvisor.cli.generate import check_pf_variant
    from fwadvisor.cli.writing import check_output, write_answer
    from fwadvisor.generate import Request, generate
    from fwadvisor.model.address import Family
    from fwadvisor.ports import load

    check_pf_variant(pf_variant)
    check_output(output, profiles)
    if family not in ("", "4", "6"):
        raise _refused(f'--family takes 4 or 6, not "{family}"')
    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    options = (("pf-variant", pf_variant),)
    generated = generate(
        Request(
            profiles=profiles,
            settings=settings_from(settings),
            targets=targets or ["all"],
            knowledge=knowledge,
            profile_dirs=profile_dirs,
            today=day_from(today),
            notes=False,
            options=options,
        )
    )
    show(generated.warnings, color)
    database = load(knowledge)
    wanted = Wanted(
        forms=_variants(variants, generated.policy, database),
        ways=[way.value for way in ways],
        family=Family(int(family)) if family else None,
    )
    made = written_ladders(generated.policy, database, generated.outputs, options, wanted)
    ladders = [each for several in made.values() for each in several]
    if not ladders:
        raise _none(generated.policy, database)
    write_answer(_render(ladders, format), output, exact=format is not LadderFormat.TEXT)
    if not exit_zero and any(each.blocked for each in ladders):
        raise typer.Exit(EXIT_FINDINGS)


def _refused(message: str, hint: str = "") -> FwadvisorError:
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    return FwadvisorError(error(message, hint=hint))


def _variants(names: Sequence[str], policy: Policy, database: Database) -> tuple[str, ...]:
    """The ids of the wanted variants.

    Raises:
        FwadvisorError: the conversations of the policy have none of that name.
    """
    from fwadvisor.diagnostic import did_you_mean

    used = {each.application for each in policy.statements}
    known = list(
        dict.fromkeys(
            form.id
            for application, conversation in database.conversations.items()
            for form in conversation.forms
            if application in {found.id for name in used if name and (found := database.application(name))}
        )
    )
    if "all" in names:
        return tuple(known)
    for name in names:
        if name not in known and known:
            hint = did_you_mean(name, known) or f"these profiles have {', '.join(known)}"
            raise _refused(f'no variant is called "{name}"', hint)
    return tuple(names)


def _none(policy: Policy, database: Database) -> FwadvisorError:
    """What to say where there is nothing to show."""
    used = {found.id for each in policy.statements if (found := database.application(each.application))}
    if used & database.conversations.keys():
        return _refused(
            "no conversation of these profiles goes this way here", "leave out --way, --variant and --family"
        )
    known = ", ".join(database.conversations)
    return _refused("no need of these profiles has a ladder", f"known is how these talk: {known}")


def _render(ladders: Sequence[CallLadder], format: LadderFormat) -> str:
    if format is LadderFormat.MARKDOWN:
        from fwadvisor.report import ladder_markdown

        return ladder_markdown.render(ladders)
    if format is LadderFormat.JSON:
        from fwadvisor.report import ladder_json

        return ladder_json.render(ladders)
    if format is LadderFormat.SVG:
        from fwadvisor.report import ladder_svg

        return ladder_svg.render(ladders)
    from fwadvisor.report import ladder_text

    return ladder_text.render(ladders)
