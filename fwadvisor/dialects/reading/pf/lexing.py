"""Lines of pf.conf as tokens, cut as pfctl's lexer cuts them (yylex and lgetc in sbin/pfctl/parse.y).

A token is a string: a mark such as ``{`` or ``->``, a bare word, or a quoted string, which keeps its quotes so that no
keyword is found in it. A logical line ends with the token ``\\n``. A backslash before a line end joins
lines, in comments too. Macros are put in as text, but never inside quotes or inside what a macro gave.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from fwadvisor.diagnostic import Diagnostic, Span, did_you_mean, error, warning
from fwadvisor.errors import ReadError

#: pfctl's buffer for one string.
_LONGEST = 8095
#: More lines than this are no rule file.
_MOST_LINES = 1_000_000
#: Longer lines, more tokens in one, and more tokens out of macros are refused; a table of 100,000 networks has 2 MB.
_LONGEST_LINE, _MOST_TOKENS, _MOST_GIVEN = 4 * 2**20, 1_000_000, 3_000_000
_WORD = r"A-Za-z0-9:_.\-+*%&;?@\[\]^`|~$\"'"
_TOKENS = re.compile(rf"\"[^\"]*\"|'[^']*'|[A-Za-z0-9:_][{_WORD}]*|->|<>|><|[^ \t]")
_BLANK = re.compile(r"(?:[ \t]++|\\\n)*+")
_COMMENT = re.compile(r"(?:[^\\\n]++|\\[\s\S])*+\\?")
_NAME = re.compile(r"(?:[A-Za-z0-9_]++|\\\n)*+")
_LONG_WORD = re.compile(rf"(?:[{_WORD}]++|\\\n|\\[{_WORD}])*+")
_JOINED = re.compile(r"\\(\n?)")
_QUOTED = {quote: re.compile(rf"{quote}((?:[^{quote}\\]++|\\[\s\S])*+){quote}") for quote in "\"'"}
#: What a file that pfctl printed holds between the rules, and numbers before them.
_COUNTERS = re.compile(r"[ \t]+\[ .* \]\s*$|No ALTQ support in kernel$|ALTQ related functions disabled$")
_NUMBER = re.compile(r"@\d+(?:\(\d+\))? ")


@dataclass(slots=True)
class Line:
    """One logical line: its tokens, and where they stand."""

    tokens: list[str]
    #: Number of the first physical line, from 1.
    number: int
    #: Offsets of the tokens in the file; None where they are found by cutting the line again.
    places: list[int] | None = None
    #: How many physical lines are joined where there are no `places`.
    joined: int = 1


class Lexer:
    """Cuts one file.

    Args:
        name: the file as people call it.
        macros: name to value; grows while the file is read.
        note: takes warnings.
        printed: whether pfctl printed the text, so that its counters are skipped.
    """

    def __init__(
        self, name: str, text: str, macros: Mapping[str, str], note: Callable[[Diagnostic], None], printed: bool = False
    ) -> None:
        self.name = name
        self._text = text
        self._lines = text.split("\n", _MOST_LINES)
        if len(self._lines) > _MOST_LINES:
            raise ReadError(error(f"{name} has more than {_MOST_LINES} lines: too many for a rule file", Span(name, 1)))
        self._macros = macros
        self._note = note
        self._printed = printed
        self._next = 0
        self._starts: list[int] = []
        self._given = 0

    def line(self) -> Line | None:
        """The next line that holds anything, or None at the end.

        Raises:
            ReadError: it cannot be cut; the line after it is next.
        """
        lines, count = self._lines, len(self._lines)
        while self._next < count:
            number, text = self._next, lines[self._next]
            self._next += 1
            if not text or (text[0] == "#" and "\\" not in text):
                continue
            if self._printed and (text[0] in " \tNA" and _COUNTERS.match(text)):
                continue
            if len(text) > _LONGEST_LINE:
                raise ReadError(error("this line is too long for a rule file", Span(self.name, number + 1)))
            found = self._short_line(number, text) or self._long_line(number)
            if self._printed and found.tokens[0] == "@":
                found = self._unnumbered(found, number)
            if len(found.tokens) > 1:
                return found
        return None

    def _short_line(self, number: int, text: str) -> Line | None:
        """A line without comments, macros and open quotes, cut at once; None where it is none."""
        joined = 1
        if text[-1] == "\\" and "\\" not in text[:-1]:
            pieces = self._pieces(number)
            text, joined = "".join(pieces), len(pieces)
        if "#" in text or "\\" in text or "$" in text:
            return None
        tokens = _TOKENS.findall(text)
        if ('"' in text and '"' in tokens) or ("'" in text and "'" in tokens):
            return None
        if len(text) > _LONGEST and (len(tokens) > _MOST_TOKENS or max(map(len, tokens), default=0) > _LONGEST):
            return None
        tokens.append("\n")
        self._next = number + joined
        return Line(tokens, number + 1, joined=joined)

    def _pieces(self, number: int) -> list[str]:
        """The physical lines that backslashes join, without these."""
        pieces: list[str] = []
        size = 0
        for text in islice(self._lines, number, None):
            size += len(text)
            if size > _LONGEST_LINE:
                raise ReadError(error("this line is too long for a rule file", Span(self.name, number + 1)))
            pieces.append(text.removesuffix("\\"))
            if not text.endswith("\\"):
                break
        return pieces

    def _unnumbered(self, line: Line, number: int) -> Line:
        prefix = _NUMBER.match(self._lines[number])
        if prefix is None:
            return line
        base = self._offset(number)
        places = [base + found.start() for found in _TOKENS.finditer(self._lines[number], prefix.end())]
        tokens = line.tokens[len(_TOKENS.findall(prefix.group())) :]
        return Line(tokens, line.number, places if len(places) == len(tokens) - 1 else line.places)

    def span(self, line: Line, token: int, length: int | None = None) -> Span:
        """The place of a token; `length` None is the token's own."""
        text = self._lines[line.number - 1]
        if line.places is None:
            pieces = self._pieces(line.number - 1) if line.joined > 1 else [text]
            whole = "".join(pieces)
            column = next(
                islice((found.start() for found in _TOKENS.finditer(whole)), token, None), len(whole.rstrip())
            )
            number = line.number
            while column >= len(pieces[number - line.number]) and number - line.number < len(pieces) - 1:
                column -= len(pieces[number - line.number])
                number += 1
            return Span(self.name, number, column + 1, length or len(line.tokens[token]), self._lines[number - 1])
        if token < len(line.places):
            return self._at(line.places[token], length or len(line.tokens[token]))
        return self._at(line.places[-1] + len(line.tokens[token - 1]) if line.places else self._offset(line.number))

    def on_one_line(self, line: Line) -> bool:
        """Whether all tokens stand in the same physical line."""
        return line.joined == 1 and (not line.places or self._at(line.places[-1]).line == line.number)

    def whole(self, line: Line) -> Span:
        """The span of a line from its first token on, in its first physical line."""
        text = self._lines[line.number - 1]
        if line.places:
            start = self._at(line.places[0])
            text, first = start.source, start.column
            return Span(self.name, start.line, first, max(1, len(text.rstrip()) - first + 1), text)
        first = len(text) - len(text.lstrip(" \t")) + 1
        return Span(self.name, line.number, first, max(1, len(text.rstrip()) - first + 1), text)

    def _offset(self, number: int) -> int:
        """Where the physical line `number` (from 0) begins."""
        if not self._starts:
            total = 0
            for text in self._lines:
                self._starts.append(total)
                total += len(text) + 1
        return self._starts[number]

    def _at(self, offset: int, length: int = 1) -> Span:
        self._offset(0)
        number = bisect_right(self._starts, offset) - 1
        return Span(self.name, number + 1, offset - self._starts[number] + 1, length, self._lines[number])

    def _fail(self, message: str, offset: int, length: int, hint: str = "") -> ReadError:
        return ReadError(error(message, self._at(offset, length), hint))

    def _long_line(self, number: int) -> Line:
        """A line with comments, macros, joined lines or quotes over several lines: cut one token after the other."""
        text, start = self._text, self._offset(number)
        tokens: list[str] = []
        places: list[int] = []
        position = start
        try:
            while True:
                blank = _BLANK.match(text, position)
                position = blank.end() if blank else position
                if position >= len(text) or text[position] == "\n":
                    break
                position = self._token(text, position, tokens, places)
                if len(tokens) > _MOST_TOKENS:
                    raise self._fail("this line has too many words for a rule file", start, 1)
        except ReadError:
            self._after(max(position, start))
            raise
        self._after(position)
        tokens.append("\n")
        return Line(tokens, number + 1, places)

    def _after(self, position: int) -> None:
        """Go on with the physical line after the one that holds `position`."""
        self._next = bisect_right(self._starts, position)

    def _token(self, text: str, position: int, tokens: list[str], places: list[int]) -> int:
        """Cut one token (or what a macro holds) at `position`; where the next one may begin."""
        first = text[position]
        if first == "#":
            return self._comment(text, position)
        if first == "$":
            return self._macro(text, position, tokens, places)
        places.append(position)
        if first in "\"'":
            return self._quoted(text, position, tokens)
        if first == "\\":  # Before anything but a line end it is dropped.
            places[-1] = position = position + 1
            first = text[position : position + 1]
            if not first:
                places.pop()
                return position
        if first.isascii() and (first.isalnum() or first in ":_"):
            found = _LONG_WORD.match(text, position)
            end = found.end() if found else position + 1
            tokens.append(_JOINED.sub("", text[position:end]))
            if end - position > _LONGEST:
                raise self._fail("this word is longer than pfctl's 8 KB", position, 1)
            return end
        mark = text[position : position + 2] if text[position : position + 2] in ("->", "<>", "><") else first
        tokens.append(mark)
        return position + len(mark)

    def _comment(self, text: str, position: int) -> int:
        found = _COMMENT.match(text, position)
        end = found.end() if found else len(text)
        swallowed = text[position:end].count("\\\n")
        if swallowed:
            place = self._at(text.index("\\\n", position))
            lines = "the next line belongs" if swallowed == 1 else f"the next {swallowed} lines belong"
            hint = "pf joins lines before it looks for comments; end the comment with another character"
            self._note(warning(f"{lines} to this comment, because it ends in a backslash", place, hint))
        return end

    def _quoted(self, text: str, position: int, tokens: list[str]) -> int:
        quote = text[position]
        found = _QUOTED[quote].match(text, position)
        if found is None:
            raise self._fail("this quote is not closed", position, 1, f"a string ends with {quote}")
        inside = found.group(1)
        if len(inside) > _LONGEST:
            raise self._fail("this string is longer than pfctl's 8 KB", position, 1)
        if "\\" in inside:
            inside = inside.replace("\\\n", "").replace(f"\\{quote}", quote)
        tokens.append('"' + inside.replace("\n", "") + '"')
        return found.end()

    def _macro(self, text: str, position: int, tokens: list[str], places: list[int]) -> int:
        found = _NAME.match(text, position + 1)
        end = found.end() if found else position + 1
        name = text[position + 1 : end].replace("\\\n", "")
        if name not in self._macros:
            following = _LONG_WORD.match(text, end)
            longer = name + (following.group() if following else "")
            hint = did_you_mean(name, self._macros)
            if longer in self._macros:
                hint = "the name of a macro that is used holds letters, digits and _ only"
            raise self._fail(f'macro "{name}" is not defined', position, max(1, end - position), hint)
        given = _TOKENS.findall(self._macros[name])
        if "#" in given:
            given = given[: given.index("#")]
            end = self._comment(text, end)
        if given and (given[-1] in "\"'" or len(given[-1]) > _LONGEST):
            raise self._fail(f'macro "{name}" opens a quote or is too long', position, end - position)
        # A word goes on after the macro that it begins with: $if:network.
        if given and not self._macros[name][-1:].isspace() and _is_word(given[-1]):
            rest = _LONG_WORD.match(text, end)
            if rest:
                given[-1] += _JOINED.sub("", rest.group())
                end = rest.end()
        self._given += len(given)
        if self._given > _MOST_GIVEN:
            raise self._fail("macros make too much text of the file", position, end - position)
        tokens += given
        places += [position] * len(given)
        return end


def _is_word(token: str) -> bool:
    return token[0].isascii() and (token[0].isalnum() or token[0] in ":_")
