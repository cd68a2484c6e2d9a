"""The rig: load rules, send packets, tell the kernel's verdicts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet

from . import frames, witness
from .box import BOX, Routes, Senders, build, device, raw_address
from .connections import FLUSH, KNOWN, known, same_connection, tell
from .live import Live
from .places import NotPermittedError, Places, RigError

#: Probes between two sentinels: their reports have to fit into the witness's socket.
_BURST = 64
_ATTEMPTS, _ATTEMPTS_TO_DESTROY = 3, 200

_LEGACY_CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_EMPTY_TABLES = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT\n" for chain in chains) + "COMMIT\n"
    for table, chains in _LEGACY_CHAINS.items()
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a probe."""

    verdict: Verdict
    #: The kind of refusal that was sent back: "tcp-reset", "icmp 3/13".
    refusal: str = ""
    #: The rules for sent packets kept the refusal from leaving.
    silenced: bool = False


def _bursts(packets: Sequence[Packet], indexes: list[int]) -> Iterator[list[int]]:
    """Probes that can be sent together: those of known connections apart, and never two of one connection."""
    known = [i for i in indexes if packets[i].state in KNOWN]
    apart = set(known)
    free = [i for i in indexes if i not in apart]
    yield from (free[start : start + _BURST] for start in range(0, len(free), _BURST))
    burst: list[int] = []
    connections: set[object] = set()
    for i in known:
        connection = same_connection(packets[i])
        if connection in connections or len(burst) == _BURST:
            yield burst
            burst, connections = [], set()
        burst.append(i)
        connections.add(connection)
    if burst:
        yield burst


