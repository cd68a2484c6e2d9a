"""How many ports the calls of a need take, the fixed ranges that follow, and the sums in words that one can check.

A stream of a call takes two UDP ports (RTP on an even one, RTCP on the next) at each end, the same for both directions.
Over TCP a call of H.323 has call signalling, whose own port is any, H.245, and T.120 where data is shared. Endpoints
go round in their range instead of beginning anew, so a range is twice what the calls take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fwadvisor.compile.flows import span_of
from fwadvisor.diagnostic import Diagnostic, error, nearest, warning
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import Intervals, format_ports, size
from fwadvisor.model.policy import Media, Statement
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Flow, MediaPreset, Transport

GENERIC_PRESET = "generic"
#: The port entry of H.245, by which calls of H.323 are known.
CONTROL_CHANNEL = "h245-dynamic"
#: The streams of a call in the order in which systems add them.
STREAMS = ("audio", "video", "far-end camera", "content")
_CYCLE = 2
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Sum:
    """What the calls take over one transport; `ports` for each call, `parts` are its factors in words."""

    transport: str
    ports: int
    parts: str
    calls: int

    @property
    def least(self) -> int:
        """The ports that are taken at once."""
        return self.ports * self.calls

    @property
    def wanted(self) -> int:
        """The length of a range in which endpoints can go round."""
        return self.least * _CYCLE

    def __str__(self) -> str:
        calls = f"{self.calls} call{'s' * (self.calls != 1)}"
        return f"{self.transport} {self.parts} x {calls} = {self.least}"


@dataclass(frozen=True, slots=True)
class Demand:
    """What the calls of one need take of a range; a transport without countable calls is None."""

    tcp: Sum | None
    udp: Sum | None

    def of(self, transport: str) -> Sum | None:
        """The sum for a transport."""
        return self.tcp if transport == "tcp" else self.udp


def demand(media: Media, negotiated: Collection[Flow], *, tunnelled: bool = False) -> Demand:
    """What the negotiated flows take; `tunnelled` says that H.245 runs inside call signalling."""
    called = tunnelled or any(flow.port == CONTROL_CHANNEL for flow in negotiated)
    spoken = any(flow.phase == "media" and flow.transport is Transport.UDP for flow in negotiated)
    return Demand(
        tcp=_tcp(media, tunnelled=tunnelled) if called else None,
        udp=_udp(media) if spoken else None,
    )


def _tcp(media: Media, *, tunnelled: bool) -> Sum:
    names = ["call signalling's own", *([] if tunnelled else ["H.245"]), *(["T.120"] if media.data else [])]
    return Sum(
        "TCP", len(names), f"{len(names)} port{'s' * (len(names) != 1)} ({', '.join(names)})", max(1, media.calls)
    )


def _udp(media: Media) -> Sum:
    names = [*STREAMS[: media.streams], *([f"{media.streams - len(STREAMS)} more"] * (media.streams > len(STREAMS)))]
    streams = f"{media.streams} stream{'s' * (media.streams != 1)} ({', '.join(names)})"
    return Sum("UDP", 2 * media.streams, f"2 ports (RTP, RTCP) x {streams}", max(1, media.calls))


# -- ranges of a preset -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ranges:
    """Fixed ranges, how they came about in words, and what is doubtful about them."""

    tcp: Intervals | None
    udp: Intervals | None
    arithmetic: str
    warnings: tuple[Diagnostic, ...] = ()


def preset_of(statement: Statement, media: Media, database: Database) -> MediaPreset:
    """The preset of a need.

    Raises:
        PolicyError: there is none of that name.
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
    return preset


def ranges(
    statement: Statement, media: Media, wanted: Demand, transports: Collection[str], database: Database
) -> Ranges:
    """The ranges for `transports`: those of the profile, else those of the preset, sized by the calls.

    Raises:
        PolicyError: a range of the profile cannot work, there is no such preset, or the calls do not fit into it.
    """
    problems = list(_problems(statement, media, wanted, transports))
    if problems:
        raise PolicyError(problems)
    found: dict[str, Intervals | None] = {}
    words: list[str] = []
    warnings: list[Diagnostic] = []
    for transport in transports:
        given = media.tcp if transport == "tcp" else media.udp
        total = wanted.of(transport)
        if given is None:
            preset = preset_of(statement, media, database)
            given = found[transport] = _of_preset(statement, preset, transport, total)
            words.append(_preset_words(preset, transport, given, total))
            if total is not None and size(given) < total.least:
                warnings.append(_tight(statement, preset, transport, given, total))
        else:
            found[transport] = given
            words += [_given_words(transport, given, total)] if total is not None and media.calls else []
    return Ranges(found.get("tcp"), found.get("udp"), _sentence(words, wanted), tuple(warnings))


