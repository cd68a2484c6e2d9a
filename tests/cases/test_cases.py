"""Every folder beside this file is a case: what an administrator types, and every byte that comes of it.

A folder holds `command` (lines with # say what the case shows), profiles of its own where it needs them, and
`expected/`: what the command printed (`stdout.txt`, `stderr.txt`, left out where empty) and the files that it wrote
to `out/`. A command that wrote nothing is expected to end with 2.

    FWADVISOR_REFRESH_CASES=1 python -m pytest tests/cases

writes `expected/` anew; read the difference before you commit it, as one reads a change of a firewall.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/command"))
REFRESH = os.environ.get("FWADVISOR_REFRESH_CASES", "0") not in ("", "0")
RULES_AND_NOTES = {"iptables.v4", "iptables.v6", "nftables.nft", "windows.ps1", "pf.conf", "notes.md", "notes.json"}


def command(case: str) -> list[str]:
    """The arguments of the case's one command."""
    lines = (HERE / case / "command").read_text(encoding="utf-8").splitlines()
    typed = [line for line in lines if line and not line.startswith("#")]
    program, *arguments = shlex.split(" ".join(line.rstrip("\\") for line in typed))
    assert program == "fwadvisor"
    return arguments


def run(case: str, directory: Path) -> tuple[int, dict[str, bytes]]:
    """The exit code and everything that the command said and wrote."""
    for profile in (HERE / case).glob("*.yaml"):
        shutil.copy(profile, directory)
    done = subprocess.run(
        [sys.executable, "-m", "fwadvisor", *command(case)],
        cwd=directory,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
        capture_output=True,
        check=False,
    )
    made = {path.name: path.read_bytes() for path in (directory / "out").glob("*")}
    made |= {name: said for name, said in (("stdout.txt", done.stdout), ("stderr.txt", done.stderr)) if said}
    return done.returncode, made


def write(case: str, made: dict[str, bytes]) -> None:
    folder = HERE / case / "expected"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in made.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, tmp_path: Path) -> None:
    code, made = run(case, tmp_path)
    assert b"Traceback" not in made.get("stderr.txt", b""), made["stderr.txt"].decode()
    if REFRESH:
        write(case, made)
    expected = {path.name: path.read_bytes() for path in (HERE / case / "expected").glob("*")}
    assert code == (0 if expected.keys() & RULES_AND_NOTES else 2), made.get("stderr.txt", b"").decode()
    assert made.keys() == expected.keys()
    for name, content in expected.items():
        assert made[name].decode() == content.decode(), f"{case}: {name}"


def test_no_output_knows_this_machine() -> None:
    """No place on this disk, and nothing of the day it was made."""
    paths = [path for path in HERE.glob("*/expected/*") if path.is_file()]
    assert len(paths) > 100
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert str(HERE.parents[1]) not in text, path
        assert str(Path.home()) + "/" not in text, path
        assert "profiles/" not in text or "/profiles/" not in text, path


def test_every_shipped_profile_has_a_case() -> None:
    shipped = {path.stem for path in (HERE.parents[1] / "profiles").glob("*.yaml")}
    shown = {word for case in CASES for word in command(case)}
    assert shipped <= shown
    assert len(shipped) == 22
