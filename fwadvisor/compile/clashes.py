"""Fixed ranges against everything else: the same ports for two purposes, and ports that the system itself hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from fwadvisor.addresses import predefined
from fwadvisor.compile.conflicts import meet
from fwadvisor.compile.flows import Selection, application_of, span_of
from fwadvisor.diagnostic import Diagnostic, Label, error, warning
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import describe_addresses
from fwadvisor.model.interval import Intervals, format_ports, intersect, overlaps, size, union
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Statement
from fwadvisor.model.rule import Hook, Match
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Ephemeral, Port, Risk, Transport

#: Risks that are named where a range holds the port of such a service.
_RISKY = (Risk.CRITICAL, Risk.HIGH)
#: An entry of more ports stands for no single service.
_ONE_SERVICE = 64
#: So many risky ports of a range are named, the worst first.
_SHOWN = 8
#: A statement of more ports is one about a range and names no single port.
_NAMED = 1024


@dataclass(frozen=True, slots=True)
class Pinned:
    """A fixed range that one need keeps open for what it negotiates."""

    statement: Statement
    transport: str
    ports: Intervals
    selections: tuple[Selection, ...]


_Problem: TypeAlias = Callable[[Pinned, Selection, str], Diagnostic]
_Meeting: TypeAlias = Callable[[Selection, Selection], bool]


def clashes(pinned: Iterable[Pinned], needs: Iterable[Selection], forbidden: Iterable[Selection]) -> list[Diagnostic]:
    """An error for each range that holds ports which another statement, or the same need, speaks of.

    What one program keeps for its calls another cannot have, and a closed port inside a range would be open. A service
    of this machine would be open to the far end of the calls too, whomever its own need names.
    """
    ranges = list(pinned)
    if not ranges:
        return []
    kept = {id(selection) for each in ranges for selection in each.selections}
    fixed = [need for need in needs if id(need) not in kept]
    found: list[Diagnostic] = []
    for number, each in enumerate(ranges):
        found += _twice(each, ranges[:number])
        found += _first(each, (other for other in fixed if not _same_range(each, other)), _served, _needed)
        found += _first(each, forbidden, _together, _closed)
    return found


def _same_range(pinned: Pinned, other: Selection) -> bool:
    """Whether an inline flow opens exactly this range: the same profile opens its range to further zones so."""
    return not other.statement.application and other.match.destination_ports == pinned.ports


def _twice(pinned: Pinned, others: Iterable[Pinned]) -> Iterator[Diagnostic]:
    for other in others:
        if other.statement.application == pinned.statement.application or other.transport != pinned.transport:
            continue
        if overlaps(pinned.ports, other.ports) and any(
            _together(a, b) for a in pinned.selections for b in other.selections
        ):
            shared = format_ports(intersect(pinned.ports, other.ports))
            yield error(
                f"{pinned.transport.upper()} {shared} is kept for {pinned.statement.application}, "
                f"but also for {other.statement.application} towards the same zones",
                span_of(pinned.statement),
                "give each of them a range of its own, in media and on the device",
                Label(span_of(other.statement), f"the other range: {format_ports(other.ports)}"),
            )


def _together(one: Selection, other: Selection) -> bool:
    """Whether both speak of a packet."""
    return one.hook is other.hook and meet(one.match, other.match)


def _served(one: Selection, other: Selection) -> bool:
    """Whether both speak of a packet, or of a port of this machine, whoever may send to it."""
    if one.hook is Hook.INPUT is other.hook:
        return meet(_from_anybody(one.match), _from_anybody(other.match))
    return _together(one, other)


def _from_anybody(match: Match) -> Match:
    return replace(match, source=None, source_ports=None, in_interfaces=())


def _first(pinned: Pinned, others: Iterable[Selection], meeting: _Meeting, problem: _Problem) -> Iterator[Diagnostic]:
    """A problem for each other statement that names a port inside the range."""
    seen: set[int] = set()
    for other in others:
        ports = other.match.destination_ports
        if ports is None or size(ports) > _NAMED or id(other.statement) in seen:
            continue
        if any(meeting(selection, other) for selection in pinned.selections):
            seen.add(id(other.statement))
            yield problem(pinned, other, format_ports(intersect(pinned.ports, ports)))


def _needed(pinned: Pinned, other: Selection, shared: str) -> Diagnostic:
    same = other.statement is pinned.statement
    labels = () if same else (Label(span_of(other.statement), "needed here"),)
    return error(
        f"the {pinned.transport.upper()} range {format_ports(pinned.ports)} of {pinned.statement.application} holds "
        f"{shared}, which is needed for something else ({other.origin.text})",
        span_of(pinned.statement),
        "move the range, in media and on the device, so that it holds no other port",
        *labels,
    )


def _closed(pinned: Pinned, other: Selection, shared: str) -> Diagnostic:
    return error(
        f"the {pinned.transport.upper()} range {format_ports(pinned.ports)} of {pinned.statement.application} holds "
        f"{shared}, which a forbid statement closes",
        span_of(pinned.statement),
        "move the range, in media and on the device, or split it around the port",
        Label(span_of(other.statement), f"forbid: {other.origin.text}"),
    )


def ephemeral(
    pinned: Sequence[Pinned], capabilities: Capabilities, database: Database
) -> tuple[list[Diagnostic], list[Note]]:
    """What to say of the fixed ranges of one need that overlap the ports which this machine's system hands to programs.

    A warning where that is so on every system that the rules are for; a note where only one of several does.
    """
    inwards = [each for each in pinned if any(one.hook is Hook.INPUT for one in each.selections)]
    systems = [each for each in database.ephemeral if each.system in capabilities.systems]
    hit = [each for each in systems if any(overlaps(each.ports, one.ports) for one in inwards)]
    if not hit:
        return [], []
    inside = [each for each in inwards if any(overlaps(one.ports, each.ports) for one in hit)]
    ranges = " and ".join(f"{each.transport.upper()} {format_ports(each.ports)}" for each in inside)
    names = " and ".join(f"{each.system} ({format_ports(each.ports)})" for each in hit)
    statement = inwards[0].statement
    said = (
        f"{ranges} of {statement.application} overlap{'s' * (len(inside) == 1)} the ports that "
        f"{names} hand{'s' * (len(hit) == 1)} to programs: one may hold a port when it is wanted, and what it holds "
        "is open"
    )
    advice = "; ".join(_reserve(each, inside, alone=len(hit) == 1) for each in hit)
    if len(hit) == len(systems):
        return [warning(said, span_of(statement), f"keep them free: {advice}")], []
    note = Note(
        id="ephemeral-ports",
        topic=Topic.LIMIT,
        text=f"{said[0].upper()}{said[1:]}. To keep them free: {advice}.",
        dialects=(capabilities.dialect,),
        places=(statement.place,),
    )
    return [], [note]


def _reserve(system: Ephemeral, pinned: Sequence[Pinned], *, alone: bool) -> str:
    """How to keep the ranges out of what the system hands out, a command for each transport where it takes one."""
    every = format_ports(union(pinned[0].ports, pinned[-1].ports))
    steps = dict.fromkeys(
        system.reserve.format(ports=every, first=first, count=last - first + 1, transport=each.transport)
        for each in pinned
        for first, last in each.ports
    )
    return f"{'' if alone else f'{system.system}: '}{', '.join(steps)}"


# -- services that nobody speaks of -------------------------------------------------------------------------


def risky(pinned: Iterable[Pinned], capabilities: Capabilities, database: Database) -> list[Note]:
    """A note for each range that lets others reach known ports of high or critical risk, should a service listen there.

    The risk is that inside a network where only private addresses may send, and that from the internet elsewhere.
    """
    return [note for each in pinned if (note := _risky(each, capabilities, database)) is not None]


def _risky(pinned: Pinned, capabilities: Capabilities, database: Database) -> Note | None:
    inwards = [each for each in pinned.selections if each.hook is not Hook.OUTPUT]
    if not inwards:
        return None
    private = predefined("private")
    inside = all(each.match.source is not None and private.covers(each.match.source) for each in inwards)
    found = sorted(_services(pinned, database, inside=inside), key=lambda each: (_RISKY.index(each[2]), each[0]))
    if not found:
        return None
    shown = ", ".join(f"{format_ports(ports)} ({title}, {risk})" for ports, title, risk in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    senders = " and ".join(dict.fromkeys(describe_addresses(each.match.source) for each in inwards))
    where = "there" if any(each.hook is Hook.FORWARD for each in inwards) else "on this machine"
    return Note(
        id="risky-ports-in-range",
        topic=Topic.RISK,
        text=f"{pinned.transport.upper()} {format_ports(pinned.ports)} of {pinned.statement.application} holds ports "
        f"of risky services: {shown}{more}. Whichever of them listens {where} is open to {senders} as well. See that "
        "none does, or move the range, in media and on the device.",
        dialects=(capabilities.dialect,),
        places=(pinned.statement.place,),
    )


def _services(pinned: Pinned, database: Database, *, inside: bool) -> Iterator[tuple[Intervals, str, Risk]]:
    """The risky services with ports inside a range, but for those of the same application."""
    own = {flow.port for flow in application_of(pinned.statement, database).flows}
    for port in database.ports.values():
        risk = port.risk_lan if inside else port.risk_internet
        shared = intersect(_single(port, pinned.transport), pinned.ports)
        if risk in _RISKY and shared and port.id not in own and not port.negotiated:
            yield shared, port.title, risk


def _single(port: Port, transport: str) -> Intervals:
    return tuple(each for each in port.match.get(Transport(transport), ()) if size((each,)) <= _ONE_SERVICE)
