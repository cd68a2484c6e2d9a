"""Files that nftables files include: only those beside or below the first one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from fwadvisor.diagnostic import Span, error
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError

#: nft itself follows includes no deeper.
_MOST_DEPTH = 16
MOST_FILES = 1000


def included(source: Source, name: str, span: Span, opened: Sequence[str]) -> Iterator[Source]:
    """The files that ``include "name"`` stands for, in order; a wildcard may stand for none.

    Raises:
        ReadError: a file lies elsewhere, cannot be read, or is being read already.
    """
    if len(opened) > _MOST_DEPTH:
        raise ReadError(error(f"files include each other more than {_MOST_DEPTH} deep", span))
    for each in _names(source, name, span):
        found = source.beside(each, span)
        if found.name in opened:
            cycle = " -> ".join((*opened[opened.index(found.name) :], found.name))
            raise ReadError(error(f"the files include each other: {cycle}", span))
        yield found


def _names(source: Source, name: str, span: Span) -> list[str]:
    if not any(mark in name for mark in "*?["):
        return [name]
    if source.directory is None:
        raise ReadError(error(f'"{name}" cannot be read: the rules did not come from a file', span))
    root, path = source.directory.resolve(), PurePosixPath(name)
    if path.is_absolute():
        if not path.is_relative_to(root):
            raise ReadError(error(f'"{name}" lies outside of {source.directory}, so it is not read', span))
        path = path.relative_to(root)
    if ".." in path.parts:
        raise ReadError(error(f'"{name}" leads out of {source.directory}, so it is not read', span))
    try:
        found = sorted(str(each.relative_to(root)) for each in root.glob(str(path)) if each.is_file())
    except (ValueError, NotImplementedError, OSError) as problem:
        raise ReadError(error(f'"{name}" is no pattern of files: {problem}', span)) from None
    if len(found) > MOST_FILES:
        raise ReadError(error(f'"{name}" stands for more than {MOST_FILES} files', span))
    return found
