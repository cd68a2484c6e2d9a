"""The `git-setup` command."""

from __future__ import annotations

import typer

from fwadvisor.diagnostic import error

#: Names of rule files besides those that `generate` writes.
_NAMES = ("*.nft", "nftables.conf", "rules.v4", "rules.v6")
_CONFIG = (
    "git config diff.fwadvisor.textconv 'fwadvisor canon'",
    "git config diff.fwadvisor.cachetextconv true",
    "git config diff.fwadvisor.xfuncname '^(chain .*)$'",
)
_DRIVER = "git config diff.fwadvisor.command 'fwadvisor git-driver'"


def git_setup(
    names: list[str] = typer.Argument(
        None, metavar="[PATTERN...]", help="Names of your rule files as .gitattributes writes them, in place of ours."
    ),
    attributes: bool = typer.Option(False, "--attributes", help="Only the lines for .gitattributes."),
    config: bool = typer.Option(False, "--config", help="Only the commands, for sh."),
    driver: bool = typer.Option(False, "--driver", help="Let `git diff` show the whole review of `fwadvisor diff`."),
) -> None:
    """Print the lines that make git show what a change of rule files does. Writes nothing.

    Exits 0; 2 on errors.

    Example: fwadvisor git-setup --attributes >> .gitattributes; fwadvisor git-setup --config | sh
    """
    from fwadvisor.dialects import DIALECTS, dialect
    from fwadvisor.errors import FwadvisorError

    if attributes and config:
        raise FwadvisorError(error("--attributes and --config exclude each other", hint="leave both out for both"))
    patterns = names or sorted({*_NAMES, *(name for each in DIALECTS for name in dialect(each).file_names)})
    for name in patterns:
        if not name or name.startswith(("#", "!", '"')) or any(c.isspace() or not c.isprintable() for c in name):
            hint = "write ? for a space, and leave out patterns that begin with ! or #"
            raise FwadvisorError(error(f'"{name}" is no pattern for .gitattributes', hint=hint))
    lines = [f"{name} diff=fwadvisor" for name in patterns]
    commands = [*_CONFIG, *([_DRIVER] if driver else [])]
    if not config and not attributes:
        lines = ["# For .gitattributes: these files are rules.", *lines, "", "# For the shell, once in each clone."]
    if not config:
        typer.echo("\n".join(lines))
    if not attributes:
        typer.echo("\n".join(commands))
