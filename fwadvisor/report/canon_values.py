"""Values of one field as text that no other set of values has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from fwadvisor.model.address import Family, format_ranges
from fwadvisor.model.firewall import LARGEST, PROFILES, STATES, AddressType, Field, Names
from fwadvisor.model.interval import Intervals, format_ports, size, subtract
from fwadvisor.model.rule import LOOPBACK, protocol_name

ADDRESSES = (Field.SOURCE, Field.DESTINATION)
_MARKS = (Field.MARK, Field.CONNECTION_MARK)
_TYPES = [each.name.lower() for each in AddressType]
#: Fields whose values have names, and how many values are named one by one.
_NAMED = {
    Field.STATE: [each.value for each in STATES], Field.PROFILE: list(PROFILES),
    Field.SOURCE_TYPE: _TYPES, Field.DESTINATION_TYPE: _TYPES,
}  # fmt: skip
_MOST_NAMES = 16
_PLAIN = re.compile(r"[A-Za-z0-9_.:@+-]+", re.ASCII)
#: Words that stand for something else where a name is expected.
_RESERVED = frozenset({"none", "loopback", "all", "any", "but", "and"})


def name(text: str) -> str:
    """A name; in quotes where it could be taken for something else."""
    if text == "":
        return "none"
    if text == LOOPBACK:
        return "loopback"
    return text if _PLAIN.fullmatch(text) and text not in _RESERVED else json.dumps(text)


def phrase(text: str) -> str:
    """Text of several words; in quotes where it could be taken for something else."""
    clean = text.isprintable() and "  " not in text and not text.startswith('"') and text == text.strip()
    return text if clean and text else json.dumps(text)


def values_of(field: Field, values: Intervals, family: Family) -> tuple[str, list[str]]:
    """How a set of integers begins (``all but `` or nothing), and its members."""
    inside = _members(field, values, family)
    if len(inside) < 2:
        return "", inside
    whole = family.universe if field in ADDRESSES else ((0, LARGEST[field]),)
    outside = _members(field, subtract(whole, values), family)
    if outside and len(outside) < len(inside):
        return "all but ", outside
    return "", inside


def names_of(several: Sequence[Names]) -> tuple[str, list[str]]:
    """The same for names that must be in each of several sets."""
    if len(several) == 1:
        return ("all but " if several[0].inverted else ""), _listed(several[0])
    return "", [" and ".join(("all but " if each.inverted else "") + " ".join(_listed(each)) for each in several)]


def _listed(names: Names) -> list[str]:
    return [*map(name, sorted(names.names)), *(f"{name(each) if each else ''}*" for each in sorted(names.prefixes))]


def _members(field: Field, values: Intervals, family: Family) -> list[str]:
    if field in ADDRESSES:
        return list(format_ranges(values, family))
    if field in _MARKS:
        return [f"{first:#x}" if first == last else f"{first:#x}-{last:#x}" for first, last in values]
    if field is Field.ICMP:
        return [text for first, last in values for text in _icmp(first, last)]
    if field is Field.TCP_FLAGS and values:
        # Few files ask for flags, and this brings the packet engine with it.
        from fwadvisor.packets.box_text import pieces

        return pieces(field, values, family)
    if field is Field.PROTOCOL and size(values) <= _MOST_NAMES:
        return [protocol_name(value) for value in _each(values)]
    if field in _NAMED:
        return [_NAMED[field][value] for value in _each(values)]
    return [format_ports((pair,)) for pair in values]


def _icmp(first: int, last: int) -> Iterator[str]:
    """``8`` for a type with all of its codes, ``8-10`` for several, ``3/4`` and ``3/0-3/5`` for codes."""
    if first % 256 == 0 and last % 256 == 255:
        yield format_ports(((first // 256, last // 256),))
    elif first == last:
        yield f"{first // 256}/{first % 256}"
    else:
        yield f"{first // 256}/{first % 256}-{last // 256}/{last % 256}"


def _each(values: Intervals) -> Iterable[int]:
    return (value for first, last in values for value in range(first, last + 1))
