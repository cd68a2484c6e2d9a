"""Shell scripts as far as scripts of firewall commands use the shell (POSIX sh, chapter 2): statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fwadvisor.dialects.reading.iptables.shell_words import ShellError, Token, Word, tokens

#: Statements inside of statements, so deep at most.
_DEEPEST = 60


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


def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a script.

    Raises:
        ShellError: it is not well-formed.
    """
    return _Parser(list(tokens(text))).script()


_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}", ";;"})


@dataclass(slots=True)
class _Parser:
    tokens: list[Token]
    at: int = 0
    depth: int = 0

    def script(self) -> tuple[Statement, ...]:
        body = self._list(frozenset())
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise ShellError(f'"{self._keyword() or token.text}" is not expected here', token.line)
        return body

    def _token(self) -> Token | None:
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

    def _compound(self, token: Token) -> Statement | None:
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
        while self._token():
            word = self._keyword()
            depth += word == keyword
            depth -= word == ends[keyword]
            self.at += 1
            if depth == 0:
                return Other(keyword, line)
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

    def _simple(self, first: Token) -> Simple:
        words: list[Word] = []
        document: Token | None = None
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
