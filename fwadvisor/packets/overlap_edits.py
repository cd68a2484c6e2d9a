"""Where two versions of a firewall can decide differently at all: a region E outside of which they decide alike.

Two lists of rules are aligned: some common subsequence C of equal rules (same tests, action and writes) is found, and
the rules outside of C are the edited ones, in either list. E is the union of their boxes. A packet outside of E
matches no edited rule, so both walks match the same rules of C in the same order, and end alike; that is true of any
common subsequence, so the alignment needs to be good and not the longest. What a rule in C jumps to may have
changed: then E has the packets of the jump that are in the E of that chain too. Rules that neither decide, jump nor
write are in no E. Where the defaults differ, or base chains are not asked alike, there is no such E: None.

Tests of fields that rules write are left out of the boxes, since they see what was written and not the packet. So
are whole boxes of fields that the two versions write at all. That makes E larger, never smaller.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AnyOf,
    BaseChain,
    Continue,
    Field,
    Firewall,
    FirewallRule,
    Jump,
    Test,
)
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_axes import Axes, Box
from fwadvisor.packets.overlap_meter import Limits, Meter
from fwadvisor.packets.rawbox import RawBox

#: Stretches without a unique rule are aligned by a table of at most so many fields; longer ones count as edited.
_TABLE = 1_000_000


def aligned(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places of equal elements, ascending in both lists: a long common subsequence.

    Equal beginnings and ends are matched; then elements that each list has once, in the longest chain of them
    that ascends in both; and so on between them. Where no such element is left, the longest common subsequence of
    the stretch is found, if it is short.
    """
    found: list[tuple[int, int]] = []
    open_parts = [(0, len(old), 0, len(new))]
    while open_parts:
        a, b, c, d = open_parts.pop()
        while a < b and c < d and old[a] == new[c]:
            found.append((a, c))
            a, c = a + 1, c + 1
        while a < b and c < d and old[b - 1] == new[d - 1]:
            b, d = b - 1, d - 1
            found.append((b, d))
        if a == b or c == d:
            continue
        anchors = _ascending(_unique(old, new, a, b, c, d))
        if anchors:
            for i, j in [*anchors, (b, d)]:
                open_parts.append((a, i, c, j))
                a, c = i + 1, j + 1
            found += anchors
        elif (b - a) * (d - c) <= _TABLE:
            found += ((a + i, c + j) for i, j in _longest(old[a:b], new[c:d]))
    return sorted(found)


def _unique(
    old: Sequence[Hashable], new: Sequence[Hashable], a: int, b: int, c: int, d: int
) -> Iterator[tuple[int, int]]:
    """Places of the elements that both stretches have exactly once, in the order of the first."""
    here, there = Counter(old[a:b]), Counter(new[c:d])
    place = {new[j]: j for j in range(c, d)}
    for i in range(a, b):
        if here[old[i]] == 1 and there[old[i]] == 1:
            yield i, place[old[i]]


