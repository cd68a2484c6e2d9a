"""What is known of conversations that negotiate ports: who says what in which flow, and how it looks when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One line of a ladder: a packet, or the messages of a connection that are told as one."""

    #: Ids of the flow that carries it; the first one that a policy chooses counts.
    flows: tuple[str, ...]
    #: What people call it, in few letters: ``SETUP``.
    says: str
    means: str = ""
    #: Whether it is the first packet of its flow, so that a firewall decides about it.
    begins: bool = False
    #: Whether it goes against the direction of its flow.
    back: bool = False
    #: Whether it goes to the multicast group of the flow's port.
    to_group: bool = False
    #: Whether it is the unicast answer to a message that went to a group.
    answers: bool = False
    #: The role whose party sends it, where the flow's own role may be several parties.
    by: str = ""
    #: Added to the first port of the flow: 1 for RTCP.
    offset: int = 0
    #: Flows whose addresses and ports it tells.
    announces: tuple[str, ...] = ()
    #: Whether what it tells may be at anybody's, and a helper follows it there: a gatekeeper names who is called.
    elsewhere: bool = False
    #: Flows that end with it.
    closes: tuple[str, ...] = ()


class CallPart(NamedTuple):
    """A piece of a conversation; a ladder has it where the policy chooses one flow of each of its messages."""

    id: str
    title: str
    messages: tuple[Message, ...]


class CallForm(NamedTuple):
    """A way in which a conversation goes: slow start, fast connect."""

    id: str
    title: str
    #: Media strategies with which it is shown unasked.
    strategies: tuple[str, ...]
    #: Flows of which a policy must choose one, for this form to make sense; the first one leads.
    needs: tuple[str, ...]
    parts: tuple[str, ...]
    #: Parts that it has whatever the policy chooses.
    always: tuple[str, ...] = ()
    note: str = ""


class Symptom(NamedTuple):
    """What people see when a flow is blocked, and the usual cause."""

    sees: str
    cause: str
    flows: tuple[str, ...] = ()


class Watch(NamedTuple):
    """A command that shows a conversation at work, and what it shows where all is well.

    In `run` and `healthy` the words in braces are filled in: ``{caller}``, ``{callee}`` (addresses), ``{tcp}``,
    ``{udp}``, ``{udp1}`` (ports that were agreed).
    """

    run: str
    dialects: tuple[str, ...]
    #: Media strategies with which it is of use; () means all.
    strategies: tuple[str, ...] = ()
    healthy: tuple[str, ...] = ()
    means: str = ""


class Conversation(NamedTuple):
    """How some applications talk, which have the same flows."""

    applications: tuple[str, ...]
    parts: tuple[CallPart, ...]
    forms: tuple[CallForm, ...]
    #: Flow -> the helper of connection tracking that reads it where a helper expected it.
    attached: Mapping[str, str]
    #: How long a helper expects what nobody begins, such as ``240 s``; "" where that was not measured.
    pending: str = ""
    symptoms: tuple[Symptom, ...] = ()
    watches: tuple[Watch, ...] = ()
    sources: tuple[str, ...] = ()

    def part(self, id: str) -> CallPart:
        """The part of that id.

        Raises:
            KeyError: there is none.
        """
        for part in self.parts:
            if part.id == id:
                return part
        raise KeyError(id)

    def of_form(self, form: CallForm) -> tuple[CallPart, ...]:
        """The parts of a form, in order."""
        return tuple(self.part(id) for id in form.parts)


class CallEnd(NamedTuple):
    """When a dialect's firewall forgets a connection."""

    dialects: tuple[str, ...]
    tcp: str
    udp: str


def _message(value: Mapping[str, Any]) -> Message:
    flow = value["flow"]
    return Message(
        flows=tuple(flow) if isinstance(flow, list) else (flow,),
        says=value["says"],
        means=value.get("means", ""),
        begins=value.get("begins", False),
        back=value.get("back", False),
        to_group=value.get("to_group", False),
        answers=value.get("answers", False),
        by=value.get("by", ""),
        offset=value.get("offset", 0),
        announces=tuple(value.get("announces", ())),
        elsewhere=value.get("elsewhere", False),
        closes=tuple(value.get("closes", ())),
    )


def conversation(value: Mapping[str, Any]) -> Conversation:
    """An entry of the data section ``calls``."""
    return Conversation(
        applications=tuple(value["applications"]),
        parts=tuple(
            CallPart(part["id"], part["title"], tuple(_message(each) for each in part["messages"]))
            for part in value["parts"]
        ),
        forms=tuple(
            CallForm(
                id=form["id"],
                title=form["title"],
                strategies=tuple(form.get("strategies", ())),
                needs=tuple(form["needs"]),
                parts=tuple(form["parts"]),
                always=tuple(form.get("always", ())),
                note=form.get("note", ""),
            )
            for form in value["forms"]
        ),
        attached=dict(value.get("attached", {})),
        pending=value.get("pending", ""),
        symptoms=tuple(
            Symptom(each["sees"], each["cause"], tuple(each.get("flows", ()))) for each in value.get("symptoms", ())
        ),
        watches=tuple(
            Watch(
                run=each["run"],
                dialects=tuple(each["dialects"]),
                strategies=tuple(each.get("strategies", ())),
                healthy=tuple(each.get("healthy", ())),
                means=each.get("means", ""),
            )
            for each in value.get("watches", ())
        ),
        sources=tuple(value["sources"]),
    )


def conversations(values: Iterable[Mapping[str, Any]]) -> dict[str, Conversation]:
    """Application id -> how it talks."""
    found: dict[str, Conversation] = {}
    for value in values:
        each = conversation(value)
        found |= dict.fromkeys(each.applications, each)
    return found


def call_ends(values: Iterable[Mapping[str, Any]]) -> dict[str, CallEnd]:
    """Dialect -> when its firewall forgets a connection."""
    found: dict[str, CallEnd] = {}
    for value in values:
        each = CallEnd(tuple(value["dialects"]), value["tcp"], value["udp"])
        found |= dict.fromkeys(each.dialects, each)
    return found
