"""Loading of nftables files into the kernel, each into a fresh network namespace."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from measuring import Command, Timings, interleaved, run

#: The kernel takes a namespace apart after its last process has ended, which would disturb the next measurement.
_SETTLE = 2.0
_CGROUP = Path("/sys/fs/cgroup/memory/fwadvisor-benchmark")


def _namespace() -> tuple[str, ...]:
    return ("unshare", "-n") if os.geteuid() == 0 else ("unshare", "-Urn")


def load_times(files: dict[str, Path], rounds: int) -> dict[str, Timings]:
    """The time that ``nft -f`` takes for each file, its start and the making of the namespace included.

    Raises:
        RuntimeError: a file does not load.
    """
    commands = {name: Command((*_namespace(), "nft", "-f", str(path))) for name, path in files.items()}
    return interleaved(commands, rounds, _settled)


def _settled(command: Command) -> tuple[float, float, float]:
    found = run(command)
    time.sleep(_SETTLE)
    return found


def kernel_memory(path: Path) -> float | None:
    """The MB that the kernel holds for a loaded file, None where the kernel does not tell (root, cgroup version 1)."""
    usage = _CGROUP / "memory.kmem.usage_in_bytes"
    with suppress(OSError):
        _CGROUP.mkdir(exist_ok=True)
    if not usage.exists():
        return None
    script = f'echo $$ > {_CGROUP}/tasks && cat {usage} && nft -f "$1" && cat {usage}'
    shell = subprocess.run(
        (*_namespace(), "sh", "-c", script, "sh", str(path)), check=True, capture_output=True, text=True
    )
    time.sleep(_SETTLE)
    with suppress(OSError):
        _CGROUP.rmdir()
    before, after = (int(line) for line in shell.stdout.split())
    return (after - before) / (1 << 20)
