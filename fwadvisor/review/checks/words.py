"""Words that the checks of rules share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fwadvisor.diagnostic import Label
from fwadvisor.model.firewall import LARGEST, AnyOf, Decide, Field, FirewallRule, IntegerTest, Jump, Return
from fwadvisor.model.interval import Intervals, union
from fwadvisor.model.rule import Verdict
from fwadvisor.review.checks.fates import place_of

_DOES = {Verdict.ACCEPT: "accepts", Verdict.DROP: "drops", Verdict.REJECT: "rejects"}
_DONE = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped", Verdict.REJECT: "rejected"}


#: How a rule tells the sender, in the words of each dialect.
_TELLING = re.compile(r"--reject-with \S+|\breject with \S+ (?:type )?\S+|^block (?:return\S*(?: *\([^)]*\))?)?")
_READERS = re.compile(r" \([^()]*\)$")


def chain_word(name: str) -> str:
    """The name of a chain as its file has it, without the table, and without what readers add in parentheses."""
    return _READERS.sub("", name).split()[-1]


def tells_alike(rule: FirewallRule, others: Iterable[FirewallRule]) -> bool:
    """Whether rules that reject do it in the same words, a reset being no ICMP error; True for all that do not."""
    if verdict_of(rule) is not Verdict.REJECT:
        return True
    return all(_TELLING.findall(rule.text) == _TELLING.findall(each.text) for each in others)


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


def takes_all(rule: FirewallRule) -> bool:
    """Whether the rule is for all packets of its chain, or in pf for all that open a connection."""
    return all(isinstance(test, AnyOf) and _opens(test) for test in rule.tests)


def _opens(test: AnyOf) -> bool:
    """Whether it leaves out nothing but TCP packets by their flags."""
    asked = [each for tests in test.alternatives for each in tests]
    protocols: Intervals = ()
    for each in asked:
        if not isinstance(each, IntegerTest) or each.field not in (Field.PROTOCOL, Field.TCP_FLAGS):
            return False
        if each.field is Field.PROTOCOL:
            protocols = union(protocols, each.values)
    return test.holds and protocols == ((0, LARGEST[Field.PROTOCOL]),)
