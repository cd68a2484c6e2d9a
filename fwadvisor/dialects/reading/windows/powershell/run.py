"""The state of a script that is being carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fwadvisor.diagnostic import Span, error
from fwadvisor.dialects.reading.windows.draft import Draft, Given, Machine
from fwadvisor.dialects.reading.windows.page import Page
from fwadvisor.dialects.reading.windows.powershell.expressions import (
    Cast,
    Collected,
    Expression,
    Index,
    Listed,
    Member,
    Variable,
)
from fwadvisor.dialects.reading.windows.powershell.statements import (
    Body,
    Function,
    Signal,
    Statement,
    put,
    target_variable,
)
from fwadvisor.dialects.reading.windows.powershell.values import (
    Rules,
    Table,
    Unknown,
    Value,
    same,
    truth,
    unrolled,
)
from fwadvisor.errors import ReadError

#: Statements, and elements made, before a script is given up: some seconds.
_MOST_STEPS = 1_000_000
#: Environment variables that every Windows has; what they hold is the machine's business, their names are not.
_ENVIRONMENT = {
    name.lower(): name
    for name in (
        "SystemRoot", "SystemDrive", "ProgramFiles", "ProgramFiles(x86)", "ProgramData", "CommonProgramFiles",
        "CommonProgramFiles(x86)", "AllUsersProfile",
    )
} | {"windir": "SystemRoot"}  # fmt: skip


class Stands(Protocol):
    """Anything with a place: a node, a command."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A condition that is not known, and where it stands."""

    given: Given
    start: int
    end: int


