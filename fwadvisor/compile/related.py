"""What connection-tracking helpers expect: accepted for the needs that negotiate, but never past a closed port.

A helper opens what it reads, and it reads more than a need asks for: a call may announce a T.120 channel, or any
other port its parties choose. So the ports that forbid and never statements name are left out of what is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fwadvisor.compile.flows import Path, Selection
from fwadvisor.compile.media import HIGH_PORTS
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals, size, subtract, union
from fwadvisor.model.policy import Statement
from fwadvisor.model.rule import PORT_PROTOCOLS, Hook, Match, Origin, OriginKind, Rule, State, Verdict

#: Closing more ports than this is a wall around zones and no statement about single ports; a need beats it.
_SINGLE_PORTS = 1024

_BACK = {Hook.INPUT: Hook.OUTPUT, Hook.OUTPUT: Hook.INPUT, Hook.FORWARD: Hook.FORWARD}


@dataclass(frozen=True, slots=True)
class Expectation:
    """The connections that helpers expect for one need on one path, in both directions of the conversation."""

    path: Path
    #: Names that the master of such a connection may carry.
    helpers: tuple[str, ...]
    protocols: tuple[int, ...]
    statement: Statement
    #: The IP version that the helpers know, where it is one only.
    family: Family | None = None

    def paths(self) -> tuple[Path, Path]:
        """The path of the signalling, and the way back."""
        return self.path, Path(_BACK[self.path.hook], self.path.destination, self.path.source)


def related_rules(expectations: Iterable[Expectation], closed: list[Selection], hook: Hook) -> list[Rule]:
    """The rules that accept what helpers expect on `hook`, without the ports that `closed` selections name."""
    rules: dict[Match, Rule] = {}
    for each in expectations:
        if hook not in {path.hook for path in each.paths()}:
            continue
        for protocols, ports in _open(each.protocols, closed, hook):
            match = Match(
                family=each.family,
                states=(State.RELATED,),
                helpers=each.helpers,
                protocols=protocols,
                destination_ports=ports,
            )
            rules.setdefault(match, Rule(match, Verdict.ACCEPT, _origin(each)))
    return list(rules.values())


def expected(expectations: Iterable[Expectation], closed: list[Selection]) -> Iterator[Selection]:
    """The same as selections between the zones of each need, to be held against guardrails."""
    for each in expectations:
        for path in each.paths():
            for protocols, ports in _open(each.protocols, closed, path.hook):
                match = Match(
                    family=each.family,
                    protocols=protocols,
                    source=path.source.addresses,
                    destination=path.destination.addresses,
                    destination_ports=ports,
                    in_interfaces=path.source.interfaces if path.hook is not Hook.OUTPUT else (),
                    out_interfaces=path.destination.interfaces if path.hook is not Hook.INPUT else (),
                )
                yield Selection(path, match, _origin(each), each.statement)


def _origin(expectation: Expectation) -> Origin:
    statement = expectation.statement
    return Origin(
        kind=OriginKind.NEED,
        text=f"{statement.application} connections that {', '.join(expectation.helpers)} negotiated",
        profile=statement.profile,
        place=statement.place,
        application=statement.application,
    )


def _open(
    protocols: tuple[int, ...], closed: list[Selection], hook: Hook
) -> Iterator[tuple[tuple[int, ...], Intervals | None]]:
    """The protocols with the high ports left to each, None for those without ports; the same ports together."""
    by_ports: dict[Intervals | None, list[int]] = {}
    for protocol in protocols:
        if protocol not in PORT_PROTOCOLS:
            by_ports.setdefault(None, []).append(protocol)
            continue
        left = subtract(HIGH_PORTS, _named_ports(closed, hook, protocol))
        if left:
            by_ports.setdefault(left, []).append(protocol)
    for ports, same in by_ports.items():
        yield tuple(same), ports


def _named_ports(closed: list[Selection], hook: Hook, protocol: int) -> Intervals:
    named: Intervals = ()
    for selection in closed:
        ports = selection.match.destination_ports
        if selection.hook is hook and protocol in selection.match.protocols and ports and size(ports) <= _SINGLE_PORTS:
            named = union(named, ports)
    return named
