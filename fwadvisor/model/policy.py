"""Policies: what profiles ask for, resolved but not yet compiled against the port database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from fwadvisor.model.address import AddressSet
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Hook, IcmpType, Place, Verdict

#: The zone that is the machine itself, and the zone that is every address on every interface.
SELF, ANYONE = "self", "any"


class Kind(StrEnum):
    """Whether the machine only speaks for itself or forwards for others."""

    HOST = "host"
    GATEWAY = "gateway"


class StatementKind(StrEnum):
    """The three statements; never beats need beats forbid beats default."""

    NEED = "need"
    FORBID = "forbid"
    NEVER = "never"


class Strategy(StrEnum):
    """How the negotiated flows of an application get through."""

    AUTO = "auto"
    TRACKED = "tracked"
    PINNED = "pinned"
    TUNNELLED = "tunnelled"
    TRAVERSAL = "traversal"
    GATEKEEPER_ROUTED = "gatekeeper-routed"
    EVERYTHING = "everything"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Named addresses and interfaces; a packet must satisfy both where both are given.

    `addresses` None means any address, `interfaces` () any interface. `local` says that the addresses are
    this machine's own, so that the zone stands for a part of `self`.
    """

    name: str
    addresses: AddressSet | None = None
    interfaces: tuple[str, ...] = ()
    local: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFlow:
    """Traffic named by numbers: ``tcp 8443``. None and () mean any."""

    protocols: tuple[int, ...] = ()
    ports: Intervals | None = None
    source_ports: Intervals | None = None
    icmp: tuple[IcmpType, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """How negotiated flows are served. Ranges are None where the profile gives none."""

    strategy: Strategy = Strategy.AUTO
    tcp: Intervals | None = None
    udp: Intervals | None = None
    #: Calls at the same time; 0: not said, which counts as one where a size is needed.
    calls: int = 0
    streams: int = 4
    #: Whether calls share data (T.120), which takes a TCP connection of its own.
    data: bool = False
    #: Whether signalling hides its contents (TLS, H.235), so that nobody on the way can follow it.
    protected: bool = False
    preset: str = ""
    #: The zone of the traversal server, for `Strategy.TRAVERSAL`.
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One need, forbid or never of a profile.

    Exactly one of `application`, `flows` and `risk` says what it is about. With `application`, `roles`
    binds role names to zone names; with `flows` or `risk`, `sources` and `destinations` are zone names.
    Unbound roles and empty zone tuples of forbid and never mean anywhere.
    """

    kind: StatementKind
    profile: str
    place: Place
    application: str = ""
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    #: Optional flows of the application to take besides (YAML `flows`).
    optional: tuple[str, ...] = ()
    #: Names single flows of the application; () means those that its core, features and modes choose.
    only: tuple[str, ...] = ()
    flows: tuple[InlineFlow, ...] = ()
    #: never only: every port whose risk towards the internet is one of these severities.
    risk: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    media: Media | None = None
    verdict: Verdict | None = None
    log: bool = False
    title: str = ""
    reason: str = ""
    owner: str = ""
    ticket: str = ""
    expires: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultVerdict:
    """What a profile asks to become of packets that no statement speaks of."""

    hook: Hook
    verdict: Verdict
    log: bool
    profile: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUse:
    """A profile that took part, with the values of its parameters as text (for headers and notes)."""

    name: str
    title: str
    file: str
    parameters: tuple[tuple[str, str], ...] = ()
    #: The profile that included this one, or "" for one the user named.
    included_by: str = ""
    description: str = ""
    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A resolved set of profiles."""

    name: str
    kind: Kind
    profiles: tuple[ProfileUse, ...]
    #: Zone names are unique over the policy; `self` and `any` are not among them.
    zones: dict[str, Zone]
    statements: tuple[Statement, ...]
    #: Every default that a profile declares; the strictest of one hook wins.
    defaults: tuple[DefaultVerdict, ...] = ()
    #: At most this many log lines a minute for each logging rule; None: no limit.
    log_rate: int | None = 10
    #: Profiles may switch the DHCP client off for hosts with fixed addresses.
    dhcp_client: bool = True
