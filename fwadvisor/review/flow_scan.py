"""The scanner of the language of flows: a place in a text, and problems that point at it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span, error
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import AddressSet
from fwadvisor.ports.database import Database

WORD = re.compile(r"[^\s,\"]+")


@dataclass(frozen=True, slots=True)
class Language:
    """What names mean: services by the port database, and addresses that were given names."""

    database: Database
    #: Names of addresses; ``self`` says which addresses this machine has.
    names: Mapping[str, AddressSet] = field(default_factory=dict)
    #: Whether a flow must say its protocol, and where that has ports, the port.
    exact: bool = True


class Scanner:
    """Reads a stretch of one line; `at` is the place in it."""

    def __init__(self, text: str, language: Language, file: str, line: int, start: int, stop: int) -> None:
        self.text, self.file, self.line, self.stop = text, file, line, stop
        self.language = language
        self.start = self.at = start

    def problem(self, message: str, at: int, hint: str = "", length: int = 1) -> FwadvisorError:
        """An error that points at a place of the text."""
        return FwadvisorError(error(message, Span(self.file, self.line, at + 1, max(1, length), self.text), hint))

    def nothing_follows(self, what: str) -> None:
        """That the text is at its end."""
        self.skip()
        if self.at < self.stop:
            rest = self.text[self.at : self.stop].rstrip()
            raise self.problem(f'after {what} nothing can follow, but "{rest}" does', self.at, length=len(rest))

    def skip(self) -> None:
        """Pass over white space."""
        while self.at < self.stop and self.text[self.at].isspace():
            self.at += 1

    def next(self, text: str) -> bool:
        """Whether `text` stands here."""
        return self.at < self.stop and self.text.startswith(text, self.at, self.stop)

    def take(self, pattern: re.Pattern[str]) -> str:
        """What matches here, and go on behind it; "" where nothing does."""
        found = pattern.match(self.text, self.at, self.stop)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]
