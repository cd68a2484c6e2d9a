"""What a firewall says, in lines that do not depend on how it was written: for ``git diff``.

The promise: two firewalls of one dialect with the same text decide, treat and log every packet alike; and files that
differ in comments, in spacing, in the way values are written, in the order of rules where it does not matter, or in
the grouping of lists, have the same text. `docs/git.md` says it in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import (
    BaseChain,
    Decide,
    Firewall,
    Point,
)
from fwadvisor.model.rule import Hook, State
from fwadvisor.report.canon_rules import Part, alternatives, effect_of, next_chains, parts_of, place_of
from fwadvisor.report.canon_values import phrase
from fwadvisor.review.canon_order import MOST_PAIRS, Ordered, ordered
from fwadvisor.review.canon_rows import Row, rows_of

#: Lists with more members stand on lines of their own, one member each, so that a change of one member shows as one.
_MOST_ON_A_LINE = 8


def canon_text(firewall: Firewall, most_pairs: int = MOST_PAIRS) -> str:
    """The text, without a final line feed.

    Where a chain has so many rules that not all pairs can be looked at (`most_pairs`), the first line says so: its
    rules then keep more of the file's order than their meaning needs.
    """
    body: list[str] = []
    exact = True
    for chain in _reached(firewall):
        made = chain_in_order(firewall, chain, most_pairs)
        exact &= made.exact
        body += ["", _head(chain, _bases(firewall, chain))]
        body += [line for step in made.steps for line in _lines(step, _spoken(firewall, chain))]
    first = f"rules of {firewall.dialect}, in canonical form"
    if not exact:
        first += "; there are too many to tell everywhere whether their order matters, so it counts"
    return "\n".join((first, *_bounds(firewall), *body, *_opaque(firewall)))


def chain_in_order(firewall: Firewall, chain: str, most_pairs: int = MOST_PAIRS) -> Ordered:
    """The rows of a chain, without those that only repeat what happens at its end."""
    written = frozenset(write.field for rule in firewall.rules() for write in rule.writes)
    families = _spoken(firewall, chain)
    rows: list[tuple[Row, ...]] = []
    for rule in firewall.chains[chain].rules:
        rows += rows_of(rule.tests, effect_of(rule, written), families, alternatives(rule.tests), written)
    return ordered(rows, _neutral(firewall, chain), most_pairs)


def _bases(firewall: Firewall, chain: str) -> list[BaseChain]:
    return [base for base in firewall.bases if base.chain == chain]


def _spoken(firewall: Firewall, chain: str) -> list[Family]:
    """The families whose packets the chain may see."""
    bases = _bases(firewall, chain)
    called = not bases or chain in _called(firewall)
    return [family for family in firewall.families if called or any(family in base.families for base in bases)]


def _called(firewall: Firewall) -> set[str]:
    return {name for each in firewall.chains.values() for name in next_chains(each.rules)}


def _reached(firewall: Firewall) -> list[str]:
    """The chains that packets can come to: base chains as they are asked, then those that they lead to."""
    points = list(Point)
    bases = sorted(firewall.bases, key=lambda base: (points.index(base.point), base.priority))
    found = dict.fromkeys(base.chain for base in bases)
    waiting = list(found)
    while waiting:
        more = [each for each in next_chains(firewall.chains[waiting.pop(0)].rules) if each not in found]
        found |= dict.fromkeys(more)
        waiting += dict.fromkeys(more)
    first = list(dict.fromkeys(base.chain for base in bases))
    return first + sorted(each for each in found if each not in first)


def _neutral(firewall: Firewall, chain: str) -> frozenset[str]:
    """The effects that the end of a chain has too; none are sure where a verdict may stand until then."""
    if any(isinstance(rule.action, Decide) and rule.action.stands for rule in firewall.rules()):
        return frozenset()
    defaults = {base.default.value for base in _bases(firewall, chain)}
    if not defaults:
        return frozenset({"return"})
    return frozenset({"return", *defaults}) if len(defaults) == 1 and chain not in _called(firewall) else frozenset()


def _head(chain: str, bases: Iterable[BaseChain]) -> str:
    asked = [
        f"asked at {base.point.value}, priority {base.priority}"
        + ("" if base.families == FAMILIES else f", {_families(base.families)}")
        + f", default {base.default.value}"
        for base in bases
    ]
    return f"chain {phrase(chain)}: {'; '.join(asked) or 'asked by other chains'}"


def _families(families: Iterable[int]) -> str:
    return ", ".join(f"IPv{int(each)}" for each in families) or "no packets"


def _bounds(firewall: Firewall) -> Iterator[str]:
    """Of which packets the firewall speaks, where that is not the usual."""
    if firewall.hooks != frozenset(Hook) or firewall.families != FAMILIES:
        hooks = ", ".join(hook.value for hook in Hook if hook in firewall.hooks)
        yield f"about {hooks or 'nothing'}; {_families(firewall.families)}"
    if firewall.states != frozenset(State):
        yield f"states {', '.join(each.value for each in State if each in firewall.states)}"
    if firewall.implicit:
        yield f"accepted without being asked: {', '.join(each.value for each in State if each in firewall.implicit)}"
    for holds, text in (
        (firewall.opening_only, "TCP opens with SYN alone"),
        (not firewall.loopback, "nothing on the loopback interface"),
        (not firewall.routed_groups, "no multicast that is routed on"),
        (not firewall.crossed_icmp, "no ICMP of the other IP version"),
    ):
        if holds:
            yield text


def _lines(step: Iterable[Row], all_families: Sequence[Family]) -> Iterator[str]:
    """The rows of a step in order of what they ask for; both IP versions on one line where that is the same."""
    merged: dict[tuple[tuple[Part, ...], str], list[Family]] = {}
    said = [(tuple(parts_of(row)), row) for row in step]
    for parts, row in sorted(said, key=lambda each: place_of(each[1], each[0])):
        merged.setdefault((parts, row.effect.text), []).append(row.family)
    for (parts, effect), families in merged.items():
        shown = "" if set(families) == set(all_families) else _families(sorted(set(families)))
        yield from _line(shown, parts, effect)


def _line(families: str, parts: Iterable[Part], effect: str) -> Iterator[str]:
    words, lists = [families] if families else [], []
    for word, begin, members in parts:
        if len(members) > _MOST_ON_A_LINE:
            words.append(f"{word} {begin}[list]".strip())
            lists += [f"      {word} {each}" for each in members]
        else:
            words.append(f"{word} {begin}{', '.join(members)}".strip())
    yield f"  {'  '.join(words) or 'all packets'}: {effect}"
    yield from lists


def _opaque(firewall: Firewall) -> Iterator[str]:
    """What was not understood, as it is written, but for rules, which stand in their chains."""
    known = {(rule.span.file, rule.span.line) for rule in firewall.rules()}
    left = [each for each in firewall.opaque if (each.span.file, each.span.line) not in known]
    if left:
        yield ""
        yield "not understood:"
        yield from sorted(f"  {phrase(each.reason)}: {phrase(' '.join(each.span.source.split()))}" for each in left)
