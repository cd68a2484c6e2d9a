"""Rules that accept before, or instead of, what tells packets of known connections from others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.diagnostic import Label
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    AnyOf,
    Decide,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    NameTest,
)
from fwadvisor.model.interval import PORTS, contains, size
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.ports.facts import Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import ACCEPTED, REFUSED, Entry
from fwadvisor.review.checks.regions import TRANSPORTS, one, states
from fwadvisor.review.checks.services import shown, where
from fwadvisor.review.checks.words import chain_word
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="accepts-before-state",
    title="Accepts before state is asked",
    severity=Severity.LOW,
    page=Page(
        what="Three things. A rule takes packets for answers because of their source port or their flags, and lets "
        "whoever writes those into a packet in to a thousand ports or more (high). A rule accepts TCP packets of no "
        "connection before the rule that drops such packets is asked (low). The rule that accepts established "
        "connections stands below twenty others of its chain (information).",
        why="A source port is chosen by the sender, and so are flags: `--sport 53` lets everybody in from port 53. "
        "Packets of no connection serve scans and attacks on the TCP stack. Of a connection nearly all packets are "
        "established, so that each rule above costs time for each packet.",
        example="iptables: -A INPUT -p udp --sport 53 -j ACCEPT",
        remedy="Accept established and related packets first, drop invalid ones next, then accept new connections by "
        "their destination port",
    ),
)
#: So many ports are more than one service has; so many rules above cost time.
_MANY_PORTS, _MANY_RULES = 1000, 20
#: The ports that servers answer from, but for those that DHCP answers from.
_SERVERS = IntegerTest(Field.SOURCE_PORT, ((1, 66), (69, 546), (548, 1023)))
_TCP, _UDP = TRANSPORTS[Transport.TCP], TRANSPORTS[Transport.UDP]
_SYN, _ACK = one(Field.TCP_FLAGS, 2), one(Field.TCP_FLAGS, 16)
_CLIENTS = IntegerTest(Field.SOURCE_PORT, ((49152, 65535),))


def run(context: Context) -> Iterator[Finding]:
    """Findings about answers that are none, packets of no connection, and rules that stand too low."""
    yield from _answers(context)
    yield from _invalid(context)
    for chain in context.chains():
        yield from _low(chain)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A way to look like an answer."""

    tests: tuple[IntegerTest, ...]
    words: str


_CLAIMS = (
    _Claim((_UDP, _SERVERS), "udp packets from the port of a server"),
    _Claim((_TCP, _SYN, _SERVERS), "tcp connections that begin from the port of a server"),
    _Claim((_TCP, _ACK, _CLIENTS), "tcp packets without SYN"),
)


def _answers(context: Context) -> Iterator[Finding]:
    found: dict[tuple[Place, str], list[Entry]] = {}
    if State.NEW not in context.firewall.states or not any(map(_may_take_for_answers, context.firewall.rules())):
        return
    for hook, family in _ways_in(context):
        for claim in _CLAIMS:
            region = context.reach.region(hook, family)
            if region is None:
                continue
            for entry in context.reach.coming(context.firewall, hook, family, (*region, *claim.tests), ACCEPTED):
                rule = entry.piece.rule
                if entry.sure and rule is not None and _takes_for_answers(context, entry, rule, hook, family):
                    found.setdefault((place_of(rule.span), claim.words), []).append(entry)
    for (_, words), entries in found.items():
        ports = max(_count(entry) for entry in entries)
        yield finding(
            CHECK,
            f"everybody gets in to {ports} ports of {where(e.piece.hook for e in entries)} with {words}: "
            "this rule takes them for answers",
            entries[0].piece.rule,
            severity=Severity.HIGH,
            remedy="Accept established connections instead, and delete this rule",
            details=shown((entry.piece for entry in entries), free=_GIVEN),
            about=f"{words} {entries[0].piece.rule.text if entries[0].piece.rule else ''}",
        )


#: What is so of every packet that is shown.
_GIVEN = frozenset(
    {Field.STATE, Field.SOURCE, Field.SOURCE_TYPE, Field.DESTINATION_TYPE, Field.MARK, Field.CONNECTION_MARK}
)


