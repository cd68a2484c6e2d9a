"""Exact sets of packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import Intervals
from fwadvisor.model.walk import Packet
from fwadvisor.packets import paths
from fwadvisor.packets.nodes import IN, OPEN
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.packets.table import Table
from fwadvisor.packets.witness import Search, two_ends


class PacketSet:
    """A set of packets of one hook and family, within a domain: those that there can be and that are spoken of.

    Sets of one table (`Space`, hook and family) can be combined; the domain of the result is what both domains
    share. Two sets are equal where they hold the same packets.
    """

    __slots__ = ("__dict__", "_domain", "_node", "_table")

    def __init__(self, table: Table, node: int, domain: int) -> None:
        self._table = table
        #: The set, with anything outside of the domain.
        self._node = node
        self._domain = domain

    @property
    def table(self) -> Table:
        """The diagrams that the set belongs to."""
        return self._table

    @property
    def node(self) -> int:
        """The set as a diagram of its table; outside of the domain it holds anything."""
        return self._node

    @property
    def domain(self) -> int:
        """The domain as a diagram of its table."""
        return self._domain

    @cached_property
    def exact(self) -> int:
        """The set within its domain, as a diagram: the same number for the same set."""
        return self._table.nodes.meet(self._node, self._table.projected(self._domain))

    def __and__(self, other: PacketSet) -> PacketSet:
        return self._with(other, self._table.nodes.meet)

    def __or__(self, other: PacketSet) -> PacketSet:
        return self._with(other, self._table.nodes.override)

    def __sub__(self, other: PacketSet) -> PacketSet:
        return self._with(other, lambda a, b: self._table.nodes.meet(self._table.nodes.complement(b), a))

    def __invert__(self) -> PacketSet:
        return PacketSet(self._table, self._table.nodes.complement(self._node), self._domain)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PacketSet) and self._table is other._table and self.exact == other.exact

    def __hash__(self) -> int:
        return hash((id(self._table), self.exact))

    def __repr__(self) -> str:
        return f"<{'no' if self.is_empty else 'some'} packets of {self._table.hook} in IPv{self._table.family}>"

    @property
    def is_empty(self) -> bool:
        """Whether no possible packet is in it."""
        return self.exact == OPEN

    def count(self) -> int:
        """How many packets it holds, told apart by what somebody tests.

        Counted are the values of the fields that a firewall of the space or one of its `tests` asks for: integers
        and addresses one by one; names and conditions by atom (a name that is listed, the other names of a prefix,
        all further names; holds or not). A field that nobody tests counts as one.
        """
        return paths.count(self._table, self.exact)

    def contains(self, packet: Packet) -> bool:
        """Whether a possible packet is in the set; one of another hook or family is not."""
        if packet.hook is not self._table.hook or packet.family is not self._table.family:
            return False
        atoms = self._table.atoms_of(packet)
        at = self._table.nodes.at
        return at(self._node, atoms) == IN and at(self._domain, atoms) == IN

    def witness(self) -> Packet | None:
        """A packet of the set, as ordinary as there is, or None where there is none."""
        found = Search(self._table).best(self._node, self._domain)
        if found is None:
            return None
        return next(filter(self.contains, two_ends(found)), found)

    def boxes(self) -> Iterator[RawBox]:
        """Disjoint boxes that together hold, of all packets in the domain, exactly those of the set.

        They come one by one; there can be very many. A box may reach beyond the domain where that makes it shorter.
        """
        return paths.boxes(self._table, self._node, self._domain)

    def values(self, field: Field) -> Intervals:
        """The values of an integer field, or of an address, that packets of the set have.

        Of a field that nobody tests it is all values or none.
        """
        return paths.values(self._table, self.exact, field)

    def _with(self, other: PacketSet, operator: Callable[[int, int], int]) -> PacketSet:
        if self._table is not other._table:
            raise ValueError("sets of different spaces, hooks or families cannot be combined")
        domain = self._table.nodes.meet(self._domain, other._domain)
        return PacketSet(self._table, operator(self._node, other._node), domain)
