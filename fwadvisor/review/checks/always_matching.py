"""Rules side by side that each exclude something else, and so match everything together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import LARGEST, AddressTest, Decide, Field, FirewallRule, IntegerTest, Test
from fwadvisor.model.interval import Intervals, size, union
from fwadvisor.model.rule import Verdict
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.words import distinct, labels, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="always-matching-list",
    title="Negations that match everything",
    severity=Severity.MEDIUM,
    page=Page(
        what="Several rules with the same verdict, or the members of one list, differ in one test alone, and each of "
        "them excludes something else: what one leaves out, another takes. Together they match everything, as if "
        "the test were not there.",
        why='"Not A, or not B" holds for every address. Where "neither A nor B" was meant and the rules accept, all '
        "the world is let in (severity high).",
        example="pf: pass in proto tcp from { !10.0.0.0/8, !192.168.0.0/16 } to any port 22",
        remedy="Put what is to be excluded in one table or set, and negate that once",
    ),
)
#: Lists that exclude something more than once, as pf writes them.
_ADDRESSES = re.compile(r"(?:from|to)\s*\{[^}]*![^=}][^}]*![^=}][^}]*\}")
_PORTS = re.compile(r"port\s*\{[^}]*!=[^}]*!=[^}]*\}")


def run(context: Context) -> Iterator[Finding]:
    """A finding for each run of neighbouring rules that exclude different things and nothing together."""
    for chain in context.chains():
        for rule in chain.rules:
            field = _listed(rule)
            if field is not None:
                yield _finding([rule], field)
        for group in _neighbours(chain.rules):
            field = _differing(group)
            if field is not None and _everything(group, field):
                yield _finding(group, field)


def _listed(rule: FirewallRule) -> Field | None:
    """The field of which a list of the rule excludes several values, each for itself (pf), so that none is excluded."""
    if "!" not in rule.text:
        return None
    if _ADDRESSES.search(rule.text):
        for test in rule.tests:
            if isinstance(test, AddressTest) and any(test.of(family) == family.universe for family in FAMILIES):
                return test.field
    asked = {test.field for test in rule.tests if isinstance(test, IntegerTest)}
    if _PORTS.search(rule.text) and not asked & {Field.SOURCE_PORT, Field.DESTINATION_PORT}:
        return Field.DESTINATION_PORT
    return None


def _neighbours(rules: Sequence[FirewallRule]) -> Iterator[list[FirewallRule]]:
    """Runs of rules that do the same and differ in one test at most from the first."""
    group: list[FirewallRule] = []
    for rule in rules:
        if group and _alike(group[0], rule) and _differing([*group, rule]) is not None:
            group.append(rule)
            continue
        if len(group) > 1:
            yield group
        group = [rule]
    if len(group) > 1:
        yield group


def _alike(first: FirewallRule, other: FirewallRule) -> bool:
    return (
        isinstance(first.action, Decide)
        and (first.action, first.writes) == (other.action, other.writes)
        and len(first.tests) == len(other.tests)
    )


def _differing(group: Sequence[FirewallRule]) -> Field | None:
    """The field whose test differs between rules that are alike otherwise, None where there is no such field."""
    places = {
        number
        for rule in group[1:]
        for number, (one, other) in enumerate(zip(group[0].tests, rule.tests, strict=True))
        if one != other
    }
    if len(places) != 1:
        return None
    (number,) = places
    fields = {_field(rule.tests[number]) for rule in group}
    return fields.pop() if len(fields) == 1 else None


def _field(test: Test) -> Field | None:
    return test.field if isinstance(test, AddressTest | IntegerTest) else None


def _everything(group: Sequence[FirewallRule], field: Field) -> bool:
    """Whether each test is a negation, and together they hold for every value."""
    for family in FAMILIES:
        whole: Intervals = family.universe if field in (Field.SOURCE, Field.DESTINATION) else ((0, LARGEST[field]),)
        values = [_values(rule, field, family) for rule in group]
        if any(2 * size(each) <= size(whole) or each == whole for each in values):
            continue
        together: Intervals = ()
        for each in values:
            together = union(together, each)
        if together == whole:
            return True
    return False


def _values(rule: FirewallRule, field: Field, family: Family) -> Intervals:
    for test in rule.tests:
        if isinstance(test, AddressTest) and test.field is field:
            return test.of(family)
        if isinstance(test, IntegerTest) and test.field is field:
            return test.values
    return ()


def _finding(group: Sequence[FirewallRule], field: Field) -> Finding:
    places = distinct(group)
    what = "these alternatives exclude" if len(places) == 1 else f"this rule and {len(places) - 1} after it exclude"
    return finding(
        CHECK,
        f"{what} different values of the {field.value.replace('-', ' ')}, so that together they match every one",
        places[0],
        *labels(places[1:], "{} what the first one leaves out"),
        severity=Severity.HIGH if verdict_of(places[0]) is Verdict.ACCEPT else Severity.MEDIUM,
    )
