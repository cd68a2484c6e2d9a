"""The `canon` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fwadvisor.diagnostic import printable

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.source import Source
    from fwadvisor.errors import FwadvisorError


def canon(
    file: str = typer.Argument(..., metavar="FILE", help="A rule file of any dialect, or - for standard input."),
    dialect: str = typer.Option("", "--from", metavar="DIALECT", help="Its dialect, where it is not recognized."),
    strict: bool = typer.Option(
        False, "--strict", help="Fail where the file cannot be read as rules, instead of printing it as it is."
    ),
) -> None:
    """Print what a rule file says, one line a rule, so that only changes of meaning show in `git diff`.

    Comments, spacing, grouping, and order where it does not matter, are gone. A file that cannot be read as rules is
    printed as it is, after a line that says so: git stops at a textconv that fails.

    Exits 0; 2 where the file is missing, or with --strict is no rule file.

    Example: fwadvisor canon nftables.nft
    """
    from fwadvisor.diagnostic import Span, error
    from fwadvisor.dialects.reading import read_firewall
    from fwadvisor.dialects.reading.source import MOST_BYTES
    from fwadvisor.errors import ReadError
    from fwadvisor.report.canon_text import canon_text

    source = _source(file)
    try:
        if len(source.content) > MOST_BYTES:
            raise ReadError(error(f"it is larger than {MOST_BYTES // 2**20} MiB", Span(file, 1)))
        text = canon_text(read_firewall([source], dialect))
    except ReadError as refusal:
        if strict:
            raise
        text = _as_it_is(source, refusal)
    typer.echo(text)


def _source(file: str) -> Source:
    """The file; one that is too large for a rule file too, because git may ask for it.

    It has no directory, so no files beside it are read: git shows one version of them, in a directory of its own.

    Raises:
        FwadvisorError: it cannot be read.
    """
    import sys
    from dataclasses import replace
    from pathlib import Path

    from fwadvisor.diagnostic import error
    from fwadvisor.dialects.reading.source import MOST_BYTES, Source, load_source
    from fwadvisor.errors import ReadError

    if file == "-":
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ReadError(error(f"standard input is larger than {MOST_BYTES // 2**20} MiB"))
        return Source(file, content)
    path = Path(file)
    try:
        if path.is_file():
            return Source(file, path.read_bytes())
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise ReadError(error(f"cannot read {file}: {reason}")) from None
    return replace(load_source(path, file), directory=None)


def _as_it_is(source: Source, refusal: FwadvisorError) -> str:
    """Why there is no canonical form, then the lines of the file with control characters escaped."""
    first = refusal.diagnostics[0]
    place = f" (line {first.span.line})" if first.span else ""
    lines = source.content.decode("utf-8", "backslashreplace").splitlines()
    return "\n".join((f"not in canonical form: {printable(first.message)}{place}", *map(printable, lines)))
