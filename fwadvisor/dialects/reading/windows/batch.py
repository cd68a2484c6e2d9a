"""Batch files of which only the lines of netsh count."""

from __future__ import annotations

import re

from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows.draft import Machine
from fwadvisor.dialects.reading.windows.netsh import Line, read_line
from fwadvisor.dialects.reading.windows.page import Page, Place, text_at

_LINE = re.compile(r"(?:[^\r\n^]|\^\r?\n|\^.)*+")
#: A word as the C library cuts them: quotes hold blanks together and are left out.
_WORD = re.compile(r'(?:[^\s"]|"[^"\r\n]*"?)+')
#: Commands that change nothing of the firewall.
_HARMLESS = frozenset(
    {
        "rem",
        "echo",
        "echo.",
        "pause",
        "cls",
        "title",
        "setlocal",
        "endlocal",
        "timeout",
        "chcp",
        "color",
        "exit",
        "whoami",
    }
)
_REDIRECTION = re.compile(r"\s*[12]?>>?\s*(?:&[12]|\S+)\s*$")


def read_batch(machine: Machine, source: Source) -> None:
    """Carry the lines out from top to bottom; variables, labels and conditions are not read.

    Raises:
        ReadError: it is no text.
    """
    page = Page(source.name, source.text())
    position = 0
    while position < len(page.text):
        found = _LINE.match(page.text, position)
        end = found.end() if found else position
        _line(machine, page, position, end)
        position = end + 1


def _line(machine: Machine, page: Page, start: int, end: int) -> None:
    text = page.text[start:end]
    while redirection := _REDIRECTION.search(text):
        text = text[: redirection.start()]
    stripped = text.lstrip("@ \t")
    start += len(text) - len(stripped)
    words = [(found[0], start + found.start()) for found in _WORD.finditer(stripped)]
    if not words or stripped.startswith(("::", ":")):
        return
    if words[0][0].lower() == "call" and len(words) > 1:
        words = words[1:]
    command = words[0][0].strip('"').lower().rpartition("\\")[2].removesuffix(".exe")
    place = Place(page, start, start + len(stripped.rstrip()))
    if command == "netsh":
        _netsh(machine, place, words[1:], stripped)
    elif command not in _HARMLESS:
        machine.not_read(place.span(), place.quote(), f"what {command} does is not known")


def _netsh(machine: Machine, place: Place, words: list[tuple[str, int]], text: str) -> None:
    if set("&|") & set(re.sub(r'"[^"]*"', "", text)) or ("%" in text and not _environment(text)):
        machine.not_read(place.span(), place.quote(), "the line has parts that only the machine knows")
        return
    read_line(Line(machine, place, [text_at(word.replace('"', "").replace("^", ""), at) for word, at in words]))


def _environment(text: str) -> bool:
    """Whether percent signs stand only around variables that every machine has."""
    known = r"%(?:SystemRoot|windir|SystemDrive|ProgramFiles|ProgramFiles\(x86\)|ProgramData)%"
    return "%" not in re.sub(known, "", text, flags=re.IGNORECASE)
