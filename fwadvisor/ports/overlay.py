"""Knowledge of the user's own: directories of YAML files on top of the shipped knowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwadvisor.decode.reader import raise_errors
from fwadvisor.diagnostic import Diagnostic, Label, error, warning
from fwadvisor.errors import KnowledgeError
from fwadvisor.ports.compiling import LISTS, read_files
from fwadvisor.ports.schema import Text
from fwadvisor.ports.validate import validate

if TYPE_CHECKING:
    from fwadvisor.ports.registry import Registry


@dataclass(frozen=True)
class Merged:
    """Checked values of all layers, and what a user should hear about them."""

    values: dict[str, Any]
    #: Id of an entry -> the overlay file that gave it.
    origins: dict[str, str]
    notices: tuple[Diagnostic, ...]


def overlay_files(directory: Path) -> list[Path]:
    """The ``*.yaml`` and ``*.yml`` files of an overlay directory, in order of their names.

    Raises:
        KnowledgeError: it is no directory, or holds no such file.
    """
    if not directory.is_dir():
        problem = "no such directory" if not directory.exists() else "this is a file; name the directory it lies in"
        raise KnowledgeError(error(f"{directory}: {problem}"))
    files = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    if not files:
        raise KnowledgeError(error(f"{directory}: no .yaml file in this directory"))
    return files


def _merge(
    base: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, str], list[Diagnostic]]:
    """Entries of `parts` replace those of `base` by id; entries given twice among the parts are errors."""
    values = {section: list(base[section]) if section in LISTS else base[section] for section in base}
    values["sources"] = dict(base["sources"])
    origins: dict[str, str] = {}
    found: list[Diagnostic] = []
    given: dict[tuple[str, str], Text] = {}
    for part in parts:
        for id, source in part.get("sources", {}).items():
            values["sources"][id] = source
        for section in LISTS:
            positions = {entry["id"]: index for index, entry in enumerate(values[section])}
            for entry in part.get(section, ()):
                id = entry["id"]
                earlier = given.setdefault((section, id), id)
                if earlier is not id:
                    found.append(error(f'"{id}" is defined twice', id.span, "", Label(earlier.span, "first here")))
                elif id in positions:
                    found.append(warning(f'"{id}" replaces the entry of that name that came before', id.span))
                    values[section][positions[id]] = entry
                else:
                    positions[id] = len(values[section])
                    values[section].append(entry)
                origins[id] = id.span.file
    return values, origins, found


def _registry_state(port: dict[str, Any], registry: Registry) -> None:
    """Fill in the registry statement of a port entry that makes none."""
    if "registry" in port:
        return
    if "ip" in port["match"]:
        port["registry"] = {"state": "protocol-number"}
        return
    spots = [(transport, first, last) for transport, pairs in port["match"].items() for first, last in pairs]
    names = {
        entry.name for transport, first, last in spots for number in {first, last}
        for entry in registry.lookup(number, transport)
    }  # fmt: skip
    if names:
        port["registry"] = {"state": "other-service", "names": sorted(names)}
    elif spots and min(first for _, first, _ in spots) >= 49152:
        port["registry"] = {"state": "dynamic"}
    else:
        port["registry"] = {"state": "unassigned", "only": []}


def overlay(base: Mapping[str, Any], directories: Sequence[Path], registry: Registry) -> Merged:
    """The shipped values with the files of each directory on top, later directories last.

    Raises:
        KnowledgeError: files are wrong; all problems of all files in one error.
    """
    notices: list[Diagnostic] = []
    values = dict(base)
    origins: dict[str, str] = {}
    for directory in directories:
        sections, diagnostics = read_files(overlay_files(directory))
        raise_errors(diagnostics, KnowledgeError)
        for part in sections:
            for port in part.get("ports", ()):
                _registry_state(port, registry)
        values, given, found = _merge(values, sections)
        origins |= given
        raise_errors(found, KnowledgeError)
        notices += found
    raise_errors(validate(values, registry), KnowledgeError)
    return Merged(values, origins, tuple(notices))
