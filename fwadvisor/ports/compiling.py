"""Knowledge files to checked plain values, for the build and for sources without a compiled form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwadvisor.decode import load
from fwadvisor.decode.reader import raise_errors
from fwadvisor.errors import KnowledgeError
from fwadvisor.ports.schema import read_document

if TYPE_CHECKING:
    from fwadvisor.diagnostic import Diagnostic

#: Sections that are lists of entries with ids; the others are mappings.
LISTS = ("ports", "applications", "media_presets")
MAPPINGS = ("sources", "helpers")


def read_files(files: Sequence[Path], *, shipped: bool = False) -> tuple[list[dict[str, Any]], list[Diagnostic]]:
    """The sections of each file, and everything that is wrong with their shape."""
    sections, diagnostics = [], []
    for file in files:
        values, reader = read_document(load(file), shipped=shipped)
        sections.append(values)
        diagnostics += reader.diagnostics
    return sections, diagnostics


def compile_shipped(files: Sequence[Path]) -> dict[str, Any]:
    """The shipped knowledge as plain values.

    Raises:
        KnowledgeError: a file is wrong; all problems of all files in one error.
    """
    from fwadvisor.ports.registry import shipped_registry
    from fwadvisor.ports.validate import validate

    sections, diagnostics = read_files(files, shipped=True)
    raise_errors(diagnostics, KnowledgeError)
    values: dict[str, Any] = {section: [] for section in LISTS} | {section: {} for section in MAPPINGS}
    for part in sections:
        for section, content in part.items():
            if section in LISTS:
                values[section] += content
            elif section in MAPPINGS:
                values[section] |= content
            else:
                values[section] = content
    raise_errors(validate(values, shipped_registry()), KnowledgeError)
    return values


def write_compiled(target: Path) -> None:
    """Compile the shipped knowledge into `target`.

    Raises:
        KnowledgeError: a file is wrong.
    """
    import json

    from fwadvisor.ports.store import digest, source_files

    content = {"digest": digest(), "knowledge": compile_shipped(source_files())}
    target.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
