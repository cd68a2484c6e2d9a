"""Finds the shipped rule templates and profiles, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    for candidate in (_PACKAGE / "_resources" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise RuntimeError(f"the installation is incomplete: no folder {name}")


def profiles_dir() -> Path:
    """The folder of the shipped profiles."""
    return _folder("profiles")


def templates_dir() -> Path:
    """The folder of the rule templates, one folder for each dialect."""
    return _folder("rule_templates")
