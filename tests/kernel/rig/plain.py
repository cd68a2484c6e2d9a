"""The most literal nftables text of a ruleset, one line a rule, to hold the walk itself against the kernel.

It shares nothing with the product's writers, so that a mistake in them cannot hide one in the meaning.
"""

from __future__ import annotations

from fwadvisor.model.address import AddressSet, Family, format_ranges
from fwadvisor.model.interval import Intervals, format_ports
from fwadvisor.model.rule import LOOPBACK, Chain, Match, Rule, Ruleset, Verdict


def _set(values: list[str]) -> str:
    return "{ " + ", ".join(values) + " }"


def _interfaces(key: str, names: tuple[str, ...]) -> list[str]:
    return [f"{key} {_set(['lo' if name == LOOPBACK else name for name in names])}"] if names else []


def _addresses(key: str, addresses: AddressSet | None, family: Family) -> list[str]:
    if addresses is None:
        return []
    return [
        f"{'ip' if family is Family.IPV4 else 'ip6'} {key} {_set(list(format_ranges(addresses.of(family), family)))}"
    ]


def _ports(key: str, ports: Intervals | None) -> list[str]:
    return [] if ports is None else [f"th {key} {{ {format_ports(ports)} }}"]


def _icmp(match: Match, family: Family) -> list[list[str]]:
    name = "icmp" if family is Family.IPV4 else "icmpv6"
    return [
        [f"{name} type {kind.type}"] + ([] if kind.code is None else [f"{name} code {kind.code}"])
        for kind in match.icmp
    ] or [[]]


def _lines(rule: Rule) -> list[str]:
    match, lines = rule.match, []
    for family in match.families():
        parts = [f"meta nfproto ipv{family}"]
        parts += _interfaces("iifname", match.in_interfaces) + _interfaces("oifname", match.out_interfaces)
        if match.protocols:
            parts.append(f"meta l4proto {_set([str(number) for number in match.protocols])}")
        parts += _addresses("saddr", match.source, family) + _addresses("daddr", match.destination, family)
        parts += _ports("sport", match.source_ports) + _ports("dport", match.destination_ports)
        if match.states:
            parts.append(f"ct state {_set([state.value for state in match.states])}")
        lines += [" ".join([*parts, *kind, rule.verdict.value]) for kind in _icmp(match, family)]
    return lines


def _chain(chain: Chain) -> str:
    lines = [f"type filter hook {chain.hook} priority 0; policy accept;"]
    for rule in chain.rules:
        lines += _lines(rule)
    lines.append(chain.default.value if chain.default is not Verdict.REJECT else "reject")
    return f"chain {chain.hook} {{\n" + "\n".join(lines) + "\n}\n"


def plain(ruleset: Ruleset) -> str:
    """The ruleset for `nft -f`, in place of the one before; helper assignments and logging left out."""
    return (
        "table inet plain\ndelete table inet plain\ntable inet plain {\n"
        + "".join(_chain(chain) for chain in ruleset.chains)
        + "}\n"
    )
