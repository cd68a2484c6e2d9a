"""Scripts to nodes: expressions, in order of precedence (language specification, chapter 7)."""

from __future__ import annotations

from fwadvisor.dialects.reading.windows.page import Text, text_at
from fwadvisor.dialects.reading.windows.powershell import lexical
from fwadvisor.dialects.reading.windows.powershell.expressions import (
    Binary,
    BlockLiteral,
    Call,
    Cast,
    Collected,
    Expression,
    Grouped,
    Index,
    Listed,
    Literal,
    Member,
    Members,
    Ready,
    Static,
    Step,
    Unary,
    Variable,
)
from fwadvisor.dialects.reading.windows.powershell.scanner import Scanner, ScriptError
from fwadvisor.dialects.reading.windows.powershell.statements import Body, Statement
from fwadvisor.dialects.reading.windows.powershell.values import Table, Value

#: Operators by precedence, loosest first.
_LOGICAL, _BITS, _COMPARE, _ADD, _TIMES, _FORMAT, _RANGE = range(1, 8)
_WORDS = dict.fromkeys(("and", "or", "xor"), _LOGICAL) | dict.fromkeys(("band", "bor", "bxor", "shl", "shr"), _BITS)
_WORDS |= dict.fromkeys(
    (
        prefix + word
        for word in (
            "eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch", "contains", "notcontains", "in",
            "notin", "replace", "split",
        )
        for prefix in ("", "c", "i")
    ),
    _COMPARE,
)  # fmt: skip
_WORDS |= dict.fromkeys(("is", "isnot", "as", "join"), _COMPARE) | {"f": _FORMAT}
_SYMBOLS = {"+": _ADD, "*": _TIMES, "/": _TIMES, "%": _TIMES}
_UNARY = frozenset({"not", "bnot", "join", "split", "csplit", "isplit"})
_CONSTANTS = {"true": True, "false": False, "null": None}


