"""What a diagram may cost, and the signal that it would cost more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for the diagrams of one hook and family, for all firewalls of a space together.

    `nodes` counts each node once, and once more for every eight edges that it has. `seconds` and `rules` (of one
    firewall, as far as packets of the hook can reach them) are unlimited where None.
    """

    nodes: int = 2_000_000
    seconds: float | None = None
    rules: int | None = None


#: What a diagram may cost that is made of finished ones.
UNLIMITED = Budget(nodes=1 << 60)


class OverrunError(Exception):
    """The budget is spent; the package turns it into a `BudgetError` that says where.

    Attributes:
        what: "nodes" or "seconds".
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
