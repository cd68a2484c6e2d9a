"""Scripts to nodes: statements that begin with a keyword (language specification, chapter 8)."""

from __future__ import annotations

from collections.abc import Callable

from fwadvisor.dialects.reading.windows.powershell import lexical
from fwadvisor.dialects.reading.windows.powershell.pipelines import CommandParser
from fwadvisor.dialects.reading.windows.powershell.scanner import ScriptError
from fwadvisor.dialects.reading.windows.powershell.statements import (
    Assignment,
    Body,
    Branch,
    ForEach,
    Function,
    If,
    Leave,
    Loop,
    Parameter,
    Parameters,
    Perhaps,
    Pipeline,
    Sequence,
    Signal,
    Statement,
)

_EMPTY: Body = ()


class Parser(CommandParser):
    """Reads a whole script."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.keywords: dict[str, Callable[[int], Statement]] = {
            "if": self.if_, "foreach": self.foreach, "for": self.for_, "while": self.while_, "do": self.do_,
            "switch": self.switch, "function": self.function, "filter": self.function, "return": self.leave,
            "exit": self.leave, "throw": self.leave, "break": self.jump, "continue": self.jump, "try": self.try_,
            "trap": self.trap, "begin": self.always, "process": self.always, "end": self.always, "param": self.param,
            "using": self.using,
        }  # fmt: skip

    def script(self) -> Body:
        """Every statement.

        Raises:
            ScriptError: the text is no script.
        """
        body = self.statements()
        if self.at < len(self.text):
            raise ScriptError(f'"{self.text[self.at]}" closes nothing', self.at)
        return body

    def statements(self) -> Body:
        """Statements up to the closing bracket that belongs to others."""
        found: list[Statement] = []
        while True:
            self.skip(lexical.LINES)
            if self.at >= len(self.text) or self.text[self.at] in ")}":
                return tuple(found)
            statement = self.statement()
            if statement is not None:
                found.append(statement)
            self.skip()
            if self.at < len(self.text) and self.text[self.at] not in "\r\n;)}" and not self.ended(statement):
                raise ScriptError("the end of the statement is expected", self.at)

    def ended(self, statement: Statement | None) -> bool:
        """Whether another statement may follow on the same line."""
        return not isinstance(statement, Pipeline | Assignment | Leave)

    def statement(self) -> Statement | None:
        """A keyword with what belongs to it, or pipelines; None where nothing stands."""
        self.count()
        start = self.at
        while self.peek() == "[" and lexical.ATTRIBUTE.match(self.text, self.at):
            self.attribute()
            self.skip(lexical.NEWLINES)
        found = lexical.WORD.match(self.text, self.at)
        if found is not None:
            keyword = self.keywords.get(found[0].lower())
            after = self.text[found.end() : found.end() + 1]
            if keyword is not None and not (after and after in ".\\/:=" + lexical.DASH):
                self.at = found.end()
                return keyword(start)
        if self.at >= len(self.text) or self.text[self.at] in ")}":
            return None
        return self.chain(start)

    def chain(self, start: int) -> Statement:
        """Pipelines with ``&&`` and ``||`` between them."""
        found = self.pipeline(start)
        while True:
            self.skip()
            mark = self.peek(2)
            if mark not in ("&&", "||"):
                return found
            self.at += 2
            self.skip(lexical.NEWLINES)
            begin = self.at
            following = self.pipeline(begin)
            if mark == "||":
                text = f"if {' '.join(self.text[start:begin].split())[:80]} fails"
                following = Perhaps(begin, self.at, text, ((following,),))
            found = Sequence(start, self.at, (found, following))

    # --- keywords ------------------------------------------------------------------------------------

    def condition(self) -> Statement:
        """``( statement )``."""
        self.skip(lexical.NEWLINES)
        opened = self.at
        if self.peek() != "(":
            raise ScriptError('"(" is expected', min(opened, len(self.text) - 1))
        self.at += 1
        self.deeper()
        self.skip(lexical.NEWLINES)
        found = self.statement()
        self.expect(")", opened, "the bracket")
        self.depth -= 1
        if found is None:
            raise ScriptError("a condition is expected between the brackets", opened, self.at - opened)
        return found

    def if_(self, start: int) -> Statement:
        """``if (condition) { ... } elseif ... else ...``."""
        branches: list[Branch] = []
        otherwise = _EMPTY
        while True:
            condition, made = self.condition(), self.made
            body = self.braces()
            leaves = bool(body) and isinstance(body[-1], Leave)
            branches.append(Branch(condition, body, self.made > made and not leaves))
            if self.word("elseif"):
                continue
            if self.word("else"):
                otherwise = self.braces()
            return If(start, self.at, tuple(branches), otherwise)

    def word(self, wanted: str) -> bool:
        """Go over a keyword, on a later line too."""
        before = self.at
        self.skip(lexical.NEWLINES)
        found = lexical.WORD.match(self.text, self.at)
        if found is not None and found[0].lower() == wanted:
            self.at = found.end()
            return True
        self.at = before
        return False

    def foreach(self, start: int) -> Statement:
        """``foreach ($variable in values) { ... }``."""
        self.skip(lexical.NEWLINES)
        opened = self.at
        if self.peek() != "(":
            raise ScriptError('"(" is expected', min(opened, len(self.text) - 1))
        self.at += 1
        self.skip(lexical.NEWLINES)
        variable = self.variable()
        if variable is None or not self.word("in"):
            self.skip(lexical.NEWLINES)
            raise ScriptError("$variable in ... is expected", min(self.at, len(self.text) - 1))
        self.skip(lexical.NEWLINES)
        source = self.statement()
        self.expect(")", opened, "the bracket")
        if source is None:
            raise ScriptError("a value is expected after in", opened, self.at - opened)
        return ForEach(start, self.at, variable, source, self.braces())

    def for_(self, start: int) -> Statement:
        """``for (first; condition; step) { ... }``."""
        self.skip(lexical.NEWLINES)
        opened = self.at
        if self.peek() != "(":
            raise ScriptError('"(" is expected', min(opened, len(self.text) - 1))
        self.at += 1
        parts: list[Statement | None] = []
        for mark in (";", ";", ")"):
            self.skip(lexical.NEWLINES)
            parts.append(None if self.peek() in (";", ")") else self.statement())
            self.skip(lexical.NEWLINES)
            if self.peek() != mark:
                raise ScriptError(f'"{mark}" is expected', min(self.at, len(self.text) - 1))
            self.at += 1
        first, condition, step = parts
        body = self.braces()
        return Loop(start, self.at, (first,) if first else (), condition, (step,) if step else (), body)

    def while_(self, start: int) -> Statement:
        """``while (condition) { ... }``."""
        condition = self.condition()
        return Loop(start, self.at, (), condition, (), self.braces())

    def do_(self, start: int) -> Statement:
        """``do { ... } while (condition)``, or until."""
        body = self.braces()
        until = self.word("until")
        if not until and not self.word("while"):
            raise ScriptError("while or until is expected", min(self.at, len(self.text) - 1))
        return Loop(start, self.at, (), self.condition(), (), body, after=True, until=until)

    def switch(self, start: int) -> Statement:
        """``switch (subject) { case { ... } ... }``."""
        while self.skip() < len(self.text) and self.parameter() is not None:
            continue
        subject = self.condition()
        self.skip(lexical.NEWLINES)
        opened = self.at
        if self.peek() != "{":
            raise ScriptError('"{" is expected', min(opened, len(self.text) - 1))
        self.at += 1
        self.deeper()
        bodies: list[Body] = [(subject,)]
        while self.skip(lexical.LINES) < len(self.text) and self.peek() != "}":
            self.argument()
            bodies.append(self.braces())
        self.expect("}", opened, "the block")
        self.depth -= 1
        text = " ".join(self.text[start:opened].split())
        return Perhaps(start, self.at, text, tuple(bodies))

    def function(self, start: int) -> Statement:
        """``function name { ... }``."""
        self.skip()
        found = self.match(lexical.BAREWORD)
        if found is None:
            raise ScriptError("the name of a function is expected", min(self.at, len(self.text) - 1))
        self.skip(lexical.NEWLINES)
        parameters = self.parameters() if self.peek() == "(" else ()
        effects, called, self.called = self.effects, self.called, set()
        body = self.braces()
        for statement in body:
            if isinstance(statement, Parameters):
                parameters = statement.parameters
        inner = tuple(each for each in body if not isinstance(each, Parameters))
        calls, self.called = frozenset(self.called), called
        return Function(start, self.at, found[0], parameters, inner, self.effects > effects, calls)

    def leave(self, start: int) -> Statement:
        """``return``, ``exit`` or ``throw`` with its value."""
        word = self.text[start : self.at].lower()
        self.skip()
        ended = self.at >= len(self.text) or self.text[self.at] in "\r\n;)}"
        return Leave(start, self.at, Signal(word), None if ended else self.statement())

    def jump(self, start: int) -> Statement:
        """``break`` or ``continue``, maybe with a label."""
        word = self.text[start : self.at].lower()
        self.skip()
        self.match(lexical.WORD)
        return Leave(start, self.at, Signal(word), None)

    def try_(self, start: int) -> Statement:
        """What is tried is taken to succeed; what catches an error may run or not."""
        parts: list[Statement] = [Sequence(start, self.at, self.braces())]
        while self.word("catch"):
            begin = self.at
            self.skip(lexical.NEWLINES)
            while self.peek() == "[":
                self.match(lexical.TYPE)
                self.skip(lexical.NEWLINES)
                if self.peek() == ",":
                    self.at += 1
                    self.skip(lexical.NEWLINES)
                elif self.peek() != "{":
                    raise ScriptError('"{" is expected', min(self.at, len(self.text) - 1))
            body = self.braces()
            parts.append(Perhaps(begin, self.at, "if the try block fails", (body,)))
        if self.word("finally"):
            parts.append(Sequence(self.at, self.at, self.braces()))
        return Sequence(start, self.at, tuple(parts))

    def trap(self, start: int) -> Statement:
        """``trap [type] { ... }``."""
        self.skip(lexical.NEWLINES)
        self.match(lexical.TYPE)
        return Perhaps(start, self.at, "if a statement fails", (self.braces(),))

    def always(self, start: int) -> Statement:
        """``begin``, ``process`` or ``end``."""
        return Sequence(start, self.at, self.braces())

    # --- parameters ----------------------------------------------------------------------------------

    def using(self, start: int) -> Statement:
        """``using namespace X`` and its like, which change no rule."""
        self.arguments()
        return Sequence(start, self.at, ())

    def param(self, start: int) -> Statement:
        """``param(...)``."""
        self.skip(lexical.NEWLINES)
        return Parameters(start, self.at, self.parameters())

    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters between brackets."""
        opened = self.at
        if self.peek() != "(":
            raise ScriptError('"(" is expected', min(opened, len(self.text) - 1))
        self.at += 1
        found: list[Parameter] = []
        while self.skip(lexical.NEWLINES) < len(self.text) and self.peek() != ")":
            kind = self.kind()
            start = self.at
            variable = self.variable()
            if variable is None:
                raise ScriptError("a parameter as $Name is expected", min(self.at, len(self.text) - 1))
            self.skip(lexical.NEWLINES)
            default = None
            if self.peek() == "=":
                self.at += 1
                self.skip(lexical.NEWLINES)
                default = self.prefixed()
            found.append(Parameter(variable.name, kind, default, start))
            self.skip(lexical.NEWLINES)
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != ")":
                raise ScriptError('"," or ")" is expected', min(self.at, len(self.text) - 1))
        self.expect(")", opened, "the bracket")
        return tuple(found)

    def kind(self) -> str:
        """The type before a parameter, attributes left out."""
        kind = ""
        while self.peek() == "[":
            if lexical.ATTRIBUTE.match(self.text, self.at):
                self.attribute()
            else:
                found = self.match(lexical.TYPE)
                if found is None:
                    raise ScriptError("a type is expected in brackets", self.at)
                kind = found[1].lower().removeprefix("system.")
                kind = "switch" if kind.endswith("switchparameter") else kind
            self.skip(lexical.NEWLINES)
        return kind

    def attribute(self) -> None:
        """Go over ``[Name(...)]``; texts inside may hold brackets."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in lexical.SINGLE:
                self.single()
                continue
            if char in lexical.DOUBLE:
                self.double()
                continue
            self.at += 1
            depth += char in "[({"
            depth -= char in "])}"
            if not depth:
                return
        raise ScriptError("the attribute does not end", start)
