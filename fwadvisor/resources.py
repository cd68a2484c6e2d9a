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


def source_line(file: str, line: int) -> str:
    """A line of a profile as places name it, without its line end; "" where it can no longer be read.

    Places call shipped profiles ``profiles/NAME.yaml`` wherever they are installed.
    """
    path = Path(file)
    if not path.is_file() and path.parent == Path("profiles"):
        path = profiles_dir() / path.name
    try:
        with path.open(encoding="utf-8-sig") as lines:
            return next((text.rstrip("\r\n") for number, text in enumerate(lines, 1) if number == line), "")
    except (OSError, UnicodeDecodeError):
        return ""
