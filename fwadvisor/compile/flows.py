"""From statements to matches: which flows, between which zones, on which hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.addresses import predefined
from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.interval import covers
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import ANYONE, SELF, InlineFlow, Kind, Policy, Statement, StatementKind, Zone
from fwadvisor.model.rule import Hook, Match, Origin, OriginKind
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Application, Flow
from fwadvisor.resources import source_line

_SELF_ZONE = Zone(name=SELF, local=True)
_ANYONE_ZONE = Zone(name=ANYONE)
_ANYWHERE = (ANYONE,)


@dataclass(frozen=True, slots=True)
class Path:
    """One direction of travel: a hook, and the zones at its ends."""

    hook: Hook
    source: Zone
    destination: Zone

    def __str__(self) -> str:
        """The ends in words: on its own hooks the machine is one of "anybody"."""
        source, destination = self.source.name, self.destination.name
        if self.hook is Hook.INPUT and destination == ANYONE:
            destination = SELF
        if self.hook is Hook.OUTPUT and source == ANYONE:
            source = SELF
        return f"{source} -> {destination}"


@dataclass(frozen=True, slots=True)
class Selection:
    """The packets that one statement speaks of on one path."""

    path: Path
    match: Match
    origin: Origin
    statement: Statement

    @property
    def hook(self) -> Hook:
        """The hook of the path."""
        return self.path.hook


def span_of(statement: Statement) -> Span:
    """Where the statement stands, for a diagnostic."""
    place = statement.place
    source = source_line(place.file, place.line)
    return Span(place.file, place.line, place.column, max(1, len(source) - place.column + 1), source)


def zone_of(policy: Policy, name: str) -> Zone:
    """The zone of that name, built in or the policy's own."""
    if name == SELF:
        return _SELF_ZONE
    if name == ANYONE:
        return _ANYONE_ZONE
    zone = policy.zones.get(name)
    # Closing an application at the internet edge speaks of a zone that the profile may not mention.
    return zone or Zone(name=name, addresses=predefined(name))


def application_of(statement: Statement, database: Database) -> Application:
    """The application that a statement names.

    Raises:
        KeyError: the port database has none of that name; the profile loader says so first.
    """
    application = database.application(statement.application)
    if application is None:
        raise KeyError(statement.application)
    return application


def _hooks(source: Zone, destination: Zone, kind: Kind, statement: StatementKind) -> tuple[Hook, ...]:
    """The hooks that traffic between two zones passes.

    On a gateway ``any`` is everybody else where something is opened, and includes the gateway itself
    where something is closed: each time the reading that accepts less.
    """
    if source.local or destination.local:
        if source.local and destination.local:
            return ()
        return (Hook.OUTPUT,) if source.local else (Hook.INPUT,)
    from_any, to_any = source.name == ANYONE, destination.name == ANYONE
    if source.name == destination.name and not from_any:
        return ()
    own = ((Hook.INPUT,) if to_any else ()) + ((Hook.OUTPUT,) if from_any else ())
    if kind is Kind.HOST:
        return own
    return (Hook.FORWARD,) if statement is StatementKind.NEED else (*own, Hook.FORWARD)


def paths(policy: Policy, sources: Sequence[str], destinations: Sequence[str], kind: StatementKind) -> Iterator[Path]:
    """Every path from one of `sources` to one of `destinations`; names are zone names."""
    for source in sources:
        for destination in destinations:
            ends = zone_of(policy, source), zone_of(policy, destination)
            for hook in _hooks(*ends, policy.kind, kind):
                yield Path(hook, *ends)


def match_on(path: Path, numbers: InlineFlow, family: Family | None = None) -> Match | None:
    """The match for `numbers` on `path`, or None where no address family (or not `family`) fits all of it."""
    source, destination = path.source, path.destination
    try:
        return Match(
            family=family,
            protocols=numbers.protocols,
            source=source.addresses,
            destination=destination.addresses,
            source_ports=numbers.source_ports,
            destination_ports=numbers.ports,
            icmp=numbers.icmp,
            in_interfaces=source.interfaces if path.hook is not Hook.OUTPUT else (),
            out_interfaces=destination.interfaces if path.hook is not Hook.INPUT else (),
        )
    except ValueError:
        return None


def chosen_flows(application: Application, statement: Statement) -> list[Flow]:
    """The flows of an application that a need takes: core, chosen features and modes, named optional ones."""
    if statement.only:
        return [flow for flow in application.flows if flow.id in statement.only]
    return [flow for flow in application.flows if flow.wanted(statement.features, statement.modes, statement.optional)]


def numbers_of(flow: Flow, database: Database) -> InlineFlow:
    """The numbers of an application's flow, as the port database knows them."""
    return InlineFlow(
        protocols=flow.protocols(),
        ports=database.flow_ports(flow),
        source_ports=flow.source_ports,
        text=flow.id,
    )


