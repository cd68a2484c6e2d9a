"""From tables to a firewall: what only all files together tell decides about tests that waited for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.lookups import Looked, look_up
from fwadvisor.dialects.reading.iptables.numbers import matching
from fwadvisor.dialects.reading.iptables.parts import (
    NEVER,
    ChangingTest,
    Draft,
    EarlyState,
    Leads,
    MarkWrite,
    MaskedTest,
    SetTest,
    SetWrite,
    condition,
)
from fwadvisor.dialects.reading.iptables.sets import Sets
from fwadvisor.dialects.reading.iptables.state import BUILTIN, Chain, Placed, Table, Tables, place_of
from fwadvisor.model.firewall import (
    STATES,
    Action,
    BaseChain,
    Condition,
    ConditionTest,
    Decide,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Opaque,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.interval import contains, format_ports, subtract
from fwadvisor.model.rule import State, Verdict

#: A masked mark is written out as so many ranges; the mask of a single bit would stand for billions.
_MOST_RANGES = 1024
_ALL_MARKS = ((0, 2**32 - 1),)
#: Chains lead to chains so deep at most; the kernel's own limit for nftables is 16.
_DEEPEST = 100
_NEW = IntegerTest(Field.STATE, ((0, 0),))
_INVALID, _UNTRACKED = STATES.index(State.INVALID), STATES.index(State.UNTRACKED)
_SHORT = {4: "ip", 6: "ip6"}


@dataclass(slots=True)
class Finished:
    """The chains of one family."""

    chains: dict[str, FirewallChain]
    bases: tuple[BaseChain, ...]
    opaque: list[Opaque] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    #: Every word of lookups in sets.
    asked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Facts:
    """What the rules of one family write."""

    written: set[Field] = field(default_factory=set)
    #: Fields whose tests cannot be computed.
    unsteady: set[Field] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    untracks: bool = False


def finish(tables: Tables, sets: Sets) -> Finished:
    """The chains of one family as the model states them; jumps that form a cycle are among the problems."""
    return _Finishing(tables, sets).finish()


class _Finishing:
    def __init__(self, tables: Tables, sets: Sets) -> None:
        self.tables = tables
        self.family = tables.family
        self.sets = sets
        self.facts = _facts(self._placed())
        self.counts: Counter[str] = Counter()
        self.opaque: list[Opaque] = []
        self._looked: dict[SetTest, Looked] = {}
        #: Marks of which it was said that they are not computed.
        self._left_out: set[str] = set()
        #: Tests of rules that waited, by the rule's number.
        self._decided: dict[int, tuple[Test, ...]] = {}

    def _placed(self) -> Iterator[Placed]:
        for table in self.tables.tables.values():
            for chain in table.chains.values():
                yield from chain.rules

    def finish(self) -> Finished:
        # Occurrences are counted in the order of the files, not of the chains.
        counted = Field.TTL in self.facts.unsteady
        waiting = [each for each in self._placed() if each.draft.waits or counted]
        for each in sorted(waiting, key=lambda placed: placed.order):
            self._decided[each.order] = tuple(self._decide(each))
        chains: dict[str, FirewallChain] = {}
        bases: list[BaseChain] = []
        problems: list[Diagnostic] = []
        for table in self.tables.tables.values():
            problems += _cycles(table)
            for chain in table.chains.values():
                name = self.name(table, chain.name)
                chains[name] = FirewallChain(name, self._rules(table, chain), place_of(chain.line))
            bases += self._bases(table)
        asked = set(_asked(self._placed())) if self.sets.named else set[str]()
        return Finished(chains, tuple(bases), self.opaque, problems, asked)

    def name(self, table: Table, chain: str) -> str:
        """What a chain is called in the firewall."""
        return f"{_SHORT[self.family]} {table.name} {chain}"

    def _bases(self, table: Table) -> Iterator[BaseChain]:
        for name, (point, priority) in BUILTIN[table.name].items():
            chain = table.chains[name]
            yield BaseChain(
                point=point,
                chain=self.name(table, name),
                default=Verdict.ACCEPT if table.name == "nat" else chain.policy,
                priority=priority,
                families=(self.family,),
                span=place_of(chain.line),
            )

    def _rules(self, table: Table, chain: Chain) -> tuple[FirewallRule, ...]:
        # The nat table is asked about the first packet of a connection alone.
        base = table.built_in(chain.name)
        lead: tuple[Test, ...] = (_NEW,) if table.name == "nat" and base else ()
        rules = [self._rule(each, table, lead) for each in chain.rules]
        if base and chain.line is not None and (chain.disputed or (lead and chain.policy is Verdict.DROP)):
            rules.append(self._end(chain, lead))
        return tuple(rules)

    def _end(self, chain: Chain, lead: tuple[Test, ...]) -> FirewallRule:
        """The policy as a rule, where it is not simply the chain's default."""
        span = place_of(chain.line) or Span("", 1)
        action: Action = Decide(Verdict.DROP)
        if chain.disputed:
            reason = f"whether {chain.name} keeps this policy when the table is loaded again depends on the variant"
            action = Unknown(reason)
            self.opaque.append(Opaque(span, reason))
        return FirewallRule(tests=lead, action=action, span=span, text=span.source.strip())

    def _rule(self, placed: Placed, table: Table, lead: tuple[Test, ...]) -> FirewallRule:
        draft, line = placed.draft, placed.line
        source = line.source
        text = line.text or (source.strip() if source[:1] in " \t" or source[-1:] in " \t" else source)
        span = line.span()
        for reason in draft.opaque:
            self.opaque.append(Opaque(span, reason))
        action = draft.action
        if isinstance(action, Leads):
            action = Jump(self.name(table, action.chain), action.goto)
        tests = self._decided[placed.order] if placed.order in self._decided else cast("list[Test]", draft.tests)
        writes = self._writes(draft) if draft.effects else ()
        return FirewallRule(
            tests=(*lead, *tests),
            action=cast("Action", action),
            span=span,
            text=text,
            writes=writes,
            comment=draft.comment,
        )

    def _writes(self, draft: Draft) -> tuple[Write, ...]:
        return tuple(
            each for each in draft.effects if isinstance(each, Write) and each.field not in self.facts.unsteady
        )

    # Tests that waited

    def _decide(self, placed: Placed) -> Iterator[Test]:
        for part in placed.draft.tests:
            match part:
                case MaskedTest():
                    yield self._mark(part, placed)
                case ChangingTest(name, holds):
                    yield self._occurrence(name, holds)
                case SetTest():
                    yield from self._lookup(part, placed)
                case EarlyState():
                    yield from self._early(part, placed)
                case MarkWrite():
                    continue
                case IntegerTest(Field.TTL, values) if Field.TTL in self.facts.unsteady:
                    yield self._left_unknown(f"ttl {format_ports(values)}", True, "time to live", placed)
                case _:
                    yield part

    def _occurrence(self, name: str, holds: bool, understood: bool = True) -> ConditionTest:
        self.counts[name] += 1
        return ConditionTest(Condition(conditions.occurrence(name, self.counts[name]), understood), holds)

    def _left_unknown(self, name: str, holds: bool, what: str, placed: Placed) -> ConditionTest:
        """A test of something that rules write in a way that is left out: nobody knows what it finds."""
        if what not in self._left_out:
            self._left_out.add(what)
            reason = f"rules write the {what}, and what this test finds of it is not computed"
            self.opaque.append(Opaque(placed.line.span(), reason))
        return self._occurrence(name, holds, understood=False)

    def _mark(self, test: MaskedTest, placed: Placed) -> Test:
        if test.value & ~test.mask:
            return NEVER if test.holds else IntegerTest(test.field, _ALL_MARKS)
        if test.field not in self.facts.unsteady:
            values = matching(test.value, test.mask, 32, _MOST_RANGES) or ()
            return IntegerTest(test.field, values if test.holds else subtract(_ALL_MARKS, values))
        name = conditions.mark(test.value, test.mask, test.field is Field.CONNECTION_MARK)
        if test.field in self.facts.written:
            return self._left_unknown(name, test.holds, test.field.replace("-", " "), placed)
        return condition(name, test.holds)

    def _lookup(self, test: SetTest, placed: Placed) -> Iterable[Test]:
        if test.name in self.facts.sets:
            name = conditions.set_lookup(test.name, test.dimensions)
            if Field.MARK in self.facts.written and self._may_hold_marks(test):
                return (self._left_unknown(name, test.holds, "mark", placed),)
            return (self._occurrence(name, test.holds),)
        found = self._looked.get(test)
        if found is None:
            found = self._looked[test] = look_up(test, self.sets, self.family)
        if found.opaque:
            self.opaque.append(Opaque(placed.line.span(), found.opaque))
        return found.tests

    def _may_hold_marks(self, test: SetTest) -> bool:
        named = self.sets.named.get(test.name)
        if named is None or named.kind == "list:set":
            return len(test.dimensions) > 1
        return "mark" in named.dimensions

    def _early(self, test: EarlyState, placed: Placed) -> Iterable[Test]:
        """Before connection tracking a packet is invalid, or untracked where a rule said so."""
        invalid, untracked = (contains(test.values, each) for each in (_INVALID, _UNTRACKED))
        if invalid != untracked and self.facts.untracks:
            name = f"state {format_ports(test.values)} before tracking"
            return (self._left_unknown(name, test.holds, "state before tracking", placed),)
        return () if invalid is test.holds else (NEVER,)


