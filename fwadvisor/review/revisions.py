"""Files of the git repository around the current directory, at a revision or in the index: ``REV:path``, ``:path``.

The words mean what they mean to git (gitrevisions(7)): the path counts from the top of the repository, or from the
current directory where it begins with ``./`` or ``../``; an empty revision is the index. Only commands that read
objects are run, without a shell, and no word can become an option. Filters, text conversions and hooks play no part.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.dialects.reading.source import MOST_BYTES
from fwadvisor.errors import ReadError

_SECONDS = 60
#: So many files of a folder are looked at, at most, and so many bytes.
_MOST_FILES = 5000
_LINK, _MODULE = "120000", "160000"
#: A path of another system, not a revision: ``C:\rules``.
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_INDEX = re.compile(r":[0-3]:")


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    id: str
    #: From the top of the repository.
    path: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What ``REV:path`` names: a file or a folder of one version of the repository."""

    #: As the user said it.
    word: str
    #: A revision, or "" for the index; with its colon and path it is `word`.
    revision: str
    #: From the top of the repository, without a slash at its ends; "" is the top.
    path: str
    #: The object; "" for a folder of the index, which is none.
    id: str
    is_folder: bool

    def __str__(self) -> str:
        return self.word

    def content(self) -> bytes:
        """The bytes of the file.

        Raises:
            ReadError: it is too large.
        """
        size = int(_git("cat-file", "-s", self.id).decode())
        if size > MOST_BYTES:
            raise ReadError(error(f"{self.word} is larger than {MOST_BYTES // 2**20} MiB, too large for a rule file"))
        return _git("cat-file", "blob", self.id)

    def names(self) -> list[str]:
        """The files of the folder and those below it, by their paths from there.

        Raises:
            ReadError: there are too many.
        """
        return [_from(entry.path, self.path) for entry in self._entries(self.path)]

    def file(self, name: str) -> Committed:
        """The file of the folder that is called so.

        Raises:
            ReadError: there is none.
        """
        return committed(f"{self.word}{'' if self.word.endswith((':', '/')) else '/'}{name}")

    def write(self, folder: Path, below: str = "", suffixes: tuple[str, ...] = ("",)) -> Path:
        """Write the files of this version under `below` that end so; returns where this one lies.

        Raises:
            ReadError: there are too many, or they are too large.
        """
        entries = [entry for entry in self._entries(below) if entry.path.endswith(suffixes)]
        ids = "".join(f"{entry.id}\n" for entry in entries).encode()
        sizes = [int(line.split()[2]) for line in _git("cat-file", "--batch-check", given=ids).splitlines()]
        if sum(sizes) > MOST_BYTES:
            raise ReadError(error(f"the files beside {self.word} are larger than {MOST_BYTES // 2**20} MiB"))
        content = _git("cat-file", "--batch", given=ids)
        at = 0
        for entry, size in zip(entries, sizes, strict=True):
            at = content.index(b"\n", at) + 1
            path = folder / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[at : at + size])
            at += size + 1
        return folder / self.path

    def top(self) -> Path | None:
        """The top folder of the working tree, None where there is none."""
        found = _git("rev-parse", "--show-toplevel", fine=(0, 128)).decode(errors="surrogateescape").rstrip("\n")
        return Path(found).resolve() if found else None

    def _entries(self, below: str) -> Iterator[_Entry]:
        """The files under a folder; links and other repositories are none."""
        listed = _listed(self.revision, below)
        if len(listed) > _MOST_FILES:
            raise ReadError(error(f"{self.word} lies among {len(listed)} files, too many to look at"))
        return (entry for entry in listed if entry.mode not in (_LINK, _MODULE))


def is_committed(word: str) -> bool:
    """Whether a word has the form ``REV:path``, and no file is called so."""
    return ":" in word and not _DRIVE.match(word) and not word.startswith("-") and not os.path.lexists(word)


