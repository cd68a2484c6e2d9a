"""The port database: what a number means, which flows an application needs, and what IANA says of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database


def load(knowledge_dirs: Sequence[Path] = (), *, data_dir: Path | None = None) -> Database:
    """The shipped knowledge, with the overlays of `knowledge_dirs` on top, later ones last.

    Without overlays no YAML is read: the compiled form answers as long as it fits its sources. An imported
    registry is looked for in `data_dir`, or in the platform's place for user data.

    Raises:
        KnowledgeError: an overlay is wrong; all problems of all overlays in one error.
    """
    from fwadvisor.ports.store import load_database

    return load_database(tuple(knowledge_dirs), data_dir)
