"""A space for several firewalls: fields, atoms and domain that all of them share, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import Field, Firewall, Test
from fwadvisor.model.rule import Hook
from fwadvisor.packets.budget import Budget, OverrunError
from fwadvisor.packets.meaning import Meaning
from fwadvisor.packets.nodes import IN
from fwadvisor.packets.overrun import marks_torn, spent, too_many
from fwadvisor.packets.sets import PacketSet
from fwadvisor.packets.table import Table, plan

NO_EFFECTS: frozenset[Field] = frozenset()


class Space:
    """What several firewalls do with every packet, in diagrams that can be compared.

    `like` is the firewall whose rules say best how packets are told apart, where one of them is written for people
    and others are compiled from it: the order of fields follows it. `effects` are the fields of
    `fwadvisor.model.firewall.EFFECTS` that count as part of a result. `tests` are those that `packets` will be asked
    for: values that neither they nor a firewall tells apart are one to the space. What is asked of a hook and family
    is built when it is first asked for, for all firewalls at once.
    """

    def __init__(
        self,
        firewalls: Sequence[Firewall],
        *,
        effects: frozenset[Field] = NO_EFFECTS,
        tests: Sequence[Test] = (),
        budget: Budget = Budget(),  # noqa: B008 - frozen
        like: Firewall | None = None,
    ) -> None:
        self.firewalls = tuple({id(each): each for each in firewalls}.values())
        self.effects = effects
        self.budget = budget
        self._like = like
        self._tests = tuple(tests)
        self._numbers = {id(each): number for number, each in enumerate(self.firewalls)}
        self._tables: dict[tuple[Hook, Family], Table] = {}
        self._meanings: dict[tuple[int, Hook, Family], Meaning] = {}

    @property
    def parts(self) -> tuple[tuple[Hook, Family], ...]:
        """The hooks and families that all firewalls speak of."""
        return tuple(
            (hook, family)
            for hook in Hook
            for family in FAMILIES
            if all(hook in each.hooks and family in each.families for each in self.firewalls)
        )

    def meaning(self, firewall: Firewall, hook: Hook, family: Family) -> Meaning:
        """What one of the firewalls does with the packets of a hook and family.

        Raises:
            BudgetError: the diagrams would grow beyond the budget; it says where.
            ValueError: the firewall is none of the space, or does not speak of the hook and family.
        """
        number = self._numbers.get(id(firewall), -1)
        if number < 0:
            raise ValueError(f"{firewall.name} is none of the firewalls of this space")
        if hook not in firewall.hooks or family not in firewall.families:
            raise ValueError(f"{firewall.name} does not speak of {hook} in IPv{family}")
        key = (number, hook, family)
        if key not in self._meanings:
            self._meanings[key] = Meaning(self.table(hook, family), number, self.firewalls[number])
        return self._meanings[key]

    def packets(self, hook: Hook, family: Family, tests: Sequence[Test]) -> PacketSet:
        """The possible packets for which all tests hold.

        Raises:
            UnknownBoundaryError: a test tells values apart that neither a firewall nor `tests` does.
            BudgetError: the diagrams would grow beyond the budget.
        """
        table = self.table(hook, family)
        return PacketSet(table, table.set_of(tests), table.domain)

    def everything(self, hook: Hook, family: Family) -> PacketSet:
        """All possible packets of a hook and family."""
        table = self.table(hook, family)
        return PacketSet(table, IN, table.domain)

    def table(self, hook: Hook, family: Family) -> Table:
        """The diagrams of a hook and family.

        Raises:
            BudgetError: they would grow beyond the budget.
        """
        found = self._tables.get((hook, family))
        if found is None:
            found = self._tables[hook, family] = self._made(hook, family)
        return found

    def _made(self, hook: Hook, family: Family) -> Table:
        try:
            known = plan(self.firewalls, hook, family, self.effects, self._tests, self._like)
        except OverrunError:
            raise BudgetError(marks_torn(self.firewalls, hook, family)) from None
        for survey in known.surveys.values():
            if self.budget.rules is not None and survey.size > self.budget.rules:
                raise BudgetError(too_many(survey, self.budget.rules))
        refusals = []
        # Where one order of fields needs too many nodes, another may not. Time that is spent does not come back.
        for attempt in known.orders():
            table = Table(attempt, self.budget)
            try:
                return table.built()
            except OverrunError as overrun:
                refusals.append(spent(overrun.what, table, self.budget))
                if overrun.what != "nodes":
                    break
        raise BudgetError(refusals[0])
