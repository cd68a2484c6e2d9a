"""How negotiated flows get through: the media strategy of a need, decided for one dialect.

The port of a negotiated flow (H.245, RTP, FTP data) is agreed inside another flow, so no static rule knows
it. A dialect that has connection-tracking helpers can follow the negotiation; any other keeps a fixed range
open, or the policy is refused. It is never answered with a wide range that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fwadvisor.compile.arithmetic import CONTROL_CHANNEL, demand, ranges
from fwadvisor.compile.flows import application_of, from_strangers, select, span_of
from fwadvisor.compile.following import Followed, follow
from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.dialects.base import Capabilities
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import Intervals
from fwadvisor.model.policy import ANYONE, InlineFlow, Media, Policy, Statement, Strategy
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Application, Flow, Transport
from fwadvisor.resources import profiles_dir

HIGH_PORTS: Intervals = ((1024, 65535),)
GATEKEEPER = "gatekeeper"
#: Ranges to show how one is written; of UDP an even number, as RTP takes them.
_EXAMPLE = {"tcp": "50000-50100", "udp": "50000-50099"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What serves the negotiated flows of one need in one dialect."""

    #: Never `AUTO`.
    strategy: Strategy
    #: Fixed ranges by transport; None: nothing is kept open.
    tcp: Intervals | None = None
    udp: Intervals | None = None
    #: What helpers follow, or None.
    followed: Followed | None = None
    #: Why helpers do not follow, where the need leaves the choice to the dialect and the dialect has helpers.
    untracked: str = ""
    #: How the ranges came about, for people.
    arithmetic: str = ""
    warnings: tuple[Diagnostic, ...] = ()

    def ports(self, flow: Flow) -> Intervals | None:
        """The fixed range for a negotiated flow, or None."""
        return self.tcp if flow.transport is Transport.TCP else self.udp


@dataclass(frozen=True, slots=True)
class Asked:
    """A need with negotiated flows, and what a dialect has for them."""

    policy: Policy
    statement: Statement
    application: Application
    media: Media
    chosen: list[Flow]
    database: Database
    capabilities: Capabilities
    negotiated: list[Flow] = field(default_factory=list)

    @property
    def transports(self) -> tuple[str, ...]:
        """The transports of the negotiated flows that have ports."""
        return tuple(each for each in ("tcp", "udp") if any(flow.transport == each for flow in self.negotiated))

    def under(self, strategy: Strategy) -> Asked:
        """The same with another strategy."""
        return replace(self, media=replace(self.media, strategy=strategy))


def negotiates(application: Application, flow: Flow, database: Database) -> bool:
    """Whether a flow is agreed inside another one: its port, or the identifier of an IP protocol that has none."""
    if flow.transport is Transport.IP:
        return bool(flow.opened_by) and database.flow_helper(application, flow) is not None
    return database.negotiated(flow)


# -- strategies ---------------------------------------------------------------------------------------------


def _everything(asked: Asked) -> Service:
    return Service(
        strategy=Strategy.EVERYTHING,
        tcp=HIGH_PORTS if "tcp" in asked.transports else None,
        udp=HIGH_PORTS if "udp" in asked.transports else None,
        arithmetic=f"every port from 1024 up, as {asked.statement.place} asks in plain words",
    )


def _pinned(asked: Asked) -> Service:
    if not asked.application.pinnable:
        raise _unserved(asked, f"{asked.application.title} cannot be limited to fixed ports")
    return _ranged(asked, Strategy.PINNED)


def _ranged(asked: Asked, strategy: Strategy, *, tunnelled: bool = False) -> Service:
    """Fixed ranges for the negotiated flows; a preset only where the profile speaks of media."""
    media, transports = asked.media, asked.transports
    missing = [each for each in transports if (media.tcp if each == "tcp" else media.udp) is None]
    if missing and asked.statement.media is None:
        raise _unserved(asked, "its negotiated ports are not pinned to a range")
    wanted = demand(media, asked.negotiated, tunnelled=tunnelled)
    if any(wanted.of(each) is None for each in missing):
        raise _unserved(asked, f"nothing says which {' and '.join(each.upper() for each in missing)} ports it keeps to")
    found = ranges(asked.statement, media, wanted, transports, asked.database)
    return Service(
        strategy=strategy, tcp=found.tcp, udp=found.udp, arithmetic=found.arithmetic, warnings=found.warnings
    )


