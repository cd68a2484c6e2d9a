"""What the port database knows: ports, applications with their roles and flows, helpers, media presets.

Registry fact and actual use are kept apart: a `Port` is a use of a number, and its `registry` says how the
registry sees that number. A direction is never stored: a flow runs from a role to a role.

The classes are named tuples, built with keywords: as frozen dataclasses they cost every command ten times the
start-up time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from fwadvisor.model.interval import Intervals


class Transport(StrEnum):
    """What carries a flow; `IP` means an IP protocol of its own, whose number is in the port's match."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    DCCP = "dccp"
    IP = "ip"


#: IP protocol numbers of the transports that have ports (the IANA protocol-numbers registry).
PROTOCOL_NUMBERS: Mapping[Transport, int] = {
    Transport.TCP: 6,
    Transport.UDP: 17,
    Transport.SCTP: 132,
    Transport.DCCP: 33,
}


class Risk(StrEnum):
    """How bad it has been to expose a port, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Stance(StrEnum):
    """The advice for one direction: close, restrict to named peers or the local network, or allow."""

    CLOSE = "close"
    RESTRICT = "restrict"
    ALLOW = "allow"


class State(StrEnum):
    """Whether anybody still should be using it."""

    ACTIVE = "active"
    LEGACY = "legacy"
    OBSOLETE = "obsolete"


class RegistryState(StrEnum):
    """How IANA's registry sees the numbers of a port entry.

    `OTHER` means that the registry lists a different service there; `DYNAMIC` numbers are chosen at run time
    or lie in 49152-65535; `PROTOCOL` is an IP protocol number and no port.
    """

    ASSIGNED = "assigned"
    OTHER = "other-service"
    UNASSIGNED = "unassigned"
    DYNAMIC = "dynamic"
    PROTOCOL = "protocol-number"


class Listing(StrEnum):
    """Whether a lookup by number shows the entry: first, after others, or not at all (wide dynamic ranges)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    HIDDEN = "hidden"


class Status(NamedTuple):
    """Active, legacy or obsolete, with years where known."""

    state: State
    since: int | None = None
    ended: int | None = None
    note: str = ""


class Relation(NamedTuple):
    """A link to another port entry; `kind` is a word of the data's `relation` enum."""

    port: str
    kind: str
    note: str = ""


class Advisory(NamedTuple):
    """A published vulnerability; `via` says where its id was checked."""

    id: str
    via: str
    note: str = ""
    #: The first repaired version of each maintained line; () where none is known.
    fixed: tuple[str, ...] = ()


class Dynamic(NamedTuple):
    """Ports that are agreed at run time: which entries follow from this one, or where this one is agreed."""

    opens: tuple[str, ...] = ()
    negotiated_in: tuple[str, ...] = ()
    how_many: str = ""
    #: Ids of the connection-tracking helpers that can follow; () means none can.
    tracked_by: tuple[str, ...] = ()
    pin: str = ""
    note: str = ""


