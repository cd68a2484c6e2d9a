"""Scripts of iptables, ip6tables and ipset commands: what running them would load into empty tables.

What a script does besides is noted where it cannot touch the rules. What may touch them and is not followed makes
every answer unknown; commands that only may run, such as those of an ``if``, make rules that only may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span, error, warning
from fwadvisor.dialects.reading.iptables.commands import parse as parse_command
from fwadvisor.dialects.reading.iptables.drafts import not_understood
from fwadvisor.dialects.reading.iptables.gathered import Gathered
from fwadvisor.dialects.reading.iptables.lines import Line
from fwadvisor.dialects.reading.iptables.parts import Draft
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.restore import Restoring
from fwadvisor.dialects.reading.iptables.script_values import ASSIGNMENT, LONGEST_COMMAND, Frame, Said, Values
from fwadvisor.dialects.reading.iptables.shell import (
    Chained,
    Function,
    Group,
    Loop,
    Maybe,
    Other,
    Pipeline,
    Simple,
    Statement,
    parse,
)
from fwadvisor.dialects.reading.iptables.shell_words import ShellError
from fwadvisor.dialects.reading.iptables.state import FailedError, TooMuchError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Opaque, Unknown

_IPTABLES = re.compile(r"(?:.*/)?(ip6?tables)(?:-legacy|-nft)?(-restore|-save)?")
_IPSET = re.compile(r"(?:.*/)?ipset")
#: Commands that change no rules.
_HARMLESS = frozenset(
    {
        ":", "[", "[[", "alias", "awk", "basename", "cat", "cd", "chmod", "chown", "conntrack", "cp", "cut", "date",
        "declare", "depmod", "dirname", "echo", "egrep", "ethtool", "exit", "export", "false", "getopts", "grep",
        "hash", "head", "hostname", "id", "ifconfig", "insmod", "ip", "ip6tables-save", "iptables-save", "kill", "ln",
        "local", "log_daemon_msg", "log_end_msg", "logger", "ls", "lsmod", "mkdir", "modprobe", "mv", "printf", "ps",
        "read", "readonly", "return", "rm", "rmmod", "route", "sed", "set", "shift", "shopt", "sleep", "sort", "sync",
        "sysctl", "tail", "tc", "tee", "test", "touch", "tr", "true", "type", "typeset", "ulimit", "umask", "uname",
        "unset", "wait", "wc", "which", "whoami",
    }
)  # fmt: skip
_DECLARING = frozenset({"export", "local", "readonly", "declare", "typeset"})
#: Words before a command that change nothing about what it does to the rules.
_LEADING = frozenset({"sudo", "command", "exec", "nohup", "nice", "env", "builtin", "doas"})
#: A script may run so many commands, and is so large at most.
_MOST_COMMANDS, _MOST_CHARACTERS = 100_000, 2**20
_DEEPEST = 30


class _EndedError(Exception):
    """The script, or (`function`) the function, ends here."""

    def __init__(self, function: bool = False) -> None:
        super().__init__()
        self.function = function


@dataclass(slots=True)
class Script:
    """Runs one script."""

    gathered: Gathered
    file: str
    _rows: list[str] = field(default_factory=list)
    _values: Values = field(default_factory=Values)
    _functions: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    #: What the present statements depend on, or "".
    _uncertain: str = ""
    _strict: bool = False
    _commands: int = 0
    _flushed: bool = False
    _first: Line | None = None

    def read(self, text: str) -> None:
        """Run the script; problems are noted and reading goes on.

        Raises:
            TooMuchError: it runs too much.
        """
        self._rows = text.split("\n")
        if len(text) > _MOST_CHARACTERS:
            raise TooMuchError(f"a script of more than {_MOST_CHARACTERS // 2**20} MiB is not read")
        try:
            self._run(parse(text))
        except ShellError as problem:
            self.gathered.problems.add(error(problem.message, self._span(problem.line), problem.hint))
        except _EndedError:
            return
        finally:
            if self._first is not None and not self._flushed:
                hint = "a script that begins with -F does not depend on what was there"
                self.gathered.warnings.append(
                    warning("the script adds to what is there; it is read as if nothing were", self._first.span(), hint)
                )

    def _span(self, line: int) -> Span:
        row = self._rows[line - 1] if 0 < line <= len(self._rows) else ""
        column = len(row) - len(row.lstrip()) + 1
        return Span(self.file, line, column, max(1, len(row.strip())), row)

    def _taint(self, line: int, reason: str) -> None:
        self.gathered.tainted.append(Opaque(self._span(line), reason))

    def _run(self, statements: Iterable[Statement]) -> bool | None:
        status: bool | None = True
        for each in statements:
            status = self._statement(each)
        return status

    def _statement(self, statement: Statement) -> bool | None:
        """Run one statement: whether it succeeds, or None where that is not known."""
        match statement:
            case Simple():
                return self._simple(statement)
            case Chained():
                return self._chained(statement)
            case Pipeline():
                return self._pipeline(statement)
            case Group(body):
                return self._run(body)
            case Loop():
                self._loop(statement)
            case Maybe(keyword, body, line):
                self._maybe(body, f"{self.file}:{line}: {keyword}")
            case Function(name, body):
                self._functions[name] = body
            case Other(keyword, line):
                self._taint(line, f'what "{keyword}" chooses is known only when the script runs')
        return None if isinstance(statement, Maybe | Other) else True

    def _maybe(self, body: Iterable[Statement], reason: str) -> None:
        """Run what may run or not."""
        before, self._uncertain = self._uncertain, self._uncertain or reason
        try:
            self._run(body)
        except _EndedError:
            # That it goes on is what the rest of the script is read for.
            return
        finally:
            self._uncertain = before

    def _chained(self, statement: Chained) -> bool | None:
        strict, self._strict = self._strict, False
        status: bool | None = True
        try:
            for operator, part in statement.parts:
                if not operator or status is (operator == "&&"):
                    status = self._statement(part)
                elif status is None:
                    self._maybe([part], f"{self.file}:{statement.line}: {operator}")
        finally:
            self._strict = strict
        return status

    def _pipeline(self, statement: Pipeline) -> bool | None:
        if len(statement.commands) == 1:
            status = self._statement(statement.commands[0])
            return None if status is None else status is not statement.negated
        for each in statement.commands:
            said = self._said(each) if isinstance(each, Simple) else None
            if said is None or not self._only_tells(said):
                self._taint(statement.line, "what comes through a pipe is known only when the script runs")
        return None

    def _only_tells(self, said: Said) -> bool:
        """Whether a command changes no rules."""
        if not said.words:
            return False
        found = _IPTABLES.fullmatch(said.words[0])
        if found:
            listing = {"-L", "-S", "--list", "--list-rules", "-nL", "-vnL", "-nvL", "-Ln"}
            return found.group(2) == "-save" or (not found.group(2) and not listing.isdisjoint(said.words))
        return said.words[0].rpartition("/")[2] in _HARMLESS and said.words[0] not in self._functions

    def _loop(self, loop: Loop) -> None:
        words = self._values.expand(loop.words) if loop.words is not None else None
        if words is None or not words.known:
            self._values.variables[loop.name] = None
            self._maybe(loop.body, f"{self.file}:{loop.line}: for")
            return
        for each in words.words:
            self._values.variables[loop.name] = each
            self._run(loop.body)

    # Commands

    def _simple(self, simple: Simple) -> bool | None:
        self._commands += 1
        if self._commands > _MOST_COMMANDS:
            raise TooMuchError(f"the script runs more than {_MOST_COMMANDS} commands")
        if self.gathered.problems.more:
            raise _EndedError
        said = self._said(simple)
        if said is None:
            return True
        if not said.words:
            if said.known:
                return True
            self._taint(simple.line, "which command this is, is known only when the script runs")
            return None
        name = said.words[0]
        if name in self._functions:
            return self._call(name, said)
        found = _IPTABLES.fullmatch(name)
        if found:
            return self._iptables(said, Family.IPV6 if found.group(1) == "ip6tables" else Family.IPV4, found.group(2))
        if _IPSET.fullmatch(name):
            return self._ipset(said)
        return self._other(name.rpartition("/")[2], said)

    def _other(self, name: str, said: Said) -> bool | None:
        if name == "exit" or (name == "return" and (self._values.frame.depth or not self._uncertain)):
            raise _EndedError(function=name == "return")
        if name == "set":
            options = [word for word in said.words[1:] if word.startswith("-")]
            self._strict = self._strict or any("e" in word[:8] for word in options)
        elif name in _DECLARING:
            for word in said.words[1:]:
                assigned = ASSIGNMENT.fullmatch(word)
                if assigned:
                    self._assign(assigned.group(1), assigned.group(2) if said.known else None)
        elif name in ("shift", "unset", "read", "getopts"):
            self._forget(name, said)
        elif name not in _HARMLESS:
            self._taint(said.simple.line, f'whether "{name}" changes rules is not known')
        return {"true": True, ":": True, "false": False, "echo": True}.get(name)

    def _forget(self, name: str, said: Said) -> None:
        if name == "shift":
            rest = self._values.frame.arguments
            self._values.frame.arguments = rest[1:] if rest is not None and len(said.words) == 1 else None
        else:
            for word in said.words[1:]:
                self._values.variables[word] = None

    def _assign(self, name: str, value: str | None) -> None:
        self._values.assign(name, None if self._uncertain else value)

    def _call(self, name: str, said: Said) -> bool | None:
        if self._values.frame.depth >= _DEEPEST:
            raise TooMuchError(f'functions call functions more than {_DEEPEST} deep, the last is "{name}"')
        before = self._values.frame
        self._values.frame = Frame(said.words[1:] if said.known else None, before.depth + 1)
        try:
            return self._run(self._functions[name])
        except _EndedError as ended:
            if not ended.function:
                raise
            return None
        finally:
            self._values.frame = before

    def _line(self, said: Said) -> Line:
        number = said.simple.line
        last = max((word.line for word in said.simple.words), default=number)
        rows = self._rows[number - 1 : last]
        text = " ".join(row.strip().removesuffix("\\").rstrip() for row in rows) if len(rows) > 1 else ""
        return Line(self.file, number, self._rows[number - 1], said.words, said.columns, text)

    def _iptables(self, said: Said, family: Family, kind: str | None) -> bool | None:
        tables = self.gathered.of(family)
        if kind:
            return self._restore(said, family) if kind == "-restore" else True
        line = self._line(said)
        self._first = self._first or line
        if not said.known:
            self._unknown_rule(said, line, family)
            return None
        try:
            command = parse_command(said.words, 1)
            self._flushed = self._flushed or (command.letter in "FX" and command.letter != "")
            if self._uncertain and command.letter not in ("L", "Z", "C", ""):
                return self._uncertain_command(said, line, family)
            tables.apply(command, line)
        except FailedError as failure:
            return self._failed(failure, line, said)
        except RefusedError as refusal:
            self.gathered.problems.add(line.problem(refusal))
        return True

    def _failed(self, failure: FailedError, line: Line, said: Said) -> bool:
        problem = line.problem(failure)
        checking = any(word in ("-C", "--check") for word in said.words)
        if self._strict:
            hint = problem.hint or "with set -e the script ends here"
            self.gathered.problems.add(error(problem.message, problem.span, hint))
        elif not checking:
            self.gathered.warnings.append(warning(f"this fails: {problem.message}", problem.span, problem.hint))
        return False

    def _uncertain_command(self, said: Said, line: Line, family: Family) -> bool | None:
        """A command that may run or not: an appended rule may be there or not; all else is not known."""
        tables = self.gathered.of(family)
        command = parse_command(said.words, 1)
        table = tables.table(command.table or "filter")
        if command.letter == "N":
            if command.chain not in table.chains:
                tables.create(table, command.chain, line, command.chain_at)
            return None
        if command.letter != "A":
            self._taint(line.number, f"whether this runs depends on {self._uncertain}")
            return None
        chain = tables.chain(table, command.chain, command.chain_at)
        before = len(chain.rules)
        tables.apply(command, line)
        reason = f"whether this rule is there depends on {self._uncertain}"
        for placed in chain.rules[before:]:
            placed.draft.tests.insert(0, not_understood(self._uncertain))
            placed.draft.opaque.append(reason)
        return None

    def _unknown_rule(self, said: Said, line: Line, family: Family) -> None:
        """A rule of which only the chain is known, if that."""
        tables = self.gathered.of(family)
        words = said.words
        place = next((n for n, word in enumerate(words[:-1]) if word in ("-A", "--append")), 0)
        named = next((words[n + 1] for n, word in enumerate(words[:-1]) if word in ("-t", "--table")), "filter")
        chains = tables.tables[named].chains if named in tables.tables else {}
        if place and named == "filter":
            chains = tables.table("filter").chains
        if not place or words[place + 1] not in chains:
            self._taint(line.number, "what this does is known only when the script runs")
            return
        reason = "what this rule says is known only when the script runs"
        text = (line.text or line.source).strip()
        draft = Draft([not_understood(text)], Unknown(reason), opaque=[reason])
        tables.add(chains[words[place + 1]], draft, line)

    def _restore(self, said: Said, family: Family) -> bool | None:
        simple = said.simple
        if simple.body is None or self._uncertain:
            self._taint(simple.line, "the rules that are loaded here are in another file; read that file")
            return None
        options = {"-n", "--noflush", "-c", "--counters", "-w", "--wait", "-v", "--verbose", "-t", "--test"}
        if not said.known or not options.issuperset(said.words[1:]) or not {"-t", "--test"}.isdisjoint(said.words):
            self._taint(simple.line, "how these rules are loaded is not known")
            return None
        text = simple.body if simple.body_quoted else self._filled(simple)
        if text is None:
            self._taint(simple.line, "the rules that are loaded here are known only when the script runs")
            return None
        restoring = Restoring(self.gathered, family, self.file)
        restoring.flush = {"-n", "--noflush"}.isdisjoint(said.words)
        self._flushed = self._flushed or restoring.flush
        restoring.read(text, simple.body_line)
        return True

    def _filled(self, simple: Simple) -> str | None:
        """The here-document with its variables put in, or None where one is not known."""
        body = simple.body or ""
        if "`" in body or "$(" in body:
            return None
        unknown = False
        size = 0

        def value(found: re.Match[str]) -> str:
            nonlocal unknown, size
            text = self._values.variables.get(found.group(1) or found.group(2))
            unknown = unknown or text is None
            size += len(text or "")
            if size > LONGEST_COMMAND:
                raise TooMuchError(f"a here-document has more than {LONGEST_COMMAND} characters")
            return text or ""

        filled = re.sub(r"\$(?:(\w+)|\{([^}]*)\})", value, body)
        return None if unknown else filled

    def _ipset(self, said: Said) -> bool | None:
        line = self._line(said)
        words = said.words[1:]
        if not said.known or self._uncertain or not words or words[0] in ("restore", "-R", "-!"):
            self.gathered.opaque.append(Opaque(line.span(), "what this does to sets is not known"))
            named = words[1:2] if words[:1] != ["restore"] else []
            for name in named:
                if name in self.gathered.sets.named:
                    self.gathered.sets.named[name].expires = True
            return None
        try:
            self.gathered.sets.apply(words, line.span())
        except RefusedError as refusal:
            self.gathered.warnings.append(warning(f"this fails: {refusal.message}", line.span(), refusal.hint))
            return False
        return True

    # Words

    def _said(self, simple: Simple) -> Said | None:
        """The command after assignments; None where there are only those."""
        words = list(simple.words)
        while words:
            assigned = self._values.assignment(words[0])
            if assigned is None:
                break
            if len(words) == 1 or all(self._values.assignment(word) is not None for word in words):
                self._assign(assigned[0], assigned[1])
            del words[0]
        if not words:
            return None
        said = self._values.expand(words)
        said.simple = simple
        while said.words and said.words[0] in _LEADING:
            del said.words[0]
            said.columns = said.columns[1:]
            while said.words and (ASSIGNMENT.fullmatch(said.words[0]) or said.words[0] in ("-E", "-n", "--")):
                del said.words[0]
                said.columns = said.columns[1:]
        return said
