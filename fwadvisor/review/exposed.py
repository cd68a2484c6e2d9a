"""What packets of a region would reach: ports, protocols and ICMP types, and how risky that is.

| what | risk towards strangers | in a local network |
|---|---|---|
| ports that the port database knows | `risk_internet` | `risk_lan` |
| a known entry of more than 1000 numbers | only where the packets have all of them | |
| ports that it does not know | medium, 1000 or more of them high | low, 1000 or more of them medium |
| IP protocols without ports that it knows | `risk_internet` | `risk_lan` |
| those that it does not know | medium | low |
| ICMP and ICMPv6: redirects, router renumbering, node information | medium | low |
| other ICMP and ICMPv6 types | low | low |
| packets of no limited protocol | the worst of all that | |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.addresses import predefined
from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Field
from fwadvisor.model.interval import PORTS, Intervals, contains, format_ports, intersect, overlaps, size, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, Hook, protocol_name
from fwadvisor.model.rule import State as Between
from fwadvisor.packets import RawBox
from fwadvisor.packets.box_text import said
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Application, Flow, Listing, Port, Risk, State, Transport

#: So many numbers are a range of which somebody uses a few, and no use of their own.
WIDE = 1000
#: More ranges of ports than that are counted.
_MOST_RANGES = 4
_EVERY: Intervals = ((0, 255),)
_ICMP_OF = {Family.IPV4: ICMP, Family.IPV6: ICMPV6}
#: Types (x 256 + code) that change how others send: redirect (RFC 792, RFC 4861), renumbering (RFC 2894), node
#: information (RFC 4620).
_STEERING: dict[Family, Intervals] = {
    Family.IPV4: ((5 * 256, 6 * 256 - 1),),
    Family.IPV6: ((137 * 256, 141 * 256 - 1),),
}
_NEIGHBOURS: Intervals = ((133 * 256, 137 * 256 - 1),)
#: What neighbour discovery is sent with, so that no router can have passed it on (RFC 4861).
_HOP_LIMIT = 255
_ORDER = tuple(Risk)
_STATES: Intervals = ((0, len(STATES) - 1),)
#: The flags of TCP (RFC 9293).
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


@dataclass(frozen=True, slots=True)
class Exposed:
    """The worst of what a region reaches: its risk, and the words for it."""

    risk: Risk
    #: ``3389/tcp (Remote Desktop (RDP), risk critical)``
    text: str


def protocols_of(region: RawBox) -> Intervals:
    """The protocols of a region, without the ICMP of the other family, which nobody sends."""
    other = _ICMP_OF[Family.IPV6 if region.family is Family.IPV4 else Family.IPV4]
    return subtract(region.integers.get(Field.PROTOCOL, _EVERY), ((other, other),))


def ports_of(region: RawBox) -> dict[Transport, Intervals]:
    """The destination ports of a region for each protocol that has some."""
    numbers = region.integers.get(Field.DESTINATION_PORT, PORTS)
    protocols = protocols_of(region)
    return {each: numbers for each, number in PROTOCOL_NUMBERS.items() if contains(protocols, number)}


def icmp_of(region: RawBox) -> Intervals:
    """The ICMP types (x 256 + code) of a region in its family, () where it has no ICMP."""
    if not contains(protocols_of(region), _ICMP_OF[region.family]):
        return ()
    return region.integers.get(Field.ICMP, PORTS)


def neighbours_in(region: RawBox) -> Intervals:
    """The types of neighbour discovery (x 256 + code) of a region to or from this machine, sent by neighbours.

    They come from a link-local address, or from none yet, with the hop limit that proves it.
    """
    if region.family is Family.IPV4 or region.hook is Hook.FORWARD:
        return ()
    sources = region.integers.get(Field.SOURCE, region.family.universe)
    near = overlaps(sources, predefined("link-local").of(region.family)) or contains(sources, 0)
    if not near or not contains(region.integers.get(Field.TTL, ((0, 255),)), _HOP_LIMIT):
        return ()
    return intersect(icmp_of(region), _NEIGHBOURS)


def opens(region: RawBox) -> bool:
    """Whether a packet of the region can open a connection."""
    if not contains(region.integers.get(Field.STATE, _STATES), STATES.index(Between.NEW)):
        return False
    # SYN, with none of FIN, RST and ACK beside it.
    return _has_flags(region, _FIN | _SYN | _RST | _ACK, _SYN)


def goes_on(region: RawBox) -> bool:
    """Whether a packet of the region can belong to a connection that is open, and carry what it is for."""
    if not contains(region.integers.get(Field.STATE, _STATES), STATES.index(Between.ESTABLISHED)):
        return False
    return _has_flags(region, _SYN | _RST | _ACK, _ACK)


def belongs(region: RawBox) -> bool:
    """Whether a packet of the region can begin or carry a connection that is related to another one."""
    if not contains(region.integers.get(Field.STATE, _STATES), STATES.index(Between.RELATED)):
        return False
    return _has_flags(region, _FIN | _SYN | _RST | _ACK, _SYN) or _has_flags(region, _SYN | _RST | _ACK, _ACK)


def _has_flags(region: RawBox, asked: int, wanted: int) -> bool:
    """Whether there are TCP packets of which those flags are set and no other of those asked, or other packets."""
    flags = region.integers.get(Field.TCP_FLAGS)
    if flags is None or region.integers.get(Field.PROTOCOL) != ((TCP, TCP),):
        return True
    return any(value & asked == wanted for first, last in flags for value in range(first, last + 1))


def when(region: RawBox) -> str:
    """The conditions of a region: ``when fragment and unless limit 5/second burst 5 packets``; "" without any."""
    texts = (
        f"{'when' if region.conditions[each] else 'unless'} {printable(each.name)}"
        for each in sorted(region.conditions, key=lambda condition: condition.name)
    )
    return " and ".join(texts)


def entries_in(ports: Intervals, transport: Transport, database: Database) -> Iterator[tuple[Port, Intervals]]:
    """The known uses of some ports, with the numbers that are among them.

    Ports that are only agreed at run time are no use of a number, and a wide range is one only where all of it is
    meant.
    """
    for entry in database.ports.values():
        match = entry.match.get(transport, ())
        if entry.listing is Listing.HIDDEN or not overlaps(match, ports):
            continue
        if size(match) > WIDE and subtract(match, ports):
            continue
        yield entry, intersect(match, ports)


def flows_in(region: RawBox, database: Database) -> Iterator[tuple[Application, Flow, Intervals]]:
    """The flows of applications that packets of a region carry, with their ports there.

    A flow whose ports are agreed at run time is none, and one of a wide range only where all of it is meant: nobody
    knows which ports it uses. Applications in use come first, and flows on ports that are known for them.
    """
    ports, protocols = ports_of(region), protocols_of(region)
    sources = region.integers.get(Field.SOURCE_PORT, PORTS)
    known = {
        (entry.id, transport): numbers
        for transport, asked in ports.items()
        for entry, numbers in entries_in(asked, transport, database)
    }
    found: list[tuple[Application, Flow, Intervals]] = []
    for application in database.applications.values():
        for flow in application.flows:
            entry = database.ports[flow.port]
            if flow.transport is Transport.IP:
                if all(contains(protocols, number) for number in flow.protocols()):
                    found.append((application, flow, ()))
                continue
            numbers = known.get((flow.port, flow.transport), ())
            numbers = intersect(numbers, database.flow_ports(flow) or ())
            if numbers and not entry.negotiated and overlaps(sources, flow.source_ports or PORTS):
                found.append((application, flow, numbers))
    order = tuple(State)
    yield from sorted(
        found,
        key=lambda each: (
            order.index(each[0].status.state), database.ports[each[1].port].listing is not Listing.PRIMARY
        ),
    )  # fmt: skip


def fits(application: Application, flow: Flow, hook: Hook) -> bool:
    """Whether this machine can be the end of a flow that a hook speaks of; through it, every flow goes.

    The role that an application's own machine has is called "this host" in the port database, or similar; where no
    role is, it can have any.
    """
    if hook is Hook.FORWARD:
        return True
    own = [role for role, text in application.roles.items() if text.startswith("this ")]
    return not own or (flow.source_role if hook is Hook.OUTPUT else flow.destination_role) in own


def exposed(region: RawBox, database: Database, strangers: bool) -> Exposed:
    """The worst that packets of a region can reach; `strangers` says whether they come from the internet."""
    found = [
        *(_of_ports(ports, transport, database, strangers) for transport, ports in ports_of(region).items()),
        *_of_protocols(protocols_of(region), database, strangers),
    ]
    types = icmp_of(region)
    if types:
        found.append(_of_icmp(types, region.family, strangers))
    if not found:
        return Exposed(Risk.LOW, "nothing that anybody sends")
    worst = min(found, key=lambda each: _ORDER.index(each.risk))
    if protocols_of(region) == protocols_of(RawBox(region.hook, region.family)):
        return Exposed(worst.risk, f"every port and protocol, {worst.text.removeprefix('every TCP port, ')}")
    return worst


def risk_of(entry: Port, strangers: bool) -> Risk:
    """How bad it is to expose an entry."""
    return entry.risk_internet if strangers else entry.risk_lan


def _of_ports(ports: Intervals, transport: Transport, database: Database, strangers: bool) -> Exposed:
    known = list(entries_in(ports, transport, database))
    unknown = ports
    for _, numbers in known:
        unknown = subtract(unknown, numbers)
    many = size(unknown) >= WIDE
    else_risk = (Risk.HIGH if many else Risk.MEDIUM) if strangers else (Risk.MEDIUM if many else Risk.LOW)
    worst = min(known, key=lambda each: _badness(each[0], strangers), default=None)
    if worst is None or (unknown and _ORDER.index(else_risk) < _ORDER.index(risk_of(worst[0], strangers))):
        return Exposed(else_risk, f"{port_words(ports, transport)} (no known use, risk {else_risk})")
    entry, numbers = worst
    risk = risk_of(entry, strangers)
    text = f"{port_words(numbers, transport)} ({entry.title}, risk {risk})"
    return Exposed(risk, text if numbers == ports else f"{port_words(ports, transport)}, among them {text}")


def _badness(entry: Port, strangers: bool) -> tuple[int, bool, int]:
    """For order: the worst risk first, of those what a number is known for, and in the network too."""
    risk = _ORDER.index(risk_of(entry, strangers))
    return risk, entry.listing is not Listing.PRIMARY, _ORDER.index(entry.risk_lan)


def port_words(ports: Intervals, transport: str) -> str:
    """``22,80-90/tcp``, ``every TCP port``, ``all TCP ports but 22 and 80``, or of many how many there are."""
    name = transport.upper()
    if ports == PORTS:
        return f"every {name} port"
    missing = subtract(PORTS, ports)
    if len(missing) < len(ports) and len(missing) <= _MOST_RANGES and size(missing) < size(ports):
        texts = [format_ports((pair,)) for pair in missing]
        return f"all {name} ports but {' and '.join(filter(None, (', '.join(texts[:-1]), texts[-1])))}"
    if len(ports) > _MOST_RANGES:
        return f"{size(ports)} {name} ports"
    return f"{format_ports(ports)}/{transport}"


def _of_protocols(protocols: Intervals, database: Database, strangers: bool) -> Iterator[Exposed]:
    """Protocols without ports."""
    with_ports = tuple((number, number) for number in sorted((*PROTOCOL_NUMBERS.values(), ICMP, ICMPV6)))
    rest = subtract(protocols, with_ports)
    for entry in database.ports.values():
        numbers = intersect(entry.match.get(Transport.IP, ()), rest)
        if numbers:
            rest = subtract(rest, numbers)
            risk = risk_of(entry, strangers)
            names = ", ".join(protocol_name(first) for first, _ in numbers)
            yield Exposed(risk, f"the protocol {names} ({entry.title}, risk {risk})")
    if rest:
        risk = Risk.MEDIUM if strangers else Risk.LOW
        text = said(Field.PROTOCOL, rest, Family.IPV4, 4)
        what = f"the protocol {text}" if size(rest) == 1 else f"the protocols {text}"
        yield Exposed(risk, f"{what} (no known use, risk {risk})")


def _of_icmp(types: Intervals, family: Family, strangers: bool) -> Exposed:
    name = "ICMP" if family is Family.IPV4 else "ICMPv6"
    text = f"every {name} type" if types == PORTS else f"{name} type {said(Field.ICMP, types, family, 4)}"
    if strangers and overlaps(types, _STEERING[family]):
        return Exposed(Risk.MEDIUM, f"{text}, among them such as change routes (risk medium)")
    return Exposed(Risk.LOW, f"{text} (risk low)")


def named(entries: Sequence[tuple[Port, Intervals]], transport: Transport, most: int = 3) -> str:
    """A few uses in words: ``22/tcp (SSH), 3389/tcp (Remote Desktop (RDP)) and 12 more``."""
    texts = [f"{port_words(numbers, transport)} ({entry.title})" for entry, numbers in entries]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