def _asked(placed: Iterable[Placed]) -> Iterator[str]:
    """The names of sets in rules; of conditions every word, as the lookup may be one."""
    for each in placed:
        yield from (effect.name for effect in each.draft.effects if isinstance(effect, SetWrite))
        for test in each.draft.tests:
            if isinstance(test, SetTest):
                yield test.name
            elif isinstance(test, ConditionTest):
                yield from test.condition.name.split()


def _facts(placed: Iterable[Placed]) -> _Facts:
    facts = _Facts()
    for each in placed:
        for effect in each.draft.effects:
            match effect:
                case MarkWrite(name):
                    facts.written.add(name)
                    facts.unsteady.add(name)
                case SetWrite(name):
                    facts.sets.add(name)
                case Write(Field.STATE):
                    facts.untracks = True
                case Write(Field.MARK | Field.CONNECTION_MARK as name):
                    facts.written.add(name)
        if each.draft.waits:
            facts.unsteady |= {
                test.field for test in each.draft.tests if isinstance(test, MaskedTest) and _scattered(test)
            }
    return facts


def _scattered(test: MaskedTest) -> bool:
    """Whether a mark is asked for under a mask that stands for too many ranges."""
    return not test.value & ~test.mask and matching(test.value, test.mask, 32, _MOST_RANGES) is None