def _sentence(words: list[str], wanted: Demand) -> str:
    if not words or (wanted.tcp is None and wanted.udp is None):
        return "; ".join(words)
    return "; ".join(
        [*words, "endpoints go round in their range, hence the double; an MCU counts participants as calls"]
    )


def _of_preset(statement: Statement, preset: MediaPreset, transport: str, total: Sum | None) -> Intervals:
    whole, start = (preset.tcp, preset.tcp_start) if transport == "tcp" else (preset.udp, preset.udp_start)
    if whole is not None:
        return whole
    last = None if start is None or total is None else start + total.wanted - 1
    if start is None or last is None or last > _LAST_PORT:
        calls = f"{total.calls} call{'s' * (total.calls != 1)}" if total is not None else "its connections"
        raise PolicyError(
            error(
                f"{calls} do not fit into the {transport.upper()} ports of preset {preset.id}",
                span_of(statement),
                "give the ranges themselves in media: {tcp: ..., udp: ...}",
            )
        )
    return ((start, last),)


def _preset_words(preset: MediaPreset, transport: str, ports: Intervals, total: Sum | None) -> str:
    shown = f"{format_ports(ports)} of preset {preset.id}"
    if total is None:
        return f"{transport.upper()} {shown}"
    sized = preset.tcp_start if transport == "tcp" else preset.udp_start
    if sized is not None:
        return f"{total}, doubled to {total.wanted}: {shown}"
    return f"{total}, doubled {total.wanted}; {shown} has {size(ports)}, as its maker ships it"


def _given_words(transport: str, ports: Intervals, total: Sum) -> str:
    return (
        f"{total}, doubled {total.wanted}; {transport.upper()} {format_ports(ports)} of the profile has {size(ports)}"
    )


def _tight(statement: Statement, preset: MediaPreset, transport: str, ports: Intervals, total: Sum) -> Diagnostic:
    return warning(
        f"the {transport.upper()} range {format_ports(ports)} of preset {preset.id} has {size(ports)} ports, "
        f"but {total}: not all of these calls have their streams at once",
        span_of(statement),
        "lower calls or streams to what the device does",
    )


# -- ranges of the profile ----------------------------------------------------------------------------------


def _problems(statement: Statement, media: Media, wanted: Demand, transports: Collection[str]) -> Iterator[Diagnostic]:
    """What is wrong with the ranges that the profile gives for `transports`."""
    if media.udp is not None and wanted.udp is not None and "udp" in transports:
        yield from _parity(statement, media.udp, exact=wanted.tcp is not None)
    for transport in transports:
        given, total = media.tcp if transport == "tcp" else media.udp, wanted.of(transport)
        if given is not None and total is not None and statement.media is not None and size(given) < total.least:
            yield error(
                f"the {transport.upper()} range {format_ports(given)} holds {size(given)} ports, "
                f"but the calls take {total.least}: {total}",
                span_of(statement),
                f"give at least {total.least}, better {total.wanted} because endpoints go round; or lower calls",
            )


def _parity(statement: Statement, ports: Intervals, *, exact: bool) -> Iterator[Diagnostic]:
    for first, last in ports:
        shown = format_ports(((first, last),))
        if first % 2:
            yield error(
                f"the UDP range {shown} starts at an odd port: RTP takes even ports, RTCP the next",
                span_of(statement),
                f"start at {first + 1}, or at {first - 1}",
            )
        elif exact and last % 2 == 0:
            yield error(
                f"the UDP range {shown} ends at an even port: that would be RTP without the port of its RTCP",
                span_of(statement),
                f"end at {last + 1}" if last < _LAST_PORT else f"end at {last - 1}",
            )
