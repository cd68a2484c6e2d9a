"""Which packets to ask about: those at the edges of what rules say, in every hook, family and direction.

From each rule a packet is made that matches every field of it, then packets that differ in one field: each end of
each range and the values just outside, the other protocols, types and interfaces. What a rule leaves open is filled
with values that other rules of the chain speak of, so that rules meet. The choice is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from random import Random

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    PORT_PROTOCOLS,
    SCTP,
    TCP,
    UDP,
    Chain,
    Hook,
    IcmpType,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
)
from fwadvisor.model.walk import Packet, matches

from .frames import GRE
from .limits import why_not
from .sentence import EPHEMERAL, with_state

#: Addresses that no rule needs to know: 203.0.113.77 and 198.51.100.77, and their like.
_STRANGERS = {
    Family.IPV4: (0xCB00714D, 0xC633644D),
    Family.IPV6: (0x20010DB8 << 96 | 0x77, 0x20010DB8000F << 80 | 0x78),
}
_ECHO = {ICMP: IcmpType(8, 0), ICMPV6: IcmpType(128, 0)}
_MOST_RANGES = 4
#: How often to look for a packet that a rule decides, and the length of a chain from which that costs too much.
_ATTEMPTS, _MANY_RULES = 12, 300


def interfaces_of(ruleset: Ruleset) -> tuple[str, ...]:
    """The names of the interfaces that rules speak of, loopback left out."""
    names = {
        name
        for chain in ruleset.chains
        for rule in chain.rules
        for name in (*rule.match.in_interfaces, *rule.match.out_interfaces)
    }
    return tuple(sorted(names - {LOOPBACK}))


def _ends(ranges: Intervals, largest: int) -> Iterator[int]:
    """Both ends of the first and last ranges, and their neighbours outside."""
    shown = ranges if len(ranges) <= _MOST_RANGES else (*ranges[: _MOST_RANGES - 1], ranges[-1])
    for first, last in shown:
        yield first
        yield last
        if first > 0:
            yield first - 1
        if last < largest:
            yield last + 1


def _inside(ranges: Intervals, random: Random) -> int:
    first, last = random.choice(ranges)
    return random.choice((first, last, (first + last) // 2))


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Makes packets for one chain."""

    chain: Chain
    links: tuple[str, ...]
    random: Random

    def _addresses(self, family: Family) -> Iterator[int]:
        for rule in self.chain.rules:
            for addresses in (rule.match.source, rule.match.destination):
                if addresses is not None:
                    yield from (value for pair in addresses.of(family) for value in pair)

    def _ports(self) -> Iterator[int]:
        for rule in self.chain.rules:
            for ports in (rule.match.source_ports, rule.match.destination_ports):
                yield from (value for pair in ports or () for value in pair)

    def _any_address(self, family: Family, end: int, known: list[int]) -> int:
        if known and self.random.random() < 0.5:
            return self.random.choice(known)
        return _STRANGERS[family][end]

    def _address(self, wanted: AddressSet | None, family: Family, end: int, known: list[int]) -> int:
        return self._any_address(family, end, known) if wanted is None else _inside(wanted.of(family), self.random)

    def _interface(self, wanted: tuple[str, ...]) -> str:
        return self.random.choice(wanted or self.links)

    def like(self, match: Match, family: Family) -> Packet:
        """A packet that every field of `match` fits, states left aside."""
        known, ports = list(self._addresses(family)), list(self._ports()) or [80]
        echo = ICMP if family is Family.IPV4 else ICMPV6
        wrong_echo = ICMPV6 if family is Family.IPV4 else ICMP
        possible = [number for number in match.protocols or (TCP, UDP, SCTP, echo, GRE) if number != wrong_echo]
        protocol = self.random.choice(possible or list(match.protocols))
        packet = Packet(
            hook=self.chain.hook,
            family=family,
            protocol=protocol,
            source=self._address(match.source, family, 0, known),
            destination=self._address(match.destination, family, 1, known),
            in_interface=self._interface(match.in_interfaces) if self.chain.hook is not Hook.OUTPUT else "",
            out_interface=self._interface(match.out_interfaces) if self.chain.hook is not Hook.INPUT else "",
        )
        if match.icmp:
            kind = self.random.choice(match.icmp)
            return replace(packet, icmp_type=kind.type, icmp_code=kind.code or 0)
        source = _inside(match.source_ports, self.random) if match.source_ports else EPHEMERAL
        destination = _inside(match.destination_ports or tuple((p, p) for p in ports), self.random)
        return self.as_protocol(packet, protocol, source, destination)

    def decided_by(self, rule: Rule, family: Family) -> Packet:
        """A packet that `rule` decides where luck finds one, else one that fits it and an earlier rule takes."""
        packet = self.like(rule.match, family)
        for _ in range(_ATTEMPTS if len(self.chain.rules) <= _MANY_RULES else 0):
            if not why_not(packet):
                asked, known = with_state(packet), (*self.chain.rules, rule)
                if next((each for each in known if matches(each.match, asked)), None) is rule:
                    break
            packet = self.like(rule.match, family)
        return packet

    def as_protocol(self, packet: Packet, protocol: int, source: int = EPHEMERAL, destination: int = 80) -> Packet:
        """The packet with another protocol, and the fields that belong to it."""
        if protocol in PORT_PROTOCOLS:
            source, destination = packet.source_port or source, packet.destination_port or destination
            return replace(
                packet, protocol=protocol, source_port=source, destination_port=destination, icmp_type=0, icmp_code=0
            )
        kind = _ECHO.get(protocol, IcmpType(0, 0))
        return replace(
            packet,
            protocol=protocol,
            source_port=0,
            destination_port=0,
            icmp_type=kind.type,
            icmp_code=kind.code or 0,
        )

    def around(self, match: Match, packet: Packet) -> Iterator[Packet]:
        """Packets that differ from one that fits in one field."""
        family = packet.family
        largest = (1 << family.bits) - 1
        for name, addresses in (("source", match.source), ("destination", match.destination)):
            for value in _ends(addresses.of(family), largest) if addresses is not None else ():
                yield replace(packet, **{name: value})  # type: ignore[arg-type]
        for name, ports in (("source_port", match.source_ports), ("destination_port", match.destination_ports)):
            for value in _ends(ports, 65535) if ports is not None else ():
                yield replace(packet, **{name: value})  # type: ignore[arg-type]
        for kind in match.icmp:
            for value in (kind.type - 1, kind.type, kind.type + 1):
                if 0 <= value <= 255:
                    yield replace(packet, icmp_type=value)
            yield replace(packet, icmp_type=kind.type, icmp_code=(kind.code or 0) + 1)
        echo = ICMP if family is Family.IPV4 else ICMPV6
        for protocol in {TCP, UDP, SCTP, echo, *match.protocols} - {packet.protocol}:
            yield self.as_protocol(packet, protocol)
        for name in self.links if match.in_interfaces else ():
            yield replace(packet, in_interface=name)
        for name in self.links if match.out_interfaces else ():
            yield replace(packet, out_interface=name)
        if self.chain.hook is not Hook.FORWARD:
            # Both directions: what answers would look like if they were asked for.
            yield replace(
                packet,
                source=packet.destination,
                destination=packet.source,
                source_port=packet.destination_port,
                destination_port=packet.source_port,
            )


def probes_for(ruleset: Ruleset, links: tuple[str, ...], most: int = 500, seed: int = 0) -> list[Packet]:
    """At most `most` packets at the edges of the rules, each rule having its share.

    `links` are the interfaces that exist; those that rules name have to be among them. Loopback is asked as well.
    """
    queues: list[list[Packet]] = []
    for chain in ruleset.chains:
        names = links if chain.hook is Hook.FORWARD else (*links, LOOPBACK)
        chooser = _Chooser(chain, names, Random(f"{seed} {chain.hook}"))
        everything = Rule(Match(), chain.default, Origin(kind=OriginKind.DEFAULT, text="default"))
        for rule in (*chain.rules, everything):
            for family in rule.match.families():
                packet = chooser.decided_by(rule, family)
                queues.append([packet, *chooser.around(rule.match, packet)])
    chosen: dict[Packet, None] = {}
    for column in zip_longest(*queues):
        for packet in column:
            if packet is not None and not why_not(packet):
                chosen[with_state(packet)] = None
            if len(chosen) >= most:
                return list(chosen)
    return list(chosen)
