"""The rules that can matter to some packets: a firewall without all others decides those packets alike.

A rule whose box meets no box of a region matches no packet of it, wherever it stands, so it can go. Tests of fields
that rules write are left out of the boxes, since they see what was written; so more rules stay, never fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Firewall
from fwadvisor.packets.overlap_axes import Axes, Box
from fwadvisor.packets.overlap_edits import without
from fwadvisor.packets.overlap_meter import Limits, Meter
from fwadvisor.packets.rawbox import RawBox


def narrowed(firewall: Firewall, region: Sequence[RawBox], family: Family) -> Firewall:
    """The firewall with only those rules that can match a packet of the region; all boxes are of one family.

    Raises:
        BudgetError: alternatives of the rules multiply beyond the limit.
    """
    rules = list(firewall.rules())
    written = frozenset(write.field for rule in rules for write in rule.writes)
    plain = [tuple(without(box.tests(), written)) for box in region]
    axes = Axes(family, (test for tests in (*(rule.tests for rule in rules), *plain) for test in tests))
    meter = Meter(Limits(), rules, "the rules of a region")
    asked = [box for tests in plain for box in axes.boxes(tests, meter)]

    def meets(boxes: Iterable[Box]) -> bool:
        return any(axes.meet(a, b) is not None for a in boxes for b in asked)

    chains = {
        name: replace(
            chain,
            rules=tuple(rule for rule in chain.rules if meets(axes.boxes(tuple(without(rule.tests, written)), meter))),
        )
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)
