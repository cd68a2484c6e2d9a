"""The overlap index of a chain as it stands in its firewall."""

from __future__ import annotations

from collections.abc import Mapping

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall, Jump
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets.overlap import Overlap
from fwadvisor.packets.overlap_meter import Limits
from fwadvisor.packets.overlap_order import Called
from fwadvisor.packets.overlap_possible import impossible, unasked


def overlap_of(
    firewall: Firewall,
    chain: str,
    hook: Hook,
    family: Family,
    *,
    called: Mapping[str, Called] | None = None,
    limits: Limits | None = None,
) -> Overlap:
    """The index of one chain for the packets of a hook and family that can be and that the firewall speaks of.

    The end of a chain that is a base chain, and is called from nowhere, is its default; else it is a return. Of
    called chains that `called` does not tell of, the fields are looked up that they may write, and no more.

    Raises:
        BudgetError: alternatives of rules multiply beyond the limit.
        KeyError: the firewall has no such chain.
        ValueError: verdicts that stand and returns or gotos are in the chain.
    """
    rules = firewall.chains[chain].rules
    told = {
        rule.action.chain: Called(writes=written(firewall, rule.action.chain))
        for rule in rules
        if isinstance(rule.action, Jump)
    }
    return Overlap(
        rules,
        hook,
        family,
        _default(firewall, chain, hook, family),
        called={**told, **(called or {})},
        impossible=(*impossible(hook, family), *unasked(firewall, hook, family)),
        chain=chain,
        limits=limits,
    )


def written(firewall: Firewall, chain: str) -> frozenset[Field]:
    """The fields that rules of a chain, and of all that it calls, may write."""
    seen = {chain}
    waiting = [chain]
    fields: set[Field] = set()
    while waiting:
        for rule in firewall.chains[waiting.pop()].rules:
            fields.update(write.field for write in rule.writes)
            if isinstance(rule.action, Jump) and rule.action.chain not in seen:
                seen.add(rule.action.chain)
                waiting.append(rule.action.chain)
    return frozenset(fields)


def _default(firewall: Firewall, chain: str, hook: Hook, family: Family) -> Verdict | None:
    defaults = {base.default for base in firewall.asked(hook, family) if base.chain == chain}
    called = any(isinstance(rule.action, Jump) and rule.action.chain == chain for rule in firewall.rules())
    return defaults.pop() if len(defaults) == 1 and not called else None
