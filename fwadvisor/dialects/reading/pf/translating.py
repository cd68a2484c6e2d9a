"""Translation and the tests that see addresses before or after it.

Filters are stated in the addresses after destination and before source translation. A rule that tests a destination
before it is translated, or a source after it was, therefore asks a condition, unless what it tests is disjoint from
everything that translation touches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.pf.meaning import Meaning
from fwadvisor.dialects.reading.pf.syntax import Anchor, End, Host, Interface, Pool, Rule, Rules, Translation
from fwadvisor.model.address import Family, format_address
from fwadvisor.model.firewall import AddressTest, AnyOf, Condition, ConditionTest, IntegerTest, Test
from fwadvisor.model.interval import Intervals, overlaps
from fwadvisor.model.rule import Verdict

_V4, _V6 = Family.IPV4, Family.IPV6
_NAMES = {"before": conditions.before_translation, "after": conditions.after_translation}


def hidden(test: Test, when: Literal["before", "after"]) -> Test:
    """The test as a condition, because it sees an address or port that filters do not."""
    match test:
        case IntegerTest(_, ()) | AddressTest(_, (), ()):
            return test  # It never holds, whatever it sees.
        case IntegerTest() | AddressTest():
            return ConditionTest(Condition(_NAMES[when](test)))
        case ConditionTest(condition, holds):
            return ConditionTest(Condition(f"{when} translation: {condition.name}", condition.understood), holds)
        case AnyOf(alternatives, holds):
            return AnyOf(tuple(tuple(hidden(each, when) for each in tests) for tests in alternatives), holds)
        case _:
            return test


@dataclass(frozen=True, slots=True)
class _Box:
    """Addresses and ports; None is anything."""

    addresses: tuple[Intervals, Intervals] | None
    ports: Intervals | None

    def meets(self, other: _Box) -> bool:
        if self.ports is not None and other.ports is not None and not overlaps(self.ports, other.ports):
            return False
        if self.addresses is None or other.addresses is None:
            return True
        return overlaps(self.addresses[0], other.addresses[0]) or overlaps(self.addresses[1], other.addresses[1])


@dataclass(frozen=True, slots=True)
class _Change:
    """What one rule translates, as far as other rules can see it."""

    rule: Rule
    #: Rules up to this place (destination) or from it on (source) see the other addresses.
    every: bool
    before: _Box
    after: _Box


class Translators:
    """All translation of the files, and which tests it touches."""

    def __init__(self, meaning: Meaning, rulesets: list[Rules]) -> None:
        self._meaning = meaning
        self._destinations: list[_Change] = []
        self._sources: list[_Change] = []
        for scope in rulesets:
            self._collect(scope)

    def _collect(self, scope: Rules) -> None:
        for each in scope.translations:
            if isinstance(each, Translation) and each.pool is not None and each.kind != "rdr":
                self._sources.append(self._change(each.rule, each.rule.source, each.pool, scope, every=True))
        for statement in scope.statements:
            if isinstance(statement, Anchor) and statement.body is not None:
                self._collect(statement.body)
            elif isinstance(statement, Rule):
                self._rule(statement, scope)

    def _rule(self, rule: Rule, scope: Rules) -> None:
        for pool in rule.options.pools:
            if pool.kind in ("rdr-to", "binat-to") and rule.direction == "in":
                every = rule.verdict is Verdict.ACCEPT and not rule.quick
                self._destinations.append(self._change(rule, rule.destination, pool, scope, every))
            # What a pass rule does to the source is seen by no later rule.
            if pool.kind in ("nat-to", "binat-to") and rule.direction == "out" and rule.verdict is None:
                self._sources.append(self._change(rule, rule.source, pool, scope, every=False))

    def _change(self, rule: Rule, end: End, pool: Pool, scope: Rules, every: bool) -> _Change:
        target = End(pool.hosts)
        ports = _pool_ports(pool, end)
        if pool.kind in ("nat", "nat-to"):
            ports = None
        return _Change(
            rule,
            every or not rule.order,
            _Box(self._meaning.box(end, rule, scope), end.ports),
            _Box(self._meaning.box(target, rule, scope), ports),
        )

    def hides_destination(self, rule: Rule, scope: Rules) -> bool:
        """Whether an ``in`` rule may test destinations that are translated after it."""
        return any(
            (each.every or not rule.order or rule.order <= each.rule.order)
            and self._meets(rule, rule.destination, each, scope)
            for each in self._destinations
        )

    def hides_source(self, rule: Rule, scope: Rules) -> bool:
        """Whether an ``out`` rule may test sources that were translated before it."""
        return any(
            (each.every or not rule.order or rule.order > each.rule.order)
            and self._meets(rule, rule.source, each, scope)
            for each in self._sources
        )

    def _meets(self, rule: Rule, end: End, change: _Change, scope: Rules) -> bool:
        other = change.rule
        if rule.family and other.family and rule.family != other.family:
            return False
        if rule.protocols and other.protocols and set(rule.protocols).isdisjoint(other.protocols):
            return False
        if _apart(rule.interfaces, other.interfaces):
            return False
        mine = _Box(self._meaning.box(end, rule, scope), end.ports)
        return mine.meets(change.before) or mine.meets(change.after)


def _apart(one: tuple[Interface, ...], other: tuple[Interface, ...]) -> bool:
    """Whether no interface is in both; groups may hold any."""
    for each in (one, other):
        if not each or any(negated or not name[-1].isdigit() for negated, name in each):
            return False
    return {name for _, name in one}.isdisjoint(name for _, name in other)


def _pool_ports(pool: Pool, end: End) -> Intervals | None:
    """The destination ports after translation, None where they can be any."""
    if pool.ports is None:
        return end.ports
    first, last = pool.ports
    return None if last < first else ((first, last),)


def target(pool: Pool, end: End) -> End:
    """The destination after translation, as far as the text tells: what filters see of translated packets."""
    known = all(each.kind == "network" and not each.negated and not each.scope for each in pool.hosts)
    return End(pool.hosts if known else None, _pool_ports(pool, end))


def effect(pool: Pool) -> str:
    """What the translation does, in the words that all dialects share."""
    if pool.kind in ("nat", "nat-to"):
        return "masquerade" if _own(pool.hosts) and pool.ports is None else f"snat to {_text(pool)}"
    return f"dnat to {_text(pool)}"


def source_effect(pool: Pool) -> str:
    """What a ``binat`` does to sources."""
    return f"snat to {_text(pool)}"


def _own(hosts: tuple[Host, ...]) -> bool:
    return all(each.kind in ("interface", "self") for each in hosts)


def _text(pool: Pool) -> str:
    if len(pool.hosts) != 1 or pool.hosts[0].kind != "network":
        return pool.text
    only = pool.hosts[0]
    (first, last), family = (only.v4[0], _V4) if only.v4 else (only.v6[0], _V6)
    text = format_address(first, family)
    if first != last:
        text = f"{text}-{format_address(last, family)}"
    if pool.ports is None or pool.kind in ("nat", "nat-to"):
        return text
    low, high = pool.ports
    ports = str(low) if low == high else f"{low}-{high if high >= 0 else ''}"
    return f"[{text}]:{ports}" if family is _V6 else f"{text}:{ports}"
