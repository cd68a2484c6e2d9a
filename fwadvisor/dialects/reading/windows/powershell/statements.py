"""Statements and how they are carried out.

What stands under a condition that is not known is carried out all the same, with `Run.given` saying so: rules made
there exist only where the condition holds, and variables set there are not known afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from fwadvisor.dialects.reading.windows.draft import Given
from fwadvisor.dialects.reading.windows.powershell.expressions import (
    Cast,
    Expression,
    Grouped,
    Index,
    Member,
    Variable,
)
from fwadvisor.dialects.reading.windows.powershell.operators import binary
from fwadvisor.dialects.reading.windows.powershell.values import (
    Table,
    Unknown,
    Value,
    elements,
    text_of,
    truth,
    unrolled,
)

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.commands import Command
    from fwadvisor.dialects.reading.windows.powershell.run import Run


class Signal(Enum):
    """How a statement leaves what it stands in."""

    BREAK = "break"
    CONTINUE = "continue"
    RETURN = "return"
    EXIT = "exit"
    #: The script fails; under a condition that is not known it is taken not to.
    THROW = "throw"


class Statement(Protocol):
    """A part of a script that does something; `start` and `end` are its offsets."""

    start: int
    end: int

    def execute(self, run: Run, out: list[Value], /) -> Signal | None:
        """Do it, and append what it puts out."""


Body = tuple[Statement, ...]


@dataclass(slots=True)
class Pipeline:
    """An expression or command whose output goes through commands."""

    start: int
    end: int
    first: Expression | Command
    then: tuple[Command, ...]
    #: Whether the output goes to a file or nowhere.
    redirected: bool = False

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        from fwadvisor.dialects.reading.windows.powershell.commands import Command

        first = self.first
        if isinstance(first, Command):
            found = first.run(run, None)
        else:
            value = first.value(run)
            found = value if isinstance(value, list) else [] if value is None else [value]
        for command in self.then:
            found = command.run(run, found)
        if not self.redirected:
            out.extend(found)
        return run.take_signal()


@dataclass(slots=True)
class Assignment:
    """``target = statement`` and the operators that calculate."""

    start: int
    end: int
    target: Expression
    operator: str
    source: Statement

    def execute(self, run: Run, _out: list[Value]) -> Signal | None:
        """Do it."""
        found: list[Value] = []
        signal = run.carry_out(self.source, found)
        value = self.literal(run, found)
        if self.operator != "=":
            value = binary(self.operator[:-1], self.target.value(run), value, run.spend)
            if isinstance(value, Unknown):
                value = Unknown(run.quote(self))
        run.store(self.target, value)
        return signal

    def literal(self, run: Run, found: list[Value]) -> Value:
        """A list that was written as one stays a list, however short."""
        source = self.source
        if isinstance(source, Pipeline) and not source.then and run.lists(source.first):
            return found
        return unrolled(found)


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition and what it guards; `makes` where that makes rules or sets profiles, and the script goes on."""

    condition: Statement
    body: Body
    makes: bool


@dataclass(slots=True)
class If:
    """``if``, its ``elseif`` and its ``else``."""

    start: int
    end: int
    branches: tuple[Branch, ...]
    otherwise: Body

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        return self.branch(run, out, 0)

    def branch(self, run: Run, out: list[Value], number: int) -> Signal | None:
        """Go on with the condition of a number."""
        while number < len(self.branches):
            branch = self.branches[number]
            known = truth(run.value(branch.condition))
            if known is None:
                return self.unknown(run, out, number)
            if known:
                return run.body(branch.body, out)
            if branch.makes:
                run.skipped(branch.condition)
            number += 1
        return run.body(self.otherwise, out)

    def unknown(self, run: Run, out: list[Value], number: int) -> Signal | None:
        """Both ways of a condition that is not known."""
        run.spend(8)
        condition, body = self.branches[number].condition, self.branches[number].body
        given = Given(f"if ({run.quote(condition)})")
        before = run.snapshot()
        left = run.under(given, condition, body, out)
        after = run.snapshot()
        run.restore(before)
        others = run.under(Given(given.text, holds=False), condition, self.rest(number + 1), out)
        run.join(after)
        if left in (None, Signal.THROW) and others in (None, Signal.THROW):
            return None
        if left not in (None, Signal.THROW) and others not in (None, Signal.THROW):
            return left
        run.assume(Given(given.text, holds=left in (None, Signal.THROW)), condition)
        return None

    def rest(self, number: int) -> Body:
        """The later conditions."""
        if number < len(self.branches):
            return (If(self.start, self.end, self.branches[number:], self.otherwise),)
        return self.otherwise


