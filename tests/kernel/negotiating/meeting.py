"""Two parties that converse through the box: their sockets, and whether something reaches one of them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from rig import BOX, Live

from fwadvisor.model.address import Family

#: What has to arrive may need a second try, as when the first question about a neighbour is lost.
WAIT = 3.0
#: How long nothing must arrive; what passes takes a hundredth of that.
QUIET = 0.12
GRE = 47
_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


@dataclass
class Meeting:
    """The parties: who asks, who is asked, and a stranger beside the latter; a context manager."""

    live: Live
    family: Family
    #: The places of both.
    asking: str
    asked: str
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Meeting:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def address(self, place: str) -> str:
        """The address of a party towards the other one."""
        return self.live.address(place, self.family, self._link() if place == BOX else "")

    def _link(self) -> str:
        return self.asked if self.asking == BOX else self.asking

    @contextmanager
    def stranger(self) -> Iterator[str]:
        """Another address at the place of the asked party, which takes no part in the conversation."""
        own = self.address(self.asked)
        other = own.rpartition(".")[0] + ".77" if self.family is Family.IPV4 else own.rpartition("::")[0] + "::77"
        length = 24 if self.family is Family.IPV4 else 64
        option = " nodad" if self.family is Family.IPV6 else ""
        self.live.places.ip(self.asked, f"address add {other}/{length} dev far0{option}")
        try:
            yield other
        finally:
            self.live.places.ip(self.asked, f"address del {other}/{length} dev far0")

    # sockets

    def open(self, place: str, kind: int, port: int = 0, address: str = "", protocol: int = 0) -> socket.socket:
        """A socket at a place, bound to its address."""
        made = self._stack.enter_context(self.live.places.socket(place, _FAMILIES[self.family], kind, protocol))
        made.settimeout(WAIT)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address or self.address(place), port))
        return made

    def connection(self, port: int) -> tuple[socket.socket, socket.socket]:
        """The connection on which the parties converse: its end of the asking party, and of the asked."""
        listening = self.open(self.asked, socket.SOCK_STREAM, port)
        listening.listen()
        client = self.open(self.asking, socket.SOCK_STREAM)
        client.connect((self.address(self.asked), port))
        accepted, _ = listening.accept()
        listening.close()
        accepted.settimeout(WAIT)
        return client, self._stack.enter_context(accepted)

    # probes

    def tcp(self, source: str, target: str, port: int, *, sport: int = 0, address: str = "") -> bool:
        """Whether a connection can be made from a place (or another address of it) to a port of a party."""
        listening = self.open(target, socket.SOCK_STREAM, port)
        listening.listen()
        client = self.open(source, socket.SOCK_STREAM, sport, address)
        client.settimeout(QUIET)
        try:
            client.connect((self.address(target), port))
        except OSError:
            return False
        finally:
            listening.close()
            client.close()
        return True

    def udp(self, source: str, target: str, ports: tuple[int, int], *, address: str = "") -> bool:
        """Whether a datagram between two ports arrives."""
        with (
            self.open(target, socket.SOCK_DGRAM, ports[1]) as hearing,
            self._sender(source, ports[0], address) as sender,
        ):
            return self._heard(sender, hearing, target, ports[1], b"here")

    def _sender(self, source: str, port: int, address: str) -> socket.socket:
        return self.open(source, socket.SOCK_DGRAM, port, address)

    def _heard(self, sender: socket.socket, hearing: socket.socket, target: str, port: int, said: bytes) -> bool:
        hearing.settimeout(QUIET)
        try:
            sender.sendto(said, (self.address(target), port))
            return said in hearing.recv(2000)
        except OSError:
            return False

    def gre(self, source: str, target: str, call: int, *, address: str = "") -> bool:
        """Whether a packet of a PPTP tunnel arrives that names this call."""
        said = struct.pack("!HHHH", 0x2001, 0x880B, 4, call) + b"here"
        with (
            self.open(target, socket.SOCK_RAW, protocol=GRE) as hearing,
            self.open(source, socket.SOCK_RAW, address=address, protocol=GRE) as sender,
        ):
            return self._heard(sender, hearing, target, 0, said)
