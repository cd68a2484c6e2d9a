"""How negotiated flows get through: the media strategy of a need, decided for one dialect.

The port of a negotiated flow (H.245, RTP, FTP data) is agreed inside another flow, so no static rule knows
it. A dialect that has connection-tracking helpers can follow the negotiation; any other keeps a fixed range
open, or the policy is refused. It is never answered with a wide range that nobody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fwadvisor.compile.flows import application_of, span_of
from fwadvisor.diagnostic import error, nearest
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import Intervals, contains, format_ports, size
from fwadvisor.model.policy import Media, Statement, Strategy
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Application, Flow

HIGH_PORTS: Intervals = ((1024, 65535),)
GENERIC_PRESET = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What serves the negotiated flows of one need in one dialect."""

    #: Never `AUTO`.
    strategy: Strategy
    #: Fixed ranges by transport; None: nothing is kept open.
    tcp: Intervals | None = None
    udp: Intervals | None = None
    #: (transport, port) of a root flow -> the helper's name in the kernel.
    helpers: dict[tuple[int, int], str] = field(default_factory=dict)
    #: Names that a related connection's master may carry.
    related: tuple[str, ...] = ()
    #: How the ranges came about, for people.
    arithmetic: str = ""

    def ports(self, flow: Flow) -> Intervals | None:
        """The fixed range for a negotiated flow, or None."""
        return self.tcp if flow.transport == "tcp" else self.udp


def _helper_types(
    application: Application, negotiated: list[Flow], chosen: list[Flow], database: Database
) -> tuple[dict[tuple[int, int], str], tuple[str, ...]] | str:
    """The helpers that follow every chosen flow that negotiates, or why they cannot.

    Every fixed flow with a helper is taken, not only those that open the negotiated ones: registration may
    move call signalling to another port.
    """
    types: dict[tuple[int, int], str] = {}
    related: list[str] = []
    for flow in chosen:
        port = database.ports[flow.port]
        if flow.opened_by or not (port.helper or (port.dynamic and port.dynamic.opens)):
            continue
        facts = database.helpers.get(port.helper)
        hits = {
            (PROTOCOL_NUMBERS[kind.transport], kind.port): kind.type
            for kind in (facts.types if facts else ())
            if kind.transport == flow.transport and contains(database.flow_ports(flow) or (), kind.port)
        }
        if facts is None or not hits:
            if port.dynamic and port.dynamic.opens:
                return f"no connection-tracking helper can read {flow.id}"
            continue
        types |= hits
        related += [each for each in facts.related_names if each not in related]
    if not types or not all(database.flow_helper(application, flow) for flow in negotiated):
        return "no connection-tracking helper follows its signalling"
    return types, tuple(related)


def _computed(media: Media, statement: Statement, database: Database) -> tuple[Intervals, Intervals, str]:
    """The ranges of a preset, cut to the number of calls where the preset only names where they start.

    A call takes two UDP ports for each stream (RTP even, RTCP odd) and two TCP ports; endpoints cycle
    through their range, so it is doubled.
    """
    name = media.preset or GENERIC_PRESET
    preset = database.presets.get(name)
    if preset is None:
        hits = nearest(name, database.presets)
        raise PolicyError(
            error(
                f'no media preset is called "{name}"',
                span_of(statement),
                f"did you mean {hits[0]}?" if hits else f"the presets are {', '.join(sorted(database.presets))}",
            )
        )
    tcp, udp = preset.tcp, preset.udp
    words: list[str] = []
    if tcp is None and preset.tcp_start is not None:
        count = 2 * media.calls * 2
        tcp = ((preset.tcp_start, preset.tcp_start + count - 1),)
        words.append(f"TCP 2 ports x {media.calls} calls x 2 = {count}")
    if udp is None and preset.udp_start is not None:
        count = 2 * media.streams * media.calls * 2
        udp = ((preset.udp_start, preset.udp_start + count - 1),)
        words.append(f"UDP 2 ports x {media.streams} streams x {media.calls} calls x 2 = {count}")
    arithmetic = f"preset {preset.id}" + (f": {'; '.join(words)}; doubled because endpoints cycle" if words else "")
    if tcp is None or udp is None or tcp[-1][1] > 65535 or udp[-1][1] > 65535:
        raise PolicyError(
            error(
                f"{media.calls} calls do not fit into the ports of preset {preset.id}",
                span_of(statement),
                "give the ranges themselves in media: {tcp: ..., udp: ...}",
            )
        )
    return tcp, udp, arithmetic


def _needs(negotiated: list[Flow], transport: str) -> bool:
    return any(flow.transport == transport for flow in negotiated)


