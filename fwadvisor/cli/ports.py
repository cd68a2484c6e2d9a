"""The `ports` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.diagnostic import Color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwadvisor.ports.registry_import import Change, ImportReport

app = typer.Typer(no_args_is_help=True, help="Refresh and check the port database.")

_SHOWN = 15


@app.callback()
def _options() -> None:
    """Refresh and check the port database."""


@app.command("import")
def import_file(
    file: Path = typer.Argument(..., metavar="FILE.csv", help="IANA's service-names-port-numbers.csv."),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", metavar="DIR", help="Where to keep the table; the platform's place for user data if absent."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Report what would change, and change nothing."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show every change."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Refresh the registry of port numbers from IANA's own CSV.

    The file is read, nothing is fetched. The table replaces the shipped one for all commands, whole or not at all.
    Fetch it from https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.csv
    """
    from fwadvisor.diagnostic import show
    from fwadvisor.ports.registry import load_registry, user_data_dir
    from fwadvisor.ports.registry_import import import_registry

    target = data_dir or user_data_dir()
    report = import_registry(file, target, load_registry(target), dry_run=dry_run)
    show(report.warnings, color)
    for line in _report_lines(report, file, dry_run, verbose):
        typer.echo(line)


def _report_lines(report: ImportReport, file: Path, dry_run: bool, verbose: bool) -> list[str]:
    done = "would import" if dry_run else "imported"
    lines = [f"{done} {report.registrations} registrations from {file}", f"  into {report.path}"]
    if report.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items())
        lines.append(f"  rows left out: {reasons}")
    counts = f"{len(report.added)} added, {len(report.removed)} removed, {len(report.renamed)} renamed"
    lines.append(f"  against the table before: {counts}")
    for title, changes in (("added", report.added), ("removed", report.removed), ("renamed", report.renamed)):
        lines += _change_lines(title, changes, verbose)
    return lines


def _change_lines(title: str, changes: Sequence[Change], verbose: bool) -> list[str]:
    shown = changes if verbose else changes[:_SHOWN]
    lines = [
        f"  {title:<8} {change.ports + '/' + ','.join(change.transports):<20} "
        + (f"{change.before} -> {change.name}" if change.before else change.name)
        for change in shown
    ]
    if len(shown) < len(changes):
        lines.append(f"  {title:<8} and {len(changes) - len(shown)} more (--verbose shows all)")
    return lines


@app.command("check")
def check(
    knowledge: list[Path] = typer.Option(
        [], "--knowledge", metavar="DIR", help="Your own additions to the port database; may be repeated."
    ),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Check the port database: the shipped files, and your own on top.

    Every problem of every file is shown with its place. Exit code 2 where there is one.
    """
    from fwadvisor.cli.common import project_folders
    from fwadvisor.diagnostic import show
    from fwadvisor.ports import load
    from fwadvisor.ports.compiling import compile_shipped
    from fwadvisor.ports.store import source_files

    compile_shipped(source_files())
    folders, _ = project_folders(knowledge, ())
    database = load(folders)
    show(database.notices, color)
    flows = sum(len(application.flows) for application in database.applications.values())
    typer.echo(
        f"{len(database.ports)} ports, {len(database.applications)} applications, {flows} flows, "
        f"{len(database.presets)} media presets, {len(database.registry)} registrations: no problem found"
    )
    for id, file in database.overlaid.items():
        typer.echo(f"  {id:<24} from {file}")
