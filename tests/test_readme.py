"""The README's examples do what they show, and its commands exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, flags=re.M | re.S)


def examples():
    """(command, expected output) of every console block, in order."""
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = command[:-1] + more.strip()
            yield command, output


def pattern(expected):
    """The expected output as a regular expression; ``...`` stands for anything."""
    return re.escape(expected.strip("\n")).replace(re.escape("..."), "(?:.|\n)*?")


def test_examples_do_what_they_show(tmp_path):
    checked = 0
    for command, expected in examples():
        words = shlex.split(command)
        assert words[0] == "fwadvisor", f"only fwadvisor commands are examples: {command}"
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", *words[1:]],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), f"{command}\n{done.stderr}"
        shown = "\n".join(line.rstrip() for line in (done.stdout + done.stderr).strip("\n").splitlines())
        assert re.fullmatch(pattern(expected), shown), f"$ {command}\n{shown}\n--- the README shows ---\n{expected}"
        checked += 1
    assert checked >= 5


def make_targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))


@pytest.mark.parametrize("text", [README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")])
def test_make_commands_exist(text):
    named = set(re.findall(r"^\s*make ([a-z-]+)", text, flags=re.M))
    assert {"test"} <= named <= make_targets()


def test_ci_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "FWADVISOR_REQUIRE_KERNEL=1" in script


def test_every_shipped_profile_is_listed():
    for path in (ROOT / "profiles").glob("*.yaml"):
        assert f"`{path.stem}`" in README, f"the README does not name {path.stem}"


def test_every_option_of_generate_is_real():
    done = subprocess.run(
        [sys.executable, "-m", "fwadvisor", "generate", "--help"], capture_output=True, text=True, check=False
    )
    for option in re.findall(r"fwadvisor generate[^\n`]*?(--[a-z-]+)", README):
        assert option in done.stdout