def _pinned(
    statement: Statement, application: Application, media: Media, negotiated: list[Flow], database: Database
) -> Service:
    if not application.pinnable:
        raise _unserved(statement, application, f"{application.title} cannot be limited to fixed ports")
    tcp, udp, arithmetic = media.tcp, media.udp, ""
    missing = (_needs(negotiated, "tcp") and tcp is None) or (_needs(negotiated, "udp") and udp is None)
    if missing:
        if statement.media is None:
            raise _unserved(statement, application, "its negotiated ports are not pinned to a range")
        computed_tcp, computed_udp, arithmetic = _computed(media, statement, database)
        tcp, udp = tcp or computed_tcp, udp or computed_udp
    if media.udp is not None and media.udp[0][0] % 2:
        raise PolicyError(
            error(
                f"the UDP range {format_ports(media.udp)} starts at an odd port: RTP takes even ports, RTCP the next",
                span_of(statement),
                f"start at {media.udp[0][0] + 1}",
            )
        )
    wanted = 2 * media.streams * media.calls
    if media.udp is not None and _needs(negotiated, "udp") and statement.media and size(media.udp) < wanted:
        raise PolicyError(
            error(
                f"the UDP range {format_ports(media.udp)} holds {size(media.udp)} ports, "
                f"but {media.calls} calls of {media.streams} streams take {wanted}",
                span_of(statement),
                "widen the range or lower calls",
            )
        )
    return Service(
        strategy=Strategy.PINNED,
        tcp=tcp if _needs(negotiated, "tcp") else None,
        udp=udp if _needs(negotiated, "udp") else None,
        arithmetic=arithmetic,
    )


def _unserved(statement: Statement, application: Application, why: str) -> PolicyError:
    return PolicyError(
        error(
            f"the negotiated flows of {application.id} cannot be served here: {why}",
            span_of(statement),
            "choose in media: strategy tracked (iptables, nftables), pinned with tcp and udp ranges, tunnelled, "
            'traversal with a server, everything ("1024-65535 to these peers"), or refused; for the parameters see: '
            f"fwadvisor profiles show {statement.profile}",
        )
    )


def _tracked(
    application: Application,
    negotiated: list[Flow],
    chosen: list[Flow],
    database: Database,
    helpers: frozenset[str],
) -> Service | str:
    """The tracked service, or why it cannot be."""
    found = _helper_types(application, negotiated, chosen, database)
    if isinstance(found, str):
        return found
    types, related = found
    if not helpers.issuperset(types.values()):
        return "this dialect has no connection-tracking helpers"
    return Service(strategy=Strategy.TRACKED, helpers=types, related=related)


def _everything(statement: Statement, negotiated: list[Flow]) -> Service:
    return Service(
        strategy=Strategy.EVERYTHING,
        tcp=HIGH_PORTS if _needs(negotiated, "tcp") else None,
        udp=HIGH_PORTS if _needs(negotiated, "udp") else None,
        arithmetic=f"every port from 1024 up, as {statement.place} asks in plain words",
    )


def _explicit(service: Service, media: Media, negotiated: list[Flow]) -> Service:
    """A tracked service with the fallback range that the profile itself gives, if it gives one."""
    if media.tcp is None and media.udp is None:
        return service
    return Service(
        strategy=Strategy.TRACKED,
        tcp=media.tcp if _needs(negotiated, "tcp") else None,
        udp=media.udp if _needs(negotiated, "udp") else None,
        helpers=service.helpers,
        related=service.related,
        arithmetic="range of the profile, as a fallback for messages that the helper cannot read",
    )


def serve(statement: Statement, chosen: list[Flow], database: Database, helpers: frozenset[str]) -> Service | None:
    """How the negotiated flows among `chosen` are served by a dialect that has these `helpers`.

    None where there are none.

    Raises:
        PolicyError: no strategy fits; the hint names the choices.
    """
    negotiated = [flow for flow in chosen if database.negotiated(flow)]
    if not negotiated:
        return None
    application = application_of(statement, database)
    media = statement.media or Media()
    match media.strategy:
        case Strategy.REFUSED:
            return Service(strategy=Strategy.REFUSED)
        case Strategy.EVERYTHING:
            return _everything(statement, negotiated)
        case Strategy.TUNNELLED:
            data = [flow for flow in negotiated if flow.phase != "control"]
            service = _pinned(statement, application, media, data, database)
            return Service(strategy=Strategy.TUNNELLED, udp=service.udp, tcp=service.tcp, arithmetic=service.arithmetic)
        case Strategy.PINNED:
            return _pinned(statement, application, media, negotiated, database)
        case Strategy.TRAVERSAL:
            if not media.server or (media.tcp is None and media.udp is None):
                raise _unserved(statement, application, "traversal needs server, and the server's tcp and udp ports")
            return Service(strategy=Strategy.TRAVERSAL, tcp=media.tcp, udp=media.udp)
        case _:
            tracked = _tracked(application, negotiated, chosen, database, helpers)
            if isinstance(tracked, Service):
                return _explicit(tracked, media, negotiated)
            if media.strategy is Strategy.TRACKED:
                raise _unserved(statement, application, tracked)
            return _pinned(statement, application, media, negotiated, database)