def _tunnelled(asked: Asked) -> Service:
    """H.245 inside call signalling: media alone is pinned, and T.120 where data is shared."""
    if not _calls(asked) or not asked.application.pinnable:
        raise _unserved(asked, "only calls of H.323 with fixed ports can be tunnelled")
    inside = [flow for flow in asked.negotiated if flow.port == CONTROL_CHANNEL]
    # A shared T.120 channel takes a TCP port of the same range, towards whoever is called.
    left = [flow for flow in asked.negotiated if flow not in inside or asked.media.data]
    return _ranged(replace(asked, negotiated=left), Strategy.TUNNELLED, tunnelled=True)


def _traversal(asked: Asked) -> Service:
    media = asked.media
    if not media.server or (media.tcp is None and media.udp is None):
        raise _incomplete(
            asked,
            "traversal needs server, and the server's tcp and udp ports",
            "--set traversal_server=ADDRESS --set tcp_range=PORTS --set udp_range=PORTS",
            "media: {strategy: traversal, server: ZONE, tcp: PORTS, udp: PORTS}",
        )
    return Service(strategy=Strategy.TRAVERSAL, tcp=media.tcp, udp=media.udp)


def _gatekeeper_routed(asked: Asked) -> Service:
    """Signalling with the gatekeeper alone, which helpers follow; media with the peers, which they do not."""
    if not _calls(asked) or GATEKEEPER not in asked.application.roles:
        raise _unserved(asked, "only calls of H.323 can be routed by a gatekeeper")
    if not asked.statement.roles.get(GATEKEEPER):
        raise _incomplete(
            asked,
            "gatekeeper-routed needs the role gatekeeper, and it is bound to no zone",
            "--set gatekeeper=ADDRESS",
            "gatekeeper: ZONE, in roles",
        )
    control = [flow for flow in asked.negotiated if flow.port == CONTROL_CHANNEL]
    followed = _follow(replace(asked, negotiated=control), routed=True)
    if isinstance(followed, str):
        service = _ranged(asked, Strategy.GATEKEEPER_ROUTED)
        return replace(service, untracked=followed if asked.capabilities.helpers else "")
    rest = asked.negotiated if asked.media.tcp else [flow for flow in asked.negotiated if flow not in control]
    return replace(_ranged(replace(asked, negotiated=rest), Strategy.GATEKEEPER_ROUTED), followed=followed)


def _tracked(asked: Asked) -> Service:
    followed = _follow(asked)
    if isinstance(followed, str):
        raise _unserved(asked, followed)
    return _with_fallback(asked, followed)


def _auto(asked: Asked) -> Service:
    followed = _follow(asked)
    if not isinstance(followed, str):
        return _with_fallback(asked, followed)
    service = _pinned(asked)
    return replace(service, untracked=followed if asked.capabilities.helpers else "")


_STRATEGIES: Mapping[Strategy, Callable[[Asked], Service]] = {
    Strategy.AUTO: _auto,
    Strategy.TRACKED: _tracked,
    Strategy.PINNED: _pinned,
    Strategy.TUNNELLED: _tunnelled,
    Strategy.GATEKEEPER_ROUTED: _gatekeeper_routed,
    Strategy.TRAVERSAL: _traversal,
    Strategy.EVERYTHING: _everything,
    Strategy.REFUSED: lambda _: Service(strategy=Strategy.REFUSED),
}


def _follow(asked: Asked, *, routed: bool = False) -> Followed | str:
    return follow(
        asked.policy, asked.statement, asked.application, asked.media, asked.chosen, asked.negotiated, asked.database,
        asked.capabilities, routed=routed,
    )  # fmt: skip


def _with_fallback(asked: Asked, followed: Followed) -> Service:
    """A tracked service with the ranges that the profile itself gives, if it gives any."""
    media = asked.media
    given = [each for each in asked.transports if (media.tcp if each == "tcp" else media.udp) is not None]
    if not given:
        return Service(strategy=Strategy.TRACKED, followed=followed)
    found = ranges(asked.statement, media, demand(media, asked.negotiated), given, asked.database)
    return Service(
        strategy=Strategy.TRACKED,
        tcp=found.tcp,
        udp=found.udp,
        followed=followed,
        arithmetic=found.arithmetic,
        warnings=found.warnings,
    )


def _calls(asked: Asked) -> bool:
    """Whether these are calls of H.323."""
    return any(flow.port == CONTROL_CHANNEL for flow in asked.negotiated)


# -- what cannot be served ----------------------------------------------------------------------------------


def _unserved(asked: Asked, why: str) -> PolicyError:
    return PolicyError(
        error(
            f"the negotiated flows of {asked.application.id} cannot be served in {asked.capabilities.title}: {why}",
            span_of(asked.statement),
            _choices(asked),
        )
    )


