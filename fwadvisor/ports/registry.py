"""IANA's table of service names and ports, as a compact text that is searched without parsing it whole.

A line is ``port-or-range TAB transports TAB name [TAB description [TAB other use that IANA was told of]]``;
lines are sorted by first port. The shipped table has the first three columns.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

#: Letters of the transports column.
LETTERS = {"t": "tcp", "u": "udp", "s": "sctp", "d": "dccp"}
SHIPPED = Path(__file__).with_name("data") / "services.tsv"
FILE_NAME = "services.tsv"


class Registration(NamedTuple):
    """One line of the table."""

    first: int
    last: int
    transports: tuple[str, ...]
    name: str
    description: str = ""
    other_use: str = ""

    @property
    def ports(self) -> str:
        """The number or range as text."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_line(line: str) -> Registration:
    """A line of the table.

    Raises:
        ValueError: it is none.
    """
    ports, letters, name, *more = line.split("\t")
    first, _, last = ports.partition("-")
    transports = tuple(LETTERS[letter] for letter in letters if letter in LETTERS)
    description, other_use, *_ = (*more, "", "")
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= 65535 or not transports or not name:
        raise ValueError(f"no registration: {line[:80]!r}")
    return Registration(low, high, transports, name, description, other_use)


def _first_port(line: str) -> int:
    return int(line.split("\t", 1)[0].partition("-")[0])


class Registry:
    """The table; lines become `Registration` only where they are looked at."""

    def __init__(self, text: str, *, imported_from: Path | None = None) -> None:
        self._lines = [line for line in text.split("\n") if line and not line.startswith("#")]
        #: The file of a table that the user imported, or None for the shipped one.
        self.imported_from = imported_from

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Registration]:
        return map(parse_line, self._lines)

    @cached_property
    def _ranges(self) -> list[Registration]:
        return [parse_line(line) for line in self._lines if "-" in line.partition("\t")[0]]

    def lookup(self, port: int, transport: str | None = None) -> list[Registration]:
        """What is registered for a number: single numbers first, then ranges around it."""
        begin = bisect_left(self._lines, port, key=_first_port)
        end = bisect_right(self._lines, port, lo=begin, key=_first_port)
        found = [parse_line(line) for line in self._lines[begin:end]]
        found += [entry for entry in self._ranges if entry.first < port <= entry.last]
        return [entry for entry in found if transport is None or transport in entry.transports]

    def named(self, name: str) -> list[Registration]:
        """Every registration of a service name, whatever the case."""
        key = f"\t{name.lower()}"
        hits = [line for line in self._lines if key in line.lower()]
        return [entry for entry in map(parse_line, hits) if entry.name.lower() == name.lower()]

    def names(self) -> list[str]:
        """Every service name, for did-you-mean."""
        return [line.split("\t", 3)[2] for line in self._lines]

    def search(self, text: str) -> list[Registration]:
        """Registrations whose name or description holds the text."""
        wanted = text.lower()
        hits = [line for line in self._lines if wanted in line.partition("\t")[2].lower()]
        return [
            entry
            for entry in map(parse_line, hits)
            if wanted in entry.name.lower() or wanted in entry.description.lower()
        ]

    def previous(self, port: int) -> Registration | None:
        """The nearest registration below a number that does not contain it."""
        index = bisect_left(self._lines, port, key=_first_port)
        while index > 0:
            index -= 1
            entry = parse_line(self._lines[index])
            if entry.last < port:
                return entry
        return None

    def next(self, port: int) -> Registration | None:
        """The nearest registration above a number."""
        index = bisect_right(self._lines, port, key=_first_port)
        return parse_line(self._lines[index]) if index < len(self._lines) else None


def user_data_dir() -> Path:
    """Where the platform keeps data of a user's programs; fwadvisor's folder in it."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "fwadvisor"
    base = os.environ.get("XDG_DATA_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "fwadvisor"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "fwadvisor"
    return Path.home() / ".local" / "share" / "fwadvisor"


def shipped_registry() -> Registry:
    """The table that came with the program."""
    return Registry(SHIPPED.read_text(encoding="utf-8"))


def load_registry(data_dir: Path | None = None) -> Registry:
    """The imported table where there is one, else the shipped one.

    Raises:
        KnowledgeError: the imported table cannot be read.
    """
    try:
        path = (data_dir or user_data_dir()) / FILE_NAME
        imported = path.is_file()
    except (OSError, RuntimeError):
        return shipped_registry()
    if not imported:
        return shipped_registry()
    try:
        registry = Registry(path.read_text(encoding="utf-8"), imported_from=path)
        registry.lookup(1)
    except (OSError, ValueError) as problem:
        from fwadvisor.diagnostic import error
        from fwadvisor.errors import KnowledgeError

        hint = "import it again, or delete it to use the shipped table"
        raise KnowledgeError(error(f"{path}: the imported registry cannot be read: {problem}", hint=hint)) from problem
    return registry
