"""The box under test: a namespace with links to the outside, each link's far end a namespace of its own."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from fwadvisor.model.address import Family, format_address
from fwadvisor.model.rule import LOOPBACK

from .places import Places

BOX = "box"
#: The far end of a link is called the same in every outside namespace.
FAR = "far0"
_DECIDE, _TO_SELF, _OUT = 77, 78, 100
_BINDTODEVICE, _MARK = 25, 36

_SETTINGS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/accept_local": "1",
    "ipv4/conf/all/route_localnet": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    # Every refusal is answered: the limits on ICMP errors would make a reject look like a drop.
    "ipv4/icmp_ratemask": "0",
    "ipv4/icmp_ratelimit": "0",
    "ipv6/icmp/ratemask": "127",
    "ipv6/icmp/ratelimit": "0",
    "ipv4/igmp_max_memberships": "1000",
    "ipv6/conf/all/forwarding": "1",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/router_solicitations": "0",
}
_OUTSIDE_SETTINGS = {
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/router_solicitations": "0",
}


def addresses(index: int, end: int) -> tuple[str, str]:
    """The addresses of link `index`: end 1 is the box, end 2 the outside (networks set apart for benchmarks)."""
    return f"198.18.{index}.{end}", f"2001:2:0:{index}::{end}"


def build(places: Places, links: Sequence[str]) -> None:
    """Make the namespaces and links, with addresses and routes as ordinary traffic needs them."""
    places.add(BOX)
    places.settings(BOX, _SETTINGS)
    places.ip(BOX, "link set lo up")
    for index, link in enumerate(links):
        places.add(link)
        places.settings(link, _OUTSIDE_SETTINGS)
        places.ip(BOX, f"link add {link} type veth peer name {FAR} netns {places.paths[link]}")
        for place, name, end in ((BOX, link, 1), (link, FAR, 2)):
            v4, v6 = addresses(index, end)
            places.settings(place, {f"ipv4/conf/{name}/rp_filter": "0"})
            places.ip(
                place,
                f"address add {v4}/24 dev {name}",
                f"address add {v6}/64 dev {name} nodad",
                f"link set {name} up",
                "link set lo up",
            )
        v4, v6 = addresses(index, 1)
        places.ip(link, f"route add default via {v4}")
        places.ip(link, f"route add default via {v6}", family="-6")
    v4, v6 = addresses(0, 2)
    places.ip(BOX, f"route add default via {v4}")
    places.ip(BOX, f"route add default via {v6}", family="-6")


#: Networks that are the box's own, besides the addresses of its links, where probes are exact.
OWN = {Family.IPV4: "198.51.100.0/24", Family.IPV6: "2001:db8:f::/64"}


class Routes:
    """Routing of the box for probes.

    Any address is its own, or is behind any link, as the probe says; the rules for that stand before the table of
    local addresses, which therefore has to give way. Where probes are exact, `OWN` is its own and nothing else: an
    address has one type, and only the way out is as the probe says.
    """

    def __init__(self, places: Places, links: Sequence[str]) -> None:
        self._places, self._links = places, tuple(links)
        self._target = ""
        self._installed: bool | None = None
        for family in ("-4", "-6"):
            places.ip(BOX, "rule add pref 1000 lookup local", "rule del pref 0", family=family)
            lines = [f"route add local default dev lo table {_TO_SELF}"]
            lines += [f"route add default dev {link} table {_OUT + n}" for n, link in enumerate(self._links)]
            places.ip(BOX, *lines, family=family)

    def _rules(self, verb: str, exact: bool, family: Family) -> list[str]:
        lines = [f"rule {verb} pref 10 oif lo lookup {_TO_SELF}"]
        for n, link in enumerate(self._links):
            lines.append(f"rule {verb} pref {20 + n} oif {link} lookup {_OUT + n}")
            lines.append(f"rule {verb} pref {500 + n} iif {link} lookup {_DECIDE}")
        lines.append(f"rule {verb} pref 600 iif lo lookup {_DECIDE}")
        if exact:
            return [
                *lines,
                f"rule {verb} pref 5 lookup local",
                f"route {verb} local {OWN[family]} dev lo table local",
            ]
        # An ICMP error is sent only from an address that the table of local addresses itself knows.
        return [*lines, f"route {verb} local default dev lo table local"]

    def install(self, exact: bool = False) -> None:
        """Route for probes."""
        if self._installed is not exact:
            self.remove()
            for family in Family:
                self._places.ip(BOX, *self._rules("add", exact, family), family=f"-{family}")
            self._installed = exact

    def remove(self) -> None:
        """Route as a machine does."""
        if self._installed is not None:
            for family in Family:
                self._places.ip(BOX, *self._rules("del", self._installed, family), family=f"-{family}")
            self._installed = None

    def aim(self, target: str) -> None:
        """Send what comes in out by link `target`, or to the box itself where it is "lo"."""
        if target == self._target:
            return
        for family in ("-4", "-6"):
            flush = [f"route flush table {_DECIDE}"] if self._target else []
            if target != "lo":
                routes = [f"default dev {target}"]
            else:
                routes = ["local default dev lo"]
                if family == "-6":
                    # What belongs to a link is looked for on that link only; as its own, groups need no membership.
                    routes += [
                        f"local {prefix} dev {link} metric {metric}"
                        for metric, link in enumerate(self._links, 1)
                        for prefix in ("fe80::/10", "ff00::/8")
                    ]
            lines = [f"route add {route} table {_DECIDE}" for route in routes]
            self._places.ip(BOX, *flush, *lines, family=family)
        self._target = target


class Senders:
    """Sockets that put probes on a wire, or out of the box."""

    def __init__(self, places: Places, links: Sequence[str]) -> None:
        self._places = places
        self.index: dict[str, int] = {}
        self.station: dict[str, bytes] = {}
        self._wires: dict[str, socket.socket] = {}
        self._raw: dict[tuple[Family, str], socket.socket] = {}
        self._groups: dict[tuple[Family, str, int], socket.socket] = {}
        self._marks: dict[tuple[Family, str], int] = {}
        for name in ("lo", *links):
            wire = places.socket(BOX if name == "lo" else name, socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind(("lo" if name == "lo" else FAR, 0))
            self._wires[name] = wire
            self._raw[Family.IPV4, name] = self._open_raw(socket.AF_INET, name)
            self._raw[Family.IPV6, name] = self._open_raw(socket.AF_INET6, name)
            with places.socket(BOX, socket.AF_PACKET, socket.SOCK_RAW) as near:
                near.bind((name, 0))
                self.station[name] = near.getsockname()[4]
        for line in places.must(BOX, ["ip", "-o", "link"]).splitlines():
            number, name = line.split(":")[:2]
            self.index[name.strip().split("@")[0]] = int(number)

    def _open_raw(self, family: int, name: str) -> socket.socket:
        options: list[tuple[int, int, int | bytes]] = [
            (socket.SOL_SOCKET, _BINDTODEVICE, name.encode() + b"\0"),
            (socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
        ]
        return self._places.socket(BOX, family, socket.SOCK_RAW, socket.IPPROTO_RAW, options)

    def wire(self, interface: str) -> socket.socket:
        """The far end of a link."""
        return self._wires[interface]

    def raw(self, family: Family, interface: str, mark: int = 0) -> socket.socket:
        """The box's own way out by a link, for packets that carry a mark from the start."""
        way = self._raw[family, interface]
        if self._marks.get((family, interface), 0) != mark:
            way.setsockopt(socket.SOL_SOCKET, _MARK, struct.pack("=I", mark))
            self._marks[family, interface] = mark
        return way

    def join(self, family: Family, interface: str, group: int) -> None:
        """Make the box a member of a group, which it has to be to receive for it."""
        if (family, interface, group) in self._groups:
            return
        index = struct.pack("=I", self.index[interface])
        if family is Family.IPV4:
            member = self._places.socket(BOX, socket.AF_INET, socket.SOCK_DGRAM)
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.to_bytes(4) + bytes(4) + index)
        else:
            member = self._places.socket(BOX, socket.AF_INET6, socket.SOCK_DGRAM)
            member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group.to_bytes(16) + index)
        self._groups[family, interface, group] = member

    def close(self) -> None:
        """Close every socket."""
        for each in (*self._wires.values(), *self._raw.values(), *self._groups.values()):
            each.close()


def device(interface: str) -> str:
    """The name of an interface on this system."""
    return "lo" if interface == LOOPBACK else interface


def raw_address(family: Family, address: int, index: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Where a raw socket sends to; a link-local address needs its link."""
    text = format_address(address, family)
    return (text, 0) if family is Family.IPV4 else (text, 0, 0, index if address >> 118 == 0x3FA else 0)
