"""What can only be judged once all profiles are read: roles that flows use, families, and directions."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from fwadvisor.decode import Mapping, Node, Scalar
from fwadvisor.decode.reader import listing
from fwadvisor.model.policy import ANYONE, Kind, Statement, StatementKind
from fwadvisor.model.rule import ICMP, ICMPV6
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Application, Flow
from fwadvisor.profile.values import ProfileReader
from fwadvisor.profile.zones import Zones

_ANYWHERE = (ANYONE,)
_FAMILY_WORDS = {1: "IPv4", 2: "IPv6"}


class Way(Enum):
    """What becomes of traffic between two lists of zones, from best to worst."""

    OPEN = "seen by this machine"
    FAMILIES = "no common address family"
    BYPASS = "between others, and a host does not forward"
    LOOPBACK = "from this machine to itself"


def chosen(application: Application, statement: Statement) -> list[Flow]:
    """The flows of an application that a need speaks of."""
    if statement.only:
        return [flow for flow in application.flows if flow.id in statement.only]
    return [flow for flow in application.flows if flow.wanted(statement.features, statement.modes, statement.optional)]


def _families(protocols: Iterable[int]) -> int:
    """The families that a flow can use: 1 IPv4, 2 IPv6, 3 both."""
    protocols = tuple(protocols)
    return 1 if protocols == (ICMP,) else 2 if protocols == (ICMPV6,) else 3


class StatementCheck:
    """Checks the statements of one use of a profile against its zones and the port database."""

    def __init__(self, reader: ProfileReader, zones: Zones, database: Database, kind: Kind) -> None:
        self.reader = reader
        self.zones = zones
        self.database = database
        self.kind = kind

    def check(self, statement: Statement, node: Node) -> None:
        """Report what cannot work in one statement."""
        if statement.application:
            application = self.database.application(statement.application)
            if application is not None and statement.kind is StatementKind.NEED:
                self._application(application, statement, node)
        elif statement.flows:
            self._inline(statement, node)

    def _way(self, statement: Statement, sources: tuple[str, ...], destinations: tuple[str, ...], flow: int) -> Way:
        """The best that can be said of any pair of zones; `flow` are the families of the traffic."""
        zones, host = self.zones, self.kind is Kind.HOST
        best = Way.LOOPBACK
        for source in sources:
            families = zones.families(source) & flow
            for destination in destinations:
                if statement.kind is StatementKind.NEED:
                    local = zones.is_local(source) + zones.is_local(destination)
                    if local == 2:
                        continue
                    if local == 0 and host and ANYONE not in (source, destination):
                        best = Way.BYPASS if best is Way.LOOPBACK else best
                        continue
                if families & zones.families(destination):
                    return Way.OPEN
                best = Way.FAMILIES
        return best

    # inline flows

    def _inline(self, statement: Statement, node: Node) -> None:
        sources, destinations = statement.sources or _ANYWHERE, statement.destinations or _ANYWHERE
        texts: dict[str, int] = {}
        for flow in statement.flows:
            texts[flow.text] = texts.get(flow.text, 0) | _families(flow.protocols)
        for text, families in texts.items():
            way = self._way(statement, sources, destinations, families)
            if way is not Way.OPEN:
                self._report(way, node, f'"{text}"', sources, destinations, families)

    def _report(
        self, way: Way, node: Node, flow: str, sources: tuple[str, ...], destinations: tuple[str, ...], families: int
    ) -> None:
        ends = f"{listing(sources, 4)} to {listing(destinations, 4)}"
        if way is Way.LOOPBACK:
            message, hint = f"{flow} runs from this machine to itself", "loopback is always open; remove the statement"
        elif way is Way.BYPASS:
            message = f"{flow} from {ends} does not concern this machine: a host does not forward"
            hint = 'name "self" or a zone with local: true, or make the profile a gateway (kind: gateway)'
        else:
            parts = []
            if families in _FAMILY_WORDS:
                parts.append(f"{flow} is {_FAMILY_WORDS[families]}")
            for name in (*sources[:2], *destinations[:2]):
                if self.zones.families(name) in _FAMILY_WORDS:
                    parts.append(f"{name} has only {_FAMILY_WORDS[self.zones.families(name)]} addresses")
            message = f"{flow} from {ends} can match nothing: {', '.join(parts)}"
            hint = "give the zones addresses of one family, or split the statement"
        self.reader.error(node, message, hint)

    # applications

    def _application(self, application: Application, statement: Statement, node: Node) -> None:
        flows = chosen(application, statement)
        if not flows:
            parts = [("features", application.features), ("modes", application.modes)]
            hint = "; ".join(f"{name}: {', '.join(words)}" for name, words in parts if words)
            self.reader.error(node, f"this need chooses no flow of {application.id}", hint)
            return
        if not self._roles_bound(application, statement, node, flows):
            return
        ways = [(flow, self._way_of(statement, flow)) for flow in flows]
        concerned = [pair for pair in ways if pair[1] in (Way.OPEN, Way.FAMILIES)]
        if not concerned:
            first = flows[0]
            ends = statement.roles[first.source_role], statement.roles[first.destination_role]
            self._report(ways[0][1], node, f"{application.id} {first.id}", *ends, 3)
        for flow, way in concerned:
            if way is Way.FAMILIES:
                ends = statement.roles[flow.source_role], statement.roles[flow.destination_role]
                self._report(way, node, f"{application.id} {flow.id}", *ends, _families(flow.protocols()))

    def _way_of(self, statement: Statement, flow: Flow) -> Way:
        ends = statement.roles[flow.source_role], statement.roles[flow.destination_role]
        return self._way(statement, *ends, _families(flow.protocols()))

    def _roles_bound(self, application: Application, statement: Statement, node: Node, flows: list[Flow]) -> bool:
        """Report each role that a chosen flow uses and nobody plays."""
        users: dict[str, list[Flow]] = {}
        for flow in flows:
            for role in (flow.source_role, flow.destination_role):
                if role not in statement.roles:
                    users.setdefault(role, []).append(flow)
        written = _role_nodes(node)
        for role, using in users.items():
            what = application.roles[role]
            names = listing((f"{flow.id} ({flow.source_role} -> {flow.destination_role})" for flow in using), 4)
            message = f'{application.id}: nobody plays the role "{role}" ({what}), which is used by {names}'
            if role in written:
                hint = "its zone has no value in this run: set the parameter, or move what needs it to a need with when"
                self.reader.error(written[role], message, hint)
            else:
                self.reader.error(node, message, f"add to roles:  {role}: ZONE")
        return not users


def _role_nodes(node: Node) -> dict[str, Scalar]:
    """Role -> its key in the `roles` of a statement."""
    for key, value in node.pairs() if isinstance(node, Mapping) else ():
        if key.text == "roles" and isinstance(value, Mapping):
            return {role.text: role for role, _ in value.pairs()}
    return {}
