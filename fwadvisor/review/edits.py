"""Which rules two versions of a firewall do not share, whatever that does to packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from fwadvisor.errors import BudgetError
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import Firewall, FirewallRule
from fwadvisor.packets.narrow import narrowed
from fwadvisor.packets.overlap_edits import ChainEdits, aligned, chain_edits, key
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.changes import Decider, Edits, Kind, ReviewedChange
from fwadvisor.review.naming import Renamed, in_names_of


@dataclass(frozen=True, slots=True)
class Edited:
    """The rules of two versions that have no equal at the same place in the other, by identity."""

    firewalls: tuple[Firewall, Firewall]
    rules: tuple[frozenset[int], frozenset[int]]
    #: How many stand in both, elsewhere.
    moved: int
    #: How each chain differs that both have; empty between dialects.
    chains: Mapping[str, ChainEdits]
    #: Each version in names that both share, and the way back.
    named: tuple[Renamed, Renamed]

    @classmethod
    def between(cls, old: Firewall, later: Firewall) -> Edited:
        """Chains are aligned; between dialects, whose rules are never equal, no rule counts as edited."""
        return cls.named_alike(Renamed(old), in_names_of(old, later))

    @classmethod
    def named_alike(cls, before: Renamed, later: Renamed) -> Edited:
        """The same for two versions in names that both share."""
        named = before, later
        old, new = before.firewall, later.firewall
        if old.dialect != new.dialect:
            return cls((old, new), (frozenset(), frozenset()), 0, {}, named)
        chains: dict[str, ChainEdits] = {}
        gone: list[FirewallRule] = []
        come: list[FirewallRule] = []
        for name in dict.fromkeys((*old.chains, *new.chains)):
            rules, others = (each.chains[name].rules if name in each.chains else () for each in (old, new))
            edits = chain_edits(rules, others)
            if name in old.chains and name in new.chains:
                chains[name] = edits
            gone += edits.removed
            come += edits.added
        moved = (Counter(map(key, gone)) & Counter(map(key, come))).total()
        return cls((old, new), (frozenset(map(id, gone)), frozenset(map(id, come))), moved, chains, named)

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
        firewall, named = self.firewalls[side], self.named[side]
        chain, rule = named.chain(step.chain), step.rule and named.rule(step.rule)
        text = rule.text if rule else f"the default of {chain}: {_default(firewall, step.chain)}"
        return Decider(chain, rule, deciding_span(firewall, step), text, self.is_edited(side, step))


def _default(firewall: Firewall, chain: str) -> str:
    return next((base.default.value for base in firewall.bases if base.chain == chain), "")


def edits_between(edited: Edited, changes: Sequence[ReviewedChange], lines: int = 0, doubtful: bool = False) -> Edits:
    """The edits in numbers; `lines` is what the caller counted in the text.

    Nobody knows whether a rule changes anything that can meet packets of which nobody knows what happens to them; with
    `doubtful`, nobody knows it of any rule that does not surely do.
    """
    gone, come = edited.rules
    effective = {
        id(each.rule)
        for change in changes
        if change.kind is not Kind.UNKNOWN
        for side in change.deciders
        for each in side
        if each.edited and each.rule is not None
    }
    number = len(gone) + len(come) - edited.moved
    others = (gone | come) - effective
    unknown = others if doubtful else others & _meeting(edited, [each for each in changes if each.kind is Kind.UNKNOWN])
    return Edits(
        lines=lines,
        added=len(come) - edited.moved,
        removed=len(gone) - edited.moved,
        moved=edited.moved,
        effective=len(effective),
        # A rule that moved is one, and stands in both versions.
        unknown=min(len(unknown), max(0, number - len(effective))),
    )


def _meeting(edited: Edited, unknown: Sequence[ReviewedChange]) -> frozenset[int]:
    """The rules of both versions that packets of some changes can meet, by identity."""
    found: set[int] = set()
    for change in unknown:
        for firewall in edited.firewalls:
            met = firewall
            if not change.cut:
                # Where that is too much to tell, it may be all of them.
                with suppress(BudgetError):
                    met = narrowed(firewall, [box.raw for box in change.regions], change.family)
            found.update(map(id, met.rules()))
    return frozenset(found)


def lines_changed(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """How many lines of two texts have no equal at the same place in the other; a changed line counts once."""
    pairs = aligned(old, new)
    return max(len(old), len(new)) - len(pairs)
