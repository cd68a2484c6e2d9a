"""The commands of nftables files, carried out on empty tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Diagnostic, Label, did_you_mean, error, warning
from fwadvisor.dialects.reading.nftables.bases import read_base, read_flags
from fwadvisor.dialects.reading.nftables.blocks import Cursor
from fwadvisor.dialects.reading.nftables.includes import MOST_FILES, included
from fwadvisor.dialects.reading.nftables.tables import FAMILY_WORDS, ChainText, SetText, Table
from fwadvisor.dialects.reading.nftables.text import Piece, Text, unquoted
from fwadvisor.dialects.reading.nftables.variables import Variables
from fwadvisor.dialects.reading.source import MOST_PROBLEMS, Problems, Source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Opaque

#: What a table declares besides chains, sets and maps, each with a block in braces or a line.
_DECLARED = ("counter", "quota", "limit", "secmark", "synproxy", "flowtable")
_IN_TABLE = ("chain", "set", "map", "flags", "comment", "ct", "define", "include", *_DECLARED)
_CT = ("helper", "timeout", "expectation")
_VERBS = ("add", "create", "insert", "replace", "delete", "destroy", "flush", "rename")
#: Commands that change nothing.
_QUIET = ("list", "reset", "monitor", "describe", "export")
#: What is read within ten seconds.
_MOST_STATEMENTS = 400_000
_WORDS = (*_VERBS, *_QUIET, "table", "chain", "rule", "set", "map", "element", "define", "include", *_DECLARED)


@dataclass
class Script:
    """Reads files one after another; `tables` is what they leave behind."""

    problems: Problems
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    opaque: list[Opaque] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    #: The files that are being read, the outer ones first.
    _open: list[str] = field(default_factory=list)
    #: How many files were included so far, one that is included twice counted twice.
    _files: int = 0
    #: How many rules and commands were read so far.
    _read: int = 0

    def read(self, source: Source, text: Text, variables: Variables) -> None:
        """Carry out the commands of one file."""
        self._open.append(source.name)
        cursor = Cursor(text)
        self._check_quotes(text)
        self._statements(source, cursor, variables, None, self._command)
        if cursor.word == "}":
            self.problems.add(cursor.problem('there is no "{" to this "}"'))
        self._open.pop()

    def _statements(
        self,
        source: Source,
        cursor: Cursor,
        variables: Variables,
        opened: int | None,
        read_one: Callable[[Source, Cursor, Variables], None],
    ) -> None:
        """Statement after statement up to the end of the block or file; a wrong one is noted and skipped."""
        while (word := cursor.skip_blank()) not in ("", "}"):
            self._count(cursor)
            try:
                if word in ("define", "redefine", "undefine"):
                    _define(cursor, variables)
                elif word == "include":
                    self._include(source, cursor, variables, read_one)
                else:
                    read_one(source, cursor, variables)
            except ReadError as refusal:
                for each in refusal.diagnostics:
                    self.problems.add(each)
                if self.problems.more > MOST_PROBLEMS:
                    self.problems.raise_any()
                cursor.skip_statement()
        if opened is None:
            return
        if not cursor.take():
            self.problems.add(error('this "{" is never closed', cursor.text.span(opened), 'a "}" is missing'))

    def _count(self, cursor: Cursor) -> None:
        self._read += 1
        if self._read > _MOST_STATEMENTS:
            reason = f"the files hold more than {_MOST_STATEMENTS} rules and commands, which are too many to compare"
            raise ReadError((cursor.problem(reason), *self.problems.found))

    def _check_quotes(self, text: Text) -> None:
        """Note the quotes that are never closed."""
        if '"' in text.tokens:
            for at, word in enumerate(text.tokens):
                if word == '"':
                    self.problems.add(error("this quote is never closed in its line", text.span(at)))

    def _include(
        self,
        source: Source,
        cursor: Cursor,
        variables: Variables,
        read_one: Callable[[Source, Cursor, Variables], None],
    ) -> None:
        cursor.take()
        at = cursor.at
        name = cursor.name("file")
        cursor.end_of_statement()
        for each in included(source, name, cursor.text.span(at), self._open):
            self._files += 1
            if self._files > MOST_FILES:
                raise ReadError(error(f"too many files are included, more than {MOST_FILES}", cursor.text.span(at)))
            self._open.append(each.name)
            inner = Cursor(Text(each.name, each.text()))
            self._check_quotes(inner.text)
            self._statements(each, inner, variables, None, read_one)
            if inner.word == "}":
                self.problems.add(inner.problem('there is no "{" to this "}"'))
            self._open.pop()

    # --- commands ----------------------------------------------------------------------------------

    def _command(self, source: Source, cursor: Cursor, variables: Variables) -> None:
        begin, word = cursor.at, cursor.word
        if word in _QUIET:
            cursor.statement(variables)
            return
        verb = cursor.take() if word in _VERBS else "add"
        kind = cursor.take()
        if verb == "flush" and kind == "ruleset":
            family = cursor.take() if cursor.word in FAMILY_WORDS else ""
            self.tables = {key: each for key, each in self.tables.items() if family and key[0] != family}
        elif kind == "table":
            self._table_command(source, cursor, variables, verb)
        elif kind in ("chain", "rule", "set", "map", "element", "ct", *_DECLARED):
            self._inside_command(source, cursor, variables, verb, kind)
        else:
            cursor.at = begin if verb == "add" and word not in _VERBS else begin + 1
            raise cursor.refuse(f'"{cursor.word}" is no command of nft', did_you_mean(cursor.word, _WORDS))
        cursor.end_of_statement()

    def _table_command(self, source: Source, cursor: Cursor, variables: Variables, verb: str) -> None:
        family = cursor.take() if cursor.word in FAMILY_WORDS else "ip"
        span = cursor.text.span(cursor.at)
        if verb == "delete" and cursor.word == "handle":
            raise cursor.refuse("a table is named by its handle, which a file does not know")
        name = cursor.name("table")
        known = self.tables.get((family, name))
        if verb in ("delete", "destroy"):
            self.tables.pop((family, name), None)
        elif verb == "flush":
            for chain in known.chains.values() if known else ():
                chain.rules.clear()
        else:
            table = self.tables.setdefault((family, name), Table(family, name, span))
            # Each declaration says all flags: one without them wakes a table that slept.
            table.dormant, table.unknown = False, ""
            if cursor.word == "{":
                opened = cursor.at
                cursor.take()
                inner = Variables(variables)
                self._statements(
                    source, cursor, inner, opened, lambda at, here, names: self._in_table(table, at, here, names)
                )

    def _inside_command(self, source: Source, cursor: Cursor, variables: Variables, verb: str, kind: str) -> None:
        if kind == "ct":
            kind = f"ct {cursor.take()}"
        table = self._named_table(cursor)
        if kind == "chain":
            self._chain_command(table, source, cursor, variables, verb)
        elif kind == "rule":
            self._rule_command(table, cursor, variables, verb)
        elif kind == "element":
            self._element_command(table, cursor, variables, verb)
        elif kind in ("set", "map"):
            if verb in ("add", "create"):
                self._set(table, source, cursor, variables, kind)
            elif verb == "flush":
                self._known_set(table, cursor).elements.clear()
            else:
                table.sets.pop(cursor.name(kind), None)
        else:
            self._declared(table, cursor, variables, kind, verb in ("delete", "destroy"))

    def _named_table(self, cursor: Cursor) -> Table:
        family = cursor.take() if cursor.word in FAMILY_WORDS else "ip"
        name = cursor.name("table")
        table = self.tables.get((family, name))
        if table is None:
            cursor.at -= 1
            hint = did_you_mean(f"{family} {name}", [each.label for each in self.tables.values()])
            raise cursor.refuse(f'table "{family} {name}" is not declared here, so nothing can be done in it', hint)
        return table

    # --- chains and rules --------------------------------------------------------------------------

    def _chain_command(self, table: Table, source: Source, cursor: Cursor, variables: Variables, verb: str) -> None:
        if verb in ("add", "create"):
            self._chain(table, source, cursor, variables)
            return
        if verb in ("delete", "destroy"):
            if cursor.word == "handle":
                raise cursor.refuse("a chain is named by its handle, which a file does not know")
            table.chains.pop(cursor.name("chain"), None)
            return
        chain = self._known_chain(table, cursor)
        if verb == "flush":
            chain.rules.clear()
        elif verb == "rename":
            del table.chains[chain.name]
            chain.name = cursor.name("chain")
            table.chains[chain.name] = chain
        else:
            raise cursor.refuse(f'a chain cannot be the target of "{verb}"')

    def _known_chain(self, table: Table, cursor: Cursor) -> ChainText:
        name = cursor.name("chain")
        if name not in table.chains:
            cursor.at -= 1
            raise cursor.refuse(
                f'table "{table.label}" has no chain "{name}"', did_you_mean(name, table.chains) or _few(table.chains)
            )
        return table.chains[name]

    def _chain(self, table: Table, source: Source, cursor: Cursor, variables: Variables) -> None:
        span = cursor.text.span(cursor.at)
        name = cursor.name("chain")
        chain = table.chains.setdefault(name, ChainText(name, span))
        if cursor.word == "{":
            opened = cursor.at
            cursor.take()
            inner = Variables(variables)
            self._statements(
                source, cursor, inner, opened, lambda _, here, names: self._in_chain(table, chain, here, names)
            )

    def _in_chain(self, table: Table, chain: ChainText, cursor: Cursor, variables: Variables) -> None:
        word = cursor.word
        if word == "type" and cursor.text.tokens[cursor.at + 2] in ("hook", "device"):
            piece = cursor.statement(variables)
            base = read_base(piece, table.family)
            if chain.base and (chain.base.kind, chain.base.hook, chain.base.priority) != (
                base.kind, base.hook, base.priority
            ):  # fmt: skip
                first = Label(chain.base.span, "here it is declared otherwise")
                raise ReadError(error(f'chain "{chain.name}" is a base chain already', piece.whole(), "", first))
            chain.base = chain.base or base
        elif word == "policy":
            piece = cursor.statement(variables)
            if chain.base is None:
                raise piece.error(f'chain "{chain.name}" has no hook, so it has no policy', 0)
            if piece.tokens[1] not in ("accept", "drop"):
                raise piece.error("a policy is accept or drop", 1, did_you_mean(piece.tokens[1], ("accept", "drop")))
            chain.base.policy = piece.tokens[1]
        elif word in ("comment", "devices", "flags"):
            piece = cursor.statement(variables)
            if word == "devices" and chain.base is not None:
                chain.base.devices = tuple(
                    unquoted(each) for each in piece.tokens[1:] if each[:1].isalpha() or each[:1] == '"'
                )
        else:
            chain.rules.append(cursor.statement(variables))

    def _rule_command(self, table: Table, cursor: Cursor, variables: Variables, verb: str) -> None:
        chain = self._known_chain(table, cursor)
        at, word = cursor.at, cursor.word
        piece = cursor.statement(variables)
        if verb in ("delete", "destroy", "replace") or (word in ("handle", "position") and piece.tokens[1].isdigit()):
            reason = f"a rule of chain {chain.name} is named by its handle, which a file does not know"
            self.opaque.append(Opaque(piece.span(), reason))
            chain.unknown = reason
            return
        place = len(chain.rules) if verb == "add" else 0
        if word == "index" and piece.tokens[1].isdigit():
            place = int(piece.tokens[1][:9]) + (verb == "add")
            if place > len(chain.rules) - (verb != "add"):
                raise ReadError(error(f'chain "{chain.name}" has no rule {piece.tokens[1]}', cursor.text.span(at + 1)))
            piece = Piece(piece.text, piece.tokens[2:], piece.starts[2:])
        if len(piece.tokens) < 2:
            raise cursor.refuse("a rule is expected")
        chain.rules.insert(place, piece)

    # --- tables ------------------------------------------------------------------------------------

    def _in_table(self, table: Table, source: Source, cursor: Cursor, variables: Variables) -> None:
        word = cursor.word
        cursor.at += 1
        if word == "chain":
            self._chain(table, source, cursor, variables)
        elif word in ("set", "map"):
            self._set(table, source, cursor, variables, word)
        elif word == "flags":
            read_flags(table, cursor.statement(variables))
        elif word == "comment":
            cursor.statement(variables)
        elif word == "ct" and cursor.word in _CT:
            self._declared(table, cursor, variables, f"ct {cursor.take()}", False)
        elif word in _DECLARED:
            self._declared(table, cursor, variables, word, False)
        else:
            cursor.at -= 1
            hint = did_you_mean(word, _IN_TABLE)
            if hint or "{" not in cursor.text.tokens[cursor.at + 1 : cursor.at + 3]:
                raise cursor.refuse(f'"{word}" is not expected in a table', hint)
            piece = cursor.statement(variables)
            self.opaque.append(Opaque(piece.span(), f'"{word}" is not known in a table'))
        cursor.end_of_statement()

    def _declared(self, table: Table, cursor: Cursor, variables: Variables, kind: str, gone: bool) -> None:
        name = cursor.name(kind)
        piece = cursor.statement(variables)
        if gone:
            table.declared.pop((kind, name), None)
        else:
            table.declared[kind, name] = piece
            if kind == "flowtable":
                reason = f"what flow table {name} offloads is not asked of the forward chains again"
                self.warnings.append(warning(reason, piece.span()))

    def _set(self, table: Table, source: Source, cursor: Cursor, variables: Variables, kind: str) -> None:
        span = cursor.text.span(cursor.at)
        name = cursor.name(kind)
        made = table.sets.setdefault(name, SetText(name, span, kind == "map"))
        if cursor.word == "{":
            opened = cursor.at
            cursor.take()
            inner = Variables(variables)
            self._statements(source, cursor, inner, opened, lambda _, here, names: _in_set(made, here, names))

    def _known_set(self, table: Table, cursor: Cursor) -> SetText:
        name = cursor.name("set")
        if name not in table.sets:
            cursor.at -= 1
            raise cursor.refuse(
                f'table "{table.label}" has no set "{name}"', did_you_mean(name, table.sets) or _few(table.sets)
            )
        return table.sets[name]

    def _element_command(self, table: Table, cursor: Cursor, variables: Variables, verb: str) -> None:
        known = self._known_set(table, cursor)
        _elements(known, cursor.statement(variables), 0, verb in ("add", "create"))


def _few(names: dict[str, ChainText] | dict[str, SetText]) -> str:
    return f"it has {', '.join(list(names)[:8])}" if names else ""


def _define(cursor: Cursor, variables: Variables) -> None:
    verb = cursor.take()
    at = cursor.at
    name = cursor.name("variable")
    if verb == "undefine":
        variables.undefine(name, cursor.text.piece(at, at + 1))
        return
    cursor.expect("=")
    value = cursor.statement(variables)
    if len(value.tokens) < 2:
        raise cursor.refuse("a value is expected")
    variables.define(name, value, verb == "redefine", cursor.text.span(at))


def _in_set(made: SetText, cursor: Cursor, variables: Variables) -> None:
    begin = cursor.at
    piece = cursor.statement(variables)
    word = piece.tokens[0]
    if word in ("type", "typeof"):
        made.kind = Piece(piece.text, piece.tokens[1:], piece.starts[1:])
        made.by_expression = word == "typeof"
    elif word == "flags":
        made.dynamic |= not {"dynamic", "timeout"}.isdisjoint(piece.tokens)
    elif word == "timeout":
        made.dynamic = True
    elif word == "elements":
        if piece.tokens[1] != "=":
            raise piece.error('"=" is expected', 1)
        _elements(made, piece, 2, True)
    elif word not in (
        "size",
        "gc-interval",
        "policy",
        "auto-merge",
        "comment",
        "counter",
        "quota",
        "limit",
        "ct",
        "last",
    ):
        cursor.at = begin
        words = ("type", "typeof", "flags", "elements", "timeout", "size", "policy", "auto-merge", "comment")
        raise cursor.refuse(f'"{word}" is not expected in a set', did_you_mean(word, words))


def _elements(known: SetText, piece: Piece, at: int, added: bool) -> None:
    if piece.tokens[at] != "{" or piece.tokens[-2] != "}":
        raise piece.error("elements stand between braces", at)
    known.elements.append((added, Piece(piece.text, piece.tokens[at:], piece.starts[at:])))
    known.dynamic |= "timeout" in piece.tokens or "expires" in piece.tokens
