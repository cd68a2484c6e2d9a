"""Converts a job, a list in which the first match decides, into a profile, in which order means nothing.

In a profile a need beats a forbid wherever it stands. So a deny that comes after an accept may stay as it is, and an
accept that comes after a deny must leave out what the deny has already taken. Everything that is left is a box (sources
x destinations x ports); subtracting one box from another gives at most one box for each side that sticks out:

    accept - deny  =  (sources outside the deny's)  x  destinations              x  ports
                   +  sources that both have        x  (destinations outside)    x  ports
                   +  sources that both have        x  destinations both have    x  (ports outside)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fwadvisor.addresses import parse_addresses
from fwadvisor.model.address import Family, cidrs, format_cidr
from fwadvisor.model.interval import Intervals, intersect, normalize, overlaps, subtract

_HEAD = """\
profile: {name}
title: Benchmark of {size} rules
kind: host
dhcp_client: false
defaults: {{input: drop, output: accept}}
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """A group of addresses: the CIDRs that the job lists, without some of them."""

    name: str
    values: Intervals
    listed: tuple[str, ...]
    without: Intervals = ()

    def minus(self, taken: Intervals) -> Addresses | None:
        """The group without `taken`, or None where nothing is left."""
        left = subtract(self.values, taken)
        gone = intersect(self.values, taken)
        return replace(self, values=left, without=normalize((*self.without, *gone))) if left else None

    def common(self, other: Intervals) -> Addresses:
        """The part of the group that is also in `other`; there is one."""
        both = intersect(self.values, other)
        return replace(self, values=both, listed=_texts(both), without=())


@dataclass(frozen=True, slots=True)
class Box:
    """The packets of one rule: every combination of a source, a destination and a port."""

    sources: Addresses
    destinations: Addresses
    protocol: str
    ports: Intervals

    def meets(self, other: Box) -> bool:
        """Whether a packet is in both."""
        return (
            self.protocol == other.protocol
            and overlaps(self.ports, other.ports)
            and overlaps(self.destinations.values, other.destinations.values)
            and overlaps(self.sources.values, other.sources.values)
        )

    def minus(self, other: Box) -> Iterator[Box]:
        """The packets of this box that are not in `other`, which it meets, as boxes that do not overlap."""
        if sources := self.sources.minus(other.sources.values):
            yield replace(self, sources=sources)
        if destinations := self.destinations.minus(other.destinations.values):
            yield replace(self, sources=self.sources.common(other.sources.values), destinations=destinations)
        if ports := subtract(self.ports, other.ports):
            yield replace(
                self,
                sources=self.sources.common(other.sources.values),
                destinations=self.destinations.common(other.destinations.values),
                ports=ports,
            )


@dataclass(slots=True)
class Converted:
    """The profile's text, and what became of the rules."""

    profile: str = ""
    needs: int = 0
    forbids: int = 0
    #: Accepts that an earlier deny made smaller, each with a deny that did it.
    narrowed: list[tuple[str, str]] = field(default_factory=list)
    #: Accepts of which nothing was left.
    swallowed: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.needs} needs, {self.forbids} forbids, "
            f"{len(set(self.narrowed))} meetings of an accept with an earlier deny, {len(self.swallowed)} left empty"
        )


def _texts(values: Intervals) -> tuple[str, ...]:
    return tuple(format_cidr(value, prefix, Family.IPV4) for value, prefix in cidrs(values, Family.IPV4))


def _addresses(name: str, listed: Iterable[str]) -> Addresses:
    listed = tuple(listed)
    return Addresses(name, normalize(parse_addresses(text)[1:] for text in listed), listed)


def ports_of(texts: Iterable[str]) -> Intervals:
    """Ports as the job writes them: ``22`` or ``161-162``."""
    ends = (text.partition("-") for text in texts)
    return normalize((int(first), int(last or first)) for first, _, last in ends)


def boxes(job: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Box]]:
    """Every rule of the job but the default with its box, in order."""
    groups = {name: _addresses(name.lower().replace("_", "-"), found) for name, found in job["networks"].items()}
    services = {name: ports_of(service["ports"]) for name, service in job["services"].items()}
    for rule in job["rules"]:
        if rule["src"]:
            yield rule, Box(groups[rule["src"]], groups[rule["dst"]], rule["proto"], services[rule["service"]])


def _left_of(box: Box, rule: str, denies: list[tuple[str, Box]], converted: Converted) -> list[Box]:
    """What earlier denies leave of an accept."""
    left = [box]
    for name, deny in denies:
        if not box.meets(deny):
            continue
        if any(piece.meets(deny) for piece in left):
            converted.narrowed.append((rule, name))
        left = [part for piece in left for part in (piece.minus(deny) if piece.meets(deny) else (piece,))]
    return left


def convert(job: dict[str, Any], name: str) -> Converted:
    """The job as a profile that decides every packet alike."""
    converted = Converted()
    zones: dict[Addresses, str] = {}
    statements: dict[str, list[str]] = {"need": [], "forbid": []}
    denies: dict[str, list[tuple[str, Box]]] = {}
    for rule, box in boxes(job):
        taken = denies.setdefault(rule["proto"], [])
        if rule["action"] == "deny":
            taken.append((rule["name"], box))
            statements["forbid"].append(_statement(rule, box, zones))
            continue
        left = _left_of(box, rule["name"], taken, converted)
        statements["need"] += [_statement(rule, piece, zones) for piece in left]
        if not left:
            converted.swallowed.append(rule["name"])
    converted.needs, converted.forbids = len(statements["need"]), len(statements["forbid"])
    lines = [_HEAD.format(name=name, size=len(job["rules"])), "zones:\n"]
    lines += [_zone(text, group) for group, text in zones.items()]
    for kind, written in statements.items():
        lines += [f"{kind}:\n", *written] if written else []
    converted.profile = "".join(lines)
    return converted


def _zone_name(group: Addresses, zones: dict[Addresses, str]) -> str:
    """The zone that stands for a group; a narrowed group is a zone of its own."""
    if group not in zones:
        used = sum(1 for known in zones if known.name == group.name)
        zones[group] = f"{group.name}-{used}" if used else group.name
    return zones[group]


def _zone(name: str, group: Addresses) -> str:
    local = ", local: true" if name.startswith("dst-") else ""
    without = f", except: [{', '.join(_texts(group.without))}]" if group.without else ""
    if not local and not without:
        return f"  {name}: [{', '.join(group.listed)}]\n"
    return f"  {name}: {{addresses: [{', '.join(group.listed)}]{without}{local}}}\n"


def _statement(rule: dict[str, Any], box: Box, zones: dict[Addresses, str]) -> str:
    ports = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in box.ports)
    return (
        f"  - flow: {rule['proto']} {ports}\n"
        f"    from: {_zone_name(box.sources, zones)}\n"
        f"    to: {_zone_name(box.destinations, zones)}\n"
        f"    title: {rule['name']}\n"
        f"    reason: {rule['comment']}\n"
    )
