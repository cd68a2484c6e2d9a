"""The port space of one direction and transport as rows: stretches of ports with one fate, from 0 to 65535."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Field
from fwadvisor.model.interval import PORTS, Intervals, contains, union
from fwadvisor.model.rule import Hook, State
from fwadvisor.packets import Budget
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Transport
from fwadvisor.report.html.words import KINDS, families
from fwadvisor.report.review_words import port_name
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.port_space import Access, PortSpace, port_spaces

#: What a map may cost; where it would cost more, only the changes are drawn.
MAP_BUDGET = Budget(nodes=400_000)
#: More rows are drawn together: first those that did not change, then the last ones.
_MOST_ROWS = 28
_NEW = STATES.index(State.NEW)


class Open(IntEnum):
    """To whom a port is open."""

    CLOSED = 0
    SOME = 1
    #: Nobody can say of some packets, and it is surely not open to anyone.
    UNKNOWN = 2
    ANYONE = 3

    @property
    def word(self) -> str:
        """For tables."""
        return ("closed", "some addresses", "not known", "any address")[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Ports with one fate; or, with `together`, several such stretches that are drawn as one."""

    first: int
    last: int
    before: Open
    after: Open
    kinds: tuple[Kind, ...]
    name: str = ""
    together: int = 0

    @property
    def ports(self) -> str:
        """``22``, ``1024–65535``."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"

    @property
    def change(self) -> str:
        """What changed, in words."""
        return ", ".join(KINDS[kind][0] for kind in self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The ports of a hook and transport, of all IP versions in which they are alike."""

    hook: Hook
    families: str
    transport: Transport
    #: Whether it is known what is open besides the changes.
    known: bool
    rungs: tuple[Rung, ...]


class _Alike(NamedTuple):
    """What is one map where several families have it."""

    hook: Hook
    transport: Transport
    sides: tuple[Access, Access] | None
    kinds: tuple[tuple[Kind, Intervals], ...]


def ladders(review: Review, database: Database, budget: Budget = MAP_BUDGET) -> tuple[list[Ladder], str]:
    """The maps of a review for each hook and transport with changed ports; and why they show only the changes, or "".

    Only first packets of connections count: replies pass to any port.
    """
    changed = _changed(review)
    spaces: dict[tuple[Hook, Family, Transport], PortSpace] = {}
    excuse = ""
    try:
        found = port_spaces(review.old, review.new, changed, budget)
        spaces = {(each.hook, each.family, each.transport): each for each in found}
    except BudgetError:
        spaces = {}
        excuse = "These firewalls are too large for a map of everything that is open: it shows the changed ports alone."
    alike: dict[_Alike, list[Family]] = {}
    for (hook, family, transport), kinds in changed.items():
        space = spaces.get((hook, family, transport))
        sides = (space.before, space.after) if space else None
        alike.setdefault(_Alike(hook, transport, sides, tuple(kinds.items())), []).append(family)
    return [_ladder(each, several, database) for each, several in alike.items()], excuse


def _changed(review: Review) -> dict[tuple[Hook, Family, Transport], dict[Kind, Intervals]]:
    found: dict[tuple[Hook, Family, Transport], dict[Kind, Intervals]] = {}
    for change in review.changes:
        for box in change.regions:
            for transport, ports in _ports(box.raw):
                kinds = found.setdefault((change.hook, change.family, transport), {})
                kinds[change.kind] = union(kinds.get(change.kind, ()), ports)
    order = {Transport.TCP: 0, Transport.UDP: 1}
    parts = sorted(found, key=lambda part: (list(Hook).index(part[0]), order.get(part[2], 2), part[1]))
    return {part: dict(sorted(found[part].items())) for part in parts}


def _ports(raw: RawBox) -> Iterable[tuple[Transport, Intervals]]:
    """The destination ports of a region that first packets of connections have, for each transport it names.

    A region that names no protocol has those of TCP and UDP.
    """
    states, protocols = raw.integers.get(Field.STATE), raw.integers.get(Field.PROTOCOL)
    if states is not None and not contains(states, _NEW):
        return
    for transport, number in PROTOCOL_NUMBERS.items():
        usual = transport in (Transport.TCP, Transport.UDP)
        if contains(protocols, number) if protocols is not None else usual:
            yield transport, raw.integers.get(Field.DESTINATION_PORT, PORTS)


def _ladder(alike: _Alike, several: Sequence[Family], database: Database) -> Ladder:
    before, after = alike.sides or (Access((), ()), Access((), ()))
    rungs = _rungs(before, after, dict(alike.kinds))
    return Ladder(
        hook=alike.hook,
        families=families(several),
        transport=alike.transport,
        known=alike.sides is not None,
        rungs=tuple(_named(each, alike.transport, database) for each in _fewer(rungs)),
    )


def _rungs(before: Access, after: Access, kinds: Mapping[Kind, Intervals]) -> list[Rung]:
    sets = (*(each for side in (before, after) for each in (side.anyone, side.somebody, side.unknown)), *kinds.values())
    starts = sorted({0, *(each for ports in sets for first, last in ports for each in (first, last + 1))} - {65536})
    return [
        Rung(
            first=first,
            last=end - 1,
            before=_open(before, first),
            after=_open(after, first),
            kinds=tuple(kind for kind, ports in kinds.items() if contains(ports, first)),
        )
        for first, end in pairwise([*starts, 65536])
    ]


def _open(access: Access, port: int) -> Open:
    if contains(access.anyone, port):
        return Open.ANYONE
    if contains(access.unknown, port):
        return Open.UNKNOWN
    return Open.SOME if contains(access.somebody, port) else Open.CLOSED


def _named(rung: Rung, transport: Transport, database: Database) -> Rung:
    if rung.together or not (rung.before or rung.after or rung.kinds):
        return rung
    return replace(rung, name=port_name((rung.first, rung.last), [transport], database))


def _fewer(rungs: list[Rung]) -> list[Rung]:
    """At most `_MOST_ROWS`: neighbours that did not change become one row, then everything from some row on."""
    if len(rungs) > _MOST_ROWS:
        merged: list[Rung] = []
        for rung in rungs:
            if merged and not rung.kinds and not merged[-1].kinds:
                merged[-1] = _together([merged[-1], rung])
            else:
                merged.append(rung)
        rungs = merged
    if len(rungs) > _MOST_ROWS:
        rungs = [*rungs[: _MOST_ROWS - 1], _together(rungs[_MOST_ROWS - 1 :])]
    return rungs


def _together(rungs: Sequence[Rung]) -> Rung:
    return Rung(
        first=rungs[0].first,
        last=rungs[-1].last,
        before=max(each.before for each in rungs),
        after=max(each.after for each in rungs),
        kinds=tuple(dict.fromkeys(kind for each in rungs for kind in each.kinds)),
        together=sum(each.together or 1 for each in rungs),
    )
