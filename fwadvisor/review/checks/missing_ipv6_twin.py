"""Ports that are closed in IPv4 and open in IPv6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fwadvisor.diagnostic import Label
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, IntegerTest
from fwadvisor.model.interval import Intervals, contains, format_ports, normalize, subtract, union
from fwadvisor.model.rule import Hook, protocol_name
from fwadvisor.ports.facts import Port, Transport
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import REFUSED, Entry
from fwadvisor.review.checks.regions import BEGINS, FROM_A_CLIENT, TRANSPORTS
from fwadvisor.review.checks.services import SEVERITIES, named, services, shown, where
from fwadvisor.review.checks.words import chain_word
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="missing-ipv6-twin",
    title="Closed in IPv4, open in IPv6",
    severity=Severity.HIGH,
    page=Page(
        what="Strangers can begin connections over IPv6 to ports (or protocols) to which they cannot over IPv4. "
        "Compared are protocols and ports, whatever the addresses. Where the files have no IPv6 rules at all, that is "
        "said; where they do not speak of IPv6, that is information.",
        why="Most machines have IPv6 addresses today, whether somebody asked for them or not. Whoever finds the IPv4 "
        "port closed tries the other address.",
        example="iptables.v4: :INPUT DROP [0:0]\niptables.v6: :INPUT ACCEPT [0:0]",
        remedy="Write the same rules for IPv6, or a default that drops",
    ),
)
_REMEDIES = {
    "iptables": "Write the same rules for ip6tables, with a policy of DROP",
    "nftables": "Use one table of family inet for both, with `policy drop;`",
    "pf": "Leave out inet from rules that are for both, and begin with `block all`",
    "windows": "Leave out IPv6 addresses from the rule that opens it, or add a Block rule",
}
#: The port that is shown where many are open.
_USUAL = 22
#: So many protocols are named.
_MOST = 4
#: Protocols of IP itself and its errors, which differ between the versions (RFC 4443, 8200).
_OWN = normalize((number, number) for number in (0, 1, 2, 43, 44, 58, 59, 60, 135))
#: DHCP in its two versions; a client must hear the answers.
_CLIENTS = {Transport.UDP: ((68, 68), (546, 546))}
_PORTLESS = normalize((values[0][0], values[0][0]) for values in (test.values for test in TRANSPORTS.values()))


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule or default that lets strangers in over IPv6 to what is closed in IPv4."""
    firewall = context.firewall
    if firewall.families == (Family.IPV4,):
        yield _silent(context)
        return
    rules: dict[object, list[_More]] = {}
    for hook in (Hook.INPUT, Hook.FORWARD):
        if {(hook, Family.IPV4), (hook, Family.IPV6)} <= set(context.parts):
            for more in _compared(context, hook):
                rule = more.entry.piece.rule
                rules.setdefault(place_of(rule.span) if rule else hook, []).append(more)
    for several in rules.values():
        yield _finding(context, several)


def _silent(context: Context) -> Finding:
    files = "this file speaks" if len(context.sources) == 1 else "these files speak"
    return finding(
        CHECK,
        f"{files} of IPv4 only: whether IPv6 is closed stands elsewhere",
        None,
        severity=Severity.INFO,
        remedy="Check both together: iptables.v4+iptables.v6",
        about="IPv4 only",
    )


def _compared(context: Context, hook: Hook) -> Iterator[_More]:
    reach = context.reach
    if not reach.strangers(Family.IPV4) or not reach.strangers(Family.IPV6):
        context.leave_out(f"whether IPv6 opens more than IPv4 ({hook}): the rules divide the whole internet")
        return
    four = [entry for entry in reach.entries(hook, Family.IPV4) if entry.door.sure]
    if any(entry.piece.everything for entry in four) or not context.firewall.asked(hook, Family.IPV4):
        return
    known, protocols = _ports(four), _protocols(four)
    found: dict[tuple[str, Place | None], _More] = {}
    for entry in reach.entries(hook, Family.IPV6):
        more = {each: left for each, ports in _ports([entry]).items() if (left := subtract(ports, known.get(each, ())))}
        others = subtract(_protocols([entry]), protocols)
        if entry.sure and (more or others):
            span = deciding_span(context.firewall, entry.piece.step)
            key = (entry.piece.step.chain if entry.piece.step else "", place_of(span) if span else None)
            found.setdefault(key, _More(entry, more, others))
    yield from found.values()


