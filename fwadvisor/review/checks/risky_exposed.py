"""Services that have meant takeover or data loss, open to everybody on the internet."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, FirewallRule
from fwadvisor.model.interval import Intervals, covers, intersect, subtract
from fwadvisor.model.rule import Hook
from fwadvisor.ports.facts import Port, Risk, Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import Entry
from fwadvisor.review.checks.services import SEVERITIES, Service, named, only, services, shown, together, where
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="risky-service-exposed",
    title="Risky service exposed to anywhere",
    severity=Severity.CRITICAL,
    page=Page(
        what="A rule lets everybody on the internet begin connections to a port whose risk towards the internet is "
        "critical or high in the port database. Everybody means public addresses that no rule singles out; a rule for "
        "one partner is not meant, nor one for the inside interface. What a default accepts is missing-default-drop.",
        why="These ports are scanned all day. Behind them stand services that ask for no password, or have had holes "
        "that let strangers take the machine, its data, or turn it against others. A service that answers is found "
        "within hours.",
        example='nft: tcp dport 3389 accept comment "for the consultant"',
        remedy="Name the addresses that need it, put a VPN in front, or close the port",
    ),
)
_RISKY = frozenset({Risk.CRITICAL, Risk.HIGH})
#: Where a machine hears the answer to its own question by broadcast; every host that asks for its address has them open.
_ANSWERED = {Transport.UDP: ((68, 68), (546, 546))}
#: Addresses that nobody on the internet can send to, unless something translates or tunnels on the way.
_UNROUTED: dict[Family, Intervals] = {
    Family.IPV4: ((0x0A000000, 0x0AFFFFFF), (0x64400000, 0x647FFFFF), (0xA9FE0000, 0xA9FEFFFF),
                  (0xAC100000, 0xAC1FFFFF), (0xC0A80000, 0xC0A8FFFF)),
    Family.IPV6: ((0xFC << 120, (0xFE << 120) - 1), (0xFE80 << 112, (0xFEC0 << 112) - 1)),
}  # fmt: skip


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule that lets strangers in to risky services, over all hooks and families."""
    rules: dict[Place, list[tuple[Entry, tuple[Service, ...]]]] = {}
    for hook in (Hook.INPUT, Hook.FORWARD):
        for family in context.firewall.families:
            if (hook, family) not in context.parts:
                continue
            for entry in context.reach.entries(hook, family):
                rule = entry.piece.rule
                risky = services(_asked(entry), context.database, _is_risky)
                if rule is not None and risky and not entry.piece.everything:
                    rules.setdefault(place_of(rule.span), []).append((entry, risky))
    for several in rules.values():
        sure = [each for each in several if each[0].door.sure]
        yield _finding(context, sure or several)


def _is_risky(port: Port) -> bool:
    return port.risk_internet in _RISKY and not public(port)


def public(port: Port) -> bool:
    """Whether the service is there to be asked by everybody where it is run on purpose: names."""
    return port.id == "dns"


_DOUBTS = 3


def _asked(entry: Entry) -> dict[Transport, Intervals]:
    return {each: subtract(ports, _ANSWERED.get(each, ())) for each, ports in entry.piece.ports.items()}


def _finding(context: Context, several: list[tuple[Entry, tuple[Service, ...]]]) -> Finding:
    found = together(each for _, risky in several for each in risky)
    pieces = [only(entry.piece, risky) for entry, risky in several]
    worst = min(found, key=lambda each: list(Risk).index(each.port.risk_internet)).port
    rule: FirewallRule = several[0][0].piece.rule  # type: ignore[assignment]
    hidden = all(_hidden(piece.packets.values(Field.DESTINATION), piece.hook, piece.family) for piece in pieces)
    sure = any(entry.sure for entry, _ in several)
    severity = SEVERITIES[worst.risk_internet]
    if hidden or not sure:
        severity = list(Severity)[severity.rank + 1]
    door = several[0][0].door.words
    may = "may be" if not sure else "is" if len(found) == 1 else "are"
    details = [f"risk of {worst.title}: {worst.risk_internet}; {worst.risk_why}", *shown(pieces)]
    if hidden:
        details.append("private addresses: strangers get there where something translates or tunnels to them")
    if not sure:
        doubts = context.reach.conditions(pieces[0])
        details += [f"not known: {condition.name}" for condition in doubts[:_DOUBTS]]
    return finding(
        CHECK,
        f"{named(found)} {may} open to everybody on the internet{door}, on {where(p.hook for p in pieces)}",
        rule,
        severity=severity,
        details=details,
    )


def _hidden(destinations: Intervals, hook: Hook, family: Family) -> bool:
    return hook is Hook.FORWARD and bool(intersect(destinations, _UNROUTED[family])) and covers(
        _UNROUTED[family], destinations
    )
