"""What chains see of a packet where they are asked: before connection tracking, before and after translation.

The packet space states a packet as the filter chains see it. Base chains that are asked earlier or later see
some of its fields otherwise; their tests are rewritten here, in copies of the chains where others use them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables.building import NEVER
from fwadvisor.dialects.reading.translated import Translated, translated
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Decide,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Test,
    Write,
)
from fwadvisor.model.interval import Intervals, contains, subtract
from fwadvisor.model.rule import State, Verdict

_NEW: Intervals = ((STATES.index(State.NEW), STATES.index(State.NEW)),)
_INVALID, _UNTRACKED = STATES.index(State.INVALID), STATES.index(State.UNTRACKED)
_ALL_STATES: Intervals = ((0, LARGEST[Field.STATE]),)
_DESTINATION = frozenset({Field.DESTINATION, Field.DESTINATION_PORT, Field.DESTINATION_TYPE})
_SOURCE = frozenset({Field.SOURCE, Field.SOURCE_PORT, Field.SOURCE_TYPE})
#: Packets of known connections, whose addresses are translated as those of the first packet were, and all others.
_FOLLOWING = IntegerTest(Field.STATE, ((1, 2),))
_OPENING = IntegerTest(Field.STATE, ((0, 0), (3, 4)))
TRANSLATES_DESTINATION = ("dnat", "redirect", "tproxy")
#: Holds for every packet, where a rule needs a test.
_ALWAYS = IntegerTest(Field.STATE, _ALL_STATES)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where base chains are asked; the default is where the filter chains are."""

    name: str = ""
    #: No outgoing interface is known yet.
    before_route: bool = False
    #: No connection is known yet; `marks_untracked` says whether rules there make packets untracked.
    before_tracking: bool = False
    marks_untracked: bool = False
    before_translation: bool = False
    after_translation: bool = False
    #: The chains that translate destinations there, and whether only what follows the first packet may be translated.
    translating: tuple[str, ...] = ()
    only_following: bool = False


