"""What makes a rule match or pass only sometimes: limits of states, rates, chance, rules for one packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.pf.expanding import expanded, expands
from fwadvisor.dialects.reading.pf.syntax import Rule, StateOptions
from fwadvisor.dialects.reading.pf.variants import OLDER, Variants
from fwadvisor.model.firewall import Condition, ConditionTest, Decide, Field, FirewallRule, IntegerTest, Test
from fwadvisor.model.rule import TCP, Verdict

_TCP = IntegerTest(Field.PROTOCOL, ((TCP, TCP),))
#: So many rules are made of all lines together.
_MOST_OF_ALL = 20_000


class Limits:
    """Names the conditions of such rules, each rule having its own."""

    def __init__(
        self, variants: Variants, opaque: Callable[[Span, str], None], warn: Callable[[Span, str], None]
    ) -> None:
        self._variants = variants
        self._opaque = opaque
        self._warn = warn
        #: How often a name was given, and the numbers that rules have.
        self._given: dict[str, int] = {}
        self._numbers: dict[tuple[int, str, str], int] = {}
        #: The rules of a line by itself, which is kept so that its number stays its own.
        self._expanded: dict[int, tuple[Rule, ...]] = {}
        self._more = _MOST_OF_ALL

    def rules(self, rule: Rule) -> tuple[Rule, ...]:
        """The rules that lists make of a line where each has limits of its own, else the line as one rule."""
        if not _counts(rule) or not expands(rule):
            return (rule,)
        found = self._expanded.get(id(rule))
        if found is None:
            found = expanded(rule)
            if self._more < len(found):
                found = (rule,)
            self._more -= len(found)
            self._expanded[id(rule)] = found
        return found

    def tests(self, rule: Rule, direction: str) -> list[Test]:
        """Tests without which the rule does not match."""
        asked = rule.options
        found: list[Test] = []
        if asked.probability is not None:
            # Each walk asks anew, so both directions have their own.
            found.append(self._condition(rule, conditions.probability(asked.probability), direction))
        if asked.packet_rate:
            found.append(self._condition(rule, f"{asked.packet_rate}: {rule.words}", ""))
        if asked.once:
            found.append(self._condition(rule, f"no packet has matched yet: {rule.words}", ""))
        if self._variants.certain(OLDER):
            found += [replace(each, holds=False) for each, _ in self._limited(rule)]
        return found

    def over(self, rule: Rule, made: FirewallRule) -> list[FirewallRule]:
        """What becomes of packets that a limit of states keeps out: they are dropped, as the rule's last word.

        FreeBSD 12 goes on as if the rule did not match (`tests`).
        """
        if rule.verdict is not Verdict.ACCEPT or rule.options.state_options is None:
            return []
        if self._variants.certain(OLDER):
            return []
        limited = self._limited(rule)
        if limited and self._variants.certain(OLDER) is None:
            text = "a reached limit of states drops the packet; on FreeBSD 12 the rule then does not match"
            self._warn(rule.span, text)
        drop = Decide(Verdict.DROP, stands=not rule.quick)
        return [
            replace(
                made, tests=(*made.tests, *((_TCP,) if tcp and rule.protocols != (TCP,) else ()), limit), action=drop
            )
            for limit, tcp in limited
        ]

    def _limited(self, rule: Rule) -> list[tuple[ConditionTest, bool]]:
        """Conditions that hold while a limit is reached, and whether only TCP counts for them."""
        options = rule.options.state_options
        if options is None or rule.options.state == "no":
            return []
        found = []
        if options.maximum:
            found.append((self._condition(rule, f"max {options.maximum} states reached: {rule.words}", ""), False))
        found += [(self._condition(rule, f"{each} reached: {rule.words}", ""), False) for each in options.per_source]
        found += self._limited_tcp(rule, options)
        return found

    def _limited_tcp(self, rule: Rule, options: StateOptions) -> list[tuple[ConditionTest, bool]]:
        """Limits that count finished TCP handshakes only: on rules of other protocols they never hold."""
        if rule.protocols and TCP not in rule.protocols:
            return []
        return [(self._condition(rule, f"{each} reached: {rule.words}", ""), True) for each in options.per_source_tcp]

    def _condition(self, rule: Rule, name: str, walk: str) -> ConditionTest:
        """The condition of a rule; where a list makes several rules of it, one condition cannot stand for them."""
        key = (id(rule), name, walk)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._given[name] = self._given.get(name, 0) + 1
        several = expands(rule)
        if several:
            self._opaque(rule.span, "the lists make several rules of this line, each of which counts for itself")
        return ConditionTest(Condition(conditions.occurrence(name, number), understood=not several))


def _counts(rule: Rule) -> bool:
    """Whether each rule that is made of the line has something of its own that counts."""
    asked, limits = rule.options, rule.options.state_options
    if asked.probability is not None or asked.packet_rate or asked.once:
        return True
    if limits is None or asked.state == "no":
        return False
    tcp = limits.per_source_tcp and (not rule.protocols or TCP in rule.protocols)
    return bool(limits.maximum or limits.per_source or tcp)
