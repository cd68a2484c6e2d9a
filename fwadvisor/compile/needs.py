"""Opening one need: its fixed flows, its negotiated flows by their media strategy, and answers to multicast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fwadvisor.addresses import address_set
from fwadvisor.compile import notes
from fwadvisor.compile.clashes import Pinned, ephemeral, risky
from fwadvisor.compile.flows import (
    Path,
    Selection,
    application_of,
    chosen_flows,
    from_strangers,
    inline_selections,
    match_on,
    numbers_of,
    origin_of,
    paths,
    select,
    span_of,
)
from fwadvisor.compile.following import Followed
from fwadvisor.compile.media import GATEKEEPER, HIGH_PORTS, Service, negotiates, serve
from fwadvisor.compile.media_notes import media_notes
from fwadvisor.compile.related import Expectation
from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.dialects.base import Capabilities
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import contains
from fwadvisor.model.note import Note
from fwadvisor.model.policy import ANYONE, SELF, InlineFlow, Policy, Statement, StatementKind, Strategy, Zone
from fwadvisor.model.rule import TCP, UDP, HelperAssignment, Hook, Match
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Flow, Transport


@dataclass(slots=True)
class Opened:
    """What one need comes to."""

    selections: list[Selection] = field(default_factory=list)
    assignments: list[HelperAssignment] = field(default_factory=list)
    #: What the assigned helpers will expect.
    expectations: list[Expectation] = field(default_factory=list)
    #: Fixed ranges that stay open for what is negotiated, to be held against everything else.
    pinned: list[Pinned] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    #: Whether negotiated flows are served, which each dialect does by its own means.
    served: bool = False


def open_need(policy: Policy, statement: Statement, database: Database, capabilities: Capabilities) -> Opened:
    """Everything that a need opens in a dialect of these capabilities.

    Raises:
        PolicyError: its negotiated flows cannot be served.
    """
    if statement.flows:
        return Opened(selections=inline_selections(policy, statement))
    opened = Opened()
    application = application_of(statement, database)
    flows = chosen_flows(application, statement)
    service = serve(policy, statement, flows, database, capabilities)
    negotiated = [flow for flow in flows if service is not None and negotiates(application, flow, database)]
    answers: list[Selection] = []
    for flow in flows:
        if service is not None and flow in negotiated:
            opened.selections += _negotiated(policy, statement, flow, service, database)
        else:
            opened.selections += _fixed(policy, statement, flow, service, database)
            if flow.reply == "multicast":
                answers += _answers(policy, statement, flow, database)
    opened.selections += answers
    opened.notes += notes.answer_notes(statement, answers)
    opened.served = service is not None or any(flow.transport is Transport.IP and flow.opened_by for flow in flows)
    if service is not None:
        if service.followed is not None:
            fixed = [flow for flow in flows if flow not in negotiated]
            _track(policy, statement, fixed, service, service.followed, database, opened)
        opened.pinned += _kept(statement, negotiated, service, opened.selections, database)
        opened.warnings += service.warnings
        warnings, doubts = ephemeral(opened.pinned, capabilities, database)
        opened.warnings += warnings
        opened.notes += [*media_notes(policy, statement, flows, service, database, capabilities), *doubts]
        opened.notes += risky(opened.pinned, capabilities, database)
    return opened


def ends(
    statement: Statement, flow: Flow, service: Service | None = None
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The zones between which a flow runs; a gatekeeper that routes signalling stands between the two."""
    sources = statement.roles.get(flow.source_role, (ANYONE,))
    destinations = statement.roles.get(flow.destination_role, (ANYONE,))
    routed = service is not None and service.strategy is Strategy.GATEKEEPER_ROUTED
    if not routed or flow.phase not in ("setup", "control") or GATEKEEPER in (flow.source_role, flow.destination_role):
        return [(sources, destinations)]
    between = statement.roles[GATEKEEPER]
    return [(sources, between), (between, destinations)]


def _fixed(
    policy: Policy, statement: Statement, flow: Flow, service: Service | None, database: Database
) -> Iterator[Selection]:
    numbers = numbers_of(flow, database)
    for between in ends(statement, flow, service):
        yield from select(policy, statement, numbers, *between, flow.id)
    if flow.reply != "multicast":
        return
    groups = address_set(database.ports[flow.port].multicast_groups, f"{flow.port} group")
    for path in paths(policy, *ends(statement, flow)[0], statement.kind):
        if path.hook is Hook.OUTPUT:
            group = Zone(name="multicast group", addresses=groups, interfaces=path.destination.interfaces)
            asked = Path(path.hook, path.source, group)
            match = match_on(asked, numbers)
            if match:
                yield _selection(statement, asked, match, f"{numbers.text} question", flow)


