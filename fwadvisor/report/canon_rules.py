"""Tests, writes and actions of rules as text for the canonical form; no two that mean different things read alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from fwadvisor.model.address import FAMILIES, Family, format_ranges
from fwadvisor.model.firewall import (
    EFFECTS,
    STATES,
    AddressTest,
    AnyOf,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.report.canon_values import names_of, phrase, values_of
from fwadvisor.review.canon_rows import Effect, Kind, Row

#: The word of a field, how its set begins, and its members.
Part: TypeAlias = tuple[str, str, tuple[str, ...]]

#: In the order in which a line says them, and how they are called there.
_WORDS = {
    Field.PROTOCOL: "", Field.DESTINATION_PORT: "port", Field.ICMP: "type", Field.SOURCE: "from",
    Field.DESTINATION: "to", Field.SOURCE_PORT: "from port", Field.TCP_FLAGS: "flags", Field.IN_INTERFACE: "in",
    Field.OUT_INTERFACE: "out", Field.STATE: "state", Field.HELPER: "helper", Field.PROFILE: "profile",
    Field.SOURCE_TYPE: "from an address that is", Field.DESTINATION_TYPE: "to an address that is",
    Field.MARK: "mark", Field.CONNECTION_MARK: "connection mark", Field.TAG: "tagged", Field.TTL: "ttl",
    Field.DSCP: "dscp", Field.LENGTH: "length",
}  # fmt: skip


def place_of(row: Row, parts: tuple[Part, ...]) -> tuple[object, ...]:
    """Where a row with its parts stands among those whose order does not matter; alike only for the same text."""
    asked = tuple(row.integers.get(each, ()) if each not in row.names else names_of(row.names[each]) for each in _WORDS)
    return asked, parts, row.effect.text, row.family


def parts_of(row: Row) -> Iterator[Part]:
    """What a row asks for, field by field."""
    for each, word in _WORDS.items():
        if each in row.integers:
            begin, members = values_of(each, row.integers[each], row.family)
            yield word, begin, tuple(members)
        elif each in row.names:
            begin, members = names_of(row.names[each])
            yield word, begin, tuple(members)
    for text in sorted(_condition(each.name, holds, each.understood) for each, holds in row.conditions.items()):
        yield "", text, ()
    for text in row.others:
        yield "", text, ()


def _condition(text: str, holds: bool, understood: bool) -> str:
    known = "" if understood else "(not understood) "
    return f"{'when' if holds else 'unless'} {known}{phrase(text)}"


def alternatives(tests: Iterable[Test]) -> dict[AnyOf, str]:
    """The text of each `AnyOf`, the same in whatever order the alternatives stand."""
    return {test: _any_of(test) for test in tests if isinstance(test, AnyOf)}


def _any_of(test: AnyOf) -> str:
    inside = sorted({" and ".join(sorted(set(map(_test, tests)))) or "all packets" for tests in test.alternatives})
    return f"{'any of' if test.holds else 'none of'} ({' | '.join(inside)})"


def _test(test: Test) -> str:
    match test:
        case AnyOf():
            return _any_of(test)
        case FamilyTest(family):
            return f"IPv{int(family)}"
        case ConditionTest(condition, holds):
            return json.dumps(_condition(condition.name, holds, condition.understood))
        case NameTest(field, names):
            begin, members = names_of((names,))
        case IntegerTest(field, values):
            begin, members = values_of(field, values, Family.IPV4)
        case AddressTest(field):
            begin, members = "", [text for each in FAMILIES for text in format_ranges(test.of(each), each)]
    return f"{field.value} {begin}{', '.join(members) or 'nothing'}"


def next_chains(rules: Iterable[FirewallRule]) -> list[str]:
    """The chains that rules lead to."""
    return [rule.action.chain for rule in rules if isinstance(rule.action, Jump)]


def effect_of(rule: FirewallRule, written: frozenset[Field]) -> Effect:
    """What a rule does; `written` are the fields that the firewall writes anywhere."""
    writes = [_write(each) for each in rule.writes]
    fields = frozenset(each.field for each in rule.writes)
    match rule.action:
        case Decide(verdict, stands):
            words = [verdict.value + (" unless a later rule decides" if stands else ""), *writes]
            kind = Kind.ENDS if not stands else Kind.OTHER if writes else Kind.STANDS
            return Effect(", ".join(words), kind, fields)
        case Jump(chain, goto, decisive):
            way = "go on in" if goto else "ask"
            end = ", and take its verdict" if decisive else ""
            return Effect(", ".join((*writes, f"{way} chain {phrase(chain)}{end}")), Kind.OTHER, written)
        case Return():
            return Effect(", ".join(("return", *writes)), Kind.LEAVES, fields)
        case Unknown(reason):
            text = f"not understood ({phrase(reason)}): {phrase(as_written(rule))}"
            return Effect(text, Kind.OTHER, frozenset(Field))
        case Continue():
            if not writes:
                return Effect(f"go on: {phrase(as_written(rule))}", Kind.OTHER)
            notes = fields <= EFFECTS
            return Effect(", ".join(writes), Kind.NOTES if notes else Kind.OTHER, fields)


def _write(write: Write) -> str:
    value = write.value
    if isinstance(value, str):
        return f"{_EFFECT_WORDS.get(write.field, f'set {write.field.value} ')}{json.dumps(value)}"
    if write.field is Field.STATE:
        return f"set state {STATES[value].value}"
    mask = "" if write.mask is None else f" in the bits {write.mask:#x}"
    return f"set {write.field.value} {value:#x}{mask}"


#: What has passed until the rules were listed: ``counter packets 5 bytes 300``, ``[5:300] -A ...``, ``-c 5 300``.
_COUNTED = re.compile(r"\b(counter) packets \d+ bytes \d+|^\[\d+:\d+\] |(?<= )-c \d+ \d+(?= |$)")
_EFFECT_WORDS = {Field.LOG: "log ", Field.ASSIGNED_HELPER: "helper ", Field.TRANSLATION: ""}


def as_written(rule: FirewallRule) -> str:
    """The text of a rule without its comment, counted packets, and superfluous spaces."""
    text = _COUNTED.sub(r"\1", rule.text)
    if rule.comment:
        for option in ("-m comment --comment", "--comment", "comment"):
            for quoted in (f'"{rule.comment}"', f"'{rule.comment}'", rule.comment):
                text = text.replace(f"{option} {quoted}", "")
    return " ".join(text.split())
