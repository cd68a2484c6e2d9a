"""Which base chains count where it is asked what accepts a packet.

A packet that is accepted is accepted by each base chain that it passes, most of which refuse nothing: those of nat
and mangle tables, of raw ones. What people would change stands in the chains that refuse; of several, in the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import BaseChain, Decide, Field, Firewall, FirewallChain, Jump, Point, Unknown
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets.deciders import Numbered


def counting(
    told: Numbered, hook: Hook, family: Family, *, beside: Firewall | None = None, entering: bool = False
) -> Numbered:
    """The same with deciders of those base chains only that count.

    Those that refuse in the version `beside` it count as well: here they may have ceased to. With `entering`, of
    packets that pf forwards it is the rule that lets them in, also where the way out is barred.
    """
    firewall = told.firewall
    bases = firewall.asked(hook, family)
    there = {base.chain for base in beside.asked(hook, family) if _refuses(beside, base)} if beside else set()
    refusing = [base for base in bases if _refuses(firewall, base) or base.chain in there]
    counted = _reached(firewall, _counted(firewall, hook, bases, refusing, entering))
    silent = _reached(firewall, bases) - counted
    if not silent:
        return told
    chains = {name: _silent(chain) if name in silent else chain for name, chain in firewall.chains.items()}
    return Numbered(replace(firewall, chains=chains), told.steps)


def _counted(
    firewall: Firewall, hook: Hook, bases: Iterable[BaseChain], refusing: list[BaseChain], entering: bool
) -> list[BaseChain]:
    if entering and firewall.dialect == "pf" and hook is Hook.FORWARD:
        refusing = [base for base in refusing if base.point is Point.PREROUTING] or refusing
    return refusing or [base for base in bases if firewall.chains[base.chain].rules] or list(bases)


def _refuses(firewall: Firewall, base: BaseChain) -> bool:
    return base.default is not Verdict.ACCEPT or any(
        isinstance(rule.action, Unknown)
        or (isinstance(rule.action, Decide) and rule.action.verdict is not Verdict.ACCEPT)
        for name in _reached(firewall, (base,))
        for rule in firewall.chains[name].rules
    )


def _reached(firewall: Firewall, bases: Iterable[BaseChain]) -> set[str]:
    found: set[str] = set()
    waiting = [base.chain for base in bases]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each.action.chain for each in firewall.chains[name].rules if isinstance(each.action, Jump)]
    return found


def _silent(chain: FirewallChain) -> FirewallChain:
    """The chain without what it says of who decides."""
    rules = (
        replace(rule, writes=tuple(write for write in rule.writes if write.field is not Field.DECIDER))
        for rule in chain.rules
    )
    return replace(chain, rules=tuple(rules))
