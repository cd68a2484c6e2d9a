"""Two firewalls, packet by packet: where they decide alike, where not, and where nobody can know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from fwadvisor.diagnostic import error
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import (
    STATES,
    Action,
    Condition,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Test,
    Write,
)
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget, Change, Meaning, PacketSet, Result, Space, compare
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import numbered
from fwadvisor.proof.filling import filled_otherwise

#: The outcome of packets of which it is not known what happens to them.
UNKNOWN = "unknown"
NETFILTER = {"iptables", "nftables", "policy"}
#: What spaces must be able to tell for `compare_in`: the first packets of connections.
TESTS = (IntegerTest(Field.STATE, ((STATES.index(State.NEW), STATES.index(State.NEW)),)),)


class Answer(StrEnum):
    """What a comparison comes to."""

    EQUAL = "equal"
    DIFFERENT = "different"
    #: They differ or not, depending on parts that are opaque.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All packets of one hook and family that get one verdict in the first firewall and another in the second.

    Or the same verdict in both, with different helpers or translations.
    """

    hook: Hook
    family: Family
    #: What becomes of the witness in the first and the second firewall: "accept", "drop", "reject", or `UNKNOWN`;
    #: "accept with helper RAS" where that is the difference. All packets have these verdicts.
    outcomes: tuple[str, str]
    answer: Answer
    packets: PacketSet
    witness: Packet
    #: What decides the witness in each; None where nothing was asked.
    steps: tuple[Step | None, Step | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two firewalls and everything in which they differ."""

    firewalls: tuple[Firewall, Firewall]
    parts: tuple[tuple[Hook, Family], ...]
    differences: tuple[Difference, ...]
    #: What the comparison does not speak of, in sentences.
    left_out: tuple[str, ...]
    #: Why the answer is not known although no packet is decided otherwise, in sentences.
    doubts: tuple[str, ...]
    #: Conditions on which verdicts depend, alike in both firewalls.
    conditions: tuple[Condition, ...]

    @property
    def answer(self) -> Answer:
        """DIFFERENT where at least one packet is surely decided otherwise."""
        answers = {each.answer for each in self.differences}
        for answer in (Answer.DIFFERENT, Answer.UNKNOWN):
            if answer in answers:
                return answer
        return Answer.UNKNOWN if self.doubts else Answer.EQUAL


def compare_firewalls(first: Firewall, second: Firewall, budget: Budget, like: Firewall | None = None) -> Comparison:
    """Compare every packet of which both speak; `like` is the one whose rules are written for people, if one is.

    Besides verdicts, the connection-tracking helpers and translations count that a new connection gets, where both
    dialects have such.

    Raises:
        BudgetError: the comparison would grow too large.
        FwadvisorError: there is no packet of which both speak.
    """
    if first.dialect == second.dialect and first.opening_only is not second.opening_only:
        # One asks about packets that open nothing, so both are asked about them.
        first, second = (replace(each, opening_only=False) for each in (first, second))
    alike = first.dialect == second.dialect or {first.dialect, second.dialect} <= NETFILTER
    effects = frozenset({Field.ASSIGNED_HELPER, Field.TRANSLATION}) if alike else frozenset[Field]()
    return compare_in(Space((first, second), effects=effects, tests=TESTS, budget=budget, like=like), first, second)


def compare_in(space: Space, first: Firewall, second: Firewall) -> Comparison:
    """The same in a space that both belong to, with the effects that the space has.

    The space must have been made with `TESTS`.

    Raises:
        FwadvisorError: there is no packet of which both speak.
        BudgetError: the comparison would grow too large.
    """
    parts = common_parts(first, second)
    if not parts:
        message = f"{first.name} and {second.name} speak of no packet that is in both"
        raise FwadvisorError(error(message, hint=f"{spoken(first)}; {spoken(second)}"))
    differences: list[Difference] = []
    conditions: dict[Condition, None] = {}
    for hook, family in parts:
        meanings = space.meaning(first, hook, family), space.meaning(second, hook, family)
        within = compared_within(space, first, second, hook, family)
        differences += _differences(space, first, second, *meanings, within)
        known = meanings[0].depends_on() & meanings[1].depends_on()
        conditions |= dict.fromkeys(condition for condition in known if condition.understood)
    return Comparison(
        firewalls=(first, second),
        parts=parts,
        differences=tuple(differences),
        left_out=tuple(left_out(first, second)),
        doubts=tuple(doubts(first, second)),
        conditions=tuple(sorted(conditions, key=lambda condition: condition.name)),
    )


def spoken(firewall: Firewall) -> str:
    """Of which packets a firewall speaks, in a sentence."""
    families = ", ".join(f"IPv{family.value}" for family in firewall.families)
    return f"{firewall.name} speaks of {', '.join(sorted(firewall.hooks))} in {families}"


def common_parts(first: Firewall, second: Firewall) -> tuple[tuple[Hook, Family], ...]:
    """Hooks and families of which both firewalls speak."""
    return tuple(
        (hook, family)
        for hook in Hook
        if hook in first.hooks & second.hooks
        for family in FAMILIES
        if family in first.families and family in second.families
    )


def _differences(
    space: Space, first: Firewall, second: Firewall, before: Meaning, after: Meaning, within: PacketSet | None
) -> Iterator[Difference]:
    hook, family = before.hook, before.family
    ways: dict[tuple[Verdict | None, Verdict | None], list[Change]] = {}
    for change in compare(before, after, within):
        ways.setdefault((change.old.verdict, change.new.verdict), []).append(change)
    for (old, new), changes in ways.items():
        packets = changes[0].packets
        for change in changes[1:]:
            packets |= change.packets
        if old is new and old is not None:
            # A connection gets its helper and its translation with its first packet.
            packets &= space.packets(hook, family, TESTS)
        witness = packets.witness()
        if witness is None:
            continue
        yield Difference(
            hook=hook,
            family=family,
            outcomes=(
                UNKNOWN if old is None else outcome(before.at(witness)),
                UNKNOWN if new is None else outcome(after.at(witness)),
            ),
            answer=Answer.UNKNOWN if changes[0].unknown else Answer.DIFFERENT,
            packets=packets,
            witness=witness,
            steps=(_decider(first, witness), _decider(second, witness)),
        )


def compared_within(space: Space, first: Firewall, second: Firewall, hook: Hook, family: Family) -> PacketSet | None:
    """What is compared of a part; None: everything that both speak of.

    A dialect that lets packets of known connections pass by itself is compared on those only where a connection can
    begin at all, in one of the firewalls: where they forward nothing, no forwarded packet is of a known connection.
    """
    if (State.ESTABLISHED in first.implicit) is (State.ESTABLISHED in second.implicit):
        return None
    hooks = (hook,) if hook is Hook.FORWARD else (Hook.INPUT, Hook.OUTPUT)
    begins = any(
        not (space.meaning(each, way, family).accepted & space.packets(way, family, TESTS)).is_empty
        for each in (first, second)
        for way in hooks
        if way in each.hooks
    )
    return None if begins else space.packets(hook, family, TESTS)


def outcome(result: Result) -> str:
    """Such as ``accept``, ``accept with helper RAS``, ``drop with log`` (without a prefix), ``unknown``."""
    if result.verdict is None:
        return UNKNOWN
    kinds = {Field.ASSIGNED_HELPER: "helper ", Field.LOG: "log "}
    said = [(each, value) for each, value in result.effects if value or each is Field.LOG]
    effects = [kinds.get(each, "") + value if value else "log" for each, value in said]
    return result.verdict.value + (f" with {', '.join(effects)}" if effects else "")


def _decider(firewall: Firewall, packet: Packet) -> Step | None:
    """The rule, or the default of a base chain, that decides a packet."""
    return counting(numbered(firewall), packet.hook, packet.family).decides(packet)


def doubts(first: Firewall, second: Firewall) -> Iterator[str]:
    """Why "equal" would say too much.

    Some parts were not evaluated, the rules are compared in the addresses that filters see, and those come about
    otherwise, or other packets fill lists of addresses that rules ask.
    """
    for each in (first, second):
        if each.opaque:
            yield f"{each.name} has parts that are not evaluated"
    if _translations(first) != _translations(second):
        yield "addresses and ports are translated otherwise, and filters see them before or after that"
    yield from filled_otherwise(first, second)


def _translations(firewall: Firewall) -> list[tuple[tuple[Test, ...], tuple[Write, ...], Action]]:
    """The rules that translate, and those of the chains that lead to them, without their places.

    In pf every rule stands in one chain, so only those that translate count.
    """
    chains = [chain for chain in firewall.chains.values() if any(map(_translates, chain.rules))]
    if firewall.dialect == "pf":
        rules = [rule for chain in chains for rule in chain.rules if _translates(rule)]
    else:
        names = {chain.name for chain in chains}
        while more := {chain.name for chain in firewall.chains.values() if _leads(chain, names)} - names:
            names |= more
        rules = [rule for chain in firewall.chains.values() if chain.name in names for rule in chain.rules]
    return [(rule.tests, rule.writes, rule.action) for rule in rules]


def _leads(chain: FirewallChain, names: set[str]) -> bool:
    return any(isinstance(rule.action, Jump) and rule.action.chain in names for rule in chain.rules)


def _translates(rule: FirewallRule) -> bool:
    return any(write.field is Field.TRANSLATION for write in rule.writes)


def left_out(first: Firewall, second: Firewall) -> Iterator[str]:
    """What the two do not both speak of, a sentence each."""
    for one, other in ((first, second), (second, first)):
        for hook in Hook:
            if hook in one.hooks - other.hooks:
                yield f"{hook}: {other.name} does not speak of it"
        for family in FAMILIES:
            if family in one.families and family not in other.families:
                yield f"IPv{family.value}: {other.name} does not speak of it"
        missing = [state for state in State if state in one.states - other.states]
        if missing:
            yield f"{' and '.join(missing)} packets: {other.name} knows no such state"
    if first.opening_only is not second.opening_only:
        name = (first if first.opening_only else second).name
        yield f"TCP packets of no known connection but the first: {name} lets a connection begin with SYN only"
    if first.routed_groups is not second.routed_groups:
        name = (second if first.routed_groups else first).name
        yield f"multicast that is routed on: {name} does not tell it from the machine's own"
    if first.crossed_icmp is not second.crossed_icmp:
        name = (second if first.crossed_icmp else first).name
        yield f"ICMP inside IPv6 and ICMPv6 inside IPv4: {name} cannot name them"
    if first.loopback is not second.loopback:
        name = (second if first.loopback else first).name
        yield f"the loopback interface: {name} does not filter it"
