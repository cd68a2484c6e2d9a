"""The `git-driver` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fwadvisor.diagnostic import printable

if TYPE_CHECKING:
    from fwadvisor.model.firewall import Firewall

#: What git says in place of a file that does not exist in a version.
_NO_FILE = "/dev/null"


def git_driver(
    arguments: list[str] = typer.Argument(
        ...,
        metavar="PATH OLD-FILE OLD-HEX OLD-MODE NEW-FILE NEW-HEX NEW-MODE [NEW-PATH RENAME]",
        help="What git passes to a diff driver; PATH alone for a file with conflicts.",
    ),
) -> None:
    """Show what a change does, as git's external diff driver (`fwadvisor git-setup --driver`).

    Exits 0 whatever the files hold, because git stops otherwise: what is wrong with them is printed as text. Exits 2
    where the arguments are not git's.
    """
    import os

    from fwadvisor.diagnostic import error, render
    from fwadvisor.errors import FwadvisorError

    if len(arguments) not in (1, 7, 9):
        message = f"git passes 7 arguments to a diff driver, 9 for a renamed file; these are {len(arguments)}"
        raise FwadvisorError(error(message, hint="fwadvisor diff OLD NEW compares two files"))
    try:
        text = _text(arguments)
    except FwadvisorError as refusal:
        lines = [render(each) for each in refusal.diagnostics]
        text = "\n".join([*lines, "  hint: git diff --no-ext-diff --no-textconv shows the lines"])
    except Exception as problem:
        if os.environ.get("FWADVISOR_TRACEBACK"):
            raise
        text = f"error: a defect of fwadvisor: {type(problem).__name__}: {printable(str(problem))}"
    head = arguments[0] if len(arguments) < 9 else f"{arguments[0]} -> {arguments[7]}"
    typer.echo(f"fwadvisor diff {printable(head)}\n{text}\n")


def _text(arguments: list[str]) -> str:
    """What the driver shows below the name of the file.

    Raises:
        FwadvisorError: a file cannot be read as rules, or the comparison would grow too large.
    """
    from fwadvisor.report.canon_text import canon_text

    if len(arguments) == 1:
        return "The file has conflicts that are not resolved."
    path, old, old_id, old_mode, new, new_id, new_mode = arguments[:7]
    new_path = arguments[7] if len(arguments) == 9 else path
    if old == _NO_FILE:
        return f"A new file. It says:\n\n{canon_text(_read(new, new_path))}"
    if new == _NO_FILE:
        return f"The file is gone. It said:\n\n{canon_text(_read(old, path))}"
    if old_id == new_id and old_mode != new_mode:
        return f"Only the mode changed, from {printable(old_mode)} to {printable(new_mode)}."
    return _review(_read(old, f"a/{path}"), _read(new, f"b/{new_path}"), new_path)


def _read(file: str, name: str) -> Firewall:
    """The firewall of one version, under the name that people know."""
    from dataclasses import replace
    from pathlib import Path

    from fwadvisor.dialects.reading import read_firewall
    from fwadvisor.dialects.reading.source import load_source

    return replace(read_firewall([load_source(Path(file), name)]), name=name)


def _review(old: Firewall, new: Firewall, name: str) -> str:
    from fwadvisor.cli.common import project_folders
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.report.review_formats import View, render
    from fwadvisor.review.diff import review

    knowledge, _ = project_folders([], [])
    database = load(knowledge)
    made = review(old, new, database, Budget(), name=name)
    return render("text", [made], View(database=database, arguments=(old.name, new.name)))
