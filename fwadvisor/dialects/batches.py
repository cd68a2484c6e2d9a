"""Which rules of a chain may be decided together, so that ten thousand rules need not be walked one by one.

Neighbouring rules with the same verdict and log may change places freely. Rules of one shape (all of them
name a source, say, and nothing but addresses and services tells them apart) form a batch, which a writer
turns into a decision diagram; few rules of a shape stay as they are, one readable line for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from fwadvisor.dialects.diagram import Action, Dimension, Row, services
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Match, Rule

#: From so many rules of one shape on, a batch is decided by a diagram. A linear rule costs some 20 ns for
#: each packet, a lookup some 200 ns, so that below this number a reader gains more than a packet loses.
THRESHOLD = 32

_Context = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Neighbouring rules, first match first, that differ only in their dimensions."""

    rules: tuple[Rule, ...]
    dimensions: tuple[Dimension, ...]

    def families(self) -> tuple[Family | None, ...]:
        """The families to decide apart, or (None,) where no address is involved."""
        if self.dimensions == (Dimension.SERVICE,):
            only = self.rules[0].match.families()
            return only if len(only) == 1 else (None,)
        return tuple(family for family in FAMILIES if any(family in rule.match.families() for rule in self.rules))

    def common(self, family: Family | None) -> Match:
        """What every rule of the batch asks besides its dimensions."""
        match = self.rules[0].match
        return replace(
            match,
            family=family or match.family,
            source=None,
            destination=None,
            destination_ports=None,
            protocols=match.protocols if match.icmp or match.source_ports else (),
        )

    def of(self, family: Family | None) -> tuple[Rule, ...]:
        """The rules that a packet of the family can match."""
        if family is None:
            return self.rules
        return tuple(rule for rule in self.rules if family in rule.match.families())

    def rows(self, rules: Iterable[Rule], family: Family | None) -> list[Row]:
        """Rules of one family as rows of a diagram over `dimensions`."""
        read = [_reader(dimension, family) for dimension in self.dimensions]
        return [Row(tuple([values(rule.match) for values in read]), action_of(rule)) for rule in rules]


def _reader(dimension: Dimension, family: Family | None) -> Callable[[Match], Intervals]:
    """What a match asks in one dimension, which it must restrict."""
    if dimension is Dimension.SERVICE:
        known: dict[tuple[tuple[int, ...], Intervals | None], Intervals] = {}

        def of_service(match: Match) -> Intervals:
            key = (match.protocols, match.destination_ports)
            if key not in known:
                known[key] = services(*key)
            return known[key]

        return of_service
    pick = attrgetter(dimension.value)
    v4 = family is Family.IPV4

    def of_addresses(match: Match) -> Intervals:
        addresses: AddressSet = pick(match)
        return addresses.v4 if v4 else addresses.v6

    return of_addresses


def action_of(rule: Rule) -> Action:
    """What the rule does with a packet."""
    return Action(rule.verdict, rule.log)


def _dimensions(match: Match) -> tuple[Dimension, ...]:
    found = []
    if match.destination is not None:
        found.append(Dimension.DESTINATION)
    if match.source is not None:
        found.append(Dimension.SOURCE)
    if match.protocols and not match.icmp:
        found.append(Dimension.SERVICE)
    return tuple(found)


def _context(rule: Rule) -> _Context:
    """Everything that rules of one batch share: what they ask besides their dimensions."""
    match = rule.match
    families = () if match.source or match.destination else match.families()
    return (
        _dimensions(match),
        match.family,
        families if len(families) == 1 else (),
        match.protocols if match.icmp or match.source_ports else (),
        match.source_ports,
        match.icmp,
        match.in_interfaces,
        match.out_interfaces,
        match.states,
        match.helpers,
    )


def _gathered(run: Sequence[Rule], last: _Context | None) -> Iterator[tuple[_Context, Rule]]:
    """A run of rules with one verdict, the rules of frequent shapes moved together at its end."""
    with_context = [(_context(rule), rule) for rule in run]
    if len(run) < THRESHOLD:
        yield from with_context
        return
    groups: dict[_Context, list[Rule]] = {}
    for context, rule in with_context:
        groups.setdefault(context, []).append(rule)
    frequent = {context for context, rules in groups.items() if len(rules) >= THRESHOLD}
    if last in frequent:
        yield from ((last, rule) for rule in groups[last] if last is not None)
    yield from (each for each in with_context if each[0] not in frequent)
    for context, rules in groups.items():
        if context in frequent and context != last:
            yield from ((context, rule) for rule in rules)


def batches(rules: Iterable[Rule]) -> Iterator[Rule | Batch]:
    """The rules in an order that decides alike: single rules, and batches of many of one shape."""
    ordered: list[tuple[_Context, Rule]] = []
    for _, run in groupby(rules, key=action_of):
        ordered += _gathered(list(run), ordered[-1][0] if ordered else None)
    for _, group in groupby(ordered, key=lambda each: each[0]):
        alike = tuple(rule for _, rule in group)
        dimensions = _dimensions(alike[0].match)
        if len(alike) < THRESHOLD or not dimensions:
            yield from alike
        else:
            yield Batch(alike, dimensions)
