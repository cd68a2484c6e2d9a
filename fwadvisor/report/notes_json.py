"""The notes as JSON, for programs. The shape is versioned; fields are only added within a version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fwadvisor.calls.about import CallNotes
from fwadvisor.compile import Compilation
from fwadvisor.model.note import Note
from fwadvisor.model.policy import Policy, ProfileUse
from fwadvisor.model.rule import HelperAssignment, Place
from fwadvisor.report import notes_calls
from fwadvisor.report.decided import SharedChain, SharedRule, describe_end, describe_traffic, shared_notes

VERSION = 1


def render(
    policy: Policy,
    compilations: Mapping[str, Compilation],
    chains: Sequence[SharedChain],
    calls: Sequence[CallNotes] = (),
) -> str:
    """The policy, each decision with its reason, and every note; a line for each, so that versions compare well."""
    content: dict[str, Any] = {
        "version": VERSION,
        "policy": policy.name,
        "kind": policy.kind.value,
        "targets": list(compilations),
        "profiles": [_profile(use) for use in policy.profiles],
        "defaults": {chain.hook.value: chain.default.value for chain in chains},
        "rules": [
            _rule(chain.hook.value, shared, shared.dialects or chain.dialects)
            for chain in chains
            for shared in chain.rules
        ],
        "helpers": [
            _helper(assignment, name)
            for name, compiled in compilations.items()
            for assignment in compiled.ruleset.helpers
        ],
        "notes": [_note(note) for note in shared_notes(compilations)],
        "calls": notes_calls.data(calls),
    }
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {_lines(value)}" for name, value in content.items()) + "\n}\n"


def _lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n  " + ",\n  ".join(json.dumps(each) for each in value) + "\n ]"


def _place(place: Place | None) -> dict[str, Any] | None:
    return {"file": place.file, "line": place.line, "column": place.column} if place else None


def _profile(use: ProfileUse) -> dict[str, Any]:
    return {
        "name": use.name,
        "title": use.title,
        "file": use.file,
        "parameters": dict(use.parameters),
        "included_by": use.included_by,
        "owner": use.owner,
        "reason": use.reason,
        "ticket": use.ticket,
        "expires": use.expires.isoformat() if use.expires else None,
    }


def _rule(hook: str, shared: SharedRule, dialects: tuple[str, ...]) -> dict[str, Any]:
    rule, origin = shared.rule, shared.rule.origin
    return {
        "hook": hook,
        "verdict": rule.verdict.value,
        "traffic": shared.traffic,
        "from": shared.source,
        "to": shared.destination,
        "log": rule.log is not None,
        "made_by": origin.kind.value,
        "text": origin.text,
        "profile": origin.profile,
        "place": _place(origin.place),
        "application": origin.application,
        "flow": origin.flow,
        "reason": origin.reason,
        "ticket": origin.ticket,
        "expires": origin.expires or None,
        "dialects": list(dialects),
    }


def _helper(assignment: HelperAssignment, dialect: str) -> dict[str, Any]:
    match = assignment.match
    return {
        "dialect": dialect,
        "helper": assignment.helper,
        "hook": assignment.hook.value,
        "traffic": describe_traffic(match),
        "from": describe_end(match.source, match.in_interfaces),
        "to": describe_end(match.destination, match.out_interfaces),
        "place": _place(assignment.origin.place),
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "topic": note.topic.value,
        "text": note.text,
        "dialects": list(note.dialects),
        "places": [_place(place) for place in note.places],
        "commands": list(note.commands),
    }