@dataclass
class Run:
    """One script on its way: variables, functions, and the machine that it changes."""

    machine: Machine
    page: Page
    variables: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    #: Parameters that have their defaults, and where these stand.
    defaults: dict[str, int] = field(default_factory=dict)
    #: The script's own parameters.
    arguments: set[str] = field(default_factory=set)
    given: tuple[Doubt, ...] = ()
    #: Functions that are running, and the variables of those that called them.
    depth: int = 0
    frames: list[dict[str, Value]] = field(default_factory=list)
    signal: Signal | None = None
    steps: int = 0

    # --- places --------------------------------------------------------------------------------------

    def span(self, node: Stands) -> Span:
        """Where a node stands."""
        return self.page.span(node.start, node.end - node.start)

    def quote(self, node: Stands) -> str:
        """A node's text on one line, cut to what people read."""
        text = " ".join(self.page.text[node.start : min(node.end, node.start + 400)].split())
        return text if len(text) <= 120 else text[:117] + "..."

    def spend(self, steps: int) -> None:
        """Count work.

        Raises:
            ReadError: there was too much.
        """
        self.steps += steps
        if self.steps > _MOST_STEPS:
            hint = "loops that end sooner can be read, and so can an export of the machine made with export-rules.ps1"
            raise ReadError(error("the script takes too many steps to be read", Span(self.page.name, 1), hint))

    # --- statements ----------------------------------------------------------------------------------

    def carry_out(self, statement: Statement, out: list[Value]) -> Signal | None:
        """Do one statement."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            self.spend(1)
        return statement.execute(self, out)

    def body(self, body: Body, out: list[Value]) -> Signal | None:
        """Do statements until one leaves."""
        for statement in body:
            signal = self.carry_out(statement, out)
            if signal is not None:
                return signal
        return None

    def value(self, statement: Statement) -> Value:
        """What one statement puts out."""
        out: list[Value] = []
        self.carry_out(statement, out)
        return unrolled(out)

    def take_signal(self) -> Signal | None:
        """A signal that a command left behind."""
        if self.signal is None:
            return None
        signal, self.signal = self.signal, None
        return signal

    def skipped(self, condition: Stands) -> None:
        """Warn where what runs with other arguments would change the firewall."""
        text = self.page.text[condition.start : condition.end].lower()
        if any(f"${name}" in text for name in self.arguments):
            message = "the script is read as run without arguments, so what this condition guards is not read"
            self.machine.warn(message, self.span(condition))

    # --- what is not known ---------------------------------------------------------------------------

    def under(self, given: Given, at: Stands, body: Body, out: list[Value]) -> Signal | None:
        """Do statements that may not run."""
        before = self.given
        self.given = (*before, Doubt(given, at.start, at.end))
        found: list[Value] = []
        signal = self.body(body, found)
        if found:
            out.append(Unknown(given.text))
        self.given = before
        return signal

    def assume(self, given: Given, at: Stands) -> None:
        """What follows runs only where `given` says so."""
        self.given = (*self.given, Doubt(given, at.start, at.end))

    def doubts(self) -> tuple[Given, ...]:
        """The conditions that are not known, noted as opaque."""
        if not self.given:
            return ()
        for doubt in self.given:
            span = self.page.span(doubt.start, doubt.end - doubt.start)
            reason = f"{doubt.given.text}: only the machine knows whether it holds"
            self.machine.not_understood(span, reason)
        return tuple(dict.fromkeys(doubt.given for doubt in self.given))

    def snapshot(self) -> dict[str, Value]:
        """The variables as they are."""
        self.spend(len(self.variables) // 16)
        return dict(self.variables)

    def restore(self, variables: dict[str, Value]) -> None:
        """Take variables back."""
        self.variables = dict(variables)

    def join(self, others: dict[str, Value]) -> None:
        """What two ways leave in a variable is known where it is the same."""
        for name in self.variables.keys() | others.keys():
            one, other = self.variables.get(name), others.get(name)
            if name not in self.variables or name not in others or not same(one, other):
                self.variables[name] = Unknown(f"${name}")

    def spoil(self, value: Value, at: Expression) -> None:
        """A value was changed in a way that is not known."""
        if isinstance(value, Table):
            value.murky = self.quote(at)
        else:
            variable = target_variable(at) if not hasattr(at, "arguments") else None
            of = getattr(at, "of", None)
            variable = of if isinstance(of, Variable) else variable
            if variable is not None:
                self.assign(variable, Unknown(self.quote(at)))

    # --- variables -----------------------------------------------------------------------------------

    def environment(self, name: str) -> Value:
        """``$env:NAME``: the name in percent signs where every machine has it."""
        known = _ENVIRONMENT.get(name)
        return f"%{known}%" if known else Unknown(f"$env:{name}")

    def assign(self, variable: Variable, value: Value) -> None:
        """Set a variable by its name."""
        if variable.scope != "env" and variable.name not in ("null", "true", "false"):
            self.variables[variable.name] = value
            for frame in self.frames if variable.scope in ("script", "global") else ():
                frame[variable.name] = value

    def store(self, target: Expression, value: Value) -> None:
        """Set what an assignment names."""
        if isinstance(target, Variable):
            self.assign(target, value)
        elif isinstance(target, Cast):
            self.store(target.operand, Cast(target.start, target.end, target.type, _Made(value)).value(self))
        elif isinstance(target, Index | Member):
            put(self, target, value)
        elif isinstance(target, Listed):
            for part in target.parts:
                self.store(part, Unknown(self.quote(part)))

    def lists(self, node: object) -> bool:
        """Whether an expression is a list by the way it is written."""
        if isinstance(node, Cast):
            return node.type.endswith("[]") or node.type.lower() == "array" or self.lists(node.operand)
        return isinstance(node, Listed) or (isinstance(node, Collected) and node.always)

    def logical(self, operator: str, left: Value, node: Expression) -> Value:
        """-and and -or, of which the right side may not count."""
        one = truth(left)
        if one is (operator == "or"):
            return one
        other = truth(node.value(self))
        if other is None or one is None:
            return other if other is (operator == "or") else Unknown("")
        return other


@dataclass(slots=True)
class _Made:
    """An expression for a value that is there already."""

    what: Value
    start: int = 0
    end: int = 0

    def value(self, _run: Run) -> Value:
        return self.what


def drafts_of(values: Sequence[Value]) -> list[Draft] | None:
    """The rules that a pipeline hands on, or None where it hands on anything else."""
    found: list[Draft] = []
    for value in values:
        if isinstance(value, Draft):
            found.append(value)
        elif isinstance(value, Rules):
            found.extend(value.drafts)
        else:
            return None
    return found
