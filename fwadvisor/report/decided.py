"""The rules of several dialects side by side: which ones all share, and which only some have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from fwadvisor.compile import Compilation
from fwadvisor.model.address import AddressSet, describe_addresses
from fwadvisor.model.interval import format_ports
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import LOOPBACK, Chain, Hook, Match, Rule, Verdict, protocol_name


@dataclass(frozen=True, slots=True)
class SharedRule:
    """A rule in words, and the dialects that have it; () means all."""

    rule: Rule
    dialects: tuple[str, ...]
    traffic: str
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class SharedChain:
    """The rules of one hook over all dialects that have it."""

    hook: Hook
    default: Verdict
    rules: tuple[SharedRule, ...]
    dialects: tuple[str, ...]


def shared_chains(compilations: Mapping[str, Compilation]) -> list[SharedChain]:
    """The chains of all dialects merged rule by rule, in order of first appearance."""
    found: list[SharedChain] = []
    ends: _Ends = {}
    for hook in Hook:
        chains = {
            name: chain
            for name, compiled in compilations.items()
            for chain in compiled.ruleset.chains
            if chain.hook is hook
        }
        if not chains:
            continue
        shared = tuple(
            _shared(rule, () if len(names) == len(chains) else tuple(name for name in chains if name in names), ends)
            for rule, names in _merged(chains)
        )
        default = next(iter(chains.values())).default
        found.append(SharedChain(hook, default, shared, () if len(chains) == len(compilations) else tuple(chains)))
    return found


#: The words for the ends met so far, by the identity of the addresses: zones are few, and rules many.
_Ends: TypeAlias = dict[tuple[int, tuple[str, ...]], str]


def _shared(rule: Rule, dialects: tuple[str, ...], ends: _Ends) -> SharedRule:
    match = rule.match
    texts = []
    for addresses, interfaces in ((match.source, match.in_interfaces), (match.destination, match.out_interfaces)):
        key = id(addresses), interfaces
        text = ends.get(key)
        if text is None:
            text = ends[key] = describe_end(addresses, interfaces)
        texts.append(text)
    return SharedRule(rule, dialects, describe_traffic(match), *texts)


def _merged(chains: Mapping[str, Chain]) -> list[tuple[Rule, list[str]]]:
    """The rules of all chains, each once with the dialects that have it.

    A rule that only some have stands where those evaluate it: behind the rule that precedes it there.
    """
    groups: list[tuple[tuple[Rule, ...], list[str]]] = []
    for name, chain in chains.items():
        for rules, names in groups:
            if rules == chain.rules:
                names.append(name)
                break
        else:
            groups.append((chain.rules, [name]))
    if len(groups) == 1:
        rules, names = groups[0]
        return [(rule, names) for rule in rules]
    return _interleaved(groups)


def _interleaved(groups: list[tuple[tuple[Rule, ...], list[str]]]) -> list[tuple[Rule, list[str]]]:
    found: dict[tuple[object, ...], tuple[Rule, list[str]]] = {}
    order: list[tuple[object, ...]] = []
    for rules, names in groups:
        new: list[tuple[object, ...]] = []
        behind: dict[tuple[object, ...] | None, list[tuple[object, ...]]] = {}
        previous: tuple[object, ...] | None = None
        for rule in rules:
            key: tuple[object, ...] = (rule.match, rule.verdict, rule.origin.text)
            if key in found:
                previous = key
            else:
                behind.setdefault(previous, []).append(key)
                found[key] = (rule, [])
            found[key][1].extend(names)
        new += behind.get(None, ())
        for key in order:
            new += (key, *behind.get(key, ()))
        order = new
    return [found[key] for key in order]


def shared_notes(compilations: Mapping[str, Compilation]) -> list[Note]:
    """The notes of all dialects: equal ones once, with the dialects that they concern."""
    found: dict[Note, list[str]] = {}
    for name, compiled in compilations.items():
        for note in compiled.notes:
            plain = replace(note, dialects=())
            names = found.setdefault(plain, [])
            if name not in names:
                names.append(name)
    order = {topic: index for index, topic in enumerate(Topic)}
    merged = [
        note if len(names) == len(compilations) and len(names) > 1 else replace(note, dialects=tuple(names))
        for note, names in found.items()
    ]
    return sorted(merged, key=lambda note: order[note.topic])


def describe_traffic(match: Match) -> str:
    """Protocol, ports, ICMP types and states of a match in a few words."""
    parts = [",".join(protocol_name(protocol) for protocol in match.protocols) or "any protocol"]
    if match.icmp:
        parts.append(",".join(f"{i.type}" if i.code is None else f"{i.type}:{i.code}" for i in match.icmp))
    if match.destination_ports is not None:
        parts.append(format_ports(match.destination_ports))
    if match.source_ports is not None:
        parts.append(f"from port {format_ports(match.source_ports)}")
    if match.states:
        parts.append("state " + ",".join(match.states))
    if match.helpers:
        parts.append("by helper " + ", ".join(match.helpers))
    if match.family is not None:
        parts.append(f"IPv{match.family.value}")
    return " ".join(parts)


def describe_end(addresses: AddressSet | None, interfaces: tuple[str, ...]) -> str:
    """One end of a match: addresses and interfaces."""
    if LOOPBACK in interfaces:
        return "loopback"
    words = describe_addresses(addresses)
    return f"{words} on {', '.join(interfaces)}" if interfaces else words
