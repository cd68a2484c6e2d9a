"""Which conversations a policy has: the flows that its needs choose, by what they are served, and who takes part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from fwadvisor.compile.flows import Path, application_of, chosen_flows, paths
from fwadvisor.compile.media import Service, serve
from fwadvisor.compile.needs import ends
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.policy import ANYONE, Policy, Statement, StatementKind
from fwadvisor.model.rule import Hook
from fwadvisor.ports.call_facts import CallForm, Conversation
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Application, Flow

_ORDER = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A flow of a talk, the need that chose it, and what serves what it negotiates."""

    flow: Flow
    statement: Statement
    service: Service | None

    def ends(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The names of the zones between which it runs."""
        yield from ends(self.statement, self.flow, self.service)


@dataclass(frozen=True, slots=True)
class Talk:
    """One application as a policy needs it."""

    application: Application
    conversation: Conversation
    #: The need that negotiates, or the first one.
    statement: Statement
    service: Service | None
    #: Flow id -> the flow; those of other needs of the same application are among them.
    flows: dict[str, Chosen] = field(default_factory=dict)

    def chosen(self, ids: Sequence[str]) -> Chosen | None:
        """The first of the flows that the policy chooses."""
        return next((self.flows[id] for id in ids if id in self.flows), None)

    def flow(self, ids: Sequence[str]) -> Chosen | None:
        """The same; where it chooses none, the first flow that the application has, as if it had been."""
        found = self.chosen(ids)
        if found is None:
            known = (self.application.flow(id) for id in ids)
            flow = next((each for each in known if each is not None), None)
            return Chosen(flow, self.statement, self.service) if flow else None
        return found


@dataclass(frozen=True, slots=True)
class Way:
    """Who plays the roles: the hook that the leading flow passes, and role -> zone."""

    hook: Hook
    roles: dict[str, str]


def talks(policy: Policy, database: Database, capabilities: Capabilities) -> list[Talk]:
    """Every conversation of a policy whose course is known, as a dialect of these capabilities serves it.

    A need that negotiates makes one; other needs of the same application add their flows to all of them.

    Raises:
        PolicyError: its negotiated flows cannot be served.
    """
    by_application: dict[str, list[tuple[Statement, list[Flow], Service | None]]] = {}
    for statement in policy.statements:
        if statement.kind is not StatementKind.NEED or not statement.application:
            continue
        application = application_of(statement, database)
        if application.id in database.conversations:
            flows = chosen_flows(application, statement)
            service = serve(policy, statement, flows, database, capabilities)
            by_application.setdefault(application.id, []).append((statement, flows, service))
    found: list[Talk] = []
    for id, needs in by_application.items():
        leading = [each for each in needs if each[2] is not None] or needs[:1]
        for lead in leading:
            talk = Talk(database.applications[id], database.conversations[id], lead[0], lead[2])
            for statement, flows, service in (lead, *(each for each in needs if each[2] is None)):
                for flow in flows:
                    talk.flows.setdefault(flow.id, Chosen(flow, statement, service))
            found.append(talk)
    return found


def forms(talk: Talk, wanted: Sequence[str] = ()) -> list[CallForm]:
    """The forms of a talk: those that people ask for, or those that fit its strategy; at least one where any fits."""
    fitting = [form for form in talk.conversation.forms if talk.chosen(form.needs)]
    if wanted:
        return [form for form in fitting if form.id in wanted]
    strategy = talk.service.strategy if talk.service else None
    named = [form for form in fitting if strategy is None or strategy in form.strategies]
    return named or fitting[:1]


def ways(policy: Policy, talk: Talk, form: CallForm) -> list[Way]:
    """Every way in which the parties can take part so that this machine sees the leading flow; inwards first."""
    lead = talk.flow(form.needs)
    if lead is None:
        return []
    roles: dict[str, tuple[str, ...]] = {}
    for role in talk.application.roles:
        named = (name for each in talk.flows.values() for name in each.statement.roles.get(role, ()))
        roles[role] = tuple(dict.fromkeys(named)) or (ANYONE,)
    ends_of_lead = (lead.flow.source_role, lead.flow.destination_role)
    found: list[Way] = []
    for zones in product(*(roles[role] for role in ends_of_lead)):
        cast = dict(zip(ends_of_lead, zones, strict=True))
        if zones[0] == zones[1] != ANYONE:
            continue
        path = resolve(policy, lead, cast)
        if path is not None:
            # Roles that only one zone plays are known as well.
            cast |= {role: names[0] for role, names in roles.items() if role not in cast and len(names) == 1}
            found.append(Way(path.hook, cast))
    return sorted(found, key=lambda way: _ORDER.index(way.hook))


def resolve(policy: Policy, chosen: Chosen, cast: dict[str, str], by: str = "", *, strict: bool = True) -> Path | None:
    """The path of a flow where `cast` plays the roles, or None where this machine does not see it.

    With `by`, the party of that role begins it. Without `strict`, another zone of the need may play a role where the
    cast's own does not pass here: a registration is made by whoever is here.
    """
    flow = chosen.flow
    wanted = cast.get(by) if by else cast.get(flow.source_role), cast.get(flow.destination_role)
    for sources, destinations in chosen.ends():
        if by and wanted[0] not in sources:
            continue
        # A role that stands for another one here (a gatekeeper that routes) is not in the cast.
        source = _cast(sources, wanted[0])
        destination = _cast(destinations, wanted[1])
        for path in paths(policy, source, destination, StatementKind.NEED):
            return path
    if strict or by:
        return None
    for sources, destinations in chosen.ends():
        for path in paths(policy, sources, destinations, StatementKind.NEED):
            return path
    return None


def _cast(zones: tuple[str, ...], wanted: str | None) -> tuple[str, ...]:
    return (wanted,) if wanted in zones and wanted is not None else zones
