"""What the commands share: options, colour, and the end of a failed command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from fwadvisor.errors import FwadvisorError

EXIT_FINE, EXIT_FINDINGS, EXIT_ERROR = 0, 1, 2


def fail(problem: FwadvisorError, color: Color = Color.AUTO) -> int:
    """Show the diagnostics of an error; returns the exit code."""
    show(problem.diagnostics, color)
    return EXIT_ERROR
