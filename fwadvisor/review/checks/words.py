"""Words that the checks of rules share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fwadvisor.diagnostic import Label
from fwadvisor.model.firewall import Decide, FirewallRule, Jump, Return
from fwadvisor.model.rule import Verdict
from fwadvisor.review.checks.fates import place_of

_DOES = {Verdict.ACCEPT: "accepts", Verdict.DROP: "drops", Verdict.REJECT: "rejects"}
_DONE = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped", Verdict.REJECT: "rejected"}


def does(rule: FirewallRule) -> str:
    """What a rule does with its packets, third person: ``drops``."""
    match rule.action:
        case Decide(verdict):
            return _DOES[verdict]
        case Jump(chain, goto=True):
            return f"sends to {chain}"
        case Return():
            return "returns"
        case _:
            return "takes"


def done(verdict: Verdict) -> str:
    """``accepted``, ``dropped``, ``rejected``."""
    return _DONE[verdict]


def verdict_of(rule: FirewallRule) -> Verdict | None:
    """The verdict that a rule gives itself, None for one that jumps, returns or goes on."""
    return rule.action.verdict if isinstance(rule.action, Decide) else None


def distinct(rules: Iterable[FirewallRule]) -> list[FirewallRule]:
    """The rules, one of each place, in the order in which they come."""
    return list({place_of(rule.span): rule for rule in reversed(list(rules))}.values())[::-1]


def labels(rules: Sequence[FirewallRule], text: str) -> list[Label]:
    """A label for each rule; ``{}`` in `text` becomes what it does."""
    return [Label(rule.span, text.format(does(rule))) for rule in rules]


def documented_apart(rule: FirewallRule, others: Sequence[FirewallRule]) -> bool:
    """Whether each has a comment of its own: somebody keeps them for different reasons."""
    return bool(rule.comment) and all(other.comment not in ("", rule.comment) for other in others)
