"""A project's own settings: ``fwadvisor.yaml`` in the current directory.

It names folders of a site's own port knowledge and profiles, so that they need not be said each time, and findings of
``fwadvisor check`` that are to be ignored::

    knowledge: [network/ports]
    profiles: [network/profiles]
    ignores:
      - id: shadowed-rule
        at: nft/edge.nft
        reason: the vendor asks for both rules
        until: 2027-01-31
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwadvisor.decode.ignores import IgnoreRow

FILE_NAME = "fwadvisor.yaml"
_FOLDERS = ("knowledge", "profiles")
_FIELDS = (*_FOLDERS, "ignores")


@dataclass(frozen=True, slots=True)
class Project:
    """Folders that a project adds, relative to its file, and findings that it ignores."""

    knowledge: tuple[Path, ...] = ()
    profiles: tuple[Path, ...] = ()
    ignores: tuple[IgnoreRow, ...] = ()


def load_project(directory: Path | None = None) -> Project:
    """The project of `directory` (the current one); an empty one where it has no ``fwadvisor.yaml``.

    Raises:
        FwadvisorError: the file is wrong, or names a folder that does not exist.
    """
    base = directory or Path()
    path = base / FILE_NAME
    if not path.is_file():
        return Project()
    from fwadvisor.decode import Reader, load
    from fwadvisor.decode.ignores import read_ignores
    from fwadvisor.decode.reader import raise_errors
    from fwadvisor.errors import FwadvisorError

    document = load(path, str(path))
    reader = Reader(document)
    folders: dict[str, list[Path]] = {name: [] for name in _FOLDERS}
    ignores: tuple[IgnoreRow, ...] = ()
    if document.root is not None:
        for name, node in reader.fields(document.root, FILE_NAME, _FIELDS).items():
            if name == "ignores":
                ignores = read_ignores(reader, node)
                continue
            for child in reader.one_or_more(node, name):
                text = reader.text(child, f"a folder of {name}")
                if text is None:
                    continue
                folder = base / text
                if not folder.is_dir():
                    reader.error(child, f"{folder} is not a folder", "paths are relative to this file")
                folders[name].append(folder)
    raise_errors(reader.diagnostics, FwadvisorError)
    return Project(tuple(folders["knowledge"]), tuple(folders["profiles"]), ignores)
