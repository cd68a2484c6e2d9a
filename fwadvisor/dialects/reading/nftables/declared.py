"""What tables declare besides chains, and whether their rules and maps ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading.nftables.tables import Table
from fwadvisor.dialects.reading.nftables.text import Piece, unquoted
from fwadvisor.model.firewall import Declared


def declared(tables: Iterable[Table]) -> Iterator[Declared]:
    """Sets, maps, helpers, counters and the like; one is used where any rule or map of its table has its name."""
    for table in tables:
        if table.sets or table.declared:
            named = _named(table)
            for name, each in table.sets.items():
                yield Declared(name, "map" if each.mapping else "set", each.span, name in named)
            for (kind, name), piece in table.declared.items():
                yield Declared(name, kind, _before(piece, name), name in named)


def _before(piece: Piece, name: str) -> Span:
    """Where the name stands that a declaration begins with."""
    start = piece.text.text.rfind(name, 0, piece.starts[0])
    return piece.text.place(start, len(name)) if start >= 0 else piece.span()


def _named(table: Table) -> set[str]:
    """Every word of the rules and elements of a table, without what marks it as a name."""
    pieces = [piece for chain in table.chains.values() for piece in chain.rules]
    pieces += [piece for each in table.sets.values() for _, piece in each.elements]
    return {unquoted(word).removeprefix("@") for word in {word for piece in pieces for word in piece.tokens}}
