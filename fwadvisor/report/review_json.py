"""Reviews as JSON, version 1: every change with all of its regions and deciding rules.

Nothing is cut but what nobody has: of a change that is `cut` not all regions are known one by one, of one that is
`sampled` not all deciding rules.

docs/review.md says what each member means, docs/review.schema.json what form it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import Firewall, Opaque
from fwadvisor.model.interval import format_ports
from fwadvisor.packets.box import ReadableBox
from fwadvisor.proof.words import flow
from fwadvisor.report.comparison_json import packet_json
from fwadvisor.report.review_entries import answer, closing, entries, summary
from fwadvisor.report.review_formats import View
from fwadvisor.report.review_words import region_words
from fwadvisor.review.changes import ApplicationChange, Decider, PortUse, Review, ReviewedChange

VERSION = 1


def render(reviews: Sequence[Review], view: View) -> str:
    """One document with an entry for each review, in order."""
    worst = [each.worst for each in reviews if each.worst]
    document = {
        "version": VERSION,
        "title": view.title,
        "today": view.today.isoformat() if view.today else None,
        "old": view.arguments[0],
        "new": view.arguments[1],
        "same": all(each.same for each in reviews) and not view.alone,
        "worst": min(worst, key=lambda each: each.rank).value if worst else None,
        "summary": closing(reviews, view.alone),
        "on_one_side_only": list(view.alone),
        "reviews": [_review(each, view) for each in reviews],
    }
    # ASCII, so that no terminal and no encoding of a pipe changes it.
    return json.dumps(document, indent=2)


def _review(review: Review, view: View) -> dict[str, Any]:
    edits = review.edits
    return {
        "name": review.name,
        "answer": answer(review).value,
        "same": review.same,
        "worst": review.worst.value if review.worst else None,
        "summary": summary(review),
        "old": _firewall(review.old, review),
        "new": _firewall(review.new, review),
        "compared": [{"hook": hook.value, "family": family.value} for hook, family in review.parts],
        "edits": {
            "lines": edits.lines,
            "added": edits.added,
            "removed": edits.removed,
            "moved": edits.moved,
            "effective": edits.effective,
            "unknown": edits.unknown,
        },
        "changes": [_change(each, view) for each in review.changes],
        "twins": [[change.id for change in entry.changes] for entry in entries(review) if len(entry.changes) > 1],
        "applications": [_application(each) for each in review.applications],
        "left_out": list(review.left_out),
        "doubts": list(review.doubts),
        "conditions": [condition.name for condition in review.conditions],
    }


def _firewall(firewall: Firewall, review: Review) -> dict[str, Any]:
    return {
        "name": firewall.name,
        "dialect": firewall.dialect,
        "opaque": [_opaque(each, each in review.alike) for each in firewall.opaque],
    }


def _opaque(opaque: Opaque, alike: bool) -> dict[str, Any]:
    return {**_place(opaque.span), "reason": opaque.reason, "alike": alike}


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"file": None, "line": None, "column": None}
    return {"file": span.file, "line": span.line, "column": span.column}


def _change(change: ReviewedChange, view: View) -> dict[str, Any]:
    before, after = change.deciders
    return {
        "id": change.id,
        "kind": change.kind.value,
        "severity": change.severity.value,
        "why": change.why,
        "hook": change.hook.value,
        "family": change.family.value,
        "before": change.outcomes[0],
        "after": change.outcomes[1],
        "regions": [_region(each, view) for each in change.regions],
        "witness": {"text": flow(change.witness), **packet_json(change.witness)},
        "deciders": {"before": _deciders(before), "after": _deciders(after)},
        "uses": [_use(each) for each in change.uses],
        "breaks": list(change.breaks),
        "sampled": change.sampled,
        "cut": change.cut,
    }


def _region(box: ReadableBox, view: View) -> dict[str, Any]:
    return {"text": region_words(box, view.database, None).line, **box.as_json()}


def _deciders(deciders: Iterable[Decider]) -> list[dict[str, Any]]:
    return [
        {
            "kind": "rule" if each.rule is not None else "default" if each.chain else "nothing",
            "chain": each.chain,
            **_place(each.span),
            "text": each.text,
            "comment": each.rule.comment if each.rule is not None else "",
            "edited": each.edited,
        }
        for each in deciders
    ]


def _use(use: PortUse) -> dict[str, Any]:
    port = use.port
    return {
        "id": port.id,
        "title": port.title,
        "transport": use.transport.value,
        "numbers": [format_ports((pair,)) for pair in use.numbers],
        "registered": list(port.registry_names),
        "status": port.status.state.value,
        "risk": {"internet": port.risk_internet.value, "inside": port.risk_lan.value, "why": port.risk_why},
    }


def _application(change: ApplicationChange) -> dict[str, Any]:
    return {
        "application": change.application,
        "title": change.title,
        "hook": change.hook.value,
        "before": change.before.value,
        "after": change.after.value,
        "severity": change.severity.value,
        "text": change.text,
    }
