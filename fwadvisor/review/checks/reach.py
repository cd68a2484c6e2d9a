"""Who gets where: the packets of a region that are accepted, and what accepts them, from few rules instead of all.

A region that names its sources or ports is met by few rules of a long file. `Reach` leaves the others out (they match
no packet of the region, so they decide none of it) and asks the packet engine of the rest: what it says is exact.
Conditions are replaced by what is known of them for a stranger's packet (`strangers.truth`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TypeAlias

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import (
    AddressTest,
    Condition,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    Test,
)
from fwadvisor.model.interval import Intervals, overlaps
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Budget, Meaning, PacketSet, Space
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.ports.facts import Transport
from fwadvisor.review.checks.regions import (
    BEGINS,
    FROM_A_CLIENT,
    FROM_THE_WIRE,
    NEW,
    TRANSPORTS,
    one,
    source,
    to_a_host,
)
from fwadvisor.review.checks.strangers import Door, doors, doubtful, strangers, supposing, through

#: Fields that rules never write: one whose test of such a field holds nowhere in a region matches nothing there.
_FIXED = frozenset(
    {Field.PROTOCOL, Field.SOURCE, Field.DESTINATION, Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.ICMP}
)
#: Windows' profile of networks that nobody knows.
_PUBLIC = 2
ACCEPTED = frozenset({Verdict.ACCEPT})
REFUSED = frozenset({Verdict.DROP, Verdict.REJECT})


#: Whether it is to be told what a rule decides.
Told: TypeAlias = Callable[[FirewallRule], bool]


@dataclass(frozen=True)
class Piece:
    """Packets of a region that one rule or default decides."""

    space: Space
    step: Step | None
    packets: PacketSet
    #: What of them is decided with the same verdict whatever the conditions do of which nothing is known.
    sure: PacketSet
    #: Conditions of which nothing is known, and on which it may depend.
    doubts: tuple[Condition, ...] = ()
    #: The interface over which they come, "" where it is told by the packets themselves.
    interface: str = ""

    @property
    def hook(self) -> Hook:
        """Where the packets are seen."""
        return self.packets.table.hook

    @property
    def family(self) -> Family:
        """Their IP version."""
        return self.packets.table.family

    @property
    def rule(self) -> FirewallRule | None:
        """What decides them, None for a default and where nothing is asked."""
        return self.step.rule if self.step else None

    def known(self, *tests: Test) -> PacketSet:
        """The possible packets for which tests hold that the space was made with."""
        return self.space.packets(self.hook, self.family, tests)

    def part(self, *tests: Test) -> Piece:
        """The packets for which tests hold that the space was made with."""
        return self.limited(self.known(*tests))

    def limited(self, packets: PacketSet) -> Piece:
        """Those of the packets that are in a set."""
        return replace(self, packets=self.packets & packets, sure=self.sure & packets)

    @cached_property
    def ports(self) -> Mapping[Transport, Intervals]:
        """The destination ports of the packets by transport; transports without any are left out."""
        parts = {transport: self.packets & self.known(test) for transport, test in TRANSPORTS.items()}
        return {each: part.values(Field.DESTINATION_PORT) for each, part in parts.items() if not part.is_empty}

    @cached_property
    def everything(self) -> bool:
        """Whether it is what no rule speaks of: nearly every protocol, and nearly every port."""
        protocols = sum(last - first + 1 for first, last in self.packets.values(Field.PROTOCOL))
        ports = sum(last - first + 1 for first, last in self.ports.get(Transport.TCP, ()))
        return protocols >= _MOST_PROTOCOLS and ports >= _MOST_PORTS


#: A region that many addresses of their own cross may cost so much.
_SOME_NODES = 150_000
#: So many rules are tried by themselves.
_TRIED = 8
#: Greater than every value of a field.
_ENDLESS = 1 << 129
_MOST_PROTOCOLS, _MOST_PORTS = 200, 50000


@dataclass(frozen=True)
class Entry:
    """What strangers get in by one rule or default, and the way they come."""

    piece: Piece
    door: Door

    @property
    def sure(self) -> bool:
        """Whether nothing that nobody knows stands between."""
        return self.door.sure and not self.piece.sure.is_empty


@dataclass(frozen=True)
class Plain:
    """A region, and what becomes of its packets."""

    numbered: Numbered
    meaning: Meaning
    within: PacketSet

    @property
    def accepted(self) -> PacketSet:
        """What is accepted, if conditions do as they must for that."""
        return self.meaning.accepted & self.within

    @property
    def known(self) -> bool:
        """Whether everything is decided by what is understood."""
        return (self.meaning.unknown & self.within).is_empty

    @property
    def refused(self) -> bool:
        """Whether there are such packets, and all of them are surely refused whatever conditions do."""
        return not self.within.is_empty and self.known and self.accepted.is_empty

    def steps(self) -> Iterator[Step]:
        """What decides packets of the region."""
        for result, packets in sorted(self.meaning.by_result(), key=lambda each: str(each[0])):
            step = self.numbered.step(result.effects)
            if step is not None and not (packets & self.within).is_empty:
                yield step

    def effects(self, field: Field) -> set[str]:
        """The values of an effect that accepted packets of the region get; "" where some get none."""
        return {
            dict(result.effects).get(field, "")
            for result, packets in self.meaning.by_result()
            if result.verdict is Verdict.ACCEPT and not (packets & self.within).is_empty
        }


class Reach:
    """What gets in, and by which rules. Every answer is made when it is first asked for.

    Args:
        firewall: the firewall under review.
        asks: tests that pieces will be cut by, besides transports.
        budget: for each region.
    """

    def __init__(self, firewall: Firewall, asks: Sequence[Test] = (), budget: Budget = Budget()) -> None:  # noqa: B008
        self.firewall = firewall
        self._asks = tuple(asks)
        self._budget = budget
        self._strangers: dict[Family, Intervals] = {}
        self._entries: dict[tuple[Hook, Family], tuple[Entry, ...]] = {}
        self._pieces: dict[object, tuple[Piece, ...]] = {}

    @cached_property
    def doors(self) -> tuple[Door, ...]:
        """Where strangers come in."""
        return doors(self.firewall)

    def strangers(self, family: Family) -> Intervals:
        """Public addresses that no rule singles out."""
        if family not in self._strangers:
            self._strangers[family] = strangers(self.firewall, family)
        return self._strangers[family]

    def region(self, hook: Hook, family: Family, state: Test = NEW) -> tuple[Test, ...] | None:
        """Packets of strangers to a host, None where no address is a stranger's."""
        addresses = self.strangers(family)
        if not addresses:
            return None
        profile = (one(Field.PROFILE, _PUBLIC),) if self.firewall.dialect == "windows" else ()
        return (state, source(family, addresses), to_a_host(hook), *FROM_THE_WIRE, *profile)

    def entries(self, hook: Hook, family: Family) -> tuple[Entry, ...]:
        """Every way in which a stranger's connection gets to a host, by what accepts it.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        key = (hook, family)
        if key not in self._entries:
            region = self.region(hook, family)
            self._entries[key] = tuple(self._entering(hook, family, region)) if region else ()
        return self._entries[key]

    def _entering(self, hook: Hook, family: Family, region: tuple[Test, ...]) -> Iterator[Entry]:
        region = (*region, BEGINS, FROM_A_CLIENT)
        return self.coming(self.firewall, hook, family, region, ACCEPTED)

    def coming(
        self, firewall: Firewall, hook: Hook, family: Family, region: Sequence[Test], verdicts: Collection[Verdict]
    ) -> Iterator[Entry]:
        """What becomes of a stranger's packets over each door, by what decides them.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        few = sifted(firewall, family, region)
        for door in self.doors:
            first, *others = (through(few, name) for name in door.over)
            for piece in self._decided(first, hook, family, region, verdicts, others):
                yield Entry(replace(piece, interface=door.name), door)

    def pieces(
        self, hook: Hook, family: Family, region: Sequence[Test], verdicts: Collection[Verdict] = ACCEPTED
    ) -> tuple[Piece, ...]:
        """The packets of a region that get one of the verdicts, by what decides them.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        key = (hook, family, tuple(region), frozenset(verdicts))
        if key not in self._pieces:
            self._pieces[key] = self.decided(self.firewall, hook, family, region, verdicts, True)
        return self._pieces[key]

    def decided(
        self,
        firewall: Firewall,
        hook: Hook,
        family: Family,
        region: Sequence[Test],
        verdicts: Collection[Verdict],
        stranger: bool = False,
        told: Told | None = None,
    ) -> tuple[Piece, ...]:
        """The same of another firewall, such as this one with fewer rules, and of anybody's packets.

        With `told`, what rules decide of which it does not hold is taken for the default's.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        few = sifted(firewall, family, region)
        return tuple(self._decided(few, hook, family, region, verdicts, (), stranger, told))

    def _decided(
        self,
        few: Firewall,
        hook: Hook,
        family: Family,
        region: Sequence[Test],
        verdicts: Collection[Verdict],
        others: Sequence[Firewall],
        stranger: bool = True,
        told: Told | None = None,
    ) -> Iterator[Piece]:
        """Pieces of packets that each of the others decides with the same verdict."""
        marked = counting(numbered(supposing(few, doubt=False, stranger=stranger)), hook, family, entering=True)
        if told is not None:
            marked = _telling(marked, told)
        surely = [supposing(each, doubt=False, stranger=stranger) for each in others]
        unknown = tuple(doubtful(few))
        unsure = (few, *others) if unknown else ()
        doubts = [supposing(each, doubt=True, stranger=stranger) for each in unsure]
        sides = (marked.firewall, *surely, *doubts)
        tests = (*region, *TRANSPORTS.values(), *self._asks)
        budget = self._budget if stranger else replace(self._budget, nodes=min(self._budget.nodes, _SOME_NODES))
        space = Space(sides, effects=DECIDERS, tests=tests, budget=budget)
        within = space.packets(hook, family, tuple(region))
        meaning = space.meaning(marked.firewall, hook, family)
        limits = {verdict: [_all(space, each, within, verdict) for each in (surely, doubts)] for verdict in verdicts}
        for result, decided in sorted(meaning.by_result(), key=lambda each: str(each[0])):
            if result.verdict not in limits:
                continue
            allowed, sure = limits[result.verdict]
            packets = decided & allowed
            if not packets.is_empty:
                sure = packets & sure if doubts else packets
                yield Piece(space, marked.step(result.effects), packets, sure, unknown)

    def plain(
        self,
        hook: Hook,
        family: Family,
        region: Sequence[Test],
        firewall: Firewall | None = None,
        effects: frozenset[Field] = DECIDERS,
    ) -> Plain:
        """What becomes of a region's packets whatever conditions do: nothing is supposed of them.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        few = numbered(sifted(firewall or self.firewall, family, region))
        space = Space((few.firewall,), effects=effects, tests=region, budget=self._budget)
        meaning = space.meaning(few.firewall, hook, family)
        return Plain(few, meaning, space.packets(hook, family, tuple(region)) & meaning.domain)

    def accepts(self, hook: Hook, family: Family, region: Sequence[Test]) -> bool:
        """Whether some packet of a region is accepted.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        # Most often one of the first rules that accept says so, and few others meet its packets.
        accepting = (rule for rule in self.firewall.rules() if rule.action == Decide(Verdict.ACCEPT))
        for rule in islice(accepting, _TRIED):
            own = [test for test in rule.tests if isinstance(test, IntegerTest | AddressTest)]
            if own and not self.plain(hook, family, (*region, *own), effects=frozenset()).accepted.is_empty:
                return True
        return not self.plain(hook, family, region, effects=frozenset()).accepted.is_empty


