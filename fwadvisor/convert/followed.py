"""Connection-tracking helpers that a firewall assigns, as assignments of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fwadvisor.convert.matching import matches_of
from fwadvisor.convert.straight import Made
from fwadvisor.convert.twins import together
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall, FirewallChain, FirewallRule, Jump, Test
from fwadvisor.model.rule import HelperAssignment, Hook, State, Verdict


def assigned(firewall: Firewall, hook: Hook) -> tuple[HelperAssignment, ...]:
    """The helpers that connections of a hook get, by the rules that assign them."""
    made: dict[str, dict[Family, list[Made]]] = {}
    for family in firewall.families:
        for base in firewall.asked(hook, family):
            for helper, rule, tests in _assigning(firewall, firewall.chains[base.chain], ()):
                for matched in matches_of(tests, family, hook):
                    match = matched.match
                    if matched.unsaid or len(match.protocols) != 1 or match.destination_ports is None:
                        continue
                    if match.states and State.NEW not in match.states:
                        continue
                    plain = replace(match, states=())
                    families = made.setdefault(helper, {each: [] for each in firewall.families})
                    families[family].append(Made(plain, Verdict.ACCEPT, rule))
    return tuple(
        HelperAssignment(helper=helper, hook=hook, match=rule.match, origin=rule.origin)
        for helper, families in made.items()
        for rule in together(families)
    )


def _assigning(
    firewall: Firewall, chain: FirewallChain, path: tuple[Test, ...]
) -> Iterator[tuple[str, FirewallRule, tuple[Test, ...]]]:
    """Each rule that assigns a helper, with all tests that lead to it."""
    for rule in chain.rules:
        tests = (*path, *rule.tests)
        for write in rule.writes:
            if write.field is Field.ASSIGNED_HELPER:
                yield str(write.value), rule, tests
        if isinstance(rule.action, Jump):
            yield from _assigning(firewall, firewall.chains[rule.action.chain], tests)
