"""The ends of a diagram on its way to a meaning: what has become of the packet where a part of a list is through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from fwadvisor.model.firewall import EFFECTS, Field
from fwadvisor.model.rule import Verdict
from fwadvisor.packets.masked import simplest
from fwadvisor.packets.nodes import IN, OPEN

_LEFT = frozenset({Field.LOG, Field.DECIDER})
#: Field, mask (None: all bits), value.
Update = tuple[Field, int | None, int | str]


class Kind(IntEnum):
    """How far the packet is."""

    #: It goes on with the next rule.
    ON = 0
    #: It has left the chain, and goes on in the one that jumped there.
    BACK = 1
    DECIDED = 2
    UNKNOWN = 3
    #: The ends of two meanings, where they differ.
    PAIR = 4


@dataclass(frozen=True, slots=True)
class End:
    """One end. `writes` are sorted, one for each field; `standing` is pf's verdict that stands, `held` its effects."""

    kind: Kind
    verdict: Verdict | None = None
    writes: tuple[Update, ...] = ()
    standing: Verdict | None = None
    held: tuple[Update, ...] = ()
    #: Of UNKNOWN: the number of the firewall. Of PAIR: both ends.
    numbers: tuple[int, ...] = ()


def then(first: tuple[Update, ...], second: tuple[Update, ...]) -> tuple[Update, ...]:
    """Writes after writes, as one."""
    if not first or not second:
        return first or second
    made = {field: (field, mask, value) for field, mask, value in first}
    for field, mask, value in second:
        before = made.get(field)
        if before is None or mask is None or isinstance(value, str):
            made[field] = (field, mask, value)
        else:
            _, old_mask, old = before
            assert isinstance(old, int)  # noqa: S101 - a field holds names or integers
            joint = None if old_mask is None else simplest(field, old_mask | mask)
            made[field] = (field, joint, (old & ~mask) ^ value)
    return tuple(sorted(made.values(), key=lambda change: change[0]))


def only(writes: Iterable[Update], fields: frozenset[Field]) -> tuple[Update, ...]:
    """The writes to these fields."""
    return tuple(change for change in writes if change[0] in fields)


class Ends:
    """The ends of one table, each under one number: 0 goes on unchanged, -1 is inside of a set."""

    def __init__(self) -> None:
        self._ends: list[End | None] = [End(Kind.ON), None]
        self._numbers: dict[End, int] = {End(Kind.ON): OPEN}

    def number(self, end: End) -> int:
        """The number of an end, 0 or less."""
        found = self._numbers.get(end)
        if found is None:
            found = self._numbers[end] = -len(self._ends)
            self._ends.append(end)
        return found

    def __getitem__(self, number: int) -> End:
        found = self._ends[-number]
        assert found is not None, IN  # noqa: S101 - sets have no such ends
        return found

    def decided(self, verdict: Verdict, writes: tuple[Update, ...] = ()) -> int:
        """A verdict. What a packet that is not accepted leaves behind is at most a line in a log, and who decided."""
        if verdict is not Verdict.ACCEPT:
            writes = only(writes, _LEFT)
        return self.number(End(Kind.DECIDED, verdict, writes))

    def stood(self, end: End, default: Verdict) -> int:
        """The verdict where a packet that went on to `end` is asked no more."""
        if end.standing is None:
            return self.decided(default, end.writes)
        return self.decided(end.standing, then(end.writes, end.held))

    def after(self, first: int, second: int) -> int:
        """The end of a packet that came to `first`, which goes on, and from there to `second`."""
        if first == OPEN:
            return second
        before, end = self[first], self[second]
        if end.kind is Kind.UNKNOWN:
            return second
        writes = then(before.writes, end.writes)
        if end.kind is Kind.DECIDED:
            assert end.verdict is not None  # noqa: S101 - a decision has a verdict
            return self.decided(end.verdict, writes)
        last = end if end.standing is not None else before
        return self.number(replace(end, writes=writes, standing=last.standing, held=last.held))


def effects_of(writes: Iterable[Update]) -> tuple[tuple[Field, str], ...]:
    """The effects among writes."""
    return tuple((field, str(value)) for field, _, value in writes if field in EFFECTS)