_ORIGINS = {
    StatementKind.NEED: OriginKind.NEED,
    StatementKind.FORBID: OriginKind.FORBID,
    StatementKind.NEVER: OriginKind.NEVER,
}


def origin_of(statement: Statement, subject: str, path: Path, flow: str = "") -> Origin:
    """The trail from a rule back to its statement."""
    return Origin(
        kind=_ORIGINS[statement.kind],
        text=f"{subject}: {path}",
        profile=statement.profile,
        place=statement.place,
        application=statement.application,
        flow=flow,
        reason=statement.reason,
        ticket=statement.ticket,
        expires=statement.expires.isoformat() if statement.expires else "",
    )


def select(
    policy: Policy,
    statement: Statement,
    numbers: InlineFlow,
    sources: Sequence[str],
    destinations: Sequence[str],
    flow: str = "",
) -> Iterator[Selection]:
    """The selections of one flow of a statement on every path."""
    subject = " ".join(part for part in (statement.application, numbers.text) if part)
    for path in paths(policy, sources, destinations, statement.kind):
        match = match_on(path, numbers)
        if match is not None:
            yield Selection(path, match, origin_of(statement, subject, path, flow), statement)


def from_strangers(selection: Selection) -> bool:
    """Whether somebody nobody named may come in: an interface alone names nobody, nor does a whole IP version."""
    if selection.hook is Hook.OUTPUT:
        return False
    source, internet = selection.match.source, predefined("internet")
    return source is None or any(covers(source.of(family), internet.of(family)) for family in FAMILIES)


def inline_selections(policy: Policy, statement: Statement) -> list[Selection]:
    """The selections of a statement that names its traffic by numbers."""
    sources, destinations = statement.sources, statement.destinations
    if statement.kind is not StatementKind.NEED:
        sources, destinations = sources or _ANYWHERE, destinations or _ANYWHERE
    return [s for numbers in statement.flows for s in select(policy, statement, numbers, sources, destinations)]


def closed_selections(policy: Policy, statement: Statement, database: Database) -> list[Selection]:
    """The selections of a forbid or never: an application, inline flows, or every port of some risk."""
    if statement.flows:
        return inline_selections(policy, statement)
    if statement.risk:
        return _risk_selections(policy, statement, database)
    application = application_of(statement, database)
    wanted = dict.fromkeys((*application.deny.flows, *application.deny.also), ANYONE)
    wanted |= dict.fromkeys(application.deny.edge_only, "internet")
    found: list[Selection] = []
    for flow in application.flows:
        if flow.id not in (statement.only or wanted):
            continue
        outside = (wanted.get(flow.id, ANYONE),)
        sources = statement.roles.get(flow.source_role)
        destinations = statement.roles.get(flow.destination_role)
        for ends in _closed_ends(sources, destinations, outside):
            found += select(policy, statement, numbers_of(flow, database), *ends, flow.id)
    return found


def _closed_ends(
    sources: tuple[str, ...] | None, destinations: tuple[str, ...] | None, outside: tuple[str, ...]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The ends between which to close: an unbound role is this machine or anybody outside."""
    if outside == _ANYWHERE:
        return [(sources or _ANYWHERE, destinations or _ANYWHERE)]
    if sources or destinations:
        return [(sources or outside, destinations or outside)]
    return [(outside, _ANYWHERE), (_ANYWHERE, outside)]


def _risk_selections(policy: Policy, statement: Statement, database: Database) -> list[Selection]:
    sources, destinations = statement.sources or _ANYWHERE, statement.destinations or _ANYWHERE
    found: list[Selection] = []
    for port in database.ports.values():
        if port.risk_internet not in statement.risk or port.negotiated:
            continue
        for transport, ports in port.match.items():
            if transport in PROTOCOL_NUMBERS:
                numbers = InlineFlow(protocols=(PROTOCOL_NUMBERS[transport],), ports=ports, text=port.id)
                found += select(policy, statement, numbers, sources, destinations)
    return found


def no_path(statement: Statement, policy: Policy) -> Diagnostic:
    """The error for a need that opens nothing at all."""
    place = "a host" if policy.kind is Kind.HOST else "a gateway"
    return error(
        f"this need opens nothing on {place}: no address family or direction fits both of its ends",
        span_of(statement),
        'one end must be "self" on a host; both ends need addresses of the same family',
    )


def closes_nothing(statement: Statement, policy: Policy) -> Note:
    """The note on a forbid or never that no packet of this machine can meet."""
    return Note(
        id="closes-nothing",
        topic=Topic.LIMIT,
        text=f"A {statement.kind} statement closes nothing on a {policy.kind}: neither end of it is this machine, or "
        "no address family fits both ends.",
        places=(statement.place,),
    )