class Rig:
    """A box with links, and the instrument around it; a context manager.

    Raises:
        NotPermittedError: the system does not allow it; nothing is left behind.
    """

    def __init__(self, links: Sequence[str] = ("wan0", "lan0"), *, rootless: bool = False) -> None:
        self.links = tuple(links)
        self.places = Places(rootless=rootless)
        try:
            build(self.places, self.links)
            self._senders = Senders(self.places, self.links)
            self._routes = Routes(self.places, self.links)
            self._witness = witness.Witness(self.places, BOX)
        except OSError as problem:
            self.places.close()
            raise NotPermittedError(f"this kernel lacks something that the rig needs: {problem}") from problem
        except RigError:
            self.places.close()
            raise
        self._number = 0
        self._sentinel = 0
        self._watching = self._careful = self._exact = False
        self._used_legacy = self._used_sets = False

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take everything down."""
        self._witness.close()
        self._senders.close()
        self.places.close()

    # Rules

    def clear(self) -> None:
        """Remove all rules, the witness too."""
        self.places.must(BOX, ["nft", "flush", "ruleset"])
        self._watching = self._careful = False
        if self._used_legacy:
            self._used_legacy = False
            for command in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
                self.places.must(BOX, [command], _EMPTY_TABLES)
        if self._used_sets:
            self._used_sets = False
            self._destroy_sets()

    def _destroy_sets(self) -> None:
        """Remove the sets of ipset, which the kernel lets go of a moment after the rules that name them."""
        for _ in range(_ATTEMPTS_TO_DESTROY):
            self.places.must(BOX, ["ipset", "flush"])  # a list lets go of the sets in it
            done = self.places.run(BOX, ["ipset", "destroy"])
            if done.code == 0:
                return
            time.sleep(0.01)
        raise RigError(f"sets cannot be destroyed:\n{done.stderr}")

    def load_sets(self, text: str) -> None:
        """Load sets as `ipset save` writes them.

        Raises:
            RigError: they do not load.
        """
        self._used_sets = True
        self.places.must(BOX, ["ipset", "restore"], text)

    def load_nftables(self, text: str) -> None:
        """Load a file for `nft -f` in addition to what is loaded.

        Raises:
            RigError: it does not load.
        """
        self._watch_no_longer()
        self.places.must(BOX, ["nft", "-f", "-"], text)

    def load_iptables(self, v4: str = "", v6: str = "", variant: str = "nft") -> None:
        """Load files for iptables-restore and ip6tables-restore, of variant "nft" or "legacy".

        Raises:
            RigError: one does not load.
        """
        self._watch_no_longer()
        self._used_legacy = self._used_legacy or variant == "legacy"
        for command, text in (("iptables", v4), ("ip6tables", v6)):
            if text:
                self.places.must(BOX, [f"{command}-{variant}-restore"], text)

    @contextmanager
    def live(self) -> Iterator[Live]:
        """Ordinary traffic through the loaded rules: no witness, ordinary routing, no connection known."""
        self._watch_no_longer()
        self._routes.remove()
        live = Live(self.places, self.links)
        live.forget_connections()
        yield live
        live.forget_connections()

    # Probes

    def verdicts(self, packets: Sequence[Packet], *, exact: bool = False) -> list[Verdict]:
        """The kernel's verdict on each packet, as the first packet of a new flow."""
        return [outcome.verdict for outcome in self.outcomes(packets, exact=exact)]

    def outcomes(self, packets: Sequence[Packet], *, exact: bool = False) -> list[Outcome]:
        """What became of each packet, in the order given.

        A packet whose state is established or related belongs to a connection that is made known before. With
        `exact` every field is as the packet says, its types too (`rig.exact`); else every address is the box's own,
        or behind the link that the packet names.

        Raises:
            RigError: a packet never came to the rules, or by another way; that is no verdict.
        """
        self._watch(exact)
        found: dict[int, Outcome] = {}
        order = sorted(range(len(packets)), key=lambda i: self._target(packets[i]))
        processors = os.sched_getaffinity(0)
        # On one processor packets are seen in the order in which they were sent.
        os.sched_setaffinity(0, {min(processors)})
        try:
            for target, indexes in groupby(order, key=lambda i: self._target(packets[i])):
                if target:
                    self._routes.aim(target)
                self._find(packets, list(indexes), found)
        finally:
            os.sched_setaffinity(0, processors)
        return [found[i] for i in range(len(packets))]

    def _target(self, packet: Packet) -> str:
        """Where what comes in has to be routed to: a link, "lo" for the box itself, "" where it does not matter."""
        if packet.hook is Hook.FORWARD:
            return device(packet.out_interface)
        if packet.hook is Hook.OUTPUT:
            return ""
        return self.links[0] if self._exact else "lo"

    def _find(self, packets: Sequence[Packet], remaining: list[int], found: dict[int, Outcome]) -> None:
        """Send probes, again where one was lost, until each has its outcome."""
        for _ in range(_ATTEMPTS):
            remaining = self._round(packets, remaining, found)
            if not remaining:
                return
            self._watch_carefully()
        lost = frames.texts([packets[i] for i in remaining[:10]])
        raise RigError(f"{len(remaining)} packets never came to the rules:\n{lost}")

    def _watch(self, exact: bool) -> None:
        if not self._watching:
            self.places.must(BOX, ["nft", "-f", "-"], witness.table())
            self._watching = True
        self._exact = exact
        self._routes.install(exact)

    def _watch_carefully(self) -> None:
        if not self._careful:
            self.places.must(BOX, ["nft", "-f", "-"], witness.careful_table())
            self._careful = True

    def _watch_no_longer(self) -> None:
        for watching, table in ((self._watching, witness.TABLE), (self._careful, witness.CAREFUL_TABLE)):
            if watching:
                self.places.must(BOX, ["nft", "delete", "table", "inet", table])
        self._watching = self._careful = False

    def _round(self, packets: Sequence[Packet], indexes: list[int], found: dict[int, Outcome]) -> list[int]:
        """Send probes and note their outcomes; those about which nothing is known are returned."""
        missing: list[int] = []
        for burst in _bursts(packets, indexes):
            known_before = [packets[i] for i in burst if packets[i].state in KNOWN]
            if known_before:
                tell(self.places, [FLUSH, *known(known_before)])
            numbers = [self._send(packets[i]) for i in burst]
            self._sync()
            seen = self._witness.forget()
            for i, number in zip(burst, numbers, strict=True):
                outcome = self._judge(packets[i], (packets[i].family, number), seen)
                if outcome is None:
                    missing.append(i)
                else:
                    found[i] = outcome
            if known_before:
                tell(self.places, [FLUSH])
        return missing

    def _send(self, packet: Packet) -> int:
        self._number = number = self._number % frames.MAX_NUMBER + 1
        family, data = packet.family, frames.probe(packet, number)
        self._witness.seen.sent[family, number] = frames.print_of(data)
        if packet.hook is Hook.OUTPUT:
            name = device(packet.out_interface)
            address = raw_address(family, packet.destination, self._senders.index[name])
            try:
                self._senders.raw(family, name, packet.mark).sendto(data, address)
            except PermissionError:
                return number  # what sending reports when a rule, or the witness, drops the packet
            except OSError as problem:
                raise RigError(f"cannot be sent ({problem}):\n{frames.texts([packet])}") from problem
            return number
        name = device(packet.in_interface)
        group = packet.hook is Hook.INPUT and frames.is_multicast(family, packet.destination)
        if group and (family is Family.IPV4 or self._exact):
            self._senders.join(family, name, packet.destination)
        head = frames.ethernet(self._senders.station[name], family, packet.destination)
        self._senders.wire(name).send(head + data)
        return number

    def _sync(self) -> None:
        """Wait until everything sent before has been reported."""
        self._sentinel = self._sentinel % frames.MAX_NUMBER + 1
        link = self.links[0]
        head = frames.ethernet(self._senders.station[link], Family.IPV4, 0)
        self._senders.wire(link).send(head + frames.sentinel(self._sentinel))
        self._witness.read_until_sentinel(self._sentinel)

    def _judge(self, packet: Packet, number: witness.Number, seen: witness.Sightings) -> Outcome | None:
        """The outcome of a probe, or None where nothing proves that it came to the rules."""
        came = seen.first.get(number)
        if came is not None:
            self._check_way(packet, *came)
            if number in seen.passed:
                return Outcome(Verdict.ACCEPT)
        elif number in seen.routed:
            raise RigError(f"the stack took the packet before the rules of its hook:\n{frames.texts([packet])}")
        elif number not in seen.entered:
            return None
        refusal = seen.refused.get(number)
        if refusal is None:
            return Outcome(Verdict.DROP)
        return Outcome(Verdict.REJECT, refusal, silenced=number not in seen.refusal_left)

    def _check_way(self, packet: Packet, hook: Hook, inside: int, outside: int) -> None:
        """A probe has to come by the hook and the interfaces that it names."""
        index = self._senders.index
        wanted_in = index[device(packet.in_interface)] if packet.hook is not Hook.OUTPUT else 0
        wanted_out = index[device(packet.out_interface)] if packet.hook is not Hook.INPUT else 0
        if (hook, inside, outside) != (packet.hook, wanted_in, wanted_out):
            names = {number: name for name, number in index.items()}
            way = f"{hook} in={names.get(inside, '-')} out={names.get(outside, '-')}"
            raise RigError(f"came by {way} instead:\n{frames.texts([packet])}")
