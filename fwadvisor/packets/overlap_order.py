"""The rules of a chain as boxes in the order in which they decide.

In a chain whose verdicts end the walk that is the order of the file. Where verdicts only stand (pf without
``quick``), the last one counts: a packet is decided by the first rule that ends the walk, else by the last rule that
gives a verdict that stands. So the order is: all that ends or goes on, in the order of the file; then the rules whose
verdict stands, the last one first. Each box is a bit, and bits are numbered in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    EFFECTS,
    Continue,
    Decide,
    Field,
    FirewallRule,
    Jump,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.overlap_axes import Axes, Box, flat
from fwadvisor.packets.overlap_meter import Meter
from fwadvisor.packets.overlap_past import Past, goes_on, lost_fields
from fwadvisor.packets.rawbox import RawBox

#: What becomes of a packet: a verdict, or "return", or "goto" with a chain; and what is written.
Decision: TypeAlias = tuple[str, tuple[Write, ...]]

RETURN = "return"


@dataclass(frozen=True, slots=True)
class Called:
    """What is told of a called chain, of packets as they enter it. What is not told can be anything.

    `decided` are packets that get the verdict there and have nothing written; None for a verdict that is not told,
    or where something is written. `returned` are packets that come back unchanged. `writes` are the fields that
    packets may come back with written.
    """

    decided: tuple[tuple[RawBox, Verdict | None], ...] = ()
    returned: tuple[RawBox, ...] = ()
    writes: frozenset[Field] = frozenset()


#: A called chain of which nothing is told.
UNTOLD = Called(writes=frozenset(Field))


@dataclass
class Order:
    """Boxes with their rule (-1: no possible packet), and sets of boxes as masks.

    A box that `ends` takes its packets from all later boxes. One that is `unknown` may do so. One that is `inert`
    changes nothing. All others write something and go on.
    """

    axes: Axes
    boxes: list[Box] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    ends: int = 0
    unknown: int = 0
    inert: int = 0
    #: The boxes of one decision.
    deciding: dict[Decision, int] = field(default_factory=dict)
    #: For each rule its boxes, and the bits before which it acts, and decides; the same except where a verdict stands.
    regions: list[list[Box]] = field(default_factory=list)
    acts: list[int] = field(default_factory=list)
    decides: list[int] = field(default_factory=list)

    def add(self, rule: int, boxes: Iterable[Box], decision: Decision | None = None) -> int:
        """Put boxes of a rule last; returns their mask."""
        begin = len(self.boxes)
        self.boxes.extend(boxes)
        self.owner.extend([rule] * (len(self.boxes) - begin))
        mask = (1 << len(self.boxes)) - (1 << begin)
        if decision is not None:
            self.deciding[decision] = self.deciding.get(decision, 0) | mask
        return mask


def decision(rule: FirewallRule, default: Verdict | None) -> Decision | None:
    """What a rule that ends the chain, or whose verdict stands, makes of a packet; None for any other rule."""
    match rule.action:
        case Decide(verdict):
            return verdict, rule.writes
        case Return():
            return default or RETURN, rule.writes
        case Jump(chain, goto=True):
            return f"goto {chain}", rule.writes
        case _:
            return None


def stands(rule: FirewallRule) -> bool:
    """Whether the rule's verdict only stands until another one is given."""
    return isinstance(rule.action, Decide) and rule.action.stands


def at_once(rule: FirewallRule) -> tuple[Write, ...]:
    """What a rule writes where it matches; the effects of a verdict that stands come only where that counts."""
    return tuple(write for write in rule.writes if write.field not in EFFECTS) if stands(rule) else rule.writes


