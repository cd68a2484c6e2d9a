"""In which order the large fields divide a list best: the one of which a rule covers the least share comes first.

A field that most rules leave open, or cover widely, repeats nearly the whole list below each of its values. One that
rules cover narrowly, such as the ports of a pool of services, divides a list into short ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import AddressTest, Field, FirewallRule, IntegerTest
from fwadvisor.model.interval import contains, size
from fwadvisor.packets.axes import Axis, RangeAxis
from fwadvisor.packets.survey import Survey

_ADDRESSES = (Field.DESTINATION, Field.SOURCE)
_PORTS = (Field.DESTINATION_PORT, Field.SOURCE_PORT)
#: In the order that counts where shares are equal.
LARGE = _ADDRESSES + _PORTS


def by_share(surveys: Mapping[int, Survey], axes: Mapping[Field, Axis]) -> tuple[Field, ...]:
    """The large fields, first the one of whose atoms a rule covers the smallest share on average."""
    total = dict.fromkeys(LARGE, 0.0)
    for survey in surveys.values():
        for rules in survey.rules.values():
            for rule in rules:
                covered = _covered(rule, survey, axes)
                if covered:
                    for field in LARGE:
                        total[field] += covered.get(field, 1.0)
    return tuple(sorted(LARGE, key=lambda field: total[field]))


def orders(first: tuple[Field, ...]) -> tuple[tuple[Field, ...], ...]:
    """The order to take, then those to try where it needs too many nodes: addresses before ports, then swapped."""
    one, other = (field for field in first if field in _ADDRESSES)
    ports = tuple(field for field in first if field in _PORTS)
    return tuple(dict.fromkeys((first, (one, other, *ports), (other, one, *ports))))


def _covered(rule: FirewallRule, survey: Survey, axes: Mapping[Field, Axis]) -> dict[Field, float]:
    """The share of the atoms of each large field that a rule covers, where it names some or excludes them."""
    found: dict[Field, float] = {}
    portless = False
    for test in rule.tests:
        if isinstance(test, AddressTest):
            found[test.field] = _share(axes[test.field], test.of(survey.family))
        elif isinstance(test, IntegerTest) and test.field in _PORTS:
            found[test.field] = _share(axes[test.field], test.values)
        elif isinstance(test, IntegerTest) and test.field is Field.PROTOCOL:
            portless = not any(contains(test.values, protocol) for protocol in WITH_PORTS)
    if found and portless:
        found |= dict.fromkeys(_PORTS, 0.0)
    return found


def _share(axis: Axis, values: tuple[tuple[int, int], ...]) -> float:
    return size(axis.atoms(values)) / axis.size if isinstance(axis, RangeAxis) else 1.0
