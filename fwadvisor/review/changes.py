"""What a review of two versions of a firewall comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Firewall, FirewallRule, Opaque
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Hook
from fwadvisor.model.walk import Packet
from fwadvisor.packets import PacketSet
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports.facts import Port, Transport
from fwadvisor.review.findings import Severity


class Kind(StrEnum):
    """What a change does to its packets."""

    #: They are accepted now.
    WIDENED = "widened"
    #: They are no longer accepted.
    NARROWED = "narrowed"
    #: They are rejected instead of dropped, or dropped instead of rejected.
    CHANGED = "changed"
    #: They are accepted as before, with another connection-tracking helper or translation.
    TREATED = "treated"
    #: Only what is logged of them differs.
    RELOGGED = "relogged"
    #: What happens to them is not known in at least one version.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decider:
    """What decides packets in one version: a rule, or with `rule` None a default, or that nothing is asked."""

    #: "" where nothing is asked.
    chain: str
    rule: FirewallRule | None
    span: Span | None
    #: The rule on one line, or such as ``the default of input: drop``.
    text: str
    #: Whether the other version has no such rule at this place.
    edited: bool = False


@dataclass(frozen=True, slots=True)
class PortUse:
    """A use of ports that the packets of a change have, as the port database knows it."""

    port: Port
    transport: Transport
    #: The numbers of the entry that the packets have.
    numbers: Intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedChange:
    """Packets of one hook and family that the edit of the same rules changed in the same way."""

    #: The same for the same kind and packets, whatever lines moved: ``w-3f2a91c0``.
    id: str
    kind: Kind
    hook: Hook
    family: Family
    #: What becomes of the packets before and after: ``accept``, ``drop``, ``accept with helper RAS``, ``unknown``.
    outcomes: tuple[str, str]
    packets: PacketSet
    #: Exactly the packets, in few boxes.
    regions: tuple[ReadableBox, ...]
    witness: Packet
    #: What decides them before and after, the deciders of the witness first.
    deciders: tuple[tuple[Decider, ...], tuple[Decider, ...]]
    severity: Severity
    #: Why it is as severe as that, in one sentence.
    why: str
    uses: tuple[PortUse, ...] = ()
    #: What stops working where packets are no longer accepted, sentences.
    breaks: tuple[str, ...] = ()
    #: The change is so large that `deciders` are those of one packet of each of its first regions.
    sampled: bool = False
    #: It is so large that `regions` are only the first of them; `packets` holds all.
    cut: bool = False


class Access(StrEnum):
    """How much of an application's core flows can pass."""

    NONE = "closed"
    PART = "partly open"
    WHOLE = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationChange:
    """An application of which more or less can pass than before, in one direction."""

    application: str
    title: str
    hook: Hook
    before: Access
    after: Access
    severity: Severity
    #: What that comes to: "H.323 signalling is open but no media: calls will connect in silence".
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """How the text changed: lines, and rules of the two versions that are not the same at the same place."""

    lines: int
    added: int
    removed: int
    #: Rules that stand in both versions, in another order.
    moved: int
    #: How many of the rules above change what happens to some packet.
    effective: int
    #: Of how many others nobody can say whether they do.
    unknown: int = 0

    @property
    def rules(self) -> int:
        """How many rules were edited."""
        return self.added + self.removed + self.moved

    @property
    def idle(self) -> int:
        """How many of them surely change nothing."""
        return max(0, self.rules - self.effective - self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Two versions of a firewall, and everything that happens otherwise to some packet."""

    #: What the pair is called: the name of the file, or ``OLD -> NEW``.
    name: str
    old: Firewall
    new: Firewall
    parts: tuple[tuple[Hook, Family], ...]
    #: The most severe first; those of kind UNKNOWN last.
    changes: tuple[ReviewedChange, ...]
    applications: tuple[ApplicationChange, ...]
    edits: Edits
    #: What the review does not speak of, in sentences.
    left_out: tuple[str, ...]
    #: Why the answer is not known although no packet is decided otherwise, in sentences.
    doubts: tuple[str, ...]
    #: Conditions on which verdicts depend, alike in both.
    conditions: tuple[Condition, ...]
    #: The parts of `old` and of `new` that are not understood, and are the same in both.
    alike: tuple[Opaque, ...] = ()

    @property
    def opaque(self) -> tuple[Opaque, ...]:
        """The parts that are not understood and may be other ones in the other version, each once."""
        shared = frozenset(self.alike)
        return tuple(each for each in dict.fromkeys((*self.old.opaque, *self.new.opaque)) if each not in shared)

    @property
    def same(self) -> bool:
        """Whether every packet surely has the same fate in both."""
        return not self.changes and not self.doubts

    @property
    def unknown(self) -> tuple[ReviewedChange, ...]:
        """Changes of packets of which nobody can say what happens to them."""
        return tuple(each for each in self.changes if each.kind is Kind.UNKNOWN)

    @property
    def worst(self) -> Severity | None:
        """The severity of the worst change, None where nothing changed."""
        return min((each.severity for each in self.changes), key=lambda each: each.rank, default=None)
