"""What a table holds: the longest prefix that an address is in decides, ``!`` entries are exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fwadvisor.diagnostic import Diagnostic, Label, Span, did_you_mean, warning
from fwadvisor.dialects.reading.pf.syntax import Host, Rules
from fwadvisor.model.interval import Intervals, normalize, subtract, union

#: The warning about a table that nothing defines or fills.
UNDEFINED = "table <{}> is not defined, so it is empty and pf says nothing"


@dataclass(frozen=True, slots=True)
class Contents:
    """The addresses of a table, and what else it may hold.

    `others` are entries that are no addresses: interfaces, ``self``, names. `unknown` says why there may be more.
    """

    v4: Intervals = ()
    v6: Intervals = ()
    others: tuple[Host, ...] = ()
    unknown: str = ""


class Tables:
    """The tables of all rulesets.

    Args:
        main: the main ruleset.
        overloads: tables that rules add sources to.
        printed: whether pfctl printed the rules, so that tables are used that the text does not show.
    """

    def __init__(self, main: Rules, overloads: frozenset[str], printed: bool) -> None:
        self._main = main
        self._overloads = overloads
        self._printed = printed
        self._known: dict[tuple[str, str], Contents] = {}
        self.warnings: list[Diagnostic] = []

    def contents(self, name: str, scope: Rules, span: Span) -> Contents:
        """What ``<name>`` holds in a rule of `scope`; an anchor's own tables come before the main ruleset's.

        A table that nothing defines is empty; pfctl says nothing of it, so there is a warning at `span`.
        """
        key = (scope.path if name in scope.tables else "", name)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(name, scope, span)
        return found

    def _find(self, name: str, scope: Rules, span: Span) -> Contents:
        table = scope.tables.get(name) or self._main.tables.get(name)
        if table is None:
            return self._undefined(name, scope, span)
        if table.entries is None:
            return Contents(unknown="its definition lists no entries: it keeps those that it has on the machine")
        unknown = "rules add addresses to it (overload)" if name in self._overloads else ""
        v4, v6, doubles = _addresses(table.entries)
        others = tuple(each for each in table.entries if each.kind != "network" or each.scope)
        if doubles:
            self.warnings.append(warning(f"{doubles} in table <{name}> as entry and as exception", table.span))
        if others and any(each.negated for each in table.entries):
            v4, v6 = (), ()
            unknown = "its exceptions and its interfaces or names may meet in the same network"
        return Contents(v4, v6, others, unknown)

    def _undefined(self, name: str, scope: Rules, span: Span) -> Contents:
        if name in self._overloads:
            return Contents(unknown="rules add addresses to it (overload)")
        if self._printed:
            return Contents(unknown="the text that pfctl printed does not show its entries")
        known = {**self._main.tables, **scope.tables}
        hint = did_you_mean(name, known)
        near = next((known[each] for each in known if f'"{each}"' in hint), None)
        labels = (Label(near.span, "this table is defined"),) if near else ()
        message = UNDEFINED.format(name)
        self.warnings.append(warning(message, span, hint, *labels))
        return Contents()


def _addresses(entries: Iterable[Host]) -> tuple[Intervals, Intervals, str]:
    """The addresses by longest prefix; where a network is both entry and exception, the first counts."""
    plain = [each for each in entries if each.kind == "network" and not each.scope]
    if not any(each.negated for each in plain):
        v4 = [pair for each in plain for pair in each.v4]
        v6 = [pair for each in plain for pair in each.v6]
        return normalize(v4) if v4 else (), normalize(v6) if v6 else (), ""
    seen: dict[tuple[int, int, int], bool] = {}
    doubles = ""
    for each in plain:
        for version, pairs in ((4, each.v4), (6, each.v6)):
            for first, last in pairs:
                before = seen.setdefault((version, first, last), each.negated)
                if before is not each.negated:
                    doubles = "an address stands"
    return _longest_prefix(seen, 4), _longest_prefix(seen, 6), doubles


def _longest_prefix(seen: dict[tuple[int, int, int], bool], version: int) -> Intervals:
    """Apply the networks from the widest to the narrowest."""
    by_size: dict[int, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
    for (of, first, last), negated in seen.items():
        if of == version:
            by_size.setdefault(last - first, ([], []))[negated].append((first, last))
    found: Intervals = ()
    for size in sorted(by_size, reverse=True):
        entries, exceptions = by_size[size]
        if entries:
            found = union(found, normalize(entries))
        if exceptions:
            found = subtract(found, normalize(exceptions))
    return found
