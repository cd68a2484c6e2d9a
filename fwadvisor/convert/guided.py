"""Rules by the packet engine: any firewall as a list of first matches, as near to its own rules as can be.

The lines are taken in order, as guesses. Let *rest* be the packets that no new rule matches yet, and M the match that a
line comes to, without what a match cannot say. Where all of M and rest have one verdict, M with that verdict is a new
rule. Where some of them have another, those are new rules before it, if they are few boxes that can be said. What
then is left is written as the boxes of what decides it, or is the default. So every packet gets its verdict from the
engine; the lines only say how to cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fwadvisor.convert.lines import Line, Lines
from fwadvisor.convert.matching import Matched, matches_of
from fwadvisor.convert.straight import Made
from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.lift import tests as tests_of
from fwadvisor.model.rule import Match, Verdict
from fwadvisor.packets import Meaning, PacketSet, Result, Space
from fwadvisor.packets.box import readable_boxes
from fwadvisor.packets.deciders import Numbered

#: So many exceptions are written before a rule, and so many boxes for one rule that cannot be written as it is.
_EXCEPTIONS, _BOXES = 8, 256


@dataclass(frozen=True, slots=True)
class Blocked:
    """Packets that cannot be said: what decides them, and the tests for which no match has words."""

    rule: FirewallRule | None
    packets: PacketSet
    unsaid: Matched | None


@dataclass(frozen=True, slots=True)
class Guided:
    """New rules of one hook and family, the default, and what kept them from being complete."""

    rules: list[Made]
    default: Verdict
    blocked: tuple[Blocked, ...] = ()


def _asks_more(blocked: Blocked) -> bool:
    """Whether the rule itself asks what a match cannot say."""
    if blocked.rule is None:
        return False
    packets = blocked.packets.table
    return any(each.unsaid for each in matches_of(blocked.rule.tests, packets.family, packets.hook))


class Guide:
    """Makes the rules of one hook and family."""

    def __init__(self, space: Space, numbered: Numbered, meaning: Meaning, within: PacketSet) -> None:
        self._space, self._numbered, self._meaning = space, numbered, meaning
        self._rest = within
        self._where = {verdict: meaning.where(verdict) for verdict in Verdict}
        self._made: list[Made] = []
        #: What kept the lines of a rule from being written, by the rule: packets that are decided before it.
        self._kept: dict[int, Blocked] = {}

    def rules(self, lines: Lines) -> Guided:
        """The new rules."""
        for line in lines.lines:
            for matched in matches_of(line.tests, self._meaning.family, self._meaning.hook):
                self._line(line, matched)
        default, blocked = self._leftover(lines.default)
        return Guided(self._made, default, tuple(blocked))

    def _packets(self, match: Match) -> PacketSet:
        return self._space.packets(self._meaning.hook, self._meaning.family, tests_of(match))

    def _line(self, line: Line, matched: Matched) -> None:
        reach = self._packets(matched.match) & self._rest
        wanted = reach & self._where[line.verdict]
        if wanted.is_empty:
            return
        wrong = reach - self._where[line.verdict]
        if not wrong.is_empty:
            # What is said of other packets must be said first, or this line decides them too.
            exceptions = self._boxes(wrong, _EXCEPTIONS, [each for each in Verdict if each is not line.verdict])
            if isinstance(exceptions, Blocked):
                self._kept.setdefault(id(line.rule), exceptions)
                return
            self._made += exceptions
        self._made.append(Made(matched.match, line.verdict, line.rule, line.log, line.why))
        self._rest = self._rest - reach

    def _boxes(self, packets: PacketSet, most: int, verdicts: Iterable[Verdict]) -> list[Made] | Blocked:
        """Packets as rules, box by box, by what decides them; what cannot be said, or not in so few, comes back."""
        found: list[Made] = []
        covered = None
        for verdict in verdicts:
            for result, share in self._shares(packets & self._where[verdict]):
                rules = self._said(share, verdict, self._rule(result), most - len(found))
                if rules is None:
                    return Blocked(self._rule(result), share, self._unsaid(share))
                found += rules
                covered = share if covered is None else covered | share
        left = packets if covered is None else packets - covered
        return found if left.is_empty else Blocked(None, left, self._unsaid(left))

    def _said(self, share: PacketSet, verdict: Verdict, rule: FirewallRule | None, most: int) -> list[Made] | None:
        boxes = readable_boxes(share.boxes())
        if len(boxes) > most:
            return None
        found = []
        for box in boxes:
            for matched in matches_of(box.raw.tests(), box.raw.family, box.raw.hook):
                if matched.unsaid and not self._same(matched.match, verdict):
                    return None
                found.append(Made(self._shorter(matched.match, verdict), verdict, rule))
        return found

    def _shorter(self, match: Match, verdict: Verdict) -> Match:
        """The match without fields that need not be asked, as what they leave out is decided already, or alike."""
        for plain in (
            replace(match, helpers=()),
            replace(match, helpers=(), states=()),
            replace(match, helpers=(), states=(), source_ports=None),
        ):
            if plain != match and self._same(plain, verdict):
                match = plain
        return match

    def _same(self, match: Match, verdict: Verdict) -> bool:
        """Whether everything of a match that is left has a verdict, so that what it cannot say does not matter."""
        return (self._packets(match) & self._rest - self._where[verdict]).is_empty

    def _shares(self, packets: PacketSet) -> Iterator[tuple[Result, PacketSet]]:
        """The packets by what decides them, in the order of the rules."""
        results = sorted(self._meaning.results(), key=lambda result: (len(str(result.effects)), str(result.effects)))
        for result in results:
            share = self._meaning.having(result) & packets
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
            if result.verdict is default:
                continue
            rule = self._rule(result)
            rules = None if result.verdict is None else self._said(share, result.verdict, rule, _BOXES)
            if rules is None:
                itself = Blocked(rule, share, self._unsaid(share))
                blocked.append(self._kept.get(id(rule), itself) if not _asks_more(itself) else itself)
                continue
            self._made += rules
            self._rest = self._rest - share
        return default, blocked

    def _unsaid(self, share: PacketSet) -> Matched | None:
        """The first box of some packets that a match cannot say."""
        for box in readable_boxes(share.boxes()):
            for matched in matches_of(box.raw.tests(), box.raw.family, box.raw.hook):
                if matched.unsaid:
                    return matched
        return None
