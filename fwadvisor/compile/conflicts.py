"""Where statements meet: needs against never (an error), and needs against forbid (the need wins, with a note)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from fwadvisor.compile.flows import Selection, span_of
from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.model.address import AddressSet
from fwadvisor.model.interval import PORTS, Intervals, format_ports, intersect, overlaps
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import Hook, Match, protocol_name

#: A port range wider than this is not spread over the index, but compared with everything.
_INDEXED = 64


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


class _Index:
    """Selections by hook and destination port, so that ten thousand needs do not meet every forbid."""

    def __init__(self, selections: Iterable[Selection]) -> None:
        self._by_port: dict[tuple[Hook, int, int], list[Selection]] = defaultdict(list)
        self._wide: dict[Hook, list[Selection]] = defaultdict(list)
        for selection in selections:
            ports = selection.match.destination_ports
            if ports is None or not selection.match.protocols or sum(b - a for a, b in ports) > _INDEXED:
                self._wide[selection.hook].append(selection)
                continue
            for key in _keys(selection, ports):
                self._by_port[key].append(selection)

    def candidates(self, selection: Selection) -> Iterator[Selection]:
        """Every selection that may meet this one, some of them more than once."""
        yield from self._wide[selection.hook]
        ports = selection.match.destination_ports
        if ports is None or not selection.match.protocols or sum(b - a for a, b in ports) > _INDEXED:
            yield from (s for key, found in self._by_port.items() if key[0] is selection.hook for s in found)
            return
        for key in _keys(selection, ports):
            yield from self._by_port.get(key, ())


def _keys(selection: Selection, ports: Intervals) -> Iterator[tuple[Hook, int, int]]:
    for protocol in selection.match.protocols:
        for first, last in ports:
            for port in range(first, last + 1):
                yield selection.hook, protocol, port


def _meetings(needs: list[Selection], others: list[Selection]) -> Iterator[tuple[Selection, Selection]]:
    index = _Index(others)
    for need in needs:
        seen: set[int] = set()
        for other in index.candidates(need):
            if id(other) not in seen and meet(need.match, other.match):
                seen.add(id(other))
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
        found[key] = error(
            f"this need opens {_shared_numbers(need.match, never.match)} ({need.origin.text}), "
            "which a never statement rules out",
            span_of(need.statement),
            "narrow the need, or take the guardrail away deliberately: never has no exceptions",
            Label(span_of(never.statement), f"never: {never.origin.text}"),
        )
    return list(found.values())


def resolved_conflicts(needs: list[Selection], forbids: list[Selection]) -> list[Note]:
    """A note for each pair of a need and a forbid that overlap: what stays open although it is forbidden."""
    shared: dict[tuple[int, int], tuple[Selection, Selection, dict[str, list[str]]]] = {}
    for need, forbid in _meetings(needs, forbids):
        key = id(need.statement), id(forbid.statement)
        by_numbers = shared.setdefault(key, (need, forbid, {}))[2]
        ends = by_numbers.setdefault(_shared_numbers(need.match, forbid.match), [])
        path = need.origin.text.rpartition(": ")[2]
        if path not in ends:
            ends.append(path)
    return [
        _conflict(need, forbid, [f"{numbers} ({', '.join(ends)})" for numbers, ends in by_numbers.items()])
        for need, forbid, by_numbers in shared.values()
    ]


def _conflict(need: Selection, forbid: Selection, numbers: list[str]) -> Note:
    wanted = need.statement.application or "inline flow"
    verb = "stays" if len(numbers) == 1 else "stay"
    closed = forbid.statement.application or "the forbidden flow"
    return Note(
        id="need-wins",
        topic=Topic.CONFLICT,
        text=(
            f"{' and '.join(numbers)} {verb} open because {wanted} is needed there, although {closed} is forbidden "
            "and uses the same numbers. A port cannot tell the two apart; everywhere else it stays closed."
        ),
        places=(need.statement.place, forbid.statement.place),
    )
