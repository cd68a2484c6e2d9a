"""What becomes of an answer that nobody can take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["generate web-server -t nftables -q", "explain 1720", "search h323", "profiles list"]


def run(command: str, redirection: str) -> subprocess.CompletedProcess[str]:
    words = f"exec {sys.executable} -m fwadvisor {command} {redirection}"
    return subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_an_error_of_one_line(command: str) -> None:
    done = run(command, ">/dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: cannot write the answer: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_output_is_no_error(command: str) -> None:
    done = run(command, ">&-")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)


def test_an_error_without_a_place_to_say_it_is_still_an_error() -> None:
    assert run("explain no-such-name", "2>&-").returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves_early_is_no_error(command: str) -> None:
    done = run(command, "| head -c 1")
    assert (done.returncode, done.stderr) == (0, "")
