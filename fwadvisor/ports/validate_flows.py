"""Checks of applications: roles, features, flows, and what closing one takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fwadvisor.decode.reader import suggestion
from fwadvisor.diagnostic import Diagnostic
from fwadvisor.model.interval import covers, normalize
from fwadvisor.ports.validate import Entry, Knowledge, check_sources, check_status, known_reference, problem

_NEED = re.compile(r"core|optional|(feature|mode):([a-z0-9-]+(?:\|[a-z0-9-]+)*)")


def check_application(entry: Entry, knowledge: Knowledge) -> Iterator[Diagnostic]:
    """Everything about one application."""
    id = entry["id"]
    flows = {flow["id"]: flow for flow in entry["flows"]}
    if not flows:
        yield problem(id, f"{id} has no flow")
    yield from _repeated(entry)
    for flow in entry["flows"]:
        yield from _check_flow(flow, entry, flows, knowledge)
    yield from _check_words(entry)
    yield from _check_deny(entry, flows)
    yield from check_status(entry["status"], id)
    yield from check_sources(entry["sources"], knowledge, id, id)


def _repeated(entry: Entry) -> Iterator[Diagnostic]:
    seen = set()
    for flow in entry["flows"]:
        if flow["id"] in seen:
            yield problem(flow["id"], f'{entry["id"]}: the flow "{flow["id"]}" is defined twice')
        seen.add(flow["id"])


def _check_flow(flow: Entry, entry: Entry, flows: dict[str, Entry], knowledge: Knowledge) -> Iterator[Diagnostic]:
    what = f"{entry['id']}, flow {flow['id']}"
    for side in ("from", "to"):
        yield from known_reference(flow[side], entry["roles"], f"{what}: role")
    if flow["from"] == flow["to"]:
        yield problem(flow["to"], f"{what} runs from a role to the same role")
    need = _NEED.fullmatch(flow["need"])
    if need is None:
        yield problem(flow["need"], f'{what}: need cannot be "{flow["need"]}"', "core, optional, feature:x or mode:x")
    elif need[1] == "feature":
        features = entry.get("features", ())
        for feature in need[2].split("|"):
            if feature not in features:
                hint = suggestion(feature, features) or "list it in features"
                yield problem(flow["need"], f'{what}: the application has no feature "{feature}"', hint)
    port = knowledge.ports.get(flow["port"])
    if port is None:
        yield from known_reference(flow["port"], knowledge.ports, f"{what}: port")
        return
    yield from _check_numbers(flow, port, what)
    yield from _check_opener(flow, port, flows, what, knowledge)


def _check_numbers(flow: Entry, port: Entry, what: str) -> Iterator[Diagnostic]:
    transport = flow["t"]
    if transport not in port["match"]:
        yield problem(transport, f"{what}: port {port['id']} has no {transport}", f"it has {', '.join(port['match'])}")
        return
    if transport == "ip" and ("only" in flow or "src" in flow):
        yield problem(transport, f"{what}: an IP protocol has no ports")
    only = flow.get("only")
    if only is not None and (not only or not covers(normalize(port["match"][transport]), normalize(only))):
        yield problem(flow["port"], f"{what}: only names ports that {port['id']} does not have")
    if flow.get("reply") and not port.get("multicast"):
        yield problem(flow["reply"], f"{what}: port {port['id']} has no multicast group")
    if flow.get("answer") and not flow.get("reply"):
        yield problem(flow["id"], f"{what}: an answer needs reply: multicast")


def _check_opener(
    flow: Entry, port: Entry, flows: dict[str, Entry], what: str, knowledge: Knowledge
) -> Iterator[Diagnostic]:
    """Negotiated flows are opened by a flow whose protocol can announce them, without a circle."""
    negotiated_in = port.get("dynamic", {}).get("negotiated_in", ())
    opener_id = flow.get("opened_by")
    if opener_id is None:
        if negotiated_in and port["registry"]["state"] == "dynamic":
            yield problem(flow["id"], f"{what}: port {port['id']} is negotiated, so opened_by must say in which flow")
        return
    opener = flows.get(opener_id)
    if opener is None:
        yield from known_reference(opener_id, flows, f"{what}: opened_by")
        return
    trail = [flow["id"]]
    step: Entry | None = opener
    while step is not None and step["id"] not in trail:
        trail.append(step["id"])
        step = flows.get(step.get("opened_by", ""))
    if step is not None:
        yield problem(opener_id, f"{what} opens itself: {' <- '.join([*trail, step['id']])}")
    announces = knowledge.ports.get(opener["port"], {}).get("dynamic", {}).get("opens", ())
    if negotiated_in and opener["port"] not in negotiated_in and port["id"] not in announces:
        hint = f"it is agreed in {', '.join(negotiated_in)}"
        yield problem(opener_id, f"{what}: {port['id']} cannot be opened by {opener['port']}", hint)


def _check_words(entry: Entry) -> Iterator[Diagnostic]:
    """Declared features and roles are used."""
    needs = "|".join(flow["need"].removeprefix("feature:") for flow in entry["flows"]).split("|")
    for feature in entry.get("features", ()):
        if feature not in needs:
            yield problem(feature, f'{entry["id"]}: no flow needs the feature "{feature}"')
    used = {flow[side] for flow in entry["flows"] for side in ("from", "to")}
    for role in entry["roles"]:
        if role not in used:
            yield problem(role, f'{entry["id"]}: no flow has the role "{role}"')
        if role in ("self", "any"):
            yield problem(role, f'{entry["id"]}: a role cannot be called "{role}"', "self and any are zones")


def _check_deny(entry: Entry, flows: dict[str, Entry]) -> Iterator[Diagnostic]:
    deny = entry.get("deny", {})
    seen: dict[str, str] = {}
    for part in ("flows", "also", "edge_only"):
        for flow in deny.get(part, ()):
            yield from known_reference(flow, flows, f"{entry['id']}, deny: flow")
            if seen.setdefault(flow, part) != part:
                yield problem(flow, f'{entry["id"]}, deny: "{flow}" stands in {seen[flow]} and in {part}')
