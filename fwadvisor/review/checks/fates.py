"""What becomes of each rule among the others, over all hooks and families that ask its chain.

One rule of a file can come to several: a list in pf, a loop in a script, both families of one line. It is dead only
where each of them is, for each hook and family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AnyOf, ConditionTest, Firewall, FirewallRule, Test
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap import NeverMatches, Overlap, Redundant, Shadowed

Fate: TypeAlias = Shadowed | NeverMatches | Redundant
Place: TypeAlias = tuple[str, int, int, int]
Asking: TypeAlias = Mapping[str, tuple[tuple[Hook, Family], ...]]
#: What the overlap index of a chain says of each rule that is not alive and needed.
Told: TypeAlias = Callable[[str, Hook, Family], Mapping[int, Fate]]


@dataclass(frozen=True, slots=True)
class Part:
    """A rule of a chain, asked about packets of one hook and family."""

    chain: str
    index: int
    hook: Hook
    family: Family
    #: None: it takes packets and is needed, or nothing is known.
    fate: Fate | None


@dataclass(frozen=True, slots=True)
class Line:
    """A rule as it stands in a file, and all that comes of it."""

    rules: tuple[FirewallRule, ...]
    parts: tuple[Part, ...]

    @property
    def rule(self) -> FirewallRule:
        """The first rule that comes of it."""
        return self.rules[0]


def lines(firewall: Firewall, asking: Asking, told: Told) -> Iterator[Line]:
    """Every rule that packets may come to, in the order of the file, and what becomes of it."""
    places: dict[Place, tuple[list[FirewallRule], list[Part]]] = {}
    for name, parts in asking.items():
        fates = {(hook, family): told(name, hook, family) for hook, family in parts}
        for index, rule in enumerate(firewall.chains[name].rules if parts else ()):
            rules, found = places.setdefault(place_of(rule.span), ([], []))
            rules.append(rule)
            found += (Part(name, index, *part, known.get(index)) for part, known in fates.items())
    for rules, found in places.values():
        yield Line(tuple(rules), tuple(found))


def dead(overlap: Overlap | None) -> dict[int, Fate]:
    """The rules that take no packet."""
    if overlap is None:
        return {}
    found: tuple[Fate, ...] = (*overlap.never_matching(), *overlap.shadowed())
    return {each.rule: each for each in found}


def dead_or_redundant(overlap: Overlap | None, known: Mapping[int, Fate]) -> dict[int, Fate]:
    """The rules that take no packet (`known`), and those without which every packet has the same fate."""
    return {**known, **({each.rule: each for each in overlap.redundant()} if overlap else {})}


def place_of(span: Span) -> Place:
    """What tells places of files apart."""
    return span.file, span.line, span.column, span.length


def sure(rules: Iterable[FirewallRule]) -> bool:
    """Whether every test of the rules is understood, so that a rule like it surely matches the same packets."""
    return all(_understood(test) for rule in rules for test in rule.tests)


def _understood(test: Test) -> bool:
    match test:
        case ConditionTest(condition):
            return condition.understood
        case AnyOf(alternatives):
            return all(_understood(each) for tests in alternatives for each in tests)
        case _:
            return True
