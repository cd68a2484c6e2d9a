"""The protocols and ports that a subject stands for, to ask a policy about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.model.interval import Intervals, format_ports
from fwadvisor.ports.explain.port_page import uses_of
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Port, Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.explain.subjects import Numbers, Subject

#: What is asked, in words; the IP protocol number; the ports.
Spot = tuple[str, int, Intervals]


def _of_entry(entry: Port) -> list[Spot]:
    return [
        (f"{format_ports(ports)}/{transport}", PROTOCOL_NUMBERS[transport], ports)
        for transport, ports in entry.match.items()
        if transport is not Transport.IP
    ] + [(f"protocol {ports[0][0]}", ports[0][0], ()) for t, ports in entry.match.items() if t is Transport.IP]


def _of_numbers(numbers: Numbers, database: Database) -> list[Spot]:
    if numbers.transport is Transport.IP:
        return [(f"protocol {number}", number, ()) for number in range(numbers.first, numbers.last + 1)]
    if numbers.transport is not None:
        transports: list[Transport] = [numbers.transport]
    else:
        known = {t for entry in uses_of(numbers, database) for t in entry.match} - {Transport.IP}
        transports = [t for t in Transport if t in known] or [Transport.TCP, Transport.UDP]
    ports = ((numbers.first, numbers.last),)
    return [(f"{format_ports(ports)}/{t}", PROTOCOL_NUMBERS[t], ports) for t in transports]


def spots_of(subject: Subject, database: Database) -> list[Spot]:
    """Everything to ask for one subject; an application asks for each of its flows."""
    if subject.numbers is not None:
        return _of_numbers(subject.numbers, database)
    if subject.entry is not None:
        return _of_entry(subject.entry)
    if subject.application is None:
        return []
    spots: dict[tuple[int, Intervals], Spot] = {}
    for flow in subject.application.flows:
        ports = database.flow_ports(flow) or ()
        protocol = flow.protocols()[0]
        name = f"{flow.id} ({format_ports(ports)}/{flow.transport})" if ports else f"{flow.id} (protocol {protocol})"
        spots.setdefault((protocol, ports), (name, protocol, ports))
    return list(spots.values())
