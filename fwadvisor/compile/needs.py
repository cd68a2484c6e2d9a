"""Opening one need: its fixed flows, its negotiated flows by their media strategy, and answers to multicast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fwadvisor.addresses import address_set, predefined
from fwadvisor.compile import notes
from fwadvisor.compile.flows import (
    Path,
    Selection,
    application_of,
    chosen_flows,
    inline_selections,
    match_on,
    numbers_of,
    origin_of,
    paths,
    select,
    span_of,
)
from fwadvisor.compile.media import HIGH_PORTS, Service, serve
from fwadvisor.compile.related import Expectation
from fwadvisor.diagnostic import error
from fwadvisor.dialects.base import Capabilities
from fwadvisor.errors import PolicyError
from fwadvisor.model.address import FAMILIES
from fwadvisor.model.interval import contains, covers
from fwadvisor.model.note import Note
from fwadvisor.model.policy import ANYONE, SELF, InlineFlow, Policy, Statement, StatementKind, Strategy, Zone
from fwadvisor.model.rule import TCP, UDP, HelperAssignment, Hook, Match
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Flow


@dataclass(slots=True)
class Opened:
    """What one need comes to."""

    selections: list[Selection] = field(default_factory=list)
    assignments: list[HelperAssignment] = field(default_factory=list)
    #: What the assigned helpers will expect.
    expectations: list[Expectation] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
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
    flows = chosen_flows(application_of(statement, database), statement)
    service = serve(statement, flows, database, capabilities.helpers)
    answers: list[Selection] = []
    for flow in flows:
        if service is not None and database.negotiated(flow):
            opened.selections += _negotiated(policy, statement, flow, service)
        else:
            opened.selections += _fixed(policy, statement, flow, database)
            if flow.reply == "multicast":
                answers += _answers(policy, statement, flow, database)
    opened.selections += answers
    opened.notes += notes.answer_notes(statement, answers)
    opened.served = service is not None
    if service is not None:
        if service.helpers:
            _track(policy, statement, flows, service, database, opened)
        opened.notes += notes.media_notes(policy, statement, flows, service, database, capabilities)
    return opened


def _ends(statement: Statement, flow: Flow) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return statement.roles.get(flow.source_role, (ANYONE,)), statement.roles.get(flow.destination_role, (ANYONE,))


def _fixed(policy: Policy, statement: Statement, flow: Flow, database: Database) -> Iterator[Selection]:
    numbers = numbers_of(flow, database)
    yield from select(policy, statement, numbers, *_ends(statement, flow), flow.id)
    if flow.reply != "multicast":
        return
    groups = address_set(database.ports[flow.port].multicast_groups, f"{flow.port} group")
    for path in paths(policy, *_ends(statement, flow), statement.kind):
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
    for path in paths(policy, *_ends(statement, flow), statement.kind):
        if path.hook is Hook.FORWARD:
            continue
        back = Path(Hook.INPUT if path.hook is Hook.OUTPUT else Hook.OUTPUT, path.destination, path.source)
        match = match_on(back, answer)
        if match:
            yield _selection(statement, back, match, answer.text, flow)


def _selection(statement: Statement, path: Path, match: Match, text: str, flow: Flow) -> Selection:
    return Selection(path, match, origin_of(statement, f"{statement.application} {text}", path, flow.id), statement)


def _negotiated(policy: Policy, statement: Statement, flow: Flow, service: Service) -> Iterator[Selection]:
    if service.strategy is Strategy.TRAVERSAL:
        # Keep-alives hold the server's ports open from inside; nothing is opened inwards.
        yield from _outbound(policy, statement, flow, service)
        return
    ports = service.ports(flow)
    if ports is None:
        return
    protocol = TCP if flow.transport == "tcp" else UDP
    numbers = InlineFlow(protocols=(protocol,), ports=ports, text=f"{flow.id} ({service.strategy})")
    for selection in select(policy, statement, numbers, *_ends(statement, flow), flow.id):
        if service.strategy is Strategy.EVERYTHING and _from_strangers(selection):
            raise PolicyError(
                error(
                    f"strategy everything would open every high port to anybody ({selection.origin.text})",
                    span_of(statement),
                    "bind the role to a zone with addresses, or choose pinned",
                )
            )
        yield selection


def _from_strangers(selection: Selection) -> bool:
    """Whether somebody nobody named may come in: an interface alone names nobody, nor does a whole IP version."""
    if selection.hook is Hook.OUTPUT:
        return False
    source, internet = selection.match.source, predefined("internet")
    return source is None or any(covers(source.of(family), internet.of(family)) for family in FAMILIES)


def _outbound(policy: Policy, statement: Statement, flow: Flow, service: Service) -> Iterator[Selection]:
    ports = service.ports(flow)
    if ports is None or statement.media is None:
        return
    protocol = TCP if flow.transport == "tcp" else UDP
    numbers = InlineFlow(protocols=(protocol,), ports=ports, text=f"{flow.id} (traversal)")
    yield from select(policy, statement, numbers, (SELF,), (statement.media.server,), flow.id)


def _track(
    policy: Policy, statement: Statement, flows: list[Flow], service: Service, database: Database, opened: Opened
) -> None:
    """Assign helpers to exactly the fixed flows of this need, and accept what they expect, on the same hooks."""
    protocols = tuple(dict.fromkeys(flow.protocols()[0] for flow in flows if database.negotiated(flow)))
    for flow in flows:
        if database.negotiated(flow):
            continue
        for (protocol, port), name in service.helpers.items():
            numbers = numbers_of(flow, database)
            if protocol not in numbers.protocols or not contains(numbers.ports or (), port):
                continue
            for path in paths(policy, *_ends(statement, flow), StatementKind.NEED):
                match = match_on(path, InlineFlow(protocols=(protocol,), ports=((port, port),)))
                if match is None:
                    continue
                origin = origin_of(statement, f"{statement.application} helper {name}", path, flow.id)
                opened.assignments.append(HelperAssignment(helper=name, hook=path.hook, match=match, origin=origin))
                opened.expectations.append(Expectation(path, service.related, protocols, statement))
