"""What the kernel saw: nftables chains before and after all rules that report packets, and their reader.

Every hook has a chain before all rules and one after them. The last ones report a packet and then drop it. So
no probe is ever delivered, no stack answers it, nothing leaves the box, and connection tracking forgets it (a
connection is recorded only after the last chain): each probe is the first packet of a new flow, always. A packet
that was seen first and not last was taken by the rules between; that is a fact and no guess from silence.
Reports arrive numbered, so that a lost one is noticed.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook

from . import frames
from .places import Places, RigError

TABLE, CAREFUL_TABLE = "fwadvisor_rig", "fwadvisor_rig_prerouting"
_GROUP, _FIRST, _LAST = 7, -2147483648, 2147483000
_SNAP = 96

SENTINEL, ENTERED, ROUTED, PASSED = "s", "p", "q", "P"
_FIRST_AT = {"i": Hook.INPUT, "f": Hook.FORWARD, "o": Hook.OUTPUT}

_NETLINK_NETFILTER, _NFLOG_CONFIG, _NLM_F_REQUEST_ACK = 12, 4 << 8 | 1, 5

Number = tuple[Family, int]


def _chain(name: str, hook: str, priority: int, *rules: str) -> str:
    body = "\n".join(f"\t\t{rule}" for rule in rules)
    return f"\tchain {name} {{\n\t\ttype filter hook {hook} priority {priority}; policy accept;\n{body}\n\t}}\n"


def _log(point: str) -> str:
    return f'log prefix "{point}" group {_GROUP} snaplen {_SNAP}'


def table() -> str:
    """The witness table, to be loaded after the rules under test."""
    sentinel = f"ip protocol 253 ip saddr 0.0.0.0 ip ttl {frames.HOPS} {_log(SENTINEL)} drop"
    return (
        f"table inet {TABLE} {{\n"
        + _chain("sentinel", "prerouting", _FIRST, sentinel)
        + "".join(_chain(f"first_{hook}", hook, _FIRST, _log(point)) for point, hook in _FIRST_AT.items())
        + _chain("last_input", "input", _LAST, _log(PASSED), "drop")
        + _chain("last_postrouting", "postrouting", _LAST, _log(PASSED), "drop")
        + "}\n"
    )


def careful_table() -> str:
    """Besides: where a packet that reached no hook was lost."""
    return (
        f"table inet {CAREFUL_TABLE} {{\n"
        + _chain("entered", "prerouting", _FIRST + 1, _log(ENTERED))
        + _chain("routed", "prerouting", _LAST, _log(ROUTED))
        + "}\n"
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _subscribe() -> bytes:
    """The message that binds a socket to our log group: one report a message, numbered, headers only."""
    body = struct.pack("!BBH", 0, 0, _GROUP)
    body += _attribute(1, b"\x01")  # bind
    body += _attribute(2, struct.pack("!IBB", _SNAP, 2, 0))  # copy that many bytes of the packet
    body += _attribute(3, struct.pack("!I", 512))  # small buffers, so that many reports fit into the socket
    body += _attribute(5, struct.pack("!I", 1))  # pass each report on at once
    body += _attribute(6, struct.pack("!H", 1))  # number the reports
    return struct.pack("=IHHII", 16 + len(body), _NFLOG_CONFIG, _NLM_F_REQUEST_ACK, 1, 0) + body


@dataclass(slots=True)
class Sightings:
    """What was reported since the last sentinel."""

    #: The hook at which a probe came to the rules, and the numbers of the interfaces.
    first: dict[Number, tuple[Hook, int, int]] = field(default_factory=dict)
    passed: set[Number] = field(default_factory=set)
    entered: set[Number] = field(default_factory=set)
    routed: set[Number] = field(default_factory=set)
    #: The kind of refusal that was sent back, and whether the rules for sent packets let it out.
    refused: dict[Number, str] = field(default_factory=dict)
    refusal_left: set[Number] = field(default_factory=set)
    #: What is to be seen: the probes that were sent, by their `frames.print_of`.
    sent: dict[Number, bytes] = field(default_factory=dict)


class Witness:
    """Reads the reports of one namespace."""

    def __init__(self, places: Places, place: str) -> None:
        self._socket = places.socket(
            place,
            socket.AF_NETLINK,
            socket.SOCK_RAW,
            _NETLINK_NETFILTER,
            # An ordinary user gets what the system allows, which holds the reports of one burst.
            options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)],
            first=[_subscribe()],
        )
        self._socket.settimeout(2.0)
        self._sequence: int | None = None
        self.seen = Sightings()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def forget(self) -> Sightings:
        """Hand over what was seen, and start anew."""
        seen, self.seen = self.seen, Sightings()
        return seen

    def read_until_sentinel(self, number: int) -> None:
        """Take in reports up to the sentinel `number`.

        Raises:
            RigError: the sentinel did not come, or a report was lost.
        """
        receive, take = self._socket.recv, self._take
        try:
            while take(receive(65536)) != number:
                pass
        except OSError as problem:
            raise RigError(f"a sentinel packet was not reported: {problem}") from problem

    def _take(self, message: bytes) -> int | None:
        """Note one report; the number of the sentinel where it is one."""
        at, end = 20, len(message)
        point, payload, sequence, inside, outside = "", b"", -1, 0, 0
        while at + 4 <= end:
            length, kind = struct.unpack_from("=HH", message, at)
            if kind == 10:
                point = chr(message[at + 4])
            elif kind == 4:
                inside = int.from_bytes(message[at + 4 : at + 8])
            elif kind == 5:
                outside = int.from_bytes(message[at + 4 : at + 8])
            elif kind == 9:
                payload = message[at + 4 : at + length]
            elif kind == 12:
                sequence = int.from_bytes(message[at + 4 : at + 8])
            at += (length + 3) & ~3
        if not payload:
            return None
        if self._sequence is not None and sequence != (self._sequence + 1) & 0xFFFFFFFF:
            raise RigError(f"reports were lost: number {sequence} follows {self._sequence}")
        self._sequence = sequence
        if point == SENTINEL:
            return payload[4] << 8 | payload[5]
        self._note(point, payload, inside, outside)
        return None

    def _note(self, point: str, payload: bytes, inside: int, outside: int) -> None:
        number = frames.number_of(payload)
        if self.seen.sent.get(number) != frames.print_of(payload):
            self._note_answer(point, payload)
        elif point == PASSED:
            self.seen.passed.add(number)
        elif point in _FIRST_AT:
            self.seen.first[number] = (_FIRST_AT[point], inside, outside)
        elif point == ENTERED:
            self.seen.entered.add(number)
        elif point == ROUTED:
            self.seen.routed.add(number)

    def _note_answer(self, point: str, payload: bytes) -> None:
        refusal = frames.answered(payload)
        if refusal is None:
            return
        family, number, kind = refusal
        if point == "o":
            self.seen.refused[family, number] = kind
        elif point == PASSED:
            self.seen.refusal_left.add((family, number))
