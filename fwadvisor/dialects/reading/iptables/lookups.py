"""What a lookup in a set asks of a packet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.entries import Element, Entry, Service
from fwadvisor.dialects.reading.iptables.matches.addresses import address_test
from fwadvisor.dialects.reading.iptables.parts import NEVER, SetTest, condition
from fwadvisor.dialects.reading.iptables.sets import NamedSet, Sets
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, contains, normalize
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, UDP

#: A lookup of several dimensions is written out up to so many alternatives.
_MOST_ALTERNATIVES = 20_000
_DEEPEST = 8
_PORTED = (TCP, UDP, 132, 136)


@dataclass(frozen=True, slots=True)
class Looked:
    """The tests of a lookup, and why it is opaque, if it is."""

    tests: tuple[Test, ...]
    opaque: str = ""


class NotExactError(Exception):
    """The set holds what cannot be written as tests."""


def look_up(asked: SetTest, sets: Sets, family: Family) -> Looked:
    """The tests that hold where the lookup succeeds (or, negated, fails)."""
    name = conditions.set_lookup(asked.name, asked.dimensions)
    found = sets.named.get(asked.name)
    if found is None:
        reason = f'the contents of the set "{asked.name}" are in none of the files'
        return Looked((ConditionTest(Condition(name, understood=False), asked.holds),), reason)
    if _expires(found, sets, 0):
        return Looked((condition(name, asked.holds),))
    try:
        alternatives = _alternatives(found, asked.dimensions, sets, family, 0)
    except NotExactError as problem:
        reason = f'the set "{asked.name}" {problem}'
        return Looked((ConditionTest(Condition(name, understood=False), asked.holds),), reason)
    return Looked(_joined(alternatives, asked.holds, family))


def _joined(alternatives: list[tuple[Test, ...]], holds: bool, family: Family) -> tuple[Test, ...]:
    if not alternatives:
        return (NEVER,) if holds else ()
    if len(alternatives) > 1:
        return (AnyOf(tuple(alternatives), holds),)
    (tests,) = alternatives
    if holds:
        return tests
    if len(tests) == 1 and isinstance(tests[0], AddressTest):
        return (address_test(tests[0].field, tests[0].of(family), family, negated=True),)
    return (AnyOf((tests,), holds=False),)


def _expires(found: NamedSet, sets: Sets, depth: int) -> bool:
    if found.kind == "list:set" and depth < _DEEPEST:
        members = (sets.named.get(str(each.elements[0])) for each in found.entries)
        return found.expires or any(member and _expires(member, sets, depth + 1) for member in members)
    return found.expires


def _alternatives(
    found: NamedSet, sides: tuple[str, ...], sets: Sets, family: Family, depth: int
) -> list[tuple[Test, ...]]:
    if found.kind == "list:set":
        if depth >= _DEEPEST:
            raise NotExactError("holds sets that hold sets, too deep")
        members = [sets.named[str(each.elements[0])] for each in found.entries if str(each.elements[0]) in sets.named]
        return [a for member in members for a in _alternatives(member, sides, sets, family, depth + 1)]
    # Fewer dimensions than the set has, or another family: the kernel finds nothing.
    if len(sides) < len(found.dimensions) or found.family not in (None, family) or not found.entries:
        return []
    if found.masked:
        raise NotExactError("masks what it looks up")
    if len(found.dimensions) == 1 and found.dimensions[0] in ("ip", "net"):
        side = Field.SOURCE if sides[0] == "src" else Field.DESTINATION
        return [(address_test(side, _values(found.entries), family),)]
    if any(each.wildcard for each in found.entries):
        raise NotExactError("has interfaces with a wildcard")
    if any(each.nomatch for each in found.entries):
        raise NotExactError("has nomatch entries in several dimensions")
    return _grouped(found, sides, family)


def _values(entries: Collection[Entry]) -> Intervals:
    """The addresses that are in the set: the longest network that holds an address decides."""
    ranges = [entry.elements[0] for entry in entries if not entry.nomatch]
    values = normalize(each for each in ranges if isinstance(each, tuple))
    if len(ranges) == len(entries):
        return values
    return _nested([(entry.elements[0], entry.nomatch) for entry in entries])


def _nested(networks: Iterable[tuple[Element, bool]]) -> Intervals:
    """Networks lie inside of one another or apart: the innermost decides."""
    ordered = sorted(
        ((each[0], -each[1], nomatch) for each, nomatch in networks if isinstance(each, tuple)), key=lambda e: e[:2]
    )
    inside: list[tuple[int, int]] = []
    open_: list[tuple[int, bool]] = []
    at = 0

    def close(until: int) -> None:
        nonlocal at
        while open_ and open_[-1][0] < until:
            last, out = open_.pop()
            if at <= last:
                if not out:
                    inside.append((at, last))
                at = last + 1

    for first, negative_last, nomatch in ordered:
        close(first)
        if open_ and at < first and not open_[-1][1]:
            inside.append((at, first - 1))
        at = max(at, first)
        if open_ and open_[-1][0] < -negative_last:
            raise NotExactError("has ranges that overlap nomatch entries")
        open_.append((-negative_last, nomatch))
    close(2**129)
    return normalize(inside)


def _grouped(found: NamedSet, sides: tuple[str, ...], family: Family) -> list[tuple[Test, ...]]:
    """Alternatives with the addresses of equal rests together, and then the ports of equal addresses."""
    kinds = found.dimensions
    rows: Iterable[tuple[Element, ...]] = [entry.elements for entry in found.entries]
    if kinds[0] in ("ip", "net"):
        groups: dict[tuple[Element, ...], list[Element]] = defaultdict(list)
        for row in rows:
            groups[row[1:]].append(row[0])
        by_addresses: dict[Intervals, list[tuple[Element, ...]]] = defaultdict(list)
        for rest, some in groups.items():
            by_addresses[normalize(each for each in some if isinstance(each, tuple))].append(rest)
        side = Field.SOURCE if sides[0] == "src" else Field.DESTINATION
        leading = [((address_test(side, values, family),), rests) for values, rests in by_addresses.items()]
        kinds, sides = kinds[1:], sides[1:]
    else:
        leading = [((), list(rows))]  # type: ignore[list-item]
    alternatives: list[tuple[Test, ...]] = []
    for lead, rests in leading:
        for rest in _joined_services(rests):
            tests = (*lead, *_rest(rest, kinds, sides, family))
            if NEVER not in tests:
                alternatives.append(tests)
            if len(alternatives) > _MOST_ALTERNATIVES:
                raise NotExactError(f"stands for more than {_MOST_ALTERNATIVES} alternatives")
    return alternatives


def _joined_services(rests: Sequence[tuple[Element, ...]]) -> list[tuple[Element, ...]]:
    """Services of one protocol and equal rest as one."""
    joined: dict[tuple[Element, ...], list[tuple[int, int]]] = defaultdict(list)
    others: list[tuple[Element, ...]] = []
    for rest in rests:
        if rest and isinstance(rest[0], Service):
            joined[(rest[0].protocol, *rest[1:])] += rest[0].values
        else:
            others.append(rest)
    services: list[tuple[Element, ...]] = [
        (Service(key[0], normalize(ranges)), *key[1:]) for key, ranges in joined.items() if isinstance(key[0], int)
    ]
    return [*others, *services]


def _rest(values: Sequence[Element], kinds: tuple[str, ...], sides: tuple[str, ...], family: Family) -> Iterator[Test]:
    for value, kind, side in zip(values, kinds, sides, strict=False):
        yield from _one(value, kind, side == "src", family)


def _one(value: Element, kind: str, source: bool, family: Family) -> Iterator[Test]:
    """The tests of one dimension."""
    match value:
        case Service():
            yield from _service(value, source, family, kind)
        case (first, last):
            yield address_test(Field.SOURCE if source else Field.DESTINATION, ((first, last),), family)
        case int():
            raise NotExactError("looks up marks")
        case str() if kind == "mac":
            # The kernel knows the sender's hardware address alone.
            yield condition(conditions.source_mac(value)) if source else NEVER
        case str() if value.startswith("physdev:"):
            yield condition(conditions.physical("in" if source else "out", value.removeprefix("physdev:")))
        case str():
            name = LOOPBACK if value == "lo" else value
            yield NameTest(Field.IN_INTERFACE if source else Field.OUT_INTERFACE, Names(frozenset({name})))


def _service(service: Service, source: bool, family: Family, kind: str) -> Iterator[Test]:
    protocol, values = service.protocol, service.values
    if kind == "plain-port":
        # A bitmap of ports has no protocol: it is asked for TCP and UDP alike.
        yield IntegerTest(Field.PROTOCOL, ((TCP, TCP), (UDP, UDP)))
    else:
        yield IntegerTest(Field.PROTOCOL, ((protocol, protocol),))
    if protocol == (ICMP if family is Family.IPV4 else ICMPV6):
        yield IntegerTest(Field.ICMP, values)
    elif protocol in _PORTED or kind == "plain-port":
        yield IntegerTest(Field.SOURCE_PORT if source else Field.DESTINATION_PORT, values)
    elif not contains(values, 0):
        # Of other protocols the kernel looks up port 0.
        yield NEVER
