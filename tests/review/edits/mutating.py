"""Second versions of firewalls: some edits of their rules, whatever they say."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import Decide, Field, Firewall, FirewallChain, FirewallRule, Jump, Write
from fwadvisor.model.rule import Verdict

from .probing import Dice

#: Makes a new rule for a chain of a firewall.
Maker = Callable[[Firewall, str], FirewallRule]


def mutated(firewall: Firewall, dice: random.Random, new_rule: Maker, most: int = 3) -> Firewall:
    """The firewall with a few edits: rules gone, new, twice, moved, swapped, turned, with other tests or effects."""
    for _ in range(dice.randint(1, most)):
        firewall = _edited(firewall, dice, new_rule)
    return replace(firewall, name="new")


def _edited(firewall: Firewall, dice: random.Random, new_rule: Maker) -> Firewall:
    if dice.random() < 0.12:
        bases = list(firewall.bases)
        place = dice.randrange(len(bases))
        bases[place] = replace(bases[place], default=dice.choice(list(Verdict)))
        return replace(firewall, bases=tuple(bases))
    filled = [name for name, chain in firewall.chains.items() if chain.rules]
    name = dice.choice(filled or list(firewall.chains))
    rules = list(firewall.chains[name].rules)
    place = dice.randrange(len(rules) + 1)
    if place == len(rules) or dice.random() < 0.3:
        rules.insert(place, new_rule(firewall, name))
    else:
        _change(rules, place, dice)
    return replace(firewall, chains={**firewall.chains, name: FirewallChain(name, tuple(rules))})


def _change(rules: list[FirewallRule], place: int, dice: random.Random) -> None:
    rule = rules[place]
    match dice.randrange(8):
        case 0:
            del rules[place]
        case 1:
            rules.insert(place, replace(rule))
        case 2:
            rules.insert(dice.randrange(len(rules)), rules.pop(place))
        case 3:
            other = dice.randrange(len(rules))
            rules[place], rules[other] = rules[other], rules[place]
        case 4:
            stands = isinstance(rule.action, Decide) and rule.action.stands
            rules[place] = replace(rule, action=Decide(dice.choice(list(Verdict)), stands))
        case 5:
            rules[place] = replace(rule, tests=rule.tests[1:])
        case 6:
            effect = dice.choice([Field.LOG, Field.ASSIGNED_HELPER, Field.TRANSLATION])
            rules[place] = replace(rule, writes=(*rule.writes, Write(effect, dice.choice(["x", "y"]))))
        case _:
            goes = rule.action
            rules[place] = replace(rule, action=replace(goes, goto=not goes.goto)) if isinstance(goes, Jump) else rule


def drawn(dice: Dice) -> Maker:
    """New rules as the dice have them; a chain of jumps knows only those before it, so that there is no cycle."""

    def make(firewall: Firewall, name: str) -> FirewallRule:
        users = [each for each in firewall.chains if each[0] == "u" and (name[0] == "b" or each < name)]
        return dice.rule(users)

    return make


def borrowed(other: Firewall, dice: random.Random) -> Maker:
    """New rules that another firewall of the dialect has, and that go nowhere."""
    rules = [rule for rule in other.rules() if not isinstance(rule.action, Jump)]
    drop = FirewallRule(tests=(), action=Decide(Verdict.DROP), span=Span("new", 1), text="drop")

    def make(firewall: Firewall, name: str) -> FirewallRule:
        return replace(dice.choice(rules or [drop]))

    return make


def disguised(firewall: Firewall) -> Firewall:
    """The same firewall with other names of chains, other places, texts and comments."""
    names = {name: f"other {number}" for number, name in enumerate(firewall.chains)}

    def rule(old: FirewallRule, number: int) -> FirewallRule:
        action = replace(old.action, chain=names[old.action.chain]) if isinstance(old.action, Jump) else old.action
        span = replace(old.span, line=old.span.line + 1000 + number)
        return replace(old, action=action, span=span, text=f"rule {number}", comment="agreed")

    chains = {
        names[name]: FirewallChain(names[name], tuple(rule(each, number) for number, each in enumerate(chain.rules)))
        for name, chain in firewall.chains.items()
    }
    return replace(
        firewall, chains=chains, bases=tuple(replace(each, chain=names[each.chain]) for each in firewall.bases)
    )
