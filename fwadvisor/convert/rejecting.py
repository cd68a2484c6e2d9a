"""How rules reject: with a TCP reset, or with which ICMP error.

The packet engine knows that a packet is rejected, not how. What a conversion changes there is told from the texts of
the rules, and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fwadvisor.convert.lines import Line, Lines
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, FirewallRule, IntegerTest
from fwadvisor.model.interval import Intervals, intersect, subtract
from fwadvisor.model.rule import TCP, Verdict

_RESET, _PORT, _ADMIN = "tcp-reset", "port-unreachable", "admin-prohibited"
_TCP = IntegerTest(Field.PROTOCOL, ((TCP, TCP),))
#: So many rules are named in a note.
_NAMED = 3
#: What texts of ours answer: to TCP, and to everything else. The target that is missing cannot reject.
_WRITTEN = {"iptables": (_RESET, _ADMIN), "nftables": (_RESET, _ADMIN), "pf": (_RESET, _PORT)}
#: Where a rule says how it rejects; pf's `return` answers each protocol in its own way.
_SAID = {
    "iptables": re.compile(r"--reject-with[= ]+(?P<kind>[\w-]+)"),
    "nftables": re.compile(
        r"reject with (?:icmpx|icmpv6|icmp)?\s*(?:type )?(?P<kind>tcp reset|[a-z-]+)"
        r'|"reject".*?(?:"expr": ?"|"type": ?")(?P<json>tcp reset|[a-z]+-[a-z-]+)'
    ),
    "pf": re.compile(r"return-(?:icmp6?\s*\(\s*(?P<kind>[\w-]+)|icmp6?|(?P<rst>rst))"),
}
#: Other names of the same.
_ALIKE = {
    "tcp reset": _RESET, "tcp-rst": _RESET, "rst": _RESET, "adm-prohibited": _ADMIN, "admin-prohib": _ADMIN,
    "port-unreach": _PORT, "port-unr": _PORT, "13": _ADMIN,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a rule answers to TCP and to everything else; None where it does not meet such packets."""

    tcp: str | None
    others: str | None


def changed(lines: Mapping[Family, Lines], dialect: str, target: str) -> Iterator[str]:
    """A note for each way in which rules reject otherwise than before, with their places."""
    found: dict[str, dict[int, FirewallRule]] = {}
    for each in lines.values():
        for before, line in zip((None, *each.lines), each.lines, strict=False):
            if line.verdict is Verdict.REJECT and line.rule is not None and target in _WRITTEN and dialect in _SAID:
                change = ", ".join(_changes(_answers(line, before, dialect), target))
                if change:
                    found.setdefault(change, {})[id(line.rule)] = line.rule
    for change, rules in found.items():
        yield f"rejected as before, but with another answer ({change}): {_named(rules.values())}"


def _named(rules: Iterable[FirewallRule]) -> str:
    first, *more = rules
    places = [f"{each.span.file}:{each.span.line}" for each in more]
    rest = [*places[: _NAMED - 1], *([f"{len(places) - _NAMED + 1} more rules"] if len(places) >= _NAMED else [])]
    return ", ".join([f"{first.span.file}:{first.span.line}: {first.text}", *rest])


def _changes(answers: _Answers, target: str) -> Iterator[str]:
    tcp, others = _WRITTEN[target]
    if answers.tcp not in (None, tcp):
        yield f"TCP gets {tcp} instead of {answers.tcp}"
    if answers.others not in (None, others):
        yield f"other packets get {others} instead of {answers.others}"


def _answers(line: Line, before: Line | None, dialect: str) -> _Answers:
    kinds = _kinds(line.rule.text if line.rule else "", dialect)
    protocols: Intervals = ((0, 255),)
    for test in line.tests:
        if isinstance(test, IntegerTest) and test.field is Field.PROTOCOL:
            protocols = intersect(protocols, test.values)
    if before is not None and before.verdict is Verdict.REJECT and {*before.tests} == {*line.tests, _TCP}:
        # TCP is rejected by the rule before it.
        protocols = subtract(protocols, _TCP.values)
    has_tcp, has_others = intersect(protocols, _TCP.values), subtract(protocols, _TCP.values)
    return _Answers(kinds[0] if has_tcp else None, kinds[1] if has_others else None)


def _kinds(text: str, dialect: str) -> tuple[str, str]:
    """What a rule answers to TCP and to everything else; without a word for it, the dialect's own way."""
    found = _SAID[dialect].search(text)
    said = next((each for each in found.groups() if each), _PORT) if found else _PORT
    kind = re.sub(r"^icmp(?:x|v6|6)?-", "", said)
    kind = _ALIKE.get(kind, kind)
    return (_RESET, _PORT) if found is None and dialect == "pf" else (kind, kind)
