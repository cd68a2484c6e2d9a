"""Risky ports that are open to far more addresses than anybody can have meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fwadvisor.addresses import predefined
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family, format_ranges
from fwadvisor.model.firewall import AddressTest, Field, Firewall, FirewallRule, IntegerTest, Jump
from fwadvisor.model.interval import Intervals, intersect, normalize, overlaps, size, subtract, union
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.ports.facts import Port, Risk, Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import ACCEPTED, Piece, sifted
from fwadvisor.review.checks.regions import BEGINS, FROM_A_CLIENT, FROM_THE_WIRE, NEW, TRANSPORTS, source, to_a_host
from fwadvisor.review.checks.services import SEVERITIES, Service, named, only, services, shown, together, where
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="too-wide-source",
    title="Too wide source for a risky port",
    severity=Severity.MEDIUM,
    page=Page(
        what="A rule opens a risky port to a limited, but very wide set of addresses: 16 million private IPv4 ones "
        "or more (10.0.0.0/8, or all private space) where the risk inside a network is critical or high; or a million "
        "public ones or more (of IPv6, more than a /32) where the risk towards the internet is. What is open to "
        "everybody is risky-service-exposed.",
        why="Whoever gets hold of any one machine in the set, a visitor's laptop or a printer, is let in. The few who "
        "need the service stand in a few networks.",
        example="nft: ip saddr 10.0.0.0/8 tcp dport 23 accept",
        remedy="Name the networks or hosts that need it",
    ),
)
_SEVERE = (Risk.CRITICAL, Risk.HIGH)
#: From so many addresses on a set is wide: private ones, public ones.
_PRIVATE: Mapping[Family, int] = {Family.IPV4: 1 << 24, Family.IPV6: 1 << 112}
_PUBLIC: Mapping[Family, int] = {Family.IPV4: 1 << 20, Family.IPV6: 1 << 97}
#: Shared space (RFC 6598) and networks for benchmarks (RFC 2544): nobody's on the internet.
_UNROUTED: Intervals = ((0x64400000, 0x647FFFFF), (0xC6120000, 0xC613FFFF))
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Wide:
    """A rule that lets a wide set of addresses in to risky services."""

    rule: FirewallRule
    piece: Piece
    sources: Intervals
    risky: tuple[Service, ...]


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule that opens risky ports to a wide set of sources, and not to everybody."""
    rules: dict[Place, list[_Wide]] = {}
    for hook, family in context.parts:
        wide = _wide(context.firewall, family)
        if hook is Hook.OUTPUT or not wide:
            continue
        for piece in _pieces(context, hook, family, wide):
            found = _judged(context, piece)
            if found is not None:
                rules.setdefault(place_of(found.rule.span), []).append(found)
    for several in rules.values():
        yield _finding(several)


def _wide(firewall: Firewall, family: Family) -> Intervals:
    """The sources of every test that is wide and does not hold for half of the internet."""
    tests = {
        test.of(family)
        for rule in firewall.rules()
        for test in flat(rule.tests)
        if isinstance(test, AddressTest) and test.field is Field.SOURCE
    }
    return normalize(pair for values in tests if _is_wide(values, family) for pair in values)


def _is_wide(values: Intervals, family: Family) -> bool:
    inside, outside = _sides(values, family)
    if size(outside) * 2 > size(predefined("internet").of(family)):
        return False
    return size(inside) >= _PRIVATE[family] or size(outside) >= _PUBLIC[family]


def _sides(values: Intervals, family: Family) -> tuple[Intervals, Intervals]:
    """What of the addresses is private, or shared by a carrier's customers, or for benchmarks; and what is public."""
    internet = predefined("internet").of(family)
    return subtract(values, subtract(internet, _UNROUTED)), intersect(subtract(values, _UNROUTED), internet)


def _pieces(context: Context, hook: Hook, family: Family, wide: Intervals) -> Iterator[Piece]:
    """What the wide sources get in to, by rule; with some addresses of strangers, to tell rules that limit nothing."""
    ports = _ports(context)
    strangers = context.reach.strangers(family)[-1:]
    region = (NEW, BEGINS, FROM_A_CLIENT, to_a_host(hook), *FROM_THE_WIRE)
    region = (*region, source(family, union(wide, strangers)))
    few = sifted(context.firewall, family, region)

    def names(rule: FirewallRule) -> bool:
        tests = (test for test in rule.tests if isinstance(test, AddressTest) and test.field is Field.SOURCE)
        return any(_is_wide(test.of(family), family) for test in tests)

    led = {rule.action.chain for rule in few.rules() if isinstance(rule.action, Jump) and names(rule)}
    behind = {id(rule.span) for name in led for rule in few.chains[name].rules}

    def told(rule: FirewallRule) -> bool:
        return names(rule) or id(rule.span) in behind

    for transport, test in TRANSPORTS.items():
        if transport in ports:
            asked = (*region, test, IntegerTest(Field.DESTINATION_PORT, ports[transport]))
            try:
                pieces = context.reach.decided(few, hook, family, asked, ACCEPTED, told=told)
            except BudgetError:
                context.leave_out(f"wide sources of {transport} ({hook}, IPv{family}): too many rules cross each other")
                continue
            for piece in pieces:
                sources = piece.packets.values(Field.SOURCE)
                if not (strangers and overlaps(sources, subtract(strangers, wide))):
                    yield piece


def _ports(context: Context) -> dict[Transport, Intervals]:
    found: dict[Transport, Intervals] = {}
    for port in context.database.ports.values():
        if not port.negotiated and port.risk_internet in _SEVERE:
            for transport, numbers in port.match.items():
                found[transport] = union(found.get(transport, ()), numbers)
    return found


def _judged(context: Context, piece: Piece) -> _Wide | None:
    rule, family = piece.rule, piece.family
    if rule is None or piece.sure.is_empty:
        return None
    sources = piece.packets.values(Field.SOURCE)
    inside, outside = _sides(sources, family)

    def risky(port: Port) -> bool:
        if size(outside) >= _PUBLIC[family] and port.risk_internet in _SEVERE:
            return True
        return size(inside) >= _PRIVATE[family] and port.risk_lan in _SEVERE

    found = services(piece.ports, context.database, risky)
    return _Wide(rule, piece, sources, found) if found else None


def _finding(several: list[_Wide]) -> Finding:
    found = together(each for one in several for each in one.risky)
    worst = found[0].port
    severity = SEVERITIES[worst.risk_lan if worst.risk_lan in _SEVERE else worst.risk_internet]
    names = [text for one in several for text in format_ranges(one.sources, one.piece.family)]
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    verb = "is" if len(found) == 1 else "are"
    hooks = (one.piece.hook for one in several)
    return finding(
        CHECK,
        f"{named(found)} {verb} open to all of {', '.join(names[:_SHOWN])}{more}, on {where(hooks)}",
        several[0].rule,
        severity=list(Severity)[severity.rank + 1],
        details=[
            f"risk of {worst.title}: {worst.risk_lan} inside a network, {worst.risk_internet} towards the internet; "
            f"{worst.risk_why}",
            *shown(only(one.piece, one.risky) for one in several),
        ],
    )
