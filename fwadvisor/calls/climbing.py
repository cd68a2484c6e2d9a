"""The way down a ladder: each message as a packet, with what connection tracking knows when it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from fwadvisor.addresses import address_set
from fwadvisor.calls.asking import answer
from fwadvisor.calls.ladder import Announced, Answer, CallLadder, Fate, LadderStep, Party
from fwadvisor.calls.packets import Addresses, Numbers, numbers_of, packet
from fwadvisor.calls.talks import Chosen, Talk, Way, forms, resolve, talks, ways
from fwadvisor.compile.flows import Path, zone_of
from fwadvisor.compile.media import HIGH_PORTS, negotiates
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import FAMILIES, Family, format_address
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.interval import size
from fwadvisor.model.policy import Policy, Zone
from fwadvisor.model.rule import Hook, State
from fwadvisor.ports.call_facts import CallForm, CallPart, Message
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import HelperFacts

_BACK = {Hook.INPUT: Hook.OUTPUT, Hook.OUTPUT: Hook.INPUT, Hook.FORWARD: Hook.FORWARD}


@dataclass(frozen=True, slots=True)
class _Connection:
    """A flow that began: its path, its ports, who reads it, and the number of the message that blocked it, or 0."""

    path: Path
    numbers: Numbers
    helper: str = ""
    blocked_by: int = 0

    @property
    def zones(self) -> tuple[Zone, Zone]:
        return self.path.source, self.path.destination


@dataclass
class _Climb:
    """One ladder in the making."""

    policy: Policy
    database: Database
    talk: Talk
    form: CallForm
    way: Way
    firewall: Firewall
    addresses: Addresses
    #: Whether this dialect has connection tracking with helpers.
    follows: bool
    steps: list[LadderStep] = field(default_factory=list)
    connections: dict[tuple[str, int], _Connection] = field(default_factory=dict)
    #: Flow -> the connection in which its numbers were told.
    told: dict[str, _Connection] = field(default_factory=dict)
    #: Flows that may go to anybody, as whoever told of them may name anybody.
    anywhere: set[str] = field(default_factory=set)
    parties: dict[str, set[str]] = field(default_factory=dict)

    def climb(self) -> None:
        for part in self.talk.conversation.of_form(self.form):
            if self._has(part):
                for message in part.messages:
                    self._message(part, message)

    def _has(self, part: CallPart) -> bool:
        """Whether the policy chooses what the part needs, and this machine sees it."""
        for message in part.messages:
            if self.talk.chosen(message.flows) is None and part.id not in self.form.always:
                return False
            chosen = self._chosen(message)
            if chosen is None or self._path(chosen, message) is None:
                return False
        return True

    def _chosen(self, message: Message) -> Chosen | None:
        return self.talk.flow(message.flows)

    def _path(self, chosen: Chosen, message: Message) -> Path | None:
        """The path of the message's flow, in the direction of the flow."""
        path = resolve(self.policy, chosen, self.way.roles, message.by, strict=False)
        if path is None:
            return None
        if any(self.addresses.of(zone) is None for zone in (path.source, path.destination)):
            return None
        return path

    def _message(self, part: CallPart, message: Message) -> None:
        chosen = self._chosen(message)
        path = self._path(chosen, message) if chosen else None
        if chosen is None or path is None:
            return
        if message.to_group:
            self._question(part, message, chosen, path)
        elif message.answers:
            self._answer(part, message, chosen, path)
        elif message.begins:
            self._begin(part, message, chosen, path)
        else:
            self._continue(part, message, chosen)

    # -- kinds of messages --

    def _question(self, part: CallPart, message: Message, chosen: Chosen, path: Path) -> None:
        ports = self.database.flow_ports(chosen.flow) or ()
        source = chosen.flow.answer_to[0][0] if chosen.flow.answer_to else ports[0][0]
        numbers = Numbers(ports[0][0], source)
        names = self.database.ports[chosen.flow.port].multicast_groups
        group = Zone(name=f"group {', '.join(names)}", addresses=address_set(names, f"{chosen.flow.port} group"))
        asked = self._ask(Path(path.hook, path.source, group), chosen, numbers, State.NEW, group=True)
        if asked is not None:
            self._begun(part, message, chosen, path, numbers, asked)
            address = format_address(asked.packet.destination, self.addresses.family)
            self.steps[-1] = replace(self.steps[-1], group=address)

    def _answer(self, part: CallPart, message: Message, chosen: Chosen, path: Path) -> None:
        """The answer to a question that went to a group: a new connection from a port of the flow."""
        ports = self.database.flow_ports(chosen.flow) or ()
        source = chosen.flow.answer_from or ports
        numbers = Numbers((chosen.flow.answer_to or HIGH_PORTS)[0][0], source[0][0])
        back = Path(_BACK[path.hook], path.destination, path.source)
        asked = self._ask(back, chosen, numbers, State.NEW)
        if asked is not None:
            self._begun(part, message, chosen, back, numbers, asked)

    def _begin(self, part: CallPart, message: Message, chosen: Chosen, path: Path) -> None:
        negotiated = negotiates(self.talk.application, chosen.flow, self.database)
        told = self.told.get(chosen.flow.id)
        if negotiated and told is None:
            self._unreached(part, message, chosen, path, self._blocker())
            return
        numbers = numbers_of(chosen, message.offset, self.database, negotiated=negotiated)
        plain = self._ask(path, chosen, numbers, State.NEW)
        if plain is None:
            return
        master = self._expected(told, path, elsewhere=chosen.flow.id in self.anywhere)
        expected = self._ask(path, chosen, numbers, State.RELATED, master) if master else None
        self._begun(part, message, chosen, path, numbers, expected or plain, plain if expected else None)
        if expected and told and chosen.flow.id not in self.anywhere:
            signals = {zone.name for zone in told.zones}
            others = [zone.name for zone in (path.source, path.destination) if zone.name not in signals]
            self.steps[-1] = replace(self.steps[-1], others=tuple(others))

    def _expected(self, told: _Connection | None, path: Path, *, elsewhere: bool) -> str:
        """The helper that expects a connection on this path; most expect it of the parties that signal only."""
        if told is None or not told.helper:
            return ""
        ends = {self.addresses.of(zone) for zone in (path.source, path.destination)}
        if not elsewhere and ends != {self.addresses.of(zone) for zone in told.zones}:
            return ""
        facts = self.facts(told.helper)
        return told.helper if facts and self.addresses.family in facts.families else ""

    def facts(self, helper: str) -> HelperFacts | None:
        for facts in self.database.helpers.values():
            if helper in facts.internal or any(kind.type == helper for kind in facts.types):
                return facts
        return None

    def _begun(
        self,
        part: CallPart,
        message: Message,
        chosen: Chosen,
        path: Path,
        numbers: Numbers,
        asked: Answer,
        unread: Answer | None = None,
    ) -> None:
        blocked = 0 if asked.passes else len(self.steps) + 1
        helper = self.talk.conversation.attached.get(chosen.flow.id, "") if unread else asked.helper
        connection = _Connection(path, numbers, helper, blocked)
        self.connections[chosen.flow.id, message.offset] = connection
        self._step(part, message, chosen, path, connection, asked, unread)

    def _continue(self, part: CallPart, message: Message, chosen: Chosen) -> None:
        connection = self.connections.get((chosen.flow.id, message.offset))
        if connection is None or connection.blocked_by:
            path = connection.path if connection else self._path(chosen, message)
            if path is not None:
                travelled = _reversed(path) if message.back else path
                self._unreached(
                    part, message, chosen, travelled, connection.blocked_by if connection else self._blocker()
                )
            return
        path, numbers = connection.path, connection.numbers
        ports = numbers.source_port, numbers.port or 0
        if message.back:
            path, ports = _reversed(path), (ports[1], ports[0])
        asked = packet(path, self.addresses, chosen.flow.protocols()[0], ports, State.ESTABLISHED)
        if asked is not None:
            self._step(part, message, chosen, path, connection, answer(self.firewall, asked))

    def _blocker(self) -> int:
        """The last message that was blocked."""
        return next((step.number for step in reversed(self.steps) if step.fate is Fate.BLOCKED), 0)

    def _ask(
        self, path: Path, chosen: Chosen, numbers: Numbers, state: State, helper: str = "", *, group: bool = False
    ) -> Answer | None:
        ports = numbers.source_port, numbers.port or 0
        asked = packet(path, self.addresses, chosen.flow.protocols()[0], ports, state, helper, group=group)
        return None if asked is None else answer(self.firewall, asked)

    # -- steps --

    def _step(
        self,
        part: CallPart,
        message: Message,
        chosen: Chosen,
        path: Path,
        connection: _Connection,
        asked: Answer,
        unread: Answer | None = None,
    ) -> None:
        fate = Fate.PASSES if asked.passes else Fate.BLOCKED
        begins = message.begins or message.to_group or message.answers
        kept = connection.numbers.kept
        if kept and (size(kept) == 1 or not begins or (asked.deciders[-1:] and asked.deciders[-1].is_default)):
            kept = None
        self._add(
            part,
            message,
            chosen,
            path,
            port=connection.numbers.port,
            begins=begins,
            fate=fate,
            answer=asked,
            unread=unread,
            always_open=kept,
            announces=tuple(self._announce(message, connection)) if asked.passes else (),
            closes=tuple(each for each in message.closes if any(id == each for id, _ in self.connections)),
        )

    def _unreached(self, part: CallPart, message: Message, chosen: Chosen, path: Path, because_of: int) -> None:
        self._add(
            part,
            message,
            chosen,
            path,
            port=None,
            begins=message.begins,
            fate=Fate.UNREACHED,
            answer=None,
            because_of=because_of,
        )

    def _add(
        self,
        part: CallPart,
        message: Message,
        chosen: Chosen,
        path: Path,
        *,
        port: int | None,
        begins: bool,
        fate: Fate,
        answer: Answer | None,
        unread: Answer | None = None,
        always_open: tuple[tuple[int, int], ...] | None = None,
        announces: tuple[Announced, ...] = (),
        closes: tuple[str, ...] = (),
        because_of: int = 0,
    ) -> None:
        flow = chosen.flow
        for zone, role in ((path.source, flow.source_role), (path.destination, flow.destination_role)):
            self.parties.setdefault(zone.name, set()).add(role)
        self.steps.append(
            LadderStep(
                number=len(self.steps) + 1,
                part=part.title,
                says=message.says,
                means=message.means,
                flow=flow.id,
                transport=str(flow.transport),
                source=path.source.name,
                destination=path.destination.name,
                port=port,
                begins=begins,
                fate=fate,
                answer=answer,
                unread=unread,
                always_open=always_open,
                announces=announces,
                closes=closes,
                because_of=because_of,
            )
        )

    def _announce(self, message: Message, connection: _Connection) -> Iterator[Announced]:
        for id in message.announces:
            chosen = self.talk.flow((id,))
            path = resolve(self.policy, chosen, self.way.roles, strict=False) if chosen else None
            if chosen is None or path is None:
                continue
            self.told[id] = connection
            if message.elsewhere:
                self.anywhere.add(id)
            negotiated = negotiates(self.talk.application, chosen.flow, self.database)
            numbers = numbers_of(chosen, 0, self.database, negotiated=negotiated)
            expected = self._expected(connection, path, elsewhere=message.elsewhere)
            if numbers.port is not None:
                yield Announced(id, str(chosen.flow.transport), numbers.port, expected)


