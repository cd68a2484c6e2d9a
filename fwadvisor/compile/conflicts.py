"""Where statements meet: needs against never (an error), and needs against forbid (the need wins, with a note)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeAlias

from fwadvisor.compile.flows import Selection, span_of
from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import PORTS, Intervals, format_ports, intersect, overlaps, size
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Kind, Policy
from fwadvisor.model.rule import Hook, Match, protocol_name

#: Ports or blocks of addresses beyond this number are not spread over the index, but compared with everything.
_MOST_KEYS = 64
#: The host bits of a block of addresses in the index.
_CELL_BITS = {Family.IPV4: 8, Family.IPV6: 64}


def _addresses_meet(a: AddressSet | None, b: AddressSet | None) -> bool:
    return a is None or b is None or a is b or a.overlaps(b)


def _names_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return not a or not b or not set(a).isdisjoint(b)


def _ports_meet(a: Intervals | None, b: Intervals | None) -> bool:
    return a is None or b is None or overlaps(a, b)


def meet(a: Match, b: Match) -> bool:
    """Whether a packet can satisfy both matches (states and helpers aside)."""
    return (
        (not a.protocols or not b.protocols or not set(a.protocols).isdisjoint(b.protocols))
        and _ports_meet(a.destination_ports, b.destination_ports)
        and _addresses_meet(a.destination, b.destination)
        and _addresses_meet(a.source, b.source)
        and _ports_meet(a.source_ports, b.source_ports)
        and (not a.icmp or not b.icmp or any(x.type == y.type for x in a.icmp for y in b.icmp))
        and _names_meet(a.in_interfaces, b.in_interfaces)
        and _names_meet(a.out_interfaces, b.out_interfaces)
        and not set(a.families()).isdisjoint(b.families())
    )


_Traffic: TypeAlias = tuple[Hook, tuple[int, ...], Intervals | None]
_Cell: TypeAlias = tuple[Family, int]


class _Index:
    """Selections by their traffic and the blocks of their destination, so that ten thousand needs do not meet every
    forbid. What is too wide to be spread over the index is compared with everything.
    """

    def __init__(self, selections: Iterable[Selection]) -> None:
        self._kinds: dict[_Traffic, _Kind] = {}
        self._by_port: dict[tuple[Hook, int, int], list[_Kind]] = defaultdict(list)
        self._wide: dict[Hook, list[_Kind]] = defaultdict(list)
        for selection in selections:
            traffic = _traffic(selection)
            kind = self._kinds.get(traffic) or self._enter(traffic)
            kind.add(selection)

    def _enter(self, traffic: _Traffic) -> _Kind:
        kind = self._kinds[traffic] = _Kind()
        numbers = _numbers(traffic)
        if numbers is None:
            self._wide[traffic[0]].append(kind)
        for number in numbers or ():
            self._by_port[number].append(kind)
        return kind

    def similar(self, traffic: _Traffic) -> Iterable[_Kind]:
        """The indexed kinds of traffic that may share a packet with `traffic`."""
        numbers = _numbers(traffic)
        if numbers is None:
            return [kind for known, kind in self._kinds.items() if known[0] is traffic[0]]
        near = (kind for number in numbers for kind in self._by_port.get(number, ()))
        return dict.fromkeys((*self._wide[traffic[0]], *near))


class _Kind:
    """The indexed selections of one kind of traffic."""

    def __init__(self) -> None:
        self._all: list[Selection] = []
        self._wide: list[Selection] = []
        self._by_cell: dict[_Cell, list[Selection]] = defaultdict(list)

    def add(self, selection: Selection) -> None:
        """Enter a selection."""
        self._all.append(selection)
        cells = _cells(selection.match.destination)
        if cells is None:
            self._wide.append(selection)
        for cell in cells or ():
            self._by_cell[cell].append(selection)

    def near(self, cells: list[_Cell] | None) -> Iterable[Selection]:
        """The selections whose destination may have an address in `cells`, some of them more than once."""
        if cells is None:
            return self._all
        return chain(self._wide, *(self._by_cell.get(cell, ()) for cell in cells))


def _traffic(selection: Selection) -> _Traffic:
    return selection.hook, selection.match.protocols, selection.match.destination_ports


def _numbers(traffic: _Traffic) -> list[tuple[Hook, int, int]] | None:
    """Every protocol and port of the traffic, or None where they are too many."""
    hook, protocols, ports = traffic
    if not protocols or ports is None or size(ports) > _MOST_KEYS:
        return None
    return [
        (hook, protocol, port) for protocol in protocols for first, last in ports for port in range(first, last + 1)
    ]


def _cells(addresses: AddressSet | None) -> list[_Cell] | None:
    """Every block of addresses that the set touches, or None where they are too many."""
    if addresses is None:
        return None
    cells: dict[_Cell, None] = {}
    for family, bits in _CELL_BITS.items():
        for first, last in addresses.of(family):
            if (last >> bits) - (first >> bits) >= _MOST_KEYS:
                return None
            cells |= dict.fromkeys((family, cell) for cell in range(first >> bits, (last >> bits) + 1))
    return list(cells) if len(cells) <= _MOST_KEYS else None


def _meetings(needs: list[Selection], others: list[Selection]) -> Iterator[tuple[Selection, Selection]]:
    """Every pair of a need and another selection that a packet can satisfy."""
    if not others:
        return
    index = _Index(others)
    similar: dict[_Traffic, list[_Kind]] = {}
    for need in needs:
        traffic = _traffic(need)
        if traffic not in similar:
            similar[traffic] = list(index.similar(traffic))
        if not similar[traffic]:
            continue
        cells = _cells(need.match.destination)
        seen: set[int] = set()
        for kind in similar[traffic]:
            for other in kind.near(cells):
                if id(other) not in seen:
                    seen.add(id(other))
                    if meet(need.match, other.match):
                        yield need, other


def _shared_numbers(a: Match, b: Match) -> str:
    """The protocol and ports that two matches share, for people."""
    protocols = [p for p in a.protocols or b.protocols if not b.protocols or p in b.protocols]
    names = ",".join(protocol_name(p) for p in protocols) or "any protocol"
    ports = intersect(a.destination_ports or PORTS, b.destination_ports or PORTS)
    return names if ports == PORTS else f"{names} {format_ports(ports)}"


def broken_guardrails(needs: list[Selection], nevers: list[Selection]) -> list[Diagnostic]:
    """An error for each pair of a need and a never that overlap, with both places."""
    found: dict[tuple[int, int], Diagnostic] = {}
    for need, never in _meetings(needs, nevers):
        key = id(need.statement), id(never.statement)
        if key in found:
            continue
        reason = f" ({never.statement.reason})" if never.statement.reason else ""
        found[key] = error(
            f"this need opens {_shared_numbers(need.match, never.match)} ({need.origin.text}), "
            "which a never statement rules out",
            span_of(need.statement),
            "narrow the need, or take the guardrail away deliberately: never has no exceptions",
            Label(span_of(never.statement), f"never: {never.origin.text}{reason}"),
        )
    return list(found.values())


def unguarded(policy: Policy, nevers: list[Selection]) -> list[Note]:
    """A note where a gateway has guardrails, but none for what it forwards."""
    if policy.kind is not Kind.GATEWAY or not nevers or any(each.hook is Hook.FORWARD for each in nevers):
        return []
    return [
        Note(
            id="forwarding-unguarded",
            topic=Topic.RISK,
            text="The never statements guard this gateway itself, and not the machines behind it: no never statement "
            "speaks of forwarded traffic (no-risky-exposure does with protect=any and outside=INTERFACE).",
            places=tuple(dict.fromkeys(each.statement.place for each in nevers)),
        )
    ]


def resolved_conflicts(needs: list[Selection], forbids: list[Selection]) -> list[Note]:
    """A note for each pair of a need and a forbid that overlap: what stays open although it is forbidden."""
    shared: dict[tuple[int, int], tuple[Selection, Selection, dict[str, list[str]]]] = {}
    for need, forbid in _meetings(needs, forbids):
        key = id(need.statement), id(forbid.statement)
        by_numbers = shared.setdefault(key, (need, forbid, {}))[2]
        ends = by_numbers.setdefault(_shared_numbers(need.match, forbid.match), [])
        path = str(need.path)
        if path not in ends:
            ends.append(path)
    return [
        _conflict(need, forbid, [f"{numbers} ({', '.join(ends)})" for numbers, ends in by_numbers.items()])
        for need, forbid, by_numbers in shared.values()
    ]


def _called(selection: Selection) -> str:
    """What people call the subject of a statement."""
    statement = selection.statement
    return statement.application or (f'"{statement.title}"' if statement.title else f'"{statement.flows[0].text}"')


def _conflict(need: Selection, forbid: Selection, numbers: list[str]) -> Note:
    wanted, closed = _called(need), _called(forbid)
    verb = "stays" if len(numbers) == 1 else "stay"
    return Note(
        id="need-wins",
        topic=Topic.CONFLICT,
        text=(
            f"{' and '.join(numbers)} {verb} open because {wanted} is needed there, although {closed} is forbidden "
            "and uses the same numbers. A port cannot tell the two apart; everywhere else it stays closed."
        ),
        places=(need.statement.place, forbid.statement.place),
    )
