"""From a set of values to the tests that hold for them: one builder for each kind of field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import names
from fwadvisor.model.address import Family, cidrs, format_cidr
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AddressType,
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
from fwadvisor.model.interval import Intervals, contains, intersect, normalize, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, State

#: The values of a test as the file gives them.
Values: TypeAlias = Intervals | Names
#: Holds for no packet.
NEVER = IntegerTest(Field.PROTOCOL, ())
#: tcp, udp, dccp, sctp, udplite.
WITH_PORTS: Intervals = ((6, 6), (17, 17), (33, 33), (132, 132), (136, 136))
PROTOCOLS: Intervals = ((0, 255),)
_WITH_CONNECTION = (State.NEW, State.ESTABLISHED, State.RELATED)
EXTENSION_HEADERS = "IPv6 extension headers"


@dataclass(slots=True)
class Known:
    """What the earlier tests of a rule say of family and protocol."""

    family: Family | None = None
    protocols: Intervals = PROTOCOLS
    #: Whether a test of the rule itself asked for the protocol.
    asked_protocol: bool = False


#: There is a connection: without one its mark has no value, and what asks for it does not hold.
CONNECTED = IntegerTest(Field.STATE, normalize((STATES.index(each), STATES.index(each)) for each in _WITH_CONNECTION))
#: The tests for `values`, or where the flag is False for all others.
Builder: TypeAlias = Callable[[Known, Values, bool], tuple[Test, ...]]


def _ranges(values: Values) -> Intervals:
    if isinstance(values, Names):
        raise TypeError("names where numbers are meant")
    return values


def integer(field: Field, shift: int = 0) -> Builder:
    """A number of the packet; `shift` is added to the file's values."""
    universe: Intervals = ((0, LARGEST[field]),)

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        wanted = _ranges(values)
        if shift:
            wanted = tuple((first + shift, last + shift) for first, last in wanted)
        inside = intersect(wanted, universe)
        return (IntegerTest(field, inside if holds else subtract(universe, inside)),)

    return build


def address(field: Field, family: Family) -> Builder:
    """An address of one family."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        wanted = _ranges(values) if holds else subtract(family.universe, _ranges(values))
        return (AddressTest(field, wanted, ()) if family is Family.IPV4 else AddressTest(field, (), wanted),)

    return build


def interface(field: Field) -> Builder:
    """The name of an interface; the kernel reads "" on a hook that has none."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        if not isinstance(values, Names):
            raise TypeError("numbers where names are meant")
        listed = {LOOPBACK if name == "lo" else name for name in values.names}
        if any("lo".startswith(prefix) for prefix in values.prefixes):
            listed.add(LOOPBACK)
        return (NameTest(field, Names(frozenset(listed), values.prefixes, not holds)),)

    return build


def helper() -> Builder:
    """The master's helper; where there is none, no comparison holds."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        if not isinstance(values, Names):
            raise TypeError("numbers where names are meant")
        wanted = Names(values.names, values.prefixes) if holds else Names(values.names | {""}, values.prefixes, True)
        return (NameTest(Field.HELPER, wanted),)

    return build


def named(name_of: Callable[[str], str]) -> Builder:
    """A condition for each name."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        if not isinstance(values, Names):
            raise TypeError("numbers where names are meant")
        listed = [*sorted(values.names), *(f"{prefix}*" for prefix in sorted(values.prefixes))]
        return any_condition([name_of(each) for each in listed], holds)

    return build


def listed(name_of: Callable[[int, int], str]) -> Builder:
    """A condition for each range."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        return any_condition([name_of(first, last) for first, last in _ranges(values)], holds)

    return build


def single(name_of: Callable[[int], str], most: int = 64) -> Builder:
    """A condition for each value, for types with few values."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        each = [number for first, last in _ranges(values) for number in range(first, min(last, first + most) + 1)]
        return any_condition([name_of(number) for number in each[:most]], holds)

    return build


