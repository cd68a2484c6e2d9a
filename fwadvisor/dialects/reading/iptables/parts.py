"""What a rule is made of while it is read: tests that are final, and tests that the rest of the files decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Action, AnyOf, Condition, ConditionTest, Field, IntegerTest, Test, Write
from fwadvisor.model.interval import Intervals, subtract


@dataclass(frozen=True, slots=True)
class MaskedTest:
    """``field & mask == value``; a test or a condition, which depends on how the files write the field."""

    field: Field
    value: int
    mask: int
    holds: bool = True


@dataclass(frozen=True, slots=True)
class SetTest:
    """A lookup in a named set; its contents may stand in another file, and rules may change them."""

    name: str
    #: "src" or "dst" for each dimension.
    dimensions: tuple[str, ...]
    holds: bool = True


@dataclass(frozen=True, slots=True)
class ChangingTest:
    """A condition whose truth changes by being asked: each occurrence is one of its own."""

    name: str
    holds: bool = True


@dataclass(frozen=True, slots=True)
class EarlyState:
    """A state that the raw table asks for, where a packet is invalid unless a rule has said not to track it."""

    values: Intervals
    holds: bool = True


@dataclass(frozen=True, slots=True)
class MarkWrite:
    """A field is written in a way that is not constant: copied from another, computed, counted down."""

    field: Field


Pending: TypeAlias = MaskedTest | SetTest | ChangingTest | EarlyState | MarkWrite
Part: TypeAlias = Test | Pending


@dataclass(frozen=True, slots=True)
class SetWrite:
    """A rule that adds to a set or takes from it."""

    name: str


Effect: TypeAlias = Write | MarkWrite | SetWrite


@dataclass(frozen=True, slots=True)
class Leads:
    """A jump or goto to a chain of the same table."""

    chain: str
    goto: bool = False


class Given(NamedTuple):
    """One option as it was written: its own name, its values, and whether ``!`` stood before it."""

    name: str
    values: tuple[str, ...]
    negated: bool

    @property
    def value(self) -> str:
        """The first value, "" where the option has none."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a rule stands."""

    family: Family
    table: str


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a match or target: how many values follow it, and what it is called by its other names."""

    name: str
    values: int = 1
    negatable: bool = True
    #: May stand several times in one match.
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A match module: its options, and the tests that they make.

    `protocols` are those of which the rule has to name one, () where it does not matter.
    """

    name: str
    options: Mapping[str, Option]
    read: Callable[[tuple[Given, ...], Context], tuple[Part, ...]]
    protocols: tuple[int, ...] = ()
    families: tuple[Family, ...] = tuple(Family)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a target does."""

    action: Action
    effects: tuple[Effect, ...] = ()
    #: Why it is not understood, or "".
    opaque: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A target: its options, what it does, and the tables that it is for (() where any)."""

    name: str
    options: Mapping[str, Option]
    read: Callable[[tuple[Given, ...], Context], Outcome]
    tables: tuple[str, ...] = ()
    families: tuple[Family, ...] = tuple(Family)


@dataclass(slots=True)
class Draft:
    """A rule that was read; jumps are by name, and some tests wait for the other files."""

    tests: list[Part] = field(default_factory=list)
    action: Action | Leads | None = None
    effects: tuple[Effect, ...] = ()
    comment: str = ""
    #: Why parts of it are not understood.
    opaque: list[str] = field(default_factory=list)
    #: The options of the target, as written.
    details: tuple[Given, ...] = ()
    #: Whether a test waits.
    waits: bool = False

    def same_as(self, other: Draft) -> bool:
        """Whether ``iptables -D`` with one of them deletes the other."""
        return (
            self.action == other.action
            and self.effects == other.effects
            and self.comment == other.comment
            and self.details == other.details
            and sorted(map(repr, self.tests)) == sorted(map(repr, other.tests))
        )


NEVER = IntegerTest(Field.PROTOCOL, ())


def options(*listed: Option | str) -> dict[str, Option]:
    """A table of options by name; a text is an option with one value."""
    made = [each if isinstance(each, Option) else Option(each) for each in listed]
    return {each.name: each for each in made}


def integer(name: Field, values: Intervals, negated: bool, largest: int) -> IntegerTest:
    """A test on a number, negated as its complement."""
    return IntegerTest(name, subtract(((0, largest),), values) if negated else values)


def condition(name: str, holds: bool = True) -> ConditionTest:
    """A condition that is understood."""
    return ConditionTest(Condition(name), holds)


def one_of(tests: list[Test], holds: bool = True) -> Test:
    """At least one of some tests (or, not `holds`, none)."""
    if len(tests) == 1 and holds:
        return tests[0]
    if len(tests) == 1 and isinstance(tests[0], ConditionTest):
        return ConditionTest(tests[0].condition, not tests[0].holds)
    return AnyOf(tuple((test,) for test in tests), holds)
