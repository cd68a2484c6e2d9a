"""Values of a script: Python's own for texts, numbers and lists, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from fwadvisor.dialects.reading.windows.draft import Draft

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.statements import Statement


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only the machine knows; `text` is what the script writes for it."""

    text: str


class Table(dict[str, "Value"]):
    """A hashtable: keys in lower case; `names` holds them as written."""

    __slots__ = ("end", "murky", "names", "start")

    def __init__(self, start: int = 0, end: int = 0) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.start = start
        self.end = end
        #: Why its contents are not known any more, "" where they are.
        self.murky = ""

    def put(self, name: str, value: Value) -> None:
        """Set a key."""
        lower = name.lower()
        self[lower] = value
        self.names.setdefault(lower, name)

    def copy(self) -> Table:
        """Another table with the same contents; lists are copied too."""
        other = Table(self.start, self.end)
        other.update(self)
        for key, value in self.items():
            if type(value) is list:
                other[key] = value[:]
        other.names = dict(self.names)
        other.murky = self.murky
        return other


@dataclass(frozen=True, slots=True)
class Pair:
    """What enumerating a hashtable gives."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that a query found: those of the file, and perhaps others of the machine."""

    drafts: tuple[Draft, ...]
    text: str
    #: Whether the machine may have others that fit.
    others: bool = True
    #: Whether those of the file fit for certain.
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A script block."""

    body: tuple[Statement, ...] = field(repr=False)


Value: TypeAlias = "str | int | float | bool | list[Value] | Table | Pair | Rules | Draft | Block | Unknown | None"


def text_of(value: Value) -> str | None:
    """A value as PowerShell prints it into a text; None where it is not known."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value}"
    if isinstance(value, list):
        parts = [text_of(each) for each in value]
        return None if None in parts else " ".join(part for part in parts if part is not None)
    return None


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; None where it is not known."""
    if isinstance(value, list):
        return bool(value) if len(value) != 1 else truth(value[0])
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Rules):
        return True if value.drafts else None if value.others else False
    if isinstance(value, str | int | float) or value is None:
        return bool(value)
    return True


def elements(value: Value) -> list[Value] | None:
    """What a loop or a pipeline goes over; None where it is not known."""
    if isinstance(value, list):
        return value
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Rules):
        return None if value.others else list(value.drafts)
    return [] if value is None else [value]


def unrolled(values: list[Value]) -> Value:
    """The value of a pipeline that put these out."""
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same for all that follows."""
    if one is other:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and isinstance(one, str | int | float) and one == other