def _ascending(pairs: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest selection of pairs, ascending in their first, that ascends in their second (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    chosen: list[tuple[int, int]] = []
    before: list[int] = []
    for number, pair in enumerate(pairs):
        pile = bisect_left(tops, pair[1])
        chosen.append(pair)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(pair[1])
            ends.append(number)
        else:
            tops[pile], ends[pile] = pair[1], number
    found = []
    number = ends[-1] if ends else -1
    while number >= 0:
        found.append(chosen[number])
        number = before[number]
    return found[::-1]


def _longest(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """A longest common subsequence, by the table of the lengths of those of all ends."""
    table = [[0] * (len(new) + 1)]
    for element in reversed(old):
        below, row = table[-1], [0] * (len(new) + 1)
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if element == new[j] else max(below[j], row[j + 1])
        table.append(row)
    table.reverse()
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            yield i, j
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1


@dataclass(frozen=True, slots=True)
class ChainEdits:
    """How the chain of one name differs in two versions."""

    #: Rules of the first and of the second version that have no equal at the same place in the other.
    removed: tuple[FirewallRule, ...]
    added: tuple[FirewallRule, ...]
    #: Rules of both that jump, as the first version has them.
    jumps: tuple[FirewallRule, ...]
    #: The places of the rules of both, in the first and in the second version, ascending.
    kept: tuple[tuple[int, int], ...] = ()


def chain_edits(before: Sequence[FirewallRule], after: Sequence[FirewallRule]) -> ChainEdits:
    """How two versions of one chain differ."""
    # A rule is hashed once, and then a small number stands for it.
    numbers: dict[Hashable, int] = {}
    old, new = ([numbers.setdefault(key(rule), len(numbers)) for rule in rules] for rules in (before, after))
    pairs = aligned(old, new)
    kept, there = {i for i, _ in pairs}, {j for _, j in pairs}
    return ChainEdits(
        removed=tuple(rule for i, rule in enumerate(before) if i not in kept),
        added=tuple(rule for j, rule in enumerate(after) if j not in there),
        jumps=tuple(before[i] for i, _ in pairs if isinstance(before[i].action, Jump)),
        kept=tuple(pairs),
    )


@dataclass
class _Edits:
    """E of each chain of two versions, each computed once."""

    chains: Mapping[str, ChainEdits]
    axes: Axes
    written: frozenset[Field]
    meter: Meter
    known: dict[str, list[Box]] = field(default_factory=dict)

    def chain(self, name: str) -> list[Box]:
        known = self.known.get(name)
        if known is None:
            known = self.known[name] = self._chain(self.chains[name])
        return known

    def _chain(self, edits: ChainEdits) -> list[Box]:
        boxes = [box for rule in (*edits.removed, *edits.added) if _acts(rule) for box in self._boxes(rule)]
        for rule in edits.jumps:
            action = rule.action
            if isinstance(action, Jump) and (inside := self.chain(action.chain)):
                mine = self._boxes(rule)
                self.meter.spend(len(mine) * len(inside))
                boxes += [met for a in mine for b in inside if (met := self.axes.meet(a, b)) is not None]
        return list(dict.fromkeys(boxes))

    def _boxes(self, rule: FirewallRule) -> list[Box]:
        return self.axes.boxes(list(without(rule.tests, self.written)), self.meter)


def key(rule: FirewallRule) -> Hashable:
    """What a rule does, without where it stands and how it was written."""
    return rule.tests, rule.action, rule.writes


def _acts(rule: FirewallRule) -> bool:
    return bool(rule.writes) or not isinstance(rule.action, Continue)


def without(tests: Sequence[Test], written: frozenset[Field]) -> Iterator[Test]:
    """Tests that hold at least where `tests` do, none of which ask for a written field."""
    for test in tests:
        if isinstance(test, AnyOf):
            if not test.holds:
                if not any(_asks(inner, written) for each in test.alternatives for inner in each):
                    yield test
            else:
                yield AnyOf(tuple(tuple(without(each, written)) for each in test.alternatives))
        elif not _asks(test, written):
            yield test


def _asks(test: Test, written: frozenset[Field]) -> bool:
    if isinstance(test, AnyOf):
        return any(_asks(inner, written) for each in test.alternatives for inner in each)
    return getattr(test, "field", None) in written


def _base(base: BaseChain) -> Hashable:
    return base.point, base.chain, base.default, base.families


def edited_region(
    old: Firewall,
    new: Firewall,
    hook: Hook,
    family: Family,
    limits: Limits | None = None,
    edits: Mapping[str, ChainEdits] | None = None,
) -> tuple[RawBox, ...] | None:
    """Boxes outside of which `old` and `new` decide every packet alike, effects included; () where nothing was edited.

    None where this says nothing: the firewalls do not have the same base chains and defaults in the same order, or
    do not speak of the same packets. Boxes may overlap. `edits` are those of each chain that both have
    (`chain_edits`), where they are known already.

    Raises:
        BudgetError: alternatives of the edited rules multiply beyond the limit.
    """
    bases = old.asked(hook, family)
    if [_base(base) for base in bases] != [_base(base) for base in new.asked(hook, family)]:
        return None
    if _bounds(old) != _bounds(new):
        return None
    if edits is None:
        edits = {name: chain_edits(old.chains[name].rules, new.chains[name].rules) for name in _asked(old, new, bases)}
    written = frozenset(write.field for each in (old, new) for rule in each.rules() for write in rule.writes)
    rules = [rule for each in edits.values() for rule in (*each.removed, *each.added, *each.jumps)]
    axes = Axes(family, (test for rule in rules for test in rule.tests))
    found = _Edits(edits, axes, written, Meter(limits or Limits(), rules, "the edited rules"))
    boxes = dict.fromkeys(box for base in bases for box in found.chain(base.chain))
    return tuple(raw for box in boxes for raw in axes.raw(box, hook))


def _asked(old: Firewall, new: Firewall, bases: Sequence[BaseChain]) -> Iterator[str]:
    """The chains that base chains lead to in both versions, through rules that both have."""
    open_names = [base.chain for base in bases]
    seen: set[str] = set()
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        jumps = {rule.action.chain for rule in old.chains[name].rules if isinstance(rule.action, Jump)}
        open_names += (each for each in jumps if each in new.chains)


def _bounds(firewall: Firewall) -> Hashable:
    return (
        firewall.hooks, firewall.families, firewall.states, firewall.implicit, firewall.opening_only, firewall.loopback
    )  # fmt: skip
