"""All chains of the evaluated tables, as chains of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fwadvisor.dialects.reading.nftables.contents import Contents
from fwadvisor.dialects.reading.nftables.context import Context, Place
from fwadvisor.dialects.reading.nftables.rules import RuleReader
from fwadvisor.dialects.reading.nftables.tables import EVALUATED, Table
from fwadvisor.dialects.reading.source import MOST_PROBLEMS, Problems
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Condition, ConditionTest, Field, FirewallChain, FirewallRule, Unknown

_UPDATES = frozenset(("add", "update", "delete", "set"))
_VERBS = ("add", "update", "delete")
#: Words of a key in the older form ``set add ip saddr . tcp dport @name``.
_LONGEST_KEY = 20


def read_chains(tables: Iterable[Table], problems: Problems) -> Context:
    """The chains, read once, or twice where a mark turned out to be no set of values.

    Raises:
        ReadError: nft refuses the text.
    """
    evaluated = [table for table in tables if table.family in EVALUATED]
    for table in evaluated:
        _find_updates(table)
    names = Counter(name for table in evaluated for name in table.sets)
    shared = frozenset(name for name, count in names.items() if count > 1)
    unsure: frozenset[Field] = frozenset()
    written: frozenset[Field] = frozenset()
    while True:
        found = Context(Problems(), unsure, written, shared=shared)
        for table in evaluated:
            _read_table(table, found)
        if found.found_unsure <= unsure:
            break
        unsure |= found.found_unsure
        written |= found.found_written
    for each in found.problems.found:
        problems.add(each)
    problems.more += found.problems.more
    return found


def _find_updates(table: Table) -> None:
    """Sets that rules change: what they hold at run time is not in the file."""
    for chain in table.chains.values():
        for piece in chain.rules:
            if _UPDATES.isdisjoint(piece.tokens):
                continue
            tokens = piece.tokens
            old = [at for at, word in enumerate(tokens[:-1]) if word == "set" and tokens[at + 1] in _VERBS]
            for at, word in enumerate(tokens):
                changed = tokens[at - 1] in _VERBS or any(0 < at - each < _LONGEST_KEY for each in old)
                if word[:1] == "@" and word[1:] in table.sets and changed:
                    table.sets[word[1:]].dynamic = True


def _read_table(table: Table, context: Context) -> None:
    contents = Contents(table)
    for chain in table.chains.values():
        place = Place(context, table, chain, contents)
        rules: list[FirewallRule] = []
        context.chains[place.name] = FirewallChain(place.name, ())  # Its place is before those made for its rules.
        if chain.base and table.unknown:
            text = f"table {table.label}"
            rules.append(FirewallRule(tests=(), action=Unknown(table.unknown), span=table.span, text=text))
        if chain.unknown:
            condition = ConditionTest(Condition(f"chain {place.name}", understood=False))
            rules.append(
                FirewallRule(
                    tests=(condition,), action=Unknown(chain.unknown), span=chain.span, text=f"chain {chain.name}"
                )
            )
        for piece in chain.rules:
            try:
                rules += RuleReader(place, piece).read()
            except ReadError as refusal:
                for each in refusal.diagnostics:
                    context.problems.add(each)
                if context.problems.more > MOST_PROBLEMS:
                    context.problems.raise_any()
        context.chains[place.name] = FirewallChain(place.name, tuple(rules), chain.span)
    for name in table.sets:
        _check_set(contents, name, context)


def _check_set(contents: Contents, name: str, context: Context) -> None:
    """Read the sets that no rule asks for too: their text may be wrong."""
    try:
        contents.check(name)
    except ReadError as refusal:
        for each in refusal.diagnostics:
            context.problems.add(each)
