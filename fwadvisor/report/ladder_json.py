"""Ladders as JSON, for programs. The shape is versioned; fields are only added within a version.

Fields of steps that have nothing to say are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fwadvisor.calls.ladder import Answer, CallLadder, DecidingRule, LadderStep
from fwadvisor.model.address import format_address
from fwadvisor.model.interval import format_ports
from fwadvisor.model.walk import Packet
from fwadvisor.report import ladder_words as words

VERSION = 1


def render(ladders: Sequence[CallLadder]) -> str:
    """All ladders as one document."""
    data = {
        "version": VERSION,
        "passes": not any(each.blocked for each in ladders),
        "ladders": [ladder_data(each) for each in ladders],
    }
    return json.dumps(data, indent=1, ensure_ascii=False)


def ladder_data(ladder: CallLadder, *, packets: bool = True) -> dict[str, Any]:
    """One ladder as plain values; the numbers in `rules` of a step count from 1 in the ladder's own `rules`."""
    rules = words.Rules()
    steps = [_step(step, rules, packets=packets) for step in ladder.steps]
    return {
        "application": ladder.application,
        "title": ladder.title,
        "variant": ladder.form,
        "variant_title": ladder.form_title,
        "dialect": ladder.dialect,
        "way": ladder.way,
        "family": ladder.family.value,
        "strategy": None if ladder.strategy is None else str(ladder.strategy),
        "passes": not ladder.blocked,
        "parties": [
            {"zone": each.zone, "roles": list(each.roles), "address": each.address, "here": each.here}
            for each in ladder.parties
        ],
        "steps": steps,
        "rules": [_rule(each) for each in rules.rules],
        "endings": list(words.endings(ladder)),
        "limits": list(ladder.limits),
        "note": ladder.note,
    }


def _step(step: LadderStep, rules: words.Rules, *, packets: bool) -> dict[str, Any]:
    data = {
        "number": step.number,
        "part": step.part,
        "says": step.says,
        "means": step.means,
        "flow": step.flow,
        "from": step.source,
        "to": step.destination,
        "group": step.group,
        "transport": step.transport,
        "port": step.port,
        "begins": step.begins,
        "fate": step.fate.value,
        "because_of": step.because_of,
        "answer": _answer(step.answer, rules, packets=packets),
        "unread": _answer(step.unread, rules, packets=packets),
        "unread_zones": list(step.others),
        "always_open": format_ports(step.always_open) if step.always_open else None,
        "announces": [
            {
                "flow": each.flow,
                "transport": each.transport,
                "port": each.port,
                "expected_by": each.expected_by or None,
            }
            for each in step.announces
        ],
        "closes": list(step.closes),
    }
    return {name: value for name, value in data.items() if value or value is False}


def _answer(answer: Answer | None, rules: words.Rules, *, packets: bool) -> dict[str, Any] | None:
    if answer is None:
        return None
    found: dict[str, Any] = {
        "verdict": answer.verdict.value,
        "rules": [rules.number(each) for each in answer.deciders],
    }
    if answer.helper:
        found["helper"] = answer.helper
        found["helper_rule"] = rules.number(answer.helper_rule) if answer.helper_rule else None
    if answer.packet.helper:
        found["expected_by"] = answer.packet.helper
    return {**found, "packet": _packet(answer.packet)} if packets else found


def _rule(rule: DecidingRule) -> dict[str, Any]:
    return {
        "file": rule.span.file if rule.span else None,
        "line": rule.span.line if rule.span else None,
        "text": rule.text,
        "verdict": rule.verdict.value,
        "default": rule.is_default,
    }


def _packet(packet: Packet) -> dict[str, Any]:
    return {
        "hook": packet.hook.value,
        "protocol": packet.protocol,
        "source": format_address(packet.source, packet.family),
        "source_port": packet.source_port,
        "destination": format_address(packet.destination, packet.family),
        "destination_port": packet.destination_port,
        "in_interface": packet.in_interface or None,
        "out_interface": packet.out_interface or None,
        "state": packet.state.value,
        "helper": packet.helper or None,
    }