@dataclass(slots=True)
class ForEach:
    """``foreach ($variable in source) { ... }``."""

    start: int
    end: int
    variable: Variable
    source: Statement
    body: Body

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        found = elements(run.value(self.source))
        if found is None:
            return self.once(run, out, Unknown(f"${self.variable.name}"))
        before = run.given
        for each in list(found):
            if isinstance(each, Unknown):
                self.once(run, out, each)
                continue
            run.assign(self.variable, each)
            signal = run.body(self.body, out)
            if signal is not None and signal is not Signal.CONTINUE:
                run.given = before
                return None if signal is Signal.BREAK else signal
        run.given = before
        return None

    def once(self, run: Run, out: list[Value], each: Value) -> Signal | None:
        """The body for every value that there may be."""
        run.assign(self.variable, each)
        given = Given(f"foreach ({run.quote(self.variable)} in {run.quote(self.source)})")
        before = run.snapshot()
        run.under(given, self.source, self.body, out)
        run.join(before)
        return None


@dataclass(slots=True)
class Loop:
    """``while``, ``do`` and ``for``; `until` turns the condition over."""

    start: int
    end: int
    first: Body
    condition: Statement | None
    step: Body
    body: Body
    #: Whether the body comes before the condition.
    after: bool = False
    until: bool = False

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        run.body(self.first, out)
        before, entered = run.given, not self.after
        while True:
            if entered and self.condition is not None:
                known = truth(run.value(self.condition))
                if known is None:
                    return self.once(run, out, self.condition)
                if known is self.until:
                    break
            entered = True
            signal = run.body(self.body, out)
            if signal is not None and signal is not Signal.CONTINUE:
                run.given = before
                return None if signal is Signal.BREAK else signal
            run.body(self.step, out)
        run.given = before
        return None

    def once(self, run: Run, out: list[Value], condition: Statement) -> Signal | None:
        """The body for every round that there may be."""
        before = run.snapshot()
        run.under(Given(f"while ({run.quote(condition)})"), condition, (*self.body, *self.step), out)
        run.join(before)
        return None


@dataclass(slots=True)
class Perhaps:
    """Parts of which it is not known whether they run: the cases of a switch, a catch, a trap."""

    start: int
    end: int
    text: str
    bodies: tuple[Body, ...]

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        for body in self.bodies:
            before = run.snapshot()
            run.under(Given(self.text), self, body, out)
            run.join(before)
        return None


@dataclass(slots=True)
class Sequence:
    """Statements that run one after another: try, finally, begin, process, end."""

    start: int
    end: int
    body: Body

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        return run.body(self.body, out)


@dataclass(slots=True)
class Leave:
    """``return``, ``exit``, ``break``, ``continue`` and ``throw``."""

    start: int
    end: int
    signal: Signal
    value: Statement | None

    def execute(self, run: Run, out: list[Value]) -> Signal | None:
        """Do it."""
        if self.value is not None and self.signal is not Signal.THROW:
            found: list[Value] = []
            run.carry_out(self.value, found)
            if self.signal is Signal.EXIT and found not in ([], [0]):
                return Signal.THROW  # a script that ends with an error code has failed
            if self.signal is Signal.RETURN:
                out.extend(found)
        return self.signal


@dataclass(slots=True)
class Parameter:
    """One parameter of a script or function."""

    name: str
    type: str
    default: Expression | None
    start: int


@dataclass(slots=True)
class Function:
    """A function; `changes` where its own text has commands that may change the firewall."""

    start: int
    end: int
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    changes: bool
    calls: frozenset[str]

    def execute(self, run: Run, _out: list[Value]) -> Signal | None:
        """Do it."""
        run.functions[self.name.lower()] = self
        return None


@dataclass(slots=True)
class Parameters:
    """The ``param`` block of a script, which is read as run without arguments."""

    start: int
    end: int
    parameters: tuple[Parameter, ...]

    def execute(self, run: Run, _out: list[Value]) -> Signal | None:
        """Do it."""
        for parameter in self.parameters:
            name = parameter.name.lower()
            run.arguments.add(name)
            if parameter.default is not None:
                run.variables[name] = parameter.default.value(run)
                run.defaults[name] = parameter.start
            elif parameter.type == "switch":
                run.variables[name] = False
        return None


def target_variable(target: Expression) -> Variable | None:
    """The variable that an assignment sets or changes."""
    while isinstance(target, Cast | Index | Member | Grouped):
        if isinstance(target, Grouped):
            return None
        target = target.operand if isinstance(target, Cast) else target.of
    return target if isinstance(target, Variable) else None


def put(run: Run, target: Index | Member, value: Value) -> None:
    """``table['key'] = value`` and ``table.key = value``."""
    of = target.of.value(run)
    key: str | None
    if isinstance(target, Member):
        key = target.name
    else:
        at = target.at.value(run)
        if isinstance(of, list) and isinstance(at, int) and -len(of) <= at < len(of) and not run.given:
            of[at] = value
            return
        key = text_of(at)
    if isinstance(of, Table) and key is not None and not run.given:
        of.put(key, value)
    else:
        run.spoil(of, target)
