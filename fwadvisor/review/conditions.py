"""Conditions that count their questions, matched between two versions by their rules and not by their numbers.

Readers number conditions whose truth changes by being asked, in the order of the file: ``limit 1/second burst 5
packets``, then ``limit 1/second burst 5 packets (2)``. A limited rule that is inserted above others gives all later
ones another number, as if each of them had become another limit. Here the rules of both versions are aligned without
the numbers; conditions of aligned rules get the names that they had. Between two aligned rules, the first limit of a
kind that an edited rule asks is taken to be the first such one that stood there, and so on. What then is left finds
the same rule elsewhere, as rules are moved. All others get names that nobody has.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Firewall, FirewallRule, Test
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.packets.overlap_edits import aligned

_NUMBERED = re.compile(r"(?P<base>.+) \((?P<number>[2-9]|[1-9][0-9]+)\)", re.DOTALL)
#: The tests that are conditions, or may hold some.
_HOLDING = (ConditionTest, AnyOf)


def matched(old: Firewall, new: Firewall) -> Firewall:
    """`new`, with its numbered conditions named as those of the same rules in `old`; of another dialect, as it is."""
    if old.dialect != new.dialect:
        return new
    bases = _bases(_names(old)) | _bases(_names(new))
    if not bases:
        return new
    names = _renamed(old, new, bases)
    if all(before == after for before, after in names.items()):
        return new
    chains = {
        name: replace(chain, rules=tuple(_with(rule, names) for rule in chain.rules))
        for name, chain in new.chains.items()
    }
    return replace(new, chains=chains)


def conditions_of(firewall: Firewall) -> Iterator[ConditionTest]:
    """The tests of conditions, in order."""
    for rule in firewall.rules():
        if any(isinstance(test, _HOLDING) for test in rule.tests):
            yield from (test for test in flat(rule.tests) if isinstance(test, ConditionTest))


def all_understood(firewall: Firewall) -> Firewall:
    """The firewall with every condition as one of which it is known that it holds or does not."""
    return understood(firewall, {test.condition.name for test in conditions_of(firewall)})


def understood(firewall: Firewall, names: Set[str]) -> Firewall:
    """The firewall with the conditions of these names as such of which it is known that they hold or do not.

    Rules without such a condition stay the same.
    """

    def clear(tests: Iterable[Test]) -> Iterator[Test]:
        for test in tests:
            match test:
                case AnyOf(alternatives, holds):
                    yield AnyOf(tuple(tuple(clear(each)) for each in alternatives), holds)
                case ConditionTest(condition, holds) if condition.name in names:
                    yield ConditionTest(Condition(condition.name), holds)
                case _:
                    yield test

    def cleared(rule: FirewallRule) -> FirewallRule:
        asked = (test.condition for test in flat(rule.tests) if isinstance(test, ConditionTest))
        if all(each.understood or each.name not in names for each in asked):
            return rule
        return replace(rule, tests=tuple(clear(rule.tests)))

    if all(test.condition.understood or test.condition.name not in names for test in conditions_of(firewall)):
        return firewall
    chains = {name: replace(chain, rules=tuple(map(cleared, chain.rules))) for name, chain in firewall.chains.items()}
    return replace(firewall, chains=chains)


def _names(firewall: Firewall) -> dict[str, None]:
    """The names of all conditions, in order."""
    return {test.condition.name: None for test in conditions_of(firewall)}


def _bases(names: Iterable[str]) -> set[str]:
    """The names that occur with a number as well."""
    known = set(names)
    return {base for each in known if (base := _base(each)) != each and base in known}


def _base(name: str) -> str:
    found = _NUMBERED.fullmatch(name)
    return found["base"] if found else name


def _renamed(old: Firewall, new: Firewall, bases: set[str]) -> dict[str, str]:
    """What each numbered condition of `new` is to be called."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for was, now in (*_in_place(old, new, bases), *_elsewhere(old, new, bases)):
        # A condition of several rules keeps what the first of them had.
        if now not in names and was not in taken:
            names[now] = was
            taken.add(was)
    taken |= _names(old).keys()
    for each in _names(new):
        if _base(each) in bases and each not in names:
            names[each] = next(free for free in _free(_base(each)) if free not in taken)
            taken.add(names[each])
    return names


def _in_place(old: Firewall, new: Firewall, bases: set[str]) -> Iterator[tuple[str, str]]:
    for name, chain in new.chains.items():
        if name in old.chains:
            yield from _same(old.chains[name].rules, chain.rules, bases)


def _elsewhere(old: Firewall, new: Firewall, bases: set[str]) -> Iterator[tuple[str, str]]:
    """Conditions of rules that stand in another place, in the order in which they stand."""
    before: dict[Hashable, list[FirewallRule]] = {}
    for rule in old.rules():
        if _numbered(rule, bases):
            before.setdefault(_key(rule, bases), []).append(rule)
    for rule in new.rules():
        if now := _numbered(rule, bases):
            for each in before.get(_key(rule, bases), ()):
                yield from zip(_numbered(each, bases), now, strict=True)


def _same(before: Sequence[FirewallRule], after: Sequence[FirewallRule], bases: set[str]) -> Iterator[tuple[str, str]]:
    """The names of conditions of two versions of a chain that are one."""
    pairs = aligned([_key(rule, bases) for rule in before], [_key(rule, bases) for rule in after])
    a = c = 0
    for i, j in [*pairs, (len(before), len(after))]:
        here, there = ([name for rule in gap for name in _numbered(rule, bases)] for gap in (before[a:i], after[c:j]))
        for base in bases if here and there else ():
            yield from zip(*([each for each in names if _base(each) == base] for names in (here, there)), strict=False)
        if i < len(before):
            yield from zip(_numbered(before[i], bases), _numbered(after[j], bases), strict=True)
        a, c = i + 1, j + 1


def _free(base: str) -> Iterator[str]:
    """The names that a base can have, in order."""
    yield base
    number = 2
    while True:
        yield f"{base} ({number})"
        number += 1


def _key(rule: FirewallRule, bases: set[str]) -> Hashable:
    """What a rule does, without the numbers of its conditions."""
    return _stripped(rule.tests, bases), rule.action, rule.writes


def _stripped(tests: tuple[Test, ...], bases: set[str]) -> tuple[Test, ...]:
    if not any(isinstance(test, _HOLDING) for test in tests):
        return tests
    return tuple(_mapped(tests, {}, bases))


def _with(rule: FirewallRule, names: Mapping[str, str]) -> FirewallRule:
    if not any(isinstance(test, ConditionTest) and test.condition.name in names for test in flat(rule.tests)):
        return rule
    return replace(rule, tests=tuple(_mapped(rule.tests, names, set())))


def _mapped(tests: Iterable[Test], names: Mapping[str, str], bases: set[str]) -> Iterator[Test]:
    """The tests with conditions as `names` call them, those of `bases` without their number."""
    for test in tests:
        match test:
            case AnyOf(alternatives, holds):
                yield AnyOf(tuple(tuple(_mapped(each, names, bases)) for each in alternatives), holds)
            case ConditionTest(condition, holds):
                name = names.get(condition.name, condition.name)
                name = _base(name) if _base(name) in bases else name
                yield test if name == condition.name else ConditionTest(Condition(name, condition.understood), holds)
            case _:
                yield test


def _numbered(rule: FirewallRule, bases: set[str]) -> list[str]:
    """The numbered conditions of a rule, in the order in which it asks them."""
    return [
        test.condition.name
        for test in flat(rule.tests)
        if isinstance(test, ConditionTest) and _base(test.condition.name) in bases
    ]
