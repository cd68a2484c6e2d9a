"""Installs the other tools, each into an environment of its own; nothing else in this project needs them.

    python benchmarks/peers.py DIRECTORY

DIRECTORY must lie outside the repository. Versions are fixed, so that figures can be compared over time.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

#: Tool -> what to install, and its command.
PEERS = {
    "aerleon": ("aerleon==1.18.0", "aclgen"),
    "capirca": ("capirca==2.0.9", "aclgen"),
    "whatportis": ("whatportis==0.8.2", "whatportis"),
    "bdd": ("oxidd==0.13.0 dd==0.6.0", "python"),
}


def command(folder: Path, tool: str) -> Path:
    """Where the command of a tool lies, installed or not."""
    return folder / tool / "bin" / PEERS[tool][1]


def installed(folder: Path, tool: str) -> Path:
    """The command of a tool.

    Raises:
        SystemExit: it is not installed there.
    """
    path = command(folder, tool)
    if not path.exists():
        sys.exit(f"{path} is missing; first run: python benchmarks/peers.py {folder}")
    return path


def main() -> None:
    """Install what is missing."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    if folder.is_relative_to(REPOSITORY):
        sys.exit("the other tools belong outside the repository")
    for tool, (requirement, _) in PEERS.items():
        if not command(folder, tool).exists():
            venv.create(folder / tool, with_pip=True)
            pip = [folder / tool / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *requirement.split()], check=True)
        print(f"{requirement}: {command(folder, tool)}")


if __name__ == "__main__":
    main()
