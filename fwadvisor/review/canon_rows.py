"""The rules of a chain as rows, in a form that does not depend on how they were written.

A row is a rule of one IP version with one effect: for each field the values it asks for. Rules that ask for lists are
divided, a row for each member, so that it does not matter how a file groups them; `canon_order` puts them together
again. Tests that are always true are left out, and so are rules that can never hold.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import prod

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    LARGEST,
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, intersect

#: A rule whose lists would make more rows than that stays whole.
MOST_ROWS = 4096
#: How the names of conditions begin that are as true after they were asked as before.
_STEADY = (
    "fragment", "owner ", "source mac ", "pkttype ", "physdev ", "connection status ", "connection direction ",
    "connection original ", "connection reply ", "connection zone ", "connection label ", "set ", "time ", "ipsec ",
    "tcp option ", "tcp maximum segment ", "esp spi ", "ah spi ", "in interface group ", "out interface group ",
    "realm ", "cpu ", "cgroup ", "before translation: ", "after translation: ", "program ", "service ", "user ",
    "remote address ", "local port ",
)  # fmt: skip
#: Lists that are divided, in this order; those of sources are put together first, so they need not be.
_DIVIDED = (Field.STATE, Field.PROTOCOL, Field.ICMP, Field.DESTINATION_PORT, Field.DESTINATION)
_ADDRESSES = (Field.SOURCE, Field.DESTINATION)
#: Of these, members are the single values; of other fields, members are ranges.
_ENUMERATED = frozenset({Field.STATE})


class Kind(StrEnum):
    """What an effect means for the order of rules."""

    #: It gives a verdict that ends the walk.
    ENDS = "ends"
    #: It leaves the chain, so that a verdict that stands counts.
    LEAVES = "leaves"
    #: It gives a verdict that stands until another one, and writes nothing.
    STANDS = "stands"
    #: It goes on, and writes what no test asks for.
    NOTES = "notes"
    #: Anything else: its order counts wherever packets match two rules.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does: `text` says it completely, the rest is what its order depends on."""

    text: str
    kind: Kind = Kind.OTHER
    #: The fields that may be written where the rule matches.
    writes: frozenset[Field] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """The packets of one IP version that have the values given, and what happens to them."""

    family: Family
    effect: Effect
    integers: Mapping[Field, Intervals] = field(default_factory=dict)
    names: Mapping[Field, tuple[Names, ...]] = field(default_factory=dict)
    conditions: Mapping[Condition, bool] = field(default_factory=dict)
    #: Alternatives, each as its text.
    others: tuple[str, ...] = ()

    def meets(self, other: Row) -> bool:
        """Whether some packet may be in both rows; False is certain."""
        if self.family is not other.family:
            return False
        unsure = self.effect.writes | other.effect.writes
        for each, values in self.integers.items():
            theirs = other.integers.get(each)
            if theirs is not None and each not in unsure and not intersect(values, theirs):
                return False
        for each, several in self.names.items():
            if each in other.names and each not in unsure and _apart(several, other.names[each]):
                return False
        return not any(
            other.conditions.get(each, holds) is not holds for each, holds in self.conditions.items() if is_steady(each)
        )


def is_steady(condition: Condition) -> bool:
    """Whether asking does not change the answer: no limits, quotas, counters or chance, and nothing not understood."""
    return condition.understood and condition.name.startswith(_STEADY)


def _apart(a: tuple[Names, ...], b: tuple[Names, ...]) -> bool:
    return any(_disjoint(one, other) or _disjoint(other, one) for one in a for other in b)


def _disjoint(one: Names, other: Names) -> bool:
    """Whether listed names are in no other set; of sets with prefixes only an inverse of the same set is sure."""
    if one.inverted:
        return False
    if not one.prefixes:
        return not any(name in other for name in one.names)
    return other.inverted and one.names <= other.names and one.prefixes <= other.prefixes


