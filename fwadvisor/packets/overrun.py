"""What a budget that is spent says: where, what made the diagram large, and what can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.rule import Hook
from fwadvisor.packets.budget import Budget
from fwadvisor.packets.survey import Survey
from fwadvisor.packets.table import Table

#: So many fields are named, those with the most nodes first.
_MOST_FIELDS = 3


def spent(what: str, table: Table, budget: Budget) -> Diagnostic:
    """The nodes or seconds of a budget are spent on one firewall."""
    firewall, at = table.plan.surveys[table.number].firewall, table.progress
    limit = f"{budget.nodes:,} nodes" if what == "nodes" else f"{budget.seconds:g} seconds"
    subject = f"{firewall.name}: chain {at.chain}"
    message = f"{subject} takes more than {limit} to compute for {_packets(table.hook, table.family)}"
    labels = []
    if at.first is not None and at.last is not None and at.last is not at.first:
        labels.append(Label(at.last.span, "up to this rule"))
    fields = _named(_largest(table))
    hint = (
        f"the rules cross in {fields}: each combination of their ranges is a case of its own; "
        "compare smaller files, or raise the budget"
    )
    return error(message, at.first.span if at.first else None, hint, *labels)


def too_many(survey: Survey, most: int) -> Diagnostic:
    """A firewall has more rules than the budget allows."""
    return error(
        f"{survey.firewall.name} has {survey.size:,} rules for {_packets(survey.hook, survey.family)}, "
        f"more than the {most:,} of the budget",
        hint="compare smaller files, or raise the budget",
    )


def marks_torn(firewalls: Iterable[Firewall], hook: Hook, family: Family) -> Diagnostic:
    """Writes under masks tell too many values of a mark apart."""
    names = ", ".join(each.name for each in firewalls)
    return error(
        f"{names}: what rules write to marks bit by bit has too many outcomes to compute for {_packets(hook, family)}",
        hint="compare smaller files",
    )


def _packets(hook: Hook, family: Family) -> str:
    return f"{hook} packets of IPv{family}"


def _largest(table: Table) -> list[str]:
    """The names of the fields that most edges belong to; conditions count as one."""
    edges: Counter[str] = Counter()
    for level, _, kids in table.nodes.nodes[1:]:
        key = table.layout.keys[level]
        edges[str(key) if isinstance(key, Field) else "conditions"] += len(kids)
    return [name for name, _ in edges.most_common(_MOST_FIELDS)]


def _named(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