def _cycles(table: Table) -> list[Diagnostic]:
    """Jumps that come back to their own chain, and chains that lie too deep."""
    leads: dict[str, list[tuple[str, Placed]]] = {
        name: [(p.draft.action.chain, p) for p in chain.rules if isinstance(p.draft.action, Leads)]
        for name, chain in table.chains.items()
    }
    depth: dict[str, int] = {}
    for start in leads:
        found = _walk(start, leads, depth)
        if found:
            return [found]
    return []


def _walk(start: str, leads: dict[str, list[tuple[str, Placed]]], depth: dict[str, int]) -> Diagnostic | None:
    """Find the depth of a chain and of all below it, without recursion, or what is wrong."""
    if start in depth:
        return None
    path = [(start, iter(leads[start]))]
    on_path = {start}
    while path:
        name, rest = path[-1]
        following = next(rest, None)
        if following is None:
            below = (depth[child] for child, _ in leads[name])
            depth[name] = 1 + max(below, default=0)
            on_path.discard(name)
            path.pop()
            continue
        child, placed = following
        if child in on_path:
            names = [each for each, _ in path]
            cycle = " -> ".join([*names[names.index(child) :], child])
            return error(f"chains lead back to themselves: {cycle}", placed.line.span(), "no packet may go in circles")
        if child not in depth:
            if len(path) >= _DEEPEST:
                return _too_deep(placed)
            on_path.add(child)
            path.append((child, iter(leads[child])))
        elif len(path) + depth[child] > _DEEPEST:
            return _too_deep(placed)
    return None


def _too_deep(placed: Placed) -> Diagnostic:
    return error(f"chains lead to chains more than {_DEEPEST} deep", placed.line.span())