def rows_of(
    tests: Sequence[Test],
    effect: Effect,
    families: Sequence[Family],
    texts: Mapping[AnyOf, str],
    written: frozenset[Field],
) -> Iterator[tuple[Row, ...]]:
    """The rows of a rule, those of IPv4 and IPv6 that ask for the same together; none where it never holds.

    `texts` has the text of each `AnyOf` of the rule, `written` the fields that the firewall writes.
    """
    twins: dict[Hashable, list[Row]] = {}
    for family in families:
        row = _row(tests, family, effect, texts)
        for each in _divided(row, written) if row is not None else ():
            twins.setdefault((tuple(each.integers.items()), tuple(each.names.items())), []).append(each)
    yield from map(tuple, twins.values())


def _row(tests: Iterable[Test], family: Family, effect: Effect, texts: Mapping[AnyOf, str]) -> Row | None:
    integers: dict[Field, Intervals] = {}
    names: dict[Field, dict[Names, None]] = {}
    conditions: dict[Condition, bool] = {}
    others: dict[str, None] = {}
    for test in tests:
        match test:
            case FamilyTest(asked):
                if asked is not family:
                    return None
            case AddressTest(each) | IntegerTest(each):
                values = test.of(family) if isinstance(test, AddressTest) else test.values
                values = intersect(integers.get(each, values), values)
                if not values:
                    return None
                integers[each] = values
            case NameTest(each, chosen):
                names.setdefault(each, {})[chosen] = None
            case ConditionTest(condition, holds):
                if conditions.setdefault(condition, holds) is not holds:
                    return None
            case AnyOf():
                others[texts[test]] = None
    named = {each: _simplest(several) for each, several in names.items()}
    if any(_disjoint(a, b) for several in named.values() for a in several for b in several):
        return None
    return Row(
        family,
        effect,
        limited(integers, family),
        {e: s for e, s in named.items() if s},
        conditions,
        tuple(sorted(others)),
    )


def limited(integers: Mapping[Field, Intervals], family: Family) -> dict[Field, Intervals]:
    """The fields without those that may have every value."""
    return {
        each: values
        for each, values in integers.items()
        if values != (family.universe if each in _ADDRESSES else ((0, LARGEST[each]),))
    }


def _simplest(several: Iterable[Names]) -> tuple[Names, ...]:
    """The sets without those that hold every name; listed names without prefixes and their exceptions as one set."""
    sets = [
        each for each in several if each != Names(inverted=True) and not ("" in each.prefixes and not each.inverted)
    ]
    plain = [each for each in sets if not each.inverted and not each.prefixes]
    if plain:
        left = frozenset(name for name in plain[0].names if all(name in each for each in sets))
        return (Names(left),)
    return tuple(sorted(sets, key=_named))


def _named(names: Names) -> tuple[bool, list[str], list[str]]:
    return names.inverted, sorted(names.names), sorted(names.prefixes)


def _divided(row: Row, written: frozenset[Field]) -> list[Row]:
    """A row for each member of the lists; a rule that counts how often it is asked stays whole."""
    if not all(map(is_steady, row.conditions)):
        return [row]
    lists = {e: _members(e, row.integers[e]) for e in _DIVIDED if e in row.integers and e not in written}
    named = {
        each: [Names(frozenset({name})) for name in sorted(several[0].names)]
        for each, several in row.names.items()
        if each not in written and _is_list(several)
    }
    if prod(map(len, lists.values())) * prod(map(len, named.values())) > MOST_ROWS:
        return [row]
    rows = [row]
    for each, members in lists.items():
        rows = [replace(one, integers={**one.integers, each: values}) for one in rows for values in members]
    for each, chosen in named.items():
        rows = [replace(one, names={**one.names, each: (names,)}) for one in rows for names in chosen]
    return rows


def _is_list(several: Sequence[Names]) -> bool:
    return len(several) == 1 and not several[0].inverted and not several[0].prefixes


def _members(each: Field, values: Intervals) -> list[Intervals]:
    if each in _ENUMERATED:
        return [((value, value),) for first, last in values for value in range(first, last + 1)]
    return [(pair,) for pair in values]
