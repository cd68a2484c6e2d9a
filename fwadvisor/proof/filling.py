"""Lists that rules fill: sets of nftables, `recent` and `SET` of iptables, tables that `overload` of pf fills.

Whether such a list holds an address is a condition, the same one in both firewalls. That is only true where the same
packets fill it: a knock at another port opens the same door to others. So that is compared as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from fwadvisor.errors import BudgetError
from fwadvisor.model.firewall import ConditionTest, Field, Firewall, FirewallChain, FirewallRule, Write
from fwadvisor.packets import Budget, Space, compare
from fwadvisor.packets.overlap_axes import flat

#: How the text of a rule says which list it fills or empties.
_SET = re.compile(
    r"\b(?:add|update|delete) @([\w.-]+)|\bset (?:add|update) [^@]*@([\w.-]+)"
    r"|--(?:add|del|map)-set (\S+)|\boverload <([^>]+)>"
)
_RECENT = re.compile(r"-m recent(?: (?!-m |-j |-g )\S+)*")
_CHANGES_RECENT = re.compile(r"--(?:set|update|remove)\b")
_NAME = re.compile(r"--name (\S+)")
_LOG = frozenset({Field.LOG})


def filled_otherwise(first: Firewall, second: Firewall) -> Iterator[str]:
    """The lists on which verdicts depend and that other packets fill, or packets in another way, a sentence each."""
    fills = [_fills(each) for each in (first, second)]
    asked = [_asked(each) for each in (first, second)]
    for name in sorted((fills[0].keys() | fills[1].keys()) & {each for names in asked for each in names}):
        sides = [_marked(each, found.get(name, {})) for each, found in zip((first, second), fills, strict=True)]
        title = f"the {'list' if name.startswith('recent') else 'set'} {name.split()[1]}"
        try:
            if _differ(sides[0], sides[1]):
                yield f"other packets fill {title}, or the same ones in another way"
        except BudgetError:
            yield f"it costs too much to compare which packets fill {title}"


def _differ(first: Firewall, second: Firewall) -> bool:
    space = Space((first, second), effects=_LOG, budget=Budget())
    return any(
        change.unknown or change.old.effects != change.new.effects
        for hook in first.hooks & second.hooks
        for family in set(first.families) & set(second.families)
        for change in compare(space.meaning(first, hook, family), space.meaning(second, hook, family))
    )


def _fills(firewall: Firewall) -> dict[str, dict[int, str]]:
    """By list, the rules that fill it by identity, and how they do it."""
    found: dict[str, dict[int, str]] = {}
    for rule in firewall.rules():
        for name, how in _lists(rule.text):
            found.setdefault(name, {})[id(rule)] = how
    return found


def _lists(text: str) -> Iterator[tuple[str, str]]:
    for match in _SET.finditer(text):
        yield f"set {next(filter(None, match.groups()))}", match[0]
    for match in _RECENT.finditer(text):
        if _CHANGES_RECENT.search(match[0]):
            name = _NAME.search(match[0])
            yield f"recent {name[1] if name else 'DEFAULT'}", match[0]


def _asked(firewall: Firewall) -> set[str]:
    """The lists that tests ask."""
    return {
        " ".join(test.condition.name.split()[:2])
        for rule in firewall.rules()
        for test in flat(rule.tests)
        if isinstance(test, ConditionTest)
    }


def _marked(firewall: Firewall, fills: dict[int, str]) -> Firewall:
    """The firewall that logs how it fills a list, and nothing else."""

    def chain(each: FirewallChain) -> FirewallChain:
        return replace(each, rules=tuple(map(rule, each.rules)))

    def rule(each: FirewallRule) -> FirewallRule:
        kept = tuple(write for write in each.writes if write.field is not Field.LOG)
        how = fills.get(id(each))
        return replace(each, writes=(*kept, Write(Field.LOG, how)) if how else kept)

    return replace(firewall, chains={name: chain(each) for name, each in firewall.chains.items()})
