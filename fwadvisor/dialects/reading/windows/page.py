"""The text of a file with its places, and texts that know where they stand."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from fwadvisor.diagnostic import Span

_LINE_END = re.compile(r"\r\n|\n|\r")


class Text(str):
    """A text that was written out in the file, `at` being its offset there."""

    __slots__ = ("at",)

    at: int


def text_at(value: str, at: int) -> Text:
    """`value`, which stands at offset `at`."""
    text = Text(value)
    text.at = at
    return text


class Page:
    """One file's text; turns offsets into spans."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._starts: list[int] = []
        self._lines: dict[int, str] = {}

    def span(self, start: int, length: int = 1) -> Span:
        """The place of a stretch; what does not fit on its first line is cut off."""
        if not self._starts:
            self._starts = [0, *(found.end() for found in _LINE_END.finditer(self.text))]
        start = min(start, len(self.text))
        number = bisect_right(self._starts, start) - 1
        begin = self._starts[number]
        line = self._lines.get(number)
        if line is None:
            end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.text)
            line = self._lines[number] = self.text[begin:end].rstrip("\r\n")
        column = start - begin
        return Span(self.name, number + 1, column + 1, max(1, min(length, len(line) - column)), line)


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a page, end exclusive."""

    page: Page
    start: int
    end: int

    def span(self) -> Span:
        """The same for a diagnostic."""
        return self.page.span(self.start, self.end - self.start)

    def of(self, text: str) -> Span:
        """Where `text` stands: it may know, or be found inside; else this place."""
        if isinstance(text, Text):
            return self.page.span(text.at, len(text))
        found = self.page.text.find(text, self.start, self.end) if text else -1
        return self.span() if found < 0 else self.page.span(found, len(text))

    def quote(self) -> str:
        """What stands there, on one line."""
        text = self.page.text[self.start : self.end]
        return text if text.isprintable() and "  " not in text else " ".join(text.split())
