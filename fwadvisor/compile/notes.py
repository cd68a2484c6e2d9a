"""The notes of a compilation: what was decided, what it costs, and what no rule can express."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fwadvisor.compile.flows import Selection, application_of, zone_of
from fwadvisor.compile.media import Service
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import describe_addresses
from fwadvisor.model.interval import contains, format_ports, size
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import ANYONE, SELF, DefaultVerdict, Policy, Statement, StatementKind, Strategy
from fwadvisor.model.rule import TCP, UDP, Hook, protocol_name
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Flow, Port, Risk

#: Ports by which administrators usually reach a machine.
_ADMIN_PORTS = (22, 3389, 5985, 5986)
#: The profile whose needs are administration whatever port they name.
_ADMIN_PROFILE = "remote-admin"


def distinct(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The notes without repetitions, in the order of their topics."""
    order = list(Topic)
    return tuple(sorted(dict.fromkeys(notes), key=lambda note: order.index(note.topic)))


def defaults_differ(strictest: DefaultVerdict, declared: Sequence[DefaultVerdict]) -> Note:
    """The note for profiles that ask for different defaults."""
    others = ", ".join(f"{each.profile} asks for {each.verdict}" for each in declared if each is not strictest)
    return Note(
        id="strictest-default",
        topic=Topic.CONFLICT,
        text=f"The default of {strictest.hook} is {strictest.verdict}, as {strictest.profile} asks; {others}. "
        "Where profiles disagree the strictest default wins.",
        places=tuple(each.place for each in declared),
    )


# -- negotiated flows ---------------------------------------------------------------------------------------


def media_notes(
    policy: Policy,
    statement: Statement,
    flows: list[Flow],
    service: Service,
    database: Database,
    capabilities: Capabilities,
) -> list[Note]:
    """What becomes of the negotiated flows of one need in one dialect, and what that costs."""
    application = application_of(statement, database)
    negotiated = [flow for flow in flows if database.negotiated(flow)]
    names = " and ".join(dict.fromkeys(database.ports[flow.port].title for flow in negotiated))
    peers = _peers(policy, statement, negotiated)
    dialects, places = (capabilities.dialect,), (statement.place,)
    begun = "outbound " if _outbound_only(statement, negotiated, service) else ""
    # Helpers are assigned to the fixed flows, whose other end need not be where the media goes.
    asked = _peers(policy, statement, [flow for flow in flows if not database.negotiated(flow)])
    how = _how(statement, service, application.title, names, peers if not service.helpers else asked, begun)
    found = [
        Note(id=f"media-{service.strategy}", topic=Topic.MEDIA, text=how, dialects=dialects, places=places),
        Note(
            id="media-exposure",
            topic=Topic.EXPOSURE,
            text=_exposure(application.title, service, peers, begun),
            dialects=dialects,
            places=places,
        ),
    ]
    if service.helpers:
        found += _helper_notes(flows, database, dialects)
    elif service.strategy is Strategy.PINNED:
        found.append(_pin_on_device(statement, negotiated, service, database, dialects))
    return found


def _peers(policy: Policy, statement: Statement, negotiated: list[Flow]) -> str:
    """The zones at the far end of the negotiated flows, in words."""
    names: dict[str, None] = {}
    for flow in negotiated:
        for role in (flow.source_role, flow.destination_role):
            names |= dict.fromkeys(statement.roles.get(role, ()))
    zones = [zone_of(policy, name) for name in names if name != SELF]
    return " and ".join(describe_addresses(zone.addresses) for zone in zones) or "anybody"


def _ranges(service: Service) -> str:
    parts = []
    if service.tcp is not None:
        parts.append(f"TCP {format_ports(service.tcp)}")
    if service.udp is not None:
        parts.append(f"UDP {format_ports(service.udp)}")
    return " and ".join(parts)


def _outbound_only(statement: Statement, negotiated: list[Flow], service: Service) -> bool:
    """Whether only this machine begins the negotiated connections, so that nothing is open inwards."""
    return service.strategy is Strategy.TRAVERSAL or all(
        statement.roles.get(flow.source_role) == (SELF,) for flow in negotiated
    )


