"""Real traffic through the loaded rules: connections, errors about them, neighbour discovery.

Nothing is crafted where the kernels on both ends can say it themselves. Places are the box and the links' names
(the outside of each link); what has to fail is waited for briefly.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress

from fwadvisor.model.address import Family

from .box import BOX, FAR, addresses
from .connections import FLUSH, tell
from .frames import checksum
from .places import Places

_WAIT = 0.4
_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class Live:
    """Traffic between the box and the outside ends of its links."""

    def __init__(self, places: Places, links: Sequence[str]) -> None:
        self.places = places
        self._links = tuple(links)

    def address(self, place: str, family: Family, link: str = "") -> str:
        """The address of a place; the box has one for each link."""
        index = self._links.index(link or (self._links[0] if place == BOX else place))
        return addresses(index, 1 if place == BOX else 2)[family is Family.IPV6]

    def forget_connections(self) -> None:
        """Empty the box's table of known connections."""
        tell(self.places, [FLUSH])

    def _open(self, place: str, family: Family, kind: int) -> socket.socket:
        made = self.places.socket(place, _FAMILIES[family], kind)
        made.settimeout(_WAIT)
        return made

    def tcp(self, source: str, destination: str, port: int, family: Family, link: str = "") -> bool:
        """Whether a connection can be made and carries bytes both ways; `link` chooses the box's address."""
        with (
            self._open(destination, family, socket.SOCK_STREAM) as server,
            self._open(source, family, socket.SOCK_STREAM) as client,
        ):
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((self.address(destination, family, link), port))
            server.listen()
            try:
                client.connect(server.getsockname()[:2])
                accepted, _ = server.accept()
                with accepted:
                    accepted.settimeout(_WAIT)
                    client.sendall(b"ask")
                    asked = accepted.recv(3)
                    accepted.sendall(b"answer")
                    return (asked, client.recv(6)) == (b"ask", b"answer")
            except OSError:
                return False

    def udp(self, source: str, destination: str, port: int, family: Family, link: str = "") -> bool:
        """Whether a datagram arrives and its answer comes back."""
        with (
            self._open(destination, family, socket.SOCK_DGRAM) as server,
            self._open(source, family, socket.SOCK_DGRAM) as client,
        ):
            server.bind((self.address(destination, family, link), port))
            try:
                client.sendto(b"ask", server.getsockname()[:2])
                _, back = server.recvfrom(16)
                server.sendto(b"answer", back[:2])
                return client.recv(16) == b"answer"
            except OSError:
                return False

    def unsolicited(self, source: str, destination: str, ports: tuple[int, int], family: Family) -> bool:
        """Whether a lone datagram between two ports arrives."""
        with (
            self._open(destination, family, socket.SOCK_DGRAM) as server,
            self._open(source, family, socket.SOCK_DGRAM) as client,
        ):
            server.bind((self.address(destination, family), ports[1]))
            client.bind((self.address(source, family), ports[0]))
            try:
                client.sendto(b"ask", server.getsockname()[:2])
                return server.recv(16) == b"ask"
            except OSError:
                return False

    def error_arrives(self, source: str, destination: str, port: int, family: Family) -> bool:
        """Whether the sender of a datagram to a closed port is told so by ICMP."""
        with self._open(source, family, socket.SOCK_DGRAM) as client:
            client.connect((self.address(destination, family), port))
            try:
                client.send(b"anybody?")
                client.recv(16)
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
            return False

    def ping(self, source: str, destination: str, family: Family, link: str = "") -> bool:
        """Whether an echo request is answered."""
        protocol, ask, answer, skip = (1, 8, 0, 20) if family is Family.IPV4 else (socket.IPPROTO_ICMPV6, 128, 129, 0)
        identity = os.urandom(2) + b"\0\1"
        with self.places.socket(source, _FAMILIES[family], socket.SOCK_RAW, protocol) as asker:
            asker.settimeout(_WAIT)
            request = struct.pack("!BBH", ask, 0, 0) + identity
            if family is Family.IPV4:
                request = struct.pack("!BBH", ask, 0, checksum(request)) + identity
            try:
                asker.sendto(request, (self.address(destination, family, link), 0))
                while True:
                    heard = asker.recv(1500)[skip:]
                    if heard[0] == answer and heard[4:8] == identity:
                        return True
            except OSError:
                return False

    def forget_neighbours(self, link: str, family: Family) -> None:
        """Let both ends of a link forget each other's link addresses."""
        option = "-4" if family is Family.IPV4 else "-6"
        for place, name in ((BOX, link), (link, FAR)):
            self.places.ip(place, f"neigh flush dev {name}", family=option)

    def neighbours(self, source: str, destination: str, family: Family, link: str) -> bool:
        """Whether `source` finds the link address of `destination` after both have forgotten all neighbours."""
        self.forget_neighbours(link, family)
        option = "-4" if family is Family.IPV4 else "-6"
        address = self.address(destination, family, link)
        with self._open(source, family, socket.SOCK_DGRAM) as client:
            until = time.monotonic() + 2 * _WAIT
            while time.monotonic() < until:
                # Where a rule keeps the datagram in, the question about the neighbour never arises.
                with suppress(PermissionError):
                    client.sendto(b"who?", (address, 9))
                shown = self.places.must(source, ["ip", option, "neigh", "show", "to", address])
                if "lladdr" in shown and "FAILED" not in shown:
                    return True
                time.sleep(0.02)
        return False
