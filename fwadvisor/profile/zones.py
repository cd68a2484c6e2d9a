"""Zones: named addresses and interfaces of one profile, and their names over a whole policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fwadvisor.addresses import PREDEFINED, predefined
from fwadvisor.decode import Mapping, Node, Scalar
from fwadvisor.decode.reader import suggestion
from fwadvisor.model.address import EVERYWHERE, AddressSet
from fwadvisor.model.interval import subtract
from fwadvisor.model.policy import ANYONE, SELF, Statement, Zone
from fwadvisor.profile.parameters import NAME
from fwadvisor.profile.values import ProfileReader, Type

#: The field names of a zone written as a mapping.
FIELDS = ("addresses", "interfaces", "except", "local")
#: Zones that no profile may define.
RESERVED = (SELF, ANYONE)

_BOTH = 3  # a bit for IPv4 and one for IPv6


@dataclass(slots=True)
class Zones:
    """The zones of one use of a profile; a name maps to None where its parameters have no value."""

    reader: ProfileReader
    found: dict[str, Zone | None]
    nodes: dict[str, Node]
    #: Names whose definition is wrong, so that their uses add no further errors.
    broken: set[str] = field(default_factory=set)

    def families(self, name: str) -> int:
        """Which families a zone has: 1 IPv4, 2 IPv6, 3 both."""
        zone = self.found.get(name)
        if zone is None or zone.addresses is None:
            return _BOTH
        return (1 if zone.addresses.v4 else 0) | (2 if zone.addresses.v6 else 0)

    def is_local(self, name: str) -> bool:
        """Whether a zone is this machine or a part of it."""
        if name == SELF:
            return True
        zone = self.found.get(name)
        return zone is not None and zone.local

    def names(self, node: Node, what: str) -> tuple[str, ...] | None:
        """The zones that a node names, without those that have no value in this run.

        None after a problem; () where none of the named zones has a value.
        """
        reader = self.reader
        found: list[str] = []
        good = True
        for child in reader.one_or_more(node, what):
            name = self._name(child, what)
            if name is None or name in self.broken:
                reader.silent += 1
                good = False
            elif (name in RESERVED or self.found[name] is not None) and name not in found:
                found.append(name)
        if ANYONE in found and len(found) > 1:
            reader.error(node, f'{what} names "any" beside others', "any is everyone already; write it alone")
            return None
        return tuple(found) if good else None

    def _name(self, node: Node, what: str) -> str | None:
        reader = self.reader
        name: str | None
        if parameter := reader.parameter(node):
            declared = reader.declared.get(parameter)
            if declared is not None and declared.type is Type.ADDRESSES:
                hint = f"define a zone:  zones: {{{parameter}: ${parameter}}}  and name it here without $"
                reader.error(node, f'{what} takes zones, but "{parameter}" is a parameter of addresses', hint)
                return None
            value = reader.value(node, parameter, what, Type.CHOICE, Type.TEXT)
            name = None if value is None else value.text
        else:
            scalar = reader.scalar(node, what)
            name = None if scalar is None else scalar.text
        if name is None or name in self.found or name in RESERVED:
            return name
        if name in PREDEFINED:
            self.found[name] = Zone(name=name, addresses=predefined(name))
            return name
        known = (*self.found, *RESERVED, *PREDEFINED)
        hint = suggestion(name, known, "the zones are")
        if any(c in name for c in ".:/"):
            hint = "name the addresses under zones:, and use that name here"
        reader.error(node, f'{what}: there is no zone "{name}"', hint)
        return None


def read_zones(reader: ProfileReader, node: Node | None) -> Zones:
    """The `zones` section of a profile."""
    zones = Zones(reader, {}, {})
    section = reader.mapping(node, "zones")
    for key, value in section.pairs() if section is not None else ():
        name = key.text
        if name in RESERVED:
            reader.error(key, f'the zone "{name}" is built in and cannot be defined', "choose another name")
        elif not NAME.fullmatch(name):
            reader.error(key, f'"{name}" cannot be a zone name', "lower-case letters, digits, - and _")
        else:
            zones.nodes[name] = key
            before = len(reader.diagnostics), reader.silent
            zones.found[name] = _zone(reader, name, key, value)
            if (len(reader.diagnostics), reader.silent) != before:
                zones.broken.add(name)
    return zones


def _zone(reader: ProfileReader, name: str, key: Scalar, node: Node) -> Zone | None:
    what = f'the zone "{name}"'
    place = reader.place(key)
    if not isinstance(node, Mapping):
        if reader.absent(node):
            return None
        addresses = reader.addresses(node, what)
        return None if addresses is None else Zone(name=name, addresses=_named(addresses, name), place=place)
    before = len(reader.diagnostics)
    fields = reader.fields(node, what, FIELDS)
    if not ("addresses" in fields or "interfaces" in fields):
        reader.error(key, f"{what} has neither addresses nor interfaces", "write  addresses: any  if everyone is meant")
        return None
    read = dict(reader.written(fields, *FIELDS))
    if not ("addresses" in read or "interfaces" in read):
        return None
    addresses = reader.addresses(read["addresses"], f"addresses of {what}") if "addresses" in read else None
    interfaces = reader.interfaces(read["interfaces"], f"interfaces of {what}") if "interfaces" in read else ()
    without = reader.addresses(read["except"], f"except of {what}") if "except" in read else None
    local = reader.boolean(read["local"], f"local of {what}") if "local" in read else False
    if len(reader.diagnostics) > before or ("addresses" in read and addresses is None):
        return None
    if without is not None:
        addresses = _except(addresses or EVERYWHERE, without)
        if addresses is None:
            reader.error(read["except"], f"{what}: except leaves no address", "nothing would be in the zone")
            return None
    addresses = None if addresses is None else _named(addresses, name)
    return Zone(name=name, addresses=addresses, interfaces=interfaces, local=bool(local), place=place)


def _except(addresses: AddressSet, without: AddressSet) -> AddressSet | None:
    v4, v6 = subtract(addresses.v4, without.v4), subtract(addresses.v6, without.v6)
    return AddressSet(v4, v6) if v4 or v6 else None


def _named(addresses: AddressSet, name: str) -> AddressSet | None:
    """The set under the zone's name; None, which means any, where it holds every address."""
    return None if addresses == EVERYWHERE else AddressSet(addresses.v4, addresses.v6, name)


