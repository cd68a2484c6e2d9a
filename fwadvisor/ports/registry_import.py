"""IANA's own CSV of service names and ports to the compact table, with a report of what changed."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fwadvisor.diagnostic import Diagnostic, error, warning
from fwadvisor.errors import KnowledgeError
from fwadvisor.ports.registry import FILE_NAME, LETTERS, Registration, Registry

_COLUMNS = {
    "service name": "name",
    "port number": "port",
    "transport protocol": "transport",
    "description": "description",
    "unauthorized use reported": "other_use",
    "known unauthorized uses": "other_use",
}
_NEEDED = ("service name", "port number", "transport protocol")
_LETTER = {transport: letter for letter, transport in LETTERS.items()}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
#: A cell longer than this is no cell of the registry but an unclosed quote.
_LONGEST_CELL = 1 << 20


@dataclass
class _Line:
    """One registration while its rows are gathered."""

    letters: set[str] = field(default_factory=set)
    description: str = ""
    other_use: str = ""


@dataclass(frozen=True)
class Change:
    """A registration that differs between two tables."""

    ports: str
    transports: tuple[str, ...]
    name: str
    #: The name that it had before, for renamed ones.
    before: str = ""


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    path: Path
    registrations: int
    #: Rows that name no service on a port, by reason.
    skipped: dict[str, int]
    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    renamed: tuple[Change, ...]
    warnings: tuple[Diagnostic, ...]


def _columns(header: Sequence[str], file: Path) -> dict[str, int]:
    """Where the columns are.

    Raises:
        KnowledgeError: this is not the registry's header.
    """
    titles = [" ".join(cell.lower().split()) for cell in header]
    missing = [title for title in _NEEDED if title not in titles]
    if missing:
        found = ", ".join(header)[:120] or "nothing"
        hint = "the file is service-names-port-numbers.csv from https://www.iana.org/assignments/service-names-port-numbers/"
        message = f"{file}: the first line lacks the column {', '.join(map(repr, missing))}; it reads: {found}"
        raise KnowledgeError(error(message, hint=hint))
    return {_COLUMNS[title]: index for index, title in enumerate(titles) if title in _COLUMNS}


def _clean(cell: str) -> str:
    """A cell as one line of printable text."""
    return " ".join("".join(c if c.isprintable() else " " for c in cell).split())


def _ports(cell: str) -> tuple[int, int] | None:
    shape = _PORTS.fullmatch(cell)
    if shape is None:
        return None
    first, last = int(shape[1]), int(shape[2] or shape[1])
    return (first, last) if first <= last <= 65535 else None


class _Rows:
    """Gathers rows into registrations, counting and remembering what it could not use."""

    def __init__(self, columns: dict[str, int], file: Path) -> None:
        self.columns = columns
        self.file = file
        self.lines: dict[tuple[int, int, str], _Line] = {}
        self.skipped: Counter[str] = Counter()
        self.warnings: list[Diagnostic] = []

    def take(self, row: Sequence[str], line: int) -> None:
        """One row of the file."""
        if not any(cell.strip() for cell in row):
            return
        if len(row) <= max(self.columns[column] for column in ("name", "port", "transport")):
            self._odd(line, "the row has too few columns")
            return
        cells = {column: _clean(row[index]) if index < len(row) else "" for column, index in self.columns.items()}
        name, transport = cells["name"].lower(), cells["transport"].lower()
        if not cells["port"]:
            self.skipped["without a port"] += 1
            return
        ports = _ports(cells["port"])
        if ports is None:
            self._odd(line, f'"{cells["port"][:40]}" is no port or range')
        elif not name:
            self.skipped["reserved or unassigned"] += 1
        elif transport and transport not in _LETTER:
            self._odd(line, f'"{transport[:40]}" is no transport of the registry')
        else:
            entry = self.lines.setdefault((*ports, name), _Line())
            # A row without a transport registers the number for the two that everybody means.
            entry.letters.update(_LETTER[transport] if transport else "tu")
            entry.description = entry.description or cells.get("description", "")
            entry.other_use = entry.other_use or cells.get("other_use", "")

    def _odd(self, line: int, message: str) -> None:
        self.skipped["not understood"] += 1
        if len(self.warnings) < 10:
            self.warnings.append(warning(f"{self.file}:{line}: {message}; the row is left out"))

    def table(self) -> Iterator[str]:
        """The lines of the compact table."""
        for (first, last, name), entry in sorted(self.lines.items()):
            ports = str(first) if first == last else f"{first}-{last}"
            letters = "".join(letter for letter in LETTERS if letter in entry.letters)
            cells = (ports, letters, name, entry.description, entry.other_use)
            yield "\t".join(cells).rstrip("\t")


def _read(file: Path) -> _Rows:
    """Stream the file.

    Raises:
        KnowledgeError: it cannot be read, or is not the registry.
    """
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            rows = _Rows(_columns(next(reader, []), file), file)
            for row in reader:
                rows.take(row, reader.line_num)
    except OSError as problem:
        raise KnowledgeError(error(f"{file}: cannot be read: {problem.strerror or problem}")) from problem
    except csv.Error as problem:
        hint = "the file may be cut off; fetch it again"
        raise KnowledgeError(error(f"{file}: not valid CSV: {problem}", hint=hint)) from problem
    finally:
        csv.field_size_limit(limit)
    if not rows.lines:
        raise KnowledgeError(error(f"{file}: no registration in this file; the present table stays"))
    return rows


def _grouped(entries: Iterable[Registration]) -> dict[tuple[int, int], dict[str, tuple[str, ...]]]:
    groups: dict[tuple[int, int], dict[str, tuple[str, ...]]] = {}
    for entry in entries:
        groups.setdefault((entry.first, entry.last), {})[entry.name.lower()] = entry.transports
    return groups


def compare(old: Registry, new: Registry) -> tuple[list[Change], list[Change], list[Change]]:
    """What was added, removed and renamed from one table to the other.

    A name that went where another came on the same ports and a common transport counts as renamed; a name whose
    transports changed counts as added or removed for those.
    """
    before, after = _grouped(old), _grouped(new)
    added: list[Change] = []
    removed: list[Change] = []
    renamed: list[Change] = []
    for first, last in sorted(before.keys() | after.keys()):
        ports = str(first) if first == last else f"{first}-{last}"
        was, now = before.get((first, last), {}), after.get((first, last), {})
        gone = {name: transports for name, transports in was.items() if name not in now}
        for name, transports in now.items():
            if name in was:
                more = tuple(t for t in transports if t not in was[name])
                fewer = tuple(t for t in was[name] if t not in transports)
                added += [Change(ports, more, name)] if more else []
                removed += [Change(ports, fewer, name)] if fewer else []
                continue
            heir = next((old_name for old_name, had in gone.items() if set(had) & set(transports)), None)
            if heir is None:
                added.append(Change(ports, transports, name))
            else:
                del gone[heir]
                renamed.append(Change(ports, transports, name, heir))
        removed += [Change(ports, transports, name) for name, transports in gone.items()]
    return added, removed, renamed


def write_atomically(path: Path, content: str) -> None:
    """Replace a file with `content`, or leave it as it was.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def import_registry(file: Path, data_dir: Path, present: Registry, *, dry_run: bool = False) -> ImportReport:
    """Turn IANA's CSV into the table that is used from now on, and say what differs from the present one.

    Nothing is changed unless everything worked, or where `dry_run` asks only for the report.

    Raises:
        KnowledgeError: the file is not the registry, or the table cannot be written.
    """
    rows = _read(file)
    head = "# Imported from IANA's Service Name and Transport Protocol Port Number Registry.\n"
    content = head + "\n".join(rows.table()) + "\n"
    new = Registry(content)
    added, removed, renamed = compare(present, new)
    path = data_dir / FILE_NAME
    if not dry_run:
        try:
            write_atomically(path, content)
        except OSError as problem:
            raise KnowledgeError(error(f"{path}: cannot be written: {problem.strerror or problem}")) from problem
    if len(new) * 2 < len(present):
        message = f"the file has {len(new)} registrations, the table before had {len(present)}"
        rows.warnings.append(warning(message, hint="is this the whole registry?"))
    return ImportReport(
        path, len(new), dict(rows.skipped), tuple(added), tuple(removed), tuple(renamed), tuple(rows.warnings)
    )
