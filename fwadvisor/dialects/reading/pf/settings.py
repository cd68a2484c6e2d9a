"""``set`` and ``table`` statements."""

from __future__ import annotations

from collections.abc import Callable

from fwadvisor.diagnostic import Span, error
from fwadvisor.dialects.reading.pf.cursor import Cursor, value
from fwadvisor.dialects.reading.pf.hosts import host, interface_name, named_host, table_name
from fwadvisor.dialects.reading.pf.networks import NetworkTextError, network
from fwadvisor.dialects.reading.pf.rules import Defaults
from fwadvisor.dialects.reading.pf.states import state_options
from fwadvisor.dialects.reading.pf.syntax import Host, Table
from fwadvisor.dialects.reading.pf.variants import FREEBSD_15, FREEBSD_ONLY, NEWER, OPENBSD_ONLY
from fwadvisor.dialects.reading.pf.words import LIMITS, TIMEOUTS
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Verdict

_OPTIMIZATIONS = (
    "normal", "default", "satellite", "high-latency", "aggressive", "conservative",
)  # fmt: skip
_DEBUG_OPENBSD = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_DEBUG_FREEBSD = ("none", "urgent", "misc", "loud")
_OPTIONS = (
    "block-policy", "skip", "state-policy", "state-defaults", "optimization", "ruleset-optimization", "timeout",
    "limit", "loginterface", "hostid", "fail-policy", "require-order", "fingerprints", "debug", "reassemble",
    "keepcounters", "syncookies", "queue",
)  # fmt: skip
#: Options that FreeBSD accepts after rules as well.
ANYWHERE = frozenset(
    {"skip", "state-policy", "state-defaults", "ruleset-optimization", "require-order", "keepcounters", "syncookies"}
)


