"""Fixed ranges against everything else: the same ports for two purposes, and ports that the system itself hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from fwadvisor.compile.conflicts import meet
from fwadvisor.compile.flows import Selection, span_of
from fwadvisor.diagnostic import Diagnostic, Label, error, warning
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.interval import Intervals, format_ports, intersect, overlaps, size, union
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Statement
from fwadvisor.model.rule import Hook, Match
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Ephemeral

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
