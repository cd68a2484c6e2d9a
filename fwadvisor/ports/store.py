"""From knowledge files to the database: the compiled form where it fits, YAML where it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwadvisor.ports import build
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Risk, Source

if TYPE_CHECKING:
    from fwadvisor.diagnostic import Diagnostic

DATA = Path(__file__).with_name("data")
COMPILED = DATA / "compiled.json"
#: Modules whose change makes compiled knowledge stale, besides the YAML files.
_MAKERS = ("schema.py", "schema_calls.py", "compiling.py")


def source_files() -> list[Path]:
    """The shipped YAML files, in a fixed order."""
    return sorted(DATA.rglob("*.yaml"))


def digest() -> str:
    """A check sum of everything that the compiled knowledge depends on.

    It guards against stale files, not against malice, so a fast sum of each file does.
    """
    from zlib import adler32, crc32

    package = Path(__file__).parent
    parts = []
    for path in (*source_files(), *(package / name for name in _MAKERS)):
        content = path.read_bytes()
        parts.append(f"{path.name}:{len(content):x}:{crc32(content):08x}{adler32(content):08x}")
    return ";".join(parts)


def compiled() -> dict[str, Any]:
    """The shipped knowledge as plain values: read where `COMPILED` fits its sources, else made in memory."""
    stored = _stored()
    if stored is not None:
        return stored
    from fwadvisor.ports.compiling import compile_shipped

    return compile_shipped(source_files())


def _stored() -> dict[str, Any] | None:
    """What `COMPILED` holds, or None where it is not there yet, or was made of other sources."""
    import json

    try:
        stored = json.loads(COMPILED.read_bytes())
        knowledge: dict[str, Any] | None = stored["knowledge"] if stored["digest"] == digest() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return knowledge


def database(
    values: Mapping[str, Any],
    *,
    overlaid: Mapping[str, str] | None = None,
    notices: Sequence[Diagnostic] = (),
    data_dir: Path | None = None,
) -> Database:
    """The database of plain values that have been checked."""
    ports = {value["id"]: build.port(value) for value in values["ports"]}
    return Database(
        ports=ports,
        applications={value["id"]: build.application(value, ports) for value in values["applications"]},
        helpers={id: build.helper(id, value) for id, value in values["helpers"].items()},
        presets={value["id"]: build.preset(value) for value in values["media_presets"]},
        sources={id: Source(value["title"], value.get("url", "")) for id, value in values["sources"].items()},
        risk_meaning={Risk(word): meaning for word, meaning in values["severity_meaning"].items()},
        listener_commands=values["check_listener"],
        helper_note=values["helper_assignment"]["note"],
        ephemeral=tuple(build.ephemeral(value) for value in values["ephemeral_ports"]),
        call_data=values["calls"],
        call_end_data=values["call_ends"],
        as_of=values["as_of"],
        overlaid=overlaid or {},
        notices=tuple(notices),
        data_dir=data_dir,
    )


def load_database(knowledge_dirs: Sequence[Path], data_dir: Path | None) -> Database:
    """See `fwadvisor.ports.load`."""
    values = compiled()
    if not knowledge_dirs:
        return database(values, data_dir=data_dir)
    from fwadvisor.ports.overlay import overlay
    from fwadvisor.ports.registry import load_registry

    merged = overlay(values, knowledge_dirs, load_registry(data_dir))
    return database(merged.values, overlaid=merged.origins, notices=merged.notices, data_dir=data_dir)
