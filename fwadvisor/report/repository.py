"""Names of files as programs that know a repository want them: relative to its root, with slashes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import quote

#: Stands for standard input.
_STDIN = "-"


def root_of(folder: Path) -> Path:
    """The root of the repository around a folder, or the folder itself where there is none."""
    folder = folder.absolute()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def path_in(name: str, root: Path) -> str | None:
    """The path of a file below `root`, with slashes; None for standard input and for files that are elsewhere.

    ``REV:path`` is the path, where no file has that name. The file need not exist.
    """
    if name == _STDIN or not name or "\0" in name:
        return None
    revision, colon, rest = name.partition(":")
    if colon and rest and len(revision) != 1 and not os.path.lexists(name):
        # git takes such paths from the root, but for ./path.
        path = Path(rest).absolute() if rest.startswith(("./", "../")) else root / rest
    else:
        path = Path(name).absolute()
    normal = PurePath(os.path.normpath(path))
    return normal.relative_to(root).as_posix() if normal.is_relative_to(root) else None


def uri_of(path: str) -> str:
    """A relative path as a relative URI reference (RFC 3986): a colon in its first part would be a scheme."""
    # Names that are no UTF-8 hold their bytes as surrogates.
    text = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return f"./{text}" if ":" in path.partition("/")[0] else text


def first_path(names: Sequence[str], root: Path) -> str | None:
    """The path of the first of the names that has one; of files that are joined with ``+``, the first."""
    parts = (part.strip() for name in names for part in (name, *name.split("+")))
    return next((path for each in parts if (path := path_in(each, root)) and (root / path).is_file()), None)
