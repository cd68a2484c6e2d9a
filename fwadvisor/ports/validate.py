"""Checks that catch wrong facts: the same for the shipped knowledge, at build time, and for overlays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from fwadvisor.decode.reader import suggestion
from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.model.interval import contains, normalize
from fwadvisor.ports.facts import RegistryState
from fwadvisor.ports.registry import Registry
from fwadvisor.ports.schema import Text

Entry = Mapping[str, Any]

_ADVISORY = re.compile(r"CVE-(?:19|20)\d\d-\d{4,7}|CA-(?:19|20)\d\d-\d\d|MS\d\d-\d{3}|VU#\d{4,7}|cisco-sa-[0-9a-z-]+")
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}")
_REFERENCE = re.compile(r"rfc:[1-9]\d{0,4}")
#: What a word in `secure` looks like when it means a port entry rather than prose.
_ENTRY_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Knowledge:
    """All values of shipped files and overlays together, as plain values."""

    values: Mapping[str, Any]
    registry: Registry

    @cached_property
    def ports(self) -> dict[str, Entry]:
        """Port entries by id."""
        return {entry["id"]: entry for entry in self.values["ports"]}

    @cached_property
    def applications(self) -> dict[str, Entry]:
        """Applications by id."""
        return {entry["id"]: entry for entry in self.values["applications"]}


def problem(at: object, message: str, hint: str = "") -> Diagnostic:
    """An error at a value of a file, or without a place where the value is built in."""
    return error(message, at.span if isinstance(at, Text) else None, hint)


def known_reference(at: str, known: Collection[str], what: str) -> Iterator[Diagnostic]:
    """The value must be one of the known ids."""
    if at not in known:
        yield problem(at, f'{what} "{at}" is not known', suggestion(at, known))


def check_sources(sources: Iterable[str], knowledge: Knowledge, what: str, at: str) -> Iterator[Diagnostic]:
    """Every statement needs a source, and every source must be one that exists."""
    if not sources:
        yield problem(at, f"{what} names no source", "say where it is written: a key of sources, or rfc:N")
    known = knowledge.values["sources"]
    for source in sources:
        if source not in known and not _REFERENCE.fullmatch(source):
            yield problem(source, f'{what}: source "{source}" is not known', suggestion(source, known) or "or rfc:N")


def check_status(status: Entry, what: str) -> Iterator[Diagnostic]:
    """Years must be in order, and what ended is not active."""
    since, ended = status.get("since"), status.get("ended")
    if since and ended and ended < since:
        yield problem(status["state"], f"{what} ended in {ended}, before it began in {since}")
    if ended and status["state"] == "active":
        yield problem(status["state"], f"{what} is active, yet it ended in {ended}")


def check_advisories(advisories: Iterable[Entry], what: str) -> Iterator[Diagnostic]:
    """Ids have the shape of the publisher, and no id stands twice."""
    seen = set()
    for advisory in advisories:
        id = advisory["id"]
        if not _ADVISORY.fullmatch(id):
            yield problem(id, f'{what}: "{id}" is no advisory id', "such as CVE-2020-14305 or MS04-011")
        if id in seen:
            yield problem(id, f"{what}: {id} stands twice")
        seen.add(id)
        for version in advisory.get("fixed", ()):
            if not _VERSION.fullmatch(version):
                yield problem(version, f'{what}, {id}: "{version}" is no version', "such as 6.12.78")


def _registered(entry: Entry, knowledge: Knowledge) -> Iterator[tuple[str, int, set[str]]]:
    """Transports and numbers of an entry that its registry statement speaks of, with the registry's names there."""
    only = entry["registry"].get("only")
    chosen = None if only is None else normalize(only)
    for transport, pairs in entry["match"].items():
        for first, last in pairs:
            for number in range(first, last + 1):
                if chosen is None or contains(chosen, number):
                    yield transport, number, {r.name.lower() for r in knowledge.registry.lookup(number, transport)}


