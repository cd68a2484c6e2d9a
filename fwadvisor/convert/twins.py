"""Rules of both IP versions as one list: twins become one rule, and so do neighbours that were one rule before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import SequenceMatcher
from heapq import merge
from typing import Any

from fwadvisor.convert.straight import Made
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import union
from fwadvisor.model.rule import ICMP, ICMPV6, Match, Rule

_SIDES = ("source", "destination")
#: Fields whose values can be joined where everything else is the same.
_JOINED = frozenset({
    "destination_ports", "source_ports", "source", "destination", "in_interfaces", "out_interfaces", "icmp", "helpers",
    "states", "protocols",
})  # fmt: skip


def together(made: Mapping[Family, Sequence[Made]]) -> list[Rule]:
    """The rules of each family in one list; a family without an entry is not spoken of.

    The order within a family stays, and rules of different families do not touch each other, so that the list decides
    as its parts do.
    """
    if len(made) == 1:
        # Nothing else comes so far.
        (only,) = made.values()
        return joined(each.as_rule(replace(each.match, family=None)) for each in only)
    first, second = made[Family.IPV4], made[Family.IPV6]
    found: list[Rule] = []
    keys = [_key(each) for each in first], [_key(each) for each in second]
    for word, a, b, c, d in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if word == "equal":
            found += (_both(*pair) for pair in zip(first[a:b], second[c:d], strict=True))
        else:
            apart = [(each, Family.IPV4) for each in first[a:b]], [(each, Family.IPV6) for each in second[c:d]]
            found += (each.as_rule(_alone(each.match, family)) for each, family in _in_turn(*apart))
    return joined(found)


def _in_turn(*lists: Sequence[tuple[Made, Family]]) -> Iterable[tuple[Made, Family]]:
    """Rules of one file in the order of its lines, where both families keep it; else one family after the other."""
    lines = [[_line(each) for each, _ in entries] for entries in lists]
    files = {each.rule.span.file if each.rule else "" for entries in lists for each, _ in entries}
    if len(files) == 1 and all(each == sorted(each) for each in lines):
        return merge(*lists, key=lambda pair: _line(pair[0]))
    return (pair for entries in lists for pair in entries)


def _line(made: Made) -> int:
    return made.rule.span.line if made.rule else 0


def _key(made: Made) -> Hashable:
    """What twins share: everything but the addresses."""
    match = made.match
    sides = tuple(getattr(match, side) is None for side in _SIDES)
    plain = replace(match, family=None, source=None, destination=None)
    why = made.why or made.rule
    comment = why.comment if why else ""
    own = match.protocols in ((ICMP,), (ICMPV6,))
    return sides, plain, made.verdict, made.log, comment, match.family if own else None


def _both(v4: Made, v6: Made) -> Rule:
    if v4.match.protocols in ((ICMP,), (ICMPV6,)):
        return v4.as_rule(_alone(v4.match, Family.IPV4))
    source = _both_families(v4.match.source, v6.match.source)
    destination = _both_families(v4.match.destination, v6.match.destination)
    return v4.as_rule(replace(v4.match, family=None, source=source, destination=destination))


def _both_families(v4: AddressSet | None, v6: AddressSet | None) -> AddressSet | None:
    return None if v4 is None or v6 is None else AddressSet(v4.v4, v6.v6)


def _alone(match: Match, family: Family) -> Match:
    """A match of one family, which it need not say where its addresses or ICMP do."""
    says = match.source or match.destination or match.protocols == ((ICMP,) if family is Family.IPV4 else (ICMPV6,))
    return replace(match, family=None) if says else match


def joined(rules: Iterable[Rule]) -> list[Rule]:
    """Neighbours with one comment that differ in one field as one rule: one that a dialect had to write as several."""
    left = list(rules)
    while True:
        found: list[Rule] = []
        for rule in left:
            one = _one(found[-1], rule) if found else None
            if one is None:
                found.append(rule)
            else:
                found[-1] = one
        if len(found) == len(left):
            return found
        left = found


def _one(a: Rule, b: Rule) -> Rule | None:
    if (a.verdict, a.log, a.origin.text) != (b.verdict, b.log, b.origin.text):
        return None
    differing = [each.name for each in fields(Match) if getattr(a.match, each.name) != getattr(b.match, each.name)]
    if not differing:
        return a
    name = differing[0]
    one, other = getattr(a.match, name), getattr(b.match, name)
    if len(differing) > 1 or name not in _JOINED or not one or not other or (name == "protocols" and a.match.icmp):
        return None
    values = {each.name: getattr(a.match, each.name) for each in fields(Match)}
    return replace(a, match=Match(**(values | {name: _union(name, one, other)})))


def _union(name: str, one: Any, other: Any) -> Any:
    if isinstance(one, AddressSet) and isinstance(other, AddressSet):
        return one.union(other)
    return union(one, other) if name.endswith("ports") else tuple(dict.fromkeys((*one, *other)))
