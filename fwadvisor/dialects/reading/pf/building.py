"""The rules that were read, as the chains ``in`` and ``out`` that pf walks for every packet."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from fwadvisor.diagnostic import Diagnostic, Span, error, warning
from fwadvisor.dialects.reading.pf import translating
from fwadvisor.dialects.reading.pf.files import MOST_WARNINGS, Reading
from fwadvisor.dialects.reading.pf.following import asks_about_others, without_state
from fwadvisor.dialects.reading.pf.limits import Limits
from fwadvisor.dialects.reading.pf.meaning import DESTINATION, SOURCE, Meaning
from fwadvisor.dialects.reading.pf.syntax import (
    Anchor,
    End,
    Opaque,
    Pool,
    Rule,
    Rules,
    Translation,
    TranslationAnchor,
)
from fwadvisor.dialects.reading.pf.tables import Tables
from fwadvisor.errors import ReadError
from fwadvisor.model import firewall as model
from fwadvisor.model.firewall import (
    STATES,
    Action,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.rule import State, Verdict

_ACTIONS = {
    (verdict, quick): Decide(verdict, stands=not quick) for verdict in Verdict for quick in (False, True)
}  # fmt: skip
_CONTINUE, _RETURN = Continue(), Return()
_DIRECTIONS = ("in", "out")


class Building:
    """Chains from what was read.

    Attributes:
        chains: by name; "in" and "out" are asked by the machine.
        opaque: what is not understood.
        warnings: what people should know.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.chains: dict[str, FirewallChain] = {}
        self.opaque: list[model.Opaque] = []
        self.warnings: list[Diagnostic] = []
        self._told: set[tuple[Span, str]] = set()
        self._tables = Tables(reading.main, _overloads(reading), _printed(reading))
        scopes = [reading.main, *reading.loaded.values()]
        #: Whether TCP packets are asked about that open no connection.
        self.every_flag = asks_about_others(scopes)
        self._stateless = list(without_state(scopes))
        self._meaning = Meaning(self._tables, reading.variants, self._tell, self._warn)
        self._translators = translating.Translators(self._meaning, scopes)
        self._limits = Limits(reading.variants, self._tell, self._warn)
        self._hidden: list[Span] = []
        self._open: list[str] = []

    def build(self) -> None:
        """Fill `chains`.

        Raises:
            ReadError: anchors call each other in a circle.
        """
        main = self._reading.main
        for direction in _DIRECTIONS:
            rules = [*self._skips(direction), *self._known(direction)]
            rules += [self._unread(each) for each in self._reading.opaque]
            if main.translations and self._translations(main, direction):
                rules.append(self._jump_to_translations(main, direction))
            rules += self._rules(main, direction)
            self.chains[direction] = FirewallChain(direction, tuple(rules))
        self.warnings += self._tables.warnings[:MOST_WARNINGS]
        if self._hidden:
            self.warnings.append(
                warning(
                    f"{len(self._hidden)} tests see addresses before or after translation: they are conditions",
                    self._hidden[0],
                    "rules after rdr and before nat can be compared exactly",
                )
            )

    def _tell(self, span: Span, reason: str) -> None:
        if (span, reason) not in self._told:
            self._told.add((span, reason))
            self.opaque.append(model.Opaque(span, reason))

    def _warn(self, span: Span, text: str) -> None:
        if (span, text) not in self._told and len(self.warnings) < MOST_WARNINGS:
            self._told.add((span, text))
            self.warnings.append(warning(text, span))

    # --- before the rules ------------------------------------------------------------------------------

    def _skips(self, direction: str) -> list[FirewallRule]:
        """``set skip``: pf does not look at packets of these interfaces."""
        return [
            FirewallRule(
                tests=self._meaning.interfaces(((False, name),), direction),
                action=_ACTIONS[Verdict.ACCEPT, True],
                span=span,
                text=f"set skip on {name}",
            )
            for name, span in self._reading.settings.skipped.items()
        ]

    @property
    def passes_known(self) -> bool:
        """Whether packets of known connections pass without being asked about."""
        return not self._stateless

    def _known(self, direction: str) -> list[FirewallRule]:
        """Packets of known connections, where some connections have no state: these are asked about each time."""
        if not self._stateless:
            return []
        first = self._stateless[0]
        known = IntegerTest(Field.STATE, ((STATES.index(State.ESTABLISHED),) * 2,))
        reason = "answers to what this rule passes have no state to pass by, so what becomes of them is not computed"
        self._tell(first.span, reason)
        doubt = ConditionTest(Condition("the connection has no state", understood=False))
        return [
            FirewallRule(tests=(known, doubt), action=Unknown(reason), span=first.span, text=first.text),
            FirewallRule(
                tests=(known,), action=_ACTIONS[Verdict.ACCEPT, True], span=first.span, text=f"a state ({direction})"
            ),
        ]

    def _unread(self, line: Opaque) -> FirewallRule:
        self._tell(line.span, line.reason)
        test = ConditionTest(Condition(line.text, understood=False))
        return FirewallRule(tests=(test,), action=Unknown(line.reason), span=line.span, text=line.text)

    # --- rules -----------------------------------------------------------------------------------------

    def _rules(self, scope: Rules, direction: str) -> list[FirewallRule]:
        found: list[FirewallRule] = []
        for each in scope.statements:
            if isinstance(each, Rule):
                if not each.direction or each.direction == direction:
                    for rule in self._limits.rules(each):
                        self._rule(rule, scope, direction, found)
            elif isinstance(each, Anchor) and (not each.rule.direction or each.rule.direction == direction):
                found += self._anchor(each, scope, direction)
        return found

    def _tests(self, rule: Rule, scope: Rules, direction: str) -> list[Test]:
        """All tests of a rule but those of its limits."""
        meaning = self._meaning
        tests = meaning.common(rule)
        if rule.interfaces:
            tests += meaning.interfaces(rule.interfaces, direction)
        if rule.options.received_on is not None:
            tests += meaning.interfaces((rule.options.received_on,), "in")
        source, destination = rule.source, rule.destination
        if source.hosts is not None or source.ports is not None:
            found = meaning.end(source, SOURCE, rule, scope)
            hides = direction == "out" and self._translators.hides_source(rule, scope)
            tests += self._hide(found, rule, "after") if hides else found
        if destination.hosts is not None or destination.ports is not None:
            found = meaning.end(destination, DESTINATION, rule, scope)
            if any(each is test for each in tests for test in found if isinstance(test, FamilyTest)):
                found = [each for each in found if not isinstance(each, FamilyTest)]
            hides = direction == "in" and self._translators.hides_destination(rule, scope)
            tests += self._hide(found, rule, "before") if hides else found
        if rule.verdict is Verdict.ACCEPT and direction == "in":
            tests += self._targets(rule, scope)
        return tests

    def _targets(self, rule: Rule, scope: Rules) -> list[Test]:
        """Where ``pass ... rdr-to`` decides, the destination that filters see is the new one."""
        pools = [each for each in rule.options.pools if each.kind in ("rdr-to", "binat-to")]
        if len(pools) != 1 or rule.options.tag:
            return []
        return self._meaning.end(translating.target(pools[0], rule.destination), DESTINATION, rule, scope)

    def _hide(self, tests: list[Test], rule: Rule, when: Literal["before", "after"]) -> list[Test]:
        if tests:
            self._hidden.append(rule.span)
        return [translating.hidden(each, when) for each in tests]

    def _rule(self, rule: Rule, scope: Rules, direction: str, found: list[FirewallRule]) -> None:
        tests = self._tests(rule, scope, direction)
        asked = rule.options
        writes = self._writes(rule)
        reason = self._not_understood(rule, direction)
        action: Action
        if reason:
            self._tell(rule.span, reason)
            action = Unknown(reason)
        elif rule.verdict is None:
            action = _CONTINUE
        else:
            action = _ACTIONS[rule.verdict, rule.quick]
        tests += self._limits.tests(rule, direction)
        made = FirewallRule(
            tests=tuple(tests), action=action, span=rule.span, text=rule.text, writes=writes, comment=asked.label
        )
        over = [] if reason else self._limits.over(rule, made)
        found += [*over, made] if rule.quick else [made, *over]

    def _writes(self, rule: Rule) -> tuple[Write, ...]:
        asked = rule.options
        if not asked.tag and not rule.log and not asked.pools:
            return ()
        writes = [Write(Field.TAG, asked.tag)] if asked.tag else []
        if rule.log:
            writes.append(Write(Field.LOG, rule.log))
        writes += [Write(Field.TRANSLATION, translating.effect(each)) for each in asked.pools]
        return tuple(writes)

    def _not_understood(self, rule: Rule, direction: str) -> str:
        """Why nothing can be said about packets of the rule, or ""."""
        asked = rule.options
        if asked.unknown:
            return asked.unknown
        if "$" in asked.tag or (asked.tagged is not None and "$" in asked.tagged[0]):
            return "the name of the tag is made from the parts of the rule"
        for each in asked.pools:
            wanted = {"nat-to": "out", "rdr-to": "in"}.get(each.kind, rule.direction)
            if not rule.direction or rule.direction != wanted:
                return f"{each.kind} on packets that go {direction} changes what later rules see"
        return ""

    # --- anchors -----------------------------------------------------------------------------------------

    def _anchor(self, anchor: Anchor, scope: Rules, direction: str) -> list[FirewallRule]:
        rule = anchor.rule
        tests = self._tests(rule, scope, direction) + self._limits.tests(rule, direction)
        writes = self._writes(rule)
        found = []
        path = anchor.path
        inside = self._reading.loaded.get(path) or anchor.body
        children: list[Rules] = [inside] if inside is not None else []
        if path.endswith("/*"):
            parent = path[:-1]
            names = sorted(each for each in self._reading.loaded if each.startswith(parent))
            children = [self._reading.loaded[each] for each in names if "/" not in each[len(parent) :]]
        if path.endswith("/*") or inside is None:
            found.append(self._filled_later(rule, path, tests))
        for each in children:
            chain = self._chain(each, rule, direction)
            action = Jump(chain, decisive=rule.quick)
            found.append(FirewallRule(tests=tuple(tests), action=action, span=rule.span, text=rule.text, writes=writes))
        return found

    def _filled_later(self, rule: Rule, path: str, tests: list[Test]) -> FirewallRule:
        reason = f'what anchor "{path}" holds on the machine is not in the file'
        self._tell(rule.span, reason)
        filled = ConditionTest(Condition(f'anchor "{path}" is filled', understood=False))
        return FirewallRule(tests=(*tests, filled), action=Unknown(reason), span=rule.span, text=rule.text)

    def _chain(self, rules: Rules, rule: Rule, direction: str) -> str:
        """The chain of an anchor's rules, built when it is first called."""
        if rules.path in self._open:
            circle = " calls ".join([*self._open[self._open.index(rules.path) :], rules.path])
            raise ReadError(error(f"anchors call each other in a circle: {circle}", rule.span))
        name = f"{direction} anchor {rules.path}"
        if rules.path not in self._reading.loaded and name in self.chains:
            name = f"{name} (line {rule.span.line})"
        if name not in self.chains:
            self._open.append(rules.path)
            found = self._rules(rules, direction)
            self._open.pop()
            self.chains[name] = FirewallChain(name, tuple(found), rule.span)
        return name

    # --- FreeBSD's translation rules ----------------------------------------------------------------------

    def _jump_to_translations(self, scope: Rules, direction: str) -> FirewallRule:
        name = f"{direction} translation"
        rules = self._translations(scope, direction)
        self.chains[name] = FirewallChain(name, tuple(rules))
        return FirewallRule(tests=(), action=Jump(name), span=rules[0].span, text=name)

    def _translations(self, scope: Rules, direction: str) -> list[FirewallRule]:
        """The rules of one direction; the first that matches ends the list. binat stands first going out."""
        kinds = ("binat", "nat") if direction == "out" else ("rdr", "binat")
        found: list[FirewallRule] = []
        for kind in kinds:
            for each in scope.translations:
                if each.kind == kind:
                    if isinstance(each, TranslationAnchor):
                        tests = self._tests(each.rule, scope, direction)
                        found.append(self._filled_later(each.rule, each.path, tests))
                    else:
                        found.append(self._translation(each, scope, direction))
        return found

    def _translation(self, each: Translation, scope: Rules, direction: str) -> FirewallRule:
        rule, pool = each.rule, each.pool
        if each.kind == "binat" and direction == "in":
            # Coming in, the two ends stand the other way round.
            outside = End(pool.hosts) if pool else End()
            rule = replace(rule, source=replace(rule.destination), destination=outside)
            pool = Pool("rdr", each.rule.source.hosts or (), None, "the inside address") if pool else None
        meaning = self._meaning
        tests = meaning.common(rule)
        if rule.interfaces:
            tests += meaning.interfaces(rule.interfaces, direction)
        tests += meaning.end(rule.source, SOURCE, rule, scope)
        if direction == "out":
            tests += meaning.end(rule.destination, DESTINATION, rule, scope)
        else:
            before = meaning.end(rule.destination, DESTINATION, rule, scope)
            tests += self._hide(before, rule, "before")
            if pool is not None:
                tests += meaning.end(translating.target(pool, rule.destination), DESTINATION, rule, scope)
        writes = list(self._writes(rule))
        if pool is not None:
            text = translating.source_effect(pool) if each.kind == "binat" and direction == "out" else ""
            writes.append(Write(Field.TRANSLATION, text or translating.effect(pool)))
        action: Action = _ACTIONS[Verdict.ACCEPT, True] if each.passes else _RETURN
        return FirewallRule(
            tests=tuple(tests), action=action, span=each.rule.span, text=each.rule.text, writes=tuple(writes)
        )


def _printed(reading: Reading) -> bool:
    """Whether pfctl may have printed the text: it writes rules out one by one, and tables and options never."""
    if reading.printed:
        return True
    rules = [each for each in reading.main.statements if isinstance(each, Rule)]
    return not reading.written and all(_looks_printed(each.text) for each in rules)


def _looks_printed(text: str) -> bool:
    """``block drop in on em0 from <bad> to any``: the verdict in full, both ends or ``all``, no list."""
    whole = " all" in text or (" from " in text and " to " in text)
    return whole and "{" not in text and not text.startswith(("block in", "block out", "block all", "block quick"))


def _overloads(reading: Reading) -> frozenset[str]:
    found: set[str] = set()
    waiting = [reading.main, *reading.loaded.values()]
    while waiting:
        for each in waiting.pop().statements:
            if isinstance(each, Anchor) and each.body is not None:
                waiting.append(each.body)
            elif isinstance(each, Rule) and each.options.state_options is not None:
                found.update(each.options.state_options.overloads)
    return frozenset(found)
