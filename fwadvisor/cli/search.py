"""The `search` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.explain import Format
from fwadvisor.diagnostic import Color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwadvisor.ports.searching import Hit


def search(
    text: list[str] = typer.Argument(..., metavar="TEXT...", help="Words that must all occur."),
    limit: int = typer.Option(20, "--limit", "-n", min=1, help="Show at most this many."),
    format: Format = typer.Option(Format.TEXT, "--format", "-f", help="Form of the answer."),
    knowledge: list[Path] = typer.Option(
        [], "--knowledge", metavar="DIR", help="Your own additions to the port database; may be repeated."
    ),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", metavar="DIR", help="Where an imported registry lies, if not in the usual place."
    ),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of the answer."),
) -> None:
    """Search ports and applications by name, product, process, use or advisory.

    Exit code 2 where nothing is found.

    Examples: fwadvisor search video conference ; fwadvisor search CVE-2020-14305
    """
    from fwadvisor.cli.common import project_folders
    from fwadvisor.diagnostic import show, use_color
    from fwadvisor.errors import UnknownNameError
    from fwadvisor.ports import load
    from fwadvisor.ports.searching import search as find

    folders, _ = project_folders(knowledge, ())
    database = load(folders, data_dir=data_dir)
    show(database.notices, color)
    words = " ".join(text)
    hits = find(words, database)
    if not hits:
        from fwadvisor.diagnostic import did_you_mean, error

        known = {*database.application_names(), *database.ports, *database.registry.names()}
        raise UnknownNameError(error(f'nothing is found for "{words}"', hint=did_you_mean(words, known)))
    if format is Format.JSON:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps({"version": 1, "hits": [asdict(hit) for hit in hits[:limit]]}, indent=2))
    elif format is Format.MARKDOWN:
        from fwadvisor.ports.explain.markdown import code, plain

        for hit in hits[:limit]:
            numbers = f" {plain(hit.numbers)}" if hit.numbers else ""
            typer.echo(f"- {code(hit.explain)}{numbers}: {plain(hit.title)} ({plain(hit.where)})")
    else:
        wanted = use_color(sys.stdout, color)
        for line in _lines(hits, limit, wanted):
            typer.echo(line, color=True if wanted else None)


def _lines(hits: Sequence[Hit], limit: int, color: bool) -> list[str]:
    from fwadvisor.diagnostic import printable
    from fwadvisor.ports.explain.text import WIDTH, fold, paint

    shown = hits[:limit]
    names = min(24, max(len(hit.explain) for hit in shown))
    numbers = min(20, max(len(hit.numbers) for hit in shown))
    lines = []
    for hit in shown:
        head = f"{printable(hit.explain):<{names}}  {hit.numbers:<{numbers}}  "
        text = f"{printable(hit.title)} [{hit.kind}, {hit.where}]"
        if len(head) > names + numbers + 4:
            lines.append(paint(head.rstrip(), "heading", color))
            head = " " * (names + numbers + 4)
        folded = fold(text, WIDTH - len(head))
        first = paint(head, "heading", color) if head.strip() else head
        lines.append(first + folded[0])
        lines += [" " * len(head) + line for line in folded[1:]]
    if len(hits) > len(shown):
        lines.append(f"and {len(hits) - len(shown)} more (--limit {len(hits)} shows all)")
    lines.append('"fwadvisor explain NAME" tells more.')
    return lines
