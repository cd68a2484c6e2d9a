"""Rules of pf that ask for a table which nothing defines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.reading.pf.tables import UNDEFINED
from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.rule import Verdict
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.words import distinct, does, labels, verdict_of
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="undefined-pf-table",
    title="Undefined table",
    severity=Severity.HIGH,
    page=Page(
        what="A rule of pf asks for `<table>`, and no line of the files defines a table of that name. pf loads them "
        "without a word and takes the table for empty until somebody fills it with pfctl. Of rules that pfctl printed "
        "nothing is said: the tables of the machine do not stand there.",
        why="A rule that blocks the addresses of the table blocks nobody, and one that passes all but them passes "
        "everybody (high). A rule that passes them passes nobody (medium).",
        example="pf: table <trusted> { 10.0.0.0/8 }\npf: block in quick from ! <trustd>",
        remedy="Spell the name as in its definition, or define the table: table <NAME> persist { ... }",
    ),
)
_NAME = re.compile(re.escape(UNDEFINED).replace(r"\{\}", "(.+)"))


def run(context: Context) -> Iterator[Finding]:
    """A finding for each table that is asked for and not defined."""
    if context.firewall.dialect != "pf":
        return
    for warning in context.firewall.warnings:
        found = _NAME.fullmatch(warning.message)
        if found:
            yield _finding(context, found[1], warning)


def _finding(context: Context, name: str, warning: Diagnostic) -> Finding:
    asking = re.compile(rf"(!?)\s*<{re.escape(name)}>")
    rules = distinct(rule for rule in context.firewall.rules() if asking.search(rule.text))
    inverted = {id(rule) for rule in rules if any(mark == "!" for mark in asking.findall(rule.text))}
    worst = Severity.MEDIUM
    effects = []
    for rule in rules:
        effect, severity = _effect(rule, id(rule) in inverted)
        effects.append(effect)
        worst = min(worst, severity, key=lambda each: each.rank)
    what = effects[0] if effects else "what asks for it finds nothing"
    return finding(
        CHECK,
        f"table <{name}> is not defined and so empty: {what}",
        rules[0] if rules else warning.span,
        *warning.labels,
        *labels(rules[1:], "this rule asks for it too, and {}"),
        severity=worst,
        remedy=warning.hint or CHECK.page.remedy.replace("NAME", name),
        about=f"<{name}>",
    )


def _effect(rule: FirewallRule, inverted: bool) -> tuple[str, Severity]:
    if inverted:
        severity = Severity.HIGH if verdict_of(rule) is Verdict.ACCEPT else Severity.MEDIUM
        return f"this rule {does(rule)} packets of every address", severity
    severity = Severity.MEDIUM if verdict_of(rule) is Verdict.ACCEPT else Severity.HIGH
    return f"this rule {does(rule)} nothing", severity
