"""Walking through the tokens of one file: statements, blocks in braces, and where they end."""

from __future__ import annotations

from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.dialects.reading.nftables.text import Piece, Text
from fwadvisor.dialects.reading.nftables.variables import Variables
from fwadvisor.errors import ReadError

_STOPS = frozenset(("{", "}", "\n", ";", ""))
#: Braces do not nest deeper.
_MOST_DEPTH = 100


class Cursor:
    """A place in a text."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.at = 0

    @property
    def word(self) -> str:
        """The present token."""
        return self.text.tokens[self.at]

    def take(self) -> str:
        """The present token, and go on."""
        word = self.text.tokens[self.at]
        if word:
            self.at += 1
        return word

    def skip_blank(self) -> str:
        """Go to the next token that is no line end or semicolon, and say it."""
        tokens, at = self.text.tokens, self.at
        while tokens[at] == "\n" or tokens[at] == ";":
            at += 1
        self.at = at
        return tokens[at]

    def skip_lines(self) -> str:
        """Go to the next token that is no line end, and say it."""
        while self.word == "\n":
            self.at += 1
        return self.word

    def problem(self, message: str, hint: str = "") -> Diagnostic:
        """A problem with the present token; at a line end, with what stands before it."""
        at = self.at
        if self.word in ("", "\n") and at:
            start = self.text.starts[at - 1] + len(self.text.tokens[at - 1])
            return error(message, self.text.place(start, 1), hint)
        return error(message, self.text.span(at), hint)

    def refuse(self, message: str, hint: str = "") -> ReadError:
        """The refusal of the present token."""
        return ReadError(self.problem(message, hint))

    def expect(self, word: str) -> None:
        """Take one certain token.

        Raises:
            ReadError: there is another one.
        """
        if word == "{":
            self.skip_lines()
        if self.word != word:
            raise self.refuse(f'"{word}" is expected{_instead(self.word)}')
        self.at += 1

    def name(self, what: str) -> str:
        """Take a name.

        Raises:
            ReadError: there is none.
        """
        word = self.word
        if not (word[:1].isalpha() or word[:1] == "_" or (word[:1] == '"' and len(word) > 2)):
            raise self.refuse(f"the name of a {what} is expected{_instead(word)}")
        self.at += 1
        return word[1:-1] if word[0] == '"' else word

    def end_of_statement(self) -> None:
        """Check that a statement ends here.

        Raises:
            ReadError: something follows.
        """
        if self.word not in ("\n", ";", "}", ""):
            raise self.refuse(f"the end of the line is expected{_instead(self.word)}")

    def close(self, opened: int) -> int:
        """Where the block ends whose brace stands at `opened`.

        Raises:
            ReadError: nowhere.
        """
        tokens, depth, at = self.text.tokens, 1, opened
        while depth:
            at += 1
            word = tokens[at]
            if word == "{":
                depth += 1
                if depth > _MOST_DEPTH:
                    raise ReadError(error("braces nest too deep", self.text.span(at)))
            elif word == "}":
                depth -= 1
            elif not word:
                raise ReadError(error('this "{" is never closed', self.text.span(opened), 'a "}" is missing'))
        return at

    def statement(self, variables: Variables) -> Piece:
        """Take everything up to the end of the statement.

        Raises:
            ReadError: a brace is not closed, or a variable is not defined.
        """
        tokens, at, first = self.text.tokens, self.at, self.at
        while True:
            word = tokens[at]
            if word in _STOPS:
                if word != "{":
                    break
                at = self.close(at)
            at += 1
        self.at = at
        piece = self.text.piece(first, at)
        return variables.replaced(piece) if any(word[0] == "$" for word in piece.tokens[:-1]) else piece

    def skip_statement(self) -> None:
        """Go to the end of a statement that cannot be read, over blocks; an open block ends with the text."""
        while self.word not in ("\n", ";", "}", ""):
            if self.word == "{":
                try:
                    self.at = self.close(self.at)
                except ReadError:
                    self.at = len(self.text.tokens) - 1
                    return
            self.at += 1


def _instead(word: str) -> str:
    return "" if word in ("", "\n") else f', not "{word}"'