def _how(statement: Statement, service: Service, title: str, names: str, peers: str, begun: str) -> str:
    lead = f"{title}: the ports of {names} are agreed at run time, so no static rule knows them."
    arithmetic = f" ({service.arithmetic})" if service.arithmetic else ""
    match service.strategy:
        case Strategy.TRACKED:
            roots = ", ".join(
                f"{name} on {protocol_name(protocol)} {port}" for (protocol, port), name in service.helpers.items()
            )
            fallback = f" As a fallback {_ranges(service)} stays open{arithmetic}." if _ranges(service) else ""
            return (
                f"{lead} Connection tracking reads them: helper {roots}, assigned for {peers} only. Related "
                f"connections are accepted only where their master carries {', '.join(service.related)}, and only "
                f"to ports 1024-65535 that no statement closes.{fallback}"
            )
        case Strategy.PINNED:
            return f"{lead} They are pinned to {_ranges(service)} towards {peers}{arithmetic}."
        case Strategy.TUNNELLED:
            return (
                f"{lead} The control channel runs inside call signalling and needs no port; media is pinned to "
                f"{_ranges(service)} towards {peers}{arithmetic}."
            )
        case Strategy.TRAVERSAL:
            server = statement.media.server if statement.media else ""
            return (
                f"{lead} They run through the traversal server {server}: only outbound {_ranges(service)}. Switch "
                "H.323-aware features off on every firewall along that path."
            )
        case Strategy.EVERYTHING:
            return f"{lead} EVERY HIGH PORT is open {begun}towards {peers}: {_ranges(service)}{arithmetic}."
        case _:
            return f"{lead} They are refused ({statement.place}): calls connect, but without control or media."


def _exposure(title: str, service: Service, peers: str, begun: str) -> str:
    if service.tcp is None and service.udp is None:
        return f"{title}: between calls no negotiated port is open."
    counts = [
        f"{size(ports)} {name} ports"
        for name, ports in (("UDP", service.udp), ("TCP", service.tcp))
        if ports is not None
    ]
    return f"{title}: {' and '.join(counts)} stay open {begun}at all times towards {peers}."


def _helper_notes(flows: list[Flow], database: Database, dialects: tuple[str, ...]) -> list[Note]:
    found: list[Note] = []
    for helper_id in dict.fromkeys(database.ports[flow.port].helper for flow in flows if flow.port):
        facts = database.helpers.get(helper_id)
        if facts is None:
            continue
        advisories = "".join(f" {each.id}: {each.note}." for each in facts.advisories)
        found.append(
            Note(
                id=f"helper-{facts.id}",
                topic=Topic.LIMIT,
                text=f"The {facts.id} helper is blind when {facts.blind_when}."
                + (f" It {_LIMITS[facts.id]}." if facts.id in _LIMITS else "")
                + advisories
                + " Where calls connect without media, give ranges as a fallback.",
                dialects=dialects,
            )
        )
        found.append(
            Note(
                id=f"watch-{facts.id}",
                topic=Topic.VERIFY,
                text=f"Load the {facts.id} helper's module at boot, and watch what it expects during a call.",
                dialects=dialects,
                commands=(f"modprobe {facts.module}", "conntrack -L expect"),
            )
        )
    return found


#: What a helper does not follow, measured with real calls.
_LIMITS = {
    "h323": (
        "does not follow media to another host than the signalling peer, a message split over TCP segments, more "
        "than nine pending RTP pairs, and messages of H.225.0 versions newer than about 5"
    ),
}


def _pin_on_device(
    statement: Statement, negotiated: list[Flow], service: Service, database: Database, dialects: tuple[str, ...]
) -> Note:
    media = statement.media
    preset = database.presets.get(media.preset) if media and media.preset else None
    pins = dict.fromkeys(
        dynamic.pin for flow in negotiated if (dynamic := database.ports[flow.port].dynamic) and dynamic.pin
    )
    setting = f" Setting on the device: {preset.setting}." if preset and preset.setting else ""
    known = f" Where it is set, as far as known: {'; '.join(pins)}." if pins else ""
    return Note(
        id="pin-on-device",
        topic=Topic.LIMIT,
        text=f"The device or program itself must keep to {_ranges(service)}, and its peers too where the default of "
        "output or forward closes, or what they negotiate stays blocked."
        f"{setting}{known}",
        dialects=dialects,
        places=(statement.place,),
    )


def answer_notes(statement: Statement, answers: Sequence[Selection]) -> list[Note]:
    """What it costs to let the answers to multicast questions in."""
    ports: dict[str, dict[str, None]] = {}
    for answer in answers:
        match = answer.match
        if answer.hook is Hook.INPUT and match.source_ports and match.destination_ports:
            said = (
                f"{protocol_name(match.protocols[0])} from port {format_ports(match.source_ports)} "
                f"to {format_ports(match.destination_ports)}"
            )
            ports.setdefault(describe_addresses(answer.path.source.addresses), {})[said] = None
    return [
        Note(
            id="multicast-answers",
            topic=Topic.EXPOSURE,
            text=f"{statement.application}: the answer to a question that went to a group is a new connection to a "
            f"firewall, so {peers} may send {' and '.join(said)}, asked or not.",
            places=(statement.place,),
        )
        for peers, said in ports.items()
    ]


# -- the whole policy ---------------------------------------------------------------------------------------


