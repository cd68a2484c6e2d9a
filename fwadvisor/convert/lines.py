"""The rules that a packet of one hook and family may meet, in order, with the tests of the jumps that lead to them.

Where the chains are plain (first match, jumps, returns on one test), a list of first matches that decides alike.
Else the list is a guess, and `Lines.exact` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fwadvisor.convert.matching import negated
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    EFFECTS,
    AnyOf,
    BaseChain,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    Jump,
    Return,
    Test,
    Unknown,
)
from fwadvisor.model.rule import Hook, Log, Verdict

_RATE = re.compile(r"limit (\d+)/(second|minute|hour|day)\b")
_A_MINUTE = {"second": 60.0, "minute": 1.0, "hour": 1 / 60, "day": 1 / 1440}
#: More than this come of rules that share chains over and over.
MOST_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Line:
    """A rule that decides, with every test that leads to it; `rule` is None for a default in the middle."""

    tests: tuple[Test, ...]
    verdict: Verdict
    rule: FirewallRule | None
    log: Log | None = None
    #: The rule whose comment says best why: the rule itself, or the nearest one that leads to it.
    why: FirewallRule | None = None


@dataclass
class Lines:
    """The lines of one hook and family, and what happens after them."""

    lines: list[Line]
    default: Verdict
    #: Whether the first line that matches decides as the firewall does, else the default.
    exact: bool = True
    default_log: Log | None = None
    #: Rules that only log and that no line could take over.
    logs: list[FirewallRule] = field(default_factory=list)


def lines_of(firewall: Firewall, hook: Hook, family: Family) -> Lines:
    """What packets of a hook and family may meet."""
    bases = [base for base in firewall.asked(hook, family) if _decides(firewall, base)]
    found = Lines([], bases[-1].default if bases else Verdict.ACCEPT)
    for base in bases:
        walk = _Walk(firewall, base, family)
        walk.chain(firewall.chains[base.chain], (), 0)
        found.lines += walk.lines
        found.logs += walk.logs
        found.exact = found.exact and walk.exact
        if base is not bases[-1]:
            # What an earlier chain accepts the later ones still decide.
            accepts = any(line.verdict is Verdict.ACCEPT for line in walk.lines)
            found.exact = found.exact and not accepts and base.default is Verdict.ACCEPT
        found.default_log = walk.default_log
    asked = {chain for base in bases for chain in _reached(firewall, base.chain)}
    rules = [rule for name in asked for rule in firewall.chains[name].rules]
    written = {write.field for rule in rules for write in rule.writes} - EFFECTS
    found.exact = found.exact and not (written & {name for rule in rules for name in _tested(rule.tests)})
    return found


def _decides(firewall: Firewall, base: BaseChain) -> bool:
    """Whether a base chain can keep a packet from passing."""
    if base.default is not Verdict.ACCEPT:
        return True
    rules = (rule for name in _reached(firewall, base.chain) for rule in firewall.chains[name].rules)
    return any(
        isinstance(rule.action, Unknown)
        or (isinstance(rule.action, Decide) and rule.action.verdict is not Verdict.ACCEPT)
        for rule in rules
    )


def _reached(firewall: Firewall, name: str) -> list[str]:
    """A chain and all that its rules lead to."""
    found = {name: None}
    waiting = [name]
    while waiting:
        for rule in firewall.chains[waiting.pop()].rules:
            if isinstance(rule.action, Jump) and rule.action.chain not in found:
                found[rule.action.chain] = None
                waiting.append(rule.action.chain)
    return list(found)


def _tested(tests: Sequence[Test]) -> Iterator[Field]:
    for test in tests:
        if isinstance(test, AnyOf):
            for each in test.alternatives:
                yield from _tested(each)
        elif not isinstance(test, FamilyTest | ConditionTest):
            yield test.field


class _Walk:
    """Walks the chains of one base chain in the order in which they are asked."""

    def __init__(self, firewall: Firewall, base: BaseChain, family: Family) -> None:
        self._firewall, self._base, self._family = firewall, base, family
        self._standing: list[Line] = []
        self._deciding: list[Line] = []
        #: A rule that logs: the tests of the packets, the prefix.
        self._pending: tuple[FirewallRule, tuple[Test, ...], Log] | None = None
        #: The rules that led to the chain that is walked.
        self._led: list[FirewallRule] = []
        self.logs: list[FirewallRule] = []
        self.exact = True

    @property
    def lines(self) -> list[Line]:
        """Verdicts that end the walk come first, of those that stand the last one counts."""
        return [*self._deciding, *reversed(self._standing)]

    @property
    def default_log(self) -> Log | None:
        """What the base chain logs at its end."""
        return self._pending[2] if self._pending and not self._pending[1] else None

    def chain(self, chain: FirewallChain, path: tuple[Test, ...], depth: int) -> None:
        """The rules of a chain, for packets of the tests of `path`."""
        for rule in chain.rules:
            tests = _of_family(rule.tests, self._family)
            if tests is None:
                continue
            rest = self._rule(rule, path, tests, depth)
            if rest is None:
                return
            path = rest
            if len(self._deciding) + len(self._standing) > MOST_LINES:
                self.exact = False
                return

    def _rule(
        self, rule: FirewallRule, path: tuple[Test, ...], tests: tuple[Test, ...], depth: int
    ) -> tuple[Test, ...] | None:
        """What one rule adds; the tests of packets that go on behind it, None where none does."""
        whole = (*path, *tests)
        match rule.action:
            case Decide(verdict, stands):
                self._decide(rule, whole, verdict, stands)
                return path if tests or stands else None
            case Jump(name, goto, decisive):
                self.exact = self.exact and not decisive
                self._led.append(rule)
                self.chain(self._firewall.chains[name], whole, depth + 1)
                self._led.pop()
                if goto:
                    return self._leaves(rule, path, tests, depth, total=self._total(name))
            case Return():
                return self._leaves(rule, path, tests, depth, total=False)
            case Continue():
                self._note_log(rule, whole)
            case _:
                self.exact = False
        return path

    def _decide(self, rule: FirewallRule, tests: tuple[Test, ...], verdict: Verdict, stands: bool) -> None:
        log = next((_log(rule) for write in rule.writes if write.field is Field.LOG), None)
        if self._pending and self._pending[1] == tests:
            log, self._pending = self._pending[2], None
        why = next((each for each in (rule, *reversed(self._led)) if each.comment), rule)
        (self._standing if stands else self._deciding).append(Line(tests, verdict, rule, log, why))

    def _leaves(
        self, rule: FirewallRule, path: tuple[Test, ...], tests: tuple[Test, ...], depth: int, *, total: bool
    ) -> tuple[Test, ...] | None:
        """Packets of a rule leave the chain; the others go on."""
        if total:
            return path if tests else None
        if depth == 0:
            self._deciding.append(Line((*path, *tests), self._base.default, rule))
            return path if tests else None
        if not tests:
            return None
        opposite = negated(tests[0]) if len(tests) == 1 else None
        if opposite is None:
            self.exact = False
            return path
        return (*path, opposite)

    def _total(self, name: str) -> bool:
        """Whether a chain lets no packet come back."""
        rules = self._firewall.chains[name].rules
        last = rules[-1] if rules else None
        if last is None or last.tests or any(isinstance(rule.action, Return) for rule in rules):
            return False
        if isinstance(last.action, Jump):
            return self._total(last.action.chain)
        return isinstance(last.action, Decide) and not last.action.stands

    def _note_log(self, rule: FirewallRule, tests: tuple[Test, ...]) -> None:
        if not any(write.field is Field.LOG for write in rule.writes):
            return
        if self._pending:
            self.logs.append(self._pending[0])
        plain = tuple(test for test in tests if not _is_rate(test))
        self._pending = (rule, plain, _log(rule))


def _of_family(tests: tuple[Test, ...], family: Family) -> tuple[Test, ...] | None:
    """The tests without those of the family, None where they are for the other one."""
    if any(isinstance(test, FamilyTest) and test.family is not family for test in tests):
        return None
    return tuple(test for test in tests if not isinstance(test, FamilyTest))


def _is_rate(test: Test) -> bool:
    return isinstance(test, ConditionTest) and test.holds and _RATE.match(test.condition.name) is not None


def _log(rule: FirewallRule) -> Log:
    prefix = next(str(write.value) for write in rule.writes if write.field is Field.LOG)
    for test in rule.tests:
        if isinstance(test, ConditionTest) and (found := _RATE.match(test.condition.name)):
            return Log(prefix or "packet", max(1, round(int(found[1]) * _A_MINUTE[found[2]])), bool(prefix))
    return Log(prefix or "packet", None, bool(prefix))
