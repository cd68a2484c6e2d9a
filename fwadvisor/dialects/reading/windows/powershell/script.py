"""Scripts to nodes: statements, pipelines and commands (language specification, chapter 8)."""

from __future__ import annotations

from collections.abc import Callable

from fwadvisor.dialects.reading.windows.page import text_at
from fwadvisor.dialects.reading.windows.powershell import lexical
from fwadvisor.dialects.reading.windows.powershell.commands import Argument, Command, changes
from fwadvisor.dialects.reading.windows.powershell.expressions import (
    Expression,
    Interpolated,
    Listed,
    Literal,
    Variable,
)
from fwadvisor.dialects.reading.windows.powershell.parser import ExpressionParser
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
    target_variable,
)

#: Where the arguments of a command end.
_ENDS = frozenset("\r\n;|)}&")
#: Commands whose absence somebody should know of.
_MAKES = frozenset({"new-netfirewallrule", "set-netfirewallprofile", "set-netfirewallrule", "netsh"})
_EMPTY: Body = ()


class Parser(ExpressionParser):
    """Reads a whole script."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        #: How many commands may change the firewall, and how many make something there.
        self.effects = 0
        self.made = 0
        self.called: set[str] = set()
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

    # --- pipelines -----------------------------------------------------------------------------------

    def pipeline(self, start: int) -> Statement:
        """An expression or a command, what its output goes through, or an assignment."""
        char = self.peek()
        first: Expression | Command
        if self.starts_command(char):
            first = self.command()
        else:
            first = self.expression()
            self.skip()
            found = lexical.ASSIGN.match(self.text, self.at)
            if found is not None:
                return self.assignment(start, first, found[0], found.end())
        redirected = self.redirections()
        then: list[Command] = []
        while self.skip() < len(self.text) and self.peek() == "|" and self.peek(2) != "||":
            self.at += 1
            self.skip(lexical.NEWLINES)
            if not self.starts_command(self.peek()):
                raise ScriptError("a command is expected after |", min(self.at, len(self.text) - 1))
            then.append(self.command())
            redirected = self.redirections() or redirected
        if then or isinstance(first, Command):
            last = then[-1] if then else first
            redirected = redirected or (isinstance(last, Command) and last.redirected)
        return Pipeline(start, self.at, first, tuple(then), redirected)

    def starts_command(self, char: str) -> bool:
        """Whether a command begins here, and no expression."""
        if not char:
            return False
        if char in "$@([{!,+<>" or char in lexical.SINGLE or char in lexical.DOUBLE or char in lexical.DASH:
            return False
        if char == "." and self.text[self.at + 1 : self.at + 2].isdigit():
            return False
        if char.isdigit():
            before, found = self.at, self.number()
            self.at = before
            return found is None
        return True

    def assignment(self, start: int, target: Expression, operator: str, at: int) -> Statement:
        """What follows the target of an assignment."""
        if not isinstance(target, Listed) and target_variable(target) is None and not _sinks(target):
            raise ScriptError("nothing can be assigned to this", target.start, target.end - target.start)
        variable = target_variable(target)
        if variable is not None and variable.scope in ("script", "global"):
            self.effects += 1
        self.at = at
        self.skip(lexical.NEWLINES)
        source = self.statement()
        if source is None:
            raise ScriptError("a value is expected after =", min(self.at, len(self.text) - 1))
        return Assignment(start, self.at, target, operator, source)

    def redirections(self) -> bool:
        """Go over ``> file`` and its like; whether the output itself goes there."""
        output = False
        while True:
            before = self.at
            self.skip()
            found = self.match(lexical.REDIRECTION)
            if found is None:
                self.at = before
                return output
            output = output or found[0][0] in ">1*"
            if "&" not in found[0]:
                self.skip()
                self.argument()

    # --- commands ------------------------------------------------------------------------------------

    def command(self) -> Command:
        """A command with its arguments."""
        self.count()
        start, char = self.at, self.peek()
        name: str | Expression
        if char == "&" or (char == "." and self.text[self.at + 1 : self.at + 2] in " \t"):
            self.at += 1
            self.skip()
            name = self.argument()
            if char == "." and isinstance(name, Literal):
                name = f". {name.what}".lower()
            elif isinstance(name, Literal):
                name = f"{name.what}".rpartition("\\")[2].lower()
        else:
            found = self.match(lexical.BAREWORD)
            if found is None:
                raise ScriptError(f'"{char}" cannot stand here', start)
            name = found[0].lower()
            for dash in lexical.DASH[1:]:
                name = name.replace(dash, "-")
        effects = self.effects
        arguments, redirected = self.arguments()
        command = Command(start, self.at, name, arguments, nested=self.effects > effects, redirected=redirected)
        self.account(name)
        return command

    def account(self, name: str | Expression) -> None:
        """Keep account of what commands may change."""
        if not isinstance(name, str):
            self.effects += 1
            return
        self.called.add(name)
        self.made += name.removesuffix(".exe") in _MAKES
        self.effects += changes(name)

    def arguments(self) -> tuple[tuple[Argument, ...], bool]:
        """The arguments up to the end of the command; whether its output is redirected."""
        found: list[Argument] = []
        redirected = False
        text, size = self.text, len(self.text)
        while True:
            self.skip()
            if self.at >= size or text[self.at] in _ENDS:
                return tuple(found), redirected
            start, char = self.at, text[self.at]
            if char in "<>*0123456789" and lexical.REDIRECTION.match(text, start):
                redirected = self.redirections() or redirected
            elif char in lexical.DASH and (name := self.parameter()) is not None:
                found.append(Argument(start, self.at, name, self.after_colon()))
                found[-1].end = self.at
            elif char == "@" and (splat := self.match(lexical.SPLAT)) is not None:
                variable = Variable(start, self.at, splat[1].lower().rpartition(":")[2])
                found.append(Argument(start, self.at, "", variable, splat=True))
            else:
                node = self.argument_list()
                found.append(Argument(start, self.at, "", node))

    def parameter(self) -> str | None:
        """The name of ``-Name``; None where it is a word that begins with a dash."""
        found = lexical.PARAMETER.match(self.text, self.at)
        if found is None:
            return None
        after = self.text[found.end() : found.end() + 1]
        if not found[2] and after and lexical.BAREWORD.match(after):
            return None
        self.at = found.end()
        return found[1].lower()

    def after_colon(self) -> Expression | None:
        """The value of ``-Name:value``."""
        if self.text[self.at - 1] != ":":
            return None
        self.skip()
        return self.argument_list()

    def argument_list(self) -> Expression:
        """One argument, or several with commas between them."""
        start = self.at
        parts = [self.argument()]
        while True:
            before = self.at
            self.skip()
            if self.peek() != ",":
                self.at = before
                break
            self.at += 1
            self.skip(lexical.NEWLINES)
            parts.append(self.argument())
        return parts[0] if len(parts) == 1 else Listed(start, self.at, tuple(parts))

    def argument(self) -> Expression:
        """A quoted text, a variable, brackets, or a bare word; or several without a blank between them."""
        self.count()
        start = self.at
        parts: list[Expression] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "$({@" or char in lexical.SINGLE or char in lexical.DOUBLE:
                if parts and char in "({@":
                    break
                if char == "$" and lexical.VARIABLE.match(self.text, self.at) is None and self.peek(2) != "$(":
                    self.at += 1
                    parts.append(Literal(self.at - 1, self.at, "$"))
                    continue
                parts.append(self.primary())
            elif char == "`":
                at = self.at
                parts.append(Literal(at, self.at, self.escape()))
            elif (found := self.match(lexical.BAREWORD)) is not None:
                parts.append(Literal(found.start(), self.at, text_at(found[0], found.start())))
            else:
                break
        if not parts:
            raise ScriptError("an argument is expected", min(start, len(self.text) - 1))
        return parts[0] if len(parts) == 1 and not _bare_number(parts[0], start) else self.joined(start, parts)

    def joined(self, start: int, parts: list[Expression]) -> Expression:
        """Parts that are one word; a word of digits alone is a number."""
        if len(parts) == 1:
            end, self.at = self.at, start
            number = self.number()
            if number is not None and self.at == end:
                return number
            self.at = end
            return parts[0]
        if all(isinstance(part, Literal) for part in parts):
            whole = "".join(f"{part.what}" for part in parts if isinstance(part, Literal))
            return Literal(start, self.at, text_at(whole, start))
        return Interpolated(start, self.at, tuple(parts))

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


def _sinks(target: Expression) -> bool:
    """``$null = ...`` throws a value away."""
    return isinstance(target, Literal) and target.what is None


def _bare_number(part: Expression, start: int) -> bool:
    return isinstance(part, Literal) and isinstance(part.what, str) and part.start == start and part.what[:1].isdigit()
