"""A script, read and carried out."""

from __future__ import annotations

import re

from fwadvisor.diagnostic import Span, error
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
#: The other way to the firewall, by COM.
_OBJECTS = re.compile(r"HNetCfg\.\w+", re.IGNORECASE)


def read_script(machine: Machine, source: Source) -> None:
    """Carry a script out on the machine.

    Raises:
        ReadError: it is no PowerShell script, or takes too long.
    """
    page = Page(source.name, source.text())
    try:
        _carry_out(machine, page)
    except RecursionError:
        raise ReadError(error("the script is nested too deeply to be read", Span(source.name, 1))) from None


def _carry_out(machine: Machine, page: Page) -> None:
    try:
        body = Parser(page.text).script()
    except ScriptError as problem:
        span = page.span(problem.start, problem.length)
        raise ReadError(error(str(problem), span, problem.hint)) from None
    for found in _OBJECTS.finditer(page.text):
        span = page.span(found.start(), len(found[0]))
        machine.not_read(span, found[0], "what a script does to the firewall's COM objects is not read")
    Run(machine, page).body(body, [])
