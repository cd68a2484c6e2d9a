"""Firewalls as rule files state them: chains of rules with jumps, marks and conditions, in no dialect.

A `Ruleset` is what we write: one flat list of rules for each hook. A `Firewall` is what somebody's files say:
base chains in the order in which the machine asks them, chains of their own, packets that are marked on the way,
and parts that cannot be computed. `fwadvisor.model.evaluate` defines what a firewall does with one packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

from fwadvisor.diagnostic import Diagnostic, Span
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Hook, State, Verdict


class Field(StrEnum):
    """What a test can ask of a packet."""

    #: Index in `STATES`.
    STATE = "state"
    #: Name of the connection-tracking helper of the master connection, "" where there is none.
    HELPER = "helper"
    #: Windows network profile: index in `PROFILES`.
    PROFILE = "profile"
    PROTOCOL = "protocol"
    #: Names; "" on a hook that has none, `fwadvisor.model.rule.LOOPBACK` for the loopback interface.
    IN_INTERFACE = "in-interface"
    OUT_INTERFACE = "out-interface"
    #: An `AddressType`.
    SOURCE_TYPE = "source-type"
    DESTINATION_TYPE = "destination-type"
    SOURCE = "source"
    DESTINATION = "destination"
    #: 0 where the protocol has no ports.
    SOURCE_PORT = "source-port"
    DESTINATION_PORT = "destination-port"
    #: type x 256 + code; 0 where the protocol is not ICMP (IPv4) or ICMPv6 (IPv6).
    ICMP = "icmp"
    #: The flags byte of RFC 9293: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128; 0 where not TCP.
    TCP_FLAGS = "tcp-flags"
    #: Length of the IP packet in bytes.
    LENGTH = "length"
    DSCP = "dscp"
    #: IPv4 time to live, IPv6 hop limit.
    TTL = "ttl"
    #: The packet's and the connection's mark; they and the tag can be written by rules.
    MARK = "mark"
    CONNECTION_MARK = "connection-mark"
    #: pf's tag, "" where there is none.
    TAG = "tag"
    #: Never tested, only written: what the firewall does besides the verdict.
    ASSIGNED_HELPER = "assigned-helper"
    TRANSLATION = "translation"
    LOG = "log"
    #: The rule that decides, where `fwadvisor.packets.deciders` asks for it; no reader writes it.
    DECIDER = "decider"


#: Fields that hold names; all others hold integers.
NAME_FIELDS = frozenset(
    {
        Field.HELPER, Field.IN_INTERFACE, Field.OUT_INTERFACE, Field.TAG,
        Field.ASSIGNED_HELPER, Field.TRANSLATION, Field.LOG, Field.DECIDER,
    }
)  # fmt: skip
#: Fields that no test asks for.
EFFECTS = frozenset({Field.ASSIGNED_HELPER, Field.TRANSLATION, Field.LOG, Field.DECIDER})
#: The largest value of each integer field; addresses are the largest of their family.
LARGEST = {
    Field.STATE: 4, Field.PROFILE: 2, Field.PROTOCOL: 255, Field.SOURCE_TYPE: 3, Field.DESTINATION_TYPE: 3,
    Field.SOURCE_PORT: 65535, Field.DESTINATION_PORT: 65535, Field.ICMP: 65535, Field.TCP_FLAGS: 255,
    Field.LENGTH: 65535, Field.DSCP: 63, Field.TTL: 255, Field.MARK: 2**32 - 1, Field.CONNECTION_MARK: 2**32 - 1,
}  # fmt: skip
#: The value of a STATE test is the place in this tuple.
STATES = (State.NEW, State.ESTABLISHED, State.RELATED, State.INVALID, State.UNTRACKED)
#: Windows network profiles, in the order of the bits of a rule's profile mask (MS-FASP 2.2.2).
PROFILES = ("domain", "private", "public")


class AddressType(IntEnum):
    """What an address is to this machine (netfilter's addrtype; pf's self)."""

    #: An address of this machine.
    LOCAL = 0
    #: A host elsewhere.
    UNICAST = 1
    BROADCAST = 2
    MULTICAST = 3


@dataclass(frozen=True, slots=True)
class Names:
    """A set of names, which may be infinite: the listed ones and those with a listed prefix, or all others."""

    names: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    inverted: bool = False

    def __contains__(self, name: str) -> bool:
        return (name in self.names or any(name.startswith(each) for each in self.prefixes)) is not self.inverted


@dataclass(frozen=True, slots=True)
class Condition:
    """Something about a packet or the world that is no part of the packet space: a rate limit, a user, a time.

    Two conditions of one name are the same. `understood` is False where the reader does not know what the
    text means or what a set holds; every answer that depends on such a condition is "unknown".
    """

    name: str
    understood: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class IntegerTest:
    """Holds where the field's value is one of `values`; () never holds."""

    field: Field
    values: Intervals


@dataclass(frozen=True, slots=True)
class AddressTest:
    """Holds where SOURCE or DESTINATION is one of the addresses of the packet's family; () never holds there."""

    field: Field
    v4: Intervals
    v6: Intervals

    def of(self, family: Family) -> Intervals:
        """The addresses of one family."""
        return self.v4 if family is Family.IPV4 else self.v6


