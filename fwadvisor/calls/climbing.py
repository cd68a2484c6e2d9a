"""The way down a ladder: each message as a packet, with what connection tracking knows when it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fwadvisor.addresses import address_set
from fwadvisor.calls.asking import answer
from fwadvisor.calls.ladder import Announced, Answer, Fate, LadderStep
from fwadvisor.calls.packets import Addresses, Numbers, numbers_of, packet
from fwadvisor.calls.talks import Chosen, Talk, Way, resolve
from fwadvisor.compile.flows import Path
from fwadvisor.compile.media import HIGH_PORTS, negotiates
from fwadvisor.model.address import format_address
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
class Climb:
    """One ladder in the making."""

    policy: Policy
    database: Database
    talk: Talk
    form: CallForm
    way: Way
    firewall: Firewall
    addresses: Addresses
    steps: list[LadderStep] = field(default_factory=list)
    connections: dict[tuple[str, int], _Connection] = field(default_factory=dict)
    #: Flow -> the connection in which its numbers were told.
    told: dict[str, _Connection] = field(default_factory=dict)
    #: Flows that may go to anybody, as whoever told of them may name anybody.
    anywhere: set[str] = field(default_factory=set)
    parties: dict[str, set[str]] = field(default_factory=dict)

    def climb(self) -> None:
        """Go down the form, part by part."""
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
        """What is known of the helper that the kernel calls so."""
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
