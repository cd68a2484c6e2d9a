"""Which chains jump where: cycles and depth, as the kernel checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.model.firewall import FirewallChain, FirewallRule, Jump

#: The kernel's NFT_JUMP_STACK_SIZE.
MOST_JUMPS = 16


def wrong_jumps(chains: Mapping[str, FirewallChain], bases: Iterable[str]) -> list[Diagnostic]:
    """Why the kernel would refuse the chains: jumps in a circle, or too many in a row from a base chain."""
    jumps = {
        name: {rule.action.chain: rule for rule in chain.rules if isinstance(rule.action, Jump)}
        for name, chain in chains.items()
    }
    order, cycle = _order(jumps)
    if cycle:
        rule = jumps[cycle[0]][cycle[1]]
        return [error(f"chains jump in a circle: {' -> '.join(cycle)}", rule.span)]
    depth = dict.fromkeys(jumps, 0)
    for name in order:
        depth[name] = max((depth[each] + 1 for each in jumps[name]), default=0)
    return [
        error(
            f"chain {name} jumps {depth[name]} deep, and the kernel follows no more than {MOST_JUMPS - 1}",
            chains[name].span,
        )
        for name in bases
        if depth[name] >= MOST_JUMPS
    ]


def _order(jumps: Mapping[str, Mapping[str, FirewallRule]]) -> tuple[list[str], list[str]]:
    """The chains, those that others jump to first; or a cycle, its first name again at the end."""
    done: dict[str, bool] = {}
    order: list[str] = []
    for start in jumps:
        if start in done:
            continue
        path = [start]
        open_ones = [iter(jumps[start])]
        done[start] = False
        while path:
            following = next(open_ones[-1], None)
            if following is None:
                done[path[-1]] = True
                order.append(path.pop())
                open_ones.pop()
            elif following not in done:
                done[following] = False
                path.append(following)
                open_ones.append(iter(jumps[following]))
            elif not done[following]:
                return [], [*path[path.index(following) :], following]
    return order, []