def owner(name_of: Callable[[int, int], str]) -> Builder:
    """Of the packet's socket; without one, no comparison holds."""
    each = listed(name_of)

    def build(known: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        tests = each(known, values, holds)
        return tests if holds else (ConditionTest(Condition(conditions.OWNER_SOCKET)), *tests)

    return build


def any_condition(found: list[str], holds: bool = True) -> tuple[Test, ...]:
    """Holds where one of the conditions does."""
    if len(found) == 1:
        return (ConditionTest(Condition(found[0]), holds),)
    if not found:
        return (NEVER,) if holds else ()
    return (AnyOf(tuple((ConditionTest(Condition(name)),) for name in found), holds),)


def family(of: dict[int, Family]) -> Builder:
    """The address family, by the file's numbers."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        wanted = [each for number, each in of.items() if contains(_ranges(values), number) is holds]
        return () if len(wanted) == 2 else (FamilyTest(wanted[0]),) if wanted else (NEVER,)

    return build


def state(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
    """The connection's state; the file's values are the kernel's bits, of which a packet has one."""
    bits = [names.CT_STATES[each.value] for each in STATES]
    wanted = normalize((at, at) for at, bit in enumerate(bits) if contains(_ranges(values), bit) is holds)
    return () if len(wanted) == 1 and wanted[0] == (0, len(STATES) - 1) else (IntegerTest(Field.STATE, wanted),)


_ADDRESS_TYPES = {1: AddressType.UNICAST, 2: AddressType.LOCAL, 3: AddressType.BROADCAST, 5: AddressType.MULTICAST}


def address_type(field: Field, text: str) -> Builder:
    """What the routing table says of an address; the rarer types are conditions."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        ranges = _ranges(values)
        known = normalize((each, each) for number, each in _ADDRESS_TYPES.items() if contains(ranges, number))
        rare = [
            f"{text} {name}"
            for name, number in names.ROUTE_TYPES.items()
            if number not in _ADDRESS_TYPES and contains(ranges, number)
        ]
        if not rare:
            return (IntegerTest(field, known if holds else subtract(((0, LARGEST[field]),), known)),)
        conditional: list[tuple[Test, ...]] = [any_condition([each]) for each in rare]
        return (AnyOf(tuple([(IntegerTest(field, known),), *conditional] if known else conditional), holds),)

    return build


def ports(field: Field, text: str) -> Builder:
    """Ports of the transport header whatever the protocol; bytes of protocols without ports are a condition."""
    exact = integer(field)

    def build(known: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        tests = exact(known, values, holds)
        with_ports = intersect(known.protocols, WITH_PORTS)
        others = subtract(known.protocols, WITH_PORTS)
        if not others:
            return tests if known.asked_protocol else (IntegerTest(Field.PROTOCOL, with_ports), *tests)
        bytes_there = listed(lambda first, last: f"{text} {_range(first, last)}")(known, values, holds)
        without: tuple[Test, ...] = (IntegerTest(Field.PROTOCOL, others), *bytes_there)
        if not with_ports:
            return without
        return (AnyOf(((IntegerTest(Field.PROTOCOL, with_ports), *tests), without)),)

    return build


def port_pair(source: Builder, destination: Builder) -> Builder:
    """Both ports as one number of 32 bits, as nft lists ``th sport 1 th dport 2``."""

    def build(known: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        pairs = tuple(
            (*source(known, sources, True), *destination(known, destinations, True))
            for first, last in _ranges(values)
            for sources, destinations in _rectangles(first, last)
        )
        return pairs[0] if holds and len(pairs) == 1 else (AnyOf(pairs, holds),)

    return build


def _rectangles(first: int, last: int) -> list[tuple[Intervals, Intervals]]:
    """A range of numbers as products of the upper and lower 16 bits."""
    (top, low), (bottom, high) = divmod(first, 65536), divmod(last, 65536)
    if top == bottom:
        return [(((top, top),), ((low, high),))]
    found: list[tuple[Intervals, Intervals]] = [
        (((top, top),), ((low, 65535),)),
        (((bottom, bottom),), ((0, high),)),
    ]
    return [*found, (((top + 1, bottom - 1),), ((0, 65535),))] if bottom - top > 1 else found


def icmp(version: Family, code: bool) -> Builder:
    """Type or code; the same protocol inside of the other IP version is a condition."""
    word = "icmp" if version is Family.IPV4 else "icmpv6"
    what = f"{word} {'code' if code else 'type'}"
    exact = integer(Field.ICMP)

    def build(known: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        if known.family is version:
            return exact(known, _icmp_values(_ranges(values), code), holds)
        other = listed(lambda first, last: f"{what} {_range(first, last)} in IPv{10 - version}")(known, values, holds)
        if known.family is not None:
            return other
        inside = exact(known, _icmp_values(_ranges(values), code), holds)
        return (AnyOf(((FamilyTest(version), *inside), (FamilyTest(Family(10 - version)), *other))),)

    return build


def _icmp_values(values: Intervals, code: bool) -> Intervals:
    values = intersect(values, ((0, 255),))
    if code:
        return normalize((kind * 256 + first, kind * 256 + last) for kind in range(256) for first, last in values)
    return tuple((first * 256, last * 256 + 255) for first, last in values)


#: Numbers that stand in ``ip6 nexthdr`` before another header.
_EXTENSIONS: Intervals = ((0, 0), (43, 44), (51, 51), (59, 60))


def next_header(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
    """The number in the IPv6 header: that of the protocol only where no extension header comes first."""
    wanted = _ranges(values)
    bare = ConditionTest(Condition(EXTENSION_HEADERS), False)
    alternatives: list[tuple[Test, ...]] = []
    upper = subtract(wanted, _EXTENSIONS)
    if upper:
        alternatives.append((IntegerTest(Field.PROTOCOL, upper), bare))
    alternatives += [
        (ConditionTest(Condition(f"ip6 nexthdr {number}")),)
        for first, last in intersect(wanted, _EXTENSIONS)
        for number in range(first, last + 1)
    ]
    if holds and len(alternatives) == 1:
        return alternatives[0]
    return (AnyOf(tuple(alternatives), holds),)


def fragment_offset(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
    """``ip frag-off & 0x1fff``: 0 in the first fragment and in whole packets."""
    wanted = _ranges(values)
    rest: Intervals = ((1, 0x1FFF),)
    if wanted == ((0, 0),):
        return any_condition([conditions.FRAGMENT], not holds)
    if intersect(wanted, rest) == rest and not contains(wanted, 0):
        return any_condition([conditions.FRAGMENT], holds)
    return listed(lambda first, last: f"fragment offset {_range(first, last)}")(Known(), values, holds)


def connection_address(direction: str, what: str, version: Family) -> Builder:
    """An address that the connection was opened with, one condition for each network."""

    def build(_: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        texts = [format_cidr(value, length, version) for value, length in cidrs(_ranges(values), version)]
        return any_condition([conditions.connection_tuple(direction, what, text) for text in texts], holds)

    return build


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def field_text(text: str) -> Builder:
    """A number that is no part of the packet space, under the words of the file."""
    return listed(lambda first, last: f"{text} {_range(first, last)}")


#: The protocols that ``icmp`` and ``icmpv6`` ask for.
ICMP_PROTOCOL = {Family.IPV4: ICMP, Family.IPV6: ICMPV6}
