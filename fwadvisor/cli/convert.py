"""The `convert` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.options import BUDGET, DIALECTS
from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from fwadvisor.convert import Converted
    from fwadvisor.model.firewall import Firewall
    from fwadvisor.model.rule import Verdict

_RESTS = ("", "accept", "drop")


def convert(
    rules: list[str] = typer.Argument(
        ...,
        metavar="RULES...",
        help="Rule files of one firewall; DIR stands for its rule files, - for standard input.",
    ),
    target: str = typer.Option(
        ..., "--to", "-t", metavar="DIALECT", help="The dialect to write: iptables, nftables, windows or pf."
    ),
    output: str | None = typer.Option(
        None, "--output", "-o", metavar="FILE|DIR", help="Where to write; a directory where there are several files."
    ),
    dialects: list[str] = DIALECTS,
    allow_approximate: bool = typer.Option(
        False, "--allow-approximate", help="Where the target cannot say a rule, write a narrower one and say so."
    ),
    filters_only: bool = typer.Option(
        False, "--filters-only", help="Leave out address translation instead of refusing it, and say so."
    ),
    rest: str = typer.Option(
        "", "--rest", metavar="accept|drop", help="What becomes of an IP version that the source does not speak of."
    ),
    pf_variant: str = typer.Option(
        "portable", "--pf-variant", metavar="VARIANT", help="portable, openbsd, freebsd or freebsd-12."
    ),
    nodes: int = BUDGET,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Nothing but the rules, and errors."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Write rules of any dialect in another one, proved to decide every packet alike before they are shown.

    Comments and order are kept where possible. What the target cannot say is an error with its place; what it does
    otherwise by its nature is listed.

    Example: fwadvisor convert iptables.v4+iptables.v6 --to nftables -o nftables.nft
    """
    from fwadvisor.convert import Request
    from fwadvisor.convert import convert as run
    from fwadvisor.diagnostic import did_you_mean, error
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.model.rule import Verdict
    from fwadvisor.packets import Budget

    if rest not in _RESTS:
        hint = did_you_mean(rest, _RESTS[1:]) or "accept or drop"
        raise FwadvisorError(error(f'--rest takes accept or drop, not "{rest}"', hint=hint))
    firewall = _firewall(rules, dialects)
    _check(output, rules, target)
    show(firewall.warnings, color)
    wanted: Verdict | None = Verdict(rest) if rest else None
    converted = run(
        Request(
            firewall=firewall,
            target=target,
            allow_approximate=allow_approximate,
            filters_only=filters_only,
            rest=wanted,
            options=(("pf-variant", pf_variant),),
            budget=Budget(nodes=nodes),
        )
    )
    _write(converted, output, quiet)
    if not quiet:
        from fwadvisor.report.convert_text import render

        stream = sys.stdout if output not in (None, "-") else sys.stderr
        print(
            render(firewall, target, converted.parts, converted.rules, _hooks(converted), converted.notes), file=stream
        )


def _hooks(converted: Converted) -> tuple[str, ...]:
    return tuple(str(hook) for hook in converted.rewritten)


def _firewall(rules: list[str], dialects: list[str]) -> Firewall:
    """The one firewall of the arguments.

    Raises:
        FwadvisorError: a file cannot be read, or they are of several dialects.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import ReadError
    from fwadvisor.proof.files import check_named, firewalls_of, forced

    said = forced(dialects)
    check_named(said, rules)
    found = firewalls_of(rules, said)
    if len(found) > 1:
        names = ", ".join(each.dialect for each in found)
        message = f"{' '.join(rules)} holds rules of several dialects: {names}"
        raise ReadError(error(message, hint="name the files of one of them"))
    return found[0]


def _is_folder(output: str) -> bool:
    return bool(output.strip()) and (Path(output).is_dir() or output.endswith("/"))


def _check(output: str | None, rules: list[str], target: str) -> None:
    """That nothing which is read would be written.

    Raises:
        FwadvisorError: it would, or there is no such place.
    """
    from fwadvisor.cli.writing import check_output
    from fwadvisor.dialects import DIALECTS, dialect
    from fwadvisor.proof.files import paths_of

    inputs = [path for each in rules for path in paths_of(each)]
    if output is None or not _is_folder(output):
        check_output(output, inputs)
    elif Path(output).is_dir() and target in DIALECTS:
        for name in dialect(target).file_names:
            check_output(str(Path(output) / name), inputs)


def _write(converted: Converted, output: str | None, quiet: bool) -> None:
    """The files to a directory, or one file to where it shall be.

    Raises:
        FwadvisorError: it cannot be written, or there are several files and no directory.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    files = converted.files
    names = " and ".join(each.name for each in files)
    if output is None or output == "-":
        if len(files) > 1 and not quiet:
            print(f"fwadvisor: {names} follow each other; -o DIR writes them apart", file=sys.stderr)
        for each in files:
            sys.stdout.buffer.write(each.content)
        sys.stdout.buffer.flush()
    elif _is_folder(output):
        from fwadvisor.generate import write_files

        write_files(files, Path(output))
    elif len(files) > 1:
        raise FwadvisorError(error(f"{names} need a directory to write to", hint=f"-o {output}/"))
    else:
        from fwadvisor.cli.writing import write_bytes

        write_bytes(files[0].content, output)
