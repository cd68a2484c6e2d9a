"""A new version in the names of the old one, so that what was only renamed is the same.

Names of chains mean nothing to packets. A chain of a name that both have is the same; base chains that are left are
matched where they are asked, in order, if there are as many; called chains where the rules that jump to them are the
same otherwise. Conditions that count their questions follow (`fwadvisor.review.conditions`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fwadvisor.model.firewall import BaseChain, Firewall, FirewallChain, FirewallRule, Jump
from fwadvisor.packets.overlap_edits import aligned
from fwadvisor.review.conditions import matched


@dataclass(frozen=True, slots=True)
class Renamed:
    """A firewall in other names, and the way back."""

    firewall: Firewall
    #: What a chain is called in the file; the others are called alike.
    chains: Mapping[str, str] = field(default_factory=dict)
    #: The rules that are other objects than in the file, by identity.
    rules: Mapping[int, FirewallRule] = field(default_factory=dict)

    def chain(self, name: str) -> str:
        """The name of a chain in the file."""
        return self.chains.get(name, name)

    def rule(self, rule: FirewallRule) -> FirewallRule:
        """The rule as it was read."""
        return self.rules.get(id(rule), rule)


def in_names_of(old: Firewall, new: Firewall) -> Renamed:
    """`new` with the names that `old` has for the same chains and conditions; of another dialect, as it is."""
    if old.dialect != new.dialect:
        return Renamed(new)
    names = _matched_chains(old, new)
    made = matched(old, _with_chains(new, names))
    if made is new:
        return Renamed(new)
    rules = {
        id(now): was
        for name, chain in new.chains.items()
        for was, now in zip(chain.rules, made.chains[names.get(name, name)].rules, strict=True)
        if was is not now
    }
    return Renamed(made, {now: was for was, now in names.items()}, rules)


def _matched_chains(old: Firewall, new: Firewall) -> dict[str, str]:
    """New names to old ones, of chains that are called otherwise."""
    both = [name for name in new.chains if name in old.chains]
    if len(both) == len(new.chains):
        return {}
    names = {name: name for name in both}
    _match_bases(old, new, names)
    open_pairs = list(names.items())
    while open_pairs:
        now, was = open_pairs.pop()
        for later, earlier in _targets(old.chains[was].rules, new.chains[now].rules, names):
            if later not in names and earlier not in names.values() and later in new.chains:
                names[later] = earlier
                open_pairs.append((later, earlier))
    return {now: was for now, was in names.items() if now != was}


def _match_bases(old: Firewall, new: Firewall, names: dict[str, str]) -> None:
    def left(firewall: Firewall, known: set[str]) -> dict[Hashable, list[str]]:
        found: dict[Hashable, list[str]] = {}
        for base in sorted(firewall.bases, key=lambda each: each.priority):
            if base.chain not in known:
                found.setdefault((base.point, base.families), []).append(base.chain)
        return found

    before, after = left(old, set(names)), left(new, set(names))
    for where, later in after.items():
        earlier = before.get(where, [])
        if len(earlier) == len(later):
            for now, was in zip(later, earlier, strict=True):
                if now not in names and was not in names.values():
                    names[now] = was


def _targets(
    before: Sequence[FirewallRule], after: Sequence[FirewallRule], names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The chains that rules jump to, new and old, which are the same but for that."""
    known = set(names.values())
    old = [_key(rule, {each: each for each in known}) for rule in before]
    for i, j in aligned(old, [_key(rule, names) for rule in after]):
        one, other = before[i].action, after[j].action
        if isinstance(one, Jump) and isinstance(other, Jump):
            yield other.chain, one.chain


def _key(rule: FirewallRule, names: Mapping[str, str]) -> Hashable:
    """What a rule does; chains that are not matched yet are all alike."""
    action = rule.action
    if isinstance(action, Jump):
        action = replace(action, chain=names.get(action.chain, ""))
    return rule.tests, action, rule.writes


def _with_chains(firewall: Firewall, names: Mapping[str, str]) -> Firewall:
    if not names:
        return firewall

    def rule(each: FirewallRule) -> FirewallRule:
        if isinstance(each.action, Jump) and each.action.chain in names:
            return replace(each, action=replace(each.action, chain=names[each.action.chain]))
        return each

    def base(each: BaseChain) -> BaseChain:
        return replace(each, chain=names[each.chain]) if each.chain in names else each

    chains = {
        names.get(name, name): FirewallChain(names.get(name, name), tuple(map(rule, chain.rules)), chain.span)
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains, bases=tuple(map(base, firewall.bases)))
