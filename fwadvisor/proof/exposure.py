"""What a dialect must leave open, or closed, that the policy does not: its exposure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import PacketSet, RawBox, Space
from fwadvisor.proof.comparison import TESTS, Difference, compare_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Where a dialect differs from the policy by its nature, on one hook and family."""

    hook: Hook
    family: Family
    #: New connections that it accepts and the policy does not.
    wider: tuple[RawBox, ...]
    #: New connections that the policy accepts and it does not.
    narrower: tuple[RawBox, ...]
    #: Helpers whose negotiated connections the policy accepts when they come, and the dialect does not follow.
    not_followed: tuple[str, ...]


def exposure(space: Space, ruleset: Firewall, policy: Firewall) -> tuple[Exposure, ...]:
    """Where the ruleset of a dialect accepts other packets than the policy; both belong to the space.

    Raises:
        BudgetError: the comparison would grow too large.
    """
    differences = compare_in(space, ruleset, policy).differences
    parts = dict.fromkeys((each.hook, each.family) for each in differences)
    found = [_exposure(space, *part, [d for d in differences if (d.hook, d.family) == part]) for part in parts]
    return tuple(each for each in found if each is not None)


def _exposure(space: Space, hook: Hook, family: Family, differences: Sequence[Difference]) -> Exposure | None:
    new = space.packets(hook, family, TESTS)
    more = _union(each.packets for each in differences if _accepts(each.outcomes[0]) and not _accepts(each.outcomes[1]))
    less = _union(each.packets for each in differences if _accepts(each.outcomes[1]) and not _accepts(each.outcomes[0]))
    wider, narrower = _boxes(more, new), _boxes(less, new)
    followed = _helpers(less - new) if less is not None else ()
    if not wider and not narrower and not followed:
        return None
    return Exposure(hook=hook, family=family, wider=wider, narrower=narrower, not_followed=followed)


def _union(sets: Iterable[PacketSet]) -> PacketSet | None:
    found: PacketSet | None = None
    for each in sets:
        found = each if found is None else found | each
    return found


def _boxes(packets: PacketSet | None, within: PacketSet) -> tuple[RawBox, ...]:
    """What of the packets lies within a set."""
    return () if packets is None else tuple((packets & within).boxes())


def _helpers(packets: PacketSet) -> tuple[str, ...]:
    """The helpers that packets of negotiated connections name."""
    sets = (each for box in packets.boxes() for each in box.names.get(Field.HELPER, ()) if not each.inverted)
    return tuple(sorted({name for names in sets for name in names.names if name}))


def _accepts(outcome: str) -> bool:
    return outcome.startswith(Verdict.ACCEPT)