class Port(NamedTuple):
    """One use of a port number, of a range, or of an IP protocol number."""

    id: str
    title: str
    match: Mapping[Transport, Intervals]
    registry: RegistryState
    use: str
    opened_from: str
    opened_to: str
    status: Status
    risk_internet: Risk
    risk_lan: Risk
    risk_why: str
    stance_in: Stance
    stance_out: Stance
    registry_names: tuple[str, ...] = ()
    registry_note: str = ""
    #: The numbers that `registry_names` speaks of, where they are fewer than `match`.
    registry_only: Intervals | None = None
    listing: Listing = Listing.PRIMARY
    products: tuple[str, ...] = ()
    related: tuple[Relation, ...] = ()
    dynamic: Dynamic | None = None
    multicast_groups: tuple[str, ...] = ()
    multicast_scope: str = ""
    stance_why: str = ""
    #: Id of the connection-tracking helper that reads this protocol, or "".
    helper: str = ""
    #: Encrypted alternatives: port ids or prose; "self" says that this entry is encrypted already.
    secure: tuple[str, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    nmap_scripts: tuple[str, ...] = ()
    nmap_version_probe: bool = False
    nmap_note: str = ""
    #: Operating system -> process names that usually listen.
    processes: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    pitfalls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def negotiated(self) -> bool:
        """Whether the real number is only known at run time, so that `match` is far wider than the use."""
        return self.registry is RegistryState.DYNAMIC and self.dynamic is not None


class Flow(NamedTuple):
    """One kind of connection that an application makes, from a role to a role.

    `need` is ``core``, ``optional``, ``feature:a|b`` or ``mode:x``.
    """

    id: str
    port: str
    transport: Transport
    source_role: str
    destination_role: str
    phase: str
    need: str
    #: Id of the flow of the same application in which this one is agreed, or "".
    opened_by: str = ""
    #: "multicast": the question goes to a group, so its unicast answer is a new connection to a firewall.
    reply: str = ""
    if_denied: str = ""
    #: The part of the port entry's numbers that this flow uses; None: all of them.
    only: Intervals | None = None
    source_ports: Intervals | None = None
    #: The IP protocol number where `transport` is `IP`.
    ip_protocol: int | None = None
    #: The ports from and to which a question to a group is answered; None: from the flow's ports, to any high port.
    answer_from: Intervals | None = None
    answer_to: Intervals | None = None
    note: str = ""

    def protocols(self) -> tuple[int, ...]:
        """The IP protocol numbers that carry the flow."""
        if self.ip_protocol is not None:
            return (self.ip_protocol,)
        return (PROTOCOL_NUMBERS[self.transport],)

    @property
    def features(self) -> tuple[str, ...]:
        """The features of which any one calls for this flow."""
        return tuple(self.need[8:].split("|")) if self.need.startswith("feature:") else ()

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of which any one calls for this flow."""
        return tuple(self.need[5:].split("|")) if self.need.startswith("mode:") else ()

    def wanted(self, features: Collection[str] = (), modes: Collection[str] = (), extra: Collection[str] = ()) -> bool:
        """Whether someone with these features and modes, and these optional flow ids, needs the flow."""
        return (
            self.need == "core"
            or self.id in extra
            or any(feature in features for feature in self.features)
            or any(mode in modes for mode in self.modes)
        )


class Deny(NamedTuple):
    """What closing an application takes."""

    #: Flows to close first, also to close, and to close only at the internet edge because others share the port.
    flows: tuple[str, ...]
    also: tuple[str, ...] = ()
    edge_only: tuple[str, ...] = ()
    #: How well it works, in words.
    effective: str = ""
    caution: str = ""


class Application(NamedTuple):
    """A program or protocol: roles, and the flows between them."""

    id: str
    title: str
    aliases: tuple[str, ...]
    status: Status
    #: Role -> what it is, in words.
    roles: Mapping[str, str]
    features: tuple[str, ...]
    flows: tuple[Flow, ...]
    deny: Deny
    #: Ways to get negotiated flows through; the word "helper" means a connection-tracking helper.
    dynamic_strategy: tuple[str, ...] = ()
    #: Whether its negotiated ports can be limited to a fixed range.
    pinnable: bool = True
    #: Closing it can lock the administrator out.
    lockout: bool = False
    sources: tuple[str, ...] = ()

    def flow(self, id: str) -> Flow | None:
        """The flow of that id, or None."""
        return next((flow for flow in self.flows if flow.id == id), None)

    @property
    def modes(self) -> tuple[str, ...]:
        """Every mode that a flow of the application asks for, in order of appearance."""
        return tuple(dict.fromkeys(mode for flow in self.flows for mode in flow.modes))


class HelperType(NamedTuple):
    """The name by which a rule assigns a helper ("Q.931"), and the transport and port it reads."""

    type: str
    transport: Transport
    port: int


class HelperFacts(NamedTuple):
    """A Linux connection-tracking helper."""

    id: str
    module: str
    types: tuple[HelperType, ...]
    #: IP versions that it works for.
    families: tuple[int, ...]
    #: Every name that the master of a related connection can have; match all of them.
    related_names: tuple[str, ...]
    blind_when: str
    #: The NAT module, or "" where there is none.
    nat_module: str = ""
    #: Names that it attaches by itself and that no rule can assign ("H.245").
    internal: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    note: str = ""
    #: What it does not follow, as ends of "it does not follow ...".
    limits: tuple[str, ...] = ()
    #: IP versions in which it rewrites the addresses inside messages where they are translated.
    nat_families: tuple[int, ...] = ()
    #: Whether it opens only towards the host that signals.
    same_peer: bool = False
    #: Why it may be better left off, or what to use instead.
    advice: str = ""
    advisories: tuple[Advisory, ...] = ()
    #: Defects of single versions that have no advisory.
    defects: tuple[Defect, ...] = ()


class Defect(NamedTuple):
    """What is wrong in certain versions of the kernel."""

    versions: str
    note: str


class Ephemeral(NamedTuple):
    """The ports that a system hands to programs that ask for any."""

    system: str
    ports: Intervals
    #: How ports are kept out of it; ``{ports}``, ``{first}``, ``{count}`` and ``{transport}`` are filled in.
    reserve: str
    sources: tuple[str, ...] = ()


class MediaPreset(NamedTuple):
    """A pinned media range as a device or program ships it.

    Either `tcp`/`udp` name the whole range, or `tcp_start`/`udp_start` its first port, and the size follows from
    the number of calls.
    """

    id: str
    title: str
    tcp: Intervals | None = None
    udp: Intervals | None = None
    tcp_start: int | None = None
    udp_start: int | None = None
    #: What the setting is called on the device.
    setting: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()


class Source(NamedTuple):
    """Where a statement comes from."""

    title: str
    url: str = ""