def check_registry(entry: Entry, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """The names and the state that an entry claims, against the registry's own table."""
    registry, id = entry.get("registry"), entry["id"]
    if registry is None:
        yield problem(id, f"{id} does not say how the registry sees its ports")
        return
    state, names = registry["state"], {name.lower(): name for name in registry.get("names", ())}
    if state == RegistryState.PROTOCOL:
        if set(entry["match"]) != {"ip"}:
            yield problem(registry["state"], f"{id}: protocol-number is for IP protocols, but it matches ports")
        return
    if "ip" in entry["match"]:
        yield problem(id, f"{id}: an IP protocol has registry state protocol-number")
        return
    if state == RegistryState.DYNAMIC:
        yield from _check_dynamic_range(entry)
        return
    seen: set[str] = set()
    for transport, number, there in _registered(entry, knowledge):
        seen |= there
        where = f"{id}: port {number}/{transport}"
        says = ", ".join(sorted(there)) or "nothing"
        if state == RegistryState.UNASSIGNED and there:
            yield problem(registry["state"], f"{where} is not unassigned: the registry says {says}")
        elif state == RegistryState.ASSIGNED and not there & set(names):
            yield problem(registry["state"], f"{where}: the registry says {says}, not {', '.join(names.values())}")
    for name in sorted(set(names) - seen):
        yield problem(names[name], f'{id}: the registry has no "{names[name]}" on these ports', suggestion(name, seen))
    if state in (RegistryState.ASSIGNED, RegistryState.OTHER) and not names:
        yield problem(registry["state"], f'{id}: registry state "{state}" needs the registered names')


def _check_dynamic_range(entry: Entry) -> Iterator[Diagnostic]:
    low = min((first for pairs in entry["match"].values() for first, _ in pairs), default=65535)
    negotiated = entry.get("dynamic", {}).get("negotiated_in")
    if low < 49152 and not negotiated:
        yield problem(entry["registry"]["state"], f"{entry['id']}: {low} is not in the dynamic range 49152-65535")


def check_advice(entry: Entry) -> Iterator[Diagnostic]:
    """The recommended stance must fit the severity and the status."""
    id, risk, stance = entry["id"], entry["risk"], entry["stance"]
    if stance["in"] == "allow" and risk["internet"] in ("critical", "high"):
        yield problem(stance["in"], f"{id}: inbound is allowed although the risk is {risk['internet']}")
    if stance["in"] != "close" and entry["status"]["state"] == "obsolete":
        yield problem(stance["in"], f"{id}: it is obsolete, so inbound should be closed")
    order = ("critical", "high", "medium", "low")
    if order.index(risk["lan"]) < order.index(risk["internet"]):
        yield problem(risk["lan"], f"{id}: the risk inside is worse than the risk on the internet")


def check_port(entry: Entry, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """Everything about one port entry but its registry statement and its advice."""
    id, helpers = entry["id"], knowledge.values["helpers"]
    if not entry["match"]:
        yield problem(id, f"{id} matches no port", 'such as match: {tcp: ["8443"]}')
    dynamic = entry.get("dynamic", {})
    for relation in entry.get("related", ()):
        yield from known_reference(relation["port"], knowledge.ports, f"{id}: related port")
        if relation["port"] == id:
            yield problem(relation["port"], f"{id} is related to itself")
    for other in (*dynamic.get("opens", ()), *dynamic.get("negotiated_in", ())):
        yield from known_reference(other, knowledge.ports, f"{id}: dynamic port")
    for helper in (*dynamic.get("tracked_by", ()), *filter(None, [entry.get("helper")])):
        yield from known_reference(helper, helpers, f"{id}: helper")
    for secure in entry.get("secure", ()):
        if secure != "self" and _ENTRY_ID.fullmatch(secure):
            yield from known_reference(secure, knowledge.ports, f"{id}: secure alternative")
    for group in entry.get("multicast", {}).get("groups", ()):
        yield from _check_group(group, id)
    yield from check_status(entry["status"], id)
    yield from check_advisories(entry.get("advisories", ()), id)
    yield from check_sources(entry["sources"], knowledge, id, id)


def _check_group(group: str, id: str) -> Iterator[Diagnostic]:
    try:
        multicast = ip_address(group).is_multicast
    except ValueError:
        multicast = False
    if not multicast:
        yield problem(group, f'{id}: "{group}" is no multicast address')


def check_unique(entries: Iterable[Entry], what: str) -> Iterator[Diagnostic]:
    """No id stands twice."""
    seen = set()
    for entry in entries:
        if entry["id"] in seen:
            yield problem(entry["id"], f'{what} "{entry["id"]}" is defined twice')
        seen.add(entry["id"])


def check_aliases(knowledge: Knowledge) -> Iterator[Diagnostic]:
    """A name leads to one application."""
    owner = {id: id for id in knowledge.applications}
    for entry in knowledge.values["applications"]:
        for alias in entry.get("aliases", ()):
            if owner.setdefault(alias, entry["id"]) != entry["id"]:
                yield problem(alias, f'"{alias}" is a name of {owner[alias]} already, and cannot name {entry["id"]}')


def check_preset(entry: Entry, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """A preset gives a range, and media begins on an even port."""
    id = entry["id"]
    if not any(field in entry for field in ("tcp", "udp", "tcp_start", "udp_start")):
        yield problem(id, f"{id} gives no range")
    for transport in ("tcp", "udp"):
        if transport in entry and f"{transport}_start" in entry:
            yield problem(id, f"{id} gives both a {transport} range and its start")
    start = entry["udp"][0][0] if entry.get("udp") else entry.get("udp_start", 0)
    if start % 2:
        yield problem(id, f"{id}: media begins on an even port, not on {start}", "RTP is even, RTCP the next port")
    yield from check_sources(entry["sources"], knowledge, id, id)


def check_helper(id: str, entry: Entry) -> Iterator[Diagnostic]:
    """A helper's related names contain the names by which it is assigned."""
    names = entry.get("related_names")
    for kind in entry["types"]:
        if names is not None and kind["type"] not in names:
            yield problem(kind["type"], f'{id}: "{kind["type"]}" is missing from related_names')
    for family in entry.get("nat_families", ()):
        if family not in entry["families"]:
            yield problem(family, f"{id}: it cannot rewrite {family}, which is not among its families")
    yield from check_advisories(entry.get("advisories", ()), id)


def validate(values: Mapping[str, Any], registry: Registry) -> list[Diagnostic]:
    """Everything that is wrong with the knowledge."""
    from fwadvisor.ports.validate_calls import check_calls
    from fwadvisor.ports.validate_flows import check_application

    knowledge = Knowledge(values, registry)
    found: list[Diagnostic] = []
    for section, what in (("ports", "port"), ("applications", "application"), ("media_presets", "media preset")):
        found += check_unique(values[section], what)
    found += check_aliases(knowledge)
    for entry in values["ports"]:
        found += check_port(entry, knowledge)
        found += check_registry(entry, knowledge)
        found += check_advice(entry)
    for entry in values["applications"]:
        found += check_application(entry, knowledge)
    for entry in values["media_presets"]:
        found += check_preset(entry, knowledge)
    for id, entry in values["helpers"].items():
        found += check_helper(id, entry)
    for entry in values.get("calls", ()):
        found += check_calls(entry, knowledge)
    for entry in values.get("ephemeral_ports", ()):
        found += check_sources(entry["sources"], knowledge, f"ephemeral ports of {entry['system']}", entry["system"])
    return found
