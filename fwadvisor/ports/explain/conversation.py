"""How an application talks, for its page and the pages of its ports: the ladder, symptoms, and what to watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fwadvisor.model.interval import format_ports
from fwadvisor.ports.explain.page import Page, Row

if TYPE_CHECKING:
    from fwadvisor.ports.call_facts import CallForm, Conversation, Message
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.facts import Application, Flow


def add_conversation(page: Page, application: Application, database: Database) -> None:
    """The sections on how an application talks; none where that is not known."""
    conversation = database.conversations.get(application.id)
    if conversation is None:
        return
    first, *others = conversation.forms
    rows = list(_steps(application, conversation, first, database))
    if others and application.id == conversation.applications[0]:
        rows.append(Row("variants", ", ".join(f"{form.title} ({form.id})" for form in others)))
    page.add(f"Step by step: {first.title}", *rows)
    ids = {flow.id for flow in application.flows}
    page.add("When it fails", *(Row("-", text) for text in _symptoms(conversation, ids)))
    watches = {watch.run: watch.dialects for watch in conversation.watches if "{" not in watch.run}
    page.add("Watch it", *(Row(", ".join(dialects), run, "", True) for run, dialects in watches.items()))


def add_symptoms(page: Page, port: str, database: Database) -> None:
    """What people see when one port is closed, over all applications that use it."""
    rows: dict[str, None] = {}
    for application in database.applications_using(port):
        conversation = database.conversations.get(application.id)
        if conversation is not None:
            ids = {flow.id for flow in application.flows if flow.port == port}
            rows |= dict.fromkeys(_symptoms(conversation, ids))
    page.add("When it is closed", *(Row("-", text) for text in rows))


def _symptoms(conversation: Conversation, flows: set[str]) -> Iterator[str]:
    for symptom in conversation.symptoms:
        if not flows.isdisjoint(symptom.flows):
            yield f"{symptom.sees}: {symptom.cause}"


def _steps(application: Application, conversation: Conversation, form: CallForm, database: Database) -> Iterator[Row]:
    for part in conversation.of_form(form):
        for message in part.messages:
            flow = next((found for id in message.flows if (found := application.flow(id))), None)
            if flow is not None:
                yield Row(message.says, _step(message, flow, database))


def _step(message: Message, flow: Flow, database: Database) -> str:
    """``caller -> callee, 1720/tcp: who calls; tells of call-control``."""
    ends = [flow.source_role, flow.destination_role]
    if message.back or message.answers:
        ends.reverse()
    if message.by and not message.back:
        ends[0] = message.by
    elif message.by:
        ends[1] = message.by
    words = f"{ends[0]} -> {ends[1]}"
    if message.begins or message.to_group or message.answers:
        ports = database.flow_ports(flow)
        agreed = database.negotiated(flow)
        what = "agreed port" if agreed else format_ports((flow.answer_to if message.answers else ports) or ())
        words += f", {what}/{flow.transport}" if not agreed else f", {what} of {flow.transport}"
    if message.means:
        words += f": {message.means}"
    if message.announces:
        words += f"; tells of {', '.join(message.announces)}"
    return words
