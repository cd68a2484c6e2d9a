"""Expressions and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fwadvisor.dialects.reading.windows.page import text_at
from fwadvisor.dialects.reading.windows.powershell.operators import METHODS, binary, index, member, unary
from fwadvisor.dialects.reading.windows.powershell.values import Block, Table, Unknown, Value, text_of, unrolled

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.run import Run
    from fwadvisor.dialects.reading.windows.powershell.statements import Statement


class Expression(Protocol):
    """A part of a script that has a value; `start` and `end` are its offsets."""

    start: int
    end: int

    def value(self, run: Run, /) -> Value:
        """Its value now; may change the run."""


@dataclass(slots=True)
class Literal:
    """A text or number as it stands."""

    start: int
    end: int
    what: Value

    def value(self, _run: Run) -> Value:
        """Its value now."""
        return self.what


@dataclass(slots=True)
class Interpolated:
    """A text with variables in it."""

    start: int
    end: int
    parts: tuple[Expression, ...]

    def value(self, run: Run) -> Value:
        """Its value now."""
        run.spend(len(self.parts) // 4)
        texts = [text_of(part.value(run)) for part in self.parts]
        if None in texts:
            return Unknown(run.quote(self))
        whole = "".join(text for text in texts if text is not None)
        run.spend(len(whole) // 64)
        return text_at(whole, self.start + 1)


@dataclass(slots=True)
class Variable:
    """A variable by its name in lower case, its scope left out; `scope` is "", "env", "script" or "global"."""

    start: int
    end: int
    name: str
    scope: str = ""

    def value(self, run: Run) -> Value:
        """Its value now."""
        if self.scope == "env":
            return run.environment(self.name)
        try:
            return run.variables[self.name]
        except KeyError:
            return Unknown(f"${self.name}")


@dataclass(slots=True)
class Listed:
    """Values with commas between them."""

    start: int
    end: int
    parts: tuple[Expression, ...]

    def value(self, run: Run) -> Value:
        """Its value now."""
        run.spend(len(self.parts) // 4)
        return [part.value(run) for part in self.parts]


@dataclass(slots=True)
class Collected:
    """``@(...)`` (always a list) or ``$(...)``: what the statements inside put out."""

    start: int
    end: int
    body: tuple[Statement, ...]
    always: bool

    def value(self, run: Run) -> Value:
        """Its value now."""
        out: list[Value] = []
        for statement in self.body:
            if run.carry_out(statement, out) is not None:
                break
        if any(isinstance(each, Unknown) for each in out) and len(self.body) == 1 and len(out) == 1:
            return out[0]
        return out if self.always else unrolled(out)


@dataclass(slots=True)
class Grouped:
    """``( ... )``: the value of one statement."""

    start: int
    end: int
    inner: Statement

    def value(self, run: Run) -> Value:
        """Its value now."""
        out: list[Value] = []
        run.carry_out(self.inner, out)
        return unrolled(out)


@dataclass(slots=True)
class Members:
    """``@{ ... }``; a key is a text or an expression."""

    start: int
    end: int
    pairs: tuple[tuple[str | Expression, Expression], ...]

    def value(self, run: Run) -> Value:
        """Its value now."""
        table = Table(self.start, self.end)
        run.spend(len(self.pairs) // 4)
        for key, node in self.pairs:
            if isinstance(key, str):
                name: str | None = key
            else:
                name = text_of(key.value(run))
            value = node.value(run)
            if name is None:
                table.murky = run.quote(self)
            else:
                table.put(name, value)
        return table


@dataclass(slots=True)
class Ready:
    """``@{ ... }`` that holds texts and lists of texts alone."""

    start: int
    end: int
    table: Table

    def value(self, run: Run) -> Value:
        """Its value now."""
        run.spend(len(self.table) // 4)
        return self.table.copy()


@dataclass(slots=True)
class BlockLiteral:
    """``{ ... }`` as a value."""

    start: int
    end: int
    body: tuple[Statement, ...]

    def value(self, _run: Run) -> Value:
        """Its value now."""
        return Block(self.body)


@dataclass(slots=True)
class Unary:
    """An operator before its operand."""

    start: int
    end: int
    operator: str
    operand: Expression

    def value(self, run: Run) -> Value:
        """Its value now."""
        found = unary(self.operator, self.operand.value(run))
        return Unknown(run.quote(self)) if isinstance(found, Unknown) else found


@dataclass(slots=True)
class Binary:
    """Operands of one precedence from left to right."""

    start: int
    end: int
    first: Expression
    rest: tuple[tuple[str, Expression], ...]

    def value(self, run: Run) -> Value:
        """Its value now."""
        left = self.first.value(run)
        run.spend(len(self.rest))
        for operator, node in self.rest:
            if operator in ("and", "or"):
                left = run.logical(operator, left, node)
            else:
                left = binary(operator, left, node.value(run), run.spend)
        return Unknown(run.quote(self)) if isinstance(left, Unknown) else left


@dataclass(slots=True)
class Cast:
    """``[type] expression``; only types that leave the value as it is, or make a text or a list of it, are known."""

    start: int
    end: int
    type: str
    operand: Expression

    def value(self, run: Run) -> Value:
        """Its value now."""
        value = self.operand.value(run)
        kind = self.type.lower().rpartition(".")[2]
        if isinstance(value, Unknown) or kind in (
            "object",
            "hashtable",
            "psobject",
            "pscustomobject",
            "ordered",
            "switch",
        ):
            return value
        if kind == "void":
            return None
        if kind in ("string[]", "array", "object[]", "int[]", "arraylist"):
            return value if isinstance(value, list) else [] if value is None else [value]
        if kind == "string":
            text = text_of(value)
            return value if isinstance(value, str) else Unknown(run.quote(self)) if text is None else text
        if kind in ("int", "int32", "int64", "long", "uint16") and isinstance(value, int | str):
            digits = f"{value}".strip()
            return (
                int(digits)
                if digits.isascii() and digits.isdecimal() and len(digits) < 20
                else Unknown(run.quote(self))
            )
        return Unknown(run.quote(self))


@dataclass(slots=True)
class Static:
    """``[type]`` alone or with a member: never known."""

    start: int
    end: int

    def value(self, run: Run) -> Value:
        """Its value now."""
        return Unknown(run.quote(self))


@dataclass(slots=True)
class Member:
    """``value.name``."""

    start: int
    end: int
    of: Expression
    name: str

    def value(self, run: Run) -> Value:
        """Its value now."""
        found = member(self.of.value(run), self.name)
        return Unknown(run.quote(self)) if isinstance(found, Unknown) else found


@dataclass(slots=True)
class Index:
    """``value[index]``."""

    start: int
    end: int
    of: Expression
    at: Expression

    def value(self, run: Run) -> Value:
        """Its value now."""
        found = index(self.of.value(run), self.at.value(run))
        return Unknown(run.quote(self)) if isinstance(found, Unknown) else found


@dataclass(slots=True)
class Call:
    """``value.name(arguments)``."""

    start: int
    end: int
    of: Expression
    name: str
    arguments: tuple[Expression, ...]

    def value(self, run: Run) -> Value:
        """Its value now."""
        if (
            isinstance(self.of, Variable)
            and self.of.name == "pscmdlet"
            and self.name in ("shouldprocess", "shouldcontinue")
        ):
            return True  # read as run without -WhatIf
        of = self.of.value(run)
        arguments = [argument.value(run) for argument in self.arguments]
        method = METHODS.get(self.name)
        if method is not None and not isinstance(of, Unknown):
            if run.given and self.name in ("add", "remove", "clear"):
                run.spoil(of, self)
                return None
            try:
                return method(of, arguments)
            except (LookupError, TypeError, ValueError):
                pass
        if isinstance(of, Table | list):
            run.spoil(of, self)
        return Unknown(run.quote(self))


@dataclass(slots=True)
class Step:
    """``$i++`` and its like."""

    start: int
    end: int
    of: Variable
    by: int

    def value(self, run: Run) -> Value:
        """Its value now."""
        before = run.variables.get(self.of.name)
        if before is None and self.of.name in run.variables:
            before = 0
        run.assign(self.of, before + self.by if isinstance(before, int) else Unknown(run.quote(self)))
        return None
