"""What the port database knows of the packets of a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.interval import Intervals, contains, intersect, union
from fwadvisor.model.rule import Hook
from fwadvisor.packets import Space
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Listing, Transport
from fwadvisor.review.changes import ApplicationChange, Kind, PortUse, ReviewedChange


def uses_of(regions: Sequence[ReadableBox], database: Database) -> tuple[PortUse, ...]:
    """The known uses of the destination ports of the regions; of regions that name no ports, none."""
    ports = _ports(regions)
    return tuple(
        PortUse(port, transport, numbers)
        for port in database.ports.values()
        if port.listing is not Listing.HIDDEN
        for transport, asked in ports.items()
        if (numbers := intersect(asked, port.match.get(transport, ())))
    )


def _ports(regions: Iterable[ReadableBox]) -> dict[Transport, Intervals]:
    found: dict[Transport, Intervals] = {}
    for region in regions:
        numbers = region.raw.integers.get(Field.DESTINATION_PORT)
        protocols = region.raw.integers.get(Field.PROTOCOL)
        if numbers is None or protocols is None:
            continue
        for transport, number in PROTOCOL_NUMBERS.items():
            if contains(protocols, number):
                found[transport] = union(found.get(transport, ()), numbers)
    return found


def breaks(kind: Kind, hook: Hook, regions: Sequence[ReadableBox], database: Database) -> tuple[str, ...]:
    """What stops working where the packets of the regions are no longer accepted."""
    if kind is not Kind.NARROWED:
        return ()
    return tuple(dict.fromkeys(_breaks(regions, database)))


def _breaks(regions: Sequence[ReadableBox], database: Database) -> Iterator[str]:
    ids = {use.port.id for use in uses_of(regions, database)}
    for application in database.applications.values():
        for flow in application.flows:
            if flow.port in ids and flow.if_denied:
                yield f"{application.title}: {flow.if_denied}"


def applications_changed(
    space: Space, old: Firewall, new: Firewall, changes: Sequence[ReviewedChange], database: Database
) -> tuple[ApplicationChange, ...]:
    """The applications of which more or less can pass than before."""
    return ()
