"""A ladder: the messages of a conversation from the top down, and what the rules do with each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.policy import Strategy
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet


class Fate(StrEnum):
    """What becomes of a message."""

    PASSES = "passes"
    BLOCKED = "blocked"
    #: Its connection was blocked before, or nobody could say where it goes.
    UNREACHED = "does not happen"


@dataclass(frozen=True, slots=True)
class Party:
    """A column of the picture: a zone, its roles, and the address that stands for it."""

    zone: str
    roles: tuple[str, ...]
    #: "" where this machine only forwards.
    address: str
    #: Whether the rules run here.
    here: bool = False


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """What decides: a rule, or the default of a chain, with its place; `span` None where it has none."""

    span: Span | None
    text: str
    verdict: Verdict
    is_default: bool = False

    @property
    def place(self) -> str:
        """``nftables.nft:119``, or "" where it has none."""
        return f"{self.span.file}:{self.span.line}" if self.span else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the rules do with a packet."""

    packet: Packet
    verdict: Verdict
    #: Every rule that lets it on, in order, and at last what decides; () where no rule is asked.
    deciders: tuple[DecidingRule, ...]
    #: The helper of connection tracking that the rules attach to its connection, and the rule that does.
    helper: str = ""
    helper_rule: DecidingRule | None = None

    @property
    def passes(self) -> bool:
        """Whether it is accepted."""
        return self.verdict is Verdict.ACCEPT


@dataclass(frozen=True, slots=True)
class Announced:
    """A flow whose numbers a message tells."""

    flow: str
    transport: str
    port: int
    #: The helper that reads it and expects the flow; "" where nobody does.
    expected_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """One message."""

    number: int
    part: str
    says: str
    means: str
    flow: str
    transport: str
    #: Zones.
    source: str
    destination: str
    #: The destination port of the flow, whichever way the message goes; None where it has none.
    port: int | None
    #: The first packet of its flow: a firewall decides about it, and knows what follows.
    begins: bool
    fate: Fate
    #: None where it does not happen.
    answer: Answer | None
    #: With an expected packet: what the rules do with it where no helper could read the message that told of it.
    unread: Answer | None = None
    #: With an expected packet: its zones that hold hosts which do not signal, so that nobody expects it of those.
    others: tuple[str, ...] = ()
    #: The ports that stay open for its flow at all times, where they are a range.
    always_open: Intervals | None = None
    announces: tuple[Announced, ...] = ()
    closes: tuple[str, ...] = ()
    #: The multicast group that it goes to, "" where it goes to `destination` itself.
    group: str = ""
    #: For a message that does not happen: the number of the one that was blocked, or 0.
    because_of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLadder:
    """One conversation in one form, one way and one IP version, under the rules of one dialect."""

    application: str
    title: str
    form: str
    form_title: str
    #: The flows of which one leads.
    needs: tuple[str, ...]
    note: str
    dialect: str
    hook: Hook
    family: Family
    #: None where nothing is negotiated.
    strategy: Strategy | None
    parties: tuple[Party, ...]
    steps: tuple[LadderStep, ...]
    #: How long a helper expects what nobody begins; "" where that is not known.
    pending: str = ""
    #: What the helpers that take part do not follow, in sentences.
    limits: tuple[str, ...] = ()
    #: When connections are forgotten: transport -> sentence.
    ends: tuple[tuple[str, str], ...] = ()

    @property
    def blocked(self) -> tuple[LadderStep, ...]:
        """The messages that the rules block."""
        return tuple(step for step in self.steps if step.fate is Fate.BLOCKED)

    @property
    def way(self) -> str:
        """``in``, ``out`` or ``through``."""
        return {Hook.INPUT: "in", Hook.OUTPUT: "out", Hook.FORWARD: "through"}[self.hook]
