"""A place in the tokens of a statement, with what every part of the grammar needs: lists, numbers, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from fwadvisor.diagnostic import Diagnostic, Label, Span, did_you_mean, error, warning
from fwadvisor.dialects.reading.pf.lexing import Lexer, Line
from fwadvisor.dialects.reading.pf.variants import Variants
from fwadvisor.dialects.reading.pf.words import RESERVED
from fwadvisor.errors import ReadError

_T = TypeVar("_T")
#: Where words that were joined need no space: inside of parentheses and table names, around slashes, before commas.
_SPACES = re.compile(r"([(!]) | ([),])| ?(/) ?|< (\S+) >")
_MARKS = frozenset("{}()<>!=/,\n") | {"->", "<>", "><", "-"}
#: More elements than this in one list are no rule; tables have files.
MOST_ELEMENTS = 500_000


class Cursor:
    """The tokens of one statement, from `i` on. A list may go on over line ends, so more lines are taken as needed."""

    __slots__ = ("_parts", "i", "lexer", "note", "t", "variants")

    def __init__(self, lexer: Lexer, line: Line, variants: Variants, note: Callable[[Diagnostic], None]) -> None:
        self.lexer = lexer
        self.variants = variants
        self.note = note
        self.t = line.tokens
        self.i = 0
        self._parts: list[tuple[int, Line]] = [(0, line)]

    # --- places and problems -----------------------------------------------------------------------

    def span(self, at: int | None = None) -> Span:
        """The place of a token, by default the next one."""
        at = self.i if at is None else at
        for base, line in reversed(self._parts):
            if at >= base:
                return self.lexer.span(line, at - base)
        return self.lexer.span(self._parts[0][1], 0)

    def whole(self) -> Span:
        """The place of the statement, as far as its first line goes."""
        return self.lexer.whole(self._parts[0][1])

    def fail(self, message: str, hint: str = "", at: int | None = None, *labels: Label) -> ReadError:
        """An error at a token, by default the next one."""
        return ReadError(error(message, self.span(at), hint, *labels))

    def warn(self, message: str, hint: str = "", at: int | None = None) -> None:
        """A warning at a token."""
        self.note(warning(message, self.span(at), hint))

    def expected(self, what: str, known: Iterable[str] = ()) -> ReadError:
        """The error of a token that cannot stand here."""
        head = self.t[self.i]
        found = "the line ends" if head == "\n" else f"{_shown(head)} is found"
        hint = did_you_mean(head, known) if head not in _MARKS else ""
        return self.fail(f"{found} where {what} is expected", hint)

    def only(self, variants: frozenset[str], what: str, at: int | None = None) -> None:
        """Note that only some variants accept what stands here.

        Raises:
            ReadError: no variant is left.
        """
        if not self.variants.possible <= variants:
            problem = self.variants.only(variants, what, lambda: self.span(at))
            if problem is not None:
                raise ReadError(problem)

    # --- tokens ------------------------------------------------------------------------------------

    def skip(self, head: str) -> bool:
        """Step over `token` where it is next."""
        if self.t[self.i] == head:
            self.i += 1
            return True
        return False

    def expect(self, head: str) -> None:
        """Step over `token`."""
        if self.t[self.i] != head:
            raise self.expected(f'"{head}"' if head != "\n" else "the end of the line")
        self.i += 1

    def string(self, what: str) -> str:
        """A bare word that is not reserved, or a quoted string."""
        head = self.t[self.i]
        if head in _MARKS or head in RESERVED or not (head[0] in "\"':_" or (head[0].isalnum() and head.isascii())):
            if head in RESERVED:
                raise self.fail(f'"{head}" is a word of pf.conf, where {what} is expected', "quote it")
            raise self.expected(what)
        self.i += 1
        return value(head)

    def number(self, what: str, most: int) -> int:
        """A number up to `most`."""
        head = value(self.t[self.i]) if self.t[self.i] != "\n" else ""
        if not (head.isascii() and head.isdigit()):
            raise self.expected(what)
        found = int(head[:20])
        if found > most:
            raise self.fail(f"{head} is too large for {what}: at most {most}")
        self.i += 1
        return found

    def quoted(self) -> str:
        """The statement as it stands in the file, on one line."""
        first = self._parts[0][1]
        if len(self._parts) > 1 or not self.lexer.on_one_line(first):
            return self.rest()
        span = self.lexer.whole(first)
        return span.source[span.column - 1 :].rstrip()

    def rest(self, start: int = 0, end: int | None = None) -> str:
        """Tokens as text on one line."""
        words = [each for each in self.t[start : self.i if end is None else end] if each != "\n"]
        return _SPACES.sub(_closer, " ".join(words))

    # --- lists -------------------------------------------------------------------------------------

    def line_ends(self) -> bool:
        """Step over line ends inside braces; whether there were any."""
        passed = False
        while self.t[self.i] == "\n":
            following = self.lexer.line()
            if following is None:
                raise self.fail('this list is not closed: "}" is expected', at=self._opening())
            passed = True
            self.i += 1
            if self.i == len(self.t):
                self._parts.append((len(self.t), following))
                self.t.extend(following.tokens)
                if len(self.t) > 4 * MOST_ELEMENTS:
                    raise self.fail("this list is too long")
        return passed

    def _opening(self) -> int:
        return max((at for at in range(min(self.i, len(self.t))) if self.t[at] == "{"), default=0)

    def elements(self, element: Callable[[], _T]) -> list[_T]:
        """``element`` or ``{ element, element ... }``; commas are optional, line ends may follow elements."""
        if self.t[self.i] != "{":
            return [element()]
        self.i += 1
        self.line_ends()
        if self.t[self.i] == "}":
            raise self.fail("a list cannot be empty")
        found = [element()]
        self.line_ends()
        while self.t[self.i] != "}":
            if self.skip(",") and self.t[self.i] in (",", "}", "\n"):
                raise self.fail("an element is expected after this comma", at=self.i - 1)
            found.append(element())
            self.line_ends()
            if len(found) > MOST_ELEMENTS:
                raise self.fail("this list is too long")
        self.i += 1
        return found

    def skip_statement(self) -> None:
        """Step over the rest of the statement, with the lists in it."""
        depth = 0
        while True:
            head = self.t[self.i]
            if head == "\n":
                if depth == 0:
                    return
                self.line_ends()
                continue
            depth += (head == "{") - (head == "}")
            if depth < 0:
                raise self.fail('no list is open that this "}" could close')
            self.i += 1


def _closer(found: re.Match[str]) -> str:
    return f"<{found[4]}>" if found[4] else found[1] or found[2] or found[3]


def value(head: str) -> str:
    """A word, or what a quoted string holds."""
    return head[1:-1] if head[0] in "\"'" else head


def _shown(head: str) -> str:
    return head if head[0] in "\"'" else f'"{head}"'
