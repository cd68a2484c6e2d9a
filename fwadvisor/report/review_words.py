"""Regions in the words of people: ``from 198.51.100.7 to this machine, tcp 1720 (H.323 call signalling), ...``.

The words say the region, no more and no less: what they do not name is free, a name in place of addresses stands for
exactly those, and names of ports are an addition to their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import STATES, Field
from fwadvisor.model.interval import Intervals, contains, covers, format_ports, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, Hook, State
from fwadvisor.packets.box import ReadableBox
from fwadvisor.packets.box_text import cut, pieces, said, said_names, whole
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Listing, Transport
from fwadvisor.report.review_entries import Entry
from fwadvisor.review.changes import PortUse
from fwadvisor.review.reach import addresses_of

_TRANSPORTS = {number: transport for transport, number in PROTOCOL_NUMBERS.items()}
#: So many types of ICMP are named.
_ICMP_TYPES = 5
#: Types of ICMP (RFC 792) and ICMPv6 (RFC 4443, 4861, 2710, 3810) that people know by name.
_ICMP_NAMES = {
    ICMP: {0: "echo reply", 3: "destination unreachable", 5: "redirect", 8: "echo request", 9: "router advertisement",
           10: "router solicitation", 11: "time exceeded", 12: "parameter problem", 13: "timestamp request"},
    ICMPV6: {1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
             128: "echo request", 129: "echo reply", 130: "listener query", 131: "listener report",
             132: "listener done", 133: "router solicitation", 134: "router advertisement",
             135: "neighbour solicitation", 136: "neighbour advertisement", 137: "redirect",
             143: "listener report v2"},
}  # fmt: skip
_EXCEPT = "all except "


@dataclass(frozen=True, slots=True)
class RegionWords:
    """One region: its two ends, what goes between them, and what else limits it."""

    ends: str
    traffic: str
    rest: tuple[str, ...]

    @property
    def line(self) -> str:
        """The whole region."""
        return joined((self.ends, self.traffic, *self.rest))


def joined(parts: Sequence[str]) -> str:
    """The parts with commas between them; with semicolons where one of them is a list that has commas itself."""
    return ("; " if any(", " in each for each in parts) else ", ").join(parts)


def region_words(box: ReadableBox, database: Database, most: int | None = 8) -> RegionWords:
    """The region in words; of longer lists than `most` the rest is counted, with None nothing is cut."""
    return RegionWords(_ends(box, most), _traffic(box, database, most), tuple(_rest(box, most)))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A region of an entry in words, and how many boxes that stands for (twins of IPv4 and IPv6 may be said alike)."""

    words: RegionWords
    #: ``IPv4`` where not all families of the entry have it, else "".
    family: str
    boxes: int

    def line(self, common: tuple[str, ...] = ()) -> str:
        """The region, without the limits that it has in common with the others."""
        words = self.words
        line = joined((words.ends, words.traffic, *(each for each in words.rest if each not in common)))
        return f"{self.family}: {line}" if self.family else line


def spoken(entry: Entry, database: Database, most: int | None = 8, boxes: int | None = None) -> list[Spoken]:
    """The first `boxes` boxes of each family of an entry (None: all of them) in words, in order."""
    found: dict[RegionWords, list[Family]] = {}
    for change in entry.changes:
        for box in change.regions[:boxes]:
            found.setdefault(region_words(box, database, most), []).append(change.family)
    return [
        Spoken(words, "" if set(families) == set(entry.families) else f"IPv{families[0].value}", len(families))
        for words, families in found.items()
    ]


def common_limits(regions: Sequence[Spoken]) -> tuple[str, ...]:
    """What limits all of several regions alike, to be said once."""
    if len(regions) < 2:
        return ()
    return tuple(each for each in regions[0].words.rest if all(each in other.words.rest for other in regions))


def _ends(box: ReadableBox, most: int | None) -> str:
    raw = box.raw
    source, destination = (
        addresses_of(raw.integers[field], raw.family).words(most) if field in raw.integers else ""
        for field in (Field.SOURCE, Field.DESTINATION)
    )
    here = "this machine"
    match raw.hook:
        case Hook.INPUT:
            return f"from {source or 'anywhere'} to {f'{destination} ({here})' if destination else here}"
        case Hook.OUTPUT:
            return f"from {f'{source} ({here})' if source else here} to {destination or 'anywhere'}"
        case Hook.FORWARD:
            return f"from {source or 'anywhere'} through {here} to {destination or 'anywhere'}"


def _traffic(box: ReadableBox, database: Database, most: int | None) -> str:
    integers, family = box.raw.integers, box.raw.family
    protocols = integers.get(Field.PROTOCOL)
    words = "any protocol" if protocols is None else _protocols(protocols, family, most)
    ports = integers.get(Field.DESTINATION_PORT)
    if ports is not None:
        # After a list of protocols a number could be one more.
        plain = words.replace(" and ", "").isalnum() and words[0].isalpha()
        words += f" {_ports(ports, protocols, plain, database, most)}"
    elif protocols is not None and all(p in WITH_PORTS for p in _values(protocols)):
        words += " any port" if Field.SOURCE_PORT not in integers else " to any port"
    if Field.SOURCE_PORT in integers:
        words += f" from port {_but(said(Field.SOURCE_PORT, integers[Field.SOURCE_PORT], family, most))}"
    if Field.ICMP in integers:
        words += f" type {_icmp(integers[Field.ICMP], protocols, family, most)}"
    if Field.TCP_FLAGS in integers:
        words += f" with flags {_but(said(Field.TCP_FLAGS, integers[Field.TCP_FLAGS], family, most))}"
    return words


