"""The `equal` command."""

from __future__ import annotations

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, TextOrJson
from fwadvisor.cli.options import BUDGET, DIALECTS
from fwadvisor.diagnostic import Color, show


def equal(
    files: list[str] = typer.Argument(
        ...,
        metavar="A B [C D...]",
        help="Rule files of any dialect; a+b joins files that are one firewall, DIR stands for its rule files, "
        "- for standard input.",
    ),
    dialects: list[str] = DIALECTS,
    everything: bool = typer.Option(False, "--all", help="Show every difference, not the first ones."),
    format: TextOrJson = typer.Option(TextOrJson.TEXT, "--format", "-f", help="Form of the answer."),
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Only the exit code, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Tell whether rule files decide every packet alike, whatever dialects they are written in.

    Exits 0 where they do, 1 where they do not or where opaque parts leave it unknown, 2 on errors.

    Example: fwadvisor equal iptables.v4+iptables.v6 nftables.nft pf.conf
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.packets import Budget
    from fwadvisor.proof.comparison import Answer, compare_firewalls
    from fwadvisor.proof.files import check_named, firewall_of, forced
    from fwadvisor.report import comparison_json, comparison_text

    if len(files) < 2:
        raise FwadvisorError(error("there is nothing to compare with", hint="fwadvisor equal A B"))
    said = forced(dialects)
    check_named(said, files)
    firewalls = [firewall_of(each, said) for each in files]
    show((each for firewall in firewalls for each in firewall.warnings), color)
    first, *others = firewalls
    comparisons = [compare_firewalls(first, other, Budget(nodes=nodes)) for other in others]
    if not quiet and format is TextOrJson.JSON:
        print(comparison_json.render(comparisons))
    elif not quiet:
        print(comparison_text.render(comparisons, everything=everything))
    if any(each.answer is not Answer.EQUAL for each in comparisons):
        raise typer.Exit(EXIT_FINDINGS)
