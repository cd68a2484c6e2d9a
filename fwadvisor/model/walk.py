"""The plain meaning of a ruleset: walk a chain from the top until a rule matches one packet.

This is the definition that everything faster is held against.
"""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.model.address import Family
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import ICMP, ICMPV6, Hook, Match, Rule, Ruleset, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet as a firewall sees it.

    Addresses are integers. Ports count only for protocols that have them, `icmp_type` and `icmp_code` only
    for ICMP and ICMPv6, `tcp_flags` only for TCP. `helper` is the connection-tracking helper of the master
    connection where the state is related. The fields from `tcp_flags` on are for firewalls that were read
    (`fwadvisor.model.evaluate`); no rule of a `Ruleset` asks for them.
    """

    hook: Hook
    family: Family
    protocol: int
    source: int
    destination: int
    source_port: int = 0
    destination_port: int = 0
    icmp_type: int = 0
    icmp_code: int = 0
    in_interface: str = ""
    out_interface: str = ""
    state: State = State.NEW
    helper: str = ""
    tcp_flags: int = 2
    length: int = 60
    dscp: int = 0
    ttl: int = 64
    mark: int = 0
    connection_mark: int = 0
    #: Windows network profile: index in `fwadvisor.model.firewall.PROFILES`.
    profile: int = 2
    #: An `fwadvisor.model.firewall.AddressType`.
    source_type: int = 1
    destination_type: int = 1
    #: Names of the opaque conditions that hold.
    conditions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a chain does with a packet; `rule` is None where its default verdict decided."""

    verdict: Verdict
    rule: Rule | None


def matches(match: Match, packet: Packet) -> bool:
    """Whether every field of `match` holds for `packet`."""
    if packet.family not in match.families():
        return False
    if match.protocols and packet.protocol not in match.protocols:
        return False
    if match.source is not None and not contains(match.source.of(packet.family), packet.source):
        return False
    if match.destination is not None and not contains(match.destination.of(packet.family), packet.destination):
        return False
    if match.source_ports is not None and not contains(match.source_ports, packet.source_port):
        return False
    if match.destination_ports is not None and not contains(match.destination_ports, packet.destination_port):
        return False
    if match.icmp and not _icmp_matches(match, packet):
        return False
    if match.in_interfaces and packet.in_interface not in match.in_interfaces:
        return False
    if match.out_interfaces and packet.out_interface not in match.out_interfaces:
        return False
    if match.states and packet.state not in match.states:
        return False
    return not match.helpers or packet.helper in match.helpers


def _icmp_matches(match: Match, packet: Packet) -> bool:
    return packet.protocol in (ICMP, ICMPV6) and any(
        wanted.type == packet.icmp_type and wanted.code in (None, packet.icmp_code) for wanted in match.icmp
    )


def decide(ruleset: Ruleset, packet: Packet) -> Decision:
    """The verdict on `packet`, and the rule that gave it.

    A packet on the loopback interface carries `LOOPBACK` as its interface.

    Raises:
        KeyError: the ruleset has no chain for the packet's hook.
    """
    chain = ruleset.chain(packet.hook)
    for rule in chain.rules:
        if matches(rule.match, packet):
            return Decision(rule.verdict, rule)
    return Decision(chain.default, None)
