"""The command line: thin commands, each in a module of its own that is imported when it is called.

This package imports only the standard library and typer at module level, so that no command pays for another.
"""

from __future__ import annotations

import gc
import os
import sys

import typer

from fwadvisor.cli import (
    canon,
    check,
    convert,
    diff,
    equal,
    explain,
    export_script,
    find,
    generate,
    git_driver,
    git_setup,
    ladder,
    ports,
    profiles,
    prove,
    search,
    test,
)
from fwadvisor.cli.common import EXIT_ERROR, fail

app = typer.Typer(
    name="fwadvisor",
    help="Recommend firewall rules from policy profiles, explain ports, and review changes.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("generate")(generate.generate)
app.command("ladder")(ladder.ladder)
app.command("prove")(prove.prove)
app.command("check")(check.check)
app.command("test")(test.flows)
app.command("find")(find.find)
app.command("convert")(convert.convert)
app.command("equal")(equal.equal)
app.command("diff")(diff.diff)
app.command("canon")(canon.canon)
app.command("git-setup")(git_setup.git_setup)
# A path that begins with a dash is no option.
app.command("git-driver", context_settings={"ignore_unknown_options": True})(git_driver.git_driver)
app.command("export-script")(export_script.export_script)
app.command("explain")(explain.explain)
app.command("search")(search.search)
app.add_typer(profiles.app, name="profiles")
app.add_typer(ports.app, name="ports")


def _version(wanted: bool) -> None:
    if wanted:
        from fwadvisor import __version__

        typer.echo(f"fwadvisor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Recommend firewall rules from policy profiles, explain ports, and review changes."""


def main() -> None:
    """Run the command line; exit 0 fine, 1 findings, 2 error."""
    from fwadvisor.errors import FwadvisorError

    # A stream that was closed before the start is None; nobody reads it.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    # A command makes many values, few cycles among them, and ends soon: searching for those would only take time.
    gc.disable()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except FwadvisorError as problem:
        sys.exit(fail(problem))
    except BrokenPipeError:
        # The reader has what it wanted (head, a closed pager); Python must not complain at exit.
        sys.stderr.close()
        sys.exit(0)
    except OSError as problem:
        print(f"error: cannot write the answer: {problem.strerror or problem}", file=sys.stderr)
        # What is still buffered cannot be written either; Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(EXIT_ERROR)
    except Exception as problem:
        # A defect must not look like an answer, which an exit code of 1 is.
        if os.environ.get("FWADVISOR_TRACEBACK"):
            raise
        print(f"error: a defect of fwadvisor: {type(problem).__name__}: {problem}", file=sys.stderr)
        print("  hint: please report it; FWADVISOR_TRACEBACK=1 shows where it is", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    finally:
        gc.freeze()
        gc.enable()
