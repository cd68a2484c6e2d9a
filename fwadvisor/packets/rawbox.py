"""One box of a packet set as the diagram gives it: a set of values for each field, all of which must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AddressTest,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Hook

_ADDRESSES = (Field.SOURCE, Field.DESTINATION)


@dataclass(frozen=True, slots=True)
class RawBox:
    """The packets of one hook and family whose fields have the values given; a field that is not named is free.

    `integers` holds addresses too. A name must be in each of the `names` of its field (most often one), such as
    those with the prefix ``eth`` and then all but ``eth0``. A condition holds, or does not, as `conditions` says.
    """

    hook: Hook
    family: Family
    integers: Mapping[Field, Intervals] = field(default_factory=dict)
    names: Mapping[Field, tuple[Names, ...]] = field(default_factory=dict)
    conditions: Mapping[Condition, bool] = field(default_factory=dict)

    def tests(self) -> tuple[Test, ...]:
        """Tests that hold for exactly the packets of the box, among those of its hook."""
        found: list[Test] = [FamilyTest(self.family)]
        for each, values in self.integers.items():
            if each in _ADDRESSES:
                v4 = self.family is Family.IPV4
                found.append(AddressTest(each, values if v4 else (), () if v4 else values))
            else:
                found.append(IntegerTest(each, values))
        found += [NameTest(each, names) for each, several in self.names.items() for names in several]
        found += [ConditionTest(condition, holds) for condition, holds in self.conditions.items()]
        return tuple(found)
