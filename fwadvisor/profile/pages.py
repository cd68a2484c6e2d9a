"""Profiles for people: the list of them, and one of them resolved in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from fwadvisor.addresses import PREDEFINED
from fwadvisor.decode import Scalar, load
from fwadvisor.diagnostic import Diagnostic, Severity
from fwadvisor.model.address import describe_addresses
from fwadvisor.model.interval import Intervals
from fwadvisor.model.policy import Statement, StatementKind, Zone
from fwadvisor.profile.checks import chosen
from fwadvisor.profile.loader import FIELDS, Loading
from fwadvisor.profile.parameters import Parameter, read_parameters
from fwadvisor.profile.search import Found, available
from fwadvisor.profile.sections import Use
from fwadvisor.profile.values import PortTextError, ProfileReader

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Summary:
    """What the list says of one profile; `problem` is its first error, or ""."""

    name: str
    file: str
    title: str
    description: str
    kind: str
    parameters: tuple[Parameter, ...]
    problem: str = ""


def summaries(folders: Sequence[Path] = ()) -> list[Summary]:
    """Every profile that can be named, those of `folders` first."""
    return [_summary(found) for found in available(folders)]


def _no_services(name: str, _transport: str) -> Intervals:
    raise PortTextError(f'"{name}" is not a port')


def _summary(found: Found) -> Summary:
    document = load(found.path, found.file)
    if document.root is None:
        return Summary(found.name, found.file, "", "", "", (), document.diagnostics[0].message)
    reader = ProfileReader(document, _no_services)
    fields = reader.fields(document.root, "a profile", FIELDS)
    texts = {name: node.text for name, node in fields.items() if isinstance(node, Scalar)}
    if "parameters" in fields:
        read_parameters(reader, fields["parameters"])
    errors = [d.message for d in reader.diagnostics if d.severity is Severity.ERROR]
    return Summary(
        name=found.name,
        file=found.file,
        title=texts.get("title", ""),
        description=texts.get("description", ""),
        kind=texts.get("kind", ""),
        parameters=tuple(reader.declared.values()),
        problem=errors[0] if errors else "",
    )


def list_text(profiles: Sequence[Summary]) -> str:
    """The list as a table; what a run must set stands under each title."""
    if not profiles:
        return "no profiles"
    name_width = max(len("NAME"), *(len(p.name) for p in profiles))
    lines = [f"{'NAME':<{name_width}}  {'FOR':<7}  TITLE, AND WHAT TO SET"]
    for profile in profiles:
        title = profile.title or "(no title)"
        lines.append(f"{profile.name:<{name_width}}  {profile.kind or 'any':<7}  {title}")
        margin = " " * (name_width + 11)
        required = [f"--set {p.name}={p.stand_in().replace(', ', ',')}" for p in profile.parameters if p.required]
        lines += [margin + text for text in required]
        if profile.problem:
            lines += _wrapped(f"cannot be used: {profile.problem}", margin)
    return "\n".join(lines)


def summary_data(profile: Summary) -> dict[str, Any]:
    """The summary for JSON."""
    return {
        "name": profile.name,
        "title": profile.title,
        "description": profile.description,
        "kind": profile.kind or None,
        "file": profile.file,
        "parameters": [_parameter_data(parameter) for parameter in profile.parameters],
        "problem": profile.problem or None,
    }


def _parameter_data(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type.value,
        "required": parameter.required,
        "help": parameter.help,
        "default": parameter.default.text if parameter.default is not None else None,
        "example": parameter.example.text if parameter.example is not None else None,
        "choices": list(parameter.choices) or None,
    }


# --- one profile -----------------------------------------------------------------------------------


def page(
    name: str, settings: Mapping[str, str], database: Database, *, today: date, profile_dirs: Sequence[Path] = ()
) -> tuple[str, tuple[Diagnostic, ...]]:
    """One profile as text, resolved with the settings, and what is wrong with it.

    Required parameters without a setting stand there with their examples. Where the file cannot be read at
    all, the text is empty.
    """
    loading = Loading(database, settings, today, profile_dirs, "absent")
    loading.read([name])
    diagnostics = tuple(dict.fromkeys(loading.diagnostics))
    if not loading.uses:
        return "", diagnostics
    use = loading.uses[0]
    lines = [*_heading(use), *_parameters(use, settings)]
    for number, each in enumerate(loading.uses):
        lines += ["", f"From {each.found.name} ({each.found.file}), included by {each.included_by}"] if number else []
        lines += _content(each, database)
    return "\n".join(lines), diagnostics


def _wrapped(text: str, margin: str = "") -> list[str]:
    return wrap(text, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False) or [""]


def _heading(use: Use) -> Iterator[str]:
    header = use.header
    yield f"{use.found.name}: {header.title}"
    yield f"{use.found.file}, for {f'a {use.kind}' if use.kind is not None else 'hosts and gateways'}"
    if header.description:
        yield ""
        yield from _wrapped(" ".join(header.description.split()))
    about = [f"{name} {text}" for name in ("owner", "ticket", "reason") if (text := getattr(header, name))]
    if header.expires is not None:
        about.append(f"expires {header.expires}")
    if about:
        yield from _wrapped("; ".join(about))


def _parameters(use: Use, settings: Mapping[str, str]) -> Iterator[str]:
    declared = use.reader.declared.values()
    if not declared:
        return
    yield ""
    yield "Parameters"
    for parameter in declared:
        state = "required" if parameter.required else "optional" if parameter.optional else ""
        kind = " | ".join(parameter.choices) if parameter.choices else parameter.type.value
        yield from _wrapped(f"{parameter.name}  ({kind}{', ' + state if state else ''})", "  ")
        if parameter.help:
            yield from _wrapped(parameter.help, "      ")
        value = use.reader.values.get(parameter.name)
        is_set = parameter.name in settings or f"{use.found.name}.{parameter.name}" in settings
        if value is not None and is_set:
            yield f"      here: {value.text}"
        elif value is not None and parameter.required:
            yield f"      not set; shown with {value.text}"
        elif value is not None:
            yield f"      default: {value.text}"
        elif parameter.example is not None:
            yield f"      not set; for example {parameter.example.text}"


def _content(use: Use, database: Database) -> Iterator[str]:
    own = use.statements
    zones = [zone for zone in own.zones.found.values() if zone is not None] if own is not None else []
    if zones:
        yield ""
        yield "Zones"
        width = max(len(zone.name) for zone in zones)
        for zone in zones:
            yield f"  {zone.name:<{width}}  {describe_zone(zone)}"
    if own is not None and (own.found or own.skipped):
        yield ""
        yield "Statements"
        for statement, _ in own.found:
            yield from _statement(statement, use, database)
        if own.skipped:
            one = own.skipped == 1
            yield f"  {own.skipped} more {'does' if one else 'do'} not apply with these parameters (when)"
    if use.defaults:
        said = (f"{d.hook} {d.verdict}{' and log' if d.log else ''}" for d in use.defaults)
        yield ""
        yield f"Otherwise: {', '.join(said)}"


def describe_zone(zone: Zone) -> str:
    """What is in a zone, in a few words."""
    addresses = zone.addresses
    if zone.place is None and zone.name in PREDEFINED:
        return PREDEFINED[zone.name]
    parts = [] if addresses is None else [describe_addresses(addresses).partition(" (")[2].removesuffix(")")]
    if zone.interfaces:
        parts.append(f"on {', '.join(zone.interfaces)}")
    if zone.local:
        parts.append("(this machine)")
    return " ".join(parts) or "any address"


def _statement(statement: Statement, use: Use, database: Database) -> Iterator[str]:
    """A statement as one or two sentences."""
    lead = f"  {statement.kind.value:<6}  "
    margin = " " * len(lead)
    first, *more = _wrapped(_sentence(statement, database), margin)
    yield lead + first[len(margin) :]
    yield from more
    header = use.header
    about = [statement.title, statement.reason, statement.ticket, statement.owner]
    about = [text for text in about if text not in (header.reason, header.owner, header.ticket)]
    if statement.expires != header.expires:
        about.append(f"until {statement.expires}")
    if any(about):
        yield from _wrapped("; ".join(text for text in about if text), margin + "  ")


def _sentence(statement: Statement, database: Database) -> str:
    ends = [("from", statement.sources), ("to", statement.destinations)]
    if statement.application:
        subject = _application(statement, database)
        ends = [(f"{role}:", zones) for role, zones in statement.roles.items()]
    elif statement.risk:
        subject = f"every port of {' or '.join(statement.risk)} risk"
    else:
        subject = ", ".join(dict.fromkeys(flow.text for flow in statement.flows))
    said = [f"{word} {' and '.join(zones)}" for word, zones in ends if zones]
    if statement.application:
        said = [f"({'; '.join(said)})"] if said else ["anywhere"]
    tail = []
    if statement.media is not None:
        tail.append(f"media {statement.media.strategy}")
    if statement.verdict is not None:
        tail.append(statement.verdict.value)
    if statement.log:
        tail.append("log")
    return " ".join([subject, *said]) + "".join(f", {word}" for word in tail)


def _application(statement: Statement, database: Database) -> str:
    application = database.application(statement.application)
    if application is None or statement.kind is not StatementKind.NEED:
        return statement.application
    return f"{statement.application}: {', '.join(flow.id for flow in chosen(application, statement))}"