@dataclass(frozen=True, slots=True)
class _More:
    """What one rule or default accepts over IPv6 and nothing accepts over IPv4."""

    entry: Entry
    ports: Mapping[Transport, Intervals]
    protocols: Intervals


def _ports(entries: list[Entry]) -> dict[Transport, Intervals]:
    found: dict[Transport, Intervals] = {}
    for entry in entries:
        for transport, ports in entry.piece.ports.items():
            found[transport] = union(found.get(transport, ()), subtract(ports, _CLIENTS.get(transport, ())))
    return found


def _protocols(entries: list[Entry]) -> Intervals:
    """Protocols without ports."""
    found: Intervals = ()
    for entry in entries:
        found = union(found, entry.piece.packets.values(Field.PROTOCOL))
    return subtract(subtract(found, _OWN), _PORTLESS)


def _finding(context: Context, several: list[_More]) -> Finding:
    more = several[0]
    hooks = [each.entry.piece.hook for each in several]
    step = more.entry.piece.step
    severity, what = _judged(context, more)
    remedy = _REMEDIES.get(context.firewall.dialect, CHECK.page.remedy)
    if step is None:
        how = "no rule is asked about it"
    elif step.rule is None:
        how = f"the default of {chain_word(step.chain)} is accept"
    else:
        how = "this rule accepts it"
        remedy = "Limit the rule to the addresses that need it; or write one for IPv4, where everybody is to get in"
    return finding(
        CHECK,
        f"IPv6 lets everybody in to {what}, and IPv4 does not, on {where(hooks)}: {how}",
        deciding_span(context.firewall, step),
        *_closing(context, more),
        severity=severity,
        remedy=remedy,
        details=list(shown(each.entry.piece for each in several)),
        about=f"{hooks[0]} {step.chain if step else ''} {step.rule.text if step and step.rule else ''}",
    )


def _any(port: Port) -> bool:
    return bool(port.title)


def _judged(context: Context, more: _More) -> tuple[Severity, str]:
    if more.entry.piece.everything:
        forwarded = more.entry.piece.hook is Hook.FORWARD
        return Severity.MEDIUM if forwarded else Severity.HIGH, "whatever no rule speaks of"
    found = services(more.ports, context.database, _any)
    if found:
        worst = min((SEVERITIES[each.port.risk_internet] for each in found), key=lambda each: each.rank)
        return (worst if worst.at_least(Severity.MEDIUM) else Severity.LOW), named(found)
    words = [f"{transport} {format_ports(ports)}" for transport, ports in more.ports.items()]
    words += [protocol_name(number) for first, last in more.protocols for number in range(first, last + 1)][:_MOST]
    return Severity.MEDIUM, ", ".join(words)


def _closing(context: Context, more: _More) -> Iterator[Label]:
    """What closes the same ports in IPv4, at one of them."""
    hook = more.entry.piece.hook
    region = context.reach.region(hook, Family.IPV4)
    if region is None or not more.ports:
        return
    transport, ports = next(iter(more.ports.items()))
    port = _USUAL if contains(ports, _USUAL) else ports[0][0]
    asked = (TRANSPORTS[transport], IntegerTest(Field.DESTINATION_PORT, ((port, port),)))
    for piece in context.reach.pieces(hook, Family.IPV4, (*region, BEGINS, FROM_A_CLIENT, *asked), REFUSED):
        span = deciding_span(context.firewall, piece.step)
        if span is not None:
            what = "this rule" if piece.rule else "this default"
            yield Label(span, f"{what} closes {transport} {port} in IPv4")
            return