def _reversed(path: Path) -> Path:
    return Path(_BACK[path.hook], path.destination, path.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which ladders to make; () means those that fit."""

    forms: Sequence[str] = ()
    #: ``in``, ``out``, ``through``.
    ways: Sequence[str] = ()
    applications: Sequence[str] = ()
    #: None: the first IP version in which the parties have addresses.
    family: Family | None = None


def ladders(
    policy: Policy, database: Database, capabilities: Capabilities, firewall: Firewall, wanted: Wanted
) -> list[CallLadder]:
    """The ladders of every conversation of a policy under the rules of one dialect, as they were written and read back.

    Raises:
        FwadvisorError: negotiated flows cannot be served, or rules cannot be evaluated.
    """
    found: list[CallLadder] = []
    for talk in talks(policy, database, capabilities):
        if wanted.applications and talk.application.id not in wanted.applications:
            continue
        for form in forms(talk, wanted.forms):
            for way in ways(policy, talk, form):
                families = FAMILIES if wanted.family is None else (wanted.family,)
                each = None
                for family in families:
                    each = each or _ladder(policy, database, capabilities, firewall, talk, form, way, family)
                if each is not None and (not wanted.ways or each.way in wanted.ways):
                    found.append(each)
    return found


def _ladder(
    policy: Policy,
    database: Database,
    capabilities: Capabilities,
    firewall: Firewall,
    talk: Talk,
    form: CallForm,
    way: Way,
    family: Family,
) -> CallLadder | None:
    """One ladder; None where its leading flow has no ends in this IP version, or the rules do not see it."""
    if way.hook not in firewall.hooks or family not in firewall.families:
        return None
    names = dict.fromkeys(
        name for chosen in talk.flows.values() for ends in chosen.ends() for side in ends for name in side
    )
    zones = tuple(zone_of(policy, name) for name in names)
    addresses = Addresses(family, zones, _within(policy, database, talk))
    climb = _Climb(policy, database, talk, form, way, firewall, addresses, follows=bool(capabilities.helpers))
    climb.climb()
    leads = {step.flow for step in climb.steps if step.begins} & set(form.needs)
    if not leads:
        return None
    ends = database.call_ends.get(capabilities.dialect)
    return CallLadder(
        application=talk.application.id,
        title=talk.application.title,
        form=form.id,
        form_title=form.title,
        needs=form.needs,
        note=form.note,
        dialect=capabilities.dialect,
        hook=way.hook,
        family=family,
        strategy=talk.service.strategy if talk.service else None,
        parties=tuple(_parties(climb, addresses)),
        steps=tuple(climb.steps),
        pending=talk.conversation.pending,
        limits=tuple(_limits(climb, way.hook)),
        ends=(("tcp", ends.tcp), ("udp", ends.udp)) if ends else (),
    )


def _limits(climb: _Climb, hook: Hook) -> Iterator[str]:
    """What the helpers that expect something in this ladder do not follow."""
    helpers = {step.answer.packet.helper for step in climb.steps if step.unread and step.answer}
    used = {facts.id: facts for helper in sorted(helpers) if (facts := climb.facts(helper))}
    for facts in used.values():
        if facts.limits:
            yield f"The {facts.id} helper does not follow {'; '.join(facts.limits)}."
        family = climb.addresses.family
        if hook is Hook.FORWARD and facts.nat_families and family not in facts.nat_families:
            yield (
                f"Behind a translation of IPv{family.value} (masquerade) the {facts.id} helper rewrites no address, so "
                "media towards the inside is lost."
            )


def _within(policy: Policy, database: Database, talk: Talk) -> dict[str, Zone]:
    """Zones that only negotiated flows name, and a zone inside each that the other flows name."""
    fixed: dict[str, Zone] = {}
    agreed: dict[str, Zone] = {}
    for chosen in talk.flows.values():
        into = agreed if negotiates(talk.application, chosen.flow, database) else fixed
        into |= {name: zone_of(policy, name) for ends in chosen.ends() for side in ends for name in side}
    return {
        name: inner
        for name, zone in agreed.items()
        if name not in fixed and zone.addresses is not None
        for inner in fixed.values()
        if inner.addresses is not None and zone.addresses.covers(inner.addresses)
    }


def _parties(climb: _Climb, addresses: Addresses) -> Iterator[Party]:
    """The columns: this machine second, with the side that begins before it where it does not begin itself."""
    lead = next(step for step in climb.steps if step.flow in climb.form.needs)
    seen: dict[str, Party] = {}
    for name, roles in climb.parties.items():
        known = [zone for zone in addresses.zones if zone.name == name]
        zone = known[0] if known else None
        value = addresses.of(zone) if zone else None
        address = format_address(value, addresses.family) if value is not None else ""
        ordered = tuple(role for role in climb.talk.application.roles if role in _played(climb, name, roles))
        seen[name] = Party(name, ordered, address, here=zone is not None and zone.local)
    first = [lead.source, lead.destination]
    if climb.way.hook is Hook.OUTPUT:
        first.reverse()
    middle = [Party("firewall", (), "", here=True)] if climb.way.hook is Hook.FORWARD else []
    yield from (seen[first[0]], *middle, seen[first[1]])
    yield from (party for name, party in seen.items() if name not in first)


def _played(climb: _Climb, zone: str, roles: set[str]) -> set[str]:
    """The roles that a zone plays in this way."""
    cast = {role for role, name in climb.way.roles.items() if name == zone}
    return cast or roles
