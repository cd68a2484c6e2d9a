"""Shell scripts as far as scripts of firewall commands use the shell (POSIX sh, chapter 2): words and statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from fwadvisor.dialects.reading.iptables.refusal import RefusedError

_TOKEN = re.compile(
    r"""
    (?P<blank>(?:[ \t]|\\\r?\n)+) | (?P<end>\r?\n) | (?P<comment>\#[^\n]*)
    | (?P<heredoc>\d*<<-?[ \t]*(?P<mark>'[^'\n]*'|"[^"\n]*"|[\w.-]+))
    | (?P<redirect>\d*(?:>>|>\||>&|<&|<>|>|<)|&>>?) | (?P<operator>&&|\|\||;;|[;&|()])
    | (?P<single>'[^']*') | (?P<double>"(?:[^"\\]|\\.)*") | (?P<arithmetic>\$\(\()
    | (?P<variable>\$(?:\w+|\{\w+\}|[@*\#?!$-])) | (?P<odd>\$\{[^}\n]{0,199}\}|\$\(|`) | (?P<escaped>\\.)
    | (?P<plain>[^\s\#'"$`\\;&|()<>]+|\#|\$|[^\S \t\n])
    """,
    re.VERBOSE | re.DOTALL,
)
_INSIDE = re.compile(
    r"(?P<variable>\$(?:\w+|\{\w+\}|[@*#?!$-]))|(?P<odd>\$[({]|`)|\\(?P<escaped>[$`\"\\\n])", re.DOTALL
)
#: A command whose output is the name of another.
_WHICH = re.compile(r"(?:which|command -v|type -p)[ \t]+([\w./-]+)(?:[ \t]+2>[ \t]*/dev/null)?")
#: Statements inside of statements, so deep at most.
_DEEPEST = 60


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


@dataclass(frozen=True, slots=True)
class Simple:
    """A command with its words; `body` is what a here-document gives it to read, None where there is none."""

    words: tuple[Word, ...]
    line: int
    body: str | None = None
    body_line: int = 0
    body_quoted: bool = False
    #: Reads its input from a file.
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands whose output is the input of the next."""

    commands: tuple[Statement, ...]
    negated: bool
    line: int


@dataclass(frozen=True, slots=True)
class Chained:
    """Commands joined by ``&&`` and ``||``; the first has "" before it."""

    parts: tuple[tuple[str, Statement], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Loop:
    """``for NAME in WORDS``; `words` None stands for the script's own arguments."""

    name: str
    words: tuple[Word, ...] | None
    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Maybe:
    """if, while, until: which of its statements run, and how often, only running it tells."""

    keyword: str
    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Group:
    """``{ ...; }`` or ``( ... )``."""

    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Function:
    """``NAME() { ...; }``."""

    name: str
    body: tuple[Statement, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Other:
    """A construct that is not followed, such as case."""

    keyword: str
    line: int


Statement: TypeAlias = Simple | Pipeline | Chained | Loop | Maybe | Group | Function | Other


@dataclass(slots=True)
class _Token:
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

    token: _Token
    mark: str
    tabs: bool


class ShellError(RefusedError):
    """The script is not well-formed; `line` is where."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


def _tokens(text: str) -> Iterator[_Token]:
    at, line, start = 0, 1, 0
    pieces: list[Piece] = []
    where = (1, 1)
    waiting: list[_Waiting] = []
    size = len(text)

    def word() -> Iterator[_Token]:
        nonlocal pieces
        if pieces:
            made = Word(tuple(pieces), *where)
            yield _Token("word", "", *where, made)
            pieces = []

    while at < size:
        found = _TOKEN.match(text, at)
        kind = found.lastgroup if found else None
        if kind == "mark":
            kind = "heredoc"
        if found is None or kind is None:
            quote = text[at]
            what = "quote" if quote in "\"'" else "character"
            raise ShellError(f"the {what} {quote} is not closed" if what == "quote" else f'"{quote}" is not read', line)
        piece = found.group()
        if kind == "comment" and pieces:
            kind = "plain"
            piece = "#"
        end = at + len(piece)
        if kind in _WORD_KINDS:
            if not pieces:
                where = (line, at - start + 1)
            if kind in ("odd", "arithmetic"):
                end = _closing(text, at, line)
                piece = text[at:end]
            pieces += _pieces(kind, piece)
        else:
            yield from word()
            if kind == "end":
                yield _Token("end", "\n", line, at - start + 1)
                if waiting:
                    end, line = _bodies(text, end, line, waiting)
                    at = end
                    start = end
                    line += 1
                    continue
            elif kind == "heredoc":
                mark = found.group("mark")
                token = _Token("heredoc", mark, line, at - start + 1, quoted=mark[0] in "\"'")
                waiting.append(_Waiting(token, mark.strip("\"'"), "<<-" in piece))
                yield token
            elif kind in ("redirect", "operator"):
                yield _Token(kind, piece, line, at - start + 1)
        breaks = piece.count("\n")
        if breaks:
            line += breaks
            start = at + piece.rindex("\n") + 1
        at = end
    yield from word()
    yield _Token("end", "\n", line, 1)


_WORD_KINDS = frozenset({"single", "double", "variable", "odd", "arithmetic", "escaped", "plain"})


def _bodies(text: str, at: int, line: int, waiting: list[_Waiting]) -> tuple[int, int]:
    """Give waiting here-documents their lines; where the text goes on, and the line before that."""
    for each in waiting:
        each.token.body_line = line + 1
        lines: list[str] = []
        while True:
            if at >= len(text):
                raise ShellError(f'the here-document ends without "{each.mark}"', each.token.line)
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            row = text[at:end]
            at, line = end + 1, line + 1
            if (row.lstrip("\t") if each.tabs else row) == each.mark:
                break
            lines.append(row.lstrip("\t") if each.tabs else row)
        each.token.body = "".join(f"{row}\n" for row in lines)
    waiting.clear()
    return at, line


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


def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a script.

    Raises:
        ShellError: it is not well-formed.
    """
    return _Parser(list(_tokens(text))).script()


_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}", ";;"})


@dataclass(slots=True)
class _Parser:
    tokens: list[_Token]
    at: int = 0
    depth: int = 0
    _found: list[Statement] = field(default_factory=list)

    def script(self) -> tuple[Statement, ...]:
        body = self._list(frozenset())
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise ShellError(f'"{self._keyword() or token.text}" is not expected here', token.line)
        return body

    def _token(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _keyword(self) -> str:
        token = self._token()
        return (token.word.literal or "") if token and token.word else ""

    def _skip_ends(self) -> None:
        while (token := self._token()) and (token.kind == "end" or token.text in (";", "&")):
            self.at += 1

    def _list(self, closers: frozenset[str]) -> tuple[Statement, ...]:
        """Statements up to one of the words or operators that close them."""
        found: list[Statement] = []
        while True:
            self._skip_ends()
            token = self._token()
            if token is None or token.text in (")", ";;") or self._keyword() in (closers or _CLOSERS):
                return tuple(found)
            found.append(self._chained())

    def _chained(self) -> Statement:
        line = self.tokens[self.at].line
        parts: list[tuple[str, Statement]] = [("", self._pipeline())]
        while (token := self._token()) and token.text in ("&&", "||"):
            self.at += 1
            while (following := self._token()) and following.kind == "end":
                self.at += 1
            parts.append((token.text, self._pipeline()))
        return parts[0][1] if len(parts) == 1 else Chained(tuple(parts), line)

    def _pipeline(self) -> Statement:
        token = self._token()
        if token is None:
            raise ShellError("a command is expected here", self.tokens[-1].line)
        negated = self._keyword() == "!"
        self.at += negated
        commands = [self._command()]
        while (following := self._token()) and following.text == "|":
            self.at += 1
            commands.append(self._command())
        return commands[0] if len(commands) == 1 and not negated else Pipeline(tuple(commands), negated, token.line)

    def _command(self) -> Statement:
        token = self._token()
        if token is None or (token.kind in ("end", "operator") and token.text != "("):
            raise ShellError("a command is expected here", token.line if token else self.tokens[-1].line)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ShellError(f"statements lie in statements more than {_DEEPEST} deep", token.line)
        try:
            statement = self._compound(token) or self._simple(token)
        finally:
            self.depth -= 1
        return statement

    def _compound(self, token: _Token) -> Statement | None:
        line, keyword = token.line, self._keyword()
        if token.text == "(":
            self.at += 1
            body = self._list(frozenset())
            self._expect(")", line)
            made: Statement = Group(body, line)
        elif keyword == "{":
            self.at += 1
            body = self._list(frozenset({"}"}))
            self._expect("}", line)
            made = Group(body, line)
        elif keyword == "for":
            made = self._loop(line)
        elif keyword in ("if", "while", "until"):
            made = self._maybe(keyword, line)
        elif keyword in ("case", "select"):
            made = self._other(keyword, line)
        elif keyword == "function" or self._begins_function():
            made = self._function(line)
        else:
            return None
        self._redirects()
        return made

    def _expect(self, text: str, line: int) -> None:
        token = self._token()
        if token is None or text not in (self._keyword(), token.text):
            raise ShellError(f'"{text}" is missing for what begins in line {line}', token.line if token else line)
        self.at += 1

    def _redirects(self) -> None:
        while (token := self._token()) and token.kind in ("redirect", "heredoc"):
            self.at += 1 if token.kind == "heredoc" else 2

    def _loop(self, line: int) -> Loop:
        self.at += 1
        name = self._keyword()
        self.at += 1
        words: list[Word] | None = None
        if self._keyword() == "in":
            self.at += 1
            words = []
            while (token := self._token()) and token.word:
                words.append(token.word)
                self.at += 1
        self._skip_ends()
        self._expect("do", line)
        body = self._list(frozenset({"done"}))
        self._expect("done", line)
        return Loop(name, tuple(words) if words is not None else None, body, line)

    def _maybe(self, keyword: str, line: int) -> Maybe:
        self.at += 1
        found: list[Statement] = []
        ends = {"if": ("then", "fi"), "while": ("do", "done"), "until": ("do", "done")}[keyword]
        found += self._list(frozenset({ends[0]}))
        self._expect(ends[0], line)
        while True:
            found += self._list(frozenset({ends[1], "elif", "else"}))
            word = self._keyword()
            if word == "elif":
                self.at += 1
                found += self._list(frozenset({"then"}))
                self._expect("then", line)
            elif word == "else":
                self.at += 1
            else:
                self._expect(ends[1], line)
                return Maybe(keyword, tuple(found), line)

    def _other(self, keyword: str, line: int) -> Other:
        ends = {"case": "esac", "select": "done"}
        depth = 0
        while token := self._token():
            word = self._keyword()
            depth += word == keyword
            depth -= word == ends[keyword]
            self.at += 1
            if depth == 0:
                return Other(keyword, line)
            del token
        raise ShellError(f'"{ends[keyword]}" is missing', line)

    def _begins_function(self) -> bool:
        following = self.tokens[self.at + 1 : self.at + 3]
        return bool(self._keyword()) and [each.text for each in following] == ["(", ")"]

    def _function(self, line: int) -> Function:
        if self._keyword() == "function":
            self.at += 1
        name = self._keyword()
        self.at += 1
        if (token := self._token()) and token.text == "(":
            self.at += 1
            self._expect(")", line)
        self._skip_ends()
        body = self._command()
        return Function(name, body.body if isinstance(body, Group) else (body,), line)

    def _simple(self, first: _Token) -> Simple:
        words: list[Word] = []
        document: _Token | None = None
        reads = False
        double = self._keyword() == "[["
        while token := self._token():
            if token.word:
                words.append(token.word)
            elif token.kind == "heredoc":
                document = token
            elif token.kind == "redirect":
                reads = reads or token.text.endswith("<")
                self.at += 1
            elif not double or token.kind == "end":
                break
            self.at += 1
            if double and words and words[-1].literal == "]]":
                double = False
        if not words and document is None and self.at < len(self.tokens) and self.tokens[self.at] is first:
            raise ShellError(f'"{first.text}" is not expected here', first.line)
        if document is None:
            return Simple(tuple(words), first.line, reads=reads)
        return Simple(tuple(words), first.line, document.body, document.body_line, document.quoted, reads=reads)
