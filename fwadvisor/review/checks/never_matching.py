"""Rules that would match no packet even if they stood alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import (
    LARGEST,
    AddressTest,
    FamilyTest,
    Field,
    FirewallRule,
    IntegerTest,
    NameTest,
)
from fwadvisor.model.interval import Intervals, intersect
from fwadvisor.model.rule import ICMP, ICMPV6, Hook, Verdict
from fwadvisor.packets.overlap import Never, NeverMatches
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Line
from fwadvisor.review.checks.words import verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="never-matching-rule",
    title="Rule that matches nothing",
    severity=Severity.MEDIUM,
    page=Page(
        what="No packet can match this rule, wherever it stands: its tests contradict each other (two protocols at "
        "once, an empty set, addresses of both IP versions), it asks for an interface that packets of its hook do "
        "not have, or for the ICMP of the other IP version.",
        why="The rule does nothing. Most often one word of it is wrong, and what it was written for is not done; "
        "where it was to block, nothing is blocked (severity high).",
        example="iptables: -A INPUT -o eth0 -p tcp --dport 22 -j ACCEPT\nip6tables: -A INPUT -p icmp -j ACCEPT",
        remedy="Correct the test that cannot hold, or delete the rule",
    ),
)
_ICMP = {Family.IPV4: (ICMPV6, "ICMPv6", "icmp"), Family.IPV6: (ICMP, "ICMP", "icmpv6")}
_NO_SUCH = "no packet of "
_NOWHERE = {Hook.INPUT: (Field.OUT_INTERFACE, "outgoing"), Hook.OUTPUT: (Field.IN_INTERFACE, "incoming")}


def run(context: Context) -> Iterator[Finding]:
    """A finding for each line that matches nothing, for each hook and family that asks."""
    for line in context.lines:
        if all(isinstance(part.fate, NeverMatches) for part in line.parts):
            why = _why(line)
            # Blocks for packets that do not come anyway are a habit, and harm nobody.
            yield _finding(line.rule, why, Severity.LOW if why.startswith(_NO_SUCH) else None)
        elif crossed := _crossed(line):
            yield _finding(line.rule, crossed, Severity.LOW)


def _finding(rule: FirewallRule, why: str, severity: Severity | None = None) -> Finding:
    blocks = verdict_of(rule) in (Verdict.DROP, Verdict.REJECT)
    return finding(
        CHECK,
        f"this rule matches no packet: {why}",
        rule,
        severity=severity or (Severity.HIGH if blocks else Severity.MEDIUM),
    )


def _why(line: Line) -> str:
    fates = [part.fate for part in line.parts if isinstance(part.fate, NeverMatches)]
    if all(fate.why is Never.EMPTY for fate in fates):
        return _contradiction(line.rule)
    hooks = {part.hook for part in line.parts}
    for hook in hooks:
        field, word = _NOWHERE.get(hook, (None, ""))
        if len(hooks) == 1 and field and any(isinstance(t, NameTest) and t.field is field for t in line.rule.tests):
            return f"packets of {hook} have no {word} interface"
    if any(fate.why is Never.OTHER_FAMILY for fate in fates):
        families = {part.family for part in line.parts}
        spoken = " and ".join(f"IPv{family.value}" for family in FAMILIES if family in families)
        return f"it speaks of another IP version than its chain, which sees {spoken}"
    return f"{_NO_SUCH}{' or '.join(sorted(hooks))} can be like that"


def _contradiction(rule: FirewallRule) -> str:
    """Which field has no value that all tests of the rule allow."""
    if len({test.family for test in rule.tests if isinstance(test, FamilyTest)}) > 1:
        return "it asks for IPv4 and IPv6 at once"
    if any(isinstance(test, IntegerTest) and not test.values for test in rule.tests):
        return "one of its tests never holds for what comes to its chain"
    for field in Field:
        tests = [test for test in rule.tests if getattr(test, "field", None) is field]
        if not tests or isinstance(tests[0], NameTest):
            continue
        if all(_left(tests, field, family) == () for family in FAMILIES if _of(rule, family)):
            several = f"its tests of the {_name(field)} exclude each other"
            return several if len(tests) > 1 else f"no {_name(field)} is left that it allows"
    return "its tests exclude each other"


def _of(rule: FirewallRule, family: Family) -> bool:
    return all(test.family is family for test in rule.tests if isinstance(test, FamilyTest))


def _left(tests: Sequence[object], field: Field, family: Family) -> Intervals:
    left: Intervals = family.universe if field in (Field.SOURCE, Field.DESTINATION) else ((0, LARGEST[field]),)
    for test in tests:
        if isinstance(test, IntegerTest):
            left = intersect(left, test.values)
        elif isinstance(test, AddressTest):
            left = intersect(left, test.of(family))
    return left


def _name(field: Field) -> str:
    return field.value.replace("-", " ")


def _crossed(line: Line) -> str:
    """Why a rule for the ICMP of the other IP version matches nothing that anybody sends, or ""."""
    families = {part.family for part in line.parts if not isinstance(part.fate, NeverMatches)}
    if len(families) != 1:
        return ""
    (family,) = families
    number, name, right = _ICMP[family]
    for rule in line.rules:
        protocols = [
            test.values for test in rule.tests if isinstance(test, IntegerTest) and test.field is Field.PROTOCOL
        ]
        if not protocols or any(values != ((number, number),) for values in protocols):
            return ""
    return f"nobody sends {name} in IPv{family.value}, where the protocol is {right}"
