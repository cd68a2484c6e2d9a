"""One command of iptables, with its words sorted to what they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fwadvisor.dialects.reading.iptables.parts import Given, Match, Target
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family


@dataclass(slots=True)
class Instance:
    """One ``-m`` or ``-j`` of a rule, and the options that it was given."""

    module: Match | Target
    #: The number of the word that named it.
    at: int
    given: list[Given]


@dataclass(frozen=True, slots=True)
class Strange:
    """A match or target that is not known, with all its words."""

    text: str
    target: bool


class Valued(NamedTuple):
    """A value of an option, and whether it was negated."""

    text: str
    negated: bool
    at: int


@dataclass(slots=True)
class Command:
    """One command, not yet looked into: options are sorted to the modules that they belong to."""

    words: Sequence[str]
    #: The letter of the command: A, I, D, R, C, P, N, F, X, E, Z, or L for listing; "" where there is none.
    letter: str = ""
    chain: str = ""
    chain_at: int = -1
    #: The position in the chain (0: none given), the policy, or the new name.
    number: int = 0
    argument: str = ""
    table: str = ""
    families: frozenset[Family] = frozenset(Family)
    #: Values of -s, -d, -i, -o and -p by their letter.
    plain: dict[str, Valued] = field(default_factory=dict)
    fragment: bool | None = None
    matches: list[Instance] = field(default_factory=list)
    target: Instance | None = None
    #: The chain of a jump or goto.
    leads: Valued | None = None
    goto: bool = False
    strange: list[Strange] = field(default_factory=list)
    comment: str = ""
    at: int = 0
    negated: bool = False


def value_of(command: Command) -> str:
    """The word after the present one; both are done with.

    Raises:
        RefusedError: there is none.
    """
    at = command.at
    words = command.words
    if at + 1 >= len(words):
        raise RefusedError(f'"{words[at]}" needs a value', words[at], at=at)
    command.at = at + 2
    return words[at + 1]


def value_follows(command: Command) -> bool:
    """Whether the present word is a value rather than an option."""
    at = command.at
    return at < len(command.words) and command.words[at][:1] not in ("-", "!")


def refuse_negation(command: Command) -> None:
    """Refuse an exclamation mark before the present word.

    Raises:
        RefusedError: there is one.
    """
    if command.negated:
        word = command.words[command.at]
        raise RefusedError(f'"{word}" cannot be negated', word, at=command.at)
