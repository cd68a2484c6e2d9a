"""The way of a packet through chains, as it is told: each rule that matched, indented by the jumps that led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import Firewall


@dataclass(frozen=True, slots=True)
class Leg:
    """A rule that matched, or the default of a base chain, and how many jumps deep it stands."""

    step: Step
    depth: int
    #: Whether the walk was in another chain before: it entered this one, or came back to it.
    entered: bool


def journey(firewall: Firewall, trail: Sequence[Step]) -> tuple[Leg, ...]:
    """The trail of an outcome with its jumps."""
    bases = {base.chain for base in firewall.bases}
    stack: list[str] = []
    legs = []
    for step in trail:
        entered = not stack or stack[-1] != step.chain
        if step.chain in stack:
            del stack[stack.index(step.chain) + 1 :]
        elif step.chain in bases:
            stack = [step.chain]
        else:
            stack.append(step.chain)
        legs.append(Leg(step, len(stack) - 1, entered))
    return tuple(legs)