class _Builder:
    def __init__(
        self, rules: Sequence[FirewallRule], default: Verdict | None, called: Callable[[str], Called], meter: Meter
    ) -> None:
        self._rules = rules
        self._default = default
        self._called = called
        self._meter = meter

    def build(self, family: Family, impossible: Sequence[Sequence[Test]]) -> Order:
        laters = lost_fields(self._rules, lambda chain: self._called(chain).writes)
        told = [test for rule in self._rules if isinstance(rule.action, Jump) for test in self._told(rule.action)]
        asked = [*(test for rule in self._rules for test in rule.tests), *told]
        known = Axes(family, asked)
        usable = [tests for tests in impossible if set(Axes(family, tests).keys) <= set(known.keys)]
        axes = Axes(family, [*asked, *(test for tests in usable for test in tests)], laters)
        order = Order(axes)
        for tests in usable:
            order.ends |= order.add(-1, axes.boxes(tests, self._meter))
        self._past = Past(axes, self._meter)
        self._forward(order)
        self._backward(order)
        return order

    def _told(self, jump: Jump) -> list[Test]:
        called = self._called(jump.chain)
        return [test for box in (*(box for box, _ in called.decided), *called.returned) for test in box.tests()]

    def _forward(self, order: Order) -> None:
        for number, rule in enumerate(self._rules):
            self._meter.start(number)
            now = order.axes.boxes(rule.tests, self._meter)
            region = self._past.entering(now)
            order.regions.append(region)
            order.acts.append(len(order.boxes))
            order.decides.append(len(order.boxes))
            decided = decision(rule, self._default)
            if stands(rule):
                if at_once(rule):
                    order.add(number, region)
            elif decided is not None:
                order.ends |= order.add(number, region, decided)
            elif isinstance(rule.action, Continue):
                mask = order.add(number, region)
                order.inert |= 0 if rule.writes else mask
            elif isinstance(rule.action, Unknown):
                order.unknown |= order.add(number, region)
            if goes_on(rule):
                self._past.write(now, rule.writes)
            if isinstance(rule.action, Jump) and not rule.action.goto:
                self._jump(order, number, rule, region)
                self._past.lose(number, self._called(rule.action.chain).writes)

    def _jump(self, order: Order, number: int, rule: FirewallRule, region: list[Box]) -> None:
        assert isinstance(rule.action, Jump)  # noqa: S101 - asked by the caller
        called = self._called(rule.action.chain)
        rest = list(region)
        entered = order.add(number, region)
        order.inert |= 0 if rule.writes else entered
        for box, verdict in called.decided:
            inside = self._entering(order, box, region)
            order.ends |= order.add(number, inside, None if verdict is None else (verdict, rule.writes))
            rest = self._less(order, rest, inside)
        for box in called.returned:
            rest = self._less(order, rest, self._entering(order, box, region))
        order.unknown |= order.add(number, rest)

    def _entering(self, order: Order, box: RawBox, region: list[Box]) -> list[Box]:
        """The packets of the jump that enter the called chain as packets of `box`."""
        boxes = self._past.entering(order.axes.boxes(box.tests(), self._meter))
        self._meter.spend(len(boxes) * len(region))
        return [met for a in boxes for b in region if (met := order.axes.meet(a, b)) is not None]

    def _less(self, order: Order, boxes: list[Box], others: list[Box]) -> list[Box]:
        for other in others:
            boxes = [left for box in boxes for left in order.axes.subtract(box, other)]
            self._meter.spend(len(boxes))
        return boxes

    def _backward(self, order: Order) -> None:
        if not any(map(stands, self._rules)):
            return
        for number in reversed(range(len(self._rules))):
            rule = self._rules[number]
            match rule.action:
                case Decide(verdict, stands=True):
                    order.decides[number] = len(order.boxes)
                    effects = tuple(write for write in rule.writes if write.field in EFFECTS)
                    order.ends |= order.add(number, order.regions[number], (verdict, effects))
                case Unknown() | Jump():
                    order.unknown |= order.add(number, order.regions[number])
                case _:
                    pass


def build(
    rules: Sequence[FirewallRule],
    family: Family,
    default: Verdict | None,
    called: Mapping[str, Called],
    impossible: Sequence[RawBox],
    meter: Meter,
) -> Order:
    """The boxes of the rules in the order in which they decide.

    Raises:
        BudgetError: alternatives multiply beyond the limit.
        ValueError: verdicts that stand, and rules that return or go to another chain, are in one chain: no
            order of rules says what they mean.
    """
    if any(map(stands, rules)) and any(
        isinstance(rule.action, Return) or (isinstance(rule.action, Jump) and rule.action.goto) for rule in rules
    ):
        raise ValueError("verdicts that stand and returns in one chain")

    def told(chain: str) -> Called:
        return called.get(chain, UNTOLD)

    return _Builder(rules, default, told, meter).build(family, [tuple(flat(box.tests())) for box in impossible])
