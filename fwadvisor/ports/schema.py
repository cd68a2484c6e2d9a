"""The shape of the knowledge files: YAML nodes to plain values that remember where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fwadvisor.decode import Document, Node, Reader, Sequence, describe
from fwadvisor.decode import Mapping as MappingNode
from fwadvisor.diagnostic import Span
from fwadvisor.model.interval import normalize
from fwadvisor.ports.facts import Listing, RegistryState, Risk, Stance, State, Transport

RELATIONS = (
    "signalling", "control", "media", "data-channel", "directory", "discovery", "registration", "gatekeeper",
    "secure-variant", "plain-variant", "superseded-by", "supersedes", "alternate", "fallback", "management",
    "replication", "notification", "name-service", "clashes-with",
)  # fmt: skip
PHASES = (
    "discovery", "name-lookup", "directory", "registration", "setup", "control", "media", "data", "auth",
    "management", "notification", "keepalive",
)  # fmt: skip
#: Where an advisory's id was checked.
EVIDENCE = ("kev", "cve-record", "nmap-script", "advisory-page")
SYSTEMS = ("linux", "linux_range", "macos", "windows", "windows_cmd", "windows_range", "freebsd", "remote")


class Text(str):
    """A text of a knowledge file that knows its place."""

    __slots__ = ("document", "node")
    document: Document
    node: Node

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.document.span(self.node)


#: Reads one node; None after a diagnostic.
Kind: TypeAlias = Callable[[Reader, Node, str], Any]


def placed(reader: Reader, node: Node, text: str) -> Text:
    """`text` with the place of `node`."""
    value = Text(text)
    value.document, value.node = reader.document, node
    return value


def text(reader: Reader, node: Node, what: str) -> Text | None:
    """Any text that is not empty."""
    found = reader.text(node, what)
    return None if found is None else placed(reader, node, " ".join(found.split()))


def name(reader: Reader, node: Node, what: str) -> Text | None:
    """An id: lower-case letters, digits and hyphens (aliases also have dots)."""
    found = text(reader, node, what)
    if found is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", found):
        reader.error(node, f'{what} cannot be "{found}"', "ids are lower-case letters, digits and hyphens")
        return None
    return found


def boolean(reader: Reader, node: Node, what: str) -> bool | None:
    """true or false."""
    return reader.boolean(node, what)


def number(low: int, high: int) -> Kind:
    """A whole number between two limits."""
    return lambda reader, node, what: reader.integer(node, what, low, high)


def word(words: type[Any] | tuple[str, ...]) -> Kind:
    """One of the words of an enum."""
    known = tuple(str(one) for one in words)

    def read(reader: Reader, node: Node, what: str) -> Text | None:
        found = reader.word(node, what, known)
        return None if found is None else placed(reader, node, found)

    return read


def list_of(kind: Kind) -> Kind:
    """A list, maybe empty, of elements of one kind."""

    def read(reader: Reader, node: Node, what: str) -> list[Any] | None:
        if not isinstance(node, Sequence):
            reader.error(node, f"{what} is a list, but found {describe(node)}", "write [a, b], or - a line each")
            return None
        values = [kind(reader, child, what) for child in node.children]
        return [value for value in values if value is not None]

    return read


def ranges(low: int = 1, high: int = 65535) -> Kind:
    """A list of ``80`` and ``5000-5010``, as sorted pairs; one text stands for a list of one."""

    def read(reader: Reader, node: Node, what: str) -> list[tuple[int, int]] | None:
        found: list[tuple[int, int]] = []
        children = node.children if isinstance(node, Sequence) else [node]
        for child in children:
            entry = reader.text(child, what)
            shape = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", entry or "")
            if shape is None:
                if entry is not None:
                    reader.error(child, f'{what}: "{entry}" is no port or range', "write 80 or 5000-5010")
                continue
            first, last = int(shape[1]), int(shape[2] or shape[1])
            if last < first:
                reader.error(child, f"{what}: the range {entry} ends before it begins", f"write {last}-{first}")
            elif first < low or last > high:
                reader.error(child, f"{what}: {entry} is outside {low}-{high}")
            else:
                found.append((first, last))
        return [] if isinstance(node, Sequence) and not children else list(normalize(found)) or None

    return read


@dataclass(frozen=True)
class Required:
    """A field that must be there."""

    kind: Kind


def record(fields: Mapping[str, Kind | Required]) -> Kind:
    """A mapping with known fields."""
    required = tuple(field for field, kind in fields.items() if isinstance(kind, Required))

    def read(reader: Reader, node: Node, what: str) -> dict[str, Any] | None:
        if reader.mapping(node, what) is None:
            return None
        values: dict[str, Any] = {}
        for field, child in reader.fields(node, what, tuple(fields), required).items():
            kind = fields[field]
            value = (kind.kind if isinstance(kind, Required) else kind)(reader, child, f'"{field}"')
            if value is not None:
                values[field] = value
        return values

    return read


def keyed(kind: Kind, keys: Kind = name) -> Kind:
    """A mapping whose keys are free names."""

    def read(reader: Reader, node: Node, what: str) -> dict[str, Any] | None:
        if not isinstance(node, MappingNode):
            reader.mapping(node, what)
            return None
        values = {}
        for key, child in node.pairs():
            label = keys(reader, key, f"{what}: a name")
            value = kind(reader, child, f'"{key.text}"')
            if label is not None and value is not None:
                values[label] = value
        return values

    return read


STATUS = record(
    {"state": Required(word(State)), "since": number(1960, 2100), "ended": number(1960, 2100), "note": text}
)
ADVISORY = record(
    {"id": Required(text), "via": Required(word(EVIDENCE)), "note": Required(text), "fixed": list_of(text)}
)
PORT = record({
    "id": Required(name), "title": Required(text),
    "match": Required(record({**{str(t): ranges() for t in Transport if t is not Transport.IP}, "ip": ranges(0, 255)})),
    "registry": record({
        "state": Required(word(RegistryState)), "names": list_of(text), "only": ranges(), "note": text,
    }),
    "listing": word(Listing), "use": Required(text), "products": list_of(text),
    "opens": Required(record({"from": Required(text), "to": Required(text)})),
    "related": list_of(record({"port": Required(name), "rel": Required(word(RELATIONS)), "note": text})),
    "dynamic": record({
        "opens": list_of(name), "negotiated_in": list_of(name), "count": text, "tracked_by": list_of(name),
        "pin": text, "note": text,
    }),
    "multicast": record({"groups": Required(list_of(text)), "ttl": text}),
    "status": Required(STATUS),
    "risk": Required(record({
        "internet": Required(word(Risk)), "lan": Required(word(Risk)), "why": Required(text),
    })),
    "stance": Required(record({"in": Required(word(Stance)), "out": Required(word(Stance)), "why": text})),
    "helper": name, "secure": list_of(text), "advisories": list_of(ADVISORY),
    "nmap": record({"scripts": list_of(text), "version_probe": boolean, "note": text}),
    "processes": record({system: list_of(text) for system in ("linux", "macos", "windows", "freebsd")}),
    "pitfalls": list_of(text), "sources": Required(list_of(text)),
})  # fmt: skip
FLOW = record({
    "id": Required(name), "port": Required(name), "t": Required(word(Transport)), "from": Required(name),
    "to": Required(name), "phase": Required(word(PHASES)), "need": Required(text), "opened_by": name,
    "reply": word(("multicast",)), "if_denied": Required(text), "only": ranges(), "src": ranges(), "note": text,
    "answer": record({"from": ranges(), "to": ranges()}),
})  # fmt: skip
APPLICATION = record({
    "id": Required(name), "title": Required(text), "aliases": list_of(name), "status": Required(STATUS),
    "roles": Required(keyed(text)), "features": list_of(name), "flows": Required(list_of(FLOW)),
    "dynamic_strategy": list_of(text), "lockout": boolean, "pinnable": boolean,
    "deny": record({
        "flows": Required(list_of(name)), "also": list_of(name), "edge_only": list_of(name),
        "effective": text, "caution": text,
    }),
    "sources": Required(list_of(text)),
})  # fmt: skip
PRESET = record({
    "id": Required(name), "title": Required(text), "tcp": ranges(), "udp": ranges(), "tcp_start": number(1, 65535),
    "udp_start": number(1, 65535), "setting": Required(text), "note": text, "sources": Required(list_of(text)),
})  # fmt: skip
HELPER = record({
    "module": Required(text), "nat": text,
    "types": Required(list_of(record({
        "type": Required(text), "t": Required(word(Transport)), "port": Required(number(1, 65535)),
    }))),
    "families": Required(list_of(word(("ip", "ip6")))), "internal": list_of(text), "related_names": list_of(text),
    "blind_when": Required(text), "params": list_of(text), "note": text, "advisories": list_of(ADVISORY),
    "limits": list_of(text), "nat_families": list_of(word(("ip", "ip6"))), "advice": text, "same_peer": boolean,
    "defects": list_of(record({"versions": Required(text), "note": Required(text)})),
})  # fmt: skip
EPHEMERAL = record({
    "system": Required(text), "ports": Required(ranges()),
    "reserve": Required(text), "sources": Required(list_of(text)),
})  # fmt: skip
COMMANDS = record({"tcp": Required(text), "udp": Required(text)})
SOURCES = keyed(record({"title": Required(text), "url": text}))
#: Sections that every knowledge file may have, and those of the shipped files only.
COMMON = {
    "ports": list_of(PORT), "applications": list_of(APPLICATION), "media_presets": list_of(PRESET), "sources": SOURCES,
}  # fmt: skip
SHIPPED = {
    **COMMON, "as_of": text, "severity_meaning": record({str(risk): Required(text) for risk in Risk}),
    "check_listener": record({system: Required(COMMANDS) for system in SYSTEMS}),
    "helper_assignment": record({"note": Required(text)}), "helpers": keyed(HELPER),
    "ephemeral_ports": list_of(EPHEMERAL),
}  # fmt: skip


def read_document(document: Document, *, shipped: bool = False) -> tuple[dict[str, Any], Reader]:
    """The sections of a knowledge file as plain values, and the reader with everything that is wrong with it."""
    from fwadvisor.ports.schema_calls import CALL_ENDS, CALLS

    reader = Reader(document)
    values: dict[str, Any] = {}
    if document.root is not None:
        known = {**SHIPPED, "calls": CALLS, "call_ends": CALL_ENDS} if shipped else COMMON
        values = record(known)(reader, document.root, "a knowledge file") or {}
    return values, reader
