"""How severe a change is: by what it does, who is at the other end, and what is behind the ports.

**Widened**, of packets that can open a connection. Who is at the other end is told by `fwadvisor.review.reach`, how
risky the ports are by `fwadvisor.review.exposed`: towards strangers for `internet` and `wide`, else in a local network.

| to this machine | critical | high | medium | low |
|---|---|---|---|---|
| internet | critical | high | medium | low |
| wide | high | medium | low | low |
| network | high | high | medium | low |
| hosts | medium | medium | low | low |
| link | low | low | low | low |
| loopback | info | info | info | info |

Through this machine (`forward`) it is one step less, from it (`output`) two, where the other end is the destination;
but not less than low. Packets that open no connection (no NEW state, or TCP without SYN alone): low.

**Narrowed**, the first line that fits:

| what is no longer accepted | severity |
|---|---|
| anything on the loopback interface | high |
| packets of established connections, where no port is named or no new connection is blocked with them | high |
| to or from this machine: neighbour discovery (ICMPv6 133-136) that a neighbour can send | high |
| to this machine: new connections to a service by which it is administered (`lockout` in the port database) | high |
| the errors that path MTU discovery and others need (ICMP 3, 11, 12; ICMPv6 1-4) | medium |
| new connections that an application needs (`core` flows in its direction), unless it is obsolete | medium |
| new connections on 1000 or more ports, or of any protocol | medium |
| packets that are related to a connection, where no port is named | medium |
| anything else | low |

**Changed** (dropped or rejected): low. **Treated** otherwise: low, on loopback alone info. **Relogged**: info.
**Unknown**: high. A change of several regions is as severe as the worst of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Field
from fwadvisor.model.interval import Intervals, contains, covers, intersect, size
from fwadvisor.model.rule import Hook, State
from fwadvisor.packets import RawBox
from fwadvisor.packets.box import ReadableBox
from fwadvisor.packets.box_text import said
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Flow, Risk
from fwadvisor.ports.facts import State as In
from fwadvisor.review.changes import Kind
from fwadvisor.review.exposed import (
    WIDE,
    belongs,
    exposed,
    fits,
    flows_in,
    goes_on,
    icmp_of,
    neighbours_in,
    opens,
    port_words,
    ports_of,
    protocols_of,
    when,
)
from fwadvisor.review.findings import Severity
from fwadvisor.review.reach import Reach, other_end

_C, _H, _M, _L, _I = Severity
#: Reach -> the severity for each risk, the worst first, to this machine.
_TABLE: dict[Reach, tuple[Severity, ...]] = {
    Reach.INTERNET: (_C, _H, _M, _L),
    Reach.WIDE: (_H, _M, _L, _L),
    Reach.NETWORK: (_H, _H, _M, _L),
    Reach.HOSTS: (_M, _M, _L, _L),
    Reach.LINK: (_L, _L, _L, _L),
    Reach.LOOPBACK: (_I, _I, _I, _I),
}
_LESS = {Hook.INPUT: 0, Hook.FORWARD: 1, Hook.OUTPUT: 2}
_STATES: Intervals = ((0, len(STATES) - 1),)
_ERRORS: dict[Family, Intervals] = {
    Family.IPV4: ((3 * 256, 4 * 256 - 1), (11 * 256, 13 * 256 - 1)),
    Family.IPV6: ((256, 5 * 256 - 1),),
}


@dataclass(frozen=True, slots=True)
class Rating:
    """A severity, and why in one sentence."""

    severity: Severity
    why: str


def rate(
    kind: Kind, hook: Hook, regions: Sequence[ReadableBox], database: Database, outcomes: tuple[str, str] = ("", "")
) -> tuple[Severity, str]:
    """The severity of a change, and why in one sentence without a full stop."""
    match kind:
        case Kind.WIDENED:
            ratings = [_widened(each.raw, hook, database) for each in regions]
        case Kind.NARROWED:
            ratings = [_narrowed(each.raw, hook, database) for each in regions]
        case Kind.CHANGED:
            ratings = [_changed(outcomes)]
        case Kind.TREATED:
            ratings = [_treated([each.raw for each in regions], outcomes)]
        case Kind.RELOGGED:
            ratings = [Rating(Severity.INFO, "only the log differs")]
        case Kind.UNKNOWN:
            text = "nobody can say what happens to these packets, as parts of the rules are not understood"
            ratings = [Rating(Severity.HIGH, text)]
    worst = min(ratings, key=lambda each: each.severity.rank)
    return worst.severity, worst.why


def _changed(outcomes: tuple[str, str]) -> Rating:
    if outcomes[1] == "reject":
        return Rating(Severity.LOW, "the senders are told now that nobody answers here, and that there is a machine")
    return Rating(Severity.LOW, "the senders are no longer told, and wait until they give up")


def _treated(regions: Sequence[RawBox], outcomes: tuple[str, str]) -> Rating:
    before, after = (each.removeprefix("accept").strip() for each in outcomes)
    if before and after:
        said = f"accepted as before, but {after} instead of {before}"
    else:
        said = f"accepted as before, but {after}" if after else f"accepted as before, but no longer {before}"
    if all(other_end(each).reach is Reach.LOOPBACK for each in regions):
        return Rating(Severity.INFO, f"{said}, and only from the machine to itself")
    return Rating(Severity.LOW, said)


# --- widened -----------------------------------------------------------------------------------


def _widened(region: RawBox, hook: Hook, database: Database) -> Rating:
    end = other_end(region)
    if end.reach is Reach.LOOPBACK:
        return Rating(Severity.INFO, "only the machine itself sends them, over the loopback interface")
    if not opens(region):
        return Rating(Severity.LOW, f"no connection is opened by packets that are {_unopening(region)}")
    what = exposed(region, database, end.reach <= Reach.WIDE)
    base = _TABLE[end.reach][list(Risk).index(what.risk)]
    severity = list(Severity)[min(base.rank + _LESS[hook], Severity.LOW.rank)]
    if hook is Hook.OUTPUT:
        where = "on the internet" if end.reach is Reach.INTERNET else f"at {end.text}"
        return Rating(severity, f"this machine reaches {what.text} {where}")
    behind = " behind this machine" if hook is Hook.FORWARD else ""
    return Rating(severity, f"{end.text} {_reaches(end.text)} {what.text}{behind}")


def _reaches(who: str) -> str:
    """One reaches, several reach."""
    return "reach" if "," in who.partition(" except ")[0] else "reaches"


def _unopening(region: RawBox) -> str:
    states = region.integers.get(Field.STATE)
    if states is None or contains(states, STATES.index(State.NEW)):
        return "TCP without a SYN alone"
    return said(Field.STATE, states, region.family, None)


# --- narrowed ----------------------------------------------------------------------------------


def _narrowed(region: RawBox, hook: Hook, database: Database) -> Rating:
    rating = next(_why_narrowed(region, hook, database))
    if not region.conditions:
        return rating
    # What is blocked now and then, or for some, is a nuisance and cuts nobody off.
    severity = max(rating.severity, Severity.MEDIUM, key=lambda each: each.rank)
    return Rating(severity, f"{rating.why}, {when(region)}")


def _why_narrowed(region: RawBox, hook: Hook, database: Database) -> Iterator[Rating]:
    """Everything that is bad about packets that are blocked, in the order of the table."""
    always = not region.conditions
    if other_end(region).reach is Reach.LOOPBACK:
        yield Rating(Severity.HIGH, "programs of this machine no longer reach each other over the loopback interface")
    new, known = opens(region), goes_on(region)
    if known and (not new or not _names_ports(region)) and _carries(region):
        so = ", so every connection breaks" if always else ""
        yield Rating(Severity.HIGH, f"packets of established connections are blocked{so}")
    yield from _blocked_icmp(region)
    if new:
        yield from _blocked_services(region, hook, database)
    if belongs(region) and not _names_ports(region) and _carries(region):
        yield Rating(Severity.MEDIUM, "what belongs to a connection is blocked: errors about it, negotiated media")
    yield Rating(Severity.LOW, _little(region, new))


def _carries(region: RawBox) -> bool:
    """Whether packets of a protocol with ports are among them."""
    return bool(ports_of(region))


def _names_ports(region: RawBox) -> bool:
    return Field.DESTINATION_PORT in region.integers or Field.SOURCE_PORT in region.integers


def _blocked_icmp(region: RawBox) -> Iterator[Rating]:
    blocked = neighbours_in(region)
    if blocked:
        which = said(Field.ICMP, blocked, region.family, None)
        text = f"neighbour discovery (ICMPv6 type {which}) is blocked, without which IPv6 does not work"
        yield Rating(Severity.HIGH, text)
    errors = intersect(icmp_of(region), _ERRORS[region.family])
    if errors:
        name = "ICMP" if region.family is Family.IPV4 else "ICMPv6"
        which = said(Field.ICMP, errors, region.family, None)
        yield Rating(Severity.MEDIUM, f"{name} errors (type {which}) are blocked, so connections can hang")


def _blocked_services(region: RawBox, hook: Hook, database: Database) -> Iterator[Rating]:
    who = other_end(region).text
    flows = [
        (application, flow, numbers)
        for application, flow, numbers in flows_in(region, database)
        if application.status.state is not In.OBSOLETE and fits(application, flow, hook)
    ]
    needed = [each for each in flows if each[1].need == "core"]
    if hook is Hook.INPUT:
        for application, flow, numbers in needed:
            if application.lockout:
                what = f"{port_words(numbers, flow.transport)} ({application.title})"
                text = f"{who} no longer {_reaches(who)} {what}"
                if not region.conditions:
                    text += ", and whoever administers it from there is locked out"
                yield Rating(Severity.HIGH, text)
    for application, flow, numbers in needed:
        yield Rating(Severity.MEDIUM, f"{application.title} needs {_blocked(region, flow, numbers, database)}")
    for transport, ports in ports_of(region).items():
        if size(ports) >= WIDE:
            yield Rating(Severity.MEDIUM, f"{size(ports)} {transport.upper()} ports are blocked")
    for application, flow, numbers in flows:
        yield Rating(Severity.LOW, f"{application.title} may use {_blocked(region, flow, numbers, database)}")


def _blocked(region: RawBox, flow: Flow, numbers: Intervals, database: Database) -> str:
    """What of a flow is blocked, and for whom."""
    title, who = database.ports[flow.port].title, other_end(region).text
    what = f"{port_words(numbers, flow.transport)} ({title})" if numbers else title
    return f"{what}, which is blocked {'towards' if region.hook is Hook.OUTPUT else 'from'} {who}"


def _little(region: RawBox, new: bool) -> str:
    if not new:
        return f"only packets that are {_unopening(region)} are blocked"
    if covers(((1, 1), (58, 58)), protocols_of(region)):
        return "no type of ICMP that connections need is blocked"
    return "no application that is known and in use has a use for what is blocked"
