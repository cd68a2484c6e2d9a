"""Chains that are asked before the destination is translated, or before the way out is known.

The packet space holds a packet as the filter table sees it. In PREROUTING there is no outgoing interface, and where
rules translate destinations, what PREROUTING and OUTPUT see as the destination is not what the filter table sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import Diagnostic, warning
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.parts import condition
from fwadvisor.dialects.reading.translated import Translated, translated
from fwadvisor.model.address import FAMILIES
from fwadvisor.model.firewall import (
    LARGEST,
    AddressTest,
    AnyOf,
    BaseChain,
    ConditionTest,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Names,
    NameTest,
    Point,
    Test,
)
from fwadvisor.model.interval import Intervals, subtract

_DESTINATION = (Field.DESTINATION_PORT, Field.DESTINATION_TYPE)
_TRANSLATES_DESTINATION = ("dnat", "redirect", "netmap")
#: Packets of known connections, whose addresses are translated as those of the first packet were.
_FOLLOWING = ((1, 2),)
_OPENING = ((0, 0), (3, 4))


@dataclass(frozen=True, slots=True)
class _View:
    """How a base chain sees packets otherwise than the filter table does."""

    #: Nothing is known of the way out.
    no_way_out: bool = False
    #: Destinations of all packets may be translated later, or only those of known connections.
    all_translated: bool = False
    following_translated: bool = False
    #: The chains that translate destinations at this point.
    translating: tuple[str, ...] = ()
    #: Only packets that open a connection are asked.
    opening_only: bool = False

    @property
    def label(self) -> str:
        return "before translation" if self.all_translated or self.following_translated else "before routing"


def see_early(
    chains: dict[str, FirewallChain], bases: tuple[BaseChain, ...]
) -> tuple[dict[str, FirewallChain], tuple[BaseChain, ...], list[Diagnostic]]:
    """The chains with what early ones ask put in the words of the packet space.

    A chain that is asked both early and late becomes two.
    """
    reached = {base.chain: _reached(chains, base.chain) for base in bases}
    views = {base.chain: _view(base, bases, chains, reached) for base in bases}
    plain = {name for base in bases if views[base.chain] == _View() for name in reached[base.chain]}
    made = dict(chains)
    warnings: list[Diagnostic] = []
    names: dict[str, str] = {}
    for view in dict.fromkeys(view for view in views.values() if view != _View()):
        within = dict.fromkeys(name for base in bases if views[base.chain] == view for name in reached[base.chain])
        others = plain | {
            name for base in bases if views[base.chain] not in (view, _View()) for name in reached[base.chain]
        }
        changed = _changed(chains, within, view)
        new = {name: f"{name} ({view.label})" if name in others else name for name in changed}
        for name, rules in changed.items():
            made[new[name]] = _led(FirewallChain(new[name], rules, chains[name].span), new)
        names.update({base.chain: new.get(base.chain, base.chain) for base in bases if views[base.chain] == view})
        before = replace(view, no_way_out=False)
        touched = [rule for name in changed for rule in chains[name].rules if _differs_any(rule, before)]
        if touched:
            warnings.append(_warning(touched))
    moved = tuple(replace(base, chain=names.get(base.chain, base.chain)) for base in bases)
    return made, moved, warnings


def _warning(rules: list[FirewallRule]) -> Diagnostic:
    count = f"{len(rules)} rules test" if len(rules) > 1 else "a rule tests"
    return warning(
        f"{count} a destination before it is translated; the answer is taken as a condition",
        rules[0].span,
        "rules after translation, as those of the filter table, are compared exactly",
    )


def _reached(chains: dict[str, FirewallChain], start: str) -> set[str]:
    found = {start}
    left = [start]
    while left:
        for rule in chains[left.pop()].rules:
            if isinstance(rule.action, Jump) and rule.action.chain not in found:
                found.add(rule.action.chain)
                left.append(rule.action.chain)
    return found


def _view(
    base: BaseChain, bases: Iterable[BaseChain], chains: dict[str, FirewallChain], reached: dict[str, set[str]]
) -> _View:
    if base.point not in (Point.PREROUTING, Point.OUTPUT):
        return _View()
    translating: set[str] = set()
    anywhere = False
    nat = base.priority == -100
    for other in bases:
        words = _translations(chains, reached[other.chain])
        anywhere = anywhere or bool(words)
        if other.point is base.point and any(word.startswith(_TRANSLATES_DESTINATION) for word in words):
            translating |= reached[other.chain]
    early = base.point is Point.PREROUTING
    if base.priority > -100:
        return _View(early)
    if translating:
        return _View(early, True, False, tuple(sorted(translating)), nat)
    return _View(early, False, anywhere and not nat and early)


def _translations(chains: dict[str, FirewallChain], names: Iterable[str]) -> list[str]:
    return [
        str(write.value)
        for name in names
        for rule in chains[name].rules
        for write in rule.writes
        if write.field is Field.TRANSLATION
    ]


def _changed(
    chains: dict[str, FirewallChain], within: Iterable[str], view: _View
) -> dict[str, tuple[FirewallRule, ...]]:
    """The rules of chains that a view changes, and of those that lead to such."""
    within = list(within)
    changed: dict[str, tuple[FirewallRule, ...]] = {}
    met = translated((rule for each in view.translating for rule in chains[each].rules), _TRANSLATES_DESTINATION)
    for name in within:
        rules = tuple(_seen(rule, _view_of(rule, view, met)) for rule in chains[name].rules)
        if any(new is not old for new, old in zip(rules, chains[name].rules, strict=True)):
            changed[name] = rules
    more = bool(changed)
    while more:
        leading = [
            name
            for name in within
            if name not in changed
            and any(isinstance(rule.action, Jump) and rule.action.chain in changed for rule in chains[name].rules)
        ]
        changed.update({name: chains[name].rules for name in leading})
        more = bool(leading)
    return changed


def _view_of(rule: FirewallRule, view: _View, met: Translated) -> _View:
    """The view of one rule: where it meets nothing that opens a connection and is translated, only what follows is."""
    if not view.all_translated or met.meets(rule):
        return view
    return replace(view, all_translated=False, following_translated=not view.opening_only)


def _led(chain: FirewallChain, new: dict[str, str]) -> FirewallChain:
    rules = tuple(
        replace(rule, action=replace(rule.action, chain=new[rule.action.chain]))
        if isinstance(rule.action, Jump) and new.get(rule.action.chain, rule.action.chain) != rule.action.chain
        else rule
        for rule in chain.rules
    )
    return FirewallChain(chain.name, rules, chain.span)


def _differs_any(rule: FirewallRule, view: _View) -> bool:
    return any(_differs(test, view) for test in rule.tests)


def _seen(rule: FirewallRule, view: _View) -> FirewallRule:
    if not _differs_any(rule, view):
        return rule
    tests = tuple(_test(test, view) for test in rule.tests)
    if any(write.field is Field.STATE for write in rule.writes):
        # What is not tracked is not translated: such packets keep the destination that is asked here.
        kept = (_test(test, replace(view, all_translated=False, following_translated=False)) for test in rule.tests)
        tests = tuple(dict.fromkeys((*kept, *tests)))
    return replace(rule, tests=tests)


def _differs(test: Test, view: _View) -> bool:
    translated = view.all_translated or view.following_translated
    match test:
        case NameTest(Field.OUT_INTERFACE):
            return view.no_way_out
        case AddressTest(Field.DESTINATION):
            return translated
        case IntegerTest(name):
            return translated and name in _DESTINATION
        case ConditionTest(asked):
            return translated and _looks_up_destination(asked.name)
        case AnyOf(alternatives):
            return any(_differs(each, view) for tests in alternatives for each in tests)
        case _:
            return False


def _looks_up_destination(name: str) -> bool:
    return name.startswith("set ") and "dst" in name.rpartition("(")[2]


def _test(test: Test, view: _View) -> Test:
    if not _differs(test, view):
        return test
    match test:
        case NameTest(name, names):
            return NameTest(name, Names(inverted="" in names))
        case AnyOf(alternatives, holds):
            return AnyOf(tuple(tuple(_test(each, view) for each in tests) for tests in alternatives), holds)
        case ConditionTest(asked, holds):
            before: Test = ConditionTest(replace(asked, name=f"before translation: {asked.name}"), holds)
        case AddressTest() | IntegerTest():
            before = _before(test)
        case _:
            return test
    if view.all_translated:
        return before
    opening, following = IntegerTest(Field.STATE, _OPENING), IntegerTest(Field.STATE, _FOLLOWING)
    return AnyOf(((opening, test), (following, before)))


def _before(test: AddressTest | IntegerTest) -> ConditionTest:
    """The condition of a test; what holds from the first value to the last is the negation of its gaps."""
    if isinstance(test, IntegerTest):
        largest = LARGEST[test.field]
        if _outer(test.values, largest):
            gaps = IntegerTest(test.field, subtract(((0, largest),), test.values))
            return condition(conditions.before_translation(gaps), False)
    else:
        outer = [_outer(test.of(family), family.universe[0][1]) for family in FAMILIES if test.of(family)]
        if outer and all(outer):
            v4, v6 = (subtract(f.universe, test.of(f)) if test.of(f) else () for f in FAMILIES)
            return condition(conditions.before_translation(AddressTest(test.field, v4, v6)), False)
    return condition(conditions.before_translation(test))


def _outer(values: Intervals, largest: int) -> bool:
    return len(values) > 1 and values[0][0] == 0 and values[-1][1] == largest
