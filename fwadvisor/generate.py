"""The main job: profiles in, rule files and notes out. Nothing is written before everything is rendered."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fwadvisor import __version__
from fwadvisor.compile import Compilation, Compiler
from fwadvisor.decode import uncollected
from fwadvisor.diagnostic import Diagnostic, did_you_mean, error
from fwadvisor.dialects import DIALECTS, dialect, policy_capabilities
from fwadvisor.dialects.base import Capabilities, Document, OutputFile
from fwadvisor.dialects.fit import fit
from fwadvisor.errors import FwadvisorError, UnknownNameError
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.policy import Policy, StatementKind
from fwadvisor.parallel import at_once
from fwadvisor.ports import load
from fwadvisor.profile import load_policy
from fwadvisor.report import notes_json, notes_markdown
from fwadvisor.report.decided import shared_chains

if TYPE_CHECKING:
    from fwadvisor.calls.about import CallNotes
    from fwadvisor.ports.database import Database
    from fwadvisor.proof.written import Proved

#: The note that every rule file says in its own header already.
_LOOK = "look"
#: So many rules over all targets take longer to write than a process to fork.
_LARGE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to generate, and from what."""

    profiles: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    targets: Sequence[str] = tuple(DIALECTS)
    knowledge: Sequence[Path] = ()
    profile_dirs: Sequence[Path] = ()
    today: date | None = None
    allow_approximate: bool = False
    #: Whether to write notes.md and notes.json besides the rules.
    notes: bool = True
    #: Variations of a dialect's text, such as ("pf-variant", "openbsd").
    options: tuple[tuple[str, str], ...] = ()
    #: Off only where the proof itself is measured.
    prove: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Everything that a request comes to, still in memory."""

    policy: Policy
    warnings: tuple[Diagnostic, ...]
    #: Dialect name -> its ruleset (as written) and the notes that concern it, in the order of `DIALECTS`.
    compilations: dict[str, Compilation]
    #: Dialect name -> its files.
    outputs: dict[str, tuple[OutputFile, ...]]
    #: notes.md and notes.json, where they were asked for.
    notes: tuple[OutputFile, ...]
    #: What each text was shown to mean; empty only where `Request.prove` is off.
    proved: tuple[Proved, ...]

    @property
    def files(self) -> tuple[OutputFile, ...]:
        """All files: rules of every target, then the notes."""
        return (*(each for files in self.outputs.values() for each in files), *self.notes)


def generate(request: Request) -> Generated:
    """Load, compile, render and prove; touches no file but the profiles and overlays it reads.

    Raises:
        FwadvisorError: anything that a user can mend, all problems that were found, of all targets; or a text that
            does not mean what the policy says, which is a defect.
    """
    # Rules and texts form no cycles; looking for some among a hundred thousand of them takes a tenth of the time.
    with uncollected():
        return _generate(request)


def _generate(request: Request) -> Generated:
    targets = _targets(request.targets)
    database = load(request.knowledge)
    loaded = load_policy(
        request.profiles,
        request.settings,
        database,
        today=request.today or date.today(),
        profile_dirs=request.profile_dirs,
    )
    compiler = Compiler(loaded.policy, database)
    compilations: dict[str, Compilation] = {}
    problems: list[Diagnostic] = []
    for name in targets:
        capabilities = dialect(name).capabilities.under(request.options)
        try:
            compiled = compiler.compile(capabilities)
            ruleset, notes = fit(compiled.ruleset, capabilities, approximate=request.allow_approximate)
        except FwadvisorError as refusal:
            problems += (each for each in refusal.diagnostics if each not in problems)
            continue
        compilations[name] = Compilation(ruleset, (*compiled.notes, *notes, _look(capabilities)), compiled.warnings)
    if problems:
        raise FwadvisorError(problems)
    about, outputs = _rendered(request, loaded.policy, compilations, database)
    return Generated(
        policy=loaded.policy,
        warnings=tuple(
            dict.fromkeys(
                (
                    *database.notices,
                    *loaded.warnings,
                    *(warning for each in compilations.values() for warning in each.warnings),
                )
            )
        ),
        compilations=compilations,
        outputs=outputs,
        notes=about,
        proved=_proved(request, compilations, outputs, compiler) if request.prove else (),
    )


def _proved(
    request: Request,
    compilations: Mapping[str, Compilation],
    outputs: Mapping[str, tuple[OutputFile, ...]],
    compiler: Compiler,
) -> tuple[Proved, ...]:
    """The proof that each text means its ruleset, and where the dialects differ from the policy itself."""
    from fwadvisor.proof.written import prove_written

    wanted = {name: compiled.ruleset for name, compiled in compilations.items()}
    return prove_written(wanted, outputs, compiler.compile(policy_capabilities()).ruleset, request.options)


def _rendered(
    request: Request, policy: Policy, compilations: Mapping[str, Compilation], database: Database
) -> tuple[tuple[OutputFile, ...], dict[str, tuple[OutputFile, ...]]]:
    """The notes, and the files of each target."""
    # Notes on calls name the lines of the rules, so those must be there first.
    talking = request.notes and _talks(policy, database)

    def notes(calls: Sequence[CallNotes] = ()) -> tuple[OutputFile, ...]:
        if not request.notes:
            return ()
        chains = shared_chains(compilations)
        return tuple(
            OutputFile(name, render(policy, compilations, chains, calls).encode())
            for name, render in (("notes.md", notes_markdown.render), ("notes.json", notes_json.render))
        )

    def write(name: str, compiled: Compilation) -> tuple[OutputFile, ...]:
        return dialect(name).write(compiled.ruleset, document(policy, name, compiled.notes, request.options))

    jobs: list[Callable[[], tuple[OutputFile, ...]]] = [tuple if talking else notes]
    jobs += (partial(write, name, compiled) for name, compiled in compilations.items())
    rules = sum(len(chain.rules) for compiled in compilations.values() for chain in compiled.ruleset.chains)
    about, *written = at_once(jobs) if rules > _LARGE else [job() for job in jobs]
    outputs = dict(zip(compilations, written, strict=True))
    return (notes(_calls(policy, database, outputs, request.options)) if talking else about), outputs


def _talks(policy: Policy, database: Database) -> bool:
    """Whether the policy needs an application of which it is known how it talks."""
    names = {each.application for each in policy.statements if each.kind is StatementKind.NEED and each.application}
    return any((found := database.application(name)) and found.id in database.conversations for name in names)


def _calls(
    policy: Policy,
    database: Database,
    outputs: Mapping[str, tuple[OutputFile, ...]],
    options: tuple[tuple[str, str], ...],
) -> list[CallNotes]:
    from fwadvisor.calls.about import call_notes
    from fwadvisor.calls.making import Wanted
    from fwadvisor.calls.written import written_ladders

    return call_notes(policy, database, written_ladders(policy, database, outputs, options, Wanted()))


def _look(capabilities: Capabilities) -> Note:
    """How to see the rules once they are loaded."""
    return Note(
        id=_LOOK,
        topic=Topic.VERIFY,
        text=f"{capabilities.title}: see what is loaded, and open a new connection from each zone.",
        dialects=(capabilities.dialect,),
        commands=capabilities.look,
    )


def _targets(wanted: Sequence[str]) -> list[str]:
    """The wanted dialects in the order of `DIALECTS`; ``all`` means every one."""
    names = [name.strip() for each in wanted for name in each.split(",")]
    unknown = [name for name in names if name not in DIALECTS and name != "all"]
    if unknown:
        known = (*DIALECTS, "all")
        raise UnknownNameError(
            error(
                f'no target is called "{name}"', hint=did_you_mean(name, known) or f"the targets are {', '.join(known)}"
            )
            for name in unknown
        )
    return [name for name in DIALECTS if name in names or "all" in names]


def document(policy: Policy, target: str, notes: Sequence[Note], options: tuple[tuple[str, str], ...] = ()) -> Document:
    """What stands around the rules of one target: where they come from, and the notes that concern it."""
    about = [f"fwadvisor {__version__}: policy {policy.name} for a {policy.kind}"]
    for use in policy.profiles:
        values = ", ".join(f"{name}={value}" for name, value in use.parameters)
        about.append(f"profile {use.name} ({use.title})" + (f": {values}" if values else ""))
        facts = [("owner", use.owner), ("ticket", use.ticket), ("reason", use.reason)]
        facts += [("expires", use.expires.isoformat())] if use.expires else []
        about += [f"  {name}: {value}" for name, value in facts if value]
    slug = re.sub(r"[^a-z0-9]+", "-", policy.name.lower()).strip("-")[:40].strip("-") or "policy"
    own = tuple(note for note in notes if note.id != _LOOK and (not note.dialects or target in note.dialects))
    return Document(name=slug, about=tuple(about), notes=own, options=options)


def write_files(files: Sequence[OutputFile], directory: Path) -> list[Path]:
    """Write all files into `directory` (made where missing), or none of them.

    Each file is complete under a temporary name before the first one takes its place; when a replacement
    fails, those already made are taken back.

    Raises:
        FwadvisorError: the directory or a file cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fwadvisor-", dir=directory) as scratch:
            return _replace_all(files, directory, Path(scratch))
    except OSError as problem:
        raise FwadvisorError(
            error(f"cannot write {problem.filename or directory}: {problem.strerror or problem}; nothing was written")
        ) from problem


