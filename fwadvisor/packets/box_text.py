"""Values of one field in the words of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family, format_ranges
from fwadvisor.model.firewall import LARGEST, PROFILES, STATES, AddressType, Field, Names
from fwadvisor.model.interval import Intervals, format_ports, size, subtract
from fwadvisor.model.rule import LOOPBACK, Hook, protocol_name

FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
_NO_INTERFACE = frozenset({""})
_NOT_ROUTED = frozenset({"", LOOPBACK})
_ALL = Names(inverted=True)
_ADDRESSES = (Field.SOURCE, Field.DESTINATION)
_MARKS = (Field.MARK, Field.CONNECTION_MARK)
_NAMED: dict[Field, Callable[[int], str]] = {
    Field.PROTOCOL: protocol_name,
    Field.STATE: lambda value: STATES[value].value,
    Field.PROFILE: lambda value: PROFILES[value],
    Field.SOURCE_TYPE: lambda value: AddressType(value).name.lower(),
    Field.DESTINATION_TYPE: lambda value: AddressType(value).name.lower(),
}


def whole(field: Field, family: Family) -> Intervals:
    """Every value of an integer field."""
    return family.universe if field in _ADDRESSES else ((0, LARGEST[field]),)


def pieces(field: Field, values: Intervals, family: Family) -> list[str]:
    """Each range, or where values have names each value, in its text; the whole set, in order."""
    if field in _ADDRESSES:
        return list(format_ranges(values, family))
    if field in _MARKS:
        return [f"{first:#x}" if first == last else f"{first:#x}-{last:#x}" for first, last in values]
    if field is Field.ICMP:
        return [text for first, last in values for text in _icmp(first, last)]
    if field is Field.TCP_FLAGS:
        return _flags(values)
    name = _NAMED.get(field)
    if name is None or size(values) > 16:
        return [format_ports((pair,)) for pair in values]
    return [name(value) for first, last in values for value in range(first, last + 1)]


def _icmp(first: int, last: int) -> Iterable[str]:
    """``8`` for all codes of a type, ``8-10`` for those of several, ``3 code 4`` for some codes of one."""
    if first % 256:
        end = min(last, first | 255)
        codes = format_ports(((first % 256, end % 256),))
        yield f"{first // 256} code {codes}"
        first = end + 1
    types = (last + 1) // 256
    if first < types * 256:
        yield format_ports(((first // 256, types - 1),))
        first = types * 256
    if first <= last:
        yield f"{first // 256} code {format_ports(((0, last % 256),))}"


def _flags(values: Intervals) -> list[str]:
    """``syn of fin+syn+rst+ack`` where the others may be as they like, ``only syn``, else every combination."""
    each = [value for first, last in values for value in range(first, last + 1)]
    if not each:
        return []
    alike, ones = 255, each[0]
    for value in each:
        alike &= ~(value ^ each[0])
        ones &= value
    if len(each) == 1:
        return [f"only {_named_flags(ones)}"]
    if len(each) == 1 << (8 - alike.bit_count()):
        return [f"{_named_flags(ones & alike)} of {_named_flags(alike)}"]
    return [_named_flags(value) for value in each]


def _named_flags(value: int) -> str:
    return "+".join(name for bit, name in enumerate(FLAGS) if value >> bit & 1) or "none"


def said(field: Field, values: Intervals, family: Family, most: int | None) -> str:
    """The set in its shorter form: what is in it, or ``all except`` what is not.

    Of lists that are longer than `most` the rest is counted.
    """
    if not values:
        return "nothing"
    inside = pieces(field, values, family)
    rest = subtract(whole(field, family), values)
    outside = pieces(field, rest, family) if rest else []
    if outside and len(outside) < len(inside):
        return f"all except {cut(outside, most)}"
    return cut(inside, most)


def cut(texts: Sequence[str], most: int | None) -> str:
    """The texts with commas, and how many there are after the first `most`."""
    if most is None or len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most} more"


def real_names(sets: Iterable[Names], hook: Hook) -> tuple[Names, ...]:
    """Sets of interfaces without the exceptions that no packet of the hook has; those without any are left out.

    Every packet has an interface where it comes in or goes out, and none is routed from loopback or to it.
    """
    never = _NOT_ROUTED if hook is Hook.FORWARD else _NO_INTERFACE
    found = (replace(each, names=each.names - never) if each.inverted else each for each in sets)
    return tuple(each for each in found if each != _ALL)


def said_names(sets: Sequence[Names], most: int | None) -> str:
    """Names that are in all of the sets: ``eth* except eth0``, ``all except lo``; prefixes end with a star."""
    inside = [each for each in sets if not each.inverted]
    outside = [text for each in sets if each.inverted for text in _texts(each)]
    said = " that is also ".join(cut(_texts(each), most) or "nothing" for each in inside) or "all"
    return f"{said} except {cut(outside, most)}" if outside else said


def _texts(names: Names) -> list[str]:
    return [*map(_name, sorted(names.names)), *(f"{printable(prefix)}*" for prefix in sorted(names.prefixes))]


def _name(name: str) -> str:
    return "none" if name == "" else "loopback" if name == LOOPBACK else printable(name)
