"""One table for one hook and family: levels, nodes, the domain, and what each firewall of a space does."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import values_of
from fwadvisor.model.firewall import Condition, Field, Firewall, Test
from fwadvisor.model.rule import Hook
from fwadvisor.model.walk import Packet
from fwadvisor.packets.axes import Axis, ConditionAxis
from fwadvisor.packets.budget import UNLIMITED, Budget
from fwadvisor.packets.building import Builder, Progress
from fwadvisor.packets.domain import BOUND, possible, spoken
from fwadvisor.packets.ends import Ends
from fwadvisor.packets.layout import Guards, Layout, make_axis, order
from fwadvisor.packets.nodes import OPEN, Nodes
from fwadvisor.packets.sequence import Sequencer
from fwadvisor.packets.shares import by_cost, orders
from fwadvisor.packets.survey import Asked, Survey

#: Frames that the walk of one level takes at most, and what is left to everybody else.
_FRAMES, _OTHERS = 4, 1000
#: The owner of tests that no firewall makes.
ASKER = -1


@dataclass
class Plan:
    """What is known before a table is made: what its firewalls ask, and what else is asked."""

    hook: Hook
    family: Family
    surveys: dict[int, Survey]
    asked: Asked
    axes: Mapping[Field, Axis]
    #: The fields that tests of firewalls, or further ones, ask for.
    tested: frozenset[Field]
    written: frozenset[Field]
    #: Addresses and ports, in the order of their levels.
    large: tuple[Field, ...]

    def orders(self) -> Iterator[Plan]:
        """This one, and the same in other orders of fields."""
        for large in orders(self.large):
            yield replace(self, large=large)


def plan(
    firewalls: Sequence[Firewall],
    hook: Hook,
    family: Family,
    effects: frozenset[Field],
    tests: Iterable[Test],
    like: Firewall | None = None,
) -> Plan:
    """Survey the firewalls that speak of a hook and family; the order of fields follows `like`, or all of them.

    Raises:
        OverrunError: writes under masks tell too many values of a mark apart.
    """
    asked = Asked()
    surveys = {
        number: Survey(firewall, number, hook, family, effects)
        for number, firewall in enumerate(firewalls)
        if hook in firewall.hooks and family in firewall.families
    }
    for survey in surveys.values():
        survey.ask(asked)
    asked.take(tests, family, ASKER)
    tested = asked.fields()
    writes = {write: None for survey in surveys.values() for write in survey.writes() if write.field in tested}
    for write in writes:
        asked.write(write)
    asked.take(possible(hook, family), family, ASKER)
    for survey in surveys.values():
        asked.take(spoken(survey.firewall, hook, family), family, ASKER)
    axes = {field: make_axis(field, family, asked) for field in tested | frozenset(BOUND)}
    return Plan(
        hook,
        family,
        surveys,
        asked,
        axes,
        tested,
        frozenset(write.field for write in writes),
        by_cost([each for each in surveys.values() if each.firewall is like] or surveys.values(), axes),
    )


class Table:
    """The diagrams of one hook and family."""

    def __init__(self, known: Plan, budget: Budget) -> None:
        self.plan = known
        self.hook, self.family = known.hook, known.family
        fields = known.tested | frozenset(BOUND)
        self.layout = Layout(known.family, known.asked, known.axes, order(fields, known.written, known.large))
        self.budget = budget
        self.nodes = Nodes(self.layout.sizes)
        self.ends = Ends()
        self.guards = Guards(self.layout, self.nodes)
        self.sequencer = Sequencer(self.layout, self.nodes, self.ends)
        # Conditions are levels, and every operator calls itself once a level.
        needed = _FRAMES * len(self.layout.sizes) + _OTHERS
        if needed > sys.getrecursionlimit():
            sys.setrecursionlimit(needed)
        #: All packets that there can be.
        self.domain = self.set_of(possible(self.hook, self.family))
        self._spoken = {
            number: self.nodes.meet(self.domain, self.set_of(spoken(survey.firewall, self.hook, self.family)))
            for number, survey in known.surveys.items()
        }
        self._untested = frozenset(
            level for level, key in enumerate(self.layout.keys) if isinstance(key, Field) and key not in known.tested
        )
        self._projected: dict[int, int] = {}
        #: The firewall that is being built, and where in it the building is.
        self.number = 0
        self.progress = Progress()
        self.roots: dict[int, int] = {}

    def built(self) -> Table:
        """This table with what every firewall does.

        Raises:
            OverrunError: the budget is spent; `number` and `progress` say where.
        """
        self.nodes.start(self.budget)
        for number, survey in self.plan.surveys.items():
            builder = Builder(survey, self.guards, self.sequencer, self.progress)
            self.number = number
            self.roots[number] = builder.build()
        self.nodes.start(UNLIMITED)
        return self

    def set_of(self, tests: Iterable[Test], owner: int = ASKER) -> int:
        """The packets for which all tests hold, as a diagram.

        Raises:
            UnknownBoundaryError: a test tells values apart that this table does not.
        """
        return self.guards.of(tests, owner)

    def spoken(self, number: int) -> int:
        """The possible packets that a firewall speaks of."""
        return self._spoken[number]

    def projected(self, domain: int) -> int:
        """A domain in the fields that are asked for: where values of the others exist that are possible."""
        found = self._projected.get(domain)
        if found is None:
            found = self._projected[domain] = self.nodes.exists(domain, self._untested)
        return found

    def counted(self, level: int) -> bool:
        """Whether the values of a level count: somebody asks for its field."""
        return level not in self._untested

    def atoms_of(self, packet: Packet) -> list[int]:
        """The atom of the packet at every level; conditions that are not understood go by their name, too."""
        values = values_of(packet)
        atoms = []
        for key, axis in zip(self.layout.keys, self.layout.axes, strict=True):
            if isinstance(axis, ConditionAxis):
                atoms.append(int(axis.condition.name in packet.conditions))
            else:
                assert isinstance(key, Field)  # noqa: S101 - an axis that is no condition is a field
                atoms.append(axis.of(values[key]))  # type: ignore[arg-type]
        return atoms

    def conditions(self, node: int, domain: int) -> frozenset[Condition]:
        """The conditions that matter to a diagram for some packet of a domain.

        Their levels are below all others and the domain does not ask for them: each one that is reached matters.
        """
        found: set[Condition] = set()
        seen: set[tuple[int, int]] = set()
        stack = [(node, self.projected(domain))]
        while stack:
            pair = stack.pop()
            if pair[0] <= 0 or pair[1] == OPEN or pair in seen:
                continue
            seen.add(pair)
            level, _, kids, domains = self.nodes.aligned(*pair)
            key = self.layout.keys[level]
            if not isinstance(key, Field):
                found.add(key[0])
            stack += set(zip(kids, domains, strict=True))
        return frozenset(found)

    def forget(self, node: int, unknown: int) -> int:
        """A diagram without the conditions that are not understood: where one of them matters it is `unknown`."""
        vague = {
            level
            for level, axis in enumerate(self.layout.axes)
            if isinstance(axis, ConditionAxis) and not axis.condition.understood
        }
        if not vague:
            return node
        known: dict[int, int] = {}

        def agreed(a: int, b: int) -> int:
            if a == b:
                return a
            if a <= 0 and b <= 0:
                return unknown
            key = a << 32 ^ b
            if key not in agreeing:
                agreeing[key] = self.nodes.apart(agreed, a, b)
            return agreeing[key]

        agreeing: dict[int, int] = {}

        def walk(a: int) -> int:
            if a <= 0:
                return a
            if a not in known:
                level, bounds, kids = self.nodes.nodes[a]
                walked = [walk(kid) for kid in kids]
                known[a] = agreed(*walked) if level in vague else self.nodes.join(level, bounds, walked)
            return known[a]

        return walk(node)
