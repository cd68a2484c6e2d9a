"""Generation of the seeded jobs, against Aerleon and Capirca, and what it costs to load the nftables files.

    python benchmarks/generate.py PEERS [--sizes 100 1000 10000] [--rounds N] [--no-load] [--json FILE]

PEERS is the directory that peers.py filled. Every figure is the wall time of a whole process; the tools take turns in
every round. One target alone goes to standard output, as the other tools write nothing but rules; "all" also writes
the notes, into a directory.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loading import kernel_memory, load_times
from measuring import Command, Timings, as_installed, interleaved, machine_line, met, ratio, report, seconds, table
from peers import installed

OURS, PEERS = "fwadvisor", ("aerleon", "capirca")

#: Our targets, with the other tools' names.
TARGETS = {
    "iptables": "speedway",
    "nftables": "nftables",
    "windows": "windows_advfirewall",
    "pf": "packetfilter",
    "all": "all",
}

#: More rounds where one takes little time.
_ROUNDS = {100: 9, 1000: 5}
_FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything lies."""

    peers: Path
    folder: Path

    def output(self, size: int, tool: str, target: str) -> Path:
        """The directory that a tool writes to."""
        path = self.folder / "out" / str(size) / tool / target
        path.mkdir(parents=True, exist_ok=True)
        return path

    def ours(self, size: int, target: str) -> Command:
        """Our command for one target or all."""
        program = str(Path(sys.executable).with_name("fwadvisor"))
        profile = str(self.folder / str(size) / f"bench-{size}.yaml")
        output = self.output(size, OURS, target)
        arguments = (program, "generate", profile, "--target", target)
        if target == "all":
            return Command((*arguments, "-o", str(output)))
        return Command(arguments, output=str(output / "rules"))

    def peer(self, size: int, tool: str, target: str) -> Command:
        """Another tool's command for one target or all, given by our name."""
        output = self.output(size, tool, target)
        arguments = ("--base_directory", "policies", "--definitions_directory", "def")
        return Command(
            (str(installed(self.peers, tool)), *arguments, "--output_directory", str(output)),
            directory=str(self.folder / str(size) / tool / TARGETS[target]),
        )

    def nftables_files(self, size: int) -> dict[str, Path]:
        """Each tool's nftables file."""
        ours = self.output(size, OURS, "nftables") / "rules"
        return {OURS: ours, **{tool: self.output(size, tool, "nftables") / "bench.nft" for tool in PEERS}}


def generation(bench: Bench, size: int, rounds: int) -> dict[str, dict[str, Timings]]:
    """Target -> tool -> timings."""
    found = {}
    for target in TARGETS:
        commands = {OURS: bench.ours(size, target), **{tool: bench.peer(size, tool, target) for tool in PEERS}}
        found[target] = interleaved(commands, rounds)
    return found


def generation_rows(size: int, found: dict[str, dict[str, Timings]]) -> list[list[str]]:
    """A line for each target."""
    rows = []
    for target, tools in found.items():
        ours = tools[OURS]
        row = [f"{size} {target}", seconds(ours.median), seconds(ours.best), f"{ours.peak:.0f} MB"]
        for tool in PEERS:
            theirs = tools[tool]
            row += [seconds(theirs.median), f"{theirs.peak:.0f} MB", f"{ratio(ours, theirs):.1f}"]
        rows.append(row)
    return rows


def loading_row(size: int, found: dict[str, Timings], memory: dict[str, float | None]) -> list[str]:
    """The line of one size."""
    row = [f"{size} rules"]
    for tool in (OURS, *PEERS):
        held = memory[tool]
        row += [seconds(found[tool].median), "-" if held is None else f"{held:.1f} MB"]
        if tool != OURS:
            row.append(f"{ratio(found[OURS], found[tool]):.1f}")
    return row


def aims(generated: dict[int, dict[str, dict[str, Timings]]], loaded: dict[int, dict[str, Timings]]) -> list[str]:
    """What was aimed at, and whether it is met."""
    lines = []
    for size, targets in generated.items():
        ratios = {target: ratio(tools[OURS], tools["aerleon"]) for target, tools in targets.items()}
        least = min(ratios, key=lambda target: ratios[target])
        lines.append(
            f"{size} rules: at least 10 times faster than Aerleon at every target: least {ratios[least]:.1f} "
            f"({least}), {met(ratios[least] >= 10)}"
        )
    if 10000 in generated:
        ours = generated[10000]["all"][OURS]
        lines.append(
            f"10000 rules to all four targets within 3 s and 250 MB: {seconds(ours.median)} (best "
            f"{seconds(ours.best)}) and {ours.peak:.0f} MB, {met(ours.median <= 3 and ours.peak <= 250)}"
        )
    if 10000 in loaded:
        faster = min(ratio(loaded[10000][OURS], loaded[10000][tool]) for tool in PEERS)
        lines.append(
            f"10000 rules: nft -f at least 5 times faster to load than the others': {faster:.1f}, {met(faster >= 5)}"
        )
    return lines


def measure(bench: Bench, sizes: list[int], rounds: int, load: bool) -> tuple[str, dict[str, Any]]:
    """All tables as text, and all figures."""
    generated: dict[int, dict[str, dict[str, Timings]]] = {}
    loaded: dict[int, dict[str, Timings]] = {}
    held: dict[int, dict[str, float | None]] = {}
    for size in sizes:
        turns = rounds or _ROUNDS.get(size, _FEWEST_ROUNDS)
        generated[size] = generation(bench, size, turns)
        if load:
            files = bench.nftables_files(size)
            loaded[size] = load_times(files, min(turns, _FEWEST_ROUNDS))
            held[size] = {tool: kernel_memory(path) for tool, path in files.items()}
    head = ["rules, target", OURS, "best", "peak"]
    for tool in PEERS:
        head += [tool, "peak", "ratio"]
    rows = [row for size, found in generated.items() for row in generation_rows(size, found)]
    text = f"{machine_line()}; interleaved rounds, medians\n\nGeneration\n{table(head, rows)}\n\n"
    if loaded:
        head = ["nft -f", OURS, "kernel", *(name for tool in PEERS for name in (tool, "kernel", "ratio"))]
        rows = [loading_row(size, found, held[size]) for size, found in loaded.items()]
        text += f"Loading into a fresh network namespace\n{table(head, rows)}\n\n"
    figures = {
        "generation": {
            size: {target: {tool: t.figures() for tool, t in tools.items()} for target, tools in targets.items()}
            for size, targets in generated.items()
        },
        "loading": {
            size: {tool: {**t.figures(), "kernel_mb": held[size][tool]} for tool, t in tools.items()}
            for size, tools in loaded.items()
        },
    }
    return text + "\n".join(aims(generated, loaded)), figures


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--rounds", type=int, default=0, help="rounds at every size; by default more for small jobs")
    parser.add_argument("--no-load", action="store_true", help="leave the kernel alone")
    parser.add_argument("--folder", type=Path, help="keep jobs and outputs here")
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="fwadvisor-benchmark-"))
    try:
        jobs = [sys.executable, str(Path(__file__).with_name("jobs.py")), str(folder), *map(str, options.sizes)]
        subprocess.run(jobs, check=True, stdout=subprocess.DEVNULL)
        as_installed()
        bench = Bench(options.peers.resolve(), folder.resolve())
        text, figures = measure(bench, options.sizes, options.rounds, not options.no_load)
        report(text, figures, options.json)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
