"""Routers in network namespaces between one sender and one receiver, and what each packet through one costs.

Packets are handed to the kernel a thousand at a time, and everything that happens to one until the receiver throws it
away runs in the thread that sends: its processor time, by packets, is the cost, whatever else the machine does.
"""

from __future__ import annotations

import ctypes
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from traffic_jobs import Job

# The instrument of the kernel tests: namespaces that vanish with the process.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "kernel"))

from rig.connections import FLUSH
from rig.frames import checksum
from rig.places import NotPermittedError as NotPermittedError
from rig.places import Places as Places
from rig.places import RigError

SENDER, RECEIVER = "sender", "receiver"
#: What the packets are: of the last need, of needs drawn by lot, of none, and of connections that are known.
LAST, RANDOM, REFUSED, KNOWN = "last", "random", "refused", "established"
TRAFFIC = (LAST, RANDOM, REFUSED, KNOWN)
#: Each packet of a burst begins a connection of its own, except where connections are known: there are so many.
_CONNECTIONS = 64
FEWEST, MOST = 128, 8192
_AT_ONCE = 1024
_NEAR, _BEYOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
_TARGET = 198 << 24 | 18 << 16 | 1 << 8 | 2
_NETLINK_NETFILTER, _GET_LINK, _LINK_NAME, _STATISTICS = 12, 18, 3, 23
_FIRST_PORT = 2048
_PATIENCE = 2.0
_QUIET = {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}
_ROUTER = {**_QUIET, "ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"}
#: Each way of loading: the command, and the target whose text it takes.
WAYS = {
    "nftables": (("nft", "-f", "-"), "nftables"),
    "iptables-nft": (("iptables-nft-restore",), "iptables"),
    "iptables-legacy": (("iptables-legacy-restore",), "iptables"),
}


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


_libc = ctypes.CDLL(None, use_errno=True)


