"""Whether a text that accepts less closes what no machine can do without.

Replies of established connections, the machine to itself, neighbour discovery: who loads a text that closes them has
lost the machine, whatever else is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.convert.lines import Line, lines_of
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    FamilyTest,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.rule import ICMPV6, LOOPBACK, TCP, UDP, Hook, State, Verdict, protocol_name
from fwadvisor.packets import PacketSet, Space

_NEW, _ESTABLISHED = (STATES.index(state) for state in (State.NEW, State.ESTABLISHED))
_KNOWN = IntegerTest(Field.STATE, ((_ESTABLISHED, _ESTABLISHED),))
_OVER_LOOPBACK = Names(frozenset({LOOPBACK}))
_ICMPV6 = IntegerTest(Field.PROTOCOL, ((ICMPV6, ICMPV6),))
#: Solicitations and advertisements of routers and neighbours.
_NEIGHBOURS = (
    FamilyTest(Family.IPV6),
    _ICMPV6,
    IntegerTest(Field.ICMP, ((133 << 8, (136 << 8) + 255),)),
    IntegerTest(Field.STATE, ((_NEW, _NEW),)),
)
#: Tests of classes that the rules of a source need not name.
CLASSES: tuple[Test, ...] = (
    _KNOWN,
    *_NEIGHBOURS,
    *(IntegerTest(Field.PROTOCOL, ((number, number),)) for number in (TCP, UDP)),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A class of packets that a rule of the source accepts, and the text does not at all."""

    what: str
    hook: Hook
    family: Family
    rule: FirewallRule
    #: Whether other packets like these stay open.
    in_part: bool = False


def cuts(space: Space, text: Firewall, source: Firewall, hook: Hook, family: Family) -> Iterator[Cut]:
    """What is cut in one hook and family; the space knows `CLASSES`."""
    was, now = (space.meaning(each, hook, family).where(Verdict.ACCEPT) for each in (source, text))
    lines = lines_of(source, hook, family).lines
    asked = [list(_classes(line, text, family)) for line in lines]
    last = max((number for number, classes in enumerate(asked) if classes), default=-1)
    for line, classes in zip(lines[: last + 1], asked, strict=False):
        decided = space.packets(hook, family, line.tests) & was
        # What earlier rules accept is not for this one to keep.
        was = was - decided
        for what, tests in classes:
            packets = decided & space.packets(hook, family, tests)
            if line.rule is not None and _closed(packets, now):
                yield Cut(what, hook, family, line.rule)
            elif line.rule is not None and _KNOWN in tests:
                for number in (TCP, UDP):
                    of_protocol = IntegerTest(Field.PROTOCOL, ((number, number),))
                    if _closed(packets & space.packets(hook, family, (of_protocol,)), now):
                        name = protocol_name(number)
                        yield Cut(f"every established {name} connection", hook, family, line.rule, in_part=True)


def _closed(packets: PacketSet, accepted: PacketSet) -> bool:
    return not packets.is_empty and (packets & accepted).is_empty


def _classes(line: Line, text: Firewall, family: Family) -> Iterator[tuple[str, tuple[Test, ...]]]:
    """The classes that a line is for, as far as the text decides them at all."""
    for test in line.tests if line.verdict is Verdict.ACCEPT else ():
        match test:
            case IntegerTest(Field.STATE, values) if State.ESTABLISHED not in text.implicit:
                if _has(values, _ESTABLISHED) and not _has(values, _NEW):
                    yield "every established connection", (_KNOWN,)
            case NameTest(Field.IN_INTERFACE | Field.OUT_INTERFACE, names) if text.loopback:
                if names == _OVER_LOOPBACK:
                    yield "everything of the machine to itself", ()
            case IntegerTest(Field.PROTOCOL) if family is Family.IPV6 and test == _ICMPV6:
                yield "neighbour discovery", _NEIGHBOURS


def _has(values: tuple[tuple[int, int], ...], number: int) -> bool:
    return any(first <= number <= last for first, last in values)
