"""Services that have meant takeover or data loss, open to everybody on the internet."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall, FirewallRule
from fwadvisor.model.interval import Intervals, contains, covers, subtract
from fwadvisor.model.rule import Hook
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Risk, Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import Entry, Piece
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
#: So many conditions are named of which nothing is known.
_DOUBTS = 3
#: ``dnat to 192.0.2.1:80``, ``dnat to [2001:db8::1]:80``.
_DNAT = re.compile(r"dnat to (?:\[([0-9a-f:.]+)\]|([0-9.]+|[0-9a-f:]+))")
_RISKY = frozenset({Risk.CRITICAL, Risk.HIGH})
#: Where a machine hears the answer when it asked for its address; every such machine has them open.
_ANSWERED = {Transport.UDP: ((68, 68), (546, 546))}
#: Addresses that nobody on the internet can send to, unless something translates or tunnels on the way.
_UNROUTED: dict[Family, Intervals] = {
    Family.IPV4: ((0x0A000000, 0x0AFFFFFF), (0x64400000, 0x647FFFFF), (0xA9FE0000, 0xA9FEFFFF),
                  (0xAC100000, 0xAC1FFFFF), (0xC0A80000, 0xC0A8FFFF)),
    Family.IPV6: ((0xFC << 120, (0xFE << 120) - 1), (0xFE80 << 112, (0xFEC0 << 112) - 1)),
}  # fmt: skip


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule that lets strangers in to risky services, over all hooks and families."""
    rules: dict[Place, list[_Open]] = {}
    for hook, family in context.parts:
        if hook is Hook.OUTPUT:
            continue
        for entry in context.reach.entries(hook, family):
            rule = entry.piece.rule
            if rule is None or entry.piece.everything:
                continue
            risky = services(_asked(entry), context.database, lambda port: port.risk_internet in _RISKY)
            if risky:
                rules.setdefault(place_of(rule.span), []).append(_Open(rule, entry, risky))
    for several in rules.values():
        sure = [each for each in several if each.entry.door.sure]
        yield _worst(context, sure or several)


@dataclass(frozen=True, slots=True)
class _Open:
    """Risky services that a rule opens to strangers, in one hook and family."""

    rule: FirewallRule
    entry: Entry
    risky: tuple[Service, ...]

    def limited(self, wanted: Collection[str]) -> _Open:
        """The same with services of some ids only."""
        return _Open(self.rule, self.entry, tuple(each for each in self.risky if each.port.id in wanted))


def _worst(context: Context, several: list[_Open]) -> Finding:
    ids = {each.port.id for one in several for each in one.risky}
    public = {id for id in ids if _public(id, context.database)}
    wanted = ids - public or public
    some = [limited for each in several if (limited := each.limited(wanted)).risky]
    return _finding(context, some, wanted is public)


def _public(id: str, database: Database) -> bool:
    """Whether an application is there for everybody to ask at this port, such as an authoritative name server."""
    return any(
        flow.port == id and flow.source_role == "anyone"
        for application in database.applications_using(id)
        for flow in application.flows
    )


def _asked(entry: Entry) -> dict[Transport, Intervals]:
    return {each: subtract(ports, _ANSWERED.get(each, ())) for each, ports in entry.piece.ports.items()}


def _finding(context: Context, several: list[_Open], public: bool) -> Finding:
    found = together(each for one in several for each in one.risky)
    pieces = [only(one.entry.piece, one.risky) for one in several]
    worst = found[0].port
    hidden = all(_hidden(context, piece) for piece in pieces)
    sure = any(one.entry.sure for one in several)
    severity = SEVERITIES[worst.risk_internet]
    if hidden or not sure:
        severity = list(Severity)[severity.rank + 1]
    details = [f"risk of {worst.title}: {worst.risk_internet}; {worst.risk_why}", *shown(pieces)]
    if hidden:
        details.append("private addresses: strangers get there where something translates or tunnels to them")
    if not sure:
        details += (f"not known: {each.name}" for each in pieces[0].doubts[:_DOUBTS])
    if public:
        severity = Severity.INFO
        details.append("right for a server that answers everybody on purpose, wrong for one that has clients")
    door = several[0].entry.door.words
    may = "may be" if not sure else "is" if len(found) == 1 else "are"
    message = f"{named(found)} {may} open to everybody on the internet{door}, on {where(p.hook for p in pieces)}"
    return finding(CHECK, message, several[0].rule, severity=severity, details=details)


def _hidden(context: Context, piece: Piece) -> bool:
    """Whether the packets go to private addresses behind, to none of which these files translate."""
    if piece.hook is not Hook.FORWARD:
        return False
    destinations = piece.packets.values(Field.DESTINATION)
    if not covers(_UNROUTED[piece.family], destinations):
        return False
    return not any(contains(destinations, each) for each in _translated(context.firewall, piece.family))


def _translated(firewall: Firewall, family: Family) -> Iterator[int]:
    """The addresses that destinations are translated to, the first of a range."""
    for rule in firewall.rules():
        for write in rule.writes:
            found = _DNAT.match(str(write.value)) if write.field is Field.TRANSLATION else None
            address = _address(found[1] or found[2]) if found else None
            if address is not None and address.version == family:
                yield int(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address from its text, None where it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None
