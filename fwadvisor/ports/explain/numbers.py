"""What can be said of a number whatever is known of it: class, registry, neighbours, commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fwadvisor.model.interval import format_ports
from fwadvisor.ports.explain.page import Row
from fwadvisor.ports.facts import Listing, Port, Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.explain.subjects import Numbers
    from fwadvisor.ports.registry import Registration

#: The three ranges of RFC 6335.
CLASSES = ((0, 1023, "system"), (1024, 49151, "user"), (49152, 65535, "dynamic"))
_MEANING = {
    "system": "system ports 0-1023: assigned with care, and privileged on Unix",
    "user": "user ports 1024-49151: assigned on request",
    "dynamic": "dynamic ports 49152-65535: never assigned; programs draw them at run time",
}
_SYSTEMS = (
    ("Linux", "linux"), ("macOS", "macos"), ("PowerShell", "windows"), ("cmd.exe", "windows_cmd"),
    ("FreeBSD", "freebsd"),
)  # fmt: skip


def range_class(port: int) -> str:
    """system, user or dynamic."""
    return next(name for first, last, name in CLASSES if first <= port <= last)


def class_text(first: int, last: int) -> str:
    """The range class in words (RFC 6335)."""
    return "; ".join(dict.fromkeys(_MEANING[range_class(port)] for port in (first, last)))


def spots(entry: Port) -> str:
    """The numbers of an entry with their transports: ``53/udp,tcp``."""
    groups: dict[str, list[str]] = {}
    for transport, ports in entry.match.items():
        groups.setdefault(format_ports(ports), []).append(transport.value)
    return " ".join(f"{ports}/{','.join(transports)}" for ports, transports in groups.items())


def registration_text(entry: Registration) -> str:
    """A line of the registry."""
    text = f"{entry.name} on {entry.ports}/{','.join(entry.transports)}"
    return f"{text} ({entry.description})" if entry.description else text


def registrations(numbers: Numbers, database: Database) -> list[Registration]:
    """What the registry has on these numbers."""
    if numbers.transport is Transport.IP:
        return []
    if numbers.first == numbers.last:
        return database.registry.lookup(numbers.first, numbers.transport)
    return [
        entry
        for entry in database.registry
        if entry.first <= numbers.last
        and entry.last >= numbers.first
        and (numbers.transport is None or numbers.transport in entry.transports)
    ]


def registry_rows(numbers: Numbers, database: Database, most: int = 8) -> list[Row]:
    """What the registry says of the numbers, and the registered neighbours."""
    if numbers.transport is Transport.IP:
        return []
    found = registrations(numbers, database)
    table = database.registry.imported_from
    label = "IANA" if table is None else "IANA (imported)"
    texts = [registration_text(entry) for entry in found[:most]]
    if len(found) > most:
        texts.append(f"and {len(found) - most} more")
    if not found:
        where = f" for {numbers.transport}" if numbers.transport else ""
        texts = [f"nothing is registered{where}"]
    rows = [Row(label if index == 0 else "", text) for index, text in enumerate(texts)]
    rows += [Row("other use", f"reported to IANA: {entry.other_use}") for entry in found[:most] if entry.other_use]
    rows.append(Row("class", class_text(numbers.first, numbers.last)))
    before, after = database.registry.previous(numbers.first), database.registry.next(numbers.last)
    if before:
        rows.append(Row("previous", registration_text(before)))
    if after:
        rows.append(Row("next", registration_text(after)))
    return rows


def _numbered(entries: Iterable[Port]) -> list[tuple[int, int, Port]]:
    return sorted(
        (
            (ports[0][0], ports[-1][1], entry)
            for entry in entries
            for transport, ports in entry.match.items()
            if transport is not Transport.IP and entry.listing is not Listing.HIDDEN
        ),
        key=lambda spot: spot[:2],
    )


def nearest_known(numbers: Numbers, database: Database) -> list[Port]:
    """The nearest entries of the knowledge below and above."""
    spots = _numbered(database.ports.values())
    below = [entry for _, last, entry in spots if last < numbers.first]
    above = [entry for first, _, entry in spots if first > numbers.last]
    return list({entry.id: entry for entry in (*below[-1:], *above[:1])}.values())


def preset_rows(numbers: Numbers, database: Database) -> list[Row]:
    """The vendors' media ranges that hold a number."""
    rows = []
    for preset in database.presets.values():
        for transport in (Transport.TCP, Transport.UDP):
            ports = preset.tcp if transport is Transport.TCP else preset.udp
            start = preset.tcp_start if transport is Transport.TCP else preset.udp_start
            if ports is None and start is not None:
                ports = ((start, start + 15),)
            if ports is None or numbers.transport not in (None, transport) or preset.id == "generic":
                continue
            if ports[0][0] <= numbers.last and ports[-1][1] >= numbers.first:
                shown = f"from {start}" if start is not None else format_ports(ports)
                rows.append(Row("media range", f"{preset.title}: {transport} {shown}"))
    return rows


def _fill(commands: dict[str, str], numbers: Numbers, transport: Transport) -> str:
    ports = str(numbers.first) if numbers.first == numbers.last else f"{numbers.first}-{numbers.last}"
    text = commands[transport.value]
    for place, value in (("{port}", ports), ("{first}", str(numbers.first)), ("{last}", str(numbers.last))):
        text = text.replace(place, value)
    return text


def listener_commands(numbers: Numbers, transport: Transport, database: Database) -> list[tuple[str, str]]:
    """For each system: the command that shows who listens there."""
    found = []
    for title, system in _SYSTEMS:
        commands = database.listener_commands[system]
        if numbers.first != numbers.last:
            if system == "windows_cmd":
                continue
            commands = database.listener_commands.get(f"{system}_range", commands)
        found.append((title, _fill(dict(commands), numbers, transport)))
    return found


def remote_command(numbers: Numbers, transport: Transport, database: Database, scripts: tuple[str, ...] = ()) -> str:
    """The nmap command that asks from outside."""
    text = _fill(dict(database.listener_commands["remote"]), numbers, transport)
    return text.replace(" HOST", f" --script {','.join(scripts)} HOST") if scripts else text


def command_rows(numbers: Numbers, transports: Iterable[Transport], database: Database) -> list[Row]:
    """Rows for all systems; with two transports each is named."""
    transports = [t for t in transports if t in (Transport.TCP, Transport.UDP)]
    rows = []
    for transport in transports:
        for title, command in listener_commands(numbers, transport, database):
            label = f"{title} {transport}" if len(transports) > 1 else title
            rows.append(Row(label, command, command=True))
    return rows
