"""Runs commands and measures each as a whole process: wall time, processor time, peak memory.

Measurements of one comparison are interleaved: every round runs each command once, in an order that rotates, so that
other load on the machine falls on all of them alike. What counts are the ratios of one run.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: arguments, the directory to run in, the file that takes the output, the home directory."""

    arguments: tuple[str, ...]
    directory: str | None = None
    output: str = os.devnull
    home: str | None = None


@dataclass(slots=True)
class Timings:
    """The measurements of one command over all rounds; seconds, and MB of the largest process."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle wall time."""
        return statistics.median(self.wall)

    @property
    def best(self) -> float:
        """The least wall time, which other load disturbed least."""
        return min(self.wall)

    @property
    def peak(self) -> float:
        """The most memory of any round."""
        return max(self.memory)

    def figures(self) -> dict[str, Any]:
        """The measurements for JSON."""
        return {
            "rounds": len(self.wall),
            "wall_median": round(self.median, 5),
            "wall_best": round(self.best, 5),
            "processor_median": round(statistics.median(self.processor), 5),
            "memory_mb": round(self.peak, 1),
            "wall": [round(value, 5) for value in self.wall],
        }


def _environment(command: Command) -> dict[str, str]:
    """The environment without what makes every Python start slowly: byte code is kept, as after an installation."""
    kept = {name: value for name, value in os.environ.items() if name not in _SLOWING}
    return kept if command.home is None else {**kept, "HOME": command.home}


def as_installed() -> None:
    """Bring a checkout to the state of an installation: the port knowledge is compiled when a wheel is built."""
    script = "from fwadvisor.ports import compiling, store; compiling.write_compiled(store.COMPILED)"
    subprocess.run((sys.executable, "-c", script), check=True)


_SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONTRACEMALLOC", "PYTHONDEVMODE")


def run(command: Command) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of one run.

    A child's peak counts from the memory of the process that starts it, so the measuring process stays small: jobs
    are made in processes of their own.

    Raises:
        RuntimeError: the command fails.
    """
    with tempfile.TemporaryFile() as complaints, Path(command.output).open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.arguments, cwd=command.directory, stdout=output, stderr=complaints, env=_environment(command)
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            text = complaints.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command.arguments)} ended with {process.returncode}:\n{text}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def interleaved(commands: Mapping[str, Command], rounds: int, measure: Callable[..., Any] = run) -> dict[str, Timings]:
    """Every command once in each round; each round starts with another command."""
    found = {name: Timings() for name in commands}
    names = list(commands)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            wall, processor, memory = measure(commands[name])
            found[name].wall.append(wall)
            found[name].processor.append(processor)
            found[name].memory.append(memory)
            progress(f"round {number + 1}/{rounds}: {name} {wall:.3f} s")
    return found


def progress(text: str) -> None:
    """A passing line on the terminal, none elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table: the first column left, all others right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = []
    for row in (head, tuple("-" * width for width in widths), *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def seconds(value: float) -> str:
    """A time with three significant digits."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def ratio(ours: Timings, theirs: Timings) -> float:
    """How many times longer theirs takes, by medians."""
    return theirs.median / ours.median


def met(fulfilled: bool) -> str:
    """In words."""
    return "met" if fulfilled else "NOT MET"


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processors": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def machine_line() -> str:
    """The same in words."""
    found = machine()
    return f"{found['processors']} cores, {found['system']}, CPython {found['python']}"


def report(text: str, figures: dict[str, Any], path: Path | None) -> None:
    """Print the tables, and write the figures as JSON where a path is given (``-`` prints JSON instead)."""
    progress("")
    content = json.dumps({"machine": machine(), **figures}, indent=1) + "\n"
    if path is not None and str(path) == "-":
        print(content, end="")
        return
    print(text)
    if path is not None:
        path.write_text(content, encoding="utf-8")
