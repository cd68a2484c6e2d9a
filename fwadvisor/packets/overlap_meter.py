"""What a computation may cost, and the error that ends it where it would cost more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from fwadvisor.diagnostic import error
from fwadvisor.errors import BudgetError
from fwadvisor.model.firewall import FirewallRule


@dataclass(frozen=True, slots=True)
class Limits:
    """`boxes` bounds the boxes that are looked at for the answer about one rule, `seconds` the time for all."""

    boxes: int = 5_000_000
    seconds: float | None = None


class Meter:
    """Counts boxes and time against `limits`, and knows which rule is being worked on."""

    def __init__(self, limits: Limits, rules: Sequence[FirewallRule], chain: str) -> None:
        self._limits = limits
        self._rules = rules
        self._chain = chain
        self._rule = 0
        self._left = limits.boxes
        self._end = None if limits.seconds is None else monotonic() + limits.seconds

    def start(self, rule: int) -> None:
        """The next boxes are about the rule with this index.

        Raises:
            BudgetError: the time is over.
        """
        self._rule = rule
        self._left = self._limits.boxes
        if self._end is not None and monotonic() > self._end:
            raise self._over(f"the {self._limits.seconds:g} seconds allowed are over")

    def spend(self, boxes: int) -> None:
        """Count boxes that were looked at.

        Raises:
            BudgetError: there were more than allowed, or the time is over.
        """
        self._left -= boxes + 1
        if self._left < 0:
            raise self._over(f"it takes more than {self._limits.boxes} boxes to tell")
        if self._end is not None and monotonic() > self._end:
            raise self._over(f"the {self._limits.seconds:g} seconds allowed are over")

    def _over(self, why: str) -> BudgetError:
        rule = self._rules[self._rule] if self._rule < len(self._rules) else None
        place = f"rule {self._rule + 1} of chain {self._chain}"
        return BudgetError(
            error(
                f"what {place} decides among the other rules is not computed: {why}",
                rule.span if rule else None,
                "Raise the limit, or split rules that overlap many others.",
            )
        )
