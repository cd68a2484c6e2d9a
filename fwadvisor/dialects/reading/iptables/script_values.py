"""What the words of a script become when the values of its variables are put in (POSIX sh, 2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from fwadvisor.dialects.reading.iptables.shell import Simple
from fwadvisor.dialects.reading.iptables.shell_words import Word
from fwadvisor.dialects.reading.iptables.state import TooMuchError

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
#: What the shell would look for among files, or write out: ``*``, ``{a,b}``.
_PATTERN = re.compile(r"[*?]|\{[^}]*(?:,|\.\.)[^}]*\}|^~")
#: Values of variables, and commands with everything put in, have so many characters at most.
_LONGEST_VALUE, LONGEST_COMMAND = 65_536, 2**20


@dataclass(slots=True)
class Said:
    """A command with everything put in: words and their columns, or None where a word is not known."""

    words: list[str]
    columns: tuple[int, ...]
    known: bool
    simple: Simple


@dataclass(slots=True)
class Frame:
    """The arguments of the function that runs; None where they are not known."""

    arguments: list[str] | None = None
    depth: int = 0


@dataclass(slots=True)
class Values:
    """Variables, and the arguments of the function that runs."""

    #: None where only running the script tells.
    variables: dict[str, str | None] = field(default_factory=dict)
    frame: Frame = field(default_factory=Frame)

    def assign(self, name: str, value: str | None) -> None:
        """Give a variable a value; None where it is not known.

        Raises:
            TooMuchError: it is too long.
        """
        if value is not None and len(value) > _LONGEST_VALUE:
            raise TooMuchError(f'the value of "{name}" has more than {_LONGEST_VALUE} characters')
        self.variables[name] = value

    def assignment(self, word: Word) -> tuple[str, str | None] | None:
        """The name and value of ``NAME=value``, or None where the word is none."""
        first = word.pieces[0]
        found = ASSIGNMENT.fullmatch(first.text) if not first.variable and not first.quoted and first.known else None
        if found is None:
            return None
        value: str | None = found.group(2)
        for piece in word.pieces[1:]:
            part = self._value(piece.text) if piece.variable else (piece.text if piece.known else None)
            value = None if value is None or part is None else value + part
        return found.group(1), value

    def _value(self, name: str) -> str | None:
        if name in self.variables:
            return self.variables[name]
        if name.isdecimal() and name != "0" and self.frame.arguments is not None:
            place = int(name[:3])
            return self.frame.arguments[place - 1] if place <= len(self.frame.arguments) else ""
        if name in ("*", "@") and self.frame.arguments is not None:
            return " ".join(self.frame.arguments)
        return None

    def expand(self, words: Iterable[Word]) -> Said:
        """The words with everything put in.

        Raises:
            TooMuchError: they become too long.
        """
        found: list[str] = []
        columns: list[int] = []
        known = True
        first = size = 0
        for word in words:
            first = first or word.line
            column = word.column if word.line == first else -1
            fields = self._fields(word)
            if fields is None:
                known = False
                fields = ["".join(piece.text for piece in word.pieces)] if found else []
            size += sum(map(len, fields))
            if size > LONGEST_COMMAND:
                raise TooMuchError(f"a command has more than {LONGEST_COMMAND} characters")
            found += fields
            columns += [column] * len(fields)
            if not known and not found:
                break
        return Said(found, tuple(columns), known, Simple((), first))

    def _fields(self, word: Word) -> list[str] | None:
        """What a word becomes: mostly one, several where a variable without quotes holds blanks."""
        if len(word.pieces) == 1 and not word.pieces[0].variable and word.pieces[0].known:
            piece = word.pieces[0]
            return [piece.text] if piece.quoted or not _PATTERN.search(piece.text) else None
        if len(word.pieces) == 1 and word.pieces[0].text == "@" and word.pieces[0].quoted:
            return self.frame.arguments
        fields: list[str] = []
        current: str | None = None
        for piece in word.pieces:
            text = self._value(piece.text) if piece.variable else piece.text
            if text is None or not piece.known:
                return None
            if piece.variable and not piece.quoted:
                if "IFS" in self.variables or _PATTERN.search(text):
                    return None
                parts = re.split(r"[ \t\n]+", text)
                for number, part in enumerate(parts):
                    if number and current is not None:
                        fields.append(current)
                        current = None
                    if part:
                        current = (current or "") + part
            else:
                current = (current or "") + text
        return fields if current is None else [*fields, current]
