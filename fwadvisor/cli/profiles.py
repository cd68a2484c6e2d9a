"""The `profiles` commands: list, show, check, new."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer

from fwadvisor.cli.common import (
    EXIT_ERROR,
    EXIT_FINDINGS,
    EXIT_FINE,
    day_from,
    project_folders,
    settings_from,
)
from fwadvisor.cli.options import KNOWLEDGE, PROFILE_DIRS, TODAY
from fwadvisor.diagnostic import Color, Severity, show

app = typer.Typer(no_args_is_help=True, help="List, show, check and begin profiles.")

_DIRS = PROFILE_DIRS
_KNOWLEDGE = KNOWLEDGE
_TODAY = TODAY
_COLOR = typer.Option(Color.AUTO, "--color", help="Colour of messages.")


class Format(StrEnum):
    """How the list is printed."""

    TEXT = "text"
    JSON = "json"


@app.command("list")
def list_profiles(
    profile_dirs: list[Path] = _DIRS,
    format: Format = typer.Option(Format.TEXT, "--format", "-f", help="text or json."),
) -> None:
    """List the profiles: what they are for, and what must be set."""
    from fwadvisor.profile.pages import list_text, summaries, summary_data

    _, folders = project_folders([], profile_dirs)
    profiles = summaries(folders)
    if format is Format.JSON:
        import json

        typer.echo(json.dumps({"version": 1, "profiles": [summary_data(p) for p in profiles]}, indent=2))
    else:
        typer.echo(list_text(profiles))


@app.command("show")
def show_profile(
    name: str = typer.Argument(..., metavar="PROFILE", help="A profile's name or file."),
    settings: list[str] = typer.Option([], "--set", "-s", metavar="NAME=VALUE", help="Value of a parameter."),
    profile_dirs: list[Path] = _DIRS,
    knowledge: list[Path] = _KNOWLEDGE,
    today: str = _TODAY,
    color: Color = _COLOR,
) -> None:
    """Show one profile: parameters, zones and statements, resolved with the given settings."""
    from datetime import date

    from fwadvisor.diagnostic import printable
    from fwadvisor.ports import load
    from fwadvisor.profile.pages import page

    knowledge, folders = project_folders(knowledge, profile_dirs)
    day = day_from(today) or date.today()
    text, problems = page(name, settings_from(settings), load(knowledge), today=day, profile_dirs=folders)
    if text:
        typer.echo("\n".join(printable(line) for line in text.split("\n")))
    show(problems, color)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(EXIT_ERROR)


@app.command("check")
def check(
    files: list[str] = typer.Argument(..., metavar="FILE...", help="Profile files or names."),
    strict: bool = typer.Option(False, "--strict", help="Exit 1 where there are warnings."),
    profile_dirs: list[Path] = _DIRS,
    knowledge: list[Path] = _KNOWLEDGE,
    today: str = _TODAY,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Say nothing of profiles that are fine."),
    color: Color = _COLOR,
) -> None:
    """Check profiles, all problems in one run: exit 0 fine, 2 errors.

    Parameters that must be set are tried with their examples, optional ones both with and without a value.
    """
    from datetime import date

    from fwadvisor.decode.reader import worst
    from fwadvisor.ports import load
    from fwadvisor.profile.loader import check_profile

    knowledge, folders = project_folders(knowledge, profile_dirs)
    database, day = load(knowledge), day_from(today) or date.today()
    code = EXIT_FINE
    for file in files:
        problems = check_profile(file, database, today=day, profile_dirs=folders)
        show(worst(problems), color)
        errors = sum(problem.severity is Severity.ERROR for problem in problems)
        warnings = len(problems) - errors
        if errors:
            code = EXIT_ERROR
        elif warnings and strict:
            code = max(code, EXIT_FINDINGS)
        if problems or not quiet:
            typer.echo(f"{file}: {_verdict(errors, warnings)}")
    raise typer.Exit(code)


def _verdict(errors: int, warnings: int) -> str:
    counts = [(errors, "error"), (warnings, "warning")]
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count) or "fine"


@app.command("new")
def new(
    name: str = typer.Argument(..., metavar="NAME", help="What the profile is called: letters, digits and -."),
    output: str = typer.Option("", "--output", "-o", metavar="FILE", help="Where to write; - is stdout. [NAME.yaml]"),
    source: str = typer.Option("", "--from", metavar="PROFILE", help="Begin with a copy of this profile."),
    force: bool = typer.Option(False, "--force", help="Overwrite the file."),
    profile_dirs: list[Path] = _DIRS,
) -> None:
    """Write a first text for a profile of your own, with comments that say what is possible."""
    from fwadvisor.diagnostic import Diagnostic, error
    from fwadvisor.errors import ProfileError
    from fwadvisor.profile.search import find
    from fwadvisor.profile.starter import starter

    template = None
    if source:
        _, folders = project_folders([], profile_dirs)
        found = find(source, folders)
        if isinstance(found, Diagnostic):
            raise ProfileError(found)
        template = found.path
    path = Path(output or f"{name}.yaml")
    text = starter(name, str(path), template)
    if output == "-":
        typer.echo(text, nl=False)
        return
    if path.stem != name or path.suffix != ".yaml":
        raise ProfileError(error(f'the profile "{name}" belongs into a file {name}.yaml, not {path.name}'))
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise ProfileError(error(f"{path} exists already", None, "choose another name, or add --force")) from None
    except OSError as problem:
        raise ProfileError(error(f"{path}: cannot be written: {problem.strerror}")) from problem
    typer.echo(f"wrote {path}; next: fwadvisor profiles check {path}")
