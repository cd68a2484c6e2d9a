"""Notes on negotiated flows: what becomes of them in one dialect, what that costs, and what helpers do not do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.compile.flows import application_of, zone_of
from fwadvisor.compile.following import Followed
from fwadvisor.compile.media import GATEKEEPER, Service, negotiates
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import FAMILIES, describe_addresses
from fwadvisor.model.interval import format_ports, size
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import SELF, Kind, Policy, Statement, Strategy
from fwadvisor.model.rule import Place, protocol_name
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Advisory, Flow, HelperFacts, Transport

#: Strategies under which devices have to keep to the fixed ranges.
_KEPT = (Strategy.PINNED, Strategy.TUNNELLED, Strategy.GATEKEEPER_ROUTED)


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
    negotiated = [flow for flow in flows if negotiates(application, flow, database)]
    names = " and ".join(dict.fromkeys(database.ports[flow.port].title for flow in negotiated))
    peers = _peers(policy, statement, negotiated)
    dialects, places = (capabilities.dialect,), (statement.place,)
    begun = "outbound " if _outbound_only(statement, negotiated, service) else ""
    # Helpers are assigned to the fixed flows, whose other end need not be where the media goes.
    asked = (
        _zones(policy, statement.roles[GATEKEEPER])
        if service.strategy is Strategy.GATEKEEPER_ROUTED
        else _peers(policy, statement, _assigned(flows, negotiated, service, database))
    )
    how = _how(policy, statement, service, application.title, names, (peers, asked), begun)
    found = [
        Note(id=f"media-{service.strategy}", topic=Topic.MEDIA, text=how, dialects=dialects, places=places),
        Note(
            id="media-exposure",
            topic=Topic.EXPOSURE,
            text=_exposure(application.title, service, peers, begun, _calls(negotiated)),
            dialects=dialects,
            places=places,
        ),
    ]
    if service.strategy is Strategy.EVERYTHING and not begun:
        found.append(_everything(statement, application.title, peers))
    if service.followed is not None:
        found += _followed_notes(policy, service, service.followed, dialects, places)
        if capabilities.helpers_before_translation:
            found += _forwarded(policy, statement, _assigned(flows, negotiated, service, database), dialects, places)
    if service.strategy in _KEPT:
        found.append(_pin_on_device(statement, negotiated, service, database, dialects))
    return found


def _assigned(flows: list[Flow], negotiated: list[Flow], service: Service, database: Database) -> list[Flow]:
    """The flows to which helpers are assigned."""
    if service.followed is None:
        return []
    readers = {facts.id for facts in service.followed.facts}
    return [flow for flow in flows if flow not in negotiated and database.ports[flow.port].helper in readers]


def _peers(policy: Policy, statement: Statement, flows: list[Flow]) -> str:
    """The zones at the far end of the flows, in words."""
    names: dict[str, None] = {}
    for flow in flows:
        for role in (flow.source_role, flow.destination_role):
            names |= dict.fromkeys(statement.roles.get(role, ()))
    return _zones(policy, (name for name in names if name != SELF)) or "anybody"


def _zones(policy: Policy, names: Iterable[str]) -> str:
    zones = [zone_of(policy, name) for name in names]
    return " and ".join(describe_addresses(zone.addresses) for zone in zones)


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


def _how(
    policy: Policy,
    statement: Statement,
    service: Service,
    title: str,
    names: str,
    ends: tuple[str, str],
    begun: str,
) -> str:
    peers, asked = ends
    lead = f"{title}: the ports of {names} are agreed at run time, so no static rule knows them."
    sums = f" ({service.arithmetic})" if service.arithmetic else ""
    untracked = f" Not tracked: {service.untracked}." if service.untracked else ""
    match service.strategy:
        case Strategy.TRACKED:
            fallback = (
                f" For messages that a helper cannot read {_ranges(service)} stays open as a fallback{sums}."
                if _ranges(service)
                else ""
            )
            return f"{lead} {_reads(service, asked)}{fallback}"
        case Strategy.PINNED:
            return f"{lead} They are pinned to {_ranges(service)} towards {peers}{sums}.{untracked}"
        case Strategy.TUNNELLED:
            return (
                f"{lead} The control channel runs inside call signalling and needs no port; what is left is pinned to "
                f"{_ranges(service)} towards {peers}{sums}."
            )
        case Strategy.GATEKEEPER_ROUTED:
            return (
                f"{lead} {_routed(policy, statement, service, asked)} Media runs to {peers}; a helper opens it towards "
                f"the host that signals only, so {_ranges(service)} is pinned{sums}.{untracked} Where the gatekeeper "
                "relays media as well, name it as the peer and leave the strategy to the dialect."
            )
        case Strategy.TRAVERSAL:
            server = statement.media.server if statement.media else ""
            return (
                f"{lead} They run through the traversal server {server}: only outbound {_ranges(service)}, and these "
                "rules assign no helper. Switch H.323 helpers and other H.323-aware features off on every firewall "
                "along that path: they break what H.460.18 and .19 do."
            )
        case Strategy.EVERYTHING:
            return f"{lead} EVERY HIGH PORT is open {begun}towards {peers}: {_ranges(service)}{sums}."
        case _:
            return f"{lead} They are refused ({statement.place}): calls connect, but without control or media."


def _reads(service: Service, asked: str) -> str:
    followed = service.followed
    if followed is None:
        return ""
    roots = ", ".join(
        f"{name} on {protocol_name(protocol)} {port}" for (protocol, port), name in followed.assigned.items()
    )
    ports = (
        ", and only to ports 1024-65535 that no statement closes"
        if any(flow.transport is not Transport.IP for flow in followed.flows)
        else ""
    )
    return (
        f"Connection tracking reads them: helper {roots}, assigned for {asked} only. Related connections are accepted "
        f"only where their master carries {', '.join(followed.related)}{ports}."
    )


def _routed(policy: Policy, statement: Statement, service: Service, asked: str) -> str:
    gatekeeper = _zones(policy, statement.roles[GATEKEEPER])
    follows = f" {_reads(service, asked)}" if service.followed is not None else ""
    return f"Call signalling and H.245 run through {gatekeeper} and are open to nobody else.{follows}"


def _calls(negotiated: Iterable[Flow]) -> bool:
    """Whether people would call the conversations calls."""
    return any(flow.phase in ("control", "media") for flow in negotiated)


def _exposure(title: str, service: Service, peers: str, begun: str, calls: bool) -> str:
    if service.tcp is None and service.udp is None:
        return f"{title}: {'between calls' if calls else 'while nothing is negotiated'} no negotiated port is open."
    counts = [
        f"{size(ports)} {name} ports"
        for name, ports in (("UDP", service.udp), ("TCP", service.tcp))
        if ports is not None
    ]
    return f"{title}: {' and '.join(counts)} stay open {begun}at all times towards {peers}."


def _everything(statement: Statement, title: str, peers: str) -> Note:
    return Note(
        id="everything-open",
        topic=Topic.RISK,
        text=f"EVERYTHING: {title} has every port from 1024 up open towards {peers}, with whatever listens "
        f"there now or later, because {statement.place} asks for it. It is for finding faults; choose tracked or "
        "pinned to stay.",
        places=(statement.place,),
    )


# -- helpers ------------------------------------------------------------------------------------------------


def _followed_notes(
    policy: Policy, service: Service, followed: Followed, dialects: tuple[str, ...], places: tuple[Place, ...]
) -> Iterator[Note]:
    for facts in followed.facts:
        yield _helper(facts, dialects)
        yield Note(
            id=f"watch-{facts.id}",
            topic=Topic.VERIFY,
            text=f"Load the {facts.id} helper's module at boot, and watch what it expects "
            f"{'during a call' if facts.same_peer else 'while it negotiates'}.",
            dialects=dialects,
            commands=(f"modprobe {facts.module}", "conntrack -L expect"),
        )
        translated = [f"IPv{family}" for family in facts.families if family not in facts.nat_families]
        if facts.nat_families and translated and policy.kind is Kind.GATEWAY:
            yield Note(
                id=f"untranslated-{facts.id}",
                topic=Topic.LIMIT,
                text=f"The {facts.id} helper rewrites addresses inside messages for "
                f"{' and '.join(f'IPv{family}' for family in facts.nat_families)} only: behind a translation of "
                f"{' and '.join(translated)} (masquerade) calls connect, and media towards the inside is lost. Leave "
                "such addresses untranslated.",
                dialects=dialects,
            )
    missing = [f"IPv{family}" for family in FAMILIES if family not in followed.families]
    if missing:
        open_by = f"; {_ranges(service)} stays open there as well" if _ranges(service) else ""
        yield Note(
            id="helper-families",
            topic=Topic.LIMIT,
            text=f"The {followed.facts[0].id} helper does not exist for {' and '.join(missing)}: what is negotiated "
            f"over it stays closed{open_by}.",
            dialects=dialects,
            places=places,
        )
    if followed.elsewhere:
        names = ", ".join(describe_addresses(zone.addresses) for zone in followed.elsewhere)
        yield Note(
            id="media-elsewhere",
            topic=Topic.LIMIT,
            text=f"A helper opens media towards the host that signals only. Of {names} some do not signal: media with "
            f"them stays closed{', but for ' + _ranges(service) if _ranges(service) else ''}.",
            dialects=dialects,
            places=places,
        )


def _forwarded(
    policy: Policy, statement: Statement, flows: list[Flow], dialects: tuple[str, ...], places: tuple[Place, ...]
) -> Iterator[Note]:
    """What an assignment by destination misses where the destination is translated later."""
    names = dict.fromkeys(name for flow in flows for name in statement.roles.get(flow.destination_role, ()))
    ends = [zone_of(policy, name) for name in names if name != SELF]
    hidden = [zone for zone in ends if zone.addresses is not None]
    if policy.kind is Kind.GATEWAY and hidden:
        yield Note(
            id="helper-before-translation",
            topic=Topic.LIMIT,
            text="Helpers are assigned before destinations are translated (DNAT, port forwarding), by the addresses of "
            f"{', '.join(zone.name for zone in hidden)}: what is forwarded from another address connects, and what it "
            "negotiates stays closed. Where such a zone is reached by another address, add that address to the zone.",
            dialects=dialects,
            places=places,
        )


def _helper(facts: HelperFacts, dialects: tuple[str, ...]) -> Note:
    never, _, because = facts.blind_when.partition(": ")
    blind = f"never blind{f' ({because})' if because else ''}" if never == "never" else f"blind when {facts.blind_when}"
    text = f"The {facts.id} helper is {blind}."
    if facts.limits:
        text += f" It does not follow {_listed(facts.limits)}."
    if facts.advice:
        text += f" Mind: {facts.advice}."
    text += "".join(f" {_advisory(each)}." for each in facts.advisories)
    text += "".join(f" Linux {each.versions}: {each.note}." for each in facts.defects)
    if facts.same_peer:
        text += " Where calls connect without media, give ranges as a fallback."
    return Note(id=f"helper-{facts.id}", topic=Topic.LIMIT, text=text, dialects=dialects)


def _advisory(advisory: Advisory) -> str:
    fixed = f" (repaired in Linux {', '.join(advisory.fixed)})" if advisory.fixed else ""
    return f"{advisory.id}: {advisory.note}{fixed}"


def _listed(parts: tuple[str, ...]) -> str:
    return " or ".join(filter(None, ("; ".join(parts[:-1]), parts[-1])))


# -- fixed ranges -------------------------------------------------------------------------------------------


def _pin_on_device(
    statement: Statement, negotiated: list[Flow], service: Service, database: Database, dialects: tuple[str, ...]
) -> Note:
    media = statement.media
    # Such a flow runs from a fresh port of who answers to the port that asked: the range is that of who asks.
    answered = [flow for flow in negotiated if flow.source_ports is not None and service.ports(flow) is not None]
    preset = database.presets.get(media.preset) if media and media.preset else None
    pins = dict.fromkeys(
        dynamic.pin
        for flow in negotiated
        if flow not in answered and (dynamic := database.ports[flow.port].dynamic) and dynamic.pin
    )
    known = f" Where it is set, as far as known: {'; '.join(pins)}." if pins else ""
    setting = ""
    if preset is not None:
        note = f" {preset.note[0].upper()}{preset.note[1:]}." if preset.note else ""
        setting = f" {preset.title}, setting on the device: {preset.setting}.{note}"
        setting += f" Source: {'; '.join(_source(id, database) for id in preset.sources)}."
    return Note(
        id="pin-on-device",
        topic=Topic.LIMIT,
        text=f"The device or program itself must keep to {_ranges(service)}, and its peers too where the default of "
        "output or forward closes, or what they negotiate stays blocked."
        f"{setting}{known}{_asking(answered)}",
        dialects=dialects,
        places=(statement.place,),
    )


def _asking(answered: list[Flow]) -> str:
    """Whose ports are pinned where an answer comes from a fresh port."""
    return "".join(
        f" Mind: in {flow.id} the range is that of the {flow.destination_role}, whose requests must come from it. The "
        f"{flow.source_role} answers from any port of {format_ports(flow.source_ports or ())}: a range that it is set "
        "to is not what is pinned here."
        for flow in answered
    )


def _source(id: str, database: Database) -> str:
    source = database.sources.get(id)
    if source is None:
        return f"RFC {id.removeprefix('rfc:')}"
    return f"{source.title} {source.url}".strip()
