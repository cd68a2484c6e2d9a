"""What a firewall does with every packet of one hook and family, and where two firewalls differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Field, Firewall
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets.ends import End, Kind, effects_of
from fwadvisor.packets.nodes import IN, OPEN
from fwadvisor.packets.sets import PacketSet
from fwadvisor.packets.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes of a packet; `verdict` None is unknown.

    `effects` are the last values written to the effects that the space carries, by field. Of packets that are not
    accepted only `Field.LOG` and `Field.DECIDER` are kept: no connection comes of them that could have a helper or be
    translated.
    """

    verdict: Verdict | None
    effects: tuple[tuple[Field, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """The packets that had one result in the first firewall and have another in the second."""

    old: Result
    new: Result
    packets: PacketSet

    @property
    def unknown(self) -> bool:
        """Whether a result is not known, so that nothing is said about a difference."""
        return self.old.verdict is None or self.new.verdict is None


class Meaning:
    """What one firewall does with the packets of one hook and family."""

    def __init__(self, table: Table, number: int, firewall: Firewall) -> None:
        self.table = table
        self.number = number
        self.firewall = firewall
        #: The diagram with all conditions, and which packets the firewall speaks of.
        self.root = table.roots[number]
        self._scope = table.spoken(number)

    def __repr__(self) -> str:
        return f"<what {self.firewall.name} does with {self.hook} in IPv{self.family}>"

    @property
    def hook(self) -> Hook:
        """Where the packets are seen."""
        return self.table.hook

    @property
    def family(self) -> Family:
        """Their IP version."""
        return self.table.family

    @cached_property
    def certain(self) -> int:
        """The diagram without conditions that are not understood: where one matters, the result is unknown."""
        return self.table.forget(self.root, self._end(End(Kind.UNKNOWN, numbers=(self.number,))))

    @property
    def domain(self) -> PacketSet:
        """The possible packets that the firewall speaks of."""
        return PacketSet(self.table, IN, self._scope)

    def results(self) -> frozenset[Result]:
        """All results that some possible packet has."""
        return frozenset(result for result, _ in self.by_result())

    def by_result(self) -> Iterator[tuple[Result, PacketSet]]:
        """Each result that some possible packet has, with its packets."""
        for result, end in self._ends.items():
            packets = self._set([end])
            if not packets.is_empty:
                yield result, packets

    def verdicts(self) -> frozenset[Verdict | None]:
        """All verdicts that some possible packet gets, None where it is unknown."""
        return frozenset(result.verdict for result in self.results())

    def where(self, verdict: Verdict | None) -> PacketSet:
        """The packets that surely get this verdict, or with None those of which it is not known.

        It is not known where an `Unknown` rule decides, or where it depends on a condition that is not understood.
        """
        chosen = [end for result, end in self._ends.items() if result.verdict is verdict]
        return self._set(chosen)

    def having(self, result: Result) -> PacketSet:
        """The packets with this result, effects included."""
        return self._set([self._ends[result]] if result in self._ends else [])

    @property
    def accepted(self) -> PacketSet:
        """The packets that are surely accepted."""
        return self.where(Verdict.ACCEPT)

    @property
    def unknown(self) -> PacketSet:
        """The packets of which it is not known what happens to them."""
        return self.where(None)

    def depends_on(self) -> frozenset[Condition]:
        """The conditions that matter for some possible packet, understood or not."""
        return self.table.conditions(self.root, self._scope)

    def at(self, packet: Packet) -> Result:
        """What becomes of one packet; all conditions, understood or not, hold where the packet names them.

        Raises:
            ValueError: the packet is of another hook or family.
        """
        if packet.hook is not self.hook or packet.family is not self.family:
            raise ValueError(f"this is about {self.hook} in IPv{self.family}")
        return _result(self.table, self.table.nodes.at(self.root, self.table.atoms_of(packet)))

    def _end(self, end: End) -> int:
        return self.table.ends.number(end)

    @cached_property
    def _ends(self) -> dict[Result, int]:
        return {_result(self.table, end): end for end in self.table.nodes.ends_of(self.certain)}

    def _set(self, ends: list[int]) -> PacketSet:
        return PacketSet(self.table, self.table.nodes.pick(self.certain, ends), self._scope)


def _result(table: Table, number: int) -> Result:
    end = table.ends[number]
    return Result(None) if end.kind is Kind.UNKNOWN else Result(end.verdict, effects_of(end.writes))


def compare(a: Meaning, b: Meaning, within: PacketSet | None = None) -> tuple[Change, ...]:
    """For each pair of different results, the packets that have the first in `a` and the second in `b`.

    Exact and complete on the possible packets that both firewalls speak of (those `within`, if it is given): ()
    means that they do the same. What is unknown in one is never the same as anything in another.

    Raises:
        ValueError: they are of different spaces, hooks or families.
    """
    table = a.table
    if table is not b.table or (within is not None and within.table is not table):
        raise ValueError("meanings of different spaces, hooks or families cannot be compared")
    domain = table.nodes.meet(table.spoken(a.number), table.spoken(b.number))
    limits = domain
    if within is not None:
        domain = table.nodes.meet(domain, within.domain)
        limits = table.nodes.meet(within.node, domain)
    found = Difference(table).of(a.certain, b.certain, table.projected(limits))
    changes = []
    for number in table.nodes.ends_of(found) - {OPEN}:
        old, new = table.ends[number].numbers
        where = table.nodes.pick(found, [number])
        if within is not None:
            where = table.nodes.meet(within.node, where)
        changes.append(Change(_result(table, old), _result(table, new), PacketSet(table, where, domain)))
    return tuple(sorted(changes, key=lambda change: (str(change.old), str(change.new))))


class Difference:
    """Where two diagrams have different ends, within a domain."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._known: dict[tuple[int, int, int], int] = {}

    def of(self, a: int, b: int, domain: int) -> int:
        """The diagram that is open where `a` and `b` agree, else has the pair of their ends; outside, anything."""
        if a == b or domain == OPEN:
            return OPEN
        if a <= 0 and b <= 0 and domain < 0:
            return self.table.ends.number(End(Kind.PAIR, numbers=(a, b)))
        found = self._known.get((a, b, domain))
        if found is None:
            nodes = self.table.nodes
            level = min(map(nodes.level, (a, b, domain)))
            bounds, columns = nodes.columns(level, (a, b, domain))
            kids = [None if rest == OPEN else self.of(x, y, rest) for x, y, rest in zip(*columns, strict=True)]
            found = self._known[a, b, domain] = nodes.join(level, bounds, _filled(kids))
        return found


def _filled(kids: list[int | None]) -> list[int]:
    """Where no packet is possible, what the neighbour has, so that there is less to tell apart."""
    last = next((kid for kid in kids if kid is not None), OPEN)
    filled = []
    for kid in kids:
        last = last if kid is None else kid
        filled.append(last)
    return filled
