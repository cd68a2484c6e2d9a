"""Lines of a file as words, split as iptables-restore splits them, and where each word stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.dialects.reading.iptables.refusal import RefusedError

#: iptables-restore takes no longer word.
_LONGEST_WORD = 1023


@dataclass(slots=True)
class Line:
    """One command of a file: its words, and the text that people would quote."""

    file: str
    number: int
    #: The line as it stands in the file.
    source: str
    words: Sequence[str]
    #: Column of each word, where the words are not simply those of the text; else found when needed.
    columns: tuple[int, ...] | None = None
    #: The command on one line, where it does not stand on one; else "".
    text: str = ""

    def span(self) -> Span:
        """The whole line."""
        text = self.source
        column = len(text) - len(text.lstrip()) + 1
        return Span(self.file, self.number, column, max(1, len(text.strip())), text)

    def word(self, at: int) -> Span:
        """One word; the whole line where it cannot be found."""
        columns = self.columns if self.columns is not None else tuple(c for _, c in positions(self.source))
        if not 0 <= at < min(len(columns), len(self.words)) or not self.source:
            return self.span()
        column = columns[at]
        text = self.words[at]
        quoted = self.source[column - 1 : column] in "\"'"
        return Span(self.file, self.number, column, max(1, len(text) + 2 * quoted), self.source)

    def problem(self, refusal: RefusedError) -> Diagnostic:
        """What a refusal says, at its word."""
        at, words = refusal.at, self.words
        if refusal.word and not (0 <= at < len(words) and words[at] == refusal.word):
            # What was spelt short has moved the words behind it.
            at = next((n for n, word in enumerate(words) if word == refusal.word), -1)
            at = at if at >= 0 else next((n for n, word in enumerate(words) if refusal.word in word), -1)
        span = self.word(at) if at >= 0 else self.span()
        return error(refusal.message, span, refusal.hint)


def split(text: str) -> list[str]:
    """The words of a line: blanks separate them, double quotes keep them together and end a word.

    Raises:
        RefusedError: a quote is not closed, or a word is too long.
    """
    if '"' not in text:
        words = text.split()
    elif "\\" in text:
        words = [word for word, _ in positions(text)]
    else:
        words = _split_quoted(text)
    if len(text) > _LONGEST_WORD and any(len(word) > _LONGEST_WORD for word in words):
        raise RefusedError(f"a word is longer than {_LONGEST_WORD} characters", max(words, key=len))
    return words


def _split_quoted(text: str) -> list[str]:
    words: list[str] = []
    parts = text.split('"')
    if not len(parts) % 2:
        raise _unclosed(text)
    before = ""
    last = len(parts) - 1
    for place, part in enumerate(parts):
        if place % 2:
            words.append(before + part)
            before = ""
            continue
        words += part.split()
        if place != last and part and part[-1] not in " \t":
            before = words.pop()
    return words


def _unclosed(text: str) -> RefusedError:
    word = next((word for word in reversed(text.split()) if '"' in word), "")
    return RefusedError("a quote is opened and not closed", word, 'inside of quotes write \\" for a quote')


def unread(file: str, number: int, source: str) -> Line:
    """A line of which the words are told as far as they can be."""
    try:
        return Line(file, number, source, split(source))
    except RefusedError:
        found = list(re.finditer(r"\S+", source))
        return Line(file, number, source, [each.group() for each in found], tuple(each.start() + 1 for each in found))


def positions(text: str) -> list[tuple[str, int]]:
    """The words of a line with their columns; a backslash counts inside of quotes alone.

    Raises:
        RefusedError: a quote is not closed.
    """
    found: list[tuple[str, int]] = []
    word: list[str] = []
    start = 0
    quoted = escaped = False
    for column, letter in enumerate(text, 1):
        if quoted:
            if escaped or letter not in '\\"':
                word.append(letter)
                escaped = False
            elif letter == "\\":
                escaped = True
            else:
                found.append(("".join(word), start))
                word, quoted, start = [], False, 0
        elif letter == '"':
            quoted, start = True, start or column
        elif letter in " \t\n":
            if word:
                found.append(("".join(word), start))
                word, start = [], 0
        else:
            word.append(letter)
            start = start or column
    if quoted:
        raise _unclosed(text)
    if word:
        found.append(("".join(word), start))
    return found
