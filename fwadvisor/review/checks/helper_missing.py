"""Protocols that agree on ports at run time, accepted without anything that lets those ports through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Decide, Field, Firewall, FirewallRule, IntegerTest, Names, NameTest, Test
from fwadvisor.model.interval import Intervals, contains, intersect, size, subtract
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Application, Flow, HelperFacts, HelperType, Port, Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import ACCEPTED, Piece, Plain, sifted
from fwadvisor.review.checks.regions import BEGINS, FROM_A_CLIENT, NEW, away, destination, one, source, states
from fwadvisor.review.checks.services import where
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="helper-missing",
    title="Negotiated ports stay closed",
    severity=Severity.MEDIUM,
    page=Page(
        what="A rule opens the control port of a protocol that agrees on more ports at run time (FTP 21, TFTP 69, SIP "
        "5060, H.323 1720, PPTP 1723, ...), but nothing lets those through: no connection-tracking helper is assigned "
        "to it, and no range is open between the same two hosts. Or a helper is assigned, and no rule accepts the "
        "related connections that it announces.",
        why="The control connection works, and what it is for does not: logins without listings, calls without sound. "
        "Kernels of today assign no helper by themselves.",
        example="iptables: -A INPUT -p tcp --dport 21 -j ACCEPT",
        remedy="Assign the helper and accept related connections of it, or fix the range in the program and open that",
    ),
)
#: A rule for more ports was not made for one of them; a range is at least so long; so many rules are looked at.
_MOST_PORTS, _RANGE, _MOST_RULES = 100, 2, 20
#: They follow answers to questions by broadcast; a rule that opens the port for one host says nothing of those.
_BROADCAST = frozenset({"netbios-ns", "snmp"})
_REMEDIES = {
    "iptables": "`-A PREROUTING -p {transport} --dport {port} -j CT --helper {helper}` in the raw table, and accept "
    "`--ctstate RELATED` with `-m helper --helper {helper}`",
    "nftables": 'Declare `ct helper {id} {{ type "{helper}" protocol {transport}; }}`, assign it with '
    '`{transport} dport {port} ct helper set "{id}"`, and accept `ct state related ct helper "{helper}"`',
}
_PINNED = "fix the range in the program and open it"


@dataclass(frozen=True, slots=True)
class _Protocol:
    """A helper, its control port, and what follows from it."""

    helper: HelperFacts
    control: Port
    type: str
    transport: Transport
    port: int
    #: Each with the flow at its root.
    flows: tuple[tuple[Flow, Flow], ...]


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule whose protocol gets nowhere, and each helper whose connections nobody accepts."""
    rules: dict[tuple[Place, str], list[_Followed]] = {}
    shared = _Shared(context)
    protocols = {(each.helper.id, each.type): each for each in _protocols(context.database)}
    for hook, family in context.parts:
        if not context.firewall.asked(hook, family):
            continue
        for (id, type), protocol in protocols.items():
            if family.value not in protocol.helper.families and context.firewall.dialect in _REMEDIES:
                continue
            opening = _opening(context, protocol, hook, family)
            if len(opening) > _MOST_RULES:
                context.leave_out(
                    f"more than {_MOST_RULES} rules that open {protocol.control.title}: what it negotiates"
                )
            for piece in opening[:_MOST_RULES]:
                found = _followed(shared, protocol, piece)
                if found is not None and piece.rule is not None and _matters(found):
                    rules.setdefault((place_of(piece.rule.span), f"{id} {type}"), []).append(found)
    for (_, key), several in rules.items():
        id, _, type = key.partition(" ")
        yield _finding(context, protocols[id, type], several)


def _matters(found: _Followed) -> bool:
    """Whether something is closed; of what goes out, everything, since much of it comes back by itself."""
    return bool(found.closed) and not (found.piece.hook is Hook.OUTPUT and found.open)


def _protocols(database: Database) -> Iterator[_Protocol]:
    for helper in database.helpers.values():
        for kind in helper.types if helper.id not in _BROADCAST else ():
            flows = tuple(_following(database, helper, kind))
            if flows:
                control = database.ports[flows[0][1].port]
                yield _Protocol(helper, control, kind.type, kind.transport, kind.port, flows)


def _following(database: Database, helper: HelperFacts, kind: HelperType) -> Iterator[tuple[Flow, Flow]]:
    """The flows that are agreed on at the control port, each with the flow at its root."""
    for application in database.applications.values():
        for flow in application.flows:
            root = _root(application, flow)
            if flow is root or not (database.negotiated(flow) or flow.transport is Transport.IP):
                continue
            read = database.ports[root.port].helper == helper.id and root.transport is kind.transport
            if read and contains(database.flow_ports(root) or (), kind.port):
                yield flow, root


def _root(application: Application, flow: Flow) -> Flow:
    seen = {flow.id}
    while flow.opened_by and flow.opened_by not in seen:
        opener = application.flow(flow.opened_by)
        if opener is None:
            break
        flow = opener
        seen.add(flow.id)
    return flow


