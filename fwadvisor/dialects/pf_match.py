"""Matches in pf's words: tables, families, ports and ICMP types, within what every pf parser accepts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fwadvisor.dialects.base import networks, slug, whence
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import PORTS, Intervals
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    PORT_PROTOCOLS,
    SCTP,
    TCP,
    UDP,
    Hook,
    IcmpType,
    Match,
    Origin,
    Rule,
    State,
    Verdict,
)

_IGMP = 2
_PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmp6"}
_FAMILIES = {Family.IPV4: "inet", Family.IPV6: "inet6"}
#: ICMP types that answer or announce: OpenBSD never lets a rule that keeps state match them.
_STATELESS = {ICMP: frozenset({0, 9, 14, 16, 18}), ICMPV6: frozenset({129, *range(130, 138), 140, 143})}
#: Listener discovery carries the router-alert option, which pf drops unless told otherwise.
_LISTENER_TYPES = frozenset({130, 131, 132, 143})
#: Words of pf.conf that also look like interface names.
RESERVED = frozenset({
    "all", "allow-opts", "altq", "anchor", "antispoof", "any", "bandwidth", "binat", "block", "code", "const",
    "bitmask", "cbq", "codel", "counters", "debug", "default", "divert-packet", "divert-to", "dnpipe", "dnqueue",
    "drop", "dup-to", "ether", "fairq", "fastroute", "file", "fingerprints", "flags", "floating", "flows", "flush",
    "for", "hfsc", "hostid", "interval", "l3", "linkshare", "loginterface", "os", "parent", "pflow", "priq", "qlimit",
    "quantum", "rdomain", "realtime", "ridentifier", "rule", "self", "sloppy", "target", "upperlimit", "weight",
    "fragment", "from", "global", "group", "icmp-type", "icmp6-type", "if-bound", "in", "include", "inet", "inet6",
    "keep", "label", "limit", "load", "log", "match", "max", "min", "modulate", "nat", "no", "no-df", "no-route",
    "no-sync", "once", "on", "optimization", "out", "overload", "pass", "port", "prio", "priority", "probability",
    "proto", "queue", "quick", "random", "rdr", "reassemble", "received-on", "return", "rtable", "scrub", "set",
    "skip", "source-track", "state", "synproxy", "table", "tag", "tagged", "timeout", "to", "tos", "ttl",
    "urpf-failed", "user",
})  # fmt: skip
#: OpenBSD holds this many tables, and offers no portable way to ask for more.
TABLE_LIMIT = 900
TABLE_NAME_LENGTH = 31
_LINE_WIDTH = 100


def applies(match: Match, hook: Hook) -> bool:
    """Whether the rule is written: pf keeps state by itself and skips loopback."""
    if match.states and State.NEW not in match.states:
        return False
    if (hook is Hook.INPUT and match.out_interfaces) or (hook is Hook.OUTPUT and match.in_interfaces):
        return False
    return all(not names or set(names) != {LOOPBACK} for names in (match.in_interfaces, match.out_interfaces))


def by_family(match: Match) -> Iterator[Match]:
    """The match split where one family means "any address" and the other does not; mostly it stays whole."""
    sides = [side for side in (match.source, match.destination) if side is not None]
    if not any(side.of(family) == family.universe for side in sides for family in FAMILIES):
        yield match
        return
    for family in match.families():
        yield replace(
            match,
            family=family,
            source=_in_family(match.source, family),
            destination=_in_family(match.destination, family),
        )


def _in_family(addresses: AddressSet | None, family: Family) -> AddressSet | None:
    if addresses is None or addresses.of(family) == family.universe:
        return None
    v4 = addresses.v4 if family is Family.IPV4 else ()
    return AddressSet(v4, addresses.v6 if family is Family.IPV6 else (), addresses.name)


@dataclass(slots=True)
class _Use:
    addresses: AddressSet
    entries: list[str]
    uses: int = 0


class Tables:
    """The address sets of a file: single networks stand in the rule, others become tables.

    Where `limit` is reached, the sets that save least are written out as lists.
    """

    def __init__(self, matches: Iterable[Match], limit: int | None) -> None:
        uses: dict[AddressSet, _Use] = {}
        for match in matches:
            for side in (match.source, match.destination):
                if side is None:
                    continue
                use = uses.get(side)
                if use is None:
                    use = uses[side] = _Use(side, [text for family in FAMILIES for text in networks(side, family)])
                use.uses += 1
        many = [use for use in uses.values() if len(use.entries) > 1]
        self.overflow = max(0, len(many) - limit) if limit is not None else 0
        if self.overflow:
            ranked = sorted(many, key=lambda use: -use.uses * (len(use.entries) - 1))[:limit]
            chosen = {id(use) for use in ranked}
            many = [use for use in many if id(use) in chosen]
        names = _Names()
        self._texts: dict[AddressSet, str] = {}
        #: Lines that define the tables, in order of first use.
        self.lines: list[str] = []
        self.entries = 0
        self.count = len(many)
        for use in many:
            name = names.take(use.addresses.name)
            self._texts[use.addresses] = f"<{name}>"
            self.lines += _table(name, use.entries)
            self.entries += len(use.entries)
        for use in uses.values():
            if use.addresses not in self._texts:
                single = len(use.entries) == 1
                self._texts[use.addresses] = use.entries[0] if single else "{ " + ", ".join(use.entries) + " }"

    def text(self, addresses: AddressSet | None) -> str:
        """The set as it stands after ``from`` or ``to``."""
        return "any" if addresses is None else self._texts[addresses]


class _Names:
    """Table names: made from zone names, never a word of pf.conf, never twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def take(self, zone: str) -> str:
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", zone).strip("-")[:20].strip("-")
        stem = f"zone-{safe}" if safe else "set"
        name = stem
        while name in self._taken or name == "set":
            self._counts[stem] = self._counts.get(stem, 0) + 1
            name = f"{stem}-{self._counts[stem] + (1 if safe else 0)}"
        self._taken.add(name)
        return name


