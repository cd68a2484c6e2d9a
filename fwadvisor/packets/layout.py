"""The levels of a diagram: which fields and conditions there are, in which order, with their atoms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, intersect, normalize
from fwadvisor.packets.axes import (
    BITWISE,
    RANGED,
    Axis,
    BitAxis,
    ClassAxis,
    ConditionAxis,
    NameAxis,
    RangeAxis,
    UnknownBoundaryError,
)
from fwadvisor.packets.nodes import IN, OPEN, Nodes
from fwadvisor.packets.survey import Asked, variable

Key = Field | tuple[Condition, int]
#: The order of fields: what is written, small enumerations, addresses and ports, then what few rules ask for.
_FIRST = (Field.TAG, Field.MARK, Field.CONNECTION_MARK, Field.STATE, Field.HELPER, Field.PROFILE)
_THEN = (
    Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.SOURCE_TYPE, Field.DESTINATION_TYPE, Field.PROTOCOL, Field.ICMP,
)  # fmt: skip
_LAST = (Field.TCP_FLAGS, Field.LENGTH, Field.DSCP, Field.TTL)
#: What the contents of a set of alternatives are made of before they become a diagram.
Box = tuple[tuple[int, Intervals], ...]


def order(fields: frozenset[Field], written: frozenset[Field], large: Iterable[Field]) -> list[Field]:
    """The fields in the order of their levels; those that rules write come first, where writes cost least."""
    usual = (*_FIRST, *_THEN, *large, *_LAST)
    return [f for f in usual if f in fields and f in written] + [f for f in usual if f in fields and f not in written]


class Layout:
    """The levels of one table, and tests as sets of atoms of a level."""

    def __init__(self, family: Family, asked: Asked, axes: Mapping[Field, Axis], fields: Iterable[Field]) -> None:
        self.family = family
        self.fields = list(fields)
        self.keys: list[Key] = list(self.fields)
        self.axes: list[Axis] = [axes[field] for field in self.fields]
        conditions = sorted(asked.conditions, key=lambda each: (not each[0].understood, each[1], each[0].name))
        self.keys += conditions
        self.axes += [ConditionAxis(condition) for condition, _ in conditions]
        self.levels: dict[Key, int] = {key: level for level, key in enumerate(self.keys)}
        self.sizes = [axis.size for axis in self.axes]

    def part(self, test: Test, owner: int) -> tuple[int, Intervals] | None:
        """A test of one field as its level and the atoms for which it holds; None where the family decides it.

        Raises:
            UnknownBoundaryError: it tells values apart that the space does not.
        """
        try:
            return self._part(test, owner)
        except KeyError as missing:
            named = missing.args[0]
            subject = named if isinstance(named, Field) else f'the condition "{named[0].name}"'
            raise UnknownBoundaryError(f"{subject} is not told apart") from None

    def _part(self, test: Test, owner: int) -> tuple[int, Intervals] | None:
        axes, levels = self.axes, self.levels
        if isinstance(test, AddressTest):
            level = levels[test.field]
            return level, axes[level].atoms(test.of(self.family))  # type: ignore[union-attr,arg-type]
        if isinstance(test, IntegerTest):
            level = levels[test.field]
            return level, axes[level].atoms(test.values)  # type: ignore[union-attr,arg-type]
        if isinstance(test, NameTest):
            level = levels[test.field]
            return level, axes[level].atoms(test.names)  # type: ignore[union-attr,arg-type]
        if isinstance(test, ConditionTest):
            number = int(test.holds)
            return levels[variable(test.condition, owner)], ((number, number),)
        return None

    def integers(self, level: int, values: Intervals) -> Intervals:
        """The atoms of a set of integers at the level of an integer field."""
        return self.axes[level].atoms(values)  # type: ignore[union-attr,arg-type]

    def box(self, tests: Iterable[Test], owner: int) -> tuple[Box | None, list[AnyOf]]:
        """The conjunction of tests: the atoms of each level (None: it never holds), and what is no box."""
        atoms: dict[int, Intervals] = {}
        others: list[AnyOf] = []
        for test in tests:
            if isinstance(test, AnyOf):
                others.append(test)
                continue
            if isinstance(test, FamilyTest):
                if test.family is not self.family:
                    return None, []
                continue
            found = self.part(test, owner)
            if found is not None:
                level, values = found
                values = intersect(atoms[level], values) if level in atoms else values
                if not values:
                    return None, []
                atoms[level] = values
        return tuple(sorted(atoms.items())), others


class Guards:
    """Tests as sets of packets, in one table."""

    def __init__(self, layout: Layout, nodes: Nodes) -> None:
        self.layout = layout
        self.nodes = nodes
        self._any: dict[tuple[AnyOf, int], int] = {}

    def of(self, tests: Iterable[Test], owner: int) -> int:
        """The packets for which all tests hold."""
        box, others = self.layout.box(tests, owner)
        if box is None:
            return OPEN
        made = self.nodes.box(box, IN)
        for each in others:
            made = self.nodes.meet(self.any_of(each, owner), made)
        return made

    def any_of(self, test: AnyOf, owner: int) -> int:
        """The packets for which an `AnyOf` holds."""
        found = self._any.get((test, owner))
        if found is None:
            plain: list[Box] = []
            found = OPEN
            for tests in test.alternatives:
                box, others = self.layout.box(tests, owner)
                if box is not None and not others:
                    plain.append(box)
                elif box is not None:
                    found = self.nodes.override(found, self.of(tests, owner))
            found = self.nodes.override(found, union_of(self.nodes, grouped(plain), IN))
            if not test.holds:
                found = self.nodes.complement(found)
            self._any[test, owner] = found
        return found


def grouped(boxes: list[Box]) -> list[Box]:
    """Fewer boxes with the same union: those that differ in one level become one."""
    boxes = list(dict.fromkeys(boxes))
    levels = {level for box in boxes for level, _ in box}
    for level in sorted(levels, reverse=True):
        groups: dict[Box, list[Intervals]] = {}
        for box in boxes:
            rest = tuple([each for each in box if each[0] != level])
            values = [atoms for at, atoms in box if at == level]
            groups.setdefault(rest, []).extend(values or [()])
        if len(groups) == len(boxes):
            continue
        boxes = []
        for rest, several in groups.items():
            # A box without the level has all of its values.
            if () in several:
                boxes.append(rest)
            elif len(several) == 1:
                boxes.append(tuple(sorted((*rest, (level, several[0])))))
            else:
                joined = normalize([each for values in several for each in values])
                boxes.append(tuple(sorted((*rest, (level, joined)))))
    return boxes


def union_of(nodes: Nodes, boxes: list[Box], end: int) -> int:
    """The diagram that is `end` in each of the boxes, else open."""
    made = [nodes.box(box, end) for box in boxes]
    while len(made) > 1:
        pairs = [nodes.override(made[i], made[i + 1]) for i in range(0, len(made) - 1, 2)]
        made = pairs + made[len(made) - 1 :] if len(made) % 2 else pairs
    return made[0] if made else OPEN


def make_axis(field: Field, family: Family, asked: Asked) -> Axis:
    """The axis of a field for the sets of values that are asked for."""
    if field in NAME_FIELDS:
        return NameAxis(field, asked.names.get(field, ()), asked.literals.get(field, ()))
    largest = LARGEST.get(field, family.universe[0][1])
    masked = asked.masked.get(field, ())
    if masked or field in BITWISE:
        return BitAxis(field, largest, asked.integers.get(field, ()), masked)
    kind = RangeAxis if field in RANGED else ClassAxis
    return kind(field, largest, asked.integers.get(field, ()))
