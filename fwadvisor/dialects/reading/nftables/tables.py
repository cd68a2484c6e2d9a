"""What the commands of nftables files declare, before any rule is understood."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading.nftables.text import Piece

#: Families whose chains see IP packets.
EVALUATED = ("ip", "ip6", "inet")
FAMILY_WORDS = (*EVALUATED, "arp", "bridge", "netdev")


@dataclass(slots=True)
class BaseText:
    """The line ``type filter hook input priority 0``."""

    kind: str
    hook: str
    priority: int
    devices: tuple[str, ...]
    span: Span
    policy: str = "accept"


@dataclass(slots=True)
class ChainText:
    """A chain and its rules."""

    name: str
    span: Span
    base: BaseText | None = None
    rules: list[Piece] = field(default_factory=list)
    #: Why nothing is known of what it does, or "".
    unknown: str = ""


@dataclass(slots=True)
class SetText:
    """A named set or map and what was put into it and taken out, in order."""

    name: str
    span: Span
    mapping: bool
    #: What follows ``type`` or ``typeof``, up to the end of its line.
    kind: Piece | None = None
    by_expression: bool = False
    #: Whether the elements at run time are others than the listed ones.
    dynamic: bool = False
    #: Pieces between braces, and whether they were added.
    elements: list[tuple[bool, Piece]] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table; what it declares besides chains and sets stands in `declared` by kind and name."""

    family: str
    name: str
    span: Span
    dormant: bool = False
    #: Why it is not known whether it sleeps, or "".
    unknown: str = ""
    chains: dict[str, ChainText] = field(default_factory=dict)
    sets: dict[str, SetText] = field(default_factory=dict)
    declared: dict[tuple[str, str], Piece] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As nft names it: ``inet filter``."""
        return f"{self.family} {self.name}"
