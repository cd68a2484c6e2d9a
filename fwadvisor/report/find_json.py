"""Found packets as JSON, version 1: every box whole, nothing cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fwadvisor.report.comparison_json import packet_json, step_json
from fwadvisor.report.trace_json import opaque_json
from fwadvisor.review.find import Answer, Share

VERSION = 1


def render(answers: Sequence[Answer]) -> str:
    """A document with an entry for each question and firewall; the layout is in ``docs/flows.md``."""
    document = {"version": VERSION, "answers": [_answer(each) for each in answers]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "firewall": {"name": answer.firewall.name, "dialect": answer.firewall.dialect},
        "region": answer.region.text,
        "asked": answer.asked.value,
        "found": answer.found,
        "shares": [_share(answer, each) for each in answer.shares],
        "not_asked": list(answer.unasked),
        "not_understood": [opaque_json(each) for each in (*answer.opaque, *answer.doubts)],
    }


def _share(answer: Answer, share: Share) -> dict[str, Any]:
    return {
        "family": share.family.value,
        "verdict": share.verdict.value if share.verdict else "unknown",
        "deciding": step_json(answer.firewall, share.step),
        "packets": [each.as_json() for each in share.whole],
        "witness": packet_json(share.witness),
    }
