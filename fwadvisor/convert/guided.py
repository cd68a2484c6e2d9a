"""Rules by the packet engine: any firewall as a list of first matches, as near to its own rules as can be.

The lines are taken in order, as guesses. Let *rest* be the packets that no new rule matches yet, and M the match that a
line comes to, without what a match cannot say. Where all of M and rest have one verdict, M with that verdict is a new
rule. Where some of them have another, those are new rules before it, if they are few boxes that can be said. What
then is left is written as the boxes of what decides it, or is the default. So every packet gets its verdict from the
engine; the lines only say how to cut.

Where less may be accepted, what cannot be said is closed with as little around it as can be, and the rules that accept
stay for everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from fwadvisor.convert.lines import Line, Lines
from fwadvisor.convert.matching import Matched, matches_of
from fwadvisor.convert.straight import Made
from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.lift import tests as tests_of
from fwadvisor.model.rule import ICMP, ICMPV6, Match, State, Verdict
from fwadvisor.packets import Meaning, PacketSet, Result, Space
from fwadvisor.packets.box import readable_boxes
from fwadvisor.packets.deciders import Numbered

#: So many exceptions are written before a rule, and exceptions of exceptions so deep; so many boxes are few, so many
#: are tried for a rule that cannot be written as it is.
_EXCEPTIONS, _DEPTHS, _FEW, _BOXES = 8, (1, 3), 2, 256
#: A rule that accepts no more packets of such a state is none that is narrowed, but one that is lost.
_COUNTING = (State.NEW, State.ESTABLISHED)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Packets that cannot be said, or not in reason, and what decides them."""

    rule: FirewallRule | None
    packets: PacketSet
    #: None where it is not known.
    verdict: Verdict | None = None
    #: What kept the rule from being written, where that is decided before it.
    cause: Blocked | None = None


@dataclass(frozen=True, slots=True)
class Guided:
    """New rules of one hook and family, the default, and what kept them from being complete."""

    rules: list[Made]
    default: Verdict
    blocked: tuple[Blocked, ...] = ()
    #: Where less may be accepted: rules some of whose packets are closed, and rules that are left out.
    narrowed: tuple[Blocked, ...] = ()
    left_out: tuple[Blocked, ...] = ()


def _asks_more(blocked: Blocked) -> bool:
    """Whether the rule itself asks what a match cannot say."""
    if blocked.rule is None:
        return False
    packets = blocked.packets.table
    return any(each.unsaid for each in matches_of(blocked.rule.tests, packets.family, packets.hook))


