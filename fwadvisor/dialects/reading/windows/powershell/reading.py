"""A script, read and carried out."""

from __future__ import annotations

from fwadvisor.diagnostic import error
from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows.draft import Machine
from fwadvisor.dialects.reading.windows.page import Page
from fwadvisor.dialects.reading.windows.powershell import programs, rules
from fwadvisor.dialects.reading.windows.powershell.run import Run
from fwadvisor.dialects.reading.windows.powershell.scanner import ScriptError
from fwadvisor.dialects.reading.windows.powershell.script import Parser
from fwadvisor.errors import ReadError

#: The modules whose commands a script may use.
COMMAND_MODULES = (programs, rules)


def read_script(machine: Machine, source: Source) -> None:
    """Carry a script out on the machine.

    Raises:
        ReadError: it is no PowerShell script, or takes too long.
    """
    page = Page(source.name, source.text())
    try:
        body = Parser(page.text).script()
    except ScriptError as problem:
        span = page.span(problem.start, problem.length)
        raise ReadError(error(str(problem), span, problem.hint)) from None
    Run(machine, page).body(body, [])
