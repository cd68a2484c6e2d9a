"""The rules that pfctl makes of one line with lists, where each of them counts for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from fwadvisor.dialects.reading.pf.rules import families
from fwadvisor.dialects.reading.pf.syntax import End, Host, Interface, Rule

#: So many rules of one line are told apart.
MOST_EXPANDED = 256


def expands(rule: Rule) -> bool:
    """Whether lists make more than one rule of the line."""
    return any(length > 1 for length in _lengths(rule)) or _lists_any(rule)


def expanded(rule: Rule) -> tuple[Rule, ...]:
    """The rules of a line in pfctl's order (expand_rule in parse.y); the line itself where they are not told apart.

    That is so where they are too many, and where ``any`` is in a list, which not every pfctl takes alike.
    """
    if not expands(rule) or prod(_lengths(rule)) > MOST_EXPANDED or _lists_any(rule):
        return (rule,)
    return tuple(each for each in _products(rule) if families(each))


def _lengths(rule: Rule) -> tuple[int, ...]:
    ends = (rule.source, rule.destination)
    return (
        max(len(rule.interfaces), 1),
        max(len(rule.protocols), 1),
        len(rule.options.icmp_items) or 1,
        max(len(rule.systems), 1),
        *(max(len(end.hosts or ()), 1) for end in ends),
        *(len(end.items) or 1 for end in ends),
    )


def _lists_any(rule: Rule) -> bool:
    ends = (rule.source.hosts or (), rule.destination.hosts or ())
    return any(len(hosts) > 1 and any(host.kind == "any" for host in hosts) for hosts in ends)


def _products(rule: Rule) -> Iterator[Rule]:
    interfaces: list[tuple[Interface, ...]] = [(each,) for each in rule.interfaces] or [()]
    protocols: list[tuple[int, ...]] = [(each,) for each in rule.protocols] or [()]
    types = [replace(rule.options, icmp=each, icmp_items=()) for each in rule.options.icmp_items] or [rule.options]
    systems: list[tuple[str, ...]] = [(each,) for each in rule.systems] or [()]
    for interface, protocol, options, source, system, destination in product(
        interfaces, protocols, types, list(_ends(rule.source)), systems, list(_ends(rule.destination))
    ):
        yield replace(
            rule, interfaces=interface, protocols=protocol, options=options, source=source, systems=system,
            destination=destination,
        )  # fmt: skip


def _ends(end: End) -> Iterator[End]:
    hosts: Sequence[tuple[Host, ...] | None] = [None] if end.hosts is None else [(each,) for each in end.hosts]
    for host, ports in product(hosts, end.items or (end.ports,)):
        yield End(host, ports)
