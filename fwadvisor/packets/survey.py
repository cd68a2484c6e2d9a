"""What the rules of a firewall ask and write that packets of one hook and family can reach.

Before anything is built: which chains are reached, which fields are tested where (so that writes which nothing
tests later cost nothing), and all sets of values that tests name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    AnyOf,
    BaseChain,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    Jump,
    Names,
    NameTest,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets.masked import simplest

NOTHING: frozenset[Field] = frozenset()


@dataclass
class Asked:
    """The sets of values that tests name, by field, and the conditions."""

    integers: dict[Field, dict[Intervals, None]] = field(default_factory=dict)
    names: dict[Field, dict[Names, None]] = field(default_factory=dict)
    #: Names that are written to fields which are tested.
    literals: dict[Field, set[str]] = field(default_factory=dict)
    #: Writes under a mask to fields which are tested.
    masked: dict[Field, dict[tuple[int, int], None]] = field(default_factory=dict)
    #: A condition that is not understood belongs to the firewall of this number; -1 is everybody's.
    conditions: dict[tuple[Condition, int], None] = field(default_factory=dict)

    def take(self, tests: Iterable[Test], family: Family, owner: int) -> None:
        """Note what these tests name."""
        integers = self.integers
        for test in tests:
            if isinstance(test, AddressTest):
                integers.setdefault(test.field, {})[test.of(family)] = None
            elif isinstance(test, IntegerTest):
                integers.setdefault(test.field, {})[test.values] = None
            elif isinstance(test, NameTest):
                self.names.setdefault(test.field, {})[test.names] = None
            elif isinstance(test, ConditionTest):
                self.conditions[variable(test.condition, owner)] = None
            elif isinstance(test, AnyOf):
                for alternative in test.alternatives:
                    self.take(alternative, family, owner)

    def fields(self) -> frozenset[Field]:
        """The fields that some test asks for."""
        return frozenset(self.integers) | frozenset(self.names)

    def write(self, write: Write) -> None:
        """Note a write to a field that is tested."""
        if isinstance(write.value, str):
            self.literals.setdefault(write.field, set()).add(write.value)
            return
        mask = simplest(write.field, write.mask)
        if mask is not None:
            self.masked.setdefault(write.field, {})[mask, write.value] = None


def variable(condition: Condition, owner: int) -> tuple[Condition, int]:
    """What tells conditions apart: the name, and of one that is not understood the firewall, too."""
    return condition, -1 if condition.understood else owner


def fields_of(tests: Iterable[Test]) -> Iterator[Field]:
    """The fields that tests ask for."""
    for test in tests:
        if isinstance(test, IntegerTest | AddressTest | NameTest):
            yield test.field
        elif isinstance(test, AnyOf):
            for alternative in test.alternatives:
                yield from fields_of(alternative)


@dataclass
class Survey:
    """The reach of one firewall in one hook and family."""

    firewall: Firewall
    number: int
    hook: Hook
    family: Family
    effects: frozenset[Field]
    bases: tuple[BaseChain, ...] = ()
    #: Chains that are reached, those that jump before those jumped to.
    chains: list[str] = field(default_factory=list)
    #: The rules of each chain that do something.
    rules: dict[str, list[FirewallRule]] = field(default_factory=dict)
    #: The fields that are tested after the end of a chain, on whatever way it was reached.
    after: dict[str, frozenset[Field]] = field(default_factory=dict)
    #: The fields that are tested by the base chains after the one that a chain is reached from.
    later: dict[str, frozenset[Field]] = field(default_factory=dict)
    #: The fields that a chain and those that it jumps to test.
    inside: dict[str, frozenset[Field]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bases = self.firewall.asked(self.hook, self.family)
        self._order()
        self._drop_idle()
        for chain in reversed(self.chains):
            tested = {name for rule in self.rules[chain] for name in fields_of(rule.tests)}
            tested.update(f for rule in self.rules[chain] for f in self._called(rule))
            self.inside[chain] = frozenset(tested)
        self._flow()

    @property
    def size(self) -> int:
        """How many rules are reached."""
        return sum(map(len, self.rules.values()))

    def ask(self, asked: Asked) -> None:
        """Note all tests, that of the states which are never asked about among them."""
        if self.firewall.implicit:
            passed = normalize((i, i) for i in map(STATES.index, self.firewall.implicit))
            asked.take((IntegerTest(Field.STATE, passed),), self.family, self.number)
        for rules in self.rules.values():
            for rule in rules:
                asked.take(rule.tests, self.family, self.number)

    def writes(self) -> Iterator[Write]:
        """Every write that is made."""
        for rules in self.rules.values():
            for rule in rules:
                yield from rule.writes

    def live(self, chain: str) -> Iterator[tuple[FirewallRule, frozenset[Field]]]:
        """Each rule of a chain from the last, with the fields whose writes are still asked for after it."""
        after = self.after[chain]
        for rule in reversed(self.rules[chain]):
            action = rule.action
            if isinstance(action, Jump):
                onward = self.after[chain] if action.goto else after
                yield rule, self.inside[action.chain] | onward | self.effects
            elif isinstance(action, Decide) and not action.stands:
                yield rule, (self.later[chain] if action.verdict is Verdict.ACCEPT else NOTHING) | self.effects
            elif isinstance(action, Return):
                yield rule, self.after[chain]
            elif isinstance(action, Unknown):
                yield rule, NOTHING
            else:
                yield rule, after
            after = after.union(fields_of(rule.tests), self._called(rule))

    def _called(self, rule: FirewallRule) -> frozenset[Field]:
        return self.inside[rule.action.chain] if isinstance(rule.action, Jump) else NOTHING

    def _order(self) -> None:
        """Chains after all that jump to them (depth first, without recursion: jumps can be deep)."""
        done: list[str] = []
        state: dict[str, bool] = {}
        stack = [(base.chain, False) for base in self.bases]
        while stack:
            name, left = stack.pop()
            if left:
                if not state[name]:
                    state[name] = True
                    done.append(name)
                continue
            if name in state:
                continue
            state[name] = False
            stack.append((name, True))
            for rule in self.firewall.chains[name].rules:
                if isinstance(rule.action, Jump) and rule.action.chain not in state:
                    stack.append((rule.action.chain, False))
        self.chains = done[::-1]

    def _drop_idle(self) -> None:
        """Leave out rules that go on and write nothing that anybody could see, and with them what they test."""
        self.rules = {name: list(self.firewall.chains[name].rules) for name in self.chains}
        left = -1
        while left != self.size:
            left = self.size
            tested = {f for rules in self.rules.values() for rule in rules for f in fields_of(rule.tests)}
            seen = tested | self.effects
            for name, rules in self.rules.items():
                self.rules[name] = [
                    rule
                    for rule in rules
                    if not isinstance(rule.action, Continue) or any(write.field in seen for write in rule.writes)
                ]

    def _flow(self) -> None:
        """What is tested after each chain, callers first."""
        after: dict[str, frozenset[Field]] = dict.fromkeys(self.chains, self.effects)
        later: dict[str, frozenset[Field]] = dict.fromkeys(self.chains, NOTHING)
        coming = NOTHING
        for base in reversed(self.bases):
            after[base.chain] |= coming
            later[base.chain] |= coming
            coming |= self.inside[base.chain]
        self.after, self.later = after, later
        for chain in self.chains:
            onward = after[chain]
            for rule in reversed(self.rules[chain]):
                if isinstance(rule.action, Jump):
                    called = rule.action.chain
                    after[called] |= after[chain] if rule.action.goto else onward
                    later[called] |= later[chain]
                onward = onward.union(fields_of(rule.tests), self._called(rule))
