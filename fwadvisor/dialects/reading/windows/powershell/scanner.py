"""The text of a script and the place in it: blanks, texts in quotes, variables."""

from __future__ import annotations

import re

from fwadvisor.dialects.reading.windows.page import text_at
from fwadvisor.dialects.reading.windows.powershell import lexical
from fwadvisor.dialects.reading.windows.powershell.expressions import Expression, Interpolated, Literal, Variable

#: Brackets inside brackets.
_DEEPEST = 60
#: Values, arguments and commands; hashtables of plain texts count as one.
_MOST_PARTS = 400_000


class ScriptError(Exception):
    """The text is no PowerShell: what is wrong, where, and what would be right."""

    def __init__(self, message: str, start: int, length: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.start = start
        self.length = length
        self.hint = hint


class Scanner:
    """A place in a script that moves on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.parts = 0

    def skip(self, pattern: re.Pattern[str] = lexical.BLANKS) -> int:
        """Go over blanks and comments, and with another pattern over line ends."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        if self.text.startswith("<#", self.at):
            raise ScriptError("the comment does not end", self.at, 2, '"#>" is expected')
        return self.at

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go over what a pattern matches here."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def peek(self, count: int = 1) -> str:
        """The next characters."""
        return self.text[self.at : self.at + count]

    def expect(self, mark: str, opened: int, what: str) -> None:
        """Go over a closing bracket."""
        self.skip(lexical.LINES if mark != "]" else lexical.NEWLINES)
        if not self.text.startswith(mark, self.at):
            if self.at >= len(self.text):
                raise ScriptError(f"{what} does not end", opened, 1, f'"{mark}" is expected')
            raise ScriptError(f'"{mark}" is expected', self.at)
        self.at += len(mark)

    def deeper(self) -> None:
        """Go into brackets."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ScriptError("the script is nested too deeply to be read", self.at)

    def count(self) -> None:
        """Count a part."""
        self.parts += 1
        if self.parts > _MOST_PARTS:
            raise ScriptError("the script is too long to be read", self.at, 1, "an export of the machine can be longer")

    # --- texts ---------------------------------------------------------------------------------------

    def single(self) -> Expression:
        """A text in single quotes."""
        start = self.at
        found = self.match(lexical.SINGLE_QUOTED)
        if found is None:
            raise ScriptError(
                "the text does not end", start, 1, "a single quote is expected; inside it is written twice"
            )
        value = found[1]
        if not value.isascii() or "'" in value:
            value = lexical.DOUBLED.sub(r"\1", value)
        return Literal(start, self.at, text_at(value, start + 1))

    def double(self) -> Expression:
        """A text in double quotes, maybe with variables."""
        start = self.at
        self.at += 1
        return self.expandable(start, len(self.text), quoted=True)

    def here(self) -> Expression | None:
        """A here-string, if one begins here."""
        start = self.at
        head = self.match(lexical.HERE)
        if head is None:
            return None
        single = head[1] in lexical.SINGLE
        tail = (lexical.HERE_END_SINGLE if single else lexical.HERE_END_DOUBLE).search(self.text, head.end() - 1)
        if tail is None:
            raise ScriptError(
                "the here-string does not end", start, 2, "its end is a quote and @ at the start of a line"
            )
        begin, end = head.end(), max(head.end(), tail.start())
        if single:
            node: Expression = Literal(start, tail.end(), text_at(self.text[begin:end], begin))
        else:
            self.at = begin
            node = self.expandable(start, end, quoted=False)
        self.at = tail.end()
        return node

    def expandable(self, start: int, limit: int, *, quoted: bool) -> Expression:
        """The inside of double quotes up to the closing one, or of a here-string up to `limit`."""
        parts: list[Expression] = []
        chunk: list[str] = []
        text = self.text
        while self.at < limit:
            found = lexical.IN_DOUBLE.match(text, self.at, limit)
            if found is not None:
                chunk.append(found[0])
                self.at = found.end()
                continue
            char = text[self.at]
            if char == "`":
                chunk.append(self.escape())
            elif char == "$":
                node = self.in_text()
                if node is None:
                    chunk.append("$")
                    self.at += 1
                else:
                    self.count()
                    parts += [Literal(start, self.at, "".join(chunk)), node]
                    chunk = []
            elif quoted and text[self.at + 1 : self.at + 2] not in tuple(lexical.DOUBLE):
                self.at += 1
                break
            else:
                chunk.append(char)
                self.at += 2 if quoted else 1
        else:
            if quoted:
                raise ScriptError(
                    "the text does not end", start, 1, 'a double quote is expected; inside it is written `"'
                )
        if not parts:
            return Literal(start, self.at, text_at("".join(chunk), start + 1))
        parts.append(Literal(start, self.at, "".join(chunk)))
        return Interpolated(start, self.at, tuple(parts))

    def escape(self) -> str:
        """A backtick and what it makes of the next character."""
        char = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if char == "\r" and self.peek() == "\n":
            self.at += 1
        return "" if char in ("\r", "\n") else lexical.ESCAPES.get(char, char)

    def in_text(self) -> Expression | None:
        """A variable or ``$( ... )`` inside a text; None for a dollar sign alone."""
        if self.peek(2) == "$(":
            return self.collected()
        return self.variable()

    def variable(self) -> Variable | None:
        """A variable, if one begins here."""
        start = self.at
        found = self.match(lexical.VARIABLE)
        if found is None:
            return None
        name = (found[1] or found[2] or found[3]).lower()
        scope, colon, bare = name.partition(":")
        if not colon:
            return Variable(start, self.at, name)
        if scope in ("script", "global", "env"):
            return Variable(start, self.at, bare, scope)
        return Variable(start, self.at, bare if scope in ("local", "private", "using", "variable") else name)

    def collected(self) -> Expression:
        """``$( ... )``; the parser knows how."""
        raise ScriptError("no statements can stand here", self.at)

    def number(self) -> Expression | None:
        """A number, if one begins here and nothing but a number stands here."""
        start = self.at
        found = lexical.NUMBER.match(self.text, start)
        if found is None:
            return None
        after = self.text[found.end() : found.end() + 1]
        if after.isalnum() or after == "_":
            return None
        self.at = found.end()
        unit = lexical.UNITS[(found[4] or "").lower()]
        if found[1]:
            value: int | float = int(found[1], 16)
        else:
            value = float(found[2]) if set(found[2]) & set(".eE") else int(found[2])
        return Literal(start, self.at, value * unit)
