"""Addresses that are no networks: ranges, what kind of address it is, hardware addresses."""

from __future__ import annotations

import re

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.addresses import address_range
from fwadvisor.dialects.reading.iptables.parts import (
    Context,
    Given,
    Match,
    Option,
    Part,
    condition,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressTest, AddressType, AnyOf, Field, IntegerTest, Test
from fwadvisor.model.interval import Intervals, normalize, subtract

_MAC = re.compile(r"([0-9A-Fa-f]{1,2}:){5}[0-9A-Fa-f]{1,2}")
_TYPES = {
    "LOCAL": AddressType.LOCAL, "UNICAST": AddressType.UNICAST, "BROADCAST": AddressType.BROADCAST,
    "MULTICAST": AddressType.MULTICAST,
}  # fmt: skip
#: All kinds; those that are not above are no part of the packet space. A name may be cut short: the first one counts.
_ALL_TYPES = ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
              "THROW", "NAT", "XRESOLVE")  # fmt: skip
#: What the kernel does not ask of an IPv6 address.
_V4_TYPES = {"BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"}
_V6_ROUTES = ("LOCAL", "ANYCAST", "UNREACHABLE")
_LARGEST_TYPE = 3


def address_test(name: Field, values: Intervals, family: Family, negated: bool = False) -> AddressTest:
    """A test on the addresses of one family."""
    held = subtract(family.universe, values) if negated else values
    return AddressTest(name, held, ()) if family is Family.IPV4 else AddressTest(name, (), held)


def _iprange(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("iprange needs --src-range or --dst-range")
    return tuple(
        address_test(
            Field.SOURCE if each.name == "--src-range" else Field.DESTINATION,
            address_range(each.value, context.family),
            context.family,
            each.negated,
        )
        for each in given
    )


def mac_address(text: str) -> str:
    """A hardware address in lower case with all its digits.

    Raises:
        RefusedError: it is none.
    """
    if not _MAC.fullmatch(text):
        raise RefusedError(f'"{text}" is no hardware address', text, "expected six bytes as in 00:11:22:33:44:55")
    return ":".join(part.zfill(2) for part in text.lower().split(":"))


def _mac(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("mac needs --mac-source")
    return tuple(condition(conditions.source_mac(mac_address(each.value)), not each.negated) for each in given)


def _addrtype(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    limits = [each.name for each in given if each.name.startswith("--limit")]
    asked = [each for each in given if not each.name.startswith("--limit")]
    if not asked:
        raise RefusedError("addrtype needs --src-type or --dst-type")
    found: list[Part] = []
    for each in asked:
        kinds = _kinds(each.value, context.family)
        side = "source" if each.name == "--src-type" else "destination"
        if limits:
            words = f"{side} type {','.join(sorted(kinds)).lower()} on {limits[0].removeprefix('--limit-iface-')}"
            found.append(condition(f"{words} interface", not each.negated))
        else:
            read = _v4_type if context.family is Family.IPV4 else _v6_type
            tests = read(side, kinds)
            found += [AnyOf(tests, holds=False)] if each.negated else _plain(tests)
    return tuple(found)


def _plain(alternatives: tuple[tuple[Test, ...], ...]) -> list[Test]:
    return list(alternatives[0]) if len(alternatives) == 1 else [AnyOf(alternatives)]


def _kinds(text: str, family: Family) -> frozenset[str]:
    kinds = set()
    for word in text.upper().split(","):
        kind = next((each for each in _ALL_TYPES if word and each.startswith(word)), "")
        if not kind:
            raise RefusedError(f'"{word}" is no type of address', text, did_you_mean(word, _ALL_TYPES))
        if family is Family.IPV6 and kind in _V4_TYPES:
            raise RefusedError(f"IPv6 addresses are not asked for type {kind}", text)
        kinds.add(kind)
    return frozenset(kinds)


def _type_test(side: str, *types: AddressType) -> IntegerTest:
    name = Field.SOURCE_TYPE if side == "source" else Field.DESTINATION_TYPE
    return IntegerTest(name, normalize((each, each) for each in types))


def _v4_type(side: str, kinds: frozenset[str]) -> tuple[tuple[Test, ...], ...]:
    """The address is of one of the kinds."""
    known = [_TYPES[each] for each in sorted(kinds & _TYPES.keys())]
    found: list[tuple[Test, ...]] = [(_type_test(side, *known),)] if known else []
    found += [(condition(f"{side} type {each.lower()}"),) for each in sorted(kinds - _TYPES.keys())]
    return tuple(found)


def _v6_type(side: str, kinds: frozenset[str]) -> tuple[tuple[Test, ...], ...]:
    """The kernel asks more of IPv6: the address has to be everything that is named; routes alone are alternatives."""
    tests: list[Test] = []
    field = Field.SOURCE if side == "source" else Field.DESTINATION
    nobody: Intervals = ((0, 0),)
    if "MULTICAST" in kinds:
        tests.append(_type_test(side, AddressType.MULTICAST))
    if "UNICAST" in kinds:
        tests += [
            _type_test(side, AddressType.LOCAL, AddressType.UNICAST),
            address_test(field, nobody, Family.IPV6, True),
        ]
    if "UNSPEC" in kinds:
        tests.append(address_test(field, nobody, Family.IPV6))
    routes = [each for each in _V6_ROUTES if each in kinds]
    if not routes:
        return (tuple(tests),)
    return tuple(
        (
            *tests,
            _type_test(side, AddressType.LOCAL) if each == "LOCAL" else condition(f"{side} type {each.lower()}"),
        )
        for each in routes
    )


MATCHES = (
    Match("iprange", options("--src-range", "--dst-range"), _iprange),
    Match("mac", options("--mac-source"), _mac),
    Match(
        "addrtype",
        options(
            "--src-type",
            "--dst-type",
            Option("--limit-iface-in", 0, negatable=False),
            Option("--limit-iface-out", 0, negatable=False),
        ),
        _addrtype,
    ),
)