def _table(name: str, entries: Sequence[str]) -> list[str]:
    line = f"table <{name}> const {{ {', '.join(entries)} }}"
    if len(line) <= _LINE_WIDTH:
        return [line]
    lines, current = [f"table <{name}> const {{ \\"], "   "
    for number, entry in enumerate(entries, 1):
        text = f" {entry}" + ("," if number < len(entries) else "")
        if len(current) + len(text) > _LINE_WIDTH:
            lines.append(f"{current} \\")
            current = "   "
        current += text
    return [*lines, f"{current} \\", "}"]


def _list(entries: Sequence[str]) -> str:
    return entries[0] if len(entries) == 1 else "{ " + ", ".join(entries) + " }"


def _ports(ports: Intervals | None) -> str:
    if ports is None or ports == PORTS:
        return ""
    return " port " + _list([str(first) if first == last else f"{first}:{last}" for first, last in ports])


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Where and for whom a rule is written: the words around its match."""

    word: str
    #: Appended to each rule: `` tagged NAME`` or `` tag NAME``.
    tag: str = ""
    interfaces: tuple[str, ...] = ()
    log: bool = True


class Writer:
    """Rule lines of one file."""

    def __init__(self, tables: Tables, *, sctp_ports: bool) -> None:
        self._tables = tables
        self._sctp_ports = sctp_ports

    def lines(self, rule: Rule, direction: Direction, label: str) -> list[str]:
        """The rule as pf lines, each quick, after a remark on what made it."""
        log = " log" if rule.log and direction.log else ""
        head = f"{verdict(rule.verdict)} {direction.word}{log} quick{interfaces(direction.interfaces)}"
        accept = rule.verdict is Verdict.ACCEPT
        lines = [
            f'{head}{body}{direction.tag} label "{label}"'
            for match in by_family(rule.match)
            for body in self._bodies(match, accept)
        ]
        return [_remark(rule.origin), *lines] if rule.origin.place else lines

    def _bodies(self, match: Match, accept: bool) -> Iterator[str]:
        """Family, protocol, addresses, ports and types; one text for each line that the match takes."""
        self._check_ports(match)
        families = match.families()
        family = f" {_FAMILIES[families[0]]}" if len(families) == 1 else ""
        protocols = [_PROTOCOLS.get(number, str(number)) for number in match.protocols]
        protocol = f" proto {_list(protocols)}" if protocols else ""
        source_ports, destination_ports = _ports(match.source_ports), _ports(match.destination_ports)
        source, destination = self._tables.text(match.source), self._tables.text(match.destination)
        ends = f" from {source}{source_ports} to {destination}{destination_ports}"
        if ends == " from any to any":
            ends = " all"
        options = " allow-opts" if accept and match.protocols == (_IGMP,) else ""
        if not match.icmp:
            yield f"{family}{protocol}{ends}{options}"
            return
        for kinds in _icmp(match, accept):
            yield f"{family}{protocol}{ends}{kinds}"

    def _check_ports(self, match: Match) -> None:
        if match.source_ports is None and match.destination_ports is None:
            return
        able = {TCP, UDP, SCTP} if self._sctp_ports else {TCP, UDP}
        if not able.issuperset(PORT_PROTOCOLS.intersection(match.protocols)):
            raise InexpressibleError("pf: ports of SCTP need the variant freebsd; those of DCCP cannot be said")


def _remark(origin: Origin) -> str:
    parts = (whence(origin), *(slug(text, 80) for text in (origin.reason, origin.ticket) if text))
    return f"# {'; '.join(parts)}"


def _icmp(match: Match, accept: bool) -> Iterator[str]:
    """Groups of types that share their options; a code needs a line of its own."""
    word = "icmp-type" if match.protocols == (ICMP,) else "icmp6-type"
    groups: dict[str, list[IcmpType]] = {}
    for kind in match.icmp:
        groups.setdefault(_icmp_options(match.protocols[0], kind, accept), []).append(kind)
    for options, kinds in groups.items():
        whole = list(dict.fromkeys(str(kind.type) for kind in kinds if kind.code is None))
        if whole:
            yield f" {word} {_list(whole)}{options}"
        for kind in kinds:
            if kind.code is not None:
                yield f" {word} {kind.type} code {kind.code}{options}"


def _icmp_options(protocol: int, kind: IcmpType, accept: bool) -> str:
    if not accept:
        return ""
    options = " allow-opts" if protocol == ICMPV6 and kind.type in _LISTENER_TYPES else ""
    return f" no state{options}" if kind.type in _STATELESS[protocol] else options


_VERDICTS = {Verdict.ACCEPT: "pass", Verdict.DROP: "block drop", Verdict.REJECT: "block return"}


def verdict(wanted: Verdict) -> str:
    """The action, independent of ``set block-policy``."""
    return _VERDICTS[wanted]


def interfaces(names: Sequence[str]) -> str:
    """`` on NAMES``, or nothing for any interface."""
    real = [name for name in names if name != LOOPBACK]
    for name in real:
        if name in RESERVED:
            raise InexpressibleError(f'pf: "{name}" is a word of pf.conf and cannot name an interface')
    return f" on {_list(real)}" if real else ""
