"""Rulesets: what a firewall does with a packet, in no dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import Intervals

TCP, UDP, ICMP, ICMPV6, SCTP, DCCP = 6, 17, 1, 58, 132, 33
#: Protocols whose header carries a source and a destination port.
PORT_PROTOCOLS = frozenset({TCP, UDP, SCTP, DCCP})
#: Names of IP protocols as the IANA protocol-numbers registry spells them, lower case.
PROTOCOL_NAMES = {
    ICMP: "icmp", 2: "igmp", TCP: "tcp", UDP: "udp", DCCP: "dccp", 41: "ipv6", 47: "gre",
    50: "esp", 51: "ah", ICMPV6: "icmpv6", 89: "ospf", 103: "pim", 112: "vrrp", SCTP: "sctp", 136: "udplite",
}  # fmt: skip

_V4, _V6 = FAMILIES
_FAMILIES: dict[tuple[bool, bool], tuple[Family, ...]] = {
    (True, True): FAMILIES,
    (True, False): (Family.IPV4,),
    (False, True): (Family.IPV6,),
    (False, False): (),
}

#: Stands in an interface list for the loopback interface, whatever a system calls it.
LOOPBACK = "<loopback>"


def protocol_name(number: int) -> str:
    """The name of an IP protocol, or its number as text."""
    return PROTOCOL_NAMES.get(number, str(number))


class Hook(StrEnum):
    """Where a packet is seen: for the machine, from it, or through it."""

    INPUT = "input"
    OUTPUT = "output"
    FORWARD = "forward"


class Verdict(StrEnum):
    """What becomes of a packet. `REJECT` tells the sender, `DROP` does not."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"


class State(StrEnum):
    """Connection-tracking states, in netfilter's words."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


class OriginKind(StrEnum):
    """What made a rule: the always-right baseline, or a statement of a profile."""

    BASELINE = "baseline"
    NEED = "need"
    FORBID = "forbid"
    NEVER = "never"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Why a rule exists: the trail from profile line to rule."""

    kind: OriginKind
    #: One line for people: "h323-endpoint call-setup: peers -> self".
    text: str
    profile: str = ""
    place: Place | None = None
    application: str = ""
    flow: str = ""
    reason: str = ""
    ticket: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True, order=True)
class IcmpType:
    """An ICMP or ICMPv6 type; `code` None means any code."""

    type: int
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """Log the packet under a prefix, at most `rate` lines a minute (None: no limit).

    The prefix ends in ": " unless it is somebody's own, which programs look for (`as_given`).
    """

    prefix: str
    rate: int | None = 10
    as_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The packets that a rule speaks of: all fields must hold. None and () mean any.

    `source_ports` and `destination_ports` need protocols that have ports; `icmp` needs protocols
    (1,) or (58,). `helpers` names connection-tracking helpers of the master connection and only
    narrows state related.

    Raises:
        ValueError: fields that cannot stand together.
    """

    family: Family | None = None
    protocols: tuple[int, ...] = ()
    source: AddressSet | None = None
    destination: AddressSet | None = None
    source_ports: Intervals | None = None
    destination_ports: Intervals | None = None
    icmp: tuple[IcmpType, ...] = ()
    in_interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    helpers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source_ports is not None or self.destination_ports is not None:
            if not self.protocols or not PORT_PROTOCOLS.issuperset(self.protocols):
                raise ValueError("ports need protocols that have ports")
            if self.source_ports == () or self.destination_ports == ():
                raise ValueError("a set of ports cannot be empty")
        if self.icmp and self.protocols not in {(ICMP,), (ICMPV6,)}:
            raise ValueError("ICMP types need protocol icmp or icmpv6 alone")
        if self.helpers and self.states != (State.RELATED,):
            raise ValueError("helpers narrow state related")
        if not self.families():
            raise ValueError("no address family satisfies every field")

    def families(self) -> tuple[Family, ...]:
        """The IP versions in which a packet can match: (), one or both."""
        family, source, destination, protocols = self.family, self.source, self.destination, self.protocols
        v4 = (
            family is not _V6
            and (source is None or source.v4 != ())
            and (destination is None or destination.v4 != ())
            and protocols != (ICMPV6,)
        )
        v6 = (
            family is not _V4
            and (source is None or source.v6 != ())
            and (destination is None or destination.v6 != ())
            and protocols != (ICMP,)
        )
        return _FAMILIES[v4, v6]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a chain: the first rule that matches decides."""

    match: Match
    verdict: Verdict
    origin: Origin
    log: Log | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The rules of one hook in order of evaluation, and what happens where none matches."""

    hook: Hook
    rules: tuple[Rule, ...]
    default: Verdict
    default_log: Log | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperAssignment:
    """Attach a connection-tracking helper to the connections that match.

    `helper` is the kernel's name ("Q.931", "RAS", "ftp"). The match holds one protocol and one set of
    destination ports, and belongs to `hook`.
    """

    helper: str
    hook: Hook
    match: Match
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """A whole firewall: a chain for each hook (forward too), and helper assignments.

    Rules whose states leave out NEW state what a stateful firewall does with packets of known connections, or with
    those that it does not track; a dialect that has no such states writes nothing for them.
    """

    name: str
    chains: tuple[Chain, ...]
    helpers: tuple[HelperAssignment, ...] = field(default=())

    def chain(self, hook: Hook) -> Chain:
        """The chain of `hook`.

        Raises:
            KeyError: the ruleset has none.
        """
        for chain in self.chains:
            if chain.hook is hook:
                return chain
        raise KeyError(hook)
