"""A call between two endpoints, step by step: every message really travels, and so does media.

The endpoints' sockets live in the places of the rig and are used from here, one after the other: what is sent has to
arrive within a moment, or the firewall has kept it.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from rig import BOX, Live

from fwadvisor.model.address import Family

from .messages import message

SIGNAL, RAS, DISCOVERY, T120 = 1720, 1719, 1718, 1503
DISCOVERY_GROUP = "224.0.1.41"
#: What has to arrive may need a second try, as when the first question about a neighbour is lost.
WAIT = 3.0
#: What is expected not to arrive is waited for briefly.
BRIEF = 0.5
#: How long nothing must arrive; what passes takes a hundredth of that.
QUIET = 0.15
_BETWEEN_SEGMENTS = 0.02
_ROLES = ("caller", "callee")
_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class RefusedError(Exception):
    """Something of the call did not arrive."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One party: where it is, the address it announces, and the ports it uses."""

    role: str
    place: str
    address: str
    h245: int
    rtp: int
    signal: int = SIGNAL
    ras: int = RAS
    t120: int = T120

    def slots(self) -> dict[str, str | int]:
        """What it announces, by the names in the messages."""
        return {
            f"{self.role}.address": self.address,
            f"{self.role}.signal.port": self.signal,
            f"{self.role}.h245.port": self.h245,
            f"{self.role}.rtp.port": self.rtp,
            f"{self.role}.rtcp.port": self.rtp + 1,
            f"{self.role}.ras.port": self.ras,
            f"{self.role}.t120.port": self.t120,
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """Something that must not arrive, and where it would."""

    said: str
    hearing: socket.socket


@dataclass
class Call:
    """A call in the making; a context manager that closes everything."""

    live: Live
    family: Family
    caller: Endpoint
    callee: Endpoint
    #: What each party has read of the other: role of the reader -> slot -> value.
    heard: dict[str, dict[str, str | int]] = field(default_factory=lambda: {"caller": {}, "callee": {}})
    #: Values of slots that belong to neither party.
    slots: dict[str, str | int] = field(default_factory=dict)
    #: Values of slots in the acknowledgement of channels: where media goes, if not to the party itself.
    slots_of_media: dict[str, str | int] = field(default_factory=dict)
    #: Where the caller calls, if not at the callee's own address and port.
    called: tuple[str, int] | None = None
    #: Octets of each message after which the sender begins another TCP segment; 0 sends messages whole.
    split: int = 0
    #: The first packet of each flow that passed, a sentence each: ``tcp caller:* -> callee:1720``.
    record: list[str] = field(default_factory=list)
    #: How long the connection of call signalling is waited for, and everything after it.
    patience: float = WAIT
    later_patience: float = WAIT
    #: Checks that were made, by their outcome.
    passed: int = 0
    kept: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _signal: dict[str, socket.socket] = field(default_factory=dict)
    _control: dict[str, socket.socket] = field(default_factory=dict)
    _media: dict[tuple[str, int], socket.socket] = field(default_factory=dict)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # Sockets

    def _open(self, place: str, kind: int) -> socket.socket:
        made = self._stack.enter_context(self.live.places.socket(place, _FAMILIES[self.family], kind))
        made.settimeout(self.later_patience if self._signal else self.patience)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return made

    def connect(
        self, source: Endpoint, target: tuple[str, int], owner: Endpoint, port: int
    ) -> tuple[socket.socket, socket.socket]:
        """A TCP connection from `source` to `target`, where `owner` listens on `port`.

        Raises:
            RefusedError: it cannot be made.
        """
        listening = self._open(owner.place, socket.SOCK_STREAM)
        listening.bind((owner.address, port))
        listening.listen()
        asking = self._open(source.place, socket.SOCK_STREAM)
        asking.bind((source.address, 0))
        try:
            asking.connect(target)
            accepted, _ = listening.accept()
        except OSError as problem:
            raise RefusedError(f"TCP {source.role} -> {owner.role} port {port}: {problem}") from None
        finally:
            listening.close()
        accepted.settimeout(WAIT)
        return asking, self._stack.enter_context(accepted)

    def _note(self, protocol: str, role: str, source: int, target: int, master: str = "") -> None:
        """Remember a flow, but not what goes back in it; `master` is what read of it, if it was agreed."""
        there, back = (
            f"{protocol} {one}:{a or '*'} -> {other}:{b or '*'}"
            for one, other, a, b in (
                (role, self._other(role), source, target),
                (self._other(role), role, target, source),
            )
        )
        known = {line.partition(", ")[0] for line in self.record}
        if known.isdisjoint((there, back)):
            self.record.append(there + (f", agreed in {master}" if master else ""))

    def _party(self, role: str) -> Endpoint:
        return self.caller if role == "caller" else self.callee

    def _other(self, role: str) -> str:
        return "callee" if role == "caller" else "caller"

    # Messages

    def say(self, name: str, role: str, wires: Mapping[str, socket.socket]) -> None:
        """Send a message from one party to the other, and read it there.

        Raises:
            RefusedError: it does not arrive, or not as this message.
        """
        values = {**self.slots, **self.caller.slots(), **self.callee.slots()}
        if name.startswith("setup"):
            # The caller calls the address that it knows, not the one that the callee has behind a translation.
            values["callee.address"] = self._called()[0]
        if name.startswith("acknowledge"):
            values |= self.slots_of_media
        form = message(name, self.family)
        octets = form.fill(values)
        if self.split:
            wires[role].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wires[role].sendall(octets[: self.split])
            time.sleep(_BETWEEN_SEGMENTS)
        wires[role].sendall(octets[self.split :])
        got = b""
        try:
            while len(got) < len(octets):
                piece = wires[self._other(role)].recv(len(octets) - len(got))
                if not piece:
                    break
                got += piece
        except OSError as problem:
            raise RefusedError(f"{name} of the {role}: {problem}") from None
        self.heard[self._other(role)] |= form.read(got)
        self.passed += 1

    def _called(self) -> tuple[str, int]:
        return self.called or (self.callee.address, self.callee.signal)

    def join(self, role: str, group: str, port: int) -> None:
        """Make a party hear what is sent to an IPv4 group."""
        hearing = self._open(self._party(role).place, socket.SOCK_DGRAM)
        hearing.bind(("", port))
        joined = socket.inet_aton(group) + socket.inet_aton(self._party(role).address)
        hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        self._media[role, port] = hearing

    def datagram_message(self, name: str, role: str, target: tuple[str, int], ports: tuple[int, int]) -> None:
        """A message of RAS between two ports, and what the other party reads in it.

        Raises:
            RefusedError: it does not arrive.
        """
        form = message(name, self.family)
        octets = form.fill({**self.slots, **self.caller.slots(), **self.callee.slots()})
        hearing = self._bound(self._other(role), ports[1])
        try:
            self._bound(role, ports[0]).sendto(octets, target)
            got = hearing.recv(2000)
        except OSError as problem:
            raise RefusedError(f"{name} of the {role}: {problem}") from None
        self.heard[self._other(role)] |= form.read(got)
        self.passed += 1
        self._note("udp", role, *ports)

    def signal(self, *steps: tuple[str, str]) -> None:
        """Messages of call signalling, each with the role of its sender; the connection is made first."""
        if not self._signal:
            self._signal["caller"], self._signal["callee"] = self.connect(
                self.caller, self._called(), self.callee, self.callee.signal
            )
            self._note("tcp", "caller", 0, self.callee.signal)
        for name, role in steps:
            self.say(name, role, self._signal)

    def control(self, *steps: tuple[str, str]) -> None:
        """Messages of H.245; the caller connects to where the callee said that it waits."""
        if not self._control:
            target = self._heard("caller", "callee", "h245")
            self._control["caller"], self._control["callee"] = self.connect(
                self.caller, target, self.callee, self.callee.h245
            )
            self.passed += 1
            self._note("tcp", "caller", 0, self.callee.h245, "Q.931")
        for name, role in steps:
            self.say(name, role, self._control)

    def _heard(self, reader: str, owner: str, what: str) -> tuple[str, int]:
        heard = self.heard[reader]
        address, port = heard[f"{owner}.address"], heard[f"{owner}.{what}.port"]
        assert isinstance(address, str)
        assert isinstance(port, int)
        return address, port

    # Media

    def _bound(self, role: str, port: int) -> socket.socket:
        if (role, port) not in self._media:
            made = self._open(self._party(role).place, socket.SOCK_DGRAM)
            made.bind((self._party(role).address, port))
            self._media[role, port] = made
        return self._media[role, port]

    def media(self, role: str, what: str) -> bool:
        """Whether a datagram of `role` arrives where the other party said that it hears ``rtp`` or ``rtcp``."""
        offset = what == "rtcp"
        target = self._heard(role, self._other(role), what)
        source, port = self._party(role).rtp + offset, self._party(self._other(role)).rtp + offset
        passes = self.datagram(role, source, target, port)
        if passes:
            self._note("udp", role, source, port, "H.245" if self._control else "Q.931")
        return passes

    def reaches(self, role: str, what: str, address: str) -> bool:
        """Whether a datagram of `role` leaves the box towards an address that nobody has, as media would."""
        port = self._heard(role, self._other(role), what)[1]
        link = self._party(self._other(role)).place
        # Nobody answers the question who has the address.
        self.live.places.ip(BOX, f"neigh replace {address} lladdr 02:00:00:00:00:07 dev {link} nud permanent")
        with self.live.places.socket(self._party(self._other(role)).place, socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind(("far0", 0x0003))
            wire.settimeout(QUIET)
            self._bound(role, self._party(role).rtp).sendto(b"is this open?", (address, port))
            try:
                while b"is this open?" not in wire.recv(2000):
                    continue
            except OSError:
                return False
            return True

    def datagram(self, role: str, source_port: int, target: tuple[str, int], port: int) -> bool:
        """Whether a datagram arrives at `port` of the other party."""
        hearing = self._bound(self._other(role), port)
        sending = self._bound(role, source_port)
        words = f"{role} {source_port} {target}".encode()
        try:
            sending.sendto(words, target)
            while hearing.recv(200) != words:
                continue
        except OSError:
            return False
        return True

    def stream(self, role: str, what: str) -> bool:
        """Whether `role` can make a TCP connection to where the other party said that it listens."""
        other = self._party(self._other(role))
        target = self._heard(role, other.role, what)
        try:
            self.connect(self._party(role), target, other, int(other.slots()[f"{other.role}.{what}.port"]))
        except RefusedError:
            return False
        self._note("tcp", role, 0, int(other.slots()[f"{other.role}.{what}.port"]), "H.245")
        self.passed += 1
        return True

    # The parts of a call

    def set_up(self) -> None:
        """Slow start: signalling, then H.245 on a connection of its own, and a channel each way."""
        self.signal(("setup", "caller"), ("call-proceeding", "callee"), ("alerting", "callee"), ("connect", "callee"))
        self.negotiate()

    def negotiate(self) -> None:
        """H.245 on its own connection."""
        self.control(
            ("capabilities", "caller"),
            ("capabilities-ack", "callee"),
            ("capabilities", "callee"),
            ("capabilities-ack", "caller"),
            ("determination", "caller"),
            ("determination-ack", "callee"),
            ("open-caller", "caller"),
            ("acknowledge-callee", "callee"),
            ("open-callee", "callee"),
            ("acknowledge-caller", "caller"),
        )

    def talk(self) -> list[str]:
        """What of media does not pass, in both directions; [] is a call with sound."""
        silent = [f"{what} of the {role}" for role in _ROLES for what in ("rtp", "rtcp") if not self.media(role, what)]
        self.passed += 4 - len(silent)
        return silent

    def others(self) -> list[str]:
        """What passes although nobody negotiated it; [] is a firewall that opens no more than the call."""
        asked: list[_Asked] = []
        with ExitStack() as stack:
            for role in _ROLES:
                owner = self._party(self._other(role))
                address = self.heard[role].get(f"{owner.role}.address", owner.address)
                assert isinstance(address, str)
                for port in (owner.rtp + 2, owner.rtp + 3, owner.rtp - 2, owner.h245 + 1, 33434):
                    asked.append(self._lone_datagram(stack, role, (address, port)))
                for port in (owner.h245 + 1, owner.rtp, 8080):
                    asked.append(self._lone_connection(stack, role, (address, port)))
            heard, _, _ = select.select([each.hearing for each in asked], [], [], QUIET)
        passes = [each.said for each in asked if each.hearing in heard]
        self.kept += len(asked) - len(passes)
        return passes

    def _lone_datagram(self, stack: ExitStack, role: str, target: tuple[str, int]) -> _Asked:
        """A datagram to a port where the other party hears."""
        hearing = self._listening(stack, self._party(self._other(role)), target[1], socket.SOCK_DGRAM)
        sending = self._bound(role, self._party(role).rtp)
        # What a rule for sent packets keeps is an error here.
        with suppress(PermissionError):
            sending.sendto(b"is this open?", target)
        return _Asked(f"UDP of the {role} to port {target[1]}", hearing)

    def _lone_connection(self, stack: ExitStack, role: str, target: tuple[str, int]) -> _Asked:
        """The begin of a connection to a port where the other party listens."""
        hearing = self._listening(stack, self._party(self._other(role)), target[1], socket.SOCK_STREAM)
        asking = stack.enter_context(
            self.live.places.socket(self._party(role).place, _FAMILIES[self.family], socket.SOCK_STREAM)
        )
        asking.setblocking(False)
        asking.connect_ex(target)
        return _Asked(f"TCP of the {role} to port {target[1]}", hearing)

    def _listening(self, stack: ExitStack, owner: Endpoint, port: int, kind: int) -> socket.socket:
        made = stack.enter_context(self.live.places.socket(owner.place, _FAMILIES[self.family], kind))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((owner.address, port))
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    def hang_up(self) -> None:
        """End the call and close its connections."""
        if self._control:
            self.control(("end-session", "caller"), ("end-session", "callee"))
        self.signal(("release-complete", "caller"))
        self._stack.close()
        self._signal.clear()
        self._control.clear()
        self._media.clear()
