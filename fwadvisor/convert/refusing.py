"""What keeps a firewall from being converted, with its places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from fwadvisor.convert.cutting import Cut
from fwadvisor.convert.guided import Blocked
from fwadvisor.convert.lines import Lines
from fwadvisor.convert.matching import matches_of, unsaid_words
from fwadvisor.convert.request import Request
from fwadvisor.diagnostic import Diagnostic, Label, Span, error
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall, FirewallRule, Unknown
from fwadvisor.model.rule import Hook
from fwadvisor.proof.words import flow

_MOST = 20


def not_convertible(request: Request) -> Iterator[Diagnostic]:
    """What no conversion can keep: parts that are not understood, and address translation."""
    firewall = request.firewall
    for each in firewall.opaque[:_MOST]:
        hint = "what is not understood cannot be converted; leave it out, or write it otherwise"
        yield error(f"not understood: {each.reason}", each.span, hint)
    if len(firewall.opaque) > _MOST:
        yield error(f"{len(firewall.opaque) - _MOST} more parts are not understood")
    places = {(each.span.file, each.span.line) for each in firewall.opaque}
    for rule in firewall.rules():
        if isinstance(rule.action, Unknown) and (rule.span.file, rule.span.line) not in places:
            yield error(f"not understood: {rule.action.reason}", rule.span)
    if not request.filters_only:
        for rule in list(translating(firewall))[:_MOST]:
            hint = "--filters-only converts the filter rules alone, in the addresses that they see, and says so"
            yield error(f"address translation is not converted: {rule.text}", rule.span, hint)


def translating(firewall: Firewall) -> Iterator[FirewallRule]:
    """The rules that translate addresses."""
    for rule in firewall.rules():
        if any(write.field is Field.TRANSLATION for write in rule.writes):
            yield rule


def no_hook(lines: Iterable[Lines], hook: Hook, able: Capabilities, firewall: Firewall) -> Diagnostic:
    """That the target has no such hook, and the firewall tells packets apart there."""
    rules = (line.rule for each in lines for line in each.lines if line.rule is not None)
    first = next(rules, None)
    can = ", ".join(name for name in DIALECTS if hook in dialect(name).capabilities.hooks)
    message = f"{able.title} cannot filter {hook} traffic, and {firewall.name} does"
    return error(message, first.span if first else None, f"{can} can say it")


def blocked(found: Iterable[Blocked], able: Capabilities, family: Family, hook: Hook) -> Iterator[Diagnostic]:
    """A screen for each rule that decides packets which cannot be said."""
    rules: dict[int, Blocked] = {}
    for each in (each.cause or each for each in found):
        rules.setdefault(id(each.rule), each)
    for each in rules.values():
        witness = each.packets.witness()
        what = list(_unsaid(each, family, hook)) or ["such packets"]
        shown = f", for one {flow(witness)}" if witness else ""
        yield error(
            f"no rule of ours can say {' and '.join(what)}, as {able.title} would need it here: {hook}{shown}",
            each.rule.span if each.rule else None,
            "--allow-approximate leaves out such a rule where it accepts, and widens it where it closes",
        )


def _unsaid(each: Blocked, family: Family, hook: Hook) -> Iterator[str]:
    tests = [
        test for matched in (matches_of(each.rule.tests, family, hook) if each.rule else ()) for test in matched.unsaid
    ]
    boxes = each.packets.boxes() if not tests else ()
    for box in islice(boxes, _MOST):
        tests += (test for matched in matches_of(box.tests(), family, hook) for test in matched.unsaid)
    yield from dict.fromkeys(map(unsaid_words, tests))


def cutting(found: Iterable[Cut], lost: Mapping[int, Blocked], name: str) -> Iterator[Diagnostic]:
    """That nobody can want the text, with the rule that is lost and what could not be said."""
    rules: dict[int, Cut] = {}
    for each in found:
        rules.setdefault(id(each.rule), each)
    for each in rules.values():
        cause = lost.get(id(each.rule))
        words = " and ".join(_unsaid(cause, each.family, each.hook)) if cause else ""
        before = cause.rule if cause and cause.rule is not each.rule else None
        yield error(
            f"the text would cut {each.what} that {name} accepts here: {each.hook}, IPv{each.family.value}",
            each.rule.span,
            f"no rule of ours can say {words or 'what it asks'}: take that out of the source, then convert again",
            *([Label(before.span, "decides before it")] if before else []),
        )


def unable(rule: FirewallRule | None, what: str, able: Capabilities, others: Iterable[str]) -> Diagnostic:
    """That a dialect lacks a word."""
    names = ", ".join(others)
    span: Span | None = rule.span if rule else None
    hint = f"{names} can say it; --allow-approximate writes a narrower rule" if names else "no dialect can say it"
    return error(f"{able.title} cannot say {what}", span, hint)
