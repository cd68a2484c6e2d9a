"""What the commands share: options, colour, and the end of a failed command."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from fwadvisor.errors import FwadvisorError

EXIT_FINE, EXIT_FINDINGS, EXIT_ERROR = 0, 1, 2


class TextOrJson(StrEnum):
    """Forms of an answer: for people, or for programs."""

    TEXT = "text"
    JSON = "json"


def fail(problem: FwadvisorError, color: Color = Color.AUTO) -> int:
    """Show the diagnostics of an error; returns the exit code."""
    show(problem.diagnostics, color)
    return EXIT_ERROR


def settings_from(values: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping.

    Raises:
        FwadvisorError: an option has no ``=``, or a name is given twice with different values.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    found: dict[str, str] = {}
    problems = []
    for value in values:
        name, equals, content = value.partition("=")
        if not equals or not name.strip():
            problems.append(error(f'--set takes NAME=VALUE, not "{value}"', hint="such as --set peers=203.0.113.0/24"))
        elif found.setdefault(name.strip(), content) != content:
            problems.append(error(f'--set gives "{name.strip()}" twice', hint="write lists with commas"))
    if problems:
        raise FwadvisorError(problems)
    return found


def day_from(value: str) -> date | None:
    """The date of a ``--today`` option, None where it is not given.

    Raises:
        FwadvisorError: it is no date.
    """
    from datetime import date

    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise FwadvisorError(error(f'--today takes YYYY-MM-DD, not "{value}"')) from None


def project_folders(knowledge: Sequence[Path], profile_dirs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The folders of the project file in the current directory, then those of the command line.

    Raises:
        FwadvisorError: the project file is wrong, or a folder of the command line does not exist.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.project import load_project

    missing = [folder for folder in (*knowledge, *profile_dirs) if not folder.is_dir()]
    if missing:
        raise FwadvisorError(error(f"{folder} is not a folder") for folder in missing)
    project = load_project()
    return [*project.knowledge, *knowledge], [*project.profiles, *profile_dirs]
