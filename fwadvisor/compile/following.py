"""What connection-tracking helpers follow of one need, in one dialect; or why they cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fwadvisor.compile.flows import zone_of
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import contains
from fwadvisor.model.policy import ANYONE, SELF, Media, Policy, Statement, Zone
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Application, Flow, HelperFacts


@dataclass(frozen=True, slots=True)
class Followed:
    """The helpers that read the flows which negotiate."""

    #: (protocol, port) of a flow that negotiates -> the helper's name in the kernel.
    assigned: Mapping[tuple[int, int], str]
    #: Names that a related connection's master may carry.
    related: tuple[str, ...]
    #: The IP versions that the helpers know.
    families: tuple[Family, ...]
    facts: tuple[HelperFacts, ...]
    #: The flows that they open.
    flows: tuple[Flow, ...]
    #: Far ends of negotiated flows that do not signal, so that nothing is opened towards them.
    elsewhere: tuple[Zone, ...] = ()


def follow(
    policy: Policy,
    statement: Statement,
    application: Application,
    media: Media,
    chosen: list[Flow],
    negotiated: list[Flow],
    database: Database,
    capabilities: Capabilities,
    *,
    routed: bool = False,
) -> Followed | str:
    """The helpers that follow every negotiated flow, or why there are none.

    `routed` says that signalling runs through a gatekeeper, so that its ends are not those of its flows.
    """
    if not capabilities.helpers:
        return f"{capabilities.title} has no connection-tracking helpers"
    if media.protected:
        return "its signalling is protected, and nobody on the way can read which ports it agrees on"
    readers = {facts.id: facts for flow in negotiated if (facts := database.flow_helper(application, flow)) is not None}
    types = _types(readers, chosen, negotiated, database)
    if isinstance(types, str):
        return types
    if not types or not all(database.flow_helper(application, flow) for flow in negotiated):
        return "no connection-tracking helper follows its signalling"
    if not capabilities.helpers.issuperset(types.values()):
        return f"{capabilities.title} cannot assign {', '.join(sorted({*types.values()} - capabilities.helpers))}"
    helpers = tuple(readers.values())
    families = tuple(each for each in FAMILIES if all(each in one.families for one in helpers))
    spoken = _families(policy, statement, negotiated)
    if spoken.isdisjoint(families):
        return f"the {helpers[0].id} helper knows IPv{families[0]} only, and these peers have no such addresses"
    elsewhere: tuple[Zone, ...] = ()
    if any(each.same_peer for each in helpers) and not routed:
        signals = [flow for flow in chosen if flow.id in {_root(application, each).id for each in negotiated}]
        elsewhere = tuple(_beyond(_far_ends(policy, statement, signals), _far_ends(policy, statement, negotiated)))
        if elsewhere and not _meets(_far_ends(policy, statement, signals), _far_ends(policy, statement, negotiated)):
            names = ", ".join(zone.name for zone in elsewhere)
            return f"its media runs to {names}, and a helper opens it towards the host that signals only"
    related = tuple(dict.fromkeys(name for each in helpers for name in each.related_names))
    return Followed(types, related, families, helpers, tuple(negotiated), elsewhere)


def _types(
    readers: Mapping[str, HelperFacts], chosen: list[Flow], negotiated: list[Flow], database: Database
) -> dict[tuple[int, int], str] | str:
    """The helpers of every chosen flow that negotiates what is wanted, or the flow that none can read.

    Every fixed flow of the same helper is taken, not only those that open the negotiated ones: registration may
    move call signalling to another port.
    """
    types: dict[tuple[int, int], str] = {}
    wanted = {flow.port for flow in negotiated}
    for flow in chosen:
        port = database.ports[flow.port]
        announces = port.dynamic is not None and not wanted.isdisjoint(port.dynamic.opens)
        if flow.opened_by or not (port.helper in readers or announces):
            continue
        facts = readers.get(port.helper)
        hits = {
            (PROTOCOL_NUMBERS[kind.transport], kind.port): kind.type
            for kind in (facts.types if facts else ())
            if kind.transport == flow.transport and contains(database.flow_ports(flow) or (), kind.port)
        }
        if not hits and announces:
            return f"no connection-tracking helper can read {flow.id}"
        types |= hits
    return types


def _root(application: Application, flow: Flow) -> Flow:
    """The flow at the beginning of a negotiation."""
    seen = {flow.id}
    while flow.opened_by:
        opener = application.flow(flow.opened_by)
        if opener is None or opener.id in seen:
            break
        flow = opener
        seen.add(flow.id)
    return flow


def _far_ends(policy: Policy, statement: Statement, flows: Iterable[Flow]) -> list[Zone]:
    names = dict.fromkeys(
        name
        for flow in flows
        for role in (flow.source_role, flow.destination_role)
        for name in statement.roles.get(role, (ANYONE,))
        if name != SELF
    )
    return [zone_of(policy, name) for name in names]


def _families(policy: Policy, statement: Statement, flows: Iterable[Flow]) -> set[Family]:
    """The IP versions in which the far ends have addresses."""
    ends = _far_ends(policy, statement, flows)
    return {
        family for zone in ends for family in FAMILIES if zone.addresses is None or family in zone.addresses.families()
    }


def _whole(zones: Iterable[Zone]) -> AddressSet | None:
    """All addresses of the zones; None: any."""
    found: AddressSet | None = None
    for zone in zones:
        if zone.addresses is None:
            return None
        found = zone.addresses if found is None else found.union(zone.addresses)
    return found


def _beyond(signals: list[Zone], media: list[Zone]) -> Iterable[Zone]:
    """The far ends of media that hold addresses which do not signal."""
    names, known = {zone.name for zone in signals}, _whole(signals)
    for zone in media:
        if zone.name in names or not signals or known is None:
            continue
        if zone.addresses is None or not known.covers(zone.addresses):
            yield zone


def _meets(signals: list[Zone], media: list[Zone]) -> bool:
    a, b = _whole(signals), _whole(media)
    return a is None or b is None or a.overlaps(b)
