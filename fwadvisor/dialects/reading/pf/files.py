"""Files of pf rules, statement by statement, with what they include and load."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import Diagnostic, Span, error, warning
from fwadvisor.dialects.reading.pf import settings
from fwadvisor.dialects.reading.pf.anchors import anchor, antispoof
from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.lexing import Lexer
from fwadvisor.dialects.reading.pf.rules import Defaults, rule
from fwadvisor.dialects.reading.pf.syntax import Opaque, Rule, Rules
from fwadvisor.dialects.reading.pf.translations import scrub, translation, translation_anchor
from fwadvisor.dialects.reading.pf.variants import FREEBSD_15, FREEBSD_ONLY, OLDER, OPENBSD_ONLY, Variants
from fwadvisor.dialects.reading.pf.words import STATEMENTS
from fwadvisor.dialects.reading.source import MOST_PROBLEMS, Problems, Source
from fwadvisor.errors import ReadError
from fwadvisor.model.rule import Verdict

#: More rules than this are refused: no kernel holds them, and reading them would take minutes.
MOST_RULES = 60_000
#: How deep anchors and included files may nest; pf itself follows 64 anchors.
_DEEPEST = 32
MOST_WARNINGS = 50
#: What marks a text that ``pfctl -vsr`` or ``-vvsr`` printed.
PRINTED = re.compile(r"^(?:@\d+(?:\(\d+\))? [a-z]|[ \t]+\[ Evaluations: )", re.MULTILINE)
#: FreeBSD's order of statements.
_OPTION, _ETHER, _SCRUB, _QUEUE, _NAT, _FILTER = range(1, 7)
_ORDER = {
    "ether": _ETHER, "scrub": _SCRUB, "altq": _QUEUE, "queue": _QUEUE, "nat": _NAT, "rdr": _NAT, "binat": _NAT,
    "nat-anchor": _NAT, "rdr-anchor": _NAT, "binat-anchor": _NAT, "pass": _FILTER, "block": _FILTER,
    "match": _FILTER, "anchor": _FILTER, "antispoof": _FILTER,
}  # fmt: skip


@dataclass(slots=True)
class _File:
    """One file that is being read."""

    source: Source
    lexer: Lexer
    #: Anchors are open as deep as this.
    depth: int = 0


class Reading:
    """Everything that the files say.

    Attributes:
        main: the main ruleset.
        loaded: rulesets of anchors that ``load anchor`` fills, by path.
    """

    def __init__(self, variant: str) -> None:
        self.variants = Variants(variant)
        self.main = Rules("")
        self.loaded: dict[str, Rules] = {}
        self.settings = settings.Settings()
        self.problems = Problems()
        self.warnings: list[Diagnostic] = []
        self.opaque: list[Opaque] = []
        self.printed = False
        #: Whether the files hold statements that pfctl never prints.
        self.written = False
        self._silent = 0
        self._defaults = Defaults()
        #: The macros of the named files, with their places, and the text of all files.
        self.macros: dict[str, Span] = {}
        self.texts: list[str] = []
        self._macros: dict[str, str] = {}
        self._stage = 0
        self._rules = 0
        #: Whether loaded anchors are read, whose place in the order is where they are called.
        self._loading = False
        self._loads: list[tuple[str, Source, Span, str]] = []

    # --- files -------------------------------------------------------------------------------------

    def read(self, source: Source) -> None:
        """One file of the main ruleset.

        Raises:
            ReadError: it cannot be read; other problems are kept.
        """
        self._file(source, self.main, [])

    def load(self) -> None:
        """The files that ``load anchor`` names; each is read on its own, without the macros of others."""
        self._loading = True
        done = 0
        while done < len(self._loads):
            path, source, span, name = self._loads[done]
            done += 1
            if done > _DEEPEST * 16:
                raise ReadError(error("too many anchors are loaded from files", span))
            self._macros, self._stage, self._defaults = {}, 0, Defaults()
            scope = self.loaded[path] = Rules(path)
            try:
                self._file(source.beside(name, span), scope, [])
            except ReadError as refusal:
                self._keep(refusal)

    def _file(self, source: Source, scope: Rules, inside: list[str]) -> None:
        text = _text(source)
        self.texts.append(text)
        self.printed = self._defaults.printed = bool(PRINTED.search(text))
        lexer = Lexer(source.name, text, self._macros, self.note, self.printed)
        file = _File(source, lexer)
        while True:
            try:
                line = lexer.line()
                if line is None:
                    break
                cursor = Cursor(lexer, line, self.variants, self.note)
                self._statement(cursor, file, scope, [*inside, source.name])
            except ReadError as refusal:
                self._keep(refusal)
        if self.variants.possible == OLDER and text and not text.endswith("\n"):
            place = Span(source.name, text.count("\n") + 1)
            self.problems.add(error("FreeBSD 12 wants the last line to end with a line feed", place))

    def _keep(self, refusal: ReadError) -> None:
        for each in refusal.diagnostics:
            self.problems.add(each)
        if len(self.problems.found) >= MOST_PROBLEMS:
            self.problems.raise_any()

    def note(self, remark: Diagnostic) -> None:
        """Keep a warning; after many only their number."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(remark)
        else:
            self._silent += 1

    def close(self) -> None:
        """Raise what was found wrong, and say how many warnings are not shown.

        Raises:
            ReadError: there were problems.
        """
        self.problems.raise_any()
        if self._silent:
            self.warnings.append(warning(f"{self._silent} more warnings are not shown"))

    # --- statements --------------------------------------------------------------------------------

    def _statement(self, cursor: Cursor, file: _File, scope: Rules, inside: list[str]) -> None:
        word = cursor.t[0]
        stage = _ORDER.get(word)
        if stage is not None:
            self._in_order(cursor, stage)
        if word in ("pass", "block", "match"):
            self._add(rule(cursor, self._defaults), scope)
        elif cursor.t[1] == "=":
            self._macro(cursor)
            # What is included may be there for many files.
            if len(inside) == 1 and not self._loading:
                self.macros.setdefault(cursor.t[0], cursor.span(0))
        elif word == "anchor":
            self._anchor(cursor, file, scope, inside)
        elif word == "antispoof":
            for each in antispoof(cursor):
                self._add(each, scope)
        elif word == "include":
            self._include(cursor, file, scope, inside)
        elif word in ("table", "set", "load"):
            self._definition(cursor, file, scope)
        elif word in ("nat-anchor", "rdr-anchor", "binat-anchor"):
            scope.translations.append(translation_anchor(cursor, scope.path))
        elif word in ("nat", "rdr", "binat", "no") and cursor.t[1] != "scrub":
            self._count(cursor)
            scope.translations.append(translation(cursor))
        elif word in ("scrub", "no", "altq", "queue"):
            self._without_verdict(cursor, word)
        elif word == "ether":
            self._ether(cursor)
        else:
            raise cursor.expected("a statement", (*STATEMENTS, *self._macros))

    def _in_order(self, cursor: Cursor, stage: int) -> None:
        """FreeBSD wants options, ethernet, normalization, queueing, translation and filtering in this order."""
        if stage < self._stage and self.settings.require_order:
            cursor.only(OPENBSD_ONLY, "this statement after those before it (FreeBSD wants them in order)", 0)
        self._stage = max(self._stage, stage)

    def _count(self, cursor: Cursor) -> int:
        self._rules += 1
        if self._rules > MOST_RULES:
            raise ReadError(
                error(
                    f"more than {MOST_RULES} rules are not read",
                    cursor.span(0),
                    "put addresses into tables, which hold any number",
                )
            )
        return self._rules

    def _add(self, found: Rule, scope: Rules) -> None:
        self._rules += 1
        found.order = 0 if self._loading else self._rules
        if self._rules > MOST_RULES:
            self.problems.add(
                error(f"more than {MOST_RULES} rules are not read", found.span, "tables hold any number of addresses")
            )
            self.problems.raise_any()
        if self._defaults.states is not None and found.verdict is Verdict.ACCEPT and not found.options.state:
            found.options = replace(found.options, state_options=self._defaults.states)
            found.words = found.words or found.text
        scope.statements.append(found)

    def _macro(self, cursor: Cursor) -> None:
        """``name = value ...``; a later definition replaces an earlier one."""
        self.written = True
        name = cursor.string("the name of a macro")
        if any(c.isspace() for c in name):
            raise cursor.fail("the name of a macro holds no white space", at=0)
        cursor.i = 2
        words = []
        while cursor.t[cursor.i] != "\n":
            words.append(cursor.string("the value of the macro (in quotes)"))
        if not words:
            raise cursor.expected("the value of the macro")
        self._macros[name] = " ".join(words)

    def _include(self, cursor: Cursor, file: _File, scope: Rules, inside: list[str]) -> None:
        cursor.i = 1
        name = cursor.string("the name of a file")
        cursor.expect("\n")
        source = file.source.beside(name, cursor.span(1))
        if source.name in inside or len(inside) > _DEEPEST:
            circle = (
                " includes ".join([*inside[inside.index(source.name) :], source.name]) if source.name in inside else ""
            )
            message = f"the files include each other: {circle}" if circle else "files include each other too deeply"
            raise cursor.fail(message, at=1)
        self._file(source, scope, inside)

    def _definition(self, cursor: Cursor, file: _File, scope: Rules) -> None:
        self.written = True
        word = cursor.t[0]
        if word == "table":
            found = settings.table(cursor, file.source)
            scope.tables[found.name] = found
        elif word == "set":
            if cursor.t[1] not in settings.ANYWHERE:
                self._in_order(cursor, _OPTION)
            self.settings.read(cursor, self._defaults)
        else:
            self._load(cursor, file, scope)

    def _load(self, cursor: Cursor, file: _File, scope: Rules) -> None:
        cursor.i = 1
        cursor.expect("anchor")
        path = f"{scope.path}/{cursor.string('the name of an anchor')}".lstrip("/")
        cursor.expect("from")
        at = cursor.i
        name = cursor.string("the name of a file")
        cursor.expect("\n")
        if any(path == each[0] for each in self._loads):
            self.note(warning(f'anchor "{path}" is loaded twice: the later file counts', cursor.span(at)))
        self._loads.append((path, file.source, cursor.span(at), name))

    def _anchor(self, cursor: Cursor, file: _File, scope: Rules, inside: list[str]) -> None:
        number = self._count(cursor)
        found, opens = anchor(cursor, scope.path, number)
        found.rule.order = 0 if self._loading else number
        if opens:
            if file.depth >= _DEEPEST:
                raise cursor.fail(f"anchors nest deeper than {_DEEPEST}", at=0)
            file.depth += 1
            found.body = Rules(found.path, tables=scope.tables)
            self._body(cursor, file, found.body, inside)
            file.depth -= 1
        scope.statements.append(found)

    def _body(self, opening: Cursor, file: _File, scope: Rules, inside: list[str]) -> None:
        """The rules of an inline anchor, up to its closing brace."""
        while True:
            line = file.lexer.line()
            if line is None:
                raise opening.fail("this anchor is not closed", at=len(opening.t) - 2)
            if line.tokens[0] == "}":
                if line.tokens[1] != "\n":
                    raise Cursor(file.lexer, line, self.variants, self.note).fail(
                        'the end of the line is expected after this "}"'
                    )
                return
            cursor = Cursor(file.lexer, line, self.variants, self.note)
            try:
                if line.tokens[0] in ("table", "set", "load", "antispoof"):
                    raise cursor.fail(f'"{line.tokens[0]}" cannot stand in an inline anchor', "only rules can", 0)
                self._statement(cursor, file, scope, inside)
            except ReadError as refusal:
                self._keep(refusal)

    # --- statements that pass and block nothing, or are not understood ---------------------------------

    def _without_verdict(self, cursor: Cursor, word: str) -> None:
        """``scrub``, ``altq`` and ``queue`` change packets or delay them."""
        if word in ("scrub", "no"):
            scrub(cursor)
            return
        cursor.i = 1
        if word == "altq":
            cursor.only(FREEBSD_ONLY, '"altq"', 0)
            cursor.expect("on")
        else:
            cursor.string("the name of a queue")
        start = cursor.i
        cursor.skip_statement()
        if word == "queue" and "parent" in cursor.t[start : cursor.i]:
            cursor.only(OPENBSD_ONLY, '"queue" with a parent', 0)

    def _ether(self, cursor: Cursor) -> None:
        cursor.only(FREEBSD_15, '"ether"', 0)
        self._count(cursor)
        cursor.i = 1
        if cursor.t[1] not in ("pass", "block", "match", "anchor"):
            raise cursor.expected('"pass", "block", "match" or "anchor"', ("pass", "block", "match", "anchor"))
        cursor.skip_statement()
        reason = "rules of the link layer are not read; they may block any packet"
        self.opaque.append(Opaque(cursor.whole(), cursor.rest(0), reason))


def _text(source: Source) -> str:
    """The file as pfctl takes it: no byte order mark, no carriage returns.

    Raises:
        ReadError: pfctl would refuse it.
    """
    first = Span(source.name, 1)
    if source.content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ReadError(error("the file begins with a byte order mark, a syntax error for pfctl", first, "remove it"))
    text = source.text()
    for number, line in enumerate(text.split("\n") if "\r" in text else (), 1):
        if "\r" in line.partition("#")[0]:
            place = Span(source.name, number, line.index("\r") + 1, 1, line.rstrip("\r"))
            hint = "line ends are line feeds alone: tr -d '\\r'"
            raise ReadError(error("a carriage return is a syntax error for pfctl", place, hint))
    return text
