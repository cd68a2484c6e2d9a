"""Words of a shell script (POSIX sh, 2.2 and 2.3): quotes, variables, operators, here-documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fwadvisor.dialects.reading.iptables.refusal import RefusedError

_TOKEN = re.compile(
    r"""
    (?P<blank>(?:[ \t]|\\\r?\n)+) | (?P<end>\r?\n) | (?P<comment>\#[^\n]*)
    | (?P<heredoc>\d*<<-?[ \t]*(?P<mark>'[^'\n]*'|"[^"\n]*"|[\w.-]+))
    | (?P<redirect>\d*(?:>>|>\||>&|<&|<>|>|<)|&>>?) | (?P<operator>&&|\|\||;;|[;&|()])
    | (?P<single>'[^']*') | (?P<double>"(?:[^"\\]|\\.)*") | (?P<arithmetic>\$\(\()
    | (?P<variable>\$(?:\w+|\{\w+\}|[@*\#?!$-])) | (?P<odd>\$\{[^}\n]{0,99}\}|\$\(|`) | (?P<escaped>\\.)
    | (?P<plain>[^\s\#'"$`\\;&|()<>]+|\#|\$|[^\S \t\n])
    """,
    re.VERBOSE | re.DOTALL,
)
_INSIDE = re.compile(
    r"(?P<variable>\$(?:\w+|\{\w+\}|[@*#?!$-]))|(?P<odd>\$[({]|`)|\\(?P<escaped>[$`\"\\\n])", re.DOTALL
)
#: A command whose output is the name of another.
_WHICH = re.compile(r"(?:which|command -v|type -p)[ \t]+([\w./-]+)(?:[ \t]+2>[ \t]*/dev/null)?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text, the value of a variable, or (`known` False) what only running the script tells."""

    text: str
    variable: bool = False
    known: bool = True
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A word before anything is put in for its variables."""

    pieces: tuple[Piece, ...]
    line: int
    column: int

    @property
    def literal(self) -> str | None:
        """The text, where it holds no variable and no quote."""
        if len(self.pieces) == 1 and not self.pieces[0].variable and not self.pieces[0].quoted:
            return self.pieces[0].text if self.pieces[0].known else None
        return None


@dataclass(slots=True)
class Token:
    """A word, an operator, a redirection or a line end."""

    kind: str
    text: str
    line: int
    column: int
    word: Word | None = None
    body: str = ""
    quoted: bool = False
    body_line: int = 0


@dataclass(slots=True)
class _Waiting:
    """A here-document whose text begins at the next line."""

    token: Token
    mark: str
    tabs: bool


class ShellError(RefusedError):
    """The script is not well-formed; `line` is where."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


_WORD_KINDS = frozenset({"single", "double", "variable", "odd", "arithmetic", "escaped", "plain"})


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a script, the last of which is a line end.

    Raises:
        ShellError: a quote, a substitution or a here-document is not closed.
    """
    return _Scanner(text).tokens()


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0
    line: int = 1
    #: Where the line begins.
    start: int = 0
    #: The word that is being read, and where it began.
    pieces: list[Piece] = field(default_factory=list)
    where: tuple[int, int] = (1, 1)
    waiting: list[_Waiting] = field(default_factory=list)

    def tokens(self) -> Iterator[Token]:
        """Every token."""
        while self.at < len(self.text):
            found = _TOKEN.match(self.text, self.at)
            kind = found.lastgroup if found else None
            if found is None or kind is None:
                raise self._unread()
            piece = found.group()
            if kind == "comment" and self.pieces:
                kind, piece = "plain", "#"
            if kind in _WORD_KINDS:
                self._in_word(kind, piece)
                continue
            yield from self._word()
            token = Token(kind, piece, self.line, self.at - self.start + 1)
            self._pass(piece)
            if kind in ("end", "redirect", "operator"):
                yield token
            elif kind in ("heredoc", "mark"):
                mark = found.group("mark")
                token.kind, token.text, token.quoted = "heredoc", mark, mark[0] in "\"'"
                self.waiting.append(_Waiting(token, mark.strip("\"'"), "<<-" in piece))
                yield token
            if kind == "end" and self.waiting:
                self._bodies()
        yield from self._word()
        yield Token("end", "\n", self.line, 1)

    def _unread(self) -> ShellError:
        letter = self.text[self.at]
        if letter in "\"'":
            return ShellError(f"the quote {letter} is not closed", self.line)
        return ShellError(f'"{letter}" is not read', self.line)

    def _word(self) -> Iterator[Token]:
        if self.pieces:
            yield Token("word", "", *self.where, Word(tuple(self.pieces), *self.where))
            self.pieces = []

    def _in_word(self, kind: str, piece: str) -> None:
        if not self.pieces:
            self.where = (self.line, self.at - self.start + 1)
        if kind in ("odd", "arithmetic"):
            piece = self.text[self.at : _closing(self.text, self.at, self.line)]
        self.pieces += _pieces(kind, piece)
        self._pass(piece)

    def _pass(self, piece: str) -> None:
        """Go on behind a piece of the text."""
        breaks = piece.count("\n")
        if breaks:
            self.line += breaks
            self.start = self.at + piece.rindex("\n") + 1
        self.at += len(piece)

    def _bodies(self) -> None:
        """Give waiting here-documents their lines."""
        for each in self.waiting:
            each.token.body_line = self.line
            lines: list[str] = []
            while True:
                if self.at >= len(self.text):
                    raise ShellError(f'the here-document ends without "{each.mark}"', each.token.line)
                row = self._row()
                row = row.lstrip("\t") if each.tabs else row
                if row == each.mark:
                    break
                lines.append(row)
            each.token.body = "".join(f"{row}\n" for row in lines)
        self.waiting.clear()

    def _row(self) -> str:
        """The present line; the next one is the present one then."""
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        row = self.text[self.at : end]
        self.at = self.start = end + 1
        self.line += 1
        return row


def _closing(text: str, at: int, line: int) -> int:
    """Where a substitution that begins at `at` ends."""
    if text[at] == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise ShellError("a backquote is not closed", line)
        return end + 1
    if text[at + 1] == "{":
        return text.index("}", at) + 1
    depth = 0
    for place in range(at + 1, len(text)):
        if text[place] == "(":
            depth += 1
        elif text[place] == ")":
            depth -= 1
            if depth == 0:
                return place + 1
    raise ShellError("a parenthesis is not closed", line)


def _pieces(kind: str, text: str) -> list[Piece]:
    if kind == "plain":
        # A dollar sign before a quote has a meaning that depends on the shell.
        return [Piece(text, known=text != "$")]
    if kind == "single":
        return [Piece(text[1:-1], quoted=True)]
    if kind == "escaped":
        return [Piece("" if text[1] == "\n" else text[1:], quoted=True)]
    if kind == "variable":
        return [Piece(text.strip("${}") or "$", variable=True)]
    if kind == "double":
        return _inside(text[1:-1])
    return [_substituted(text, False)]


def _substituted(text: str, quoted: bool) -> Piece:
    named = _WHICH.fullmatch(text.strip("`").removeprefix("$(").removesuffix(")").strip())
    return Piece(named.group(1), quoted=quoted) if named else Piece(text, known=False, quoted=quoted)


def _inside(text: str) -> list[Piece]:
    """The pieces between double quotes."""
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        found = _INSIDE.search(text, at)
        if found is None:
            break
        if found.start() > at:
            pieces.append(Piece(text[at : found.start()], quoted=True))
        at = found.end()
        if found["variable"]:
            pieces.append(Piece(found["variable"].strip("${}") or "$", variable=True, quoted=True))
        elif found["escaped"]:
            pieces.append(Piece("" if found["escaped"] == "\n" else found["escaped"], quoted=True))
        else:
            pieces.append(_substituted(text[found.start() :], True))
            return pieces
    if at < len(text) or not pieces:
        pieces.append(Piece(text[at:], quoted=True))
    return pieces
