"""IPv6 that is meant to work, without the packets that it cannot work without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.diagnostic import Label, Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Test
from fwadvisor.model.rule import ICMPV6, TCP, UDP, Hook, State
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.reach import Plain
from fwadvisor.review.checks.regions import BEGINS, NEW, away, one, states
from fwadvisor.review.checks.words import chain_word
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="missing-neighbour-discovery",
    title="IPv6 without neighbour discovery",
    severity=Severity.HIGH,
    page=Page(
        what="IPv6 connections are accepted, but none of the ICMPv6 packets by which machines on a link find each "
        "other (neighbour solicitation 135 and advertisement 136, RFC 4861), or none of the messages that a packet "
        "is too big (2). Where a host hears no router advertisements (134), that is information.",
        why="Neighbour discovery does for IPv6 what ARP does for IPv4, and ARP passes no such firewall. Without it "
        "every IPv6 connection fails sooner or later, often minutes after the rules were loaded. Routers do not "
        "fragment IPv6, so that connections hang where nobody says that a packet is too big.",
        example="ip6tables: -P INPUT DROP\nip6tables: -A INPUT -p tcp --dport 443 -j ACCEPT",
        remedy="Accept ICMPv6 types 133 to 136 and 1 to 4 on input and output",
    ),
)
#: Netfilter does not track neighbour discovery (nf_conntrack_proto_icmpv6): its packets are of no connection.
_NETFILTER = ("iptables", "nftables")
_TOO_BIG, _ADVERTISEMENT, _SOLICIT, _ADVERT = 2, 134, 135, 136
_WORDS = {_SOLICIT: "neighbour solicitations (135)", _ADVERT: "neighbour advertisements (136)"}
_REMEDIES = {
    "iptables": "ip6tables: -A {chain} -p ipv6-icmp --icmpv6-type {number} -j ACCEPT, a line for each of the types",
    "nftables": "icmpv6 type {{ {numbers} }} accept",
    "pf": "pass quick inet6 proto icmp6 icmp6-type {{ {numbers} }} no state",
    "windows": "Enable the group Core Networking, or allow ICMPv6 types {numbers}",
}


def run(context: Context) -> Iterator[Finding]:
    """Findings about neighbour discovery, errors and router advertisements."""
    if Family.IPV6 not in context.firewall.families or not _wanted(context):
        return
    for hook in (Hook.INPUT, Hook.OUTPUT):
        if hook in context.firewall.hooks:
            yield from _discovery(context, hook)
    if State.RELATED not in context.firewall.implicit:
        for hook in (Hook.INPUT, Hook.FORWARD):
            if hook in context.firewall.hooks:
                yield from _too_big(context, hook)


def _asked(context: Context, hook: Hook, type: int, state: Test) -> Plain:
    region = (state, one(Field.PROTOCOL, ICMPV6), one(Field.ICMP, type * 256), away(hook))
    return context.reach.plain(hook, Family.IPV6, region)


def _wanted(context: Context) -> bool:
    """Whether some IPv6 connection can begin here or be answered: else nobody misses anything."""
    if not any(_refuses(context, hook) for hook in (Hook.INPUT, Hook.OUTPUT, Hook.FORWARD)):
        return False
    if _accepts(context, Hook.INPUT, NEW):
        return True
    return _accepts(context, Hook.OUTPUT, NEW) and (
        State.ESTABLISHED in context.firewall.implicit or _accepts(context, Hook.INPUT, states(State.ESTABLISHED))
    )


def _refuses(context: Context, hook: Hook) -> bool:
    """Whether packets are refused there that this check asks about."""
    if hook not in context.firewall.hooks:
        return False
    if hook is Hook.FORWARD:
        return _asked(context, hook, _TOO_BIG, states(State.RELATED)).refused
    untracked = _untracked(context)
    types = (_SOLICIT, _ADVERT, _ADVERTISEMENT)
    return any(_asked(context, hook, each, untracked).refused for each in types) or (
        State.RELATED not in context.firewall.implicit
        and _asked(context, hook, _TOO_BIG, states(State.RELATED)).refused
    )


def _accepts(context: Context, hook: Hook, state: Test) -> bool:
    if hook not in context.firewall.hooks:
        return False
    begins = (BEGINS,) if state is NEW else ()
    return context.reach.accepts(hook, Family.IPV6, (state, *begins, one(Field.PROTOCOL, TCP, UDP), away(hook)))


def _untracked(context: Context) -> Test:
    return states(State.UNTRACKED) if context.firewall.dialect in _NETFILTER else NEW


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Where packets of some types are refused."""

    types: list[int]
    spans: list[Span]
    chain: str


def _refusal(context: Context, hook: Hook, types: tuple[int, ...], state: Test) -> _Refusal:
    refused: list[int] = []
    spans: dict[Span, None] = {}
    chain = ""
    for type in types:
        plain = _asked(context, hook, type, state)
        if plain.refused:
            refused.append(type)
            for step in plain.steps():
                chain = chain or chain_word(step.chain)
                span = deciding_span(context.firewall, step)
                if span is not None:
                    spans[span] = None
    return _Refusal(refused, list(spans), chain)


def _discovery(context: Context, hook: Hook) -> Iterator[Finding]:
    refusal = _refusal(context, hook, (_SOLICIT, _ADVERT), _untracked(context))
    way = "in" if hook is Hook.INPUT else "out"
    if refusal.types:
        words = " and ".join(_WORDS[each] for each in refusal.types)
        windows = context.firewall.dialect == "windows"
        yield _finding(
            context,
            refusal,
            f"IPv6 connections are accepted, but {words} do not get {way}: IPv6 fails on every link",
            Severity.INFO if windows else Severity.HIGH,
            f"{way} {refusal.types}",
        )
    elif hook is Hook.INPUT and _is_host(context):
        refusal = _refusal(context, hook, (_ADVERTISEMENT,), _untracked(context))
        if refusal.types:
            message = "router advertisements (134) do not get in: this host needs its IPv6 address and router by hand"
            yield _finding(context, refusal, message, Severity.INFO, "advertisements")


def _is_host(context: Context) -> bool:
    return not _accepts(context, Hook.FORWARD, NEW)


def _too_big(context: Context, hook: Hook) -> Iterator[Finding]:
    if hook is Hook.FORWARD and _is_host(context):
        return
    refusal = _refusal(context, hook, (_TOO_BIG,), states(State.RELATED))
    if refusal.types:
        way = "in" if hook is Hook.INPUT else "through"
        message = f"no message that an IPv6 packet is too big (2) gets {way}: connections hang where a link is narrower"
        yield _finding(context, refusal, message, Severity.MEDIUM, f"{hook} too big")


def _finding(context: Context, refusal: _Refusal, message: str, severity: Severity, about: str) -> Finding:
    numbers = ", ".join(map(str, refusal.types))
    first = refusal.spans[0] if refusal.spans else None
    remedy = _REMEDIES.get(context.firewall.dialect, CHECK.page.remedy)
    return finding(
        CHECK,
        message,
        first,
        *(Label(span, "packets of these types are refused here too") for span in refusal.spans[1:]),
        note="packets of these types are refused here",
        severity=severity,
        remedy=remedy.format(chain=refusal.chain, number=refusal.types[0], numbers=numbers),
        about=about,
    )
