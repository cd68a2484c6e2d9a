"""The page of an application: its roles, its flows, what closing it takes, how negotiated flows get through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fwadvisor.model.interval import format_ports
from fwadvisor.ports.explain.conversation import add_conversation
from fwadvisor.ports.explain.page import Page, Row, row
from fwadvisor.ports.explain.port_page import source_rows, status_text
from fwadvisor.ports.facts import Application, Flow, HelperFacts, Risk, Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database


def flow_numbers(flow: Flow, database: Database) -> str:
    """The destination of a flow in short: ``1720/tcp``, ``negotiated udp``, ``protocol 47``."""
    if flow.transport is Transport.IP:
        return f"protocol {flow.ip_protocol}"
    if database.negotiated(flow):
        return f"negotiated {flow.transport}"
    ports = database.flow_ports(flow)
    return f"{format_ports(ports or ())}/{flow.transport}"


def _flow_rows(application: Application, database: Database) -> list[Row]:
    rows = []
    for flow in application.flows:
        parts = [f"{flow.source_role} -> {flow.destination_role}, {flow.need}"]
        if flow.opened_by:
            parts.append(f"opened by {flow.opened_by}")
        if flow.source_ports:
            parts.append(f"from port {format_ports(flow.source_ports)}")
        if flow.reply:
            parts.append("asked by multicast")
        parts.append(f"if closed: {flow.if_denied}")
        if flow.note:
            parts.append(flow.note)
        rows.append(Row(flow_numbers(flow, database), f"{flow.id}: {'; '.join(parts)}"))
    return rows


def _helper_rows(helper: HelperFacts) -> Iterator[Row | None]:
    """What a helper reads and does not follow, and where its defects are repaired."""
    types = ", ".join(dict.fromkeys(kind.type for kind in helper.types))
    families = " and ".join({4: "IPv4", 6: "IPv6"}[family] for family in helper.families)
    yield Row(f"helper {helper.id}", f"{types}; {families}; blind when: {helper.blind_when}")
    yield row("note", helper.note)
    yield from (Row("not followed", limit) for limit in helper.limits)
    yield row("advice", helper.advice)
    for advisory in helper.advisories:
        repaired = f"; repaired in Linux {', '.join(advisory.fixed)}" if advisory.fixed else ""
        yield Row(advisory.id, f"{advisory.note}{repaired}")
    yield from (Row("defect", f"Linux {defect.versions}: {defect.note}") for defect in helper.defects)


def _dynamic_rows(application: Application, database: Database) -> list[Row | None]:
    negotiated = [flow for flow in application.flows if database.negotiated(flow)]
    if not negotiated:
        return []
    rows: list[Row | None] = [
        Row("way", "a Linux connection-tracking helper" if way == "helper" else way)
        for way in application.dynamic_strategy
    ]
    for helper in {
        flow_helper.id: flow_helper for flow in negotiated if (flow_helper := database.flow_helper(application, flow))
    }.values():
        rows += _helper_rows(helper)
        rows.append(row("assign", database.helper_note))
    if not application.pinnable:
        rows.append(Row("pinned", "impossible: the program cannot be limited to fixed ports"))
    return rows


def _worst(application: Application, database: Database) -> Risk:
    order = list(Risk)
    listeners = (database.ports[flow.port].risk_internet for flow in application.flows)
    return min(listeners, key=order.index)


def application_page(application: Application, database: Database) -> Page:
    """Everything known of one application."""
    worst = _worst(application, database)
    page = Page(
        application.id,
        application.title,
        ((application.status.state.value, ""), (f"worst port {worst}", worst)),
    )
    page.add(
        "What it is",
        row("also called", ", ".join(application.aliases)),
        Row("status", status_text(application.status)),
        row("features", ", ".join(application.features)),
        row("modes", ", ".join(application.modes)),
        row("careful", "closing it can lock you out" if application.lockout else ""),
        row("overlay", database.overlaid.get(application.id, "")),
    )
    page.add("Roles", *(Row(role, text) for role, text in application.roles.items()))
    page.add("Flows", *_flow_rows(application, database))
    page.add("Negotiated ports", *_dynamic_rows(application, database))
    add_conversation(page, application, database)
    deny = application.deny
    page.add(
        "To close it",
        row("close", ", ".join(deny.flows)),
        row("also", ", ".join(deny.also)),
        row("edge only", ", ".join(deny.edge_only)),
        row("effect", deny.effective),
        row("caution", deny.caution),
    )
    ports = list(dict.fromkeys(flow.port for flow in application.flows))
    page.add(
        "Risk of its ports",
        *(
            Row(
                database.ports[id].risk_internet,
                f"{database.ports[id].title}: {database.ports[id].risk_why}",
                database.ports[id].risk_internet,
            )
            for id in sorted(ports, key=lambda id: list(Risk).index(database.ports[id].risk_internet))
        ),
    )
    page.add("Sources", *source_rows(application.sources, database))
    return page
