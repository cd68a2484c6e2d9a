"""What the commands share: options, colour, and the end of a failed command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from datetime import date

    from fwadvisor.errors import FwadvisorError

EXIT_FINE, EXIT_FINDINGS, EXIT_ERROR = 0, 1, 2


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
