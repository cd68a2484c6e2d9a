"""Explanations as data: the facts themselves, not the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fwadvisor.model.interval import format_ports
from fwadvisor.ports.explain.numbers import (
    listener_commands,
    nearest_known,
    range_class,
    registrations,
    remote_command,
)
from fwadvisor.ports.explain.port_page import uses_of
from fwadvisor.ports.facts import Application, Port, Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.explain.subjects import Numbers, Subject
    from fwadvisor.ports.registry import Registration

#: Grows with every change that a reader of the output could notice.
VERSION = 1


def plain(value: Any) -> Any:
    """Facts as dictionaries, lists and texts."""
    if hasattr(value, "_asdict"):
        return {field: plain(content) for field, content in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(content) for content in value]
    return value


def _registration(entry: Registration | None) -> dict[str, Any] | None:
    return None if entry is None else {**plain(entry), "ports": entry.ports}


def port_data(entry: Port, database: Database) -> dict[str, Any]:
    """A port entry; ranges as text, and the ids of the applications that use it."""
    data: dict[str, Any] = plain(entry)
    data["match"] = {transport.value: format_ports(ports) for transport, ports in entry.match.items()}
    data["registry_only"] = None if entry.registry_only is None else format_ports(entry.registry_only)
    data["applications"] = [application.id for application in database.applications_using(entry.id)]
    data["overlay"] = database.overlaid.get(entry.id, "")
    return data


def application_data(application: Application, database: Database) -> dict[str, Any]:
    """An application with the numbers of its flows."""
    data: dict[str, Any] = plain(application)
    for flow, row in zip(application.flows, data["flows"], strict=True):
        ports = database.flow_ports(flow)
        for field in ("only", "source_ports", "answer_from", "answer_to"):
            value = getattr(flow, field)
            row[field] = None if value is None else format_ports(value)
        row["ports"] = None if ports is None else format_ports(ports)
        row["negotiated"] = database.negotiated(flow)
        helper = database.flow_helper(application, flow) if row["negotiated"] else None
        row["helper"] = helper.id if helper else None
    data["modes"] = list(application.modes)
    data["conversation"] = plain(database.conversations.get(application.id))
    data["overlay"] = database.overlaid.get(application.id, "")
    return data


def _commands(numbers: Numbers, database: Database) -> dict[str, Any]:
    wanted = [numbers.transport] if numbers.transport else [Transport.TCP, Transport.UDP]
    return {
        transport.value: {
            **dict(listener_commands(numbers, transport, database)),
            "remote": remote_command(numbers, transport, database),
        }
        for transport in wanted
        if transport in (Transport.TCP, Transport.UDP)
    }


def numbers_data(numbers: Numbers, database: Database) -> dict[str, Any]:
    """A number or range: registry, neighbours, known uses, commands."""
    data: dict[str, Any] = {
        "first": numbers.first,
        "last": numbers.last,
        "transport": numbers.transport,
        "entries": [port_data(entry, database) for entry in uses_of(numbers, database)],
    }
    if numbers.transport is not Transport.IP:
        data |= {
            "class": range_class(numbers.first),
            "registry": [_registration(entry) for entry in registrations(numbers, database)],
            "previous": _registration(database.registry.previous(numbers.first)),
            "next": _registration(database.registry.next(numbers.last)),
            "nearest_known": [entry.id for entry in nearest_known(numbers, database)],
            "commands": _commands(numbers, database),
        }
    return data


def subject_data(subject: Subject, database: Database) -> dict[str, Any]:
    """One subject of the command line."""
    if subject.application is not None:
        return {"kind": "application", **application_data(subject.application, database)}
    if subject.entry is not None:
        return {"kind": "port-entry", **port_data(subject.entry, database)}
    if subject.numbers is None:
        raise ValueError("a subject is a number, an entry or an application")
    return {"kind": "port", "subject": str(subject.numbers), **numbers_data(subject.numbers, database)}


def document(subjects: list[Subject], database: Database) -> dict[str, Any]:
    """All subjects, with the version of this form."""
    return {
        "version": VERSION,
        "as_of": database.as_of,
        "registry_imported": database.registry.imported_from is not None,
        "subjects": [{"text": subject.text, **subject_data(subject, database)} for subject in subjects],
    }
