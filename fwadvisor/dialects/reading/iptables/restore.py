"""Files for iptables-restore, as iptables-save prints them, and listings of ``iptables -S``."""

from __future__ import annotations

import re

from fwadvisor.diagnostic import Span, error, warning
from fwadvisor.dialects.reading.iptables.commands import parse
from fwadvisor.dialects.reading.iptables.gathered import Gathered
from fwadvisor.dialects.reading.iptables.lines import Line, positions, split, unread
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.state import BUILTIN, Table, Tables
from fwadvisor.dialects.reading.source import Problems
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Opaque

#: What Python takes for a blank and iptables-restore does not.
_ODD_CHARACTERS = "\x0b\x0c\x1c\x1d\x1e\x1f"
_ODD_BLANKS = re.compile(r"[\x0b-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_REMARKS = ("# Table ", "# Warning: ")
_HIDDEN = re.compile(r"^# Table `?\w+' (?:is|contains) incompatible")
_ELSEWHERE = re.compile(r"^# Warning: \S+ tables present")
#: iptables-restore takes no longer line.
_LONGEST_LINE = 10_239
_COUNTERS = re.compile(r"\[\d+:\d+\]")
#: Which table has exactly these built-in chains; the security table has those of filter.
_BY_CHAINS = {frozenset(chains): name for name, chains in BUILTIN.items() if name != "security"}


class Restoring:
    """Reads one text in the form of iptables-restore into tables."""

    def __init__(self, gathered: Gathered, version: Family, file: str) -> None:
        self.tables = gathered.of(version)
        self.file = file
        self.problems = gathered.problems
        self.warnings = gathered.warnings
        self.tainted = gathered.tainted
        self.flush = True
        self._table: Table | None = None
        self._began: Span | None = None

    def read(self, text: str, first: int = 1) -> None:
        """Read a text whose first line has the number `first`; problems are noted and reading goes on.

        Raises:
            TooMuchError: there are too many rules.
        """
        lines = text.split("\n")
        if any(line.endswith("\r") for line in lines[:2]):
            hint = "iptables-restore takes lines that end in LF alone: dos2unix removes CR"
            self.problems.add(error("the lines end in CR LF", Span(self.file, first), hint))
            return
        odd = has_odd_blanks(text)
        for number, source in enumerate(lines, first):
            if not source or source[0] == "#":
                if source.startswith(_REMARKS):
                    self._remark(source, number)
                continue
            try:
                self._line(source, number, odd)
            except RefusedError as refusal:
                self.problems.add(unread(self.file, number, source).problem(refusal))
                if self.problems.more:
                    return
        if self._table is not None:
            hint = "what stands after the last COMMIT takes no effect"
            self.problems.add(error(f"the table {self._table.name} ends without COMMIT", self._began, hint))
        elif lines[-1] == "COMMIT":
            span = Span(self.file, first + len(lines) - 1, 1, 6, "COMMIT")
            self.warnings.append(warning("the last line has no line end, which iptables-legacy-restore needs", span))

    def _remark(self, source: str, number: int) -> None:
        """What iptables-save says of rules that it does not show."""
        span = Span(self.file, number, 1, len(source), source)
        if _HIDDEN.search(source):
            self.tainted.append(Opaque(span, "the table holds what iptables-save cannot show"))
        elif _ELSEWHERE.search(source):
            hint = "the machine asks those rules too; save and read them as well"
            self.warnings.append(warning("there are rules besides these", span, hint))

    def _line(self, source: str, number: int, odd: bool) -> None:
        table = self._table
        if len(source) > _LONGEST_LINE:
            raise RefusedError(f"the line is longer than {_LONGEST_LINE} characters")
        if table is None:
            if source[0] != "*":
                raise RefusedError("this stands outside of a table", hint="a table begins with a line such as *filter")
            self._begin(source, number)
        elif source == "COMMIT":
            self._table = None
        elif source[0] == ":":
            self._chain(table, source, number)
        else:
            self._rule(table, source, number, odd)

    def _begin(self, source: str, number: int) -> None:
        name = source[1:].split()[0] if source[1:].split() else ""
        span = Span(self.file, number, 1, len(source), source)
        self._began = span
        if not self.flush:
            self._table = self.tables.table(name)
            return
        if self.tables.begin(name):
            self.warnings.append(
                warning(f"the table {name} is emptied here: what was read of it before has no effect", span)
            )
        self._table = self.tables.table(name)

    def _chain(self, table: Table, source: str, number: int) -> None:
        words = source[1:].split()
        line = Line(self.file, number, source, [*words], tuple(_columns(source)))
        if len(words) < 2:
            raise RefusedError("a chain needs a policy, or - where it is not built in", hint=":INPUT DROP [0:0]")
        name, policy = words[:2]
        if len(words) > 2 and not _COUNTERS.fullmatch(words[2]):
            raise RefusedError(f'"{words[2]}" is no pair of counters', words[2], "expected [0:0]")
        if not table.built_in(name):
            if len(name) > 28:
                raise RefusedError(f'"{name}" is too long for a chain', name, "at most 28 characters")
            if name in table.chains and not self.flush:
                table.chains[name].rules.clear()
            else:
                self.tables.create(table, name, line)
        if policy != "-":
            self.tables.set_policy(table, name, policy, line)

    def _rule(self, table: Table, source: str, number: int, odd: bool) -> None:
        words = [word for word, _ in positions(source)] if odd else split(source)
        start = 0
        if words and words[0][0:1] == "[":
            if not _COUNTERS.fullmatch(words[0]):
                raise RefusedError(f'"{words[0]}" is no pair of counters', words[0], "expected [0:0]")
            start = 1
        command = parse(words, start)
        if command.table:
            raise RefusedError("the table is that of the block: -t has no place here", "-t")
        self.tables.apply(command, Line(self.file, number, source, words), table.name)


def has_odd_blanks(text: str) -> bool:
    """Whether Python would split the text where iptables-restore does not."""
    if text.isascii():
        return any(each in text for each in _ODD_CHARACTERS)
    return _ODD_BLANKS.search(text) is not None


def _columns(source: str) -> list[int]:
    return [found.start() + 1 for found in re.finditer(r"\S+", source[1:].rjust(len(source)))]


def read_listing(tables: Tables, file: str, text: str, problems: Problems) -> None:
    """Read what ``iptables -S`` printed of one table; which one, its built-in chains tell.

    Raises:
        TooMuchError: there are too many rules.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    named = frozenset(line.split()[1] for _, line in lines if line.startswith("-P ") and len(line.split()) > 1)
    table = _BY_CHAINS.get(named, "filter")
    odd = has_odd_blanks(text)
    for number, source in lines:
        try:
            words = [word for word, _ in positions(source)] if odd else split(source)
            tables.apply(parse(words, 0), Line(file, number, source, words), table)
        except RefusedError as refusal:
            problems.add(unread(file, number, source).problem(refusal))
            if problems.more:
                return
