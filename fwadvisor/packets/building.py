"""From rules to diagrams: lists by divide and conquer, chains once each, writes by substitution.

A diagram under construction maps a packet, as it comes to a rule, to an `End`. It goes on where it is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from fwadvisor.model.firewall import (
    EFFECTS,
    STATES,
    AnyOf,
    BaseChain,
    Continue,
    Decide,
    Field,
    FirewallRule,
    Jump,
    Return,
    Write,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.ends import End, Ends, Kind, Update, only, then
from fwadvisor.packets.layout import Box, Guards, grouped, union_of
from fwadvisor.packets.masked import simplest
from fwadvisor.packets.nodes import IN, OPEN
from fwadvisor.packets.sequence import Carry, Sequencer
from fwadvisor.packets.survey import NOTHING, Survey

#: Runs of rules with one end are grouped from this length on; below, building them is as fast.
_RUN = 6
#: The tree over a list: up to so many parts are joined in pairs; longer lists fall into chunks.
_PAIRED = 8
#: A chunk ends where the number of a part says so, after at least two parts and at most so many.
_LONGEST = 12
_MIX = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class _Read:
    """A rule as its box, what is no box, and the diagram of what it does."""

    rule: FirewallRule
    box: Box
    others: list[AnyOf]
    body: int

    @property
    def plain(self) -> bool:
        return self.body < 0 and not self.others


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a list as a diagram, with its first and last rule."""

    node: int
    carry: Carry
    first: FirewallRule
    last: FirewallRule


@dataclass
class Progress:
    """Where the building is, for the report of an overrun."""

    chain: str = ""
    first: FirewallRule | None = None
    last: FirewallRule | None = None

    def begin(self, chain: str) -> None:
        """Go on in a chain, as a whole."""
        self.chain, self.first, self.last = chain, None, None


