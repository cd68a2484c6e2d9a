"""Statements that translate addresses."""

from __future__ import annotations

from fwadvisor.dialects.reading.nftables.rules import RuleReader
from fwadvisor.dialects.reading.nftables.selecting import dimensions, is_selector
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Decide, FamilyTest, Field, Write
from fwadvisor.model.rule import Verdict

_FLAGS = ("random", "fully-random", "persistent")
_FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6}
#: These words join the parts of one target.
_TIGHT = frozenset((":", "-", "[", "]"))


def destination(rule: RuleReader) -> None:
    """``dnat to 10.0.0.5:80``, ``redirect to :8080``."""
    _translate(rule, Decide(Verdict.ACCEPT))


def source(rule: RuleReader) -> None:
    """``snat to 192.0.2.1``, ``masquerade``."""
    _translate(rule, Decide(Verdict.ACCEPT))


def transparent(rule: RuleReader) -> None:
    """``tproxy to :50080``: a local socket takes the packet; the chain goes on."""
    _translate(rule, None)


def _translate(rule: RuleReader, action: Decide | None) -> None:
    kind = rule.tokens[rule.at - 1]
    family = _FAMILIES.get(rule.word)
    if family is not None:
        rule.at += 1
        if rule.known.family is not family:
            # For packets of the other family the statement does nothing.
            rule.add((FamilyTest(family),))
    words = []
    if rule.word in ("prefix", "interval", "addr"):
        while rule.word not in ("to", ""):
            words.append(rule.take())
    if rule.skip("to") or (kind in ("dnat", "snat") and rule.word):
        words.append(_target(rule))
    flags = []
    while rule.word in _FLAGS or rule.word == ",":
        if rule.word != ",":
            flags.append(rule.word)
        rule.at += 1
    text = " ".join((kind, *(["to"] if words else []), *words, *sorted(flags)))
    rule.write(Write(Field.TRANSLATION, text))
    if action is not None:
        rule.end(action)


def _target(rule: RuleReader) -> str:
    """An address, a port, ranges of them, or a map, as text in one notation."""
    first = rule.at
    if is_selector(rule.word):
        rule.mapped(dimensions(rule))
        return " ".join(rule.tokens[first : rule.at])
    text = ""
    while rule.word and (not text or rule.word in _TIGHT or text[-1] in "-:["):
        text += rule.take()
    return text
