"""The page of a port: of a known use, or of a number that only the registry knows, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.model.interval import Intervals
from fwadvisor.ports.explain.conversation import add_symptoms
from fwadvisor.ports.explain.numbers import (
    command_rows,
    nearest_known,
    preset_rows,
    registry_rows,
    remote_command,
    spots,
)
from fwadvisor.ports.explain.page import Page, Row, row
from fwadvisor.ports.explain.subjects import Numbers
from fwadvisor.ports.facts import Listing, Port, Status, Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database


def status_text(status: Status) -> str:
    """The status with its years."""
    years = f", since {status.since}" if status.since else ""
    years += f", ended {status.ended}" if status.ended else ""
    return f"{status.state}{years}" + (f": {status.note}" if status.note else "")


def source_rows(sources: tuple[str, ...], database: Database) -> list[Row]:
    """Where the statements come from."""
    rows = []
    references = [f"RFC {source.removeprefix('rfc:')}" for source in sources if source.startswith("rfc:")]
    for source in sources:
        if source in database.sources:
            known = database.sources[source]
            rows.append(Row("-", f"{known.title} {known.url}".strip()))
    if references:
        rows.append(Row("-", ", ".join(references)))
    return rows


def _entry_text(id: str, database: Database) -> str:
    entry = database.ports.get(id)
    if entry is None:
        return id
    return entry.title if entry.listing is Listing.HIDDEN else f"{entry.title} ({spots(entry)})"


def _risk(page: Page, entry: Port, database: Database) -> None:
    meaning = database.risk_meaning
    page.add(
        "Risk",
        Row("internet", f"{entry.risk_internet.upper()}: {meaning[entry.risk_internet]}", entry.risk_internet),
        Row("inside", entry.risk_lan.upper(), entry.risk_lan),
        Row("because", entry.risk_why),
    )
    secure = ["it is encrypted itself" if one == "self" else _entry_text(one, database) for one in entry.secure]
    page.add(
        "Recommended",
        Row("inbound", entry.stance_in),
        Row("outbound", entry.stance_out),
        row("because", entry.stance_why),
        row("encrypted", ", ".join(secure)),
    )


def _dynamic(page: Page, entry: Port, database: Database) -> None:
    dynamic = entry.dynamic
    if dynamic is None and not entry.helper:
        return
    rows: list[Row | None] = []
    if dynamic is not None:
        rows += [Row("opens", _entry_text(other, database)) for other in dynamic.opens]
        rows.append(row("agreed in", ", ".join(_entry_text(other, database) for other in dynamic.negotiated_in)))
        rows += [row("how many", dynamic.how_many), row("pinned by", dynamic.pin), row("note", dynamic.note)]
    tracked = dynamic.tracked_by if dynamic is not None else (entry.helper,)
    for id in tracked:
        facts = database.helpers[id]
        families = " and ".join({4: "IPv4", 6: "IPv6"}[family] for family in facts.families)
        names = ", ".join(dict.fromkeys(kind.type for kind in facts.types))
        rows.append(Row("tracked by", f"Linux helper {id} ({names}; {facts.module}), {families}"))
        rows.append(row("blind when", facts.blind_when))
    if not tracked:
        rows.append(Row("tracked by", "no firewall can follow it: pin the range, or keep to named peers"))
    page.add("Ports that follow", *rows)


def _related(page: Page, entry: Port, database: Database) -> None:
    rows = []
    for relation in entry.related:
        other = database.ports[relation.port]
        shown = spots(other) if other.listing is not Listing.HIDDEN else "negotiated"
        note = f"; {relation.note}" if relation.note else ""
        rows.append(Row(shown, f"{relation.kind}: {other.title}{note}"))
    page.add("Related ports", *rows)


def _applications(page: Page, entry: Port, database: Database) -> None:
    rows = []
    for application in database.applications_using(entry.id):
        for flow in application.flows:
            if flow.port == entry.id:
                rows.append(
                    Row(application.id, f"{flow.id}: {flow.source_role} -> {flow.destination_role}, {flow.need}")
                )
    page.add("Applications", *rows)


def _look(page: Page, entry: Port, numbers: Numbers, database: Database) -> None:
    transports = [t for t in entry.match if numbers.transport in (None, t)]
    page.add(
        "Who listens here",
        *command_rows(numbers, transports, database),
        *(row(system, ", ".join(names)) for system, names in _process_rows(entry)),
    )
    page.add(
        "Ask from outside",
        *(
            Row(
                "nmap" if len(transports) == 1 else f"nmap {t}",
                remote_command(numbers, t, database, entry.nmap_scripts),
                "",
                True,
            )
            for t in transports
            if t in (Transport.TCP, Transport.UDP)
        ),
        row("note", entry.nmap_note),
    )


def _process_rows(entry: Port) -> list[tuple[str, tuple[str, ...]]]:
    titles = {"linux": "Linux", "macos": "macOS", "windows": "Windows", "freebsd": "FreeBSD"}
    return [(f"{titles[system]} runs", names) for system, names in entry.processes.items()]


def _first_numbers(entry: Port) -> Numbers:
    """The numbers that commands and neighbours are shown for."""
    transport, ports = next(iter(entry.match.items()))
    return Numbers(*ports[0], transport if len(entry.match) == 1 else None)


def entry_page(entry: Port, database: Database, numbers: Numbers | None = None) -> Page:
    """Everything known of one use of a port; `numbers` is the number that was asked for."""
    asked = numbers or _first_numbers(entry)
    subject = str(numbers) if numbers and numbers.transport else spots(entry)
    page = Page(
        subject,
        entry.title,
        ((entry.status.state.value, ""), (f"risk {entry.risk_internet}", entry.risk_internet)),
        entry.use,
    )
    names = ", ".join(entry.registry_names)
    registry = {
        "assigned": f"registered as {names}",
        "other-service": f"not its own number: registered to {names}",
        "unassigned": "used without registration",
        "dynamic": "chosen at run time, or out of the dynamic range",
        "protocol-number": f"an IP protocol of its own ({names})" if names else "an IP protocol of its own",
    }[entry.registry]
    multicast = ", ".join(entry.multicast_groups)
    page.add(
        "What it is",
        Row("number", registry + (f"; {entry.registry_note}" if entry.registry_note else "")),
        row("products", ", ".join(entry.products)),
        Row("opened by", f"{entry.opened_from} -> {entry.opened_to}"),
        row("multicast", f"{multicast} ({entry.multicast_scope})" if entry.multicast_scope else multicast),
        Row("status", status_text(entry.status)),
        row("id", entry.id),
        row("overlay", database.overlaid.get(entry.id, "")),
    )
    _risk(page, entry, database)
    _dynamic(page, entry, database)
    _related(page, entry, database)
    _applications(page, entry, database)
    add_symptoms(page, entry.id, database)
    page.add("Advisories", *(Row(advisory.id, advisory.note) for advisory in entry.advisories))
    page.add("Pitfalls", *(Row("-", text) for text in entry.pitfalls))
    _look(page, entry, asked, database)
    listed = [] if entry.listing is Listing.HIDDEN else registry_rows(asked, database)
    page.add("Registry", *listed, *preset_rows(asked, database))
    page.add("Sources", *source_rows(entry.sources, database))
    return page


def number_page(numbers: Numbers, others: list[Port], database: Database) -> Page:
    """A number or range without a known use of its own; `others` use it on another transport or in part."""
    registered = registry_rows(numbers, database)
    names = database.registry.lookup(numbers.first, numbers.transport) if numbers.first == numbers.last else []
    title, lead = "", ""
    if numbers.transport is Transport.IP:
        title = "an IP protocol that nothing is recorded of"
        lead = (
            "An IP protocol number is no port: a rule names the protocol itself, and TCP and UDP rules do not touch it."
        )
    elif numbers.first == numbers.last == 0:
        title, lead = "reserved", "Port 0 is never used on the wire; packets that carry it are forged or broken."
    elif names:
        title = ", ".join(dict.fromkeys(entry.name for entry in names))
        lead = "Registered, but nothing is recorded here of its use. A program on it may well be another one."
    elif numbers.first == numbers.last:
        title, lead = (
            "nobody registered this port",
            "Whatever listens here chose the number by itself: find out which program it is.",
        )
    else:
        title = f"{numbers.last - numbers.first + 1} ports"
    page = Page(str(numbers), title, (), lead)
    page.add("Known uses", *(Row(spots(entry), f"{entry.title}; fwadvisor explain {entry.id}") for entry in others))
    page.add("Registry", *registered)
    page.add("Vendors", *preset_rows(numbers, database))
    if numbers.transport is not Transport.IP:
        near = nearest_known(numbers, database)
        page.add("Nearest known ports", *(Row(spots(entry), entry.title) for entry in near))
        wanted = [numbers.transport] if numbers.transport else [Transport.TCP, Transport.UDP]
        page.add("Who listens here", *command_rows(numbers, wanted, database))
        page.add(
            "Ask from outside",
            *(
                Row(f"nmap {t}", remote_command(numbers, t, database), "", True)
                for t in wanted
                if t in (Transport.TCP, Transport.UDP)
            ),
        )
    return page


def _overlapping(numbers: Numbers, database: Database) -> list[Port]:
    def touches(ports: Intervals) -> bool:
        return any(first <= numbers.last and last >= numbers.first for first, last in ports)

    return [
        entry
        for entry in database.ports.values()
        if entry.listing is not Listing.HIDDEN
        and any(
            touches(ports)
            for transport, ports in entry.match.items()
            if (transport is numbers.transport or (numbers.transport is None and transport is not Transport.IP))
        )
    ]


def uses_of(numbers: Numbers, database: Database) -> list[Port]:
    """The known uses of a number or range, the main ones first."""
    order = (Listing.PRIMARY, Listing.SECONDARY)
    return sorted(_overlapping(numbers, database), key=lambda entry: order.index(entry.listing))


def port_pages(numbers: Numbers, database: Database) -> list[Page]:
    """The pages of a number: one for each main use, the lesser uses named on the first."""
    found = uses_of(numbers, database)
    if numbers.first != numbers.last:
        return [number_page(numbers, found, database)]
    if not found:
        elsewhere = (
            [] if numbers.transport is Transport.IP else uses_of(Numbers(numbers.first, numbers.first), database)
        )
        return [number_page(numbers, elsewhere, database)]
    main = [entry for entry in found if entry.listing is Listing.PRIMARY]
    if not main:
        return [number_page(numbers, found, database)]
    pages = [entry_page(entry, database, numbers) for entry in main]
    lesser = [entry for entry in found if entry not in main]
    pages[0].add("Other uses", *(Row(spots(entry), f"{entry.title}; fwadvisor explain {entry.id}") for entry in lesser))
    return pages
