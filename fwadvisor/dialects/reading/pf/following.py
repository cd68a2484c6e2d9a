"""Rules about packets that follow the first of a connection: flags that open none, and connections without a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.dialects.reading.pf.syntax import Anchor, Rule, Rules
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, Verdict

_SYN, _ACK = 2, 16
#: ``flags S/SA``, which a rule has that keeps state and names no flags (pf.conf(5)).
DEFAULT_FLAGS = (_SYN, _SYN | _ACK)


def asks_about_others(scopes: Iterable[Rules]) -> bool:
    """Whether a rule decides TCP packets that open no connection, otherwise than by not matching them."""
    return any(_asks(rule) for scope in scopes for rule in _rules(scope))


def without_state(scopes: Iterable[Rules]) -> Iterator[Rule]:
    """The rules that pass packets without a state, so that no answer passes because of them; ICMP's are messages."""
    for scope in scopes:
        for rule in _rules(scope):
            messages = rule.protocols and {ICMP, ICMPV6}.issuperset(rule.protocols)
            if rule.verdict is Verdict.ACCEPT and rule.options.state == "no" and not messages:
                yield rule


def _asks(rule: Rule) -> bool:
    if rule.protocols and TCP not in rule.protocols:
        return False
    flags = rule.options.flags
    if rule.verdict is Verdict.ACCEPT and flags is None:
        return rule.options.state == "no"
    if rule.verdict is Verdict.ACCEPT:
        return flags != DEFAULT_FLAGS
    return flags not in (None, (0, 0))


def _rules(scope: Rules) -> Iterator[Rule]:
    for each in scope.statements:
        if isinstance(each, Rule):
            yield each
        elif isinstance(each, Anchor) and each.body is not None:
            yield from _rules(each.body)