def _answers(policy: Policy, statement: Statement, flow: Flow, database: Database) -> Iterator[Selection]:
    """The unicast answers to a question that went to a group; connection tracking does not relate them to it.

    They pass only between the zones that play the two roles, from the asked port. Nothing is forwarded:
    questions to a group end at the link, or take multicast routing.
    """
    numbers = numbers_of(flow, database)
    answer = InlineFlow(
        protocols=numbers.protocols,
        ports=flow.answer_to or HIGH_PORTS,
        source_ports=flow.answer_from or numbers.ports,
        text=f"{flow.id} answer",
    )
    for path in paths(policy, *ends(statement, flow)[0], statement.kind):
        if path.hook is Hook.FORWARD:
            continue
        back = Path(Hook.INPUT if path.hook is Hook.OUTPUT else Hook.OUTPUT, path.destination, path.source)
        match = match_on(back, answer)
        if match:
            yield _selection(statement, back, match, answer.text, flow)


def _selection(statement: Statement, path: Path, match: Match, text: str, flow: Flow) -> Selection:
    return Selection(path, match, origin_of(statement, f"{statement.application} {text}", path, flow.id), statement)


def _negotiated(
    policy: Policy, statement: Statement, flow: Flow, service: Service, database: Database
) -> Iterator[Selection]:
    if service.strategy is Strategy.TRAVERSAL:
        # Keep-alives hold the server's ports open from inside; nothing is opened inwards.
        yield from _outbound(policy, statement, flow, service)
        return
    if flow.transport is Transport.IP:
        # There is no port to pin: where nobody follows it, the protocol is open as such.
        if service.followed is None and service.strategy is not Strategy.REFUSED:
            yield from _fixed(policy, statement, flow, service, database)
        return
    ports = service.ports(flow)
    if ports is None:
        return
    numbers = InlineFlow(
        protocols=flow.protocols(),
        ports=ports,
        source_ports=None if service.strategy is Strategy.EVERYTHING else flow.source_ports,
        text=f"{flow.id} ({service.strategy})",
    )
    for between in ends(statement, flow, service):
        for selection in select(policy, statement, numbers, *between, flow.id):
            if service.strategy is Strategy.EVERYTHING and from_strangers(selection):
                raise PolicyError(
                    error(
                        f"strategy everything would open every high port to anybody ({selection.origin.text})",
                        span_of(statement),
                        "bind the role to a zone with addresses, or choose pinned",
                    )
                )
            yield selection


#: Strategies whose ranges are kept on this side for what is agreed.
_KEEPING = (Strategy.PINNED, Strategy.TRACKED, Strategy.TUNNELLED, Strategy.GATEKEEPER_ROUTED)


def _kept(
    statement: Statement, negotiated: list[Flow], service: Service, selections: list[Selection], database: Database
) -> Iterator[Pinned]:
    """The fixed ranges of a need; those that the port database itself knows are no choice of the profile."""
    if service.strategy not in _KEEPING:
        return
    for transport, ports in (("tcp", service.tcp), ("udp", service.udp)):
        ids = {
            flow.id
            for flow in negotiated
            if flow.transport == transport and database.flow_ports(flow) == HIGH_PORTS and service.ports(flow)
        }
        own = tuple(each for each in selections if each.origin.flow in ids)
        if ports is not None and own:
            yield Pinned(statement, transport, ports, own)


def _outbound(policy: Policy, statement: Statement, flow: Flow, service: Service) -> Iterator[Selection]:
    ports = service.ports(flow)
    if ports is None or statement.media is None:
        return
    protocol = TCP if flow.transport == "tcp" else UDP
    numbers = InlineFlow(protocols=(protocol,), ports=ports, text=f"{flow.id} (traversal)")
    yield from select(policy, statement, numbers, (SELF,), (statement.media.server,), flow.id)


def _track(
    policy: Policy,
    statement: Statement,
    fixed: list[Flow],
    service: Service,
    followed: Followed,
    database: Database,
    opened: Opened,
) -> None:
    """Assign helpers to exactly the fixed flows of a need, and accept what they expect, on the same hooks."""
    protocols = tuple(dict.fromkeys(flow.protocols()[0] for flow in followed.flows))
    family = followed.families[0] if len(followed.families) == 1 else None
    for flow in fixed:
        numbers = numbers_of(flow, database)
        for (protocol, port), name in followed.assigned.items():
            if protocol not in numbers.protocols or not contains(numbers.ports or (), port):
                continue
            for between in ends(statement, flow, service):
                for path in paths(policy, *between, StatementKind.NEED):
                    match = match_on(path, InlineFlow(protocols=(protocol,), ports=((port, port),)), family)
                    if match is None:
                        continue
                    origin = origin_of(statement, f"{statement.application} helper {name}", path, flow.id)
                    opened.assignments.append(HelperAssignment(helper=name, hook=path.hook, match=match, origin=origin))
                    opened.expectations.append(Expectation(path, followed.related, protocols, statement, family))
