"""Programs that a script runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.dialects.reading.windows.netsh import Line, harmless, read_line
from fwadvisor.dialects.reading.windows.page import Place, Text, text_at
from fwadvisor.dialects.reading.windows.powershell.commands import COMMANDS, Argument, Command, Values
from fwadvisor.dialects.reading.windows.powershell.values import Unknown, text_of

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.run import Run


def _netsh(run: Run, command: Command, _given: Values | None) -> Values:
    words = [word for argument in command.arguments for word in _words(run, argument)]
    place = Place(run.page, command.start, command.end)
    if not harmless(words):
        read_line(Line(run.machine, place, words, run.doubts()))
    return [Unknown(run.quote(command))]


def _words(run: Run, argument: Argument) -> list[str | None]:
    """What a program gets for one argument: each value of a list is a word of its own."""
    if argument.splat or (argument.name and argument.value is None):
        return [None if argument.splat else run.page.text[argument.start : argument.end]]
    value = argument.value.value(run) if argument.value is not None else None
    words: list[str | None] = []
    for each in value if isinstance(value, list) else [value]:
        text = text_of(each)
        words.append(text if text is None or isinstance(text, Text) else text_at(text, argument.start))
    return words


COMMANDS.update({"netsh": _netsh, "netsh.exe": _netsh})