class Stages:
    """Copies of chains for the stages at which they are asked."""

    def __init__(self, chains: dict[str, FirewallChain]) -> None:
        self.chains = chains
        #: Whether a test was made a condition because addresses are translated.
        self.translated = False
        self._made: dict[tuple[Stage, str], str] = {}
        self._translated: dict[tuple[str, ...], Translated] = {}

    def at(self, stage: Stage, name: str) -> str:
        """The chain as it is at a stage, under its own or another name. Jumps form no cycle."""
        known = self._made.get((stage, name))
        if known is not None:
            return known
        chain = self.chains[name]
        rules: list[FirewallRule] = []
        for rule in chain.rules:
            rules += self._rule(stage, rule)
        made = name
        if tuple(rules) != chain.rules:
            made = f"{name} ({stage.name})" if stage.name else f"{name} (tracked)"
            self.chains[made] = FirewallChain(made, tuple(rules), chain.span)
        self._made[stage, name] = made
        return made

    def _met(self, translating: tuple[str, ...]) -> Translated:
        """What chains translate; they are asked as they are in the files, for `translating` names no copies."""
        found = self._translated.get(translating)
        if found is None:
            rules = (rule for name in translating for rule in self.chains[name].rules)
            found = self._translated[translating] = translated(rules, TRANSLATES_DESTINATION)
        return found

    def _rule(self, stage: Stage, rule: FirewallRule) -> Iterable[FirewallRule]:
        if stage != Stage():
            unmet = stage.before_translation and not self._met(stage.translating).meets(rule)
            tests = self._tests(replace(stage, only_following=True) if unmet else stage, rule.tests)
            if stage.before_translation and any(write.field is Field.STATE for write in rule.writes):
                # What is not tracked is not translated: such packets keep the destination that is asked here.
                seen = self._tests(replace(stage, before_translation=False), rule.tests)
                tests = tuple(dict.fromkeys((*seen, *tests)))
            rule = replace(rule, tests=tests, writes=_writes(stage, rule.writes))
        if isinstance(rule.action, Jump):
            rule = replace(rule, action=replace(rule.action, chain=self.at(stage, rule.action.chain)))
        if stage.before_tracking or all(write.field is not Field.STATE for write in rule.writes):
            return (rule,)
        # A packet that is tracked stays so; only one that is of no connection becomes untracked.
        others = subtract(_ALL_STATES, ((_INVALID, _INVALID),))
        kept = tuple(write for write in rule.writes if write.field is not Field.STATE)
        return (
            replace(rule, tests=(*rule.tests, IntegerTest(Field.STATE, others)), writes=kept),
            replace(rule, tests=(*rule.tests, IntegerTest(Field.STATE, ((_INVALID, _INVALID),)))),
        )

    def _tests(self, stage: Stage, tests: tuple[Test, ...]) -> tuple[Test, ...]:
        return tuple(found for test in tests if (found := self._test(stage, test)) is not _ALWAYS)

    def _test(self, stage: Stage, test: Test) -> Test:
        if isinstance(test, AnyOf):
            alternatives = tuple(self._tests(stage, each) for each in test.alternatives)
            return replace(test, alternatives=alternatives)
        if isinstance(test, NameTest):
            return _name_test(stage, test)
        if isinstance(test, ConditionTest):
            connection = test.condition.name.startswith(("connection ", "connections "))
            return NEVER if stage.before_tracking and connection else test
        if not isinstance(test, (IntegerTest, AddressTest)):
            return test
        if stage.before_translation and test.field in _DESTINATION:
            self.translated = True
            before = ConditionTest(Condition(conditions.before_translation(test)))
            return AnyOf(((_OPENING, test), (_FOLLOWING, before))) if stage.only_following else before
        if stage.after_translation and test.field in _SOURCE:
            self.translated = True
            return ConditionTest(Condition(conditions.after_translation(test)))
        if stage.before_tracking and isinstance(test, IntegerTest):
            return _untracked_test(stage, test)
        return test


def _name_test(stage: Stage, test: NameTest) -> Test:
    if stage.before_tracking and test.field is Field.HELPER:
        return NEVER
    if stage.before_route and test.field is Field.OUT_INTERFACE:
        return _ALWAYS if "" in test.names else NEVER
    return test


def _untracked_test(stage: Stage, test: IntegerTest) -> Test:
    """Before connection tracking a packet reads as invalid, or as untracked once a rule made it so."""
    if test.field is Field.CONNECTION_MARK:
        return NEVER
    if test.field is not Field.STATE:
        return test
    invalid, untracked = contains(test.values, _INVALID), contains(test.values, _UNTRACKED)
    if invalid == untracked or not stage.marks_untracked:
        return _ALWAYS if invalid else NEVER
    only = ((_UNTRACKED, _UNTRACKED),)
    return IntegerTest(Field.STATE, only if untracked else subtract(_ALL_STATES, only))


def _writes(stage: Stage, writes: tuple[Write, ...]) -> tuple[Write, ...]:
    """Without a connection its mark and helper cannot be written."""
    if not stage.before_tracking:
        return writes
    gone = (Field.CONNECTION_MARK, Field.ASSIGNED_HELPER)
    return tuple(write for write in writes if write.field not in gone)


def first_packets(chain: FirewallChain, default: Verdict) -> tuple[FirewallRule, ...]:
    """The rules of a base chain of type nat, which sees only packets that open a connection."""
    new = IntegerTest(Field.STATE, _NEW)
    rules = [replace(rule, tests=(new, *rule.tests)) for rule in chain.rules]
    if default is not Verdict.ACCEPT and chain.span is not None:
        rules.append(FirewallRule(tests=(new,), action=Decide(default), span=chain.span, text=f"policy {default}"))
    return tuple(rules)