def committed(word: str) -> Committed:
    """What ``REV:path`` names.

    Raises:
        ReadError: there is no such revision or path, or no repository.
    """
    stage = _INDEX.match(word)
    revision, path = ("", word[stage.end() :]) if stage else word.split(":", 1)
    if "\0" in word or "\n" in word:
        raise ReadError(error(f"{word!r} names no revision"))
    if revision:
        _resolved(f"{revision}^{{commit}}", f"{revision}^{{tree}}", word=word, what=revision)
    whole = _from_top(path, word)
    named = word if stage else f"{revision}:{whole}"
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", named, fine=(0, 1, 128)).decode().strip()
    if not found:
        if not revision and _listed(revision, whole):
            return Committed(word, revision, whole, "", True)
        raise ReadError(error(f"there is no {word}", hint=_hint(revision, whole)))
    kind = _git("cat-file", "-t", found).decode().strip()
    if kind not in ("blob", "tree"):
        raise ReadError(error(f"{word} is a {kind}, neither a file nor a folder", hint="REV:path names a file"))
    if kind == "blob":
        _no_link(word, revision, whole, found)
    return Committed(word, revision, whole, found, kind == "tree")


def _no_link(word: str, revision: str, path: str, id: str) -> None:
    for entry in _listed(revision, path):
        if entry.path == path and entry.mode == _LINK:
            target = _git("cat-file", "blob", id).decode(errors="replace")
            raise ReadError(error(f"{word} is a symbolic link", hint=f"name the file itself: {target}"))


def _resolved(*forms: str, word: str, what: str) -> None:
    for form in forms:
        if _git("rev-parse", "--verify", "--quiet", "--end-of-options", form, fine=(0, 1, 128)).strip():
            return
    known = _git("for-each-ref", "--format=%(refname:short)").decode(errors="replace").split()
    hint = did_you_mean(what, known) or "REV:path takes a branch, a tag or a commit"
    raise ReadError(error(f'{word}: there is no file of this name, and no revision is called "{what}"', hint=hint))


def _from_top(path: str, word: str) -> str:
    """A path as git means it, from the top of the repository."""
    if path.startswith(("./", "../")) or path in (".", ".."):
        prefix = _git("rev-parse", "--show-prefix").decode(errors="surrogateescape").rstrip("\n")
        path = posixpath.normpath(posixpath.join(prefix, path))
        if path.startswith(".."):
            raise ReadError(error(f"{word} lies outside of the repository"))
    return "" if path == "." else path.strip("/")


def _hint(revision: str, path: str) -> str:
    """What may have been meant where a path is not there: the same path from here, or one that is spelt alike."""
    prefix = _git("rev-parse", "--show-prefix", fine=(0, 128)).decode(errors="surrogateescape").strip()
    here = posixpath.normpath(posixpath.join(prefix, path)) if prefix else path
    if here != path and any(entry.path == here for entry in _listed(revision, here)):
        return f"paths count from the top of the repository; write {revision}:./{path}"
    folder = posixpath.dirname(path)
    names = [entry.path for entry in _listed(revision, folder)][:_MOST_FILES]
    return did_you_mean(path, names)


def _listed(revision: str, below: str) -> list[_Entry]:
    """The files of a version that lie at or below a path."""
    only = ("--", f":(top,literal){below}") if below else ()
    if revision:
        output = _git(
            "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", revision, *(("--", below) if below else ())
        )
        return [_Entry(mode, id, path) for mode, _, id, path in _fields(output)]
    return [
        _Entry(mode, id, path)
        for mode, id, stage, path in _fields(_git("ls-files", "-z", "--stage", "--full-name", *(only or ("--", ":/"))))
        if stage == "0"
    ]


def _fields(output: bytes) -> Iterable[tuple[str, str, str, str]]:
    for line in output.decode(errors="surrogateescape").split("\0"):
        if line:
            about, path = line.split("\t", 1)
            first, second, third = about.split(" ")
            yield first, second, third, path


def _from(path: str, folder: str) -> str:
    return path[len(folder) + 1 :] if folder else path


def _git(*words: str, fine: tuple[int, ...] = (0,), given: bytes = b"") -> bytes:
    """What a command of git prints; `given` is its standard input.

    Raises:
        ReadError: git is not there, or refuses.
    """
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *words],
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environment,
        )
    except FileNotFoundError:
        raise ReadError(error("REV:path needs git, which is not installed", hint="name a file")) from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        raise ReadError(error(f"git does not answer: {problem}")) from None
    if done.returncode not in fine or (done.returncode and b"not a git repository" in done.stderr):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise ReadError(error(f"git refuses: {said[0].removeprefix('fatal: ')}", hint=_of_repository(said[0])))
    return done.stdout


def _of_repository(said: str) -> str:
    return "no file has this name, and REV:path needs a git repository around it" if "not a git" in said else ""