def _telling(marked: Numbered, told: Told) -> Numbered:
    """The same with those rules alone that `told` holds for."""

    def quiet(rule: FirewallRule) -> FirewallRule:
        if not any(write.field is Field.DECIDER for write in rule.writes) or not rule.text or told(rule):
            return rule
        return replace(rule, writes=tuple(write for write in rule.writes if write.field is not Field.DECIDER))

    chains = {
        name: replace(chain, rules=tuple(map(quiet, chain.rules))) for name, chain in marked.firewall.chains.items()
    }
    return Numbered(replace(marked.firewall, chains=chains), marked.steps)


def _all(space: Space, firewalls: Sequence[Firewall], within: PacketSet, verdict: Verdict) -> PacketSet:
    """The packets that all of the firewalls decide with a verdict."""
    for each in firewalls:
        within &= space.meaning(each, within.table.hook, within.table.family).where(verdict)
    return within


def meet(few: Intervals, many: Intervals) -> bool:
    """Whether two sets share a value; fast where one of them has many ranges and the other few."""
    if len(few) == 1 == len(many):
        return few[0][0] <= many[0][1] and many[0][0] <= few[0][1]
    if len(few) > len(many):
        few, many = many, few
    if len(few) * 16 > len(many):
        return overlaps(few, many)
    for first, last in few:
        place = bisect_right(many, (last, _ENDLESS)) - 1
        if place >= 0 and many[place][1] >= first:
            return True
    return False


def sifted(firewall: Firewall, family: Family, region: Sequence[Test]) -> Firewall:
    """The firewall without rules that match no packet of the region, as far as single tests tell."""
    writes = any(write.field is Field.STATE for rule in firewall.rules() for write in rule.writes)
    fixed = _FIXED if writes else _FIXED | {Field.STATE}
    wanted = {
        test.field: test.values if isinstance(test, IntegerTest) else test.of(family)
        for test in region
        if isinstance(test, IntegerTest | AddressTest) and test.field in fixed
    }
    v4 = family is Family.IPV4

    def meets(rule: FirewallRule) -> bool:
        for test in rule.tests:
            if isinstance(test, IntegerTest):
                values = test.values
            elif isinstance(test, AddressTest):
                values = test.v4 if v4 else test.v6
            elif isinstance(test, FamilyTest) and test.family is not family:
                return False
            else:
                continue
            asked = wanted.get(test.field)
            if asked is not None and not meet(values, asked):
                return False
        return True

    chains = {name: replace(chain, rules=tuple(filter(meets, chain.rules))) for name, chain in firewall.chains.items()}
    return replace(firewall, chains=chains)
