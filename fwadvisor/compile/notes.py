"""The notes of a compilation: what was decided, what it costs, and what no rule can express."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fwadvisor.compile.flows import Selection, application_of
from fwadvisor.model.address import describe_addresses
from fwadvisor.model.interval import contains, format_ports, size
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import ANYONE, DefaultVerdict, Policy, Statement, StatementKind
from fwadvisor.model.rule import TCP, UDP, Hook, protocol_name
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Flow, Port, Risk

#: Ports by which administrators usually reach a machine.
_ADMIN_PORTS = (22, 3389, 5985, 5986)
#: The first port that a program without privileges can ask from.
_FIRST_HIGH = 1024
#: The profile whose needs are administration whatever port they name.
_ADMIN_PROFILE = "remote-admin"


def distinct(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The notes without repetitions, in the order of their topics."""
    order = list(Topic)
    return tuple(sorted(dict.fromkeys(notes), key=lambda note: order.index(note.topic)))


def defaults_differ(strictest: DefaultVerdict, declared: Sequence[DefaultVerdict]) -> Note:
    """The note for profiles that ask for different defaults."""
    others = ", ".join(f"{each.profile} asks for {each.verdict}" for each in declared if each is not strictest)
    return Note(
        id="strictest-default",
        topic=Topic.CONFLICT,
        text=f"The default of {strictest.hook} is {strictest.verdict}, as {strictest.profile} asks; {others}. "
        "Where profiles disagree the strictest default wins.",
        places=tuple(each.place for each in declared),
    )


# -- questions to a group -----------------------------------------------------------------------------------


def answer_notes(statement: Statement, answers: Sequence[Selection]) -> list[Note]:
    """What it costs to let the answers to multicast questions in."""
    ports: dict[str, dict[str, None]] = {}
    heard: dict[str, None] = {}
    for answer in answers:
        match = answer.match
        if answer.hook is Hook.INPUT and match.source_ports and match.destination_ports:
            said = (
                f"{protocol_name(match.protocols[0])} from port {format_ports(match.source_ports)} "
                f"to {format_ports(match.destination_ports)}"
            )
            ports.setdefault(describe_addresses(answer.path.source.addresses), {})[said] = None
            # A port below is its protocol's own, and nobody asks from another.
            if size(match.destination_ports) == 1 and match.destination_ports[0][0] >= _FIRST_HIGH:
                heard[format_ports(match.destination_ports)] = None
    only = f" What asks from another port than {' or '.join(heard)} hears no answer." if heard else ""
    return [
        Note(
            id="multicast-answers",
            topic=Topic.EXPOSURE,
            text=f"{statement.application}: the answer to a question that went to a group is a new connection to a "
            f"firewall, so {peers} may send {' and '.join(said)}, asked or not.{only}",
            places=(statement.place,),
        )
        for peers, said in ports.items()
    ]


# -- the whole policy ---------------------------------------------------------------------------------------


def policy_notes(policy: Policy, database: Database, needs: list[Selection], accepting: list[Hook]) -> list[Note]:
    """Residual risks of what is open, and the danger of locking oneself out; `accepting` let everything else pass."""
    return [
        *_risks(database, needs),
        *(_only_closes(policy) if Hook.INPUT in accepting else _lockout(needs)),
        *_cautions(policy, database),
    ]


def _risks(database: Database, needs: list[Selection]) -> list[Note]:
    """A note for each open port that is risky towards everybody."""
    found: list[Note] = []
    seen: dict[tuple[object, ...], list[Port]] = {}
    for need in needs:
        match = need.match
        if need.hook is Hook.OUTPUT or not _from_strangers(need):
            continue
        where = "anybody" if need.path.source.name == ANYONE else "the internet"
        if match.destination_ports is None:
            if not match.icmp and (not match.protocols or TCP in match.protocols or UDP in match.protocols):
                found.append(_every_port(need, where))
            continue
        key = match.protocols, match.destination_ports
        if key not in seen:
            seen[key] = _risky(database, *key)
        for port in seen[key]:
            found.append(
                Note(
                    id="open-to-everybody",
                    topic=Topic.RISK,
                    text=f"{port.title} is open to {where} ({need.origin.text}). Risk {port.risk_internet}: "
                    f"{port.risk_why}. Name the peers that need it.",
                    places=(need.statement.place,),
                )
            )
    return found


def _from_strangers(need: Selection) -> bool:
    """Whether the zone that may begin the connection is anybody or the internet."""
    source = need.path.source
    return source.name == "internet" or (source.addresses is None and not source.interfaces)


def _every_port(need: Selection, where: str) -> Note:
    return Note(
        id="open-to-everybody",
        topic=Topic.RISK,
        text=f"Every port is open to {where} ({need.origin.text}), with whatever listens there now or later. "
        "Name the ports and the peers that need them.",
        places=(need.statement.place,),
    )


def _risky(database: Database, protocols: tuple[int, ...], ports: tuple[tuple[int, int], ...]) -> list[Port]:
    transports = [transport for transport, number in PROTOCOL_NUMBERS.items() if number in protocols]
    return [
        port
        for port in database.ports.values()
        if port.risk_internet in (Risk.CRITICAL, Risk.HIGH)
        and not port.negotiated
        and any(
            contains(ports, value)
            for transport in transports
            for first, last in port.match.get(transport, ())
            for value in (first, last)
        )
    ]


def _only_closes(policy: Policy) -> list[Note]:
    """Where nothing is needed and no default is declared, this is no firewall yet."""
    if any(each.hook is Hook.INPUT for each in policy.defaults):
        return []
    return [
        Note(
            id="only-closes",
            topic=Topic.RISK,
            text="No profile here needs anything, so whatever they do not close stays open. For a machine that is "
            "closed but for its purpose, add the profiles of that purpose, or workstation or server-baseline.",
        )
    ]


def _lockout(needs: list[Selection]) -> list[Note]:
    for need in needs:
        match = need.match
        if need.hook is Hook.INPUT and match.source_ports is None and (not match.protocols or TCP in match.protocols):
            ports = match.destination_ports
            if ports is None or any(contains(ports, port) for port in _ADMIN_PORTS):
                return []
            if need.statement.profile == _ADMIN_PROFILE:
                return []
    return [
        Note(
            id="lockout",
            topic=Topic.RISK,
            text="No need opens remote administration (SSH, Remote Desktop, WinRM). Loaded over the network, this "
            "ruleset keeps your present connection at best and refuses the next one: add profile remote-admin, or "
            "load it at the console.",
        )
    ]


def _cautions(policy: Policy, database: Database) -> list[Note]:
    """What closing an application takes with it, in the knowledge's own words."""
    found: list[Note] = []
    for statement in policy.statements:
        if statement.kind is StatementKind.FORBID and statement.application:
            application = application_of(statement, database)
            deny = application.deny
            if deny.caution or deny.effective:
                edge = [flow for flow in application.flows if flow.id in deny.edge_only and not statement.only]
                said = [f"effect {deny.effective}"] if deny.effective else []
                said += [f"{_numbers(database, flow)} ({flow.id}) only towards the internet" for flow in edge]
                caution = f" Mind: {deny.caution}." if deny.caution else ""
                found.append(
                    Note(
                        id="forbid-effect",
                        topic=Topic.DECISION,
                        text=f"{application.title} is closed by port"
                        + "".join(f"; {each}" for each in said)
                        + f".{caution}",
                        places=(statement.place,),
                    )
                )
    return found


def _numbers(database: Database, flow: Flow) -> str:
    ports = database.flow_ports(flow)
    return f"{flow.transport} {format_ports(ports)}" if ports else flow.id
