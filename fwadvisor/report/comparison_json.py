"""Comparisons as JSON, version 1: every difference with all of its regions, nothing cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fwadvisor.model.address import format_address
from fwadvisor.model.evaluate import Step
from fwadvisor.model.firewall import Firewall, FirewallRule
from fwadvisor.model.walk import Packet
from fwadvisor.packets.box import readable_boxes
from fwadvisor.proof.comparison import Comparison, Difference
from fwadvisor.proof.exposure import Exposure

VERSION = 1


def render(comparisons: Sequence[Comparison], exposures: Sequence[Sequence[Exposure]] | None = None) -> str:
    """A document with an entry for each comparison, in order; with `exposures` each entry has those of its dialect."""
    entries = [_comparison(each) for each in comparisons]
    for entry, exposed in zip(entries, exposures or (), strict=exposures is not None):
        entry["exposure"] = [_exposure(each) for each in exposed]
    return json.dumps({"version": VERSION, "comparisons": entries}, indent=2, ensure_ascii=False)


def _exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        "hook": exposure.hook.value,
        "family": exposure.family.value,
        "accepts_besides": [each.as_json() for each in readable_boxes(exposure.wider)],
        "does_not_accept": [each.as_json() for each in readable_boxes(exposure.narrower)],
        "does_not_follow": list(exposure.not_followed),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "answer": comparison.answer.value,
        "firewalls": [_firewall(each) for each in comparison.firewalls],
        "compared": [{"hook": hook.value, "family": family.value} for hook, family in comparison.parts],
        "not_compared": list(comparison.left_out),
        "not_known": list(comparison.doubts),
        "conditions": [condition.name for condition in comparison.conditions],
        "differences": [_difference(comparison, each) for each in comparison.differences],
    }


def _firewall(firewall: Firewall) -> dict[str, Any]:
    return {
        "name": firewall.name,
        "dialect": firewall.dialect,
        "opaque": [
            {"file": each.span.file, "line": each.span.line, "column": each.span.column, "reason": each.reason}
            for each in firewall.opaque
        ],
    }


def _difference(comparison: Comparison, difference: Difference) -> dict[str, Any]:
    return {
        "answer": difference.answer.value,
        "hook": difference.hook.value,
        "family": difference.family.value,
        "outcomes": list(difference.outcomes),
        "packets": [each.as_json() for each in readable_boxes(difference.packets.boxes())],
        "witness": packet_json(difference.witness),
        "deciding": [
            step_json(firewall, step) for firewall, step in zip(comparison.firewalls, difference.steps, strict=True)
        ],
    }


def packet_json(packet: Packet) -> dict[str, Any]:
    """One packet, every field of it that people ask about."""
    return {
        "protocol": packet.protocol,
        "source": format_address(packet.source, packet.family),
        "destination": format_address(packet.destination, packet.family),
        "source_port": packet.source_port,
        "destination_port": packet.destination_port,
        "icmp_type": packet.icmp_type,
        "icmp_code": packet.icmp_code,
        "tcp_flags": packet.tcp_flags,
        "in_interface": packet.in_interface,
        "out_interface": packet.out_interface,
        "state": packet.state.value,
        "helper": packet.helper,
        "conditions": sorted(packet.conditions),
    }


def step_json(firewall: Firewall, step: Step | None) -> dict[str, Any] | None:
    """What decides: a rule or a default with its place, None where nothing is asked."""
    if step is None:
        return None
    if isinstance(step.rule, FirewallRule):
        span = step.rule.span
        return {"chain": step.chain, "rule": step.rule.text, "file": span.file, "line": span.line}
    base = next(each for each in firewall.bases if each.chain == step.chain)
    found: dict[str, Any] = {"chain": step.chain, "default": base.default.value}
    if base.span:
        found |= {"file": base.span.file, "line": base.span.line}
    return found
