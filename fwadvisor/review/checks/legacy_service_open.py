"""Ports of services that hardly anybody needs any more, open by a rule of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall, FirewallRule, IntegerTest, Jump, Test
from fwadvisor.model.interval import Intervals, normalize, size
from fwadvisor.model.rule import Hook
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Listing, Port, State, Transport
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import ACCEPTED, Piece, sifted
from fwadvisor.review.checks.regions import BEGINS, FROM_THE_WIRE, NEW, TRANSPORTS, to_a_host
from fwadvisor.review.checks.services import Service, named, only, services, shown, together, where
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="legacy-service-open",
    title="Legacy service open",
    severity=Severity.MEDIUM,
    page=Page(
        what="A rule opens a port whose service the port database calls legacy or obsolete: Telnet, FTP, H.323 "
        "(1720), T.120 (1503), PPTP, NetBIOS, the r-services, ... Rules that open a hundred ports or more are not "
        "meant, nor legacy services whose rule says in a comment which application needs them.",
        why="Nobody looks after these programs any more, most send passwords in clear, and the rule is often older "
        "than anybody's memory. An open port that nothing uses is a risk without a benefit.",
        example="iptables: -A INPUT -p tcp --dport 1720 -j ACCEPT",
        remedy="Ask whether anything here still uses it; if not, delete the rule, else say in a comment what does",
    ),
)
_OLD = (State.LEGACY, State.OBSOLETE)
#: A rule for more ports was not made for one of them.
_MOST_PORTS = 100
#: So many services are asked for, and so many programs named; so short names are no names.
_APPLICATIONS, _USERS, _SHORTEST = 2, 4, 3


@dataclass(frozen=True, slots=True)
class _Opened:
    rule: FirewallRule
    piece: Piece
    old: tuple[Service, ...]


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule that opens ports of old services to anybody."""
    rules: dict[Place, list[_Opened]] = {}
    for hook, family in context.parts:
        if hook is not Hook.OUTPUT:
            for piece in _pieces(context, hook, family):
                _note(context, piece, rules)
    strangers = _rules_of_strangers(context) if rules else set()
    for place, several in rules.items():
        yield from _finding(context, several, place in strangers)


def _pieces(context: Context, hook: Hook, family: Family) -> Iterator[Piece]:
    """What anybody gets in to at ports of old services, port by port, so that few rules are asked at a time."""
    old = [port for port in context.database.ports.values() if _is_old(port)]
    for transport, test in TRANSPORTS.items():
        region = (NEW, BEGINS, to_a_host(hook), *FROM_THE_WIRE, test)
        any_old = IntegerTest(Field.DESTINATION_PORT, _numbers(old, transport))
        few = sifted(context.firewall, family, (*region, any_old))
        for port in old:
            if transport not in port.match:
                continue
            asked = (*region, IntegerTest(Field.DESTINATION_PORT, port.match[transport]))
            fewer = sifted(few, family, asked)
            if any(map(_names_ports, fewer.rules())):
                try:
                    yield from _decided(context, fewer, hook, family, asked)
                except BudgetError:
                    context.leave_out(
                        f"who gets to {port.title} ({hook}, IPv{family}): too many rules cross each other"
                    )


def _decided(
    context: Context, few: Firewall, hook: Hook, family: Family, region: tuple[Test, ...]
) -> tuple[Piece, ...]:
    """What rules that were made for few ports accept."""
    led = {rule.action.chain for rule in few.rules() if isinstance(rule.action, Jump) and _names_ports(rule)}
    behind = {id(rule.span) for name in led for rule in few.chains[name].rules}

    def told(rule: FirewallRule) -> bool:
        return _names_ports(rule) or id(rule.span) in behind

    return context.reach.decided(few, hook, family, region, ACCEPTED, told=told)


def _is_old(port: Port) -> bool:
    """Whether it is, and nothing else is known by its number in the first place."""
    return port.status.state in _OLD and port.listing is Listing.PRIMARY and not port.negotiated


