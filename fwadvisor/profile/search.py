"""Where profiles are: a path, the user's own folders, the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fwadvisor.decode.reader import suggestion
from fwadvisor.diagnostic import Diagnostic, Span, error, warning
from fwadvisor.resources import profiles_dir


@dataclass(frozen=True, slots=True)
class Found:
    """A profile file; `file` is what messages and notes call it."""

    path: Path
    file: str

    @property
    def name(self) -> str:
        """The name that the profile must have."""
        return self.path.stem


def is_path(name: str) -> bool:
    """Whether a user means a file rather than a profile's name."""
    return "/" in name or "\\" in name or name.endswith((".yaml", ".yml"))


def find(
    name: str, folders: Sequence[Path], span: Span | None = None, beside: Path | None = None
) -> Found | Diagnostic:
    """The profile of that name or path, or why there is none.

    A path is taken as it is, or relative to `beside` (the folder of the file that includes it). A name is
    looked for in `folders`, then `beside`, then among the shipped profiles.
    """
    if is_path(name):
        path = Path(name).expanduser()
        if beside is not None and not path.is_absolute():
            path = beside / path
        if path.is_file():
            return _found(path)
        known = [other.name for other in _files(path.parent)]
        return error(
            f'there is no file "{path}"', span, suggestion(path.name, known, "files there are") if known else ""
        )
    for folder in (*folders, *((beside,) if beside is not None else ())):
        path = folder / f"{name}.yaml"
        if _plain(name) and path.is_file():
            return _found(path)
    shipped = profiles_dir() / f"{name}.yaml"
    if _plain(name) and shipped.is_file():
        return _found(shipped)
    known = [found.name for found in available(folders)]
    hint = suggestion(name, known, "profiles are") or "see: fwadvisor profiles list"
    return error(f'there is no profile "{name}"', span, hint)


def replaces_shipped(name: str, found: Found, span: Span | None = None) -> Diagnostic | None:
    """A warning where a name led to a file that stands in for a shipped profile."""
    shipped = profiles_dir() / found.path.name
    if is_path(name) or not shipped.is_file() or found.path.resolve() == shipped.resolve():
        return None
    return warning(f'the profile "{name}" is {found.file}, not the shipped one', span, "give it a name of its own")


def available(folders: Sequence[Path] = ()) -> list[Found]:
    """Every profile that can be named, those of `folders` before the shipped ones; sorted within each."""
    found: dict[str, Found] = {}
    for folder in (*folders, profiles_dir()):
        for path in _files(folder):
            found.setdefault(path.stem, _found(path))
    return list(found.values())


def _plain(name: str) -> bool:
    return bool(name) and "\0" not in name and len(name) < 200


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("*.yaml")) if folder.is_dir() else ())


def _found(path: Path) -> Found:
    """Shipped profiles are called ``profiles/NAME.yaml`` wherever they are installed."""
    if path.resolve().parent == profiles_dir().resolve():
        return Found(path, f"profiles/{path.name}")
    return Found(path, str(path))
