"""The services behind ports, in words, and how bad it is that somebody reaches them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fwadvisor.model.firewall import Field, IntegerTest, Names, Test
from fwadvisor.model.interval import Intervals, format_ports, intersect, size, union
from fwadvisor.model.rule import LOOPBACK, Hook
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Listing, Port, Risk, Transport
from fwadvisor.proof.words import flow
from fwadvisor.review.checks.reach import Piece
from fwadvisor.review.checks.regions import TRANSPORTS
from fwadvisor.review.findings import Severity

SEVERITIES: Mapping[Risk, Severity] = {
    Risk.CRITICAL: Severity.CRITICAL,
    Risk.HIGH: Severity.HIGH,
    Risk.MEDIUM: Severity.MEDIUM,
    Risk.LOW: Severity.LOW,
}
#: So many services are named, and so many regions shown.
_NAMED, _REGIONS = 3, 3
#: What is so of every connection that a stranger begins.
_GIVEN = frozenset(
    {Field.STATE, Field.SOURCE, Field.SOURCE_PORT, Field.TCP_FLAGS, Field.SOURCE_TYPE, Field.DESTINATION_TYPE,
     Field.MARK, Field.CONNECTION_MARK, Field.PROFILE}
)  # fmt: skip
_RISKS = list(Risk)


@dataclass(frozen=True, slots=True)
class Service:
    """A use of ports, and the numbers that are meant."""

    port: Port
    transport: Transport
    numbers: Intervals

    @property
    def text(self) -> str:
        """``Telnet (tcp 23)``."""
        return f"{self.port.title} ({self.transport} {format_ports(self.numbers)})"

    @property
    def test(self) -> IntegerTest:
        """Its destination ports."""
        return IntegerTest(Field.DESTINATION_PORT, self.numbers)


def boundaries(database: Database) -> list[Test]:
    """Tests for every port that the database knows by number."""
    return [
        IntegerTest(Field.DESTINATION_PORT, ((number, number),))
        for number in sorted(
            {
                number
                for port in _listed(database)
                for numbers in port.match.values()
                for first, last in numbers
                for number in (first, last)
            }
        )
    ]


def _listed(database: Database) -> Iterator[Port]:
    for port in database.ports.values():
        if port.listing is not Listing.HIDDEN and not port.negotiated and Transport.IP not in port.match:
            yield port


def services(
    ports: Mapping[Transport, Intervals], database: Database, wanted: Callable[[Port], bool]
) -> tuple[Service, ...]:
    """The wanted services whose ports are among those given, those with the most risk first, then by number."""
    found = [
        Service(port, transport, numbers)
        for port in _listed(database)
        if wanted(port)
        for transport, open in ports.items()
        if (numbers := intersect(open, port.match.get(transport, ())))
    ]
    return tuple(sorted(found, key=_order))


def _order(service: Service) -> tuple[int, Intervals]:
    return _RISKS.index(service.port.risk_internet), service.numbers


def named(found: Sequence[Service]) -> str:
    """The services in a few words: ``Telnet (tcp 23), SMB (tcp 445) and 4 more``."""
    texts = list(dict.fromkeys(each.text for each in found))
    if len(texts) > _NAMED + 1:
        return f"{', '.join(texts[:_NAMED])} and {len(texts) - _NAMED} more"
    return " and ".join((", ".join(texts[:-1]), texts[-1])) if len(texts) > 1 else texts[0]


def together(found: Iterable[Service]) -> tuple[Service, ...]:
    """One for each use and transport, with all of its numbers, in the order of `services`."""
    known: dict[tuple[str, Transport], Service] = {}
    for each in found:
        key = (each.port.id, each.transport)
        numbers = union(known[key].numbers, each.numbers) if key in known else each.numbers
        known[key] = Service(each.port, each.transport, numbers)
    return tuple(sorted(known.values(), key=_order))


def only(piece: Piece, found: Iterable[Service]) -> Piece:
    """The packets of a piece that go to services."""
    some = None
    for each in found:
        packets = piece.known(TRANSPORTS[each.transport], each.test)
        some = packets if some is None else some | packets
    return piece if some is None else piece.limited(some)


def shown(pieces: Iterable[Piece], *, free: Collection[Field] = _GIVEN) -> Iterator[str]:
    """The packets of pieces in few lines, and for each hook and family one of them.

    Fields of `free` are not said: what the region is that all of it is about says the finding itself.
    """
    left = 0
    for count, piece in enumerate(pieces):
        if count >= _REGIONS:
            left += 1
            continue
        lines = dict.fromkeys(_line(box, free) for box in readable_boxes(piece.packets.boxes()))
        yield from (f"packets: {line}" for line in list(lines)[:_REGIONS])
        if len(lines) > _REGIONS:
            more = len(lines) - _REGIONS
            yield f"packets: {more} more region{'s' if more > 1 else ''} like {'these' if more > 1 else 'this'}"
        witness = piece.packets.witness()
        if witness is not None:
            if piece.interface:
                witness = replace(witness, in_interface=piece.interface)
            yield f"such as: {flow(witness)}"
    if left:
        yield f"packets: likewise in {left} more {'combinations' if left > 1 else 'combination'} of hook and IP version"


def _line(box: ReadableBox, free: Collection[Field]) -> str:
    raw = box.raw
    integers = {field: values for field, values in raw.integers.items() if field not in free}
    names = {field: values for field, values in raw.names.items() if not all(map(_away, values))}
    return ReadableBox(replace(raw, integers=integers, names=names)).line()


def _away(names: Names) -> bool:
    return names.inverted and names.names == {LOOPBACK} and not names.prefixes


def wide(ports: Mapping[Transport, Intervals], most: int) -> bool:
    """Whether more than so many ports are open together, so that none of them was meant by itself."""
    return sum(size(each) for each in ports.values()) > most


_PLACES = {Hook.INPUT: "this machine", Hook.FORWARD: "machines behind it", Hook.OUTPUT: "machines elsewhere"}


def where(hooks: Iterable[Hook]) -> str:
    """``this machine``, ``machines behind it``, or both."""
    known = set(hooks)
    return " and ".join(text for hook, text in _PLACES.items() if hook in known)
