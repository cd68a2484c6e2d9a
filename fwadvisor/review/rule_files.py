"""Rule files as a side of a comparison: one firewall, or those of a folder, on disk or in a version of a repository."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from fwadvisor.diagnostic import Diagnostic, error, warning
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.reading import read_firewall, recognize
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError, ReadError
from fwadvisor.model.firewall import Firewall
from fwadvisor.proof.files import JOIN, Forced, source_of
from fwadvisor.review.alike import Text
from fwadvisor.review.renaming import Renaming
from fwadvisor.review.revisions import Committed

Word: TypeAlias = str | Committed

#: A folder with more files is not looked through.
_MOST_FILES = 1000
#: What `generate` writes besides rules.
_ABOUT = frozenset({"notes.md", "notes.json"})
#: What a text says that names other files (nftables, pf).
_FOLLOWS = (b"include", b"load anchor", b"file")


@dataclass(frozen=True, slots=True)
class _File:
    source: Source
    #: Where it lies, if that is in a version of a repository.
    committed: Committed | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """The files of one firewall."""

    #: What pairs it with that of another folder: a dialect, or the path of a file from the folder.
    key: str
    name: str
    #: With its variant where one was said.
    dialect: str
    files: tuple[_File, ...]

    def read(self) -> Firewall:
        """The firewall that they make.

        Raises:
            FwadvisorError: they cannot be read.
        """
        with ExitStack() as stack:
            sources, renamings = [], []
            for file in self.files:
                source, renaming = _with_what_it_names(file, stack)
                sources.append(source)
                renamings.append(renaming)
                stack.enter_context(renaming.errors())
            firewall = read_firewall(sources, self.dialect)
        for renaming in renamings:
            firewall = renaming.firewall(firewall)
        return replace(firewall, name=self.name)

    def text(self) -> Text:
        """The text of the files, with the places of its lines."""
        follows = any(word in file.source.content for file in self.files for word in _FOLLOWS)
        places = ((file.committed and file.committed.revision, str(file.source.directory)) for file in self.files)
        beside = tuple(dict.fromkeys(places)) if follows else None
        return Text.of([(file.source.name, file.source.text()) for file in self.files], beside)

    def lines(self) -> list[str]:
        """The text of the files, line by line, without spaces at the ends."""
        return [line.rstrip() for file in self.files for line in file.source.text().splitlines()]


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The firewalls that one side names: one, or in a folder one for each dialect and each further file."""

    argument: str
    versions: tuple[Version, ...]
    is_folder: bool = False
    warnings: tuple[Diagnostic, ...] = ()


def rule_files(argument: str, words: Sequence[Word], said: Forced) -> RuleFiles:
    """What words name that are no profiles.

    Raises:
        ReadError: a file cannot be read or is recognized as no dialect, files that are joined are of several
            dialects, or a folder holds no rule files.
    """
    if len(words) == 1 and (folder := _folder(words[0])) is not None:
        return _of_folder(argument, folder, said)
    groups: dict[str, list[_File]] = {}
    problems: list[Diagnostic] = []
    for word in words:
        try:
            file = _file(word)
            groups.setdefault(said.of(file.source.name) or recognize(file.source), []).append(file)
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if len(groups) > 1 and not problems:
        message = f"{argument} joins rules of several dialects: {', '.join(groups)}"
        problems.append(error(message, hint=f"a{JOIN}b joins files of one firewall"))
    if problems:
        raise ReadError(problems)
    ((name, files),) = groups.items()
    return RuleFiles(argument, (Version(name, argument, name, tuple(files)),))


def _file(word: Word) -> _File:
    if isinstance(word, Committed):
        return _File(Source(word.word, word.content()), word)
    return _File(source_of(word))


def _folder(word: Word) -> Path | Committed | None:
    if isinstance(word, Committed):
        return word if word.is_folder else None
    return Path(word) if Path(word).is_dir() else None


def _of_folder(argument: str, folder: Path | Committed, said: Forced) -> RuleFiles:
    names = _names(argument, folder)
    versions: list[Version] = []
    for each in DIALECTS:
        files = tuple(_inside(folder, name) for name in dialect(each).file_names if name in names)
        if files:
            forced = next(filter(None, (said.of(file.source.name) for file in files)), each)
            versions.append(Version(each, _joined(files), forced, files))
    generated = {name for each in DIALECTS for name in dialect(each).file_names} | _ABOUT
    unknown = []
    for name in names:
        if name in generated:
            continue
        file = _inside(folder, name)
        try:
            found = (said.named or {}).get(file.source.name) or recognize(file.source)
        except ReadError:
            unknown.append(name)
        else:
            versions.append(Version(name, file.source.name, found, (file,)))
    if not versions:
        raise ReadError(error(f"{argument} holds no rule files", hint="name the files themselves, with --from DIALECT"))
    text = f"{argument}: not compared, as they are recognized as no dialect: {', '.join(unknown)}"
    return RuleFiles(argument, tuple(versions), True, (warning(text),) if unknown else ())


def _joined(files: Sequence[_File]) -> str:
    return f" {JOIN} ".join(file.source.name for file in files)


def _inside(folder: Path | Committed, name: str) -> _File:
    return _file(folder.file(name) if isinstance(folder, Committed) else str(folder / name))


def _names(argument: str, folder: Path | Committed) -> list[str]:
    """The files of a folder and below it, but for hidden ones, sorted.

    Raises:
        ReadError: they are too many, or the folder cannot be looked at.
    """
    names = []
    for name in folder.names() if isinstance(folder, Committed) else _walked(argument, folder):
        if not any(part.startswith(".") for part in name.split("/")):
            names.append(name)
            if len(names) > _MOST_FILES:
                message = f"{argument} holds more than {_MOST_FILES} files"
                raise ReadError(error(message, hint="name a folder of rule files, or the files"))
    return sorted(names)


def _walked(argument: str, folder: Path) -> Iterator[str]:
    def refuse(problem: OSError) -> None:
        raise ReadError(error(f"cannot read {argument}: {problem.strerror}")) from None

    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in files:
            path = Path(here) / name
            if path.is_file():
                yield path.relative_to(folder).as_posix()


def _with_what_it_names(file: _File, stack: ExitStack) -> tuple[Source, Renaming]:
    """The source, where it is of a version and names other files with those of that version beside it."""
    committed = file.committed
    if committed is None or not any(word in file.source.content for word in _FOLLOWS):
        return file.source, Renaming()
    root = Path(stack.enter_context(TemporaryDirectory(prefix="fwadvisor-")))
    below = posixpath.dirname(committed.path)
    directory = committed.write(root, below).parent
    return replace(file.source, directory=directory), Renaming(root, f"{committed.revision}:")