def _opening(context: Context, protocol: _Protocol, hook: Hook, family: Family) -> list[Piece]:
    """What rules of their own accept at the control port."""
    region: tuple[Test, ...] = (NEW, BEGINS, FROM_A_CLIENT, away(hook), *_to(protocol.transport, protocol.port))
    few = sifted(context.firewall, family, region)
    if not any(_meant(rule) for rule in few.rules()):
        return []
    try:
        pieces = context.reach.decided(few, hook, family, region, ACCEPTED, told=_meant)
    except BudgetError:
        context.leave_out(
            f"who gets to {protocol.control.title} ({hook}, IPv{family}): too many rules cross each other"
        )
        return []
    return [each for each in pieces if each.rule is not None and _meant(each.rule) and not each.sure.is_empty]


def _meant(rule: FirewallRule) -> bool:
    tests = [t for t in rule.tests if isinstance(t, IntegerTest) and t.field is Field.DESTINATION_PORT]
    return bool(tests) and all(size(test.values) < _MOST_PORTS for test in tests)


def _is_range(rule: FirewallRule) -> bool:
    """Whether the rule opens a range of high ports to new connections."""
    tests = {test.field: test.values for test in rule.tests if isinstance(test, IntegerTest)}
    begins = contains(tests.get(Field.STATE, ((0, 0),)), STATES.index(State.NEW))
    ports = subtract(tests.get(Field.DESTINATION_PORT, ()), ((0, 1023),))
    return begins and any(last - first + 1 >= _RANGE for first, last in ports)


def _to(transport: Transport, port: int) -> tuple[Test, ...]:
    return one(Field.PROTOCOL, PROTOCOL_NUMBERS[transport]), one(Field.DESTINATION_PORT, port)


@dataclass(frozen=True, slots=True)
class _Followed:
    """What becomes of the flows that a control connection of one pair of hosts agrees on."""

    piece: Piece
    #: Whether the helper is assigned to the connection.
    helped: bool
    closed: tuple[Flow, ...]
    open: tuple[Flow, ...]


def _followed(shared: _Shared, protocol: _Protocol, piece: Piece) -> _Followed | None:
    """None where it is not known what is accepted, or which helper follows."""
    witness = piece.packets.witness()
    if witness is None:
        return None
    pair = _Pair(shared, piece, witness)
    given = pair.helpers(protocol)
    if given is None or given - {"", *(kind.type for kind in protocol.helper.types)}:
        return None
    helped = any(given)
    closed: dict[tuple[str, bool], Flow] = {}
    open: dict[tuple[str, bool], Flow] = {}
    for flow, root in protocol.flows:
        back = flow.source_role == root.destination_role
        key = (flow.port, back)
        if {flow.source_role, flow.destination_role} == {root.source_role, root.destination_role}:
            shut = pair.unheard(flow, protocol, back) if helped else pair.closed(flow, back)
            shut = shut and not pair.from_others(flow, back)
            if key not in closed and key not in open:
                (closed if shut else open)[key] = flow
    return _Followed(piece, helped, tuple(closed.values()), tuple(open.values()))


