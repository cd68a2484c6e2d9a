"""Which rules two versions of a firewall do not share, whatever that does to packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import Firewall, FirewallRule
from fwadvisor.packets.overlap_edits import aligned, key
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.changes import Decider, Edits, ReviewedChange


@dataclass(frozen=True, slots=True)
class Edited:
    """The rules of two versions that have no equal at the same place in the other, by identity."""

    firewalls: tuple[Firewall, Firewall]
    rules: tuple[frozenset[int], frozenset[int]]
    #: How many stand in both, elsewhere.
    moved: int

    @classmethod
    def between(cls, old: Firewall, new: Firewall) -> Edited:
        """Chains of one name are aligned; between dialects, whose rules are never equal, no rule counts as edited."""
        if old.dialect != new.dialect:
            return cls((old, new), (frozenset(), frozenset()), 0)
        gone: list[FirewallRule] = []
        come: list[FirewallRule] = []
        for name in dict.fromkeys((*old.chains, *new.chains)):
            before, after = (each.chains[name].rules if name in each.chains else () for each in (old, new))
            pairs = aligned([key(rule) for rule in before], [key(rule) for rule in after])
            kept, there = {i for i, _ in pairs}, {j for _, j in pairs}
            gone += (rule for i, rule in enumerate(before) if i not in kept)
            come += (rule for j, rule in enumerate(after) if j not in there)
        moved = (Counter(map(key, gone)) & Counter(map(key, come))).total()
        return cls((old, new), (frozenset(map(id, gone)), frozenset(map(id, come))), moved)

    def is_edited(self, side: int, step: Step) -> bool:
        """Whether the rule of a step is edited; a default is where the other version has another one there."""
        if step.rule is not None:
            return id(step.rule) in self.rules[side]
        one, other = (_default(firewall, step.chain) for firewall in self.firewalls)
        return one != other and self.firewalls[0].dialect == self.firewalls[1].dialect

    def decider(self, side: int, step: Step | None) -> Decider:
        """What decides, for people."""
        if step is None:
            return Decider("", None, None, "nothing is asked: accept")
        firewall = self.firewalls[side]
        text = step.rule.text if step.rule else f"the default of {step.chain}: {_default(firewall, step.chain)}"
        return Decider(step.chain, step.rule, deciding_span(firewall, step), text, self.is_edited(side, step))


def _default(firewall: Firewall, chain: str) -> str:
    return next((base.default.value for base in firewall.bases if base.chain == chain), "")


def edits_between(edited: Edited, changes: Iterable[ReviewedChange], lines: int = 0) -> Edits:
    """The edits in numbers; `lines` is what the caller counted in the text."""
    gone, come = edited.rules
    effective = {
        id(each.rule)
        for change in changes
        for side in change.deciders
        for each in side
        if each.edited and each.rule is not None
    }
    return Edits(
        lines=lines,
        added=len(come) - edited.moved,
        removed=len(gone) - edited.moved,
        moved=edited.moved,
        effective=len(effective),
    )


def lines_changed(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """How many lines of two texts have no equal at the same place in the other; a changed line counts once."""
    pairs = aligned(old, new)
    return max(len(old), len(new)) - len(pairs)
