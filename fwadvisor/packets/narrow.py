"""The rules that can matter to some packets: a firewall without all others decides those packets alike.

A rule whose box meets no box of a region matches no packet of it, wherever it stands, so it can go. Tests of fields
that rules write are left out of the boxes, since they see what was written; so more rules stay, never fewer.

Two looks find them. The first asks of each plain test whether it shares a value with any box of the region; most rules
of a long list fail there. The second asks the bit index of the region's boxes (`overlap_bits`), and those that it
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressTest, FamilyTest, Field, Firewall, FirewallRule, IntegerTest, Test
from fwadvisor.model.interval import Intervals, normalize, overlaps
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_axes import Axes, Box
from fwadvisor.packets.overlap_bits import Bits, bits
from fwadvisor.packets.overlap_edits import without
from fwadvisor.packets.overlap_meter import Limits, Meter
from fwadvisor.packets.rawbox import RawBox


def narrowed(firewall: Firewall, region: Sequence[RawBox], family: Family) -> Firewall:
    """The firewall with only those rules that can match a packet of the region; all boxes are of one family.

    Raises:
        BudgetError: alternatives of the rules multiply beyond the limit.
    """
    written = frozenset(write.field for rule in firewall.rules() for write in rule.writes)
    near = _near(region, family, written)
    rules = {name: [rule for rule in chain.rules if near(rule)] for name, chain in firewall.chains.items()}
    meets = _meets([rule for kept in rules.values() for rule in kept], region, family, written)
    chains = {
        name: replace(chain, rules=tuple(rule for rule in rules[name] if meets(rule)))
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def boxes_of(
    rules: Sequence[FirewallRule], written: frozenset[Field], hook: Hook, family: Family
) -> tuple[RawBox, ...]:
    """Boxes with every packet that one of some rules can match, where rules write the fields in `written`.

    Raises:
        BudgetError: alternatives of the rules multiply beyond the limit.
    """
    axes = Axes(family, (test for rule in rules for test in rule.tests))
    meter = Meter(Limits(), rules, "some rules")
    boxes = dict.fromkeys(box for rule in rules for box in axes.boxes(tuple(without(rule.tests, written)), meter))
    return tuple(raw for box in boxes for raw in axes.raw(box, hook))


def _near(region: Sequence[RawBox], family: Family, written: frozenset[Field]) -> Callable[[FirewallRule], bool]:
    """Whether no plain test of a rule alone keeps all packets of the region away."""
    limits: dict[Field, Intervals] = {}
    for field in frozenset.intersection(*(frozenset(box.integers) for box in region)) if region else ():
        if field not in written:
            limits[field] = normalize(values for box in region for values in box.integers[field])
    known: dict[tuple[Field, Intervals], bool] = {}

    def shares(field: Field, values: Intervals) -> bool:
        found = known.get((field, values))
        if found is None:
            found = known[field, values] = overlaps(limits[field], values)
        return found

    def near(rule: FirewallRule) -> bool:
        for test in rule.tests:
            match test:
                case IntegerTest(field, values):
                    if field in limits and not shares(field, values):
                        return False
                case AddressTest(field):
                    if field in limits and not shares(field, test.of(family)):
                        return False
                case FamilyTest(each):
                    if each is not family:
                        return False
        return True

    return near


def _meets(
    rules: Sequence[FirewallRule], region: Sequence[RawBox], family: Family, written: frozenset[Field]
) -> Callable[[FirewallRule], bool]:
    """Whether the box of a rule meets one of the region's."""
    plain: list[Sequence[Test]] = [tuple(without(box.tests(), written)) for box in region]
    axes = Axes(family, (test for tests in (*(rule.tests for rule in rules), *plain) for test in tests))
    meter = Meter(Limits(), rules, "the rules of a region")
    asked = [box for tests in plain for box in axes.boxes(tests, meter)]
    index = Bits(asked, axes.whole)

    def candidates(box: Box) -> Iterator[Box]:
        return (asked[number] for number in bits(index.overlapping(box, index.all)))

    def meets(rule: FirewallRule) -> bool:
        boxes = axes.boxes(tuple(without(rule.tests, written)), meter)
        return any(axes.meet(box, each) is not None for box in boxes for each in candidates(box))

    return meets