def _replace_all(files: Sequence[OutputFile], directory: Path, scratch: Path) -> list[Path]:
    for each in files:
        with (scratch / each.name).open("wb") as stream:
            stream.write(each.content)
            stream.flush()
            os.fsync(stream.fileno())
    saved: list[tuple[Path, Path | None]] = []
    try:
        for each in files:
            path = directory / each.name
            kept = scratch / f"{each.name}.before" if path.is_file() else None
            if kept:
                shutil.copy2(path, kept)
            # One step, so that nobody who loads the file meanwhile finds none.
            (scratch / each.name).replace(path)
            saved.append((path, kept))
    except OSError:
        for path, kept in reversed(saved):
            if kept:
                kept.replace(path)
            else:
                path.unlink(missing_ok=True)
        raise
    return [directory / each.name for each in files]


def left_over(generated: Generated, directory: Path) -> list[str]:
    """The rule files of other targets that stand in `directory`, where they could be taken for this policy's."""
    names = [name for target in DIALECTS if target not in generated.outputs for name in dialect(target).file_names]
    return [name for name in names if (directory / name).exists()]


def differing(files: Sequence[OutputFile], directory: Path) -> list[str]:
    """The names of the files that `directory` does not hold with exactly these bytes."""
    found = []
    for each in files:
        path = directory / each.name
        if not path.is_file() or path.read_bytes() != each.content:
            found.append(each.name)
    return found
