"""Profiles as a side of a comparison: the policy itself, or as a dialect says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from fwadvisor.compile import Compiler
from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.dialects import policy_capabilities
from fwadvisor.errors import ProfileError, ReadError
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.lift import lift
from fwadvisor.ports.database import Database
from fwadvisor.profile import LoadedPolicy, load_policy
from fwadvisor.profile.search import Found, available, find
from fwadvisor.proof.against import as_dialect
from fwadvisor.review.renaming import Renaming
from fwadvisor.review.revisions import Committed

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How profiles are loaded."""

    database: Database
    values: Mapping[str, str]
    profile_dirs: Sequence[Path] = ()
    today: date | None = None
    allow_approximate: bool = False


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles that one side names, as words or as files of a revision."""

    argument: str
    words: tuple[str | Committed, ...]


@dataclass(frozen=True, slots=True)
class PolicySide:
    """A policy that was loaded."""

    argument: str
    #: The text of the profiles that were named, line by line.
    lines: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]
    #: Settings that no profile of this side has.
    unused: Mapping[str, Diagnostic]
    _compiler: Compiler
    _approximate: bool
    _renaming: Renaming

    def itself(self) -> Firewall:
        """The policy, with everything that any dialect can say.

        Raises:
            FwadvisorError: it contradicts itself.
        """
        return self._named(lambda: lift(self._compiler.compile(policy_capabilities()).ruleset))

    def like(self, firewall: Firewall) -> Firewall:
        """The policy as rule files of the same dialect must say it.

        Raises:
            FwadvisorError: it contradicts itself, or the dialect cannot say it.
        """
        return self._named(lambda: as_dialect(self._compiler, firewall.dialect, approximate=self._approximate))

    def _named(self, compiled: Callable[[], Firewall]) -> Firewall:
        with self._renaming.errors():
            return replace(self._renaming.firewall(compiled()), name=self.argument)


def is_profile(word: str | Committed, folders: Sequence[Path]) -> bool:
    """Whether a word means a profile: a YAML file, or where there is no file of that name, a profile's name."""
    if isinstance(word, Committed):
        return not word.is_folder and word.path.endswith(_SUFFIXES)
    if word.endswith(_SUFFIXES):
        return True
    return not Path(word).exists() and "/" not in word and isinstance(find(word, folders), Found)


def profile_names(folders: Sequence[Path]) -> list[str]:
    """The names that `is_profile` knows, for did-you-mean."""
    return [each.name for each in available(folders)]


def profile_files(profiles: Profiles, folders: Sequence[Path]) -> list[Path | Committed | str]:
    """What the words of a side stand for: two that name one profile, by its name and by its path, are the same."""
    found = [word if isinstance(word, Committed) else find(word, folders) for word in profiles.words]
    return [
        each.path.resolve() if isinstance(each, Found) else word
        for each, word in zip(found, profiles.words, strict=True)
    ]


def load_side(profiles: Profiles, settings: Settings) -> PolicySide:
    """The policy of some profiles. Settings that none of them has are noted, not refused: the other side may.

    Raises:
        FwadvisorError: the profiles are wrong, or of several revisions.
    """
    with ExitStack() as stack:
        names, renaming, folders = _on_disk(profiles, settings.profile_dirs, stack)
        with renaming.errors():
            loaded, unused = _loaded(names, settings, folders)
        texts = [find(name, folders) for name in names]
        lines = tuple(line for each in texts if isinstance(each, Found) for line in _lines(each.path))
    return PolicySide(
        argument=profiles.argument,
        lines=lines,
        warnings=renaming.diagnostics(loaded.warnings),
        unused=unused,
        _compiler=Compiler(loaded.policy, settings.database),
        _approximate=settings.allow_approximate,
        _renaming=renaming,
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _on_disk(
    profiles: Profiles, folders: Sequence[Path], stack: ExitStack
) -> tuple[list[str], Renaming, Sequence[Path]]:
    """The words as files that can be loaded: of a revision, all its YAML files, as profiles include each other."""
    first = next((word for word in profiles.words if isinstance(word, Committed)), None)
    if first is None:
        return [str(word) for word in profiles.words], Renaming(), folders
    committed = [word for word in profiles.words if isinstance(word, Committed)]
    if len({word.revision for word in committed}) > 1:
        raise ReadError(error(f"{profiles.argument} names profiles of several revisions", hint="name those of one"))
    root = Path(stack.enter_context(TemporaryDirectory(prefix="fwadvisor-")))
    first.write(root, suffixes=_SUFFIXES)
    names = [str(root / word.path) if isinstance(word, Committed) else word for word in profiles.words]
    return names, Renaming(root, f"{first.revision}:"), [_then(each, root, first.top()) for each in folders]


def _then(folder: Path, root: Path, top: Path | None) -> Path:
    """A folder of profiles as it was in the revision, where it is in the repository."""
    if top is None or not folder.resolve().is_relative_to(top):
        return folder
    return root / folder.resolve().relative_to(top)


def _loaded(
    names: Sequence[str], settings: Settings, folders: Sequence[Path]
) -> tuple[LoadedPolicy, dict[str, Diagnostic]]:
    today = settings.today or date.today()
    try:
        return load_policy(names, settings.values, settings.database, today=today, profile_dirs=folders), {}
    except ProfileError as refusal:
        unused = _unused(refusal.diagnostics)
        if not unused:
            raise
    # Without them everything else that is wrong still shows.
    values = {name: value for name, value in settings.values.items() if name not in unused}
    return load_policy(names, values, settings.database, today=today, profile_dirs=folders), unused


def _unused(diagnostics: Iterable[Diagnostic]) -> dict[str, Diagnostic]:
    """The settings that no profile took: problems with the name of a setting, which stands before its value."""
    return {
        each.span.source.partition("=")[0]: each
        for each in diagnostics
        if each.span is not None and each.span.file == "--set" and each.span.column == 1
    }