class Guide:
    """Makes the rules of one hook and family."""

    def __init__(self, space: Space, numbered: Numbered, meaning: Meaning, within: PacketSet) -> None:
        self._space, self._numbered, self._meaning, self._within = space, numbered, meaning, within
        #: The packets that no rule matches yet.
        self._rest = within
        self._depth = 0
        self._where = {verdict: meaning.where(verdict) for verdict in Verdict}
        shares = ((result, meaning.having(result) & within) for result in meaning.results())
        #: What decides which of the packets, in the order of the rules.
        self._deciding = sorted(
            ((result, share) for result, share in shares if not share.is_empty),
            key=lambda each: (len(str(each[0].effects)), str(each[0].effects)),
        )
        self._made: list[Made] = []
        #: Whether more may be closed than has to be, and what is.
        self._widening = False
        self._narrowed: list[Blocked] = []
        self._left_out: list[Blocked] = []
        #: What kept the lines of a rule from being written, by the rule.
        self._kept: dict[int, Blocked] = {}

    def rules(self, lines: Lines, *, narrower: bool = False) -> Guided:
        """The new rules; `narrower`, they may accept less where not everything can be said."""
        found = Guided([], lines.default)
        for self._depth in _DEPTHS:
            # Exceptions of exceptions are hard to read, so that they come only where nothing else will do.
            found = self._attempt(lines)
            if not found.blocked:
                break
        if found.blocked and narrower:
            self._widening = True
            found = self._attempt(lines)
        return found

    def _attempt(self, lines: Lines) -> Guided:
        self._rest, self._made, self._kept = self._within, [], {}
        self._narrowed, self._left_out = [], []
        waiting = [
            (line, matched)
            for line in lines.lines
            for matched in matches_of(line.tests, self._meaning.family, self._meaning.hook)
        ]
        # What cannot be written where it stands often can where less is left to be told apart.
        while waiting:
            left = [each for each in waiting if not self._line(*each)]
            if len(left) == len(waiting) and not self._close_all(left):
                break
            waiting = left
        default, blocked = self._leftover(lines.default)
        return Guided(self._made, default, tuple(blocked), tuple(self._narrowed), tuple(self._left_out))

    def _close_all(self, waiting: list[tuple[Line, Matched]]) -> bool:
        """Write the last rule, where it closes everything, although some packets that are left were accepted."""
        if not self._widening or not waiting:
            return False
        line, matched = waiting[-1]
        everything = (self._rest - self._packets(matched.match)).is_empty
        if line.verdict is Verdict.ACCEPT or matched.unsaid or not everything or self._rest.is_empty:
            return False
        for result, share in self._shares(self._rest & self._where[Verdict.ACCEPT]):
            rule = self._rule(result)
            self._left_out.append(Blocked(rule, share, result.verdict, self._kept.get(id(rule))))
        self._write([Made(matched.match, line.verdict, line.rule, line.log, line.why)])
        return True

    def _packets(self, match: Match) -> PacketSet:
        return self._space.packets(self._meaning.hook, self._meaning.family, tests_of(match))

    def _line(self, line: Line, matched: Matched) -> bool:
        """Write a line, if it has packets left and can be said; whether there is nothing left to do for it."""
        reach = self._packets(matched.match) & self._rest
        if (reach & self._where[line.verdict]).is_empty:
            return True
        found = self._cover(Made(matched.match, line.verdict, line.rule, line.log, line.why), self._depth)
        if isinstance(found, Blocked):
            self._kept[id(line.rule)] = found
            return False
        self._write(found)
        return True

    def _write(self, rules: Iterable[Made]) -> None:
        for rule in rules:
            self._made.append(rule)
            self._rest = self._rest - self._packets(rule.match)

    def _cover(self, rule: Made, depth: int) -> list[Made] | Blocked:
        """The rule, after the rules for those of its packets that have another verdict.

        Whatever right rules stand before them, they decide each packet of `rest` that they match as the source does.
        """
        wrong = (self._packets(rule.match) & self._rest) - self._where[rule.verdict]
        if wrong.is_empty:
            return [rule]
        exceptions: list[Made] = []
        for result, share in self._shares(wrong):
            found = self._said(result, share, depth - 1, _EXCEPTIONS - len(exceptions))
            if isinstance(found, Blocked) and self._widening and rule.verdict is Verdict.ACCEPT:
                found = self._widened(rule, result, share, _EXCEPTIONS - len(exceptions))
            if isinstance(found, Blocked):
                return found
            exceptions += found
        return [*exceptions, rule]

    def _widened(self, rule: Made, result: Result, share: PacketSet, most: int) -> list[Made] | Blocked:
        """Rules that close what `rule` must not accept, and more, but not everything that it shall accept."""
        blocked = Blocked(self._rule(result), share)
        raws = list(islice(share.boxes(), 4 * _BOXES))
        if result.verdict is None or len(raws) == 4 * _BOXES:
            return blocked
        packets = share.table
        matches = dict.fromkeys(
            matched.match
            for box in readable_boxes(raws)
            for matched in matches_of(box.raw.tests(), packets.family, packets.hook)
        )
        accepted = self._packets(rule.match) & self._rest & self._where[Verdict.ACCEPT]
        kept = accepted
        for match in matches:
            kept = kept - self._packets(match)
        if len(matches) > most or any(self._emptied(accepted, kept, state) for state in _COUNTING):
            return blocked
        self._narrowed.append(Blocked(rule.rule, accepted - kept, rule.verdict, blocked))
        return [Made(match, result.verdict, self._rule(result)) for match in matches]

    def _emptied(self, accepted: PacketSet, kept: PacketSet, state: State) -> bool:
        """Whether nothing is kept of the packets of a state."""
        packets = self._packets(Match(states=(state,)))
        return (kept & packets).is_empty and not (accepted & packets).is_empty

    def _said(self, result: Result, share: PacketSet, depth: int, most: int) -> list[Made] | Blocked:
        """Packets of one decider as rules, box by box; what cannot be said, or not in so few rules, comes back."""
        rule = self._rule(result)
        raws = list(islice(share.boxes(), 4 * _BOXES)) if depth >= 0 and result.verdict is not None else []
        boxes = readable_boxes(raws) if 0 < len(raws) < 4 * _BOXES else ()
        if result.verdict is None or not 0 < len(boxes) <= min(_BOXES, 8 * most):
            return Blocked(rule, share)
        found: list[Made] = []
        left = share
        for box in boxes:
            for matched in matches_of(box.raw.tests(), box.raw.family, box.raw.hook):
                if (self._packets(matched.match) & left).is_empty:
                    continue
                # Few boxes stay what they are; of many, what they ask needlessly would only repeat.
                match = self._shorter(matched.match, result.verdict, wholly=len(boxes) > _FEW)
                more = self._cover(Made(match, result.verdict, rule), depth)
                if isinstance(more, Blocked):
                    match = self._shorter(match, result.verdict, wholly=True)
                    more = self._cover(Made(match, result.verdict, rule), depth)
                if isinstance(more, Blocked):
                    return Blocked(rule, share)
                found += more
                left = left - self._packets(match)
                if len(found) > most:
                    return Blocked(rule, share)
        return found if left.is_empty else Blocked(rule, left)

    def _shorter(self, match: Match, verdict: Verdict, *, wholly: bool) -> Match:
        """The match without fields that need not be asked, as what they leave out is decided already, or alike.

        Not `wholly`, only those go that nobody would miss: states, helpers, source ports.
        """
        for less in _with_less(match) if wholly else islice(_with_less(match), 3):
            candidate = less(match)
            if candidate != match and self._same(candidate, verdict):
                match = candidate
        return match

    def _same(self, match: Match, verdict: Verdict) -> bool:
        """Whether everything of a match that is left has a verdict."""
        return ((self._packets(match) & self._rest) - self._where[verdict]).is_empty

    def _shares(self, packets: PacketSet) -> Iterator[tuple[Result, PacketSet]]:
        """The packets by what decides them, in the order of the rules."""
        for result, whole in self._deciding:
            share = whole & packets
            if not share.is_empty:
                yield result, share

    def _rule(self, result: Result) -> FirewallRule | None:
        step = self._numbered.step(result.effects) if result.verdict is not None else None
        return step.rule if step else None

    def _leftover(self, wanted: Verdict) -> tuple[Verdict, list[Blocked]]:
        """Write what no line could, and choose the default."""
        left = [each for each in Verdict if not (self._rest & self._where[each]).is_empty]
        default = wanted if wanted in left or not left else left[-1]
        blocked: list[Blocked] = []
        for result, share in list(self._shares(self._rest)):
            if result.verdict is default or (share & self._rest).is_empty:
                continue
            found = self._said(result, share & self._rest, self._depth, _BOXES)
            if isinstance(found, Blocked):
                cause = None if _asks_more(found) else self._kept.get(id(found.rule))
                blocked.append(replace(found, verdict=result.verdict, cause=cause))
            else:
                self._write(found)
        return default, blocked


def _with_less(match: Match) -> Iterator[Callable[[Match], Match]]:
    """Ways to ask for less, one field each."""
    yield lambda each: replace(each, helpers=())
    yield lambda each: each if each.helpers else replace(each, states=())
    yield lambda each: replace(each, source_ports=None)
    if match.icmp or match.destination_ports:
        yield lambda each: replace(each, icmp=(), destination_ports=None)
    if match.protocols and match.protocols not in ((ICMP,), (ICMPV6,)):
        yield lambda each: each if each.source_ports or each.destination_ports else replace(each, protocols=())
    yield lambda each: replace(each, source=None)
    yield lambda each: replace(each, destination=None)
    yield lambda each: replace(each, in_interfaces=())
    yield lambda each: replace(each, out_interfaces=())
