"""Which packets to ask about a text that somebody else wrote: those that its rules lead to, and their neighbours.

A packet is built from a lead (values that a rule wants) and from values that any rule of the text speaks of; then one
or two of its fields go to an edge. What is not possible is left out, and nothing here knows what a rule means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, LOOPBACK, SCTP, TCP, UDP, Hook, State
from fwadvisor.model.walk import Packet

from .exact import address_type, exact, why_not_exact
from .frames import GRE, UDPLITE
from .random_text import ICMP_TYPES, Lead, RandomText, Value

#: Addresses of the box, and others.
_OWN = {Family.IPV4: (0xC6336401, 0xC6336402), Family.IPV6: (0x20010DB8000F << 80 | 1, 0x20010DB8000F << 80 | 2)}
_OTHERS = {
    Family.IPV4: (0xCB00714D, 0x0A000001),
    Family.IPV6: (0x20010DB8 << 96 | 0x77, 0xFD << 120 | 1),
}
_PROTOCOLS = (TCP, TCP, TCP, TCP, UDP, UDP, UDP, SCTP, DCCP, UDPLITE, GRE, 112)
_TCP_FLAGS = (2, 2, 2, 2, 2, 16, 18, 1, 4, 0, 17, 20, 3, 24, 0x29, 0xC2, 0x30)
_STATES = (State.NEW,) * 5 + (State.ESTABLISHED, State.RELATED)
_TRIES, _OBEDIENCE = 20, 0.85
#: Fields of which the edges are noted for each family.
_ADDRESSES = ("source", "destination")
_TYPES = ("source_type", "destination_type")
Values = dict[str, Any]


@cache
def _of_type(kind: int, family: Family, links: tuple[str, ...]) -> tuple[int, ...]:
    """Addresses that the box takes for local, unicast, broadcast or multicast ones."""
    known: tuple[int, ...] = (*_OWN[family], *_OTHERS[family])
    if family is Family.IPV4:
        known = (*known, 0xFFFFFFFF, 0xC61200FF, 0xE0000001, 0xEF010203, 0x7F000001)
    else:
        known = (*known, 1, 0xFF02 << 112 | 1, 0xFF0E << 112 | 5)
    return tuple(each for each in known if address_type(family, each, links) is AddressType(kind))


class _Chooser:
    def __init__(self, edges: Mapping[str, Sequence[Value]], links: tuple[str, ...], seed: str) -> None:
        self.edges, self.links, self.random = edges, links, Random(seed)

    def _near(self, name: str, otherwise: Sequence[Value], share: float = 0.5) -> Any:
        """A value at an edge that the text has, or another one."""
        known = self.edges.get(name)
        return self.random.choice(known if known and self.random.random() < share else otherwise)

    def _family(self, lead: Lead) -> Family:
        wanted = [Family(int(each)) for each in lead.wanted.get("family", ()) if Family(int(each)) in lead.families]
        return self.random.choice(wanted or lead.families)

    def _ends(self, hook: Hook, family: Family) -> dict[str, Any]:
        own, others = _OWN[family], _OTHERS[family]
        source, destination = {Hook.INPUT: (others, own), Hook.OUTPUT: (own, others)}.get(hook, (others, others))
        return {
            "source": self._near(f"source{family}", source, 0.4),
            "destination": self._near(f"destination{family}", destination, 0.4),
        }

    def _base(self, hook: Hook, family: Family) -> Values:
        pick, links = self.random.choice, self.links
        icmp = ICMP if family is Family.IPV4 else ICMPV6
        state = pick(_STATES)
        return {
            "hook": hook,
            "family": family,
            "protocol": pick((*_PROTOCOLS, icmp, icmp)),
            "source_port": self._near("source_port", (40000, 40001)),
            "destination_port": self._near("destination_port", (80, 40001)),
            "icmp_type": self._near("icmp_type", ICMP_TYPES[icmp]),
            "icmp_code": pick((0, 0, 0, 1, 2)),
            "in_interface": pick((*links, LOOPBACK)) if hook is Hook.INPUT else pick(links),
            "out_interface": pick((*links, *links, LOOPBACK)) if hook is Hook.OUTPUT else pick(links),
            "tcp_flags": 16 if state is not State.NEW else pick(_TCP_FLAGS),
            "length": self._near("length", (60, 64, 100), 0.3),
            "dscp": self._near("dscp", (0, 46), 0.3),
            "ttl": self._near("ttl", (64, 63), 0.3),
            "mark": self._near("mark", (0, 0, 1), 0.5),
            "connection_mark": self._near("connection_mark", (0, 1), 0.6),
            "state": state,
            **self._ends(hook, family),
        }

    def _set(self, packet: Values, name: str, value: Value) -> None:
        if name in _TYPES:
            fitting = _of_type(int(value), packet["family"], self.links)
            if fitting:
                packet[name.removesuffix("_type")] = self.random.choice(fitting)
        elif name == "state":
            packet[name] = State(value)
        elif name not in _ADDRESSES or int(value).bit_length() <= packet["family"].bits:
            packet[name] = value

    def _fit(self, packet: Values, lead: Lead) -> None:
        """Make the packet what the rule wants, mostly: a rule may want what its hook never sees."""
        for name, values in lead.wanted.items():
            if name != "family" and self.random.random() < _OBEDIENCE:
                self._set(packet, name, self.random.choice(values))

    def _stray(self, packet: Values) -> None:
        """Move one field to another edge."""
        family = packet["family"]
        names = [name for name in self.edges if name[-1] not in "46" or name.endswith(str(int(family)))]
        name = self.random.choice([*names, "protocol", "interface", "tcp_flags", "state"])
        if name in self.edges:
            self._set(packet, name.rstrip("46"), self.random.choice(self.edges[name]))
            return
        other = self._base(packet["hook"], family)
        for each in ("in_interface", "out_interface") if name == "interface" else (name,):
            packet[each] = other[each]

    def _settled(self, packet: Values) -> Packet:
        """What a hook needs: no interface where there is none, flags that a known connection has."""
        if packet["hook"] is Hook.INPUT:
            packet["out_interface"] = ""
        elif packet["hook"] is Hook.OUTPUT:
            packet["in_interface"] = ""
        if packet["state"] in (State.INVALID, State.UNTRACKED):
            packet["state"] = State.NEW
        if packet["state"] is not State.NEW and packet["tcp_flags"] not in (16, 24):
            packet["tcp_flags"] = 16
        return exact(Packet(**packet), self.links)

    def packet(self, lead: Lead) -> Packet | None:
        """A packet for a rule, or None where luck finds none."""
        for _ in range(_TRIES):
            values = self._base(self.random.choice(lead.hooks), self._family(lead))
            self._fit(values, lead)
            for _ in range(self.random.choice((0, 0, 1, 1, 2))):
                self._stray(values)
            if values["hook"] is Hook.FORWARD and LOOPBACK in (values["in_interface"], values["out_interface"]):
                continue
            packet = self._settled(values)
            if not why_not_exact(packet, self.links):
                return packet
        return None


def probes_for_text(
    leads: Sequence[Lead], edges: Mapping[str, Sequence[Value]], links: tuple[str, ...], most: int, seed: int
) -> list[Packet]:
    """So many different packets, each lead having its share; deterministic."""
    chooser = _Chooser(edges, links, f"probes {seed}")
    everything = [Lead((hook,), FAMILIES, {}) for hook in Hook]
    turns = [*leads, *everything]
    chosen: dict[Packet, None] = {}
    for number in range(3 * most):
        packet = chooser.packet(turns[number % len(turns)])
        if packet is not None:
            chosen[packet] = None
        if len(chosen) >= most:
            break
    return list(chosen)


def probes_of(text: RandomText, links: tuple[str, ...], most: int = 500) -> list[Packet]:
    """The packets for a random text."""
    return probes_for_text(text.leads, text.edges, links, most, text.seed)
