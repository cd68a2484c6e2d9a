"""The end of a successful run in a few lines: what was written where, and what deserves a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from fwadvisor.compile import Compilation
from fwadvisor.diagnostic import printable
from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import OutputFile
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Policy
from fwadvisor.model.rule import OriginKind, Verdict
from fwadvisor.report.decided import shared_notes

if TYPE_CHECKING:
    from fwadvisor.proof.written import Proved

_SHOWN = (Topic.CONFLICT, Topic.EXPOSURE, Topic.RISK)
#: Of the other topics only this is shown: what --allow-approximate made narrower.
_NARROWED = "narrowed"
_WIDEST = 100


def summary(
    policy: Policy,
    compilations: Mapping[str, Compilation],
    outputs: Mapping[str, Sequence[OutputFile]],
    paths: Sequence[Path],
    proved: Sequence[Proved],
) -> str:
    """A line for each target, what was proved, then the notes on conflicts, exposure and risks."""
    where = {path.name: path for path in paths}
    names = ", ".join(use.name for use in policy.profiles)
    lines = [f"Policy {printable(names)} for a {policy.kind}:"]
    for name, files in outputs.items():
        lines.append(
            f"  {dialect(name).capabilities.title:<16} {_counts(compilations[name]):<30} {_places(files, where)}"
        )
    lines.append(f"  {'Notes':<47} {where['notes.md']}, {where['notes.json'].name}")
    if proved:
        from fwadvisor.report.proof_text import proof_lines

        lines += ["", *(line for each in proof_lines(proved) for line in _wrapped(each))]
    shown = [note for note in shared_notes(compilations) if note.topic in _SHOWN or note.id == _NARROWED]
    if shown:
        lines.append("")
    for note in shown:
        lines += _note(note)
    return "\n".join(lines)


def _counts(compiled: Compilation) -> str:
    accepts = closes = 0
    for chain in compiled.ruleset.chains:
        for rule in chain.rules:
            if rule.origin.kind is not OriginKind.BASELINE:
                accepts += rule.verdict is Verdict.ACCEPT
                closes += rule.verdict is not Verdict.ACCEPT
    helpers = len(compiled.ruleset.helpers)
    return f"{accepts} accept, {closes} close" + (f", {helpers} tracked" if helpers else "")


def _places(files: Sequence[OutputFile], where: Mapping[str, Path]) -> str:
    first, *rest = (where[each.name] for each in files)
    return ", ".join([str(first), *(path.name for path in rest)])


def _note(note: Note) -> list[str]:
    only = f" ({', '.join(note.dialects)})" if note.dialects else ""
    return _wrapped(f"{note.topic}: {printable(note.text)}{only}")


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(
        text,
        min(get_terminal_size().columns, _WIDEST),
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