@dataclass(frozen=True, slots=True)
class NameTest:
    """Holds where the field's name is one of `names`."""

    field: Field
    names: Names


@dataclass(frozen=True, slots=True)
class FamilyTest:
    """Holds for packets of one IP version."""

    family: Family


@dataclass(frozen=True, slots=True)
class ConditionTest:
    """Holds where the condition does, or where `holds` is False, where it does not."""

    condition: Condition
    holds: bool = True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where all tests of at least one alternative hold; where `holds` is False, where they do for none."""

    alternatives: tuple[tuple[Test, ...], ...]
    holds: bool = True


Test: TypeAlias = IntegerTest | AddressTest | NameTest | FamilyTest | ConditionTest | AnyOf


@dataclass(frozen=True, slots=True)
class Decide:
    """Give a verdict: ACCEPT ends the base chain (the next one is asked), DROP and REJECT end everything.

    Where `stands` is True (pf without ``quick``), the verdict stands until a later rule of the same walk gives
    another, and counts when the base chain ends. What the rule writes to `EFFECTS` stands with its verdict and
    comes of it only where that counts; all else is written at once.
    """

    verdict: Verdict
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on in another chain, and come back where it ends without a verdict.

    With `goto`, what follows in this chain is not asked: where the other chain ends, the chain that jumped here
    goes on. With `decisive` (a quick pf anchor), a verdict that was left standing inside decides on return.
    """

    chain: str
    goto: bool = False
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the chain as if it had ended; in a base chain its default decides."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with the next rule: the rule only writes, logs or counts."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What happens to the packet is not known, nor what later rules would see of it."""

    reason: str


Action: TypeAlias = Decide | Jump | Return | Continue | Unknown


@dataclass(frozen=True, slots=True)
class Write:
    """Set a field of the packet: an integer becomes ``(old & ~mask) ^ value``, or `value` where `mask` is None."""

    field: Field
    value: int | str
    mask: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """One rule: where all tests hold, the writes are made and the action is taken."""

    tests: tuple[Test, ...]
    action: Action
    #: Where it stands.
    span: Span
    #: The rule as people would quote it, on one line.
    text: str
    writes: tuple[Write, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class FirewallChain:
    """Rules in order of evaluation under a name that no other chain of the firewall has."""

    name: str
    rules: tuple[FirewallRule, ...]
    span: Span | None = None


class Point(StrEnum):
    """Where a base chain is asked. pf's ``in`` is PREROUTING, its ``out`` POSTROUTING."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


#: The points that packets of a hook pass, in order.
PASSED = {
    Hook.INPUT: (Point.PREROUTING, Point.INPUT),
    Hook.FORWARD: (Point.PREROUTING, Point.FORWARD, Point.POSTROUTING),
    Hook.OUTPUT: (Point.OUTPUT, Point.POSTROUTING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseChain:
    """A chain that the machine itself asks.

    Chains of one point are asked in order of priority, equal ones in the order of `Firewall.bases`.
    """

    point: Point
    #: The name of the `FirewallChain`.
    chain: str
    #: What happens where the chain ends without a verdict.
    default: Verdict
    priority: int = 0
    families: tuple[Family, ...] = FAMILIES
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that was read but not understood, its place, and why."""

    span: Span
    reason: str


@dataclass(frozen=True, slots=True)
class Declared:
    """Something that a file gives a name besides chains: a set, a table, a macro."""

    name: str
    #: What its dialect calls it: ``set``, ``table``, ``macro``.
    kind: str
    span: Span
    #: Whether anything in the files asks for it.
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """What a set of rule files says, and of which packets it speaks.

    `hooks`, `families` and `states` bound what the files speak of; the rest is none of their business (IPv6 in a
    file of iptables, forwarding and untracked packets on Windows). Packets whose state is in `implicit` pass
    without being asked. Jumps form no cycle.
    """

    #: What people call it: the names of its files.
    name: str
    dialect: str
    chains: dict[str, FirewallChain]
    bases: tuple[BaseChain, ...]
    hooks: frozenset[Hook] = frozenset(Hook)
    families: tuple[Family, ...] = FAMILIES
    states: frozenset[State] = frozenset(State)
    implicit: frozenset[State] = frozenset()
    #: Whether only a TCP packet that opens a connection is asked about as new (pf's ``flags S/SA``, Windows).
    opening_only: bool = False
    #: Whether it filters packets on the loopback interface.
    loopback: bool = True
    #: Whether it tells multicast that is routed on from multicast for the machine itself (pf's rules do not).
    routed_groups: bool = True
    #: Whether it can speak of ICMP inside IPv6 and of ICMPv6 inside IPv4, which nobody sends (Windows cannot).
    crossed_icmp: bool = True
    opaque: tuple[Opaque, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    #: What the files name, as far as the reader of the dialect tells.
    declared: tuple[Declared, ...] = ()

    def asked(self, hook: Hook, family: Family) -> tuple[BaseChain, ...]:
        """The base chains that see a packet of this hook and family, in order."""
        return tuple(
            base
            for point in PASSED[hook]
            for base in sorted((b for b in self.bases if b.point is point), key=lambda b: b.priority)
            if family in base.families
        )

    def rules(self) -> Iterator[FirewallRule]:
        """Every rule, chain by chain."""
        for chain in self.chains.values():
            yield from chain.rules