def _may_take_for_answers(rule: FirewallRule) -> bool:
    tests = {test.field: test.values for test in rule.tests if isinstance(test, IntegerTest)}
    if not tests.keys() & {Field.SOURCE_PORT, Field.TCP_FLAGS} or not isinstance(rule.action, Decide):
        return False
    return size(tests.get(Field.DESTINATION_PORT, PORTS)) >= _MANY_PORTS


def _takes_for_answers(context: Context, entry: Entry, rule: FirewallRule, hook: Hook, family: Family) -> bool:
    """Whether the rule opens many ports, and none of them to a client that begins a connection."""
    if not _may_take_for_answers(rule) or _count(entry) < _MANY_PORTS:
        return False
    begins = context.reach.entries(hook, family)
    return not any(each.piece.rule is rule for each in begins)


def _count(entry: Entry) -> int:
    return sum(size(ports) for ports in entry.piece.ports.values())


def _ways_in(context: Context) -> Iterator[tuple[Hook, Family]]:
    for hook, family in context.parts:
        if hook is not Hook.OUTPUT:
            yield hook, family


def _invalid(context: Context) -> Iterator[Finding]:
    if State.INVALID not in context.firewall.states or not any(map(_of_invalid, context.firewall.rules())):
        return
    found: dict[Place, tuple[list[Entry], FirewallRule]] = {}
    for hook, family in _ways_in(context):
        region = context.reach.region(hook, family, states(State.INVALID))
        if region is None:
            continue
        asked = (*region, _TCP, _ACK, _CLIENTS)
        dropping = _drops_invalid(context.reach.coming(context.firewall, hook, family, asked, REFUSED))
        if dropping is None:
            continue
        for entry in context.reach.coming(context.firewall, hook, family, asked, ACCEPTED):
            rule = entry.piece.rule
            if entry.sure and rule is not None:
                found.setdefault(place_of(rule.span), ([], dropping))[0].append(entry)
    for entries, dropping in found.values():
        yield finding(
            CHECK,
            "this rule accepts TCP packets of no connection, and the rule that drops those is not asked",
            entries[0].piece.rule,
            Label(dropping.span, "packets of no connection are dropped here"),
            remedy="Move the rule below the one that drops invalid packets, or let it accept new connections only",
            details=shown(entry.piece for entry in entries),
            about=f"invalid {entries[0].piece.rule.text if entries[0].piece.rule else ''}",
        )


def _drops_invalid(entries: Iterator[Entry]) -> FirewallRule | None:
    """A rule that drops packets because they are of no connection."""
    for entry in entries:
        rule = entry.piece.rule
        if entry.sure and rule is not None and _of_invalid(rule):
            return rule
    return None


def _of_invalid(rule: FirewallRule) -> bool:
    return states(State.INVALID) in rule.tests


def _low(chain: FirewallChain) -> Iterator[Finding]:
    for place, rule in enumerate(chain.rules):
        if _accepts_established(rule):
            above = [each for each in chain.rules[:place] if not _of_loopback(each)]
            if len(above) >= _MANY_RULES:
                yield finding(
                    CHECK,
                    f"established connections are accepted below {len(above)} other rules of {chain_word(chain.name)}, "
                    "which are asked about each of their packets",
                    rule,
                    Label(above[0].span, "the first of the rules above"),
                    severity=Severity.INFO,
                    remedy="Move it to the top; rules above that drop then see first packets of connections only",
                    about=f"low {rule.text}",
                )
            return


def _accepts_established(rule: FirewallRule) -> bool:
    """Whether the rule accepts every packet of established connections and asks nothing else."""
    return (
        isinstance(rule.action, Decide)
        and rule.action.verdict is Verdict.ACCEPT
        and not any(isinstance(test, AnyOf) for test in rule.tests)
        and len(rule.tests) == 1
        and isinstance(rule.tests[0], IntegerTest)
        and rule.tests[0].field is Field.STATE
        and contains(rule.tests[0].values, STATES.index(State.ESTABLISHED))
        and not contains(rule.tests[0].values, STATES.index(State.NEW))
    )


def _of_loopback(rule: FirewallRule) -> bool:
    return any(isinstance(test, NameTest) and LOOPBACK in test.names.names for test in rule.tests)
