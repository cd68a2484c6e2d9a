"""The `prove` command."""

from __future__ import annotations

from pathlib import Path

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, TextOrJson, day_from, project_folders, settings_from
from fwadvisor.cli.options import BUDGET, DIALECTS, KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show


def prove(
    files: list[str] = typer.Argument(
        ...,
        metavar="FILE...",
        help="Rule files; those of one dialect are one firewall. DIR stands for its rule files, - for standard input.",
    ),
    policies: list[str] = typer.Option(
        ..., "--policy", "-p", metavar="PROFILE", help="Profile that the files must say; may be repeated."
    ),
    settings: list[str] = SETTINGS,
    dialects: list[str] = DIALECTS,
    everything: bool = typer.Option(False, "--all", help="Show every difference, not the first ones."),
    format: TextOrJson = typer.Option(TextOrJson.TEXT, "--format", "-f", help="Form of the answer."),
    allow_approximate: bool = typer.Option(
        False, "--allow-approximate", help="Compare with the narrower policy where the dialect cannot say it all."
    ),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Prove that rule files do what a policy says, packet for packet, or show where they do not.

    The files may come from anybody. Exits 0 where they do, 1 where they do not or where opaque parts leave it
    unknown, 2 on errors.

    Example: fwadvisor prove out/ --policy h323-needed --set peers=203.0.113.0/24
    """
    from fwadvisor.dialects import policy_capabilities
    from fwadvisor.packets import Budget
    from fwadvisor.proof.against import Asked, against_policy
    from fwadvisor.proof.comparison import Answer
    from fwadvisor.proof.files import check_named, firewalls_of, forced
    from fwadvisor.report import comparison_json, comparison_text

    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    said = forced(dialects)
    check_named(said, files)
    firewalls = firewalls_of(files, said)
    asked = Asked(
        profiles=policies,
        settings=settings_from(settings),
        knowledge=knowledge,
        profile_dirs=profile_dirs,
        today=day_from(today),
        allow_approximate=allow_approximate,
    )
    held = against_policy(firewalls, asked, Budget(nodes=nodes), policy_capabilities())
    comparisons = held.comparisons
    show((*held.warnings, *(each for firewall in firewalls for each in firewall.warnings)), color)
    if not quiet and format is TextOrJson.JSON:
        print(comparison_json.render(comparisons, held.exposures))
    elif not quiet:
        print(comparison_text.render(comparisons, exposures=held.exposures, everything=everything))
    if any(each.answer is not Answer.EQUAL for each in comparisons):
        raise typer.Exit(EXIT_FINDINGS)
