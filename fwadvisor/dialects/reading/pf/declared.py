"""Macros and tables that pf.conf defines, and whether the rest of its text names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading.pf.files import Reading
from fwadvisor.dialects.reading.pf.syntax import Anchor, Rules, TranslationAnchor
from fwadvisor.model.firewall import Declared

_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_MACRO = re.compile(r"\$\{?(\w+)")
_TABLE = re.compile(r"(\btable[ \t]+)?<[ \t]*([^<>\s]+)[ \t]*>")


def declared(reading: Reading) -> Iterator[Declared]:
    """The macros of the named files; the tables too, where no anchor is filled elsewhere, whose rules may use them."""
    text = "\n".join(_COMMENT.sub("", each) for each in reading.texts)
    macros = set(_MACRO.findall(text))
    yield from _named(reading.macros, "macro", macros)
    if reading.main.tables and not _filled_elsewhere(reading, reading.main):
        tables = {name for definition, name in _TABLE.findall(text) if not definition}
        yield from _named({name: each.span for name, each in reading.main.tables.items()}, "table", tables)


def _named(spans: Mapping[str, Span], kind: str, used: set[str]) -> Iterator[Declared]:
    for name, span in spans.items():
        yield Declared(name, kind, span, name in used)


def _filled_elsewhere(reading: Reading, rules: Rules) -> bool:
    """Whether an anchor has rules that the files do not show."""
    if any(isinstance(each, TranslationAnchor) for each in rules.translations):
        return True
    for each in rules.statements:
        if isinstance(each, Anchor):
            inside = reading.loaded.get(each.path) or each.body
            if inside is None or each.path.endswith("*") or _filled_elsewhere(reading, inside):
                return True
    return False
