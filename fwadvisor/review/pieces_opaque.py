"""The opaque rules of two versions: which packets can meet them, and where an edit makes their packets unknown.

A packet that meets no edited rule has one fate, whatever unedited opaque rules do. Walk both versions with it side by
side: as long as no edited rule matches it, the walks come to the same rules, in the same order, with the same values
of the packet. An opaque rule among these is the same text, asked about the same packet, so it holds in both walks or
in neither, and does the same in both. So both walks stay together until they end, at the same rule or default.

A rule whose *action* is not known may make anything of its packets but one of another protocol, family or interface:
after it they may match an edited rule that they did not match before. So where an edited rule can come after it, its
packets count as meeting that rule, if protocol and interface allow it. A rule of which only the *condition* is not
known does what it says: its writes are known, and `fwadvisor.packets.overlap_edits` heeds them.

All this needs an opaque rule that is the same in both versions to mean the same in both. What a rule means can depend
on other lines (what a set holds, a variable of a script), so `fwadvisor.review.alike` asks the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import (
    AnyOf,
    BaseChain,
    ConditionTest,
    FamilyTest,
    Field,
    Firewall,
    FirewallRule,
    Jump,
    Test,
    Unknown,
)
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.packets.overlap_edits import ChainEdits, without


def is_opaque(rule: FirewallRule) -> bool:
    """Whether it is not known what a rule does, or which packets it matches."""
    return isinstance(rule.action, Unknown) or any(
        isinstance(test, ConditionTest) and not test.condition.understood for test in flat(rule.tests)
    )


def opaque_steps(firewall: Firewall, hook: Hook, family: Family) -> Iterator[Step]:
    """The opaque rules that packets of a hook and family can come to."""
    names = [base.chain for base in firewall.asked(hook, family)]
    for name in names:
        for rule in firewall.chains[name].rules:
            if is_opaque(rule):
                yield Step(name, rule)
            if isinstance(rule.action, Jump) and rule.action.chain not in names:
                names.append(rule.action.chain)


def sure_tests(tests: Sequence[Test], written: frozenset[Field]) -> Iterator[Test]:
    """Tests that hold wherever a rule may match: without conditions that are not understood, and written fields."""
    for test in without(tests, written):
        unclear = any(isinstance(each, ConditionTest) and not each.condition.understood for each in flat((test,)))
        if not unclear:
            yield test
        elif isinstance(test, AnyOf) and test.holds:
            yield AnyOf(tuple(tuple(sure_tests(each, written)) for each in test.alternatives))


#: What no rule makes of a packet, as tests that an edited rule has of it.
_Limits = frozenset[tuple[Test, ...]]
_LASTING = frozenset({Field.PROTOCOL, Field.IN_INTERFACE})
_NONE: _Limits = frozenset()


def unknown_before_edits(
    old: Firewall, new: Firewall, hook: Hook, family: Family, edits: Mapping[str, ChainEdits]
) -> list[FirewallRule]:
    """The unedited rules of unknown action after which packets can come to an edited rule, for such packets.

    The versions have the same base chains for the hook and family, in the same order.
    """
    walk = _Walk(old, new, family, edits)
    walk.bases(old.asked(hook, family))
    return [
        replace(rule, tests=(*rule.tests, *(() if () in after else (AnyOf(tuple(after)),))))
        for rule, after in walk.found.values()
    ]


class _Walk:
    """Both versions, read from the end to the beginning."""

    def __init__(self, old: Firewall, new: Firewall, family: Family, edits: Mapping[str, ChainEdits]) -> None:
        self.sides = old, new
        self.family = family
        self.edits = edits
        #: By identity: the rule, and what the edited rules after it ask for.
        self.found: dict[int, tuple[FirewallRule, _Limits]] = {}
        self._edited: dict[str, _Limits] = {}
        self._seen: set[tuple[str, _Limits]] = set()

    def bases(self, bases: Sequence[BaseChain]) -> None:
        """The chains that are asked one after the other."""
        after = _NONE
        for base in reversed(bases):
            self._chain(base.chain, after)
            after |= self._inside(base.chain)

    def _chain(self, name: str, after: _Limits) -> None:
        """Go through a chain, after which such edited rules may come."""
        if (name, after) in self._seen:
            return
        self._seen.add((name, after))
        before, later = (side.chains[name].rules for side in self.sides)
        end = len(before), len(later)
        for i, j in reversed(self.edits[name].kept):
            rule = before[i]
            after |= self._of((*before[i + 1 : end[0]], *later[j + 1 : end[1]]))
            end = i, j
            if isinstance(rule.action, Unknown) and after:
                self.found[id(rule)] = rule, after | self.found.get(id(rule), (rule, _NONE))[1]
            elif isinstance(rule.action, Jump):
                self._chain(rule.action.chain, after)
                after |= self._inside(rule.action.chain)

    def _inside(self, name: str) -> _Limits:
        """The edited rules in a chain or below it."""
        known = self._edited.get(name)
        if known is None:
            edits = self.edits[name]
            known = self._of((*edits.removed, *edits.added))
            for rule in edits.jumps:
                if isinstance(rule.action, Jump):
                    known |= self._inside(rule.action.chain)
            self._edited[name] = known
        return known

    def _of(self, rules: Sequence[FirewallRule]) -> _Limits:
        """What edited rules of the family ask for."""
        return frozenset(
            tuple(test for test in rule.tests if getattr(test, "field", None) in _LASTING)
            for rule in rules
            if not any(isinstance(test, FamilyTest) and test.family is not self.family for test in rule.tests)
        )