class ExpressionParser(Scanner):
    """Reads expressions; statements come with `script.Parser`."""

    def statements(self) -> Body:
        """Statements up to a closing bracket."""
        raise NotImplementedError

    def statement(self) -> Statement | None:
        """One statement."""
        raise NotImplementedError

    # --- operators -----------------------------------------------------------------------------------

    def expression(self, loosest: int = _LOGICAL) -> Expression:
        """Operands and operators that bind no looser than `loosest`."""
        start = self.at
        left = self.operand()
        while (found := self.operator(loosest)) is not None:
            precedence, word = found
            rest: list[tuple[str, Expression]] = []
            while True:
                self.skip(lexical.NEWLINES)
                rest.append((word, self.expression(precedence + 1)))
                again = self.operator(precedence)
                if again is None:
                    break
                word = again[1]
            left = Binary(start, self.at, left, tuple(rest))
        return left

    def operator(self, loosest: int) -> tuple[int, str] | None:
        """Go over the next operator if it binds tightly enough."""
        before = self.at
        self.skip()
        char = self.peek()
        precedence, word, length = 0, char, 1
        if char in _SYMBOLS and self.text[self.at + 1 : self.at + 2] != "=":
            precedence = _SYMBOLS[char]
        elif char == "." and self.peek(2) == "..":
            precedence, word, length = _RANGE, "..", 2
        elif char and char in lexical.DASH:
            found = lexical.OPERATOR.match(self.text, self.at)
            if found is not None:
                word, length = found[1].lower(), len(found[0])
                precedence = _WORDS.get(word, 0)
            elif self.text[self.at + 1 : self.at + 2] not in ("=", "-"):
                precedence, word = _ADD, "-"
        if precedence < max(loosest, 1):
            self.at = before
            return None
        self.at += length
        return precedence, word

    def operand(self) -> Expression:
        """An operand with its prefixes, and the list that commas make of it."""
        start = self.at
        char = self.peek()
        if char == ",":
            self.at += 1
            self.skip(lexical.NEWLINES)
            return Listed(start, self.at, (self.operand(),))
        first = self.prefixed()
        parts = [first]
        while True:
            before = self.at
            self.skip()
            if self.peek() != ",":
                self.at = before
                break
            self.at += 1
            self.skip(lexical.NEWLINES)
            parts.append(self.prefixed())
        return first if len(parts) == 1 else Listed(start, self.at, tuple(parts))

    def prefixed(self) -> Expression:
        """An operand with the operators before it."""
        start, char = self.at, self.peek()
        word = ""
        if char == "!":
            word = "!"
            self.at += 1
        elif char and (char in lexical.DASH or char == "+"):
            found = lexical.OPERATOR.match(self.text, self.at) if char != "+" else None
            if found is not None and found[1].lower() in _UNARY:
                word = found[1].lower()
                self.at = found.end()
            elif found is not None:
                raise ScriptError("a value is expected before the operator", self.at, len(found[0]))
            else:
                word = "+" if char == "+" else "-"
                self.at += 1
        if not word:
            return self.primary()
        self.deeper()
        self.skip()
        node = Unary(start, self.at, word, self.prefixed())
        node.end = self.at
        self.depth -= 1
        return node

    # --- operands ------------------------------------------------------------------------------------

    def primary(self) -> Expression:
        """One value with its members."""
        self.count()
        start, char = self.at, self.peek()
        if char and char in lexical.SINGLE:
            node: Expression | None = self.single()
        elif char and char in lexical.DOUBLE:
            node = self.double()
        elif char == "$":
            node = self.dollar()
        elif char == "@":
            node = self.at_sign()
        elif char == "(":
            node = self.grouped()
        elif char == "[":
            node = self.bracketed()
            if isinstance(node, Cast):
                return node
        elif char == "{":
            node = self.block()
        else:
            node = self.number()
        if node is None:
            raise self.unexpected(start)
        return self.members(node)

    def unexpected(self, start: int) -> ScriptError:
        """What to say where no value begins."""
        if start >= len(self.text):
            return ScriptError("the script ends where a value is expected", max(0, len(self.text) - 1))
        found = lexical.WORD.match(self.text, start)
        if found is not None:
            hint = f"a text is written in quotes: '{found[0]}'"
            return ScriptError(f'a value is expected, and "{found[0]}" is none', start, len(found[0]), hint)
        return ScriptError(f'a value is expected, and "{self.text[start]}" is none', start)

    def dollar(self) -> Expression:
        """A variable, a constant or ``$( ... )``."""
        start = self.at
        if self.peek(2) == "$(":
            return self.collected()
        node = self.variable()
        if node is None:
            raise ScriptError("the name of a variable is expected after $", start)
        if node.name in _CONSTANTS and not node.scope:
            return Literal(start, self.at, _CONSTANTS[node.name])
        return node

    def collected(self) -> Expression:
        """``$( ... )`` or ``@( ... )``."""
        start = self.at
        always = self.peek() == "@"
        self.at += 2
        self.deeper()
        body = self.statements()
        self.expect(")", start, "the bracket")
        self.depth -= 1
        return Collected(start, self.at, body, always)

    def at_sign(self) -> Expression:
        """A here-string, ``@( ... )`` or ``@{ ... }``."""
        if (node := self.here()) is not None:
            return node
        if self.peek(2) == "@(":
            return self.collected()
        if self.peek(2) == "@{":
            return self.table()
        raise ScriptError(
            "@( or @{ is expected", self.at, 2, "a splatted variable stands among the arguments of a command"
        )

    def grouped(self) -> Expression:
        """``( statement )``."""
        start = self.at
        self.at += 1
        self.deeper()
        self.skip(lexical.NEWLINES)
        inner = self.statement()
        self.expect(")", start, "the bracket")
        self.depth -= 1
        if inner is None:
            raise ScriptError("a value is expected between the brackets", start, self.at - start)
        return Grouped(start, self.at, inner)

    def block(self) -> Expression:
        """``{ ... }`` as a value."""
        start = self.at
        return BlockLiteral(start, self.at, self.braces())

    def braces(self) -> Body:
        """``{ statements }``."""
        self.skip(lexical.NEWLINES)
        start = self.at
        if self.peek() != "{":
            raise ScriptError('"{" is expected', min(start, max(0, len(self.text) - 1)))
        self.at += 1
        self.deeper()
        body = self.statements()
        self.expect("}", start, "the block")
        self.depth -= 1
        return body

    def bracketed(self) -> Expression:
        """``[type]`` before a value, before ``::``, or alone."""
        start = self.at
        found = self.match(lexical.TYPE)
        if found is None:
            raise ScriptError("a type is expected in brackets", start)
        if self.peek(2) == "::":
            self.at += 2
            name = self.match(lexical.WORD)
            if name is None:
                raise ScriptError("the name of a member is expected", self.at)
            node: Expression = Static(start, self.at)
            return self.call(node, "") if self.peek() == "(" else node
        self.skip()
        char = self.peek()
        if char and (
            char in lexical.SINGLE or char in lexical.DOUBLE or char in "$@([{" or char.isdigit() or char == "-"
        ):
            self.deeper()
            operand = self.prefixed()
            self.depth -= 1
            return Cast(start, self.at, found[1].replace(" ", ""), operand)
        return Static(start, self.at)

    def members(self, node: Expression) -> Expression:
        """Members, indices, calls and ``++`` right after a value."""
        while True:
            char = self.peek()
            if char in ".[" and char:
                self.count()
            if char == "." and self.peek(2) != "..":
                node = self.member(node)
            elif char == ":" and self.peek(2) == "::":
                self.at += 2
                self.match(lexical.WORD)
                node = Static(node.start, self.at)
            elif char == "[":
                start = self.at
                self.at += 1
                self.deeper()
                self.skip(lexical.NEWLINES)
                at = self.expression()
                self.expect("]", start, "the index")
                self.depth -= 1
                node = Index(node.start, self.at, node, at)
            elif char in "+-" and self.peek(2) in ("++", "--") and isinstance(node, Variable):
                self.at += 2
                return Step(node.start, self.at, node, 1 if char == "+" else -1)
            else:
                return node

    def member(self, node: Expression) -> Expression:
        """What follows a dot."""
        self.at += 1
        start, char = self.at, self.peek()
        found = self.match(lexical.WORD)
        if found is None:
            if char and char in lexical.SINGLE:
                name = self.single()
                if isinstance(name, Literal):
                    return Member(node.start, self.at, node, f"{name.what}".lower())
            if char in ("$", "("):
                self.primary()
                return Static(node.start, self.at)
            raise ScriptError("the name of a member is expected after the dot", min(start, len(self.text) - 1))
        name_text = found[0].lower()
        return self.call(node, name_text) if self.peek() == "(" else Member(node.start, self.at, node, name_text)

    def call(self, node: Expression, name: str) -> Expression:
        """The arguments of a method; a name of "" is a method that is never known."""
        start = self.at
        self.at += 1
        self.deeper()
        arguments: list[Expression] = []
        self.skip(lexical.NEWLINES)
        if self.peek() != ")":
            found = self.expression()
            arguments += found.parts if isinstance(found, Listed) else (found,)
        self.expect(")", start, "the call")
        self.depth -= 1
        return Call(node.start, self.at, node, name, tuple(arguments)) if name else Static(node.start, self.at)

    # --- hashtables ----------------------------------------------------------------------------------

    def table(self) -> Expression:
        """``@{ key = value; ... }``; most hold texts alone, which are read as they are."""
        start = self.at
        self.at += 2
        self.deeper()
        plain, ready = self.plain(start)
        pairs: list[tuple[str | Expression, Expression]] = []
        while self.skip(lexical.LINES) < len(self.text) and self.peek() != "}":
            pairs.append(self.pair(start))
        self.expect("}", start, "the hashtable")
        self.depth -= 1
        ready.end = self.at
        if pairs:
            pairs = [(key, self.literal(at, value)) for key, at, value in plain] + pairs
            self.once(pairs)
            return Members(start, self.at, tuple(pairs))
        if len(ready) < len(plain):
            self.once([(key, self.literal(at, value)) for key, at, value in plain])
        return Ready(start, self.at, ready)

    def plain(self, start: int) -> tuple[list[tuple[str, int, Value]], Table]:
        """The first members as long as they are written in the plain form, and the table that they make."""
        found: list[tuple[str, int, Value]] = []
        table = Table(start)
        text, pattern = self.text, lexical.MEMBER
        while (member := pattern.match(text, self.at)) is not None:
            name, quoted = member.groups()
            at = member.start(2)
            parts = quoted.split("'")
            value: Value
            if len(parts) == 3:
                value = text_at(parts[1], at + 1)
            else:
                value = []
                for number, part in enumerate(parts):
                    if number & 1:
                        value.append(text_at(part, at + 1))
                        at += len(part) + 2
                    elif number:
                        at += len(part)
            found.append((name, member.start(2), value))
            table.put(name, value)
            self.at = member.end()
        return found, table

    def literal(self, at: int, value: Value) -> Expression:
        """The node of a plain value."""
        if isinstance(value, list):
            parts = tuple(self.literal(each.at, each) for each in value if isinstance(each, Text))
            return Listed(at, parts[-1].end, parts)
        return Literal(at, at + len(f"{value}") + 2, value)

    def pair(self, opened: int) -> tuple[str | Expression, Expression]:
        """One member of a hashtable, in any form."""
        if self.at >= len(self.text):
            raise ScriptError("the hashtable does not end", opened, 2, '"}" is expected')
        found = self.match(lexical.WORD)
        key: str | Expression = found[0] if found is not None else self.primary()
        if isinstance(key, Literal):
            key = f"{key.what}"
        self.skip()
        if self.peek() != "=":
            raise ScriptError('"=" is expected after the key', min(self.at, len(self.text) - 1))
        self.at += 1
        self.skip(lexical.NEWLINES)
        begin = self.at
        statement = self.statement()
        if statement is None:
            raise ScriptError("a value is expected after =", min(self.at, len(self.text) - 1))
        simple = getattr(statement, "first", None)
        if simple is not None and not getattr(statement, "then", ()) and hasattr(simple, "value"):
            return key, simple
        return key, Grouped(begin, self.at, statement)

    def once(self, pairs: list[tuple[str | Expression, Expression]]) -> None:
        """PowerShell refuses a literal with a key twice."""
        seen = set()
        for key, node in pairs:
            if isinstance(key, str):
                if key.lower() in seen:
                    raise ScriptError(
                        f'the key "{key}" comes up twice in one hashtable', node.start, node.end - node.start
                    )
                seen.add(key.lower())