class _Shared:
    """What is the same for all pairs of hosts; every answer is made when it is first asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._asked: dict[tuple[Hook, Family], Firewall] = {}
        self._ranges: dict[tuple[Hook, Family, tuple[int, ...]], bool] = {}

    def asked(self, hook: Hook, family: Family) -> Firewall:
        """The firewall without the rules of chains that no packet of a hook comes to."""
        key = (hook, family)
        if key not in self._asked:
            firewall = self.context.firewall
            chains = {
                name: chain if key in self.context.asking[name] else replace(chain, rules=())
                for name, chain in firewall.chains.items()
            }
            self._asked[key] = replace(firewall, chains=chains)
        return self._asked[key]

    def opens_range(self, hook: Hook, family: Family, protocols: tuple[int, ...]) -> bool:
        """Whether some rule accepts new connections to a range of high ports."""
        key = (hook, family, protocols)
        if key not in self._ranges:
            few = sifted(self.asked(hook, family), family, (one(Field.PROTOCOL, *protocols),))
            self._ranges[key] = any(rule.action == Decide(Verdict.ACCEPT) and _is_range(rule) for rule in few.rules())
        return self._ranges[key]


class _Pair:
    """The rules that two hosts of a piece meet, those of its witness."""

    def __init__(self, shared: _Shared, piece: Piece, witness: Packet) -> None:
        self._shared = shared
        self._context = shared.context
        self._piece = piece
        self._ways = {back: _between(witness, back) for back in (False, True)}
        self._few = {
            back: sifted(shared.asked(self._hook(back), piece.family), piece.family, way)
            for back, way in self._ways.items()
        }

    def _hook(self, back: bool) -> Hook:
        return _TURNED[self._piece.hook] if back else self._piece.hook

    def helpers(self, protocol: _Protocol) -> set[str] | None:
        """The helpers that the control connection may get, "" for none; None where it is not known."""
        region = (NEW, BEGINS, *_to(protocol.transport, protocol.port))
        plain = self._plain(region, False, frozenset({Field.ASSIGNED_HELPER}))
        return plain.effects(Field.ASSIGNED_HELPER) if plain is not None and plain.known else None

    def closed(self, flow: Flow, back: bool) -> bool:
        """Whether surely no range of the flow's ports is open."""
        numbers = self._context.database.flow_ports(flow)
        region: tuple[Test, ...] = (NEW, BEGINS, one(Field.PROTOCOL, *flow.protocols()))
        if numbers is None:
            plain = self._plain(region, back)
            return plain is not None and plain.refused
        return self._no_range(region, numbers, back)

    def _no_range(self, region: tuple[Test, ...], numbers: Intervals, back: bool) -> bool:
        high = subtract(numbers, ((0, 1023),))
        plain = self._plain((*region, IntegerTest(Field.DESTINATION_PORT, high)), back)
        if plain is None or not plain.known:
            return False
        ports = intersect(plain.accepted.values(Field.DESTINATION_PORT), high)
        return not any(last - first + 1 >= _RANGE for first, last in ports)

    def unheard(self, flow: Flow, protocol: _Protocol, back: bool) -> bool:
        """Whether surely no related connection of the helper is accepted, but to single ports."""
        heard = NameTest(Field.HELPER, Names(frozenset(protocol.helper.related_names)))
        region = (states(State.RELATED), heard, one(Field.PROTOCOL, *flow.protocols()))
        numbers = self._context.database.flow_ports(flow)
        if numbers is None:
            plain = self._plain(region, back)
            return plain is not None and plain.refused
        return self._no_range(region, numbers, back)

    def from_others(self, flow: Flow, back: bool) -> bool:
        """Whether some rule opens a range for media of any hosts: it goes straight between those that talk."""
        if flow.transport is not Transport.UDP:
            return False
        return self._shared.opens_range(self._hook(back), self._piece.family, flow.protocols())

    def _plain(self, region: tuple[Test, ...], back: bool, effects: frozenset[Field] = frozenset()) -> Plain | None:
        hook = self._hook(back)
        family = self._piece.family
        if hook not in self._context.firewall.hooks or not self._context.firewall.asked(hook, family):
            return None
        region = (*region, away(hook), *self._ways[back])
        return self._context.reach.plain(hook, family, region, self._few[back], effects)


_TURNED = {Hook.INPUT: Hook.OUTPUT, Hook.OUTPUT: Hook.INPUT, Hook.FORWARD: Hook.FORWARD}


def _between(witness: Packet, back: bool) -> tuple[Test, ...]:
    """Packets between the two hosts of the witness, the other way round where `back`."""
    first, second = (witness.destination, witness.source) if back else (witness.source, witness.destination)
    return source(witness.family, ((first, first),)), destination(witness.family, ((second, second),))


def _remedy(context: Context, protocol: _Protocol, instead: str) -> str:
    assign = _REMEDIES.get(context.firewall.dialect)
    if assign is None:
        return f"There is no helper here: {instead}"
    named = assign.format(transport=protocol.transport, port=protocol.port, helper=protocol.type, id=protocol.helper.id)
    return f"{named}; or {instead}"


def _finding(context: Context, protocol: _Protocol, several: Sequence[_Followed]) -> Finding:
    first = several[0]
    rule = first.piece.rule
    breaks = list(dict.fromkeys(flow.if_denied for flow in first.closed if flow.if_denied))
    names = list(dict.fromkeys(context.database.ports[flow.port].title for flow in first.closed))
    partly = "some of " if first.open else ""
    portless = all(context.database.flow_ports(flow) is None for flow in first.closed)
    what = f"{' and '.join(names)}, which it needs, is" if portless else f"{partly}what it negotiates is"
    why = f"no helper, and no {'rule that accepts it' if portless else 'open range'}"
    remedy = _remedy(context, protocol, f"accept {' and '.join(names)} between the same hosts" if portless else _PINNED)
    details = [f"closed: {', '.join(names)}", *(f"then: {each}" for each in breaks)]
    if first.helped:
        why = "its helper announces that, and no rule accepts it as related"
        names_of = ", ".join(protocol.helper.related_names)
        remedy = f"Accept related connections of {names_of}, or delete the assignment"
    elif context.firewall.dialect in _REMEDIES:
        if not protocol.helper.blind_when.startswith("never"):
            details.append(f"a helper sees nothing where {protocol.helper.blind_when}")
        details.append("kernels of today assign no helper by themselves (nf_conntrack_helper is gone or off)")
    needed = any(flow.need == "core" for flow in first.closed)
    return finding(
        CHECK,
        f"{protocol.control.title} ({protocol.transport} {protocol.port}) is open on "
        f"{where(each.piece.hook for each in several)}, but {what} not: {why}",
        rule,
        severity=CHECK.severity if needed or not first.open else Severity.LOW,
        remedy=remedy,
        details=details,
        about=f"{protocol.helper.id} {rule.text if rule else ''}",
    )
