"""The notes as Markdown, for people: what was decided and why, and what no rule can express."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from fwadvisor.calls.about import CallNotes
from fwadvisor.compile import Compilation
from fwadvisor.diagnostic import printable
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Policy
from fwadvisor.model.rule import OriginKind
from fwadvisor.report import notes_calls
from fwadvisor.report.decided import SharedChain, shared_notes

_TITLES = {
    Topic.DECISION: "What was decided",
    Topic.MEDIA: "Negotiated ports",
    Topic.CONFLICT: "Conflicts resolved",
    Topic.EXPOSURE: "Exposure",
    Topic.RISK: "Residual risks",
    Topic.LIMIT: "Limits",
    Topic.VERIFY: "Verify afterwards",
}


_SPECIAL = re.compile(r"([\\`*_{}\[\]<#|~!&])")


@lru_cache(maxsize=4096)
def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text).replace("\t", " "))


def render(
    policy: Policy,
    compilations: Mapping[str, Compilation],
    chains: Sequence[SharedChain],
    calls: Sequence[CallNotes] = (),
) -> str:
    """The whole document."""
    lines = [f"# Notes on {escape(policy.name)}", ""]
    lines += [f"Firewall rules for a {policy.kind}, written for {', '.join(compilations)}.", ""]
    lines += _profiles(policy)
    lines += ["## Default verdicts", ""]
    lines += [f"- {chain.hook}: {chain.default}{_only(chain.dialects)}" for chain in chains]
    lines.append("")
    for topic, notes in groupby(shared_notes(compilations), key=lambda note: note.topic):
        lines += [f"## {_TITLES[topic]}", "", *_notes(notes), ""]
    lines += notes_calls.section(calls)
    lines += ["## Rules and their reasons", ""]
    for chain in chains:
        lines += _chain(chain)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _profiles(policy: Policy) -> Iterator[str]:
    yield "## Profiles"
    yield ""
    yield from _table(
        ("profile", "title", "parameters", "owner", "ticket", "expires"),
        (
            (
                escape(use.name) + (f" (by {escape(use.included_by)})" if use.included_by else ""),
                escape(use.title),
                escape(", ".join(f"{name}={value}" for name, value in use.parameters)),
                escape(use.owner),
                escape(use.ticket),
                use.expires.isoformat() if use.expires else "",
            )
            for use in policy.profiles
        ),
    )
    yield ""


def _only(dialects: tuple[str, ...]) -> str:
    return f" ({', '.join(dialects)})" if dialects else ""


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        places = ", ".join(dict.fromkeys(str(place) for place in note.places))
        yield f"- {escape(note.text)}{_only(note.dialects)}" + (f" [{escape(places)}]" if places else "")
        if note.commands:
            yield ""
            yield from (f"      {printable(command)}" for command in note.commands)
            yield ""


def _chain(chain: SharedChain) -> Iterator[str]:
    yield f"### {chain.hook}{_only(chain.dialects)}"
    yield ""
    rows = []
    for shared in chain.rules:
        rule, origin = shared.rule, shared.rule.origin
        why = origin.text if origin.kind is not OriginKind.BASELINE else f"always: {origin.text}"
        if origin.reason or origin.ticket:
            why += f" ({', '.join(part for part in (origin.reason, origin.ticket) if part)})"
        rows.append(
            (
                rule.verdict.value + (", logged" if rule.log else ""),
                escape(shared.traffic),
                escape(shared.source),
                escape(shared.destination),
                escape(why),
                escape(str(origin.place)) if origin.place else "",
                ", ".join(shared.dialects) or "all",
            )
        )
    yield from _table(("verdict", "traffic", "from", "to", "why", "profile line", "in"), rows)
    yield ""
    yield f"Everything else: {chain.default}."
    yield ""