# --- names over several profiles -------------------------------------------------------------------


def _content(zone: Zone) -> tuple[object, ...]:
    return zone.addresses, zone.interfaces, zone.local


def unique_zones(
    uses: list[tuple[str, dict[str, Zone | None], list[Statement]]],
) -> tuple[dict[str, Zone], list[Statement]]:
    """The zones of all profiles under names that are unique, and the statements that use those names.

    A name keeps its plain form where all profiles agree on what it stands for; else each becomes
    ``profile.name``, and a second one of the same profile ``profile.name-2``.
    """
    contents: dict[str, set[tuple[object, ...]]] = {}
    for _, zones, _ in uses if len(uses) > 1 else ():
        for name, zone in zones.items():
            if zone is not None:
                contents.setdefault(name, set()).add(_content(zone))
    unique: dict[str, Zone] = {}
    statements: list[Statement] = []
    for profile, zones, own in uses:
        names: dict[str, str] = {}
        for name, zone in zones.items():
            if zone is None:
                continue
            shared = contents.get(name, ())
            names[name] = _unique_name(name, profile, zone, unique) if len(shared) > 1 else name
            unique.setdefault(names[name], _rename(zone, names[name]))
        changed = {old: new for old, new in names.items() if old != new}
        statements += [_use(statement, changed) for statement in own] if changed else own
    return unique, statements


def _unique_name(name: str, profile: str, zone: Zone, unique: dict[str, Zone]) -> str:
    candidate, number = f"{profile}.{name}", 1
    while candidate in unique and _content(unique[candidate]) != _content(zone):
        number += 1
        candidate = f"{profile}.{name}-{number}"
    return candidate


def _rename(zone: Zone, name: str) -> Zone:
    if zone.name == name:
        return zone
    addresses = None if zone.addresses is None else replace(zone.addresses, name=name)
    return replace(zone, name=name, addresses=addresses)


def _use(statement: Statement, changed: dict[str, str]) -> Statement:
    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(changed.get(name, name) for name in names)

    media = statement.media
    if media is not None and media.server in changed:
        media = replace(media, server=changed[media.server])
    return replace(
        statement,
        roles={role: renamed(names) for role, names in statement.roles.items()},
        sources=renamed(statement.sources),
        destinations=renamed(statement.destinations),
        media=media,
    )
