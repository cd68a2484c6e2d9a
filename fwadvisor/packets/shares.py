"""In which order the large fields divide a list best.

A field divides a list of rules into a short list for each of its atoms. What that costs grows with the number of
atoms, and faster with the length of the short lists, whose rules cross in the other fields. So a field that many rules
leave open, or cover widely, comes late, and of two that divide alike the one with fewer atoms comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import AddressTest, Field, FirewallRule, IntegerTest
from fwadvisor.model.interval import contains, size
from fwadvisor.packets.axes import Axis
from fwadvisor.packets.survey import Survey

_ADDRESSES = (Field.DESTINATION, Field.SOURCE)
_PORTS = (Field.DESTINATION_PORT, Field.SOURCE_PORT)
#: In the order that counts where nothing tells them apart.
LARGE = _ADDRESSES + _PORTS
_Named = dict[Field, AddressTest | IntegerTest]


def by_cost(surveys: Iterable[Survey], axes: Mapping[Field, Axis]) -> tuple[Field, ...]:
    """The large fields, first the one that divides the lists at the least cost; last those that no rule asks for."""
    cost = dict.fromkeys(LARGE, 0.0)
    asked: set[Field] = set()
    for survey in surveys:
        for field, covered in _covered(survey, axes).items():
            atoms = axes[field].size
            cost[field] += atoms * max(1.0, covered / atoms) ** 2
        asked.update(*survey.inside.values())
    return tuple(sorted(LARGE, key=lambda field: (field not in asked, cost[field])))


def orders(first: tuple[Field, ...]) -> tuple[tuple[Field, ...], ...]:
    """The order to take, then those to try where it needs too many nodes: addresses before ports, then swapped."""
    one, other = (field for field in first if field in _ADDRESSES)
    ports = tuple(field for field in first if field in _PORTS)
    return tuple(dict.fromkeys((first, (one, other, *ports), (other, one, *ports))))


def _covered(survey: Survey, axes: Mapping[Field, Axis]) -> dict[Field, int]:
    """How many atoms of each large field the rules cover in all."""
    total = dict.fromkeys(LARGE, 0)
    for rules in survey.rules.values():
        for named, fields in _told(rules):
            for field in fields:
                test = named.get(field)
                if test is not None:
                    values = test.of(survey.family) if isinstance(test, AddressTest) else test.values
                    total[field] += size(axes[field].atoms(values))  # type: ignore[union-attr,arg-type]
                elif field in _ADDRESSES or _may_have_ports(named):
                    total[field] += axes[field].size
    return total


def _told(rules: Sequence[FirewallRule]) -> Iterator[tuple[_Named, tuple[Field, ...]]]:
    """The tests of each rule, and the fields in which it says more than the rule before.

    A rule with many addresses is often written as many rules: they divide the list as one rule does.
    """
    before: _Named = {}
    action: object = None
    for rule in rules:
        named = {test.field: test for test in rule.tests if isinstance(test, AddressTest | IntegerTest)}
        if not named.keys().isdisjoint(LARGE):
            differing = [field for field in named.keys() | before.keys() if named.get(field) != before.get(field)]
            more = rule.action == action and len(differing) == 1 and differing[0] in _ADDRESSES
            yield named, tuple(differing) if more else LARGE
        before, action = named, rule.action


def _may_have_ports(named: _Named) -> bool:
    test = named.get(Field.PROTOCOL)
    return not isinstance(test, IntegerTest) or any(contains(test.values, each) for each in WITH_PORTS)