def _values(values: Intervals) -> Iterator[int]:
    return (value for first, last in values for value in range(first, last + 1))


def _protocols(values: Intervals, family: Family, most: int | None) -> str:
    text = said(Field.PROTOCOL, values, family, most)
    if text.startswith(_EXCEPT):
        return f"every protocol but {text.removeprefix(_EXCEPT)}"
    names = text.split(", ")
    if len(names) == 2 and all(name.isalpha() for name in names):
        return " and ".join(names)
    return f"protocol {text}" if any(name[0].isdigit() for name in names) else text


def _but(text: str) -> str:
    return f"any but {text.removeprefix(_EXCEPT)}" if text.startswith(_EXCEPT) else text


def _ports(values: Intervals, protocols: Intervals | None, plain: bool, database: Database, most: int | None) -> str:
    """``22 (SSH), 80-81``, or ``any port but 22 (SSH)``."""
    missing = subtract(whole(Field.DESTINATION_PORT, Family.IPV4), values)
    lead, shown = ("any port but ", missing) if missing and len(missing) < len(values) else ("", values)
    transports = [_TRANSPORTS[p] for p in _values(protocols or ()) if p in _TRANSPORTS]
    texts: list[str] = []
    for text, pair in zip(pieces(Field.DESTINATION_PORT, shown, Family.IPV4), shown, strict=True):
        name = port_name(pair, transports, database) if most is None or len(texts) < most else ""
        texts.append(f"{text} ({name})" if name else text)
    return lead + ("" if plain or lead else "port ") + cut(texts, most)


def port_name(pair: tuple[int, int], transports: Sequence[Transport], database: Database) -> str:
    """What a range of ports is for, where all of it is for one thing; "" where that is not known.

    The port database is asked first, then IANA's registry for a single number.
    """
    names: dict[str, None] = {}
    for transport in transports:
        found = [
            port
            for port in database.ports.values()
            if port.listing is not Listing.HIDDEN and covers(port.match.get(transport, ()), (pair,))
        ]
        found.sort(key=lambda port: port.listing is not Listing.PRIMARY)
        if found:
            names[found[0].title.partition(" (")[0]] = None
        elif pair[0] == pair[1] and pair[0]:
            names |= dict.fromkeys(each.name for each in database.registry.lookup(pair[0], transport.value)[:1])
    return printable(" or ".join(names))


def _icmp(values: Intervals, protocols: Intervals | None, family: Family, most: int | None) -> str:
    text = said(Field.ICMP, values, family, most)
    number = ICMP if family is Family.IPV4 else ICMPV6
    if text.startswith(_EXCEPT) or protocols is None or not contains(protocols, number):
        return _but(text)
    types = sorted({each for first, last in values for each in range(first >> 8, (last >> 8) + 1)})
    names = [_ICMP_NAMES[number].get(each, "") for each in types]
    return f"{text} ({', '.join(names)})" if len(names) <= _ICMP_TYPES and all(names) else text


def _rest(box: ReadableBox, most: int | None) -> Iterator[str]:
    raw = box.raw
    if Field.STATE in raw.integers:
        yield _states(raw.integers[Field.STATE])
    ways = ("in on ", "out on ") if raw.hook is Hook.FORWARD else ("on ", "on ")
    for field, way in zip((Field.IN_INTERFACE, Field.OUT_INTERFACE), ways, strict=True):
        if field in raw.names:
            text = said_names(raw.names[field], most)
            yield way + (f"any interface but {text.removeprefix(_EXCEPT)}" if text.startswith(_EXCEPT) else text)
    for field, word in _WORDS.items():
        if field in raw.integers:
            yield f"{word} {_but(said(field, raw.integers[field], raw.family, most))}"
        elif field in raw.names:
            yield f"{word} {_but(said_names(raw.names[field], most))}"
    for condition in sorted(raw.conditions, key=lambda each: each.name):
        yield f"{'when' if raw.conditions[condition] else 'unless'} {printable(condition.name)}"


#: The fields without words of their own, and how they are called.
_WORDS = {
    Field.SOURCE_TYPE: "from an address that is", Field.DESTINATION_TYPE: "to an address that is",
    Field.HELPER: "helper", Field.PROFILE: "network profile", Field.MARK: "mark",
    Field.CONNECTION_MARK: "connection mark", Field.TAG: "tagged", Field.TTL: "ttl", Field.DSCP: "dscp",
    Field.LENGTH: "length",
}  # fmt: skip


def _states(values: Intervals) -> str:
    states = [STATES[value] for value in _values(values)]
    if states == [State.NEW]:
        return "new connections"
    missing = [state for state in STATES if state not in states]
    if len(missing) < len(states):
        return f"every state but {' and '.join(missing)}"
    return f"state {' or '.join(states) or 'none'}"


def use_words(use: PortUse, why: bool = True) -> str:
    """``1720/tcp H.323 call signalling: high risk from the internet, medium inside; <why>``."""
    port = use.port
    numbers = format_ports(use.numbers)
    where = f"protocol {numbers}" if use.transport is Transport.IP else f"{numbers}/{use.transport}"
    title = port.title.partition(" (")[0]
    risk = f"{port.risk_internet} risk from the internet, {port.risk_lan} inside"
    return printable(f"{where} {title}: {risk}{f'; {port.risk_why}' if why else ''}")