def _numbers(ports: list[Port], transport: Transport) -> Intervals:
    return normalize(pair for port in ports for pair in port.match.get(transport, ()))


def _note(context: Context, piece: Piece, rules: dict[Place, list[_Opened]]) -> None:
    rule, step = piece.rule, piece.step
    found = services(piece.ports, context.database, _is_old)
    if rule is None or step is None or piece.sure.is_empty:
        return
    if _names_ports(rule) or (not _asks_ports(rule) and _led_to_by_ports(context.firewall, step.chain)):
        rules.setdefault(place_of(rule.span), []).append(_Opened(rule, piece, found))


def _led_to_by_ports(firewall: Firewall, chain: str) -> bool:
    """Whether every rule that leads to the chain was made for few ports."""
    leading = [rule for rule in firewall.rules() if isinstance(rule.action, Jump) and rule.action.chain == chain]
    return bool(leading) and all(map(_names_ports, leading))


def _names_ports(rule: FirewallRule) -> bool:
    """Whether the rule was made for few ports."""
    return _asks_ports(rule) and all(size(values) < _MOST_PORTS for values in _ports(rule))


def _asks_ports(rule: FirewallRule) -> bool:
    return any(True for _ in _ports(rule))


def _ports(rule: FirewallRule) -> Iterator[Intervals]:
    for test in rule.tests:
        if isinstance(test, IntegerTest) and test.field is Field.DESTINATION_PORT:
            yield test.values


def _rules_of_strangers(context: Context) -> set[Place]:
    return {
        place_of(entry.piece.rule.span)
        for hook, family in context.parts
        if hook is not Hook.OUTPUT
        for entry in context.reach.entries(hook, family)
        if entry.piece.rule is not None and entry.sure
    }


def _finding(context: Context, several: list[_Opened], strangers: bool) -> Iterator[Finding]:
    rule = several[0].rule
    database = context.database
    found = list(together(each for one in several for each in one.old))
    explained = [each for each in found if _explained(rule.comment, each.port, database)]
    found = [each for each in found if each not in explained or each.port.status.state is State.OBSOLETE]
    if not found:
        return
    obsolete = any(each.port.status.state is State.OBSOLETE for each in found)
    word = "obsolete" if all(each.port.status.state is State.OBSOLETE for each in found) else "old"
    ranks = [Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    severity = ranks[(not obsolete) + (not strangers)]
    if all(each in explained for each in found):
        severity = Severity.INFO
    asked = " or ".join(list(dict.fromkeys(each.port.title for each in found))[:_APPLICATIONS])
    verb = "is" if len(found) == 1 else "are"
    hooks = (one.piece.hook for one in several)
    yield finding(
        CHECK,
        f"{named(found)} {verb} {word} and open on {where(hooks)}: does anything here use {asked}? If not, close it",
        rule,
        severity=severity,
        details=[*_notes(found, database), *shown((only(one.piece, one.old) for one in several), free=_GIVEN)],
    )


#: What is so of all of them.
_GIVEN = frozenset(
    {Field.STATE, Field.TCP_FLAGS, Field.SOURCE_TYPE, Field.DESTINATION_TYPE, Field.MARK, Field.CONNECTION_MARK}
)


def _notes(found: list[Service], database: Database) -> Iterator[str]:
    users = list(dict.fromkeys(a.title for each in found for a in database.applications_using(each.port.id)))
    if users:
        yield f"used by: {'; '.join(users[:_USERS])}"
    for each in found[:_APPLICATIONS]:
        status = each.port.status
        note = f"; {status.note}" if status.note else ""
        yield f"{each.port.title}: {status.state}{f' since {status.since}' if status.since else ''}{note}"


def _explained(comment: str, port: Port, database: Database) -> bool:
    """Whether the comment names an application that uses the port."""
    said = comment.lower()
    return any(
        len(name) >= _SHORTEST and name.lower() in said
        for application in database.applications_using(port.id)
        for name in (application.id, application.title, *application.aliases)
    )
