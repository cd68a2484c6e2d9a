"""Build hook: compiles the knowledge, so that no command pays for YAML; for wheels and editable installs alike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileKnowledge(BuildHookInterface[Any]):
    """Writes ``fwadvisor/ports/data/compiled.json`` and puts it into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Compile before the files are collected; a wrong knowledge file fails the build."""
        root = str(Path(self.root))
        sys.path.insert(0, root)
        try:
            from fwadvisor.ports.compiling import write_compiled
            from fwadvisor.ports.store import COMPILED

            write_compiled(COMPILED)
        finally:
            sys.path.remove(root)
        build_data["artifacts"].append(f"/{COMPILED.relative_to(root).as_posix()}")