def policy_notes(policy: Policy, database: Database, needs: list[Selection], accepting: list[Hook]) -> list[Note]:
    """Residual risks of what is open, and the danger of locking oneself out; `accepting` let everything else pass."""
    return [
        *_risks(database, needs),
        *(_only_closes(policy) if Hook.INPUT in accepting else _lockout(needs)),
        *_cautions(policy, database),
    ]


def _risks(database: Database, needs: list[Selection]) -> list[Note]:
    """A note for each open port that is risky towards everybody."""
    found: list[Note] = []
    seen: dict[tuple[object, ...], list[Port]] = {}
    for need in needs:
        match = need.match
        if need.hook is Hook.OUTPUT or not _from_strangers(need):
            continue
        where = "anybody" if need.path.source.name == ANYONE else "the internet"
        if match.destination_ports is None:
            if not match.icmp and (not match.protocols or TCP in match.protocols or UDP in match.protocols):
                found.append(_every_port(need, where))
            continue
        key = match.protocols, match.destination_ports
        if key not in seen:
            seen[key] = _risky(database, *key)
        for port in seen[key]:
            found.append(
                Note(
                    id="open-to-everybody",
                    topic=Topic.RISK,
                    text=f"{port.title} is open to {where} ({need.origin.text}). Risk {port.risk_internet}: "
                    f"{port.risk_why}. Name the peers that need it.",
                    places=(need.statement.place,),
                )
            )
    return found


def _from_strangers(need: Selection) -> bool:
    """Whether the zone that may begin the connection is anybody or the internet."""
    source = need.path.source
    return source.name == "internet" or (source.addresses is None and not source.interfaces)


def _every_port(need: Selection, where: str) -> Note:
    return Note(
        id="open-to-everybody",
        topic=Topic.RISK,
        text=f"Every port is open to {where} ({need.origin.text}), with whatever listens there now or later. "
        "Name the ports and the peers that need them.",
        places=(need.statement.place,),
    )


def _risky(database: Database, protocols: tuple[int, ...], ports: tuple[tuple[int, int], ...]) -> list[Port]:
    transports = [transport for transport, number in PROTOCOL_NUMBERS.items() if number in protocols]
    return [
        port
        for port in database.ports.values()
        if port.risk_internet in (Risk.CRITICAL, Risk.HIGH)
        and not port.negotiated
        and any(
            contains(ports, value)
            for transport in transports
            for first, last in port.match.get(transport, ())
            for value in (first, last)
        )
    ]


def _only_closes(policy: Policy) -> list[Note]:
    """Where nothing is needed and no default is declared, this is no firewall yet."""
    if any(each.hook is Hook.INPUT for each in policy.defaults):
        return []
    return [
        Note(
            id="only-closes",
            topic=Topic.RISK,
            text="No profile here needs anything, so whatever they do not close stays open. For a machine that is "
            "closed but for its purpose, add the profiles of that purpose, or workstation or server-baseline.",
        )
    ]


def _lockout(needs: list[Selection]) -> list[Note]:
    for need in needs:
        match = need.match
        if need.hook is Hook.INPUT and match.source_ports is None and (not match.protocols or TCP in match.protocols):
            ports = match.destination_ports
            if ports is None or any(contains(ports, port) for port in _ADMIN_PORTS):
                return []
            if need.statement.profile == _ADMIN_PROFILE:
                return []
    return [
        Note(
            id="lockout",
            topic=Topic.RISK,
            text="No need opens remote administration (SSH, Remote Desktop, WinRM). Loaded over the network, this "
            "ruleset keeps your present connection at best and refuses the next one: add profile remote-admin, or "
            "load it at the console.",
        )
    ]


def _cautions(policy: Policy, database: Database) -> list[Note]:
    """What closing an application takes with it, in the knowledge's own words."""
    found: list[Note] = []
    for statement in policy.statements:
        if statement.kind is StatementKind.FORBID and statement.application:
            application = application_of(statement, database)
            deny = application.deny
            if deny.caution or deny.effective:
                edge = [flow for flow in application.flows if flow.id in deny.edge_only and not statement.only]
                said = [f"effect {deny.effective}"] if deny.effective else []
                said += [f"{_numbers(database, flow)} ({flow.id}) only towards the internet" for flow in edge]
                caution = f" Mind: {deny.caution}." if deny.caution else ""
                found.append(
                    Note(
                        id="forbid-effect",
                        topic=Topic.DECISION,
                        text=f"{application.title} is closed by port"
                        + "".join(f"; {each}" for each in said)
                        + f".{caution}",
                        places=(statement.place,),
                    )
                )
    return found


def _numbers(database: Database, flow: Flow) -> str:
    ports = database.flow_ports(flow)
    return f"{flow.transport} {format_ports(ports)}" if ports else flow.id
