"""Tests of somebody's rules as matches of ours, and what a match cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AnyOf,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import PORTS, Intervals, intersect, size, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, PORT_PROTOCOLS, Hook, IcmpType, Match, State

#: So many alternatives of a rule become rules of their own, and so many protocols one.
_ALTERNATIVES, _PROTOCOLS = 64, 16
_ADDRESSES = {Field.SOURCE: "source", Field.DESTINATION: "destination"}
_PORTS = {Field.SOURCE_PORT: "source_ports", Field.DESTINATION_PORT: "destination_ports"}
_SAID = frozenset({Field.STATE, Field.PROTOCOL, Field.ICMP, *_PORTS})
_INTERFACES = {Field.IN_INTERFACE: Hook.OUTPUT, Field.OUT_INTERFACE: Hook.INPUT}
_NAMES = {
    Field.TCP_FLAGS: "TCP flags", Field.TTL: "the time to live", Field.LENGTH: "the length of packets",
    Field.DSCP: "DSCP", Field.MARK: "the mark of packets", Field.CONNECTION_MARK: "the mark of connections",
    Field.TAG: "tags", Field.SOURCE_TYPE: "what the source is to the machine (local, broadcast)",
    Field.DESTINATION_TYPE: "what the destination is to the machine (local, broadcast)",
    Field.PROFILE: "Windows network profiles", Field.PROTOCOL: "so many protocols",
    Field.IN_INTERFACE: "interfaces by pattern or exception", Field.OUT_INTERFACE: "interfaces by pattern or exception",
    Field.HELPER: "the helper but of related connections", Field.SOURCE_PORT: "ports of such protocols",
    Field.DESTINATION_PORT: "ports of such protocols", Field.ICMP: "types of several protocols",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matched:
    """What one alternative of a rule comes to in one family."""

    match: Match
    #: Tests that the match does not say: its packets are those of the match for which they hold.
    unsaid: tuple[Test, ...] = ()


def matches_of(tests: Sequence[Test], family: Family, hook: Hook) -> list[Matched]:
    """The alternatives of a rule, each as a match of one family; those that match nothing are left out."""
    found = []
    for flat in flattened(tests):
        made = _made(flat, family, hook)
        if made is not None:
            found.append(made)
    return found


def unsaid_words(test: Test) -> str:
    """What a test asks that a match cannot say."""
    if isinstance(test, ConditionTest):
        return f'"{test.condition.name}"'
    if isinstance(test, AnyOf):
        return "alternatives of several fields"
    return "an IP version" if isinstance(test, FamilyTest) else _NAMES.get(test.field, test.field.value)


def flattened(tests: Sequence[Test]) -> list[tuple[Test, ...]]:
    """The tests without alternatives, once for each combination; where there are too many, they stay."""
    plain: list[Test] = [each for each in tests if not isinstance(each, AnyOf)]
    choices: list[list[tuple[Test, ...]]] = []
    count = 1
    for each in tests:
        if isinstance(each, AnyOf):
            ways = _ways(each)
            if ways is None or count * len(ways) > _ALTERNATIVES:
                plain.append(each)
            else:
                choices.append(ways)
                count *= len(ways)
    return [(*plain, *(test for way in chosen for test in way)) for chosen in product(*choices)]


def _ways(test: AnyOf) -> list[tuple[Test, ...]] | None:
    if test.holds:
        return [way for tests in test.alternatives for way in flattened(tests)]
    # Not (a and b), and not (c): not a or not b, and not c.
    ways: list[tuple[Test, ...]] = [()]
    for tests in test.alternatives:
        denied = [negated(each) for each in tests]
        if None in denied:
            return None
        ways = [(*way, each) for way in ways for each in denied if each is not None]
        if len(ways) > _ALTERNATIVES:
            return None
    return ways


def negated(test: Test) -> Test | None:
    """The test that holds where this one does not, None where it takes several."""
    match test:
        case IntegerTest(field, values):
            return IntegerTest(field, subtract(((0, LARGEST[field]),), values))
        case AddressTest(field, v4, v6):
            return AddressTest(field, subtract(Family.IPV4.universe, v4), subtract(Family.IPV6.universe, v6))
        case NameTest(field, names):
            return NameTest(field, replace(names, inverted=not names.inverted))
        case FamilyTest(family):
            return FamilyTest(Family.IPV6 if family is Family.IPV4 else Family.IPV4)
        case ConditionTest(condition, holds):
            return ConditionTest(condition, not holds)
        case AnyOf(alternatives, holds):
            return AnyOf(alternatives, not holds)


def _made(tests: Iterable[Test], family: Family, hook: Hook) -> Matched | None:
    """One alternative; None where it matches nothing."""
    integers: dict[Field, Intervals] = {}
    names: dict[Field, frozenset[str]] = {}
    unsaid: list[Test] = []
    for test in tests:
        match test:
            case FamilyTest():
                if test.family is not family:
                    return None
            case IntegerTest() | AddressTest():
                values = test.values if isinstance(test, IntegerTest) else test.of(family)
                known = integers.get(test.field)
                integers[test.field] = values if known is None else intersect(known, values)
                if not integers[test.field]:
                    return None
            case NameTest():
                kept = _named(test, names, hook)
                if kept is None:
                    return None
                unsaid += kept
            case _:
                unsaid.append(test)
    return _said(integers, names, unsaid, family)


def _named(test: NameTest, names: dict[Field, frozenset[str]], hook: Hook) -> list[Test] | None:
    """Note a set of names; what cannot be noted comes back, None where no name is left."""
    if _INTERFACES.get(test.field) is hook:
        return [] if "" in test.names else None
    if test.names.inverted or test.names.prefixes or "" in test.names.names:
        return [test]
    known = names.get(test.field, test.names.names)
    names[test.field] = known & test.names.names
    return [] if names[test.field] else None


def _said(
    integers: dict[Field, Intervals], names: dict[Field, frozenset[str]], unsaid: list[Test], family: Family
) -> Matched | None:
    values: dict[str, object] = {}
    for field, whole in list(integers.items()):
        largest = family.universe if field in _ADDRESSES else ((0, LARGEST[field]),)
        if whole == largest:
            del integers[field]
        elif field not in _SAID and field not in _ADDRESSES:
            unsaid.append(IntegerTest(field, integers.pop(field)))
    protocols = _protocols(integers, unsaid)
    states = tuple(state for number, state in enumerate(STATES) if _holds(integers.get(Field.STATE), number))
    values |= {"protocols": protocols, "states": () if len(states) == len(STATES) else states}
    for field, word in _PORTS.items():
        if field in integers and integers[field] != PORTS:
            if protocols and PORT_PROTOCOLS.issuperset(protocols):
                values[word] = integers[field]
            else:
                unsaid.append(IntegerTest(field, integers[field]))
    if Field.ICMP in integers:
        if protocols in ((ICMP,), (ICMPV6,)):
            values["icmp"] = tuple(_types(integers[Field.ICMP]))
        else:
            unsaid.append(IntegerTest(Field.ICMP, integers[Field.ICMP]))
    for field, word in _ADDRESSES.items():
        if field in integers:
            v4 = family is Family.IPV4
            values[word] = AddressSet(integers[field] if v4 else (), () if v4 else integers[field])
    for field, word in ((Field.IN_INTERFACE, "in_interfaces"), (Field.OUT_INTERFACE, "out_interfaces")):
        if field in names:
            values[word] = tuple(sorted(names[field]))
    unsaid += _followed(names, values)
    if protocols == ((ICMPV6,) if family is Family.IPV4 else (ICMP,)):
        # ICMP of the other family, which nobody sends: a match has no word for it.
        return None
    return Matched(Match(family=family, **values), tuple(unsaid))  # type: ignore[arg-type]


def _followed(names: dict[Field, frozenset[str]], values: dict[str, object]) -> Iterator[Test]:
    """Helpers narrow related connections only."""
    if Field.HELPER in names:
        if values["states"] == (State.RELATED,):
            values["helpers"] = tuple(sorted(names[Field.HELPER]))
        else:
            yield NameTest(Field.HELPER, Names(names[Field.HELPER]))


def _protocols(integers: dict[Field, Intervals], unsaid: list[Test]) -> tuple[int, ...]:
    values = integers.get(Field.PROTOCOL)
    if values is None:
        return ()
    if size(values) > _PROTOCOLS:
        unsaid.append(IntegerTest(Field.PROTOCOL, values))
        return ()
    return tuple(number for first, last in values for number in range(first, last + 1))


def _holds(values: Intervals | None, number: int) -> bool:
    return values is None or any(first <= number <= last for first, last in values)


def _types(values: Intervals) -> Iterator[IcmpType]:
    for first, last in values:
        while first <= last:
            kind, code = divmod(first, 256)
            if code == 0 and first + 255 <= last:
                yield IcmpType(kind)
                first += 256
            else:
                yield IcmpType(kind, code)
                first += 1
