"""The `git-driver` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fwadvisor.diagnostic import printable

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.source import Source
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
        return f"A new file. It says:\n\n{canon_text(_read(_source(new, new_path)))}"
    if new == _NO_FILE:
        return f"The file is gone. It said:\n\n{canon_text(_read(_source(old, path)))}"
    if old_id == new_id and old_mode != new_mode:
        return f"Only the mode changed, from {printable(old_mode)} to {printable(new_mode)}."
    return _review(_source(old, f"a/{path}"), _source(new, f"b/{new_path}"), new_path)


def _source(file: str, name: str) -> Source:
    """One version, under the name that people know."""
    from pathlib import Path

    from fwadvisor.dialects.reading.source import load_source

    return load_source(Path(file), name)


def _read(source: Source) -> Firewall:
    from dataclasses import replace

    from fwadvisor.dialects.reading import read_firewall

    return replace(read_firewall([source]), name=source.name)


def _review(old: Source, new: Source, name: str) -> str:
    from dataclasses import replace

    from fwadvisor.cli.common import project_folders
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.report.review_formats import View, render
    from fwadvisor.review.alike import Text
    from fwadvisor.review.diff import review
    from fwadvisor.review.edits import lines_changed

    knowledge, _ = project_folders([], [])
    database = load(knowledge)
    texts = Text.of([(old.name, old.text())]), Text.of([(new.name, new.text())])
    made = review(_read(old), _read(new), database, Budget(), name=name, texts=texts)
    before, after = ([line.rstrip() for line in each.text().splitlines()] for each in (old, new))
    made = replace(made, edits=replace(made.edits, lines=lines_changed(before, after)))
    return render("text", [made], View(database=database, arguments=(old.name, new.name)))
