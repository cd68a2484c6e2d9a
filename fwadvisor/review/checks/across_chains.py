"""Rules that decide no packet because of other chains: those that lead to theirs, or that theirs calls first.

The overlap index asks one chain at a time. Here every base chain is computed with all that it calls, and what decides
each of its packets. What earlier base chains drop, mark or leave untracked is not counted, so that more packets are
asked about than there are, and a rule that decides none of them surely decides none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import BaseChain, Decide, Firewall, FirewallRule, Jump, Unknown
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, Meaning, Space
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.packets.overlap import NeverMatches, Shadowed
from fwadvisor.review.checks.base import Context
from fwadvisor.review.checks.fates import Line
from fwadvisor.review.checks.words import takes_all, verdict_of

#: Each rule that decides is an end of the diagram: of more rules than this it is not asked.
_MOST_RULES = 2000


@dataclass(frozen=True, slots=True)
class Across:
    """A line that decides nothing, what decides the packets that it matches, and what leads to its chain."""

    line: Line
    by: tuple[FirewallRule, ...]
    leading: tuple[FirewallRule, ...]


@dataclass(frozen=True, slots=True)
class _Computed:
    space: Space
    numbered: Numbered
    meaning: Meaning


def across(context: Context) -> Iterator[Across]:
    """Every line that packets match and that decides none of them, where its own chain alone does not tell that."""
    firewall = context.firewall
    if firewall.opaque or any(isinstance(rule.action, Unknown) for rule in firewall.rules()):
        return
    waiting = [line for line in context.lines if _asked(line)]
    if not waiting or not any(isinstance(rule.action, Jump) for rule in firewall.rules()):
        return
    if sum(len(chain.rules) for chain in context.chains()) > _MOST_RULES:
        context.leave_out(f"which rules are dead because of other chains: there are more than {_MOST_RULES} rules")
        return
    try:
        computed = list(_computed(context, waiting))
    except BudgetError:
        context.leave_out("which rules are dead because of other chains: it takes more than the budget to tell")
        return
    alive = {id(rule) for each in computed for rule in _deciding(each)}
    for line in waiting:
        if alive.isdisjoint(map(id, line.rules)):
            yield _across(firewall, line, computed)


def _asked(line: Line) -> bool:
    """Whether each of its rules decides, and at least one could, as far as its chain tells.

    A last rule that blocks whatever is left may stand there for packets that do not come today.
    """
    if any(not isinstance(rule.action, Decide) or _closes(rule) for rule in line.rules):
        return False
    return any(not isinstance(part.fate, Shadowed | NeverMatches) for part in line.parts)


def _closes(rule: FirewallRule) -> bool:
    return takes_all(rule) and verdict_of(rule) is not Verdict.ACCEPT


def _computed(context: Context, waiting: list[Line]) -> Iterator[_Computed]:
    firewall = context.firewall
    # A rule that no packet comes to is no part of what is computed, but its packets are asked for.
    tests = tuple(dict.fromkeys(test for line in waiting for rule in line.rules for test in rule.tests))
    budget = Budget(nodes=context.budget.nodes, seconds=context.budget.seconds)
    for base in firewall.bases:
        alone = numbered(replace(firewall, bases=(base,)))
        space = Space((alone.firewall,), effects=DECIDERS, tests=tests, budget=budget)
        for hook, family in context.parts:
            if _sees(firewall, base, hook, family):
                yield _Computed(space, alone, space.meaning(alone.firewall, hook, family))


def _sees(firewall: Firewall, base: BaseChain, hook: Hook, family: Family) -> bool:
    return any(each is base for each in firewall.asked(hook, family))


def _deciding(computed: _Computed) -> Iterator[FirewallRule]:
    for result in computed.meaning.results():
        step = computed.numbered.step(result.effects)
        if step is not None and step.rule is not None:
            yield step.rule


def _across(firewall: Firewall, line: Line, computed: list[_Computed]) -> Across:
    by: dict[int, FirewallRule] = {}
    for each in computed:
        meaning = each.meaning
        packets = each.space.packets(meaning.hook, meaning.family, line.rule.tests)
        for result in meaning.results():
            step = each.numbered.step(result.effects)
            if step and step.rule is not None and not (meaning.having(result) & packets).is_empty:
                by[id(step.rule)] = step.rule
    chains = {part.chain for part in line.parts}
    leading = [rule for rule in firewall.rules() if isinstance(rule.action, Jump) and rule.action.chain in chains]
    return Across(line, tuple(by.values()), tuple(leading))
