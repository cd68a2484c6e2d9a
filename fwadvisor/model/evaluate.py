"""The plain meaning of a firewall: walk its chains with one packet.

This is the definition that the packet engine is held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fwadvisor.model.firewall import (
    EFFECTS,
    STATES,
    AddressTest,
    AnyOf,
    BaseChain,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Return,
    Test,
    Write,
)
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import ICMP, ICMPV6, PORT_PROTOCOLS, TCP, Verdict
from fwadvisor.model.walk import Packet

#: UDP-Lite (RFC 3828), which has ports where UDP has them.
_UDPLITE = 136
WITH_PORTS = PORT_PROTOCOLS | {_UDPLITE}


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that matched on the way, or with `rule` None the default of a base chain."""

    chain: str
    rule: FirewallRule | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a packet: a verdict, or None where an opaque rule decides.

    `effects` are the last values written to the fields of `EFFECTS`; `trail` ends with what decided.
    """

    verdict: Verdict | None
    trail: tuple[Step, ...]
    effects: Mapping[Field, str]


@dataclass
class _Walk:
    """A packet on its way: its present values, and the verdict that stands."""

    packet: Packet
    values: dict[Field, int | str]
    trail: list[Step] = field(default_factory=list)
    #: The verdict that stands, and the rule that gave it.
    standing: tuple[Verdict, Step] | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    """The walk of one base chain is over."""

    verdict: Verdict | None


def evaluate(firewall: Firewall, packet: Packet) -> Outcome:
    """What `firewall` does with `packet`, base chain after base chain.

    Opaque conditions hold where `packet.conditions` names them.
    """
    if packet.state in firewall.implicit:
        return Outcome(Verdict.ACCEPT, (), {})
    walk = _Walk(packet, values_of(packet))
    verdict: Verdict | None = Verdict.ACCEPT
    for base in firewall.asked(packet.hook, packet.family):
        verdict = _base(firewall, base, walk)
        if verdict is not Verdict.ACCEPT:
            break
    effects = {each: str(walk.values[each]) for each in EFFECTS if each in walk.values}
    return Outcome(verdict, tuple(walk.trail), effects)


def values_of(packet: Packet) -> dict[Field, int | str]:
    """The value of every field that a test can ask, addresses as integers."""
    with_ports = packet.protocol in WITH_PORTS
    icmp = packet.protocol == (ICMP if packet.family == 4 else ICMPV6)
    return {
        Field.STATE: STATES.index(packet.state),
        Field.HELPER: packet.helper,
        Field.PROFILE: packet.profile,
        Field.PROTOCOL: packet.protocol,
        Field.IN_INTERFACE: packet.in_interface,
        Field.OUT_INTERFACE: packet.out_interface,
        Field.SOURCE_TYPE: packet.source_type,
        Field.DESTINATION_TYPE: packet.destination_type,
        Field.SOURCE: packet.source,
        Field.DESTINATION: packet.destination,
        Field.SOURCE_PORT: packet.source_port if with_ports else 0,
        Field.DESTINATION_PORT: packet.destination_port if with_ports else 0,
        Field.ICMP: packet.icmp_type * 256 + packet.icmp_code if icmp else 0,
        Field.TCP_FLAGS: packet.tcp_flags if packet.protocol == TCP else 0,
        Field.LENGTH: packet.length,
        Field.DSCP: packet.dscp,
        Field.TTL: packet.ttl,
        Field.MARK: packet.mark,
        Field.CONNECTION_MARK: packet.connection_mark,
        Field.TAG: "",
    }


def _base(firewall: Firewall, base: BaseChain, walk: _Walk) -> Verdict | None:
    walk.standing = None
    ended = _chain(firewall, firewall.chains[base.chain], walk)
    if ended is not None:
        return ended.verdict
    if walk.standing is not None:
        return _stood(walk.standing, walk)
    walk.trail.append(Step(base.chain, None))
    return base.default


def _stood(standing: tuple[Verdict, Step], walk: _Walk) -> Verdict:
    verdict, step = standing
    walk.trail.append(step)
    if step.rule is not None:
        for write in step.rule.writes:
            if write.field in EFFECTS:
                _write(write, walk)
    return verdict


def _chain(firewall: Firewall, chain: FirewallChain, walk: _Walk) -> _Ended | None:
    for rule in chain.rules:
        if not all(_holds(test, walk) for test in rule.tests):
            continue
        walk.trail.append(Step(chain.name, rule))
        for write in rule.writes:
            if not _held(rule, write):
                _write(write, walk)
        match rule.action:
            case Decide(verdict, stands=False):
                return _Ended(verdict)
            case Decide(verdict, stands=True):
                walk.standing = (verdict, walk.trail[-1])
            case Jump(name, goto, decisive):
                ended = _jump(firewall, firewall.chains[name], walk, decisive)
                if ended is not None or goto:
                    return ended
            case Return():
                return None
            case Continue():
                pass
            case _:
                return _Ended(None)
    return None


def _jump(firewall: Firewall, chain: FirewallChain, walk: _Walk, decisive: bool) -> _Ended | None:
    if not decisive:
        return _chain(firewall, chain, walk)
    before, walk.standing = walk.standing, None
    ended = _chain(firewall, chain, walk)
    if ended is None and walk.standing is not None:
        return _Ended(_stood(walk.standing, walk))
    walk.standing = before
    return ended


def _held(rule: FirewallRule, write: Write) -> bool:
    """Whether a write waits until the verdict counts that it stands with."""
    return isinstance(rule.action, Decide) and rule.action.stands and write.field in EFFECTS


def _write(write: Write, walk: _Walk) -> None:
    if write.mask is None or isinstance(write.value, str):
        walk.values[write.field] = write.value
    else:
        walk.values[write.field] = (int(walk.values[write.field]) & ~write.mask) ^ write.value


def _holds(test: Test, walk: _Walk) -> bool:
    match test:
        case IntegerTest(name, values):
            return contains(values, int(walk.values[name]))
        case AddressTest():
            return contains(test.of(walk.packet.family), int(walk.values[test.field]))
        case NameTest(name, names):
            return str(walk.values[name]) in names
        case FamilyTest(family):
            return walk.packet.family is family
        case ConditionTest(condition, holds):
            return (condition.name in walk.packet.conditions) is holds
        case AnyOf(alternatives, holds):
            return any(all(_holds(each, walk) for each in tests) for tests in alternatives) is holds
