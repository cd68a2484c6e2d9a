"""Options that several commands have, said once, so that they cannot mean different things."""

from __future__ import annotations

import typer

SETTINGS = typer.Option(
    [], "--set", "-s", metavar="NAME=VALUE", help="Value of a parameter; PROFILE.NAME=VALUE for one profile only."
)
DIALECTS = typer.Option(
    [], "--from", metavar="[FILE=]DIALECT", help="The dialect of a file, or of all, where it is not recognized."
)
KNOWLEDGE = typer.Option([], "--knowledge", metavar="DIR", help="Your own additions to the port database.")
PROFILE_DIRS = typer.Option([], "--profile-dir", metavar="DIR", help="Further folders of profiles.")
TODAY = typer.Option("", "--today", metavar="YYYY-MM-DD", help="The day against which grants expire.")
BUDGET = typer.Option(2_000_000, "--budget", metavar="NODES", min=1000, help="Give up, with an error, above this size.")
