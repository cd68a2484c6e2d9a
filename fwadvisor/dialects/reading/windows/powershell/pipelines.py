"""Scripts to nodes: pipelines, commands and their arguments (language specification, chapters 8.2 and 8.6)."""

from __future__ import annotations

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
    Pipeline,
    Statement,
    target_variable,
)

#: Where the arguments of a command end.
_ENDS = frozenset("\r\n;|)}&")
#: Commands whose absence somebody should know of.
_MAKES = frozenset({"new-netfirewallrule", "set-netfirewallprofile", "set-netfirewallrule", "netsh"})


class CommandParser(ExpressionParser):
    """Reads pipelines; keywords come with `script.Parser`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        #: How many commands may change the firewall, and how many make something there.
        self.effects = 0
        self.made = 0
        self.called: set[str] = set()

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


def _sinks(target: Expression) -> bool:
    """``$null = ...`` throws a value away."""
    return isinstance(target, Literal) and target.what is None


def _bare_number(part: Expression, start: int) -> bool:
    return isinstance(part, Literal) and isinstance(part.what, str) and part.start == start and part.what[:1].isdigit()