class Burst:
    """Frames that are sent together."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._content = ctypes.create_string_buffer(b"".join(frames))
        self._vectors = (_Vector * len(frames))()
        self._messages = (_Message * len(frames))()
        place = ctypes.addressof(self._content)
        for number, frame in enumerate(frames):
            self._vectors[number] = _Vector(place, len(frame))
            self._messages[number].vectors = ctypes.pointer(self._vectors[number])
            self._messages[number].count = 1
            place += len(frame)

    def send(self, way: socket.socket, count: int) -> int:
        """Send the first `count` frames; returns the nanoseconds of processor time that the kernel took.

        Raises:
            OSError: the kernel does not take one.
        """
        size, start, done = ctypes.sizeof(_Message), time.thread_time_ns(), 0
        while done < count:
            place = ctypes.byref(self._messages, done * size)
            sent = _libc.sendmmsg(way.fileno(), place, min(_AT_ONCE, count - done), 0)
            if sent <= 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            done += sent
        return time.thread_time_ns() - start


def _frame(source: int, target: int, ports: tuple[int, int], station: str) -> bytes:
    """A UDP datagram of 18 octets in the smallest Ethernet frame."""
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 46, 0, 0, 64, 17, 0, source, target)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    link = bytes.fromhex(station.replace(":", "")) + bytes.fromhex("020000000009") + b"\x08\0"
    return link + head + struct.pack("!HHHH", *ports, 26, 0) + bytes(18)


def bursts(job: Job) -> dict[str, Burst]:
    """The packets of each kind of traffic, the same for every router."""
    dice = random.Random(job.needs)
    last = job.needs - 1
    chosen = {
        LAST: [job.packet(last)] * MOST,
        RANDOM: [job.packet(dice.randrange(job.needs)) for _ in range(MOST)],
        REFUSED: [job.packet(last, wanted=False)] * MOST,
        KNOWN: [job.packet(last)] * MOST,
    }
    found = {}
    for kind, packets in chosen.items():
        every = _CONNECTIONS if kind == KNOWN else MOST
        found[kind] = Burst(
            [
                _frame(source, _TARGET, (_FIRST_PORT + number % every, port), _NEAR)
                for number, (source, port) in enumerate(packets)
            ]
        )
    return found


def answers(job: Job) -> Burst:
    """What makes the connections of known traffic answered ones."""
    source, port = job.packet(job.needs - 1)
    ports = range(_FIRST_PORT, _FIRST_PORT + _CONNECTIONS)
    return Burst([_frame(_TARGET, source, (port, number), _BEYOND) for number in ports])


class Router:
    """A namespace that forwards from the sender to the receiver by its own links."""

    def __init__(self, places: Places, name: str) -> None:
        self._places, self._name = places, name
        places.add(name)
        places.settings(name, _ROUTER)
        paths = places.paths
        places.ip(
            name,
            f"link add wan0 address {_NEAR} type veth peer name {name} netns {paths[SENDER]}",
            f"link add lan0 address {_BEYOND} type veth peer name {name} netns {paths[RECEIVER]}",
            "address add 198.18.0.1/24 dev wan0",
            "address add 198.18.1.1/24 dev lan0",
            "link set wan0 up",
            "link set lan0 up",
            # Nobody has this station: the other end counts the frame and throws it away.
            "neigh add 198.18.0.2 lladdr 02:00:00:00:00:08 dev wan0",
            "neigh add 198.18.1.2 lladdr 02:00:00:00:00:08 dev lan0",
            "route add default via 198.18.0.2",
        )
        for end in (SENDER, RECEIVER):
            places.ip(end, f"link set {name} up")
        self._ways = {end: self._wire(end) for end in (SENDER, RECEIVER)}
        self._counter = places.socket(RECEIVER, socket.AF_NETLINK, socket.SOCK_RAW)
        self._tracked = False

    def _wire(self, end: str) -> socket.socket:
        wire = self._places.socket(end, socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind((self._name, 0))
        return wire

    def load(self, way: str, text: str) -> float:
        """Load rules; returns the seconds that it took.

        Raises:
            RigError: the kernel does not take them.
        """
        start = time.perf_counter()
        self._places.must(self._name, WAYS[way][0], text)
        self._tracked = True
        return time.perf_counter() - start

    def forget(self) -> None:
        """Forget all connections."""
        if self._tracked:
            family = (socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
            self._places.socket(self._name, *family, first=[FLUSH]).close()

    def know(self, asked: Burst, answered: Burst) -> None:
        """Let connections begin, and be answered."""
        self.cost(asked, _CONNECTIONS, passes=True)
        answered.send(self._ways[RECEIVER], _CONNECTIONS)

    def cost(self, burst: Burst, count: int, *, passes: bool) -> float:
        """Nanoseconds for each of `count` packets.

        Raises:
            RigError: other packets arrive than should.
        """
        before = self._arrived()
        spent = burst.send(self._ways[SENDER], count)
        wanted = before + (count if passes else 0)
        until = time.monotonic() + _PATIENCE
        while (arrived := self._arrived()) != wanted:
            if time.monotonic() > until or arrived > wanted:
                raise RigError(f"{self._name}: {arrived - before} packets of {count} arrived, not {wanted - before}")
        return spent / count

    def _arrived(self) -> int:
        """The packets that came out of the receiver's end of the link, as the kernel counts them."""
        name = self._name.encode() + b"\0"
        attribute = struct.pack("=HH", 4 + len(name), _LINK_NAME) + name + bytes(-len(name) % 4)
        self._counter.send(struct.pack("=IHHII16x", 32 + len(attribute), _GET_LINK, 1, 1, 0) + attribute)
        answer, place = self._counter.recv(1 << 16), 32
        while place < len(answer):
            length, kind = struct.unpack_from("=HH", answer, place)
            if kind == _STATISTICS:
                return int(struct.unpack_from("=Q", answer, place + 4)[0])
            place += length + -length % 4
        raise RigError(f"{self._name}: the kernel does not count packets: {answer!r}")


def prepare(places: Places) -> None:
    """Make sender and receiver."""
    for end in (SENDER, RECEIVER):
        places.add(end)
        places.settings(end, _QUIET)


def load_again(places: Places, name: str, way: str, text: str) -> float:
    """Seconds to load a text into a namespace that has nothing else."""
    places.add(name)
    start = time.perf_counter()
    places.must(name, WAYS[way][0], text)
    return time.perf_counter() - start
