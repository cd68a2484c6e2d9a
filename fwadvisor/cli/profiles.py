"""The `profiles` commands."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Placeholder until the commands are written.")


@app.callback()
def _options() -> None:
    """Placeholder until the commands are written."""