def _incomplete(asked: Asked, why: str, setting: str, line: str) -> PolicyError:
    """What a strategy lacks in every dialect, in the same words, so that it is said once."""
    return PolicyError(
        error(
            f"the negotiated flows of {asked.application.id} cannot be served: {why}",
            span_of(asked.statement),
            f"add  {setting}" if _shipped(asked.statement) else f"write  {line}",
        )
    )


def _shipped(statement: Statement) -> bool:
    """Whether a statement is of a shipped profile, which has parameters and is no file to write into."""
    path = Path(statement.place.file)
    shipped = profiles_dir() / path.name
    own = path.is_file() and not (shipped.is_file() and path.samefile(shipped))
    return not own and shipped.is_file() and path.parent in (Path("profiles"), profiles_dir())


def _choices(asked: Asked) -> str:
    """The strategies that would serve this very need in this dialect, and what they take."""
    found = [
        words
        for strategy, words in (
            (Strategy.AUTO, "auto, which opens the protocol itself"),
            (Strategy.TRACKED, "tracked"),
            (Strategy.PINNED, _pinned_words(asked)),
            (Strategy.TUNNELLED, "tunnelled, where H.245 runs inside call signalling"),
            (Strategy.GATEKEEPER_ROUTED, "gatekeeper-routed"),
            (Strategy.TRAVERSAL, "traversal with a server and its tcp and udp ports"),
            (Strategy.EVERYTHING, "everything, which opens 1024-65535 to these peers"),
        )
        if _would_serve(asked, strategy)
    ]
    return (
        f"what works here, in media: {'; '.join(f'strategy {each}' for each in found)}{'; ' if found else ''}"
        f"strategy refused, which leaves them closed. {_way(asked)}"
    )


def _way(asked: Asked) -> str:
    """Where a choice is made: by the parameters of a shipped profile, or by a line in a profile of one's own."""
    if _shipped(asked.statement):
        return f"For the parameters see: fwadvisor profiles show {asked.statement.profile}"
    if not _would_serve(asked, Strategy.PINNED):
        return "Write it so:  media: {strategy: refused}"
    ranges = ", ".join(f"{each}: {_EXAMPLE[each]}" for each in asked.transports)
    return f"Write it so, for example:  media: {{strategy: pinned, {ranges}}}"


def _pinned_words(asked: Asked) -> str:
    return f"pinned with {' and '.join(asked.transports)} ranges that its setting is limited to"


def _would_serve(asked: Asked, strategy: Strategy) -> bool:
    """Whether a strategy can serve, once it has the ranges and servers that it takes."""
    application = asked.application
    match strategy:
        case Strategy.AUTO:
            return not asked.transports
        case Strategy.TRACKED:
            return not isinstance(_follow(asked), str)
        case Strategy.PINNED:
            return application.pinnable and bool(asked.transports)
        case Strategy.TUNNELLED:
            return application.pinnable and _calls(asked)
        case Strategy.GATEKEEPER_ROUTED:
            return application.pinnable and _calls(asked) and bool(asked.statement.roles.get(GATEKEEPER))
        case Strategy.TRAVERSAL:
            return application.pinnable and _calls(asked) and GATEKEEPER in application.roles
        case _:
            return bool(asked.transports) and not _to_strangers(asked)


def _to_strangers(asked: Asked) -> bool:
    """Whether opening every high port would open it to somebody whom the need does not name."""
    roles = asked.statement.roles
    return any(
        from_strangers(selection)
        for flow in asked.negotiated
        if flow.transport is not Transport.IP
        for selection in select(
            asked.policy,
            asked.statement,
            InlineFlow(protocols=flow.protocols(), ports=HIGH_PORTS),
            roles.get(flow.source_role, (ANYONE,)),
            roles.get(flow.destination_role, (ANYONE,)),
        )
    )


def serve(
    policy: Policy, statement: Statement, chosen: list[Flow], database: Database, capabilities: Capabilities
) -> Service | None:
    """How the negotiated flows among `chosen` are served by a dialect of these capabilities.

    None where there are none, or where all of them are of IP protocols without ports and nobody follows them: those
    are opened like any other flow.

    Raises:
        PolicyError: no strategy fits; the hint names the choices that do.
    """
    application = application_of(statement, database)
    negotiated = [flow for flow in chosen if negotiates(application, flow, database)]
    if not negotiated:
        return None
    asked = Asked(
        policy, statement, application, statement.media or Media(), chosen, database, capabilities, negotiated
    )
    if not asked.transports and asked.media.strategy in (Strategy.AUTO, Strategy.PINNED):
        followed = _follow(asked) if asked.media.strategy is Strategy.AUTO else ""
        return None if isinstance(followed, str) else Service(strategy=Strategy.TRACKED, followed=followed)
    return _STRATEGIES[asked.media.strategy](asked)
