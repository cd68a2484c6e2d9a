"""The plan of a chain for writers that can nest lookups: single rules, and diagrams for many of one shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from fwadvisor.dialects.batches import Batch, batches
from fwadvisor.dialects.diagram import Diagram, Dimension, diagram
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Match, Origin, Rule

#: The longest comment of a rule in nftables; iptables takes more.
COMMENT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Decision:
    """A batch that became a diagram, for one family (None: both)."""

    batch: Batch
    #: The rules of the batch that a packet of the family can match.
    rules: tuple[Rule, ...]
    family: Family | None
    diagram: Diagram


#: What a chain does next.
Step: TypeAlias = Rule | Decision


def lead(step: Step) -> Match:
    """What leads to a step: a rule's own match, or what the rules of a batch have in common."""
    if isinstance(step, Rule):
        return step.match
    common, fixed, family = step.batch.common(step.family), step.diagram.fixed, step.family
    first = step.rules[0].match
    if Dimension.SERVICE in fixed:
        common = replace(common, protocols=first.protocols, destination_ports=first.destination_ports)
    if family is None:
        return common
    return replace(
        common,
        source=_of_family(fixed.get(Dimension.SOURCE), family, first.source),
        destination=_of_family(fixed.get(Dimension.DESTINATION), family, first.destination),
    )


def _of_family(ranges: Intervals | None, family: Family, like: AddressSet | None) -> AddressSet | None:
    """The ranges as a set of one family that bears the name of another."""
    if not ranges:
        return None
    name = like.name if like else ""
    return AddressSet(v4=ranges, name=name) if family is Family.IPV4 else AddressSet(v6=ranges, name=name)


def plan(rules: Iterable[Rule]) -> Iterator[Step]:
    """The rules one by one, and diagrams for batches of many."""
    for each in batches(rules):
        if isinstance(each, Rule):
            yield each
            continue
        decisions = [_decision(each, family) for family in each.families()]
        if None in decisions:
            yield from each.rules
        else:
            yield from (decision for decision in decisions if decision is not None)


def _decision(batch: Batch, family: Family | None) -> Decision | None:
    rules = batch.of(family)
    found = diagram(batch.dimensions, batch.rows(rules, family))
    return Decision(batch, rules, family, found) if found else None


def comment_of(step: Step) -> str:
    """Why a step is there, in a few words still to be made safe."""
    if isinstance(step, Rule):
        return reason(step.origin)
    return f"{len(step.rules)} rules from {reason(step.rules[0].origin)}"


def reason(origin: Origin) -> str:
    """Why a rule exists, with the line of the profile where it comes from one."""
    if origin.place is None:
        return origin.text
    where = f"{origin.profile}:{origin.place.line}" if origin.profile else str(origin.place)
    return f"{origin.text[:COMMENT_BYTES]} ({where})"
