"""The `search` command."""

from __future__ import annotations


def search() -> None:
    """Placeholder until the command is written."""
