"""What the lines of a pf.conf say, before anything is looked up or expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import Test
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Verdict

Interface: TypeAlias = tuple[bool, str]
"""Whether it is negated, and the name; "any" stands for every one that is not loopback."""


@dataclass(slots=True, eq=False)
class Host:
    """One address of a rule, a table or a translation; `kind` says which fields count.

    "network" (v4, v6), "table" (name), "self" (name, the modifiers), "interface" (name with modifiers),
    "no-route", "urpf-failed", "name" (a host name, or what may be one), "any".
    """

    kind: str
    negated: bool = False
    v4: Intervals = ()
    v6: Intervals = ()
    name: str = ""
    #: Whether it stands in parentheses: followed while it changes, and one address in the rule.
    live: bool = False
    #: The interface of a scoped address.
    scope: str = ""


@dataclass(slots=True, eq=False)
class End:
    """One end of a rule: its addresses (None: any) and its ports (None: any)."""

    hosts: tuple[Host, ...] | None = None
    ports: Intervals | None = None
    #: The elements of the list of ports, where there are several: each makes a rule of its own.
    items: tuple[Intervals, ...] = ()


ANY = End()


@dataclass(slots=True, eq=False)
class Pool:
    """What a translation puts in place of an address: hosts, ports (0: unchanged), how it is written."""

    kind: str
    hosts: tuple[Host, ...]
    #: First and last port; the last is -1 where it follows the length of the original range.
    ports: tuple[int, int] | None
    text: str


@dataclass(slots=True, eq=False)
class StateOptions:
    """What stands in parentheses after ``keep state``, as far as it decides about packets."""

    sloppy: bool = False
    maximum: int = 0
    #: Words such as "max-src-states 10".
    per_source: list[str] = field(default_factory=list)
    #: The same, of options that only count established TCP connections.
    per_source_tcp: list[str] = field(default_factory=list)
    #: Tables that sources are added to.
    overloads: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Options:
    """What stands after the addresses of a rule."""

    #: Required and examined flags; None where not given, (0, 0) for any.
    flags: tuple[int, int] | None = None
    #: type * 256 + code, and whether for IPv6.
    icmp: Intervals | None = None
    icmp6: bool = False
    #: The elements of the list of types, where there are several.
    icmp_items: tuple[Intervals, ...] = ()
    #: "", "no", "keep", "modulate", "synproxy".
    state: str = ""
    state_options: StateOptions | None = None
    fragment: bool = False
    tag: str = ""
    #: Tag and whether it is negated.
    tagged: tuple[str, bool] | None = None
    label: str = ""
    received_on: Interface | None = None
    probability: Fraction | None = None
    #: Tests that the words give directly.
    tests: list[Test] = field(default_factory=list)
    once: bool = False
    packet_rate: str = ""
    pools: list[Pool] = field(default_factory=list)
    #: Words that take the packet away from the filter: divert-to, divert-packet, af-to.
    unknown: str = ""


PLAIN = Options()


@dataclass(slots=True, eq=False)
class Rule:
    """A ``pass``, ``block`` or ``match`` rule; `verdict` None is match."""

    span: Span
    #: The line as it stands in the file.
    text: str
    verdict: Verdict | None
    #: "", "in" or "out".
    direction: str = ""
    quick: bool = False
    log: str = ""
    interfaces: tuple[Interface, ...] = ()
    #: 0, 4 or 6.
    family: int = 0
    protocols: tuple[int, ...] = ()
    source: End = ANY
    destination: End = ANY
    systems: tuple[str, ...] = ()
    options: Options = PLAIN
    #: The tokens, where something counts for each rule and its condition is named by the rule.
    words: str = ""
    #: Place in the order of evaluation, 0 where it is not known (in anchors that are loaded from files).
    order: int = 0


@dataclass(slots=True, eq=False)
class Anchor:
    """An ``anchor`` rule: its tests are those of `rule`, its rules are `body` or lie in `path`."""

    rule: Rule
    #: The whole path, "/" between the parts.
    path: str
    body: Rules | None = None


@dataclass(slots=True, eq=False)
class Translation:
    """A ``nat``, ``rdr`` or ``binat`` rule of FreeBSD; `pool` None is ``no``."""

    kind: str
    rule: Rule
    pool: Pool | None
    passes: bool = False


@dataclass(slots=True, eq=False)
class TranslationAnchor:
    """A ``nat-anchor``, ``rdr-anchor`` or ``binat-anchor``."""

    kind: str
    rule: Rule
    path: str


@dataclass(slots=True, eq=False)
class Opaque:
    """A line that may decide and whose meaning is not known."""

    span: Span
    text: str
    reason: str


Statement: TypeAlias = Rule | Anchor | Opaque


@dataclass(slots=True, eq=False)
class Table:
    """A ``table`` statement, and the entries that it or its files list; None where it lists none."""

    name: str
    span: Span
    entries: list[Host] | None = None


@dataclass(slots=True, eq=False)
class Rules:
    """A ruleset: the main one, or that of an anchor."""

    path: str
    statements: list[Statement] = field(default_factory=list)
    translations: list[Translation | TranslationAnchor] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
