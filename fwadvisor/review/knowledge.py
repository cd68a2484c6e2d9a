"""What the port database knows of the packets of a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fwadvisor.model.interval import Intervals, union
from fwadvisor.model.rule import Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Listing, Risk, Transport
from fwadvisor.review.changes import Kind, PortUse
from fwadvisor.review.exposed import entries_in, fits, flows_in, neighbours_in, opens, ports_of, protocols_of, when

#: Of more known uses than that, which wide ranges have, only the worst are named.
MOST_USES = 12
_ORDER = tuple(Risk)


def uses_of(regions: Sequence[ReadableBox], database: Database) -> tuple[PortUse, ...]:
    """The known uses of the destination ports and protocols of the regions, those with the worst risk first.

    Of ranges that have more than `MOST_USES`, and of regions that name no ports, it is the worst so many.
    """
    found: dict[tuple[str, Transport], PortUse] = {}
    for transport, asked in _ports(each.raw for each in regions).items():
        for entry, numbers in entries_in(asked, transport, database):
            found[entry.id, transport] = PortUse(entry, transport, numbers)
    worst = sorted(found.values(), key=_badness)
    return tuple(worst[:MOST_USES])


def _badness(use: PortUse) -> tuple[int, int, bool]:
    port = use.port
    return _ORDER.index(port.risk_internet), _ORDER.index(port.risk_lan), port.listing is not Listing.PRIMARY


def _ports(regions: Iterable[RawBox]) -> dict[Transport, Intervals]:
    """The destination ports of all regions, and the numbers of their protocols without ports."""
    found: dict[Transport, Intervals] = {}
    for region in regions:
        for transport, numbers in (*ports_of(region).items(), (Transport.IP, protocols_of(region))):
            if numbers:
                found[transport] = union(found.get(transport, ()), numbers)
    return found


def breaks(kind: Kind, hook: Hook, regions: Sequence[ReadableBox], database: Database) -> tuple[str, ...]:
    """What stops working where the packets of the regions are no longer accepted, sentences.

    Each says of which application it is true: the machine may have it or not.
    """
    if kind is not Kind.NARROWED:
        return ()
    return tuple(dict.fromkeys(text for each in regions for text in _breaks(each.raw, hook, database)))


def _breaks(region: RawBox, hook: Hook, database: Database) -> Iterator[str]:
    if not opens(region):
        return
    limits = f", {when(region)}" if region.conditions else ""
    flows = [each for each in flows_in(region, database) if each[1].if_denied]
    if len(flows) > MOST_USES:
        flows = [each for each in flows if each[1].need == "core"]
    for application, flow, _ in flows:
        # Nobody is locked out by what is blocked now and then, or for some.
        if fits(application, flow, hook) and not (limits and application.lockout):
            yield f"{application.title}{limits}: {flow.if_denied}"
    if neighbours_in(region):
        yield f"IPv6: no neighbour, no router and no address is found where ICMPv6 133-136 are blocked{limits}"
