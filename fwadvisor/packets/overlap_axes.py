"""Boxes: the packets of a rule as sets of integers, one for each axis that somebody tests.

An axis is a field or a condition. Its values are integers: those of an integer field as they are; the atoms of a
field of names, which are the classes of names that no test tells apart; 0 and 1 for a condition that does not hold and
one that does. So a box is a tuple of `Intervals`, one for each axis, None where all values are meant; it is
never empty, because an empty box is left out where it would arise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    LARGEST,
    NAME_FIELDS,
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
from fwadvisor.model.interval import Intervals, intersect, subtract
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_meter import Meter
from fwadvisor.packets.overlap_names import NameAtoms
from fwadvisor.packets.rawbox import RawBox


@dataclass(frozen=True, slots=True)
class Later:
    """What a field holds after `rule` may have written it in a way that is not known."""

    field: Field
    rule: int


Axis: TypeAlias = Field | Condition | Later
Box: TypeAlias = tuple[Intervals | None, ...]

_HOLDS: Intervals = ((1, 1),)
_FAILS: Intervals = ((0, 0),)
_BOTH: Intervals = ((0, 1),)
_ADDRESSES = (Field.SOURCE, Field.DESTINATION)


def flat(tests: Iterable[Test]) -> Iterator[IntegerTest | AddressTest | NameTest | FamilyTest | ConditionTest]:
    """The tests, and in the place of each `AnyOf` those of its alternatives."""
    for test in tests:
        if isinstance(test, AnyOf):
            for alternative in test.alternatives:
                yield from flat(alternative)
        else:
            yield test


class Axes:
    """The axes of one family that `tests` ask for, and the way from tests to boxes and back.

    `later` adds an axis for what a field holds after an unknown write.
    """

    def __init__(self, family: Family, tests: Iterable[Test], later: Iterable[Later] = ()) -> None:
        self.family = family
        keys: dict[Axis, None] = {}
        names: dict[Field, set[Names]] = {}
        for test in flat(tests):
            match test:
                case IntegerTest(field) | AddressTest(field):
                    keys[field] = None
                case NameTest(field, each):
                    keys[field] = None
                    names.setdefault(field, set()).add(each)
                case ConditionTest(condition):
                    keys[condition] = None
                case FamilyTest():
                    pass
        keys.update(dict.fromkeys(later))
        self.keys = tuple(keys)
        self.position = {key: place for place, key in enumerate(self.keys)}
        self.names: Mapping[Field, NameAtoms] = {field: NameAtoms(each) for field, each in names.items()}
        self.whole = tuple(self._whole(key) for key in self.keys)
        self.everything: Box = (None,) * len(self.keys)
        #: Equal values are one tuple, so that `is` finds most of them out.
        self._shared: tuple[dict[Intervals, Intervals | None], ...] = tuple({each: None} for each in self.whole)
        self._atoms: dict[tuple[Field, Names], Intervals] = {}

    def _whole(self, key: Axis) -> Intervals:
        if isinstance(key, Condition):
            return _BOTH
        field = key.field if isinstance(key, Later) else key
        if field in _ADDRESSES:
            return self.family.universe
        if field in NAME_FIELDS:
            return ((0, self.names[field].count - 1),)
        return ((0, LARGEST[field]),)

    def boxes(self, tests: Sequence[Test], meter: Meter) -> list[Box]:
        """Boxes whose union is where all `tests` hold; those of alternatives may overlap."""
        return self._all(tests, [self.everything], meter)

    def _all(self, tests: Sequence[Test], boxes: list[Box], meter: Meter) -> list[Box]:
        for test in tests:
            if not boxes:
                break
            match test:
                case FamilyTest(family):
                    boxes = boxes if family is self.family else []
                case AnyOf(alternatives, True):
                    boxes = list(dict.fromkeys(box for tests in alternatives for box in self._all(tests, boxes, meter)))
                    meter.spend(len(boxes))
                case AnyOf(alternatives):
                    for alternative in alternatives:
                        for other in self._all(alternative, [self.everything], meter):
                            boxes = [left for box in boxes for left in self.subtract(box, other)]
                            meter.spend(len(boxes))
                case _:
                    place, values = self._simple(test)
                    boxes = [met for box in boxes if (met := self.limit(box, place, values)) is not None]
        return boxes

    def _simple(self, test: IntegerTest | AddressTest | NameTest | ConditionTest) -> tuple[int, Intervals]:
        match test:
            case IntegerTest(field, values):
                return self.position[field], values
            case AddressTest(field):
                return self.position[field], test.of(self.family)
            case NameTest(field, names):
                key = (field, names)
                atoms = self._atoms.get(key)
                if atoms is None:
                    atoms = self._atoms[key] = self.names[field].of(names)
                return self.position[field], atoms
            case ConditionTest(condition, holds):
                return self.position[condition], _HOLDS if holds else _FAILS

    def limit(self, box: Box, place: int, values: Intervals) -> Box | None:
        """The part of `box` with `values` at one place, or None where nothing is left."""
        old = box[place]
        met = intersect(old if old is not None else self.whole[place], values)
        if not met:
            return None
        return (*box[:place], self._shared[place].setdefault(met, met), *box[place + 1 :])

    def meet(self, a: Box, b: Box) -> Box | None:
        """The packets of both boxes, or None where there are none."""
        met = a
        for place, values in enumerate(b):
            if values is not None and values is not met[place]:
                smaller = self.limit(met, place, values)
                if smaller is None:
                    return None
                met = smaller
        return met

    def subtract(self, box: Box, other: Box) -> list[Box]:
        """Disjoint boxes that hold the packets of `box` that are not in `other`."""
        if self.meet(box, other) is None:
            return [box]
        pieces: list[Box] = []
        for place, values in enumerate(other):
            if values is None:
                continue
            old = box[place]
            rest = subtract(old if old is not None else self.whole[place], values)
            if rest:
                pieces.append((*box[:place], rest, *box[place + 1 :]))
                inside = self.limit(box, place, values)
                assert inside is not None  # noqa: S101 - the boxes meet
                box = inside
        return pieces

    def raw(self, box: Box, hook: Hook) -> Iterator[RawBox]:
        """The box in the words of the model: disjoint boxes, one but for names nested in names."""
        integers: dict[Field, Intervals] = {}
        conditions: dict[Condition, bool] = {}
        named: dict[Field, list[tuple[Names, ...]]] = {}
        for key, values, whole in zip(self.keys, box, self.whole, strict=True):
            if values is None or values == whole:
                continue
            match key:
                case Condition():
                    conditions[key] = values == _HOLDS
                case Later(field, rule):
                    conditions[Condition(f"{field} {_said(values)} after rule {rule + 1}")] = True
                case _ if key in NAME_FIELDS:
                    named[key] = self.names[key].pieces(values)
                case _:
                    integers[key] = values
        one = RawBox(hook, self.family, integers, {}, conditions)
        for chosen in product(*named.values()):
            yield replace(one, names=dict(zip(named, chosen, strict=True)))

    def touching(self, tests: Sequence[Test], meter: Meter) -> list[Box]:
        """Boxes of these axes that meet the region of `tests`, which may ask for other axes and names as well."""
        asked = Axes(self.family, tests)
        found = []
        for box in asked.boxes(tests, meter):
            seen: list[Intervals | None] = [None] * len(self.keys)
            for key, values in zip(asked.keys, box, strict=True):
                place = self.position.get(key)
                if place is not None and values is not None:
                    if isinstance(key, Field) and key in NAME_FIELDS:
                        values = self.names[key].touching(asked.names[key].pieces(values))
                    seen[place] = values
            found.append(tuple(seen))
        return found

    def point(
        self, values: Mapping[Field, int | str], conditions: frozenset[str]
    ) -> tuple[tuple[int, ...], frozenset[int]]:
        """The place of one packet on every axis, and the axes on which its place is not known (`Later`)."""
        found: list[int] = []
        open_axes: set[int] = set()
        for place, key in enumerate(self.keys):
            match key:
                case Condition(name):
                    found.append(int(name in conditions))
                case Later():
                    open_axes.add(place)
                    found.append(0)
                case _ if key in NAME_FIELDS:
                    found.append(self.names[key].atom(str(values[key])))
                case _:
                    found.append(int(values[key]))
        return tuple(found), frozenset(open_axes)


def _said(values: Intervals) -> str:
    return ",".join(f"{first:#x}" if first == last else f"{first:#x}-{last:#x}" for first, last in values)


def sparse(box: Box) -> tuple[tuple[int, Intervals], ...]:
    """The places of a box that are limited, and to what."""
    return tuple((place, values) for place, values in enumerate(box) if values is not None)
