"""Tested flows as JSON, version 1: every part with all of its boxes, deciders and its trail, nothing cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fwadvisor.model.firewall import Firewall, Opaque
from fwadvisor.report.comparison_json import packet_json, step_json
from fwadvisor.report.trace_text import effects
from fwadvisor.review.journey import journey
from fwadvisor.review.trace import Part, Score, Tested, Trace

VERSION = 1


def render(tested: Sequence[Tested]) -> str:
    """A document with an entry for each flow, in order; the layout is in ``docs/flows.md``."""
    scores = [each.score for each in tested]
    document = {
        "version": VERSION,
        "summary": {score.value: scores.count(score) for score in Score},
        "flows": [_tested(each) for each in tested],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _tested(tested: Tested) -> dict[str, Any]:
    case = tested.case
    return {
        "flow": case.flow.text,
        "name": case.name,
        "file": case.flow.span.file,
        "line": case.flow.span.line,
        "expected": case.expected.value if case.expected else None,
        "score": tested.score.value,
        "firewalls": [_trace(each) for each in tested.traces],
    }


def _trace(trace: Trace) -> dict[str, Any]:
    return {
        "name": trace.firewall.name,
        "dialect": trace.firewall.dialect,
        "verdict": trace.fate.value,
        "not_asked": list(trace.unasked),
        "not_understood": [opaque_json(each) for each in trace.doubts],
        "parts": [_part(trace.firewall, each) for each in trace.parts],
    }


def _part(firewall: Firewall, part: Part) -> dict[str, Any]:
    return {
        "family": part.family.value,
        "verdict": part.verdict.value if part.verdict else "unknown",
        "apart": [each.as_json() for each in part.apart],
        "witness": packet_json(part.witness),
        "deciding": [step_json(firewall, each) for each in part.deciders],
        "effects": list(effects(part)),
        "trail": [
            {"depth": leg.depth, **(step_json(firewall, leg.step) or {})}
            for leg in journey(firewall, part.outcome.trail)
        ],
        "not_understood": [opaque_json(each) for each in part.opaque],
    }


def opaque_json(opaque: Opaque) -> dict[str, Any]:
    """A part that is not understood: its place and why."""
    span = opaque.span
    return {"file": span.file, "line": span.line, "column": span.column, "reason": opaque.reason}