class Builder:
    """Builds what one firewall does with the packets of one hook and family."""

    def __init__(self, survey: Survey, guards: Guards, sequencer: Sequencer, progress: Progress) -> None:
        self.survey = survey
        self.guards = guards
        self.nodes = guards.nodes
        self.ends: Ends = sequencer.ends
        self.sequencer = sequencer
        self.progress = progress
        #: What each chain does, once for all that jump to it.
        self.summaries: dict[str, int] = {}

    def build(self) -> int:
        """The diagram from packets as they arrive to verdicts and effects.

        Raises:
            OverrunError: the budget is spent; `progress` says where.
        """
        for chain in reversed(self.survey.chains):
            self.progress.begin(chain)
            self.summaries[chain] = self._chain(chain)
        bases = self.survey.bases
        total = OPEN
        for place, base in enumerate(bases):
            self.progress.begin(base.chain)
            total = self.sequencer.sequence(total, self._base(base), self.sequencer.carried(total))
            tested = NOTHING.union(*(self.survey.inside[each.chain] for each in bases[place + 1 :]))
            total = self._untagged(self._onward(total, tested | self.survey.effects))
        return self._finish(total)

    def _base(self, base: BaseChain) -> int:
        """A base chain: where it ends, the standing verdict decides, or the default."""
        node = self.summaries[base.chain]
        ends = {}
        for number in self.sequencer.going(node):
            ends[number] = self.ends.stood(self.ends[number], base.default)
        return self.nodes.relabel(node, ends)

    def _onward(self, node: int, fields: frozenset[Field]) -> int:
        """Accepted packets go on to the next base chain, with what was written to these fields."""
        ends = {}
        for number in self.nodes.ends_of(node):
            end = self.ends[number]
            if end.kind is Kind.DECIDED and end.verdict is Verdict.ACCEPT:
                ends[number] = self.ends.number(End(Kind.ON, writes=only(end.writes, fields)))
        return self.nodes.relabel(node, ends)

    def _untagged(self, node: int) -> int:
        """What becomes of packets whose tag is empty, as all are that arrive."""
        return self.sequencer.written(((Field.TAG, None, ""),), node)

    def _finish(self, node: int) -> int:
        """What went on after the last base chain is accepted; some states are never asked about."""
        ends = {}
        for number in self.sequencer.going(node):
            ends[number] = self.ends.decided(Verdict.ACCEPT, only(self.ends[number].writes, self.survey.effects))
        done = self.nodes.relabel(node, ends)
        passed = normalize((i, i) for i in map(STATES.index, self.survey.firewall.implicit))
        level = self.guards.layout.levels[Field.STATE]
        accept = self.nodes.leaf(level, self.guards.layout.integers(level, passed), self.ends.decided(Verdict.ACCEPT))
        return self.nodes.override(accept, done)

    def _chain(self, chain: str) -> int:
        """The summary of a chain: where it ends or is left, packets go on."""
        live = [*self.survey.live(chain)][::-1]
        node = self._fold(self._parts(live))
        ends = {}
        for number in self.nodes.ends_of(node):
            end = self.ends[number]
            if end.kind in (Kind.ON, Kind.BACK):
                kept = only(end.writes, self.survey.after[chain])
                ends[number] = self.ends.number(End(Kind.ON, writes=kept, standing=end.standing, held=end.held))
        return self.nodes.relabel(node, ends)

    def _parts(self, live: Sequence[tuple[FirewallRule, frozenset[Field]]]) -> list[Part]:
        """The rules as diagrams; runs of plain rules that do the same become one union."""
        read = [each for each in (self._read(rule, fields) for rule, fields in live) if each is not None]
        parts: list[Part] = []
        for body, group in groupby(read, key=lambda each: each.body if each.plain else 0):
            run = list(group)
            first, last = run[0].rule, run[-1].rule
            if body and len(run) >= _RUN and _orderless(self.ends[body]):
                self.progress.first, self.progress.last = first, last
                node = union_of(self.nodes, grouped([each.box for each in run]), body)
                parts.append(Part(node, self.sequencer.carry(body), first, last))
            else:
                parts += [self._part(each) for each in run]
        return [part for part in parts if part.node != OPEN]

    def _part(self, read: _Read) -> Part:
        rule = read.rule
        if read.plain:
            return Part(self.nodes.box(read.box, read.body), self.sequencer.carry(read.body), rule, rule)
        self.progress.first = self.progress.last = rule
        guard = self.nodes.box(read.box, IN)
        for each in read.others:
            guard = self.nodes.meet(self.guards.any_of(each, self.survey.number), guard)
        node = self.nodes.meet(guard, read.body)
        return Part(node, self.sequencer.carried(node), rule, rule)

    def _read(self, rule: FirewallRule, fields: frozenset[Field]) -> _Read | None:
        """A rule, or None where it can do nothing; `fields` are those whose writes still matter after it."""
        box, others = self.guards.layout.box(rule.tests, self.survey.number)
        if box is None:
            return None
        body = self._body(rule, self._writes(rule.writes, fields) if rule.writes else ())
        return _Read(rule, box, others, body) if body != OPEN else None

    def _writes(self, writes: Sequence[Write], fields: frozenset[Field]) -> tuple[Update, ...]:
        made: tuple[Update, ...] = ()
        for write in writes:
            made = then(made, ((write.field, simplest(write.field, write.mask), write.value),))
        return only(made, fields)

    def _body(self, rule: FirewallRule, writes: tuple[Update, ...]) -> int:
        """What a rule does with the packets that it matches."""
        match rule.action:
            case Decide(verdict, stands=False):
                return self.ends.decided(verdict, writes)
            case Decide(verdict, stands=True):
                held = only(writes, EFFECTS)
                at_once = tuple(write for write in writes if write[0] not in EFFECTS)
                return self.ends.number(End(Kind.ON, writes=at_once, standing=verdict, held=held))
            case Jump() as jump:
                called = self._called(jump)
                return self.sequencer.after(self.ends.number(End(Kind.ON, writes=writes)), called)
            case Return():
                return self.ends.number(End(Kind.BACK, writes=writes))
            case Continue():
                return self.ends.number(End(Kind.ON, writes=writes))
            case _:
                return self.ends.number(End(Kind.UNKNOWN, numbers=(self.survey.number,)))

    def _called(self, jump: Jump) -> int:
        """The summary of another chain as the rule that jumps there sees it."""
        node = self.summaries[jump.chain]
        if not jump.goto and not jump.decisive:
            return node
        ends = {}
        for number in self.sequencer.going(node):
            end = self.ends[number]
            if jump.decisive and end.standing is not None:
                ends[number] = self.ends.stood(end, end.standing)
            elif jump.goto:
                ends[number] = self.ends.number(replace(end, kind=Kind.BACK))
        return self.nodes.relabel(node, ends)

    def _fold(self, parts: list[Part]) -> int:
        """A list of parts as one diagram."""
        writing = [place for place, part in enumerate(parts) if part.carry is Carry.VALUES]
        # New values split all that follows by what was written: let that be joined before, and split once.
        place = writing[-1] + 1 if writing else 0
        head, tail = self._tree(parts[:place]), self._tree(parts[place:])
        if head is None or tail is None:
            only_one = head or tail
            return only_one.node if only_one else OPEN
        return self._joined(head, tail).node

    def _tree(self, parts: list[Part]) -> Part | None:
        """A list of parts as one, None where there is none.

        Where the tree over the list divides depends on the parts and not on their place, so that a list with a
        few edits is made of the same subtrees, which the caches know.
        """
        shift = 40
        while len(parts) > _PAIRED:
            chunks: list[Part] = []
            chunk: list[Part] = []
            for part in parts:
                chunk.append(part)
                if len(chunk) >= 2 and (not (part.node * _MIX >> shift) & 3 or len(chunk) == _LONGEST):
                    chunks.append(self._paired(chunk))
                    chunk = []
            parts = [*chunks, self._paired(chunk)] if chunk else chunks
            shift -= 2 if shift > 16 else 0
        return self._paired(parts) if parts else None

    def _paired(self, parts: list[Part]) -> Part:
        while len(parts) > 1:
            pairs = [self._joined(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]
            parts = pairs + parts[len(parts) - 1 :] if len(parts) % 2 else pairs
        return parts[0]

    def _joined(self, a: Part, b: Part) -> Part:
        self.progress.first, self.progress.last = a.first, b.last
        node = self.sequencer.sequence(a.node, b.node, a.carry)
        return Part(node, max(a.carry, b.carry), a.first, b.last)


def _orderless(end: End) -> bool:
    """Whether a packet that two rules with this end match fares as with one."""
    return end.kind is not Kind.ON or not end.writes