class Settings:
    """What ``set`` statements say that decides about packets."""

    def __init__(self) -> None:
        #: Interfaces and groups that pf does not look at, and where it is said.
        self.skipped: dict[str, Span] = {}
        self.require_order = True

    def read(self, cursor: Cursor, defaults: Defaults) -> None:
        """One statement; ``set`` is the first token.

        Raises:
            ReadError: pfctl would refuse it.
        """
        word = cursor.t[1]
        cursor.i = 2
        reader = _READERS.get(word)
        if reader is None:
            cursor.i = 1
            raise cursor.expected("an option", _OPTIONS)
        reader(self, cursor, defaults)
        if cursor.t[cursor.i] != "\n":
            raise cursor.expected("the end of the line")

    def _skip(self, cursor: Cursor, _defaults: Defaults) -> None:
        if cursor.t[cursor.i] == "\n":
            self.skipped.clear()
            return
        cursor.expect("on")
        if cursor.t[cursor.i] == "!":
            raise cursor.fail('"set skip" takes no "!"')

        def item() -> str:
            if cursor.t[cursor.i] == "!":
                raise cursor.fail('"set skip" takes no "!"')
            return interface_name(cursor)

        names = cursor.elements(item)
        if names == ["none"]:
            self.skipped.clear()
            return
        for each in names:
            self.skipped.setdefault(each, cursor.whole())

    def _block_policy(self, cursor: Cursor, defaults: Defaults) -> None:
        word = _one_of(cursor, "drop", "return")
        defaults.block = Verdict.DROP if word == "drop" else Verdict.REJECT

    def _fail_policy(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(FREEBSD_ONLY, '"set fail-policy"', 1)
        _one_of(cursor, "drop", "return")

    def _state_policy(self, cursor: Cursor, _defaults: Defaults) -> None:
        _one_of(cursor, "if-bound", "floating")

    def _state_defaults(self, cursor: Cursor, defaults: Defaults) -> None:
        if defaults.states is not None:
            raise cursor.fail("state-defaults cannot be given twice", at=1)
        defaults.states = state_options(cursor)

    def _require_order(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(FREEBSD_ONLY, '"set require-order"', 1)
        self.require_order = _one_of(cursor, "yes", "no") == "yes"

    def _timeout(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.elements(lambda: _amount(cursor, "timeout", TIMEOUTS))

    def _limit(self, cursor: Cursor, _defaults: Defaults) -> None:
        def item() -> None:
            if cursor.t[cursor.i] == "tables":
                cursor.only(OPENBSD_ONLY, '"set limit tables"')
            _amount(cursor, "limit", LIMITS)

        cursor.elements(item)

    def _optimization(self, cursor: Cursor, _defaults: Defaults) -> None:
        _one_of(cursor, *_OPTIMIZATIONS)

    def _ruleset_optimization(self, cursor: Cursor, _defaults: Defaults) -> None:
        _one_of(cursor, "none", "basic", "profile")

    def _log_interface(self, cursor: Cursor, _defaults: Defaults) -> None:
        if not cursor.skip("all"):
            interface_name(cursor)

    def _host_id(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.string("a number")

    def _fingerprints(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.string("the name of a file")

    def _debug(self, cursor: Cursor, _defaults: Defaults) -> None:
        at = cursor.i
        word = _one_of(cursor, *_DEBUG_OPENBSD, *_DEBUG_FREEBSD)
        cursor.only(OPENBSD_ONLY if word in _DEBUG_OPENBSD else FREEBSD_ONLY, f'"set debug {word}"', at)

    def _reassemble(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(NEWER, '"set reassemble"', 1)
        _one_of(cursor, "yes", "no")
        cursor.skip("no-df")

    def _keep_counters(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(FREEBSD_15, '"set keepcounters"', 1)

    def _syncookies(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(NEWER, '"set syncookies"', 1)
        _one_of(cursor, "never", "always", "adaptive")
        cursor.skip_statement()

    def _queue(self, cursor: Cursor, _defaults: Defaults) -> None:
        cursor.only(OPENBSD_ONLY, '"set queue"', 1)
        cursor.skip_statement()


def _one_of(cursor: Cursor, *known: str) -> str:
    head = cursor.t[cursor.i]
    found = value(head) if head != "\n" else ""
    if found not in known:
        raise cursor.expected(" or ".join(f'"{each}"' for each in known), known)
    cursor.i += 1
    return found


def _amount(cursor: Cursor, what: str, known: tuple[str, ...]) -> None:
    head = cursor.t[cursor.i]
    if head == "\n" or value(head) not in known:
        raise cursor.expected(f"the name of a {what}", known)
    cursor.i += 1
    cursor.number("a number", 2**32 - 1)


_READERS: dict[str, Callable[[Settings, Cursor, Defaults], None]] = {
    "skip": Settings._skip, "block-policy": Settings._block_policy, "fail-policy": Settings._fail_policy,
    "state-policy": Settings._state_policy, "state-defaults": Settings._state_defaults,
    "require-order": Settings._require_order, "timeout": Settings._timeout, "limit": Settings._limit,
    "optimization": Settings._optimization, "ruleset-optimization": Settings._ruleset_optimization,
    "loginterface": Settings._log_interface, "hostid": Settings._host_id, "fingerprints": Settings._fingerprints,
    "debug": Settings._debug, "reassemble": Settings._reassemble, "keepcounters": Settings._keep_counters,
    "syncookies": Settings._syncookies, "queue": Settings._queue,
}  # fmt: skip


# --- tables ----------------------------------------------------------------------------------------

_TABLE_OPTIONS = ("const", "persist", "counters", "file")
_NOT_IN_TABLES = {
    "table": "a table cannot hold tables", "no-route": '"no-route" cannot stand in a table', "any": '"any" cannot '
    "stand in a table", "urpf-failed": '"urpf-failed" cannot stand in a table',
}  # fmt: skip


def table(cursor: Cursor, source: Source) -> Table:
    """``table <name> [persist] [const] [counters] [file "f"] [{ entries }]``; files lie beside `source`.

    Raises:
        ReadError: pfctl would refuse it, or a file cannot be read.
    """
    cursor.i = 1
    found = Table("", cursor.whole())
    found.name = table_name(cursor)
    while cursor.t[cursor.i] != "\n":
        head = cursor.t[cursor.i]
        if head == "{":
            entries = _entries(cursor)
            found.entries = [*(found.entries or ()), *entries]
        elif value(head) in ("const", "persist", "counters"):
            cursor.i += 1
        elif head == "file":
            cursor.i += 1
            at = cursor.i
            file = source.beside(cursor.string("the name of a file"), cursor.span(at))
            found.entries = [*(found.entries or ()), *_file_entries(file, cursor, at)]
        else:
            raise cursor.expected("an option of the table or its entries", _TABLE_OPTIONS)
    return found


def _entries(cursor: Cursor) -> list[Host]:
    start = cursor.i
    cursor.i += 1
    cursor.line_ends()
    if cursor.skip("}"):
        return []
    cursor.i = start + 1
    plain = _plain_entries(cursor)
    if plain is not None:
        return plain
    cursor.i = start

    def item() -> Host:
        at = cursor.i
        found = host(cursor)
        problem = _NOT_IN_TABLES.get(found.kind)
        if found.live:
            problem = "an interface in parentheses cannot stand in a table"
        elif "-" in cursor.t[at : cursor.i]:
            problem = "a range cannot stand in a table"
        if problem:
            raise cursor.fail(problem, at=at)
        return found

    return cursor.elements(item)


def _plain_entries(cursor: Cursor) -> list[Host] | None:
    """A list on one line that holds networks alone, which may be hundreds of thousands; None where it is not so.

    Neighbours of one sign come as one host.
    """
    runs: list[tuple[bool, list[tuple[Family, int, int]]]] = []
    t, i = cursor.t, cursor.i
    try:
        while t[i] != "}":
            negated = t[i] == "!"
            i += negated
            prefix = t[i + 2] if t[i + 1] == "/" and t[i + 2].isdecimal() else ""
            found = network(t[i], prefix)
            if found is None:
                return None
            if not runs or runs[-1][0] is not negated:
                runs.append((negated, []))
            runs[-1][1].append(found)
            i += 3 if prefix else 1
            if t[i] == "," and t[i + 1] != "}":
                i += 1
    except (IndexError, NetworkTextError):
        return None
    cursor.i = i + 1
    return [_run(negated, networks) for negated, networks in runs]


def _run(negated: bool, networks: list[tuple[Family, int, int]]) -> Host:
    v4 = tuple((first, last) for family, first, last in networks if family is Family.IPV4)
    return Host("network", negated, v4, tuple((a, b) for family, a, b in networks if family is Family.IPV6))


def _file_entries(file: Source, cursor: Cursor, at: int) -> list[Host]:
    """The entries of a file: one for each word, ``!`` before exceptions, comments after ``#`` and ``;``."""
    found: list[Host] = []
    for number, line in enumerate(file.text().split("\n"), 1):
        words = line.partition("#")[0].partition(";")[0].split()
        negated = False
        for word in words:
            text = word.lstrip("!")
            negated ^= (len(word) - len(text)) % 2 == 1
            if not text:
                continue
            address, _, prefix = text.partition("/")
            try:
                if prefix and not (prefix.isascii() and prefix.isdigit()):
                    raise cursor.fail(f'"{text}" is no address', at=at)
                entry = named_host(cursor, address, prefix, at)
            except ReadError as problem:
                first = problem.diagnostics[0]
                raise ReadError(
                    error(f"{file.name} holds bad data in line {number}: {first.message}", first.span, first.hint)
                ) from None
            found.append(Host(entry.kind, negated, entry.v4, entry.v6, entry.name, scope=entry.scope))
            negated = False
    return found
