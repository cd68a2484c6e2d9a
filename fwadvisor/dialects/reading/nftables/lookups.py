"""Sets and maps: their elements, and the tests that hold for the packets that are in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import datatypes
from fwadvisor.dialects.reading.nftables.building import Known, Values, listed
from fwadvisor.dialects.reading.nftables.datatypes import Datatype
from fwadvisor.dialects.reading.nftables.expressions import Selector
from fwadvisor.dialects.reading.nftables.masks import unmasked
from fwadvisor.dialects.reading.nftables.values import Element, Key, Result, values_of
from fwadvisor.model.firewall import AnyOf, Names, Test
from fwadvisor.model.interval import intersect

_SIDES = {"saddr": "src", "daddr": "dst", "sport": "src", "dport": "dst", "iifname": "src", "oifname": "dst"}
_OF_PROTOCOL = ("meta l4proto", "ip protocol")


class TooManyError(Exception):
    """A mask that makes more ranges than can be listed."""


@dataclass(slots=True)
class Dimension:
    """One part of a key: an expression and a mask on it."""

    selector: Selector
    mask: int | None = None
    xor: int = 0

    @property
    def type(self) -> Datatype:
        """The type of the values that it is compared with."""
        return self.selector.type

    def tests(self, known: Known, values: Values, holds: bool) -> tuple[Test, ...]:
        """The tests for some values, or for all others.

        Raises:
            TooManyError: the mask of a mark makes too many ranges; for other expressions that is a condition.
        """
        if self.mask is not None and not isinstance(values, Names):
            wanted = unmasked(values, self.mask, self.xor, self.type.bits)
            if wanted is None and self.type is datatypes.MARK:
                raise TooManyError
            if wanted is None:
                text = f"{self.selector.text} & {self.mask:#x}" + (f" ^ {self.xor:#x}" if self.xor else "")
                return listed(lambda first, last: f"{text} {hexadecimal(first, last)}")(known, values, holds)
            values = wanted
        return self.selector.build(known, values, holds)


def hexadecimal(first: int, last: int) -> str:
    """One value or a range, as bits are written."""
    return f"{first:#x}" if first == last else f"{first:#x}-{last:#x}"


def dimension_words(dimensions: Sequence[Dimension]) -> list[str]:
    """The parts of a key as ipset names them where it can: src and dst."""
    return [_SIDES.get(each.selector.text.split()[-1], each.selector.text) for each in dimensions]


def unknown_content(name: str, dimensions: Sequence[Dimension]) -> str:
    """The condition of a set whose content is not known."""
    return conditions.set_lookup(name, dimension_words(dimensions))


def alternatives(keys: Sequence[Key]) -> list[tuple[Values, ...]]:
    """The keys as few products of sets."""
    if not keys:
        return []
    if len(keys[0]) == 1:
        return [(values_of([key[0] for key in keys]),)]
    rests: dict[object, list[Key]] = {}
    for key in keys:
        rests.setdefault(key[0], []).append(key[1:])
    heads: dict[tuple[Key, ...], list[object]] = {}
    for head, rest in rests.items():
        heads.setdefault(tuple(rest), []).append(head)
    return [
        (values_of(some), *tail)  # type: ignore[arg-type]
        for rest, some in heads.items()
        for tail in alternatives(rest)
    ]


def key_tests(
    dimensions: Sequence[Dimension], known: Known, keys: Sequence[Key], holds: bool = True
) -> tuple[Test, ...]:
    """Tests that hold where the packet's key is one of `keys`, or where `holds` is False, where it is none.

    Raises:
        TooManyError: a mask makes too many ranges.
    """
    if len(dimensions) == 1:
        values = values_of([key[0] for key in keys])
        if not keys and dimensions[0].type.textual:
            values = Names()
        return dimensions[0].tests(known, values, holds)
    found = []
    for product in alternatives(keys):
        inside = Known(known.family, known.protocols, known.asked_protocol)
        for dimension, values in zip(dimensions, product, strict=True):
            if dimension.selector.text in _OF_PROTOCOL and dimension.mask is None and not isinstance(values, Names):
                inside.protocols = intersect(inside.protocols, values)
                inside.asked_protocol = True
        found.append(
            tuple(
                test
                for dimension, values in zip(dimensions, product, strict=True)
                for test in dimension.tests(inside, values, True)
            )
        )
    if holds and len(found) == 1:
        return found[0]
    return (AnyOf(tuple(found), holds),)


def by_result(elements: Sequence[Element]) -> dict[Result, list[Key]]:
    """The keys of a map for each result, in the order of first use; the catch-all element is left out."""
    found: dict[Result, list[Key]] = {}
    for each in elements:
        if each.result is not None and each.key is not None:
            found.setdefault(each.result, []).append(each.key)
    return found


def catch_all(elements: Sequence[Element]) -> Result | None:
    """The result for all other keys."""
    return next((each.result for each in elements if each.key is None), None)
