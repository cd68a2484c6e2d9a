"""Checks of conversations: what they name exists, and nothing is said in a flow that has not begun."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.ports.validate import Entry, Knowledge, check_sources, known_reference, problem

_BRACES = {"caller", "callee", "tcp", "udp", "udp1"}


def check_calls(entry: Entry, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """Everything about one entry of ``calls``."""
    at = entry["applications"][0] if entry["applications"] else entry["parts"][0]["id"]
    for application in entry["applications"]:
        yield from known_reference(application, knowledge.applications, "calls: application")
    known = [knowledge.applications[id] for id in entry["applications"] if id in knowledge.applications]
    flows = {flow["id"]: flow for application in known for flow in application["flows"]}
    roles = {role for application in known for role in application["roles"]}
    parts = {part["id"]: part for part in entry["parts"]}
    for part in entry["parts"]:
        for message in part["messages"]:
            yield from _check_message(message, flows, roles, f"calls of {at}, part {part['id']}")
    for form in entry["forms"]:
        what = f"calls of {at}, form {form['id']}"
        for id in (*form["parts"], *form.get("always", ())):
            yield from known_reference(id, parts, f"{what}: part")
        for id in form["needs"]:
            yield from known_reference(id, flows, f"{what}: flow")
        yield from _check_order(form, parts, what)
    helpers = {kind["type"] for each in knowledge.values["helpers"].values() for kind in each["types"]}
    helpers |= {name for each in knowledge.values["helpers"].values() for name in each.get("internal", ())}
    for flow, helper in entry.get("attached", {}).items():
        yield from known_reference(flow, flows, f"calls of {at}, attached: flow")
        yield from known_reference(helper, helpers, f"calls of {at}, attached: helper")
    for symptom in entry.get("symptoms", ()):
        for flow in symptom.get("flows", ()):
            yield from known_reference(flow, flows, f"calls of {at}, symptom: flow")
    yield from _check_watches(entry)
    yield from check_sources(entry["sources"], knowledge, f"calls of {at}", at)


def _flows_of(message: Entry) -> list[str]:
    flow = message["flow"]
    return flow if isinstance(flow, list) else [flow]


def _check_message(message: Entry, flows: dict[str, Entry], roles: set[str], what: str) -> Iterator[Diagnostic]:
    for flow in (*_flows_of(message), *message.get("announces", ()), *message.get("closes", ())):
        yield from known_reference(flow, flows, f"{what}: flow")
    if message.get("by"):
        yield from known_reference(message["by"], roles, f"{what}: role")
    multicast = all(flows[flow].get("reply") for flow in _flows_of(message) if flow in flows)
    if (message.get("to_group") or message.get("answers")) and not multicast:
        yield problem(message["says"], f'{what}: "{message["says"]}" goes to a group, but its flow has none')
    if message.get("back") and message.get("begins"):
        yield problem(message["says"], f'{what}: "{message["says"]}" cannot begin a flow against its direction')


def _check_order(form: Entry, parts: dict[str, Entry], what: str) -> Iterator[Diagnostic]:
    begun: set[str] = set()
    for id in form["parts"]:
        for message in parts.get(id, {"messages": ()})["messages"]:
            flows = set(_flows_of(message))
            if message.get("begins") or message.get("to_group"):
                begun |= flows
            elif not flows & begun:
                yield problem(message["says"], f'{what}: "{message["says"]}" comes before anything began its flow')


def _check_watches(entry: Entry) -> Iterator[Diagnostic]:
    from string import Formatter

    for watch in entry.get("watches", ()):
        for line in (watch["run"], *watch.get("healthy", ())):
            words = {field for _, field, _, _ in Formatter().parse(line) if field is not None}
            if words - _BRACES:
                yield problem(
                    watch["run"],
                    f"nothing is filled in for {', '.join(f'{{{word}}}' for word in sorted(words - _BRACES))}",
                    f"known are {', '.join(sorted(_BRACES))}; write {{{{ for a brace",
                )
