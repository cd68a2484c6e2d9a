"""The `generate` command."""

from __future__ import annotations


def generate() -> None:
    """Placeholder until the command is written."""
