"""What the rules of one reading share: sets, conditions that were counted, and what was noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from fwadvisor.diagnostic import Diagnostic, Span
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables.contents import Contents
from fwadvisor.dialects.reading.nftables.tables import ChainText, Table
from fwadvisor.dialects.reading.source import Problems
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Field, FirewallChain, Opaque, Test
from fwadvisor.model.interval import Intervals

#: The families that a table's rules see.
TABLE_FAMILIES = {"ip": (Family.IPV4,), "ip6": (Family.IPV6,), "inet": FAMILIES}

Clause: TypeAlias = tuple[tuple[Test, ...], Family | None, Intervals, bool, int]


@dataclass
class Context:
    """One reading of all rules; `unsure` are the marks whose tests are conditions."""

    problems: Problems
    unsure: frozenset[Field]
    #: The marks that rules write, where that was found out before.
    written: frozenset[Field] = frozenset()
    chains: dict[str, FirewallChain] = field(default_factory=dict)
    opaque: list[Opaque] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    #: Marks that were found to be written or tested in a way that is no set of values.
    found_unsure: set[Field] = field(default_factory=set)
    found_written: set[Field] = field(default_factory=set)
    #: Names of sets that stand in several tables.
    shared: frozenset[str] = frozenset()
    #: Short comparisons that were read before, by their words and what was known before them: what they ask, what
    #: is known then, and how many words they are.
    clauses: dict[tuple[object, ...], Clause] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    #: Marks of which it was said that they are not computed.
    _left_out: set[Field] = field(default_factory=set)

    def left_out(self, marks: Iterable[Field], span: Span) -> bool:
        """Whether rules write one of some marks, which a test at `span` asks for as a condition.

        Then nobody knows what the test finds; the first such test of each mark is noted as opaque.
        """
        found = self.written.intersection(marks)
        for each in sorted(found - self._left_out):
            reason = f"rules write the {each.replace('-', ' ')}, and what this test finds of it is not computed"
            self.opaque.append(Opaque(span, reason))
        self._left_out |= found
        return bool(found)

    def asked(self, name: str) -> str:
        """The name of a condition whose truth changes by being asked."""
        self._counts[name] += 1
        return conditions.occurrence(name, self._counts[name])

    def all_asked(self, tests: tuple[Test, ...]) -> tuple[Test, ...]:
        """Tests whose conditions change by being asked."""
        found: list[Test] = []
        for test in tests:
            if isinstance(test, ConditionTest):
                found.append(ConditionTest(Condition(self.asked(test.condition.name)), test.holds))
            elif isinstance(test, AnyOf):
                found.append(AnyOf(tuple(self.all_asked(each) for each in test.alternatives), test.holds))
            else:
                found.append(test)
        return tuple(found)


@dataclass
class Place:
    """Where a rule stands."""

    context: Context
    table: Table
    chain: ChainText
    contents: Contents

    @property
    def name(self) -> str:
        """The chain's name in the firewall."""
        return f"{self.table.label} {self.chain.name}"

    def set_name(self, name: str) -> str:
        """A set's name in a condition: with its table where several have one of that name."""
        return f"{self.table.label} {name}" if name in self.context.shared else name
