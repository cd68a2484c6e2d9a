"""The packets of a conversation: addresses that stand for zones, and a packet for each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from fwadvisor.addresses import address_set
from fwadvisor.calls.talks import Chosen
from fwadvisor.compile.flows import Path
from fwadvisor.compile.media import HIGH_PORTS
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.interval import Intervals, contains
from fwadvisor.model.policy import Strategy, Zone
from fwadvisor.model.rule import TCP, Hook, State
from fwadvisor.model.walk import Packet
from fwadvisor.ports.database import Database

#: Addresses for documentation (RFC 5737, RFC 3849) and private ones, for whoever has none in the policy.
_OWN = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "10.255.255.1", "2001:db8::1", "fd00::1")
_ANYBODY = ("198.51.100.77", "203.0.113.77", "192.0.2.77", "2001:db8:77::77", "fd00:77::77")
#: What parties agree on where nothing keeps them to a range, and the ports they send from.
AGREED_TCP, AGREED_UDP = 42000, 42500
FROM_TCP, FROM_UDP = 44149, 41500
_SYN, _PUSH = 2, 24
_LOOKED_AT = 64


@dataclass
class Addresses:
    """Zone -> the address that stands for it in one IP version; each zone gets one that is nobody else's if it can."""

    family: Family
    zones: tuple[Zone, ...]
    #: Zones of media alone that hold a zone which signals, by name: a call has both with one host of it.
    within: dict[str, Zone] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)

    def of(self, zone: Zone) -> int | None:
        """The address of a zone; None where it has none in this IP version."""
        if zone.name not in self._given:
            found = self._choose(zone)
            if found is None:
                return None
            self._given[zone.name] = found
        return self._given[zone.name]

    def _choose(self, zone: Zone) -> int | None:
        inner = self.within.get(zone.name)
        if inner is not None and (found := self.of(inner)) is not None:
            return found
        if zone.addresses is None:
            texts = _OWN if zone.local else _ANYBODY
            known = address_set(texts, zone.name)
            values = (ip_address(each) for each in texts)
            candidates = [int(each) for each in values if each.version == self.family.value]
        else:
            known = zone.addresses
            candidates = list(_ordinary(known.of(self.family)))
        others = [each for each in self.zones if each.name != zone.name and each.addresses is not None]
        taken = set(self._given.values())
        for strict in (True, False):
            for value in candidates:
                meets = any(_inside(value, each.addresses, known, self.family) for each in others)
                if value not in taken and not (strict and meets):
                    return value
        return candidates[0] if candidates else None


def _inside(value: int, other: AddressSet | None, own: AddressSet, family: Family) -> bool:
    """Whether an address is another zone's too, although that zone does not hold all of this one."""
    return other is not None and contains(other.of(family), value) and not other.covers(own)


def _ordinary(ranges: Intervals) -> Iterator[int]:
    """The first addresses of some ranges, without the one that names a network."""
    for first, last in ranges:
        start = first + 1 if last - first > 1 else first
        yield from range(start, min(last, start + _LOOKED_AT) + 1)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The ports of a flow: where it goes, from where, and the whole range that its need keeps open, if it does."""

    port: int | None
    source_port: int
    kept: Intervals | None = None


def numbers_of(chosen: Chosen, offset: int, database: Database, *, negotiated: bool) -> Numbers:
    """The ports of a flow: fixed ones as they are, negotiated ones as parties of this need may agree on them."""
    flow, service = chosen.flow, chosen.service
    tcp = flow.protocols() == (TCP,)
    source = flow.source_ports[0][0] if flow.source_ports else 0
    fixed = database.flow_ports(flow)
    if fixed is None:
        return Numbers(None, 0)
    if not negotiated:
        port = fixed[0][0]
        return Numbers(port, source or (FROM_TCP if tcp else port))
    kept = service.ports(flow) if service else None
    agreed = AGREED_TCP if tcp else AGREED_UDP
    if service is not None and service.strategy is Strategy.EVERYTHING:
        kept = kept and HIGH_PORTS
    elif kept is not None:
        agreed = kept[0][0]
    elif not contains(fixed, agreed):
        agreed = fixed[0][0]
    return Numbers(agreed + offset, (source or (FROM_TCP if tcp else FROM_UDP)) + offset, kept)


def packet(
    path: Path,
    addresses: Addresses,
    protocol: int,
    ports: tuple[int, int],
    state: State,
    helper: str = "",
    *,
    group: bool = False,
) -> Packet | None:
    """A packet on a path; `ports` are source and destination. None where an end has no address of the family."""
    source, destination = addresses.of(path.source), addresses.of(path.destination)
    if source is None or destination is None:
        return None
    here, there = path.hook is Hook.OUTPUT, path.hook is Hook.INPUT
    return Packet(
        hook=path.hook,
        family=addresses.family,
        protocol=protocol,
        source=source,
        destination=destination,
        source_port=ports[0],
        destination_port=ports[1],
        in_interface="" if here else _interface(path.source.interfaces, "eth0"),
        out_interface="" if there else _interface(path.destination.interfaces, "eth0" if here else "eth1"),
        state=state,
        helper=helper,
        tcp_flags=(_PUSH if state is State.ESTABLISHED else _SYN) if protocol == TCP else 0,
        source_type=AddressType.LOCAL if here else AddressType.UNICAST,
        destination_type=AddressType.MULTICAST if group else AddressType.LOCAL if there else AddressType.UNICAST,
    )


def _interface(names: Iterable[str], otherwise: str) -> str:
    return next(iter(names), otherwise)
