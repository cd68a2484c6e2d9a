"""What a rule asks, said of the packet as it entered the chain, although rules before may have written fields.

A write by a rule that goes on (`Continue`, a jump, a verdict that only stands) changes what later tests see. A box
of later packets is taken back over it: outside the region of the writing rule it stays what it is; inside, the
written field must have held a value that becomes one of the box. A jump to a chain that may write a field in a way
that is not told makes an axis of its own, `Later`: the values that the field has from then on, about which nothing
is known. So everything that holds for all values of it holds whatever the called chain writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fwadvisor.model.firewall import (
    AddressTest,
    Continue,
    Decide,
    Field,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Write,
)
from fwadvisor.model.interval import Intervals, contains, normalize
from fwadvisor.packets.overlap_axes import Axes, Axis, Box, Later, flat
from fwadvisor.packets.overlap_meter import Meter


@dataclass(frozen=True, slots=True)
class _Written:
    """Packets of `region`, in values just before, have the field written."""

    region: tuple[Box, ...]
    write: Write


@dataclass(frozen=True, slots=True)
class _Lost:
    later: Later


def goes_on(rule: FirewallRule) -> bool:
    """Whether later rules of the chain may see a packet that matched."""
    match rule.action:
        case Continue() | Decide(stands=True):
            return True
        case Jump(goto=goto):
            return not goto
        case _:
            return False


def lost_fields(rules: Sequence[FirewallRule], writes: Callable[[str], frozenset[Field]]) -> list[Later]:
    """The `Later` axes that tests of the rules need, where chains called may write `writes`."""
    last: dict[Field, int] = {}
    needed: dict[Later, None] = {}
    for number, rule in enumerate(rules):
        for test in flat(rule.tests) if last else ():
            if isinstance(test, IntegerTest | AddressTest | NameTest) and test.field in last:
                needed[Later(test.field, last[test.field])] = None
        if isinstance(rule.action, Jump) and not rule.action.goto:
            last.update(dict.fromkeys(writes(rule.action.chain), number))
    return list(needed)


class Past:
    """The writes so far, from the head of a chain to the rule that is looked at."""

    def __init__(self, axes: Axes, meter: Meter) -> None:
        self._axes = axes
        self._meter = meter
        self._events: list[_Written | _Lost] = []

    def write(self, region: Sequence[Box], writes: Sequence[Write]) -> None:
        """The packets of `region`, in values of this moment, have fields written and go on.

        Writes of one rule to one field work one after the other, on the packets that entered the rule.
        """
        for field in dict.fromkeys(write.field for write in writes):
            if field in self._axes.position and region:
                several = [write for write in writes if write.field is field]
                self._events.append(_Written(tuple(region), _joined(several)))

    def lose(self, rule: int, fields: frozenset[Field]) -> None:
        """From now on nothing is known of what these fields hold."""
        for field in fields:
            if (later := Later(field, rule)) in self._axes.position:
                self._events.append(_Lost(later))

    def entering(self, boxes: list[Box]) -> list[Box]:
        """Boxes in values of this moment as boxes of the packets that entered the chain."""
        for event in reversed(self._events):
            if isinstance(event, _Lost):
                boxes = [self._forget(box, event.later) for box in boxes]
            else:
                boxes = [before for box in boxes for before in self._before(box, event)]
        return boxes

    def _forget(self, box: Box, later: Later) -> Box:
        place = self._axes.position[later.field]
        values = box[place]
        if values is None:
            return box
        changed = list(box)
        changed[place], changed[self._axes.position[later]] = None, values
        return tuple(changed)

    def _before(self, box: Box, event: _Written) -> list[Box]:
        place = self._axes.position[event.write.field]
        values = box[place]
        if values is None:
            return [box]
        found = [box]
        for region in event.region:
            found = [left for each in found for left in self._axes.subtract(each, region)]
            self._meter.spend(len(found))
        free: Box = (*box[:place], None, *box[place + 1 :])
        inside = self._axes.limit(free, place, self._source(place, values, event.write))
        if inside is not None:
            found += [met for region in event.region if (met := self._axes.meet(region, inside)) is not None]
        return found

    def _source(self, place: int, values: Intervals, write: Write) -> Intervals:
        """The values from which `write` makes one of `values`."""
        key: Axis = self._axes.keys[place]
        if isinstance(write.value, str):
            assert isinstance(key, Field)  # noqa: S101 - a name is written to a field of names
            held = contains(values, self._axes.names[key].atom(write.value))
            return self._axes.whole[place] if held else ()
        if write.mask is None:
            return self._axes.whole[place] if contains(values, write.value) else ()
        bits = self._axes.whole[place][-1][1].bit_length()
        return normalize(self._masked(values, write.mask, write.value, 0, bits))

    def _masked(self, values: Intervals, mask: int, value: int, first: int, bits: int) -> list[tuple[int, int]]:
        """The x of `bits` bits for which first + ((x & ~mask) ^ value) is one of `values`, bit after bit."""
        self._meter.spend(1)
        met = [pair for pair in values if pair[0] < first + (1 << bits) and pair[1] >= first]
        if not met:
            return []
        if met[0][0] <= first and met[0][1] >= first + (1 << bits) - 1:
            return [(0, (1 << bits) - 1)]
        bits -= 1
        half = 1 << bits
        found: list[tuple[int, int]] = []
        low_mask, low_value = mask & (half - 1), value & (half - 1)
        for x in (0, half):
            made = (x & ~mask & half) ^ (value & half)
            part = self._masked(tuple(met), low_mask, low_value, first + made, bits)
            found += [(x + low, x + high) for low, high in part]
        return found


def _joined(writes: Sequence[Write]) -> Write:
    """One write that does what several do, one after the other."""
    done = writes[0]
    for write in writes[1:]:
        if write.mask is None or isinstance(write.value, str) or isinstance(done.value, str):
            done = write
        else:
            value = (done.value & ~write.mask) ^ write.value
            done = Write(write.field, value, None if done.mask is None else done.mask | write.mask)
    return done
