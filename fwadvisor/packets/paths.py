"""What a diagram holds, as a number and as boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fwadvisor.model.firewall import Condition, Field, Names
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.packets.axes import BitAxis, ClassAxis, NameAxis, RangeAxis, numbers
from fwadvisor.packets.box_text import whole
from fwadvisor.packets.nodes import IN, OPEN
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.packets.table import Table


def count(table: Table, node: int) -> int:
    """The number of packets in a set, as `PacketSet.count` says."""
    axes, nodes = table.layout.axes, table.nodes
    depth = len(axes)
    whole = [axis.count(0, axis.size - 1) if table.counted(level) else 1 for level, axis in enumerate(axes)]
    #: The product of the sizes of all levels from here on.
    rest = [1] * (depth + 1)
    for level in range(depth - 1, -1, -1):
        rest[level] = rest[level + 1] * whole[level]
    known: dict[int, int] = {}

    def walk(a: int) -> int:
        """How many there are in the levels from that of `a` on."""
        if a <= 0:
            return 1 if a == IN else 0
        found = known.get(a)
        if found is None:
            level, bounds, kids = nodes.nodes[a]
            found, first = 0, 0
            for bound, kid in zip(bounds, kids, strict=True):
                if kid != OPEN:
                    skipped = rest[level + 1] // rest[nodes.level(kid)]
                    found += axes[level].count(first, bound) * skipped * walk(kid)
                first = bound + 1
            known[a] = found
        return found

    return walk(node) * (rest[0] // rest[nodes.level(node)])


def values(table: Table, node: int, field: Field) -> Intervals:
    """The values of an integer field in a set, as `PacketSet.values` says."""
    level = table.layout.levels.get(field)
    if node == OPEN or level is None:
        return () if node == OPEN else whole(field, table.family)
    axis = table.layout.axes[level]
    assert isinstance(axis, RangeAxis | ClassAxis | BitAxis)  # noqa: S101 - the axes of integers
    nodes, every = table.nodes, (1 << axis.size) - 1
    #: Atoms as bits: a diagram that is not open always holds something.
    known: dict[int, int] = {OPEN: 0, IN: every}

    def walk(a: int) -> int:
        found = known.get(a)
        if found is None:
            at, bounds, kids = nodes.nodes[a]
            found, first = every if at > level else 0, 0
            for bound, kid in zip(bounds, kids, strict=True) if at <= level else ():
                if at < level:
                    found |= walk(kid)
                elif kid != OPEN:
                    found |= (2 << bound) - (1 << first)
                first = bound + 1
            known[a] = found
        return found

    bits = walk(node)
    return axis.values(normalize((atom, atom) for atom in range(axis.size) if bits >> atom & 1))


@dataclass(frozen=True, slots=True)
class _Step:
    """A set of atoms of one level on the way to a box."""

    level: int
    atoms: Intervals


def boxes(table: Table, node: int, domain: int) -> Iterator[RawBox]:
    """The boxes of a set within a domain, as `PacketSet.boxes` says."""
    stack: list[tuple[int, int, tuple[_Step, ...]]] = [(node, table.projected(domain), ())]
    while stack:
        a, within, steps = stack.pop()
        if a == OPEN or within == OPEN:
            continue
        if a == IN:
            yield from _boxes(table, steps)
            continue
        level = table.nodes.level(a)
        # Fields of the domain above are free: what counts is whether some of their values are possible.
        while table.nodes.level(within) < level:
            within = _union(table, table.nodes.nodes[within][2])
        stack += [
            (kid, below, (*steps, _Step(level, atoms)) if atoms else steps)
            for kid, below, atoms in reversed(_groups(table, a, within))
        ]


def _groups(table: Table, a: int, within: int) -> list[tuple[int, int, Intervals]]:
    """The kids of a node with the domain below and the atoms that lead there; () where all possible ones do."""
    level, bounds, kids, domains = table.nodes.aligned(a, within)
    runs: dict[int, list[tuple[int, int]]] = {}
    below: dict[int, list[int]] = {}
    live: list[tuple[int, int, int]] = []
    first = 0
    for bound, kid, rest in zip(bounds, kids, domains, strict=True):
        if rest != OPEN:
            live.append((first, bound, kid))
            below.setdefault(kid, []).append(rest)
        first = bound + 1
    if len(below) == 1:
        ((kid, several),) = below.items()
        return [(kid, _union(table, several), ())]
    for each in _filled(live, table.layout.sizes[level] - 1):
        runs.setdefault(each[2], []).append(each[:2])
    return [(kid, _union(table, below[kid]), normalize(ranges)) for kid, ranges in runs.items()]


def _filled(live: list[tuple[int, int, int]], last: int) -> list[tuple[int, int, int]]:
    """The runs of atoms, longer by impossible atoms at the ends and between runs that lead to the same kid."""
    found = [(0, *live[0][1:])]
    for before, run in pairwise(live):
        if run[2] == before[2]:
            found[-1] = (found[-1][0], run[1], run[2])
        else:
            found.append(run)
    found[-1] = (found[-1][0], last, found[-1][2])
    return found


def _union(table: Table, several: list[int] | tuple[int, ...]) -> int:
    found = OPEN
    for each in dict.fromkeys(several):
        found = table.nodes.override(found, each)
    return found


def _boxes(table: Table, steps: tuple[_Step, ...]) -> Iterator[RawBox]:
    """The box of one path; several where a set of names can only be said in parts."""
    integers: dict[Field, Intervals] = {}
    conditions: dict[Condition, bool] = {}
    choices: list[dict[Field, tuple[Names, ...]]] = [{}]
    for step in steps:
        axis = table.layout.axes[step.level]
        if isinstance(axis, RangeAxis | ClassAxis | BitAxis):
            integers[axis.field] = axis.values(step.atoms)
        elif isinstance(axis, NameAxis):
            said = names(axis, step.atoms)
            choices = [{**choice, axis.field: each} for choice in choices for each in said]
        else:
            conditions[axis.condition] = step.atoms[0][0] == 1
    for choice in choices:
        yield RawBox(table.hook, table.family, integers, choice, conditions)


def names(axis: NameAxis, atoms: Intervals) -> list[tuple[Names, ...]]:
    """A set of atoms in words: of each entry a name is in all parts, and the entries are disjoint."""
    inside = set(numbers(atoms))
    outside = set(range(axis.size)) - inside
    rest = axis.of_fresh("")
    if rest in inside:
        excluded = _covered(axis, outside)
        if excluded is not None:
            return [(Names(excluded.names, excluded.prefixes, inverted=True),)]
    else:
        chosen = _covered(axis, inside)
        if chosen is not None:
            return [(chosen,)]
    if len(inside) == 1:
        return [_single(axis, inside.pop())]
    return [_single(axis, atom) for atom in sorted(inside)]


def _covered(axis: NameAxis, inside: set[int]) -> Names | None:
    """The set as names and whole prefixes, or None where some prefix is in it in part only."""
    prefixes = [
        axis.all[atom].text
        for atom in sorted(inside)
        if axis.all[atom].fresh and axis.under(axis.all[atom].text) <= inside
    ]
    covered = {atom for prefix in prefixes for atom in axis.under(prefix)}
    left = [axis.all[atom] for atom in sorted(inside - covered)]
    if any(atom.fresh for atom in left):
        return None
    shortest = [p for p in prefixes if not any(p != other and p.startswith(other) for other in prefixes)]
    return Names(frozenset(atom.text for atom in left), frozenset(shortest))


def _single(axis: NameAxis, number: int) -> tuple[Names, ...]:
    """One atom: a name, or the names of a prefix but for those that are atoms themselves."""
    atom = axis.all[number]
    if not atom.fresh:
        return (Names(frozenset({atom.text})),)
    others = [axis.all[other] for other in axis.under(atom.text) if other != number]
    exceptions = Names(
        frozenset(other.text for other in others if not other.fresh),
        frozenset(other.text for other in others if other.fresh),
        inverted=True,
    )
    chosen = Names(prefixes=frozenset({atom.text}))
    if not atom.text:
        return (exceptions,)
    return (chosen, exceptions) if others else (chosen,)
