"""The files that readers read: how they and others beside them are found, and the limits."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.errors import ReadError

#: Above this no rule file is read: ten times the largest that we have seen of a real machine.
MOST_BYTES = 16 * 2**20
#: After so many problems of one file the rest is not listed.
MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a rule file, and where they come from."""

    #: As the user said it; "-" for standard input.
    name: str
    content: bytes
    #: Where files that the text names are looked for, and nowhere else; None where there is no such place.
    directory: Path | None = None

    def text(self) -> str:
        """The content as text, without a byte order mark (UTF-8, UTF-16 with a mark).

        Raises:
            ReadError: it is no text.
        """
        if self.content.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding, raw = "utf-16", self.content
        else:
            encoding, raw = "utf-8", self.content.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as problem:
            line = raw.count(b"\n", 0, problem.start) + 1
            raise ReadError(error(f"this is no {encoding.upper()} text", Span(self.name, line))) from None
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise ReadError(error("this is no text: it holds a NUL character", Span(self.name, line)))
        return text

    def beside(self, name: str, span: Span) -> Source:
        """The file that the text calls `name`, if it lies in `directory` or below it.

        Raises:
            ReadError: it lies elsewhere, or cannot be read; the diagnostic points at `span`.
        """
        if self.directory is None:
            raise ReadError(error(f'"{name}" cannot be read: the rules did not come from a file', span))
        root = self.directory.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise ReadError(
                error(
                    f'"{name}" lies outside of {self.directory}, so it is not read',
                    span,
                    "only files beside the rule file, or below its directory, are followed",
                )
            )
        try:
            return load_source(path, str(self.directory / path.relative_to(root)), self.directory)
        except ReadError as refusal:
            raise ReadError(error(each.message, span) for each in refusal.diagnostics) from None


def load_source(path: Path, name: str = "", directory: Path | None = None) -> Source:
    """Read one rule file.

    Raises:
        ReadError: there is none, or it is too large, or neither a file nor a pipe.
    """
    name = name or str(path)
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise ReadError(error(f"{name} is neither a file nor a pipe"))
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise ReadError(error(f"cannot read {name}: {reason}")) from None
    if len(content) > MOST_BYTES:
        raise ReadError(error(f"{name} is larger than {MOST_BYTES // 2**20} MiB, too large for a rule file"))
    return Source(name, content, directory or path.parent)


@dataclass
class Problems:
    """The diagnostics of one reading, of which only the first `MOST_PROBLEMS` are kept."""

    found: list[Diagnostic] = field(default_factory=list)
    more: int = 0

    def add(self, problem: Diagnostic) -> None:
        """Note a problem and go on."""
        if len(self.found) < MOST_PROBLEMS:
            self.found.append(problem)
        else:
            self.more += 1

    def raise_any(self) -> None:
        """End the reading if there were problems.

        Raises:
            ReadError: there were.
        """
        if self.more:
            self.found.append(error(f"{self.more} more problems of this kind of file are not shown"))
        if self.found:
            raise ReadError(self.found)
