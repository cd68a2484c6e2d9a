"""Whether a dialect can say a ruleset: what it cannot is an error, or with leave a narrower rule and a note.

Narrower always means that less is accepted: an accept rule that cannot be said is left out, a closing rule
loses the condition that cannot be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Capabilities
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import (
    PORT_PROTOCOLS,
    Chain,
    Hook,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    Verdict,
    protocol_name,
)
from fwadvisor.resources import source_line


def fit(ruleset: Ruleset, capabilities: Capabilities, *, approximate: bool = False) -> tuple[Ruleset, list[Note]]:
    """The ruleset as the dialect can say it, and notes on every difference.

    Raises:
        InexpressibleError: something cannot be said, and `approximate` is off or would accept more.
    """
    chains: list[Chain] = []
    notes: list[Note] = []
    problems: list[Diagnostic] = []
    for chain in ruleset.chains:
        if chain.hook not in capabilities.hooks:
            if not chain.rules and chain.hook is Hook.FORWARD:
                notes.append(_note(capabilities, "forwarding is not filtered; it is off unless somebody turned it on."))
            elif _only_passes(chain):
                notes.append(_note(capabilities, f"{chain.hook} is not filtered, as the policy asks."))
            else:
                problems.append(_no_hook(chain, capabilities))
            continue
        if not chain.rules and chain.hook is Hook.FORWARD and chain.default is not Verdict.ACCEPT:
            notes.append(_forwards_nothing(capabilities))
        chains.append(_fit_chain(chain, capabilities, approximate, notes, problems))
    if problems:
        raise InexpressibleError(problems)
    return replace(ruleset, chains=tuple(chains)), list(dict.fromkeys(notes))


def _only_passes(chain: Chain) -> bool:
    return chain.default is Verdict.ACCEPT and all(rule.origin.kind is OriginKind.BASELINE for rule in chain.rules)


def _forwards_nothing(capabilities: Capabilities) -> Note:
    """What a closed forward chain does to those who live on a host."""
    return Note(
        id="forwards-nothing",
        topic=Topic.LIMIT,
        text="A host forwards nothing: containers and virtual machines on it lose their network, unless a profile "
        "says  defaults: {forward: accept}  and leaves them to their own rules.",
        dialects=(capabilities.dialect,),
    )


def _note(capabilities: Capabilities, text: str, origin: Origin | None = None) -> Note:
    return Note(
        id="narrowed" if origin else "not-said",
        topic=Topic.LIMIT,
        text=f"{capabilities.title}: {text}",
        dialects=(capabilities.dialect,),
        places=(origin.place,) if origin and origin.place else (),
    )


def _able(can: Callable[[Capabilities], bool]) -> str:
    names = [name for name in DIALECTS if can(dialect(name).capabilities)]
    return f"{', '.join(names)} can say it" if names else "no dialect can say it"


def _no_hook(chain: Chain, capabilities: Capabilities) -> Diagnostic:
    hook = chain.hook
    first = next((rule for rule in chain.rules if rule.origin.place), None)
    return error(
        f"{capabilities.title} cannot filter {hook} traffic: it protects the machine itself and is no gateway firewall",
        _span(first.origin) if first else None,
        f"leave {capabilities.dialect} out of the targets; {_able(lambda other: hook in other.hooks)}",
    )


def _span(origin: Origin) -> Span | None:
    place = origin.place
    if place is None:
        return None
    source = source_line(place.file, place.line)
    return Span(place.file, place.line, place.column, max(1, len(source) - place.column + 1), source)


def _fit_chain(
    chain: Chain, capabilities: Capabilities, approximate: bool, notes: list[Note], problems: list[Diagnostic]
) -> Chain:
    rules: list[Rule] = []
    for rule in chain.rules:
        fitted = _fit_rule(rule, capabilities, approximate, notes, problems)
        if fitted is not None:
            rules.append(fitted)
    default = chain.default
    if default not in capabilities.verdicts:
        rule = Rule(Match(), default, Origin(kind=OriginKind.DEFAULT, text=f"the default of {chain.hook}"))
        default = Verdict.DROP
        _refuse(rule, f'the verdict "{rule.verdict}"', _says_verdict(rule.verdict), capabilities, approximate, problems)
        notes.append(_note(capabilities, f"the default of {chain.hook} drops instead of rejecting.", rule.origin))
    if chain.default_log and not capabilities.log:
        notes.append(_note(capabilities, "single rules cannot log; use the profile's log of dropped packets."))
    return replace(chain, rules=tuple(rules), default=default)


def _says_verdict(verdict: Verdict) -> Callable[[Capabilities], bool]:
    return lambda capabilities: verdict in capabilities.verdicts


def _refuse(
    rule: Rule,
    what: str,
    can: Callable[[Capabilities], bool],
    capabilities: Capabilities,
    approximate: bool,
    problems: list[Diagnostic],
) -> None:
    if not approximate:
        problems.append(
            error(
                f'{capabilities.title} cannot say {what} of the rule "{rule.origin.text}"',
                _span(rule.origin),
                f"{_able(can)}; --allow-approximate writes a narrower rule and notes it",
            )
        )


def _fit_rule(
    rule: Rule, capabilities: Capabilities, approximate: bool, notes: list[Note], problems: list[Diagnostic]
) -> Rule | None:
    if rule.verdict not in capabilities.verdicts:
        _refuse(rule, f'the verdict "{rule.verdict}"', _says_verdict(rule.verdict), capabilities, approximate, problems)
        notes.append(_note(capabilities, f'"{rule.origin.text}" drops instead of rejecting.', rule.origin))
        rule = replace(rule, verdict=Verdict.DROP)
    if rule.log and not capabilities.log:
        notes.append(_note(capabilities, "single rules cannot log; use the profile's log of dropped packets."))
        rule = replace(rule, log=None)
    match = _sayable(rule, capabilities, approximate, problems)
    if match == rule.match:
        return rule
    if rule.verdict is Verdict.ACCEPT:
        notes.append(_note(capabilities, f'"{rule.origin.text}" is left out: it stays closed.', rule.origin))
        return None
    notes.append(_note(capabilities, f'"{rule.origin.text}" closes more than the policy asks.', rule.origin))
    return replace(rule, match=match)


def _sayable(rule: Rule, capabilities: Capabilities, approximate: bool, problems: list[Diagnostic]) -> Match:
    """The match without the conditions that the dialect cannot say."""
    match = rule.match
    if match.source_ports is not None or match.destination_ports is not None:
        unsaid = [p for p in match.protocols if p in PORT_PROTOCOLS and p not in capabilities.port_protocols]
        if unsaid:
            names = ", ".join(protocol_name(protocol) for protocol in unsaid)
            _refuse(
                rule,
                f"the {names} ports",
                lambda other: other.port_protocols.issuperset(unsaid),
                capabilities,
                approximate,
                problems,
            )
            match = replace(match, source_ports=None, destination_ports=None)
    names_in_use = (*match.in_interfaces, *match.out_interfaces)
    odd = [name for name in names_in_use if not _is_symbol(name) and not _fits(name, capabilities)]
    if odd:
        _refuse(
            rule,
            f'the interface name "{odd[0]}"',
            lambda other: all(_fits(name, other) for name in odd),
            capabilities,
            approximate,
            problems,
        )
        match = replace(match, in_interfaces=(), out_interfaces=())
    return match


def _is_symbol(name: str) -> bool:
    return name.startswith("<")


def _fits(name: str, capabilities: Capabilities) -> bool:
    return re.fullmatch(capabilities.interface_pattern, name) is not None
