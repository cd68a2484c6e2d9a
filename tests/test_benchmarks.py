"""The benchmarks compare like with like: the converted profile decides every packet as the job does."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

CHECK = "import random, check_conversion as c; print(len(c.check(1000, 300, random.Random(7))))"
#: What a converter would do that took no notice of the order of the rules.
CARELESS = "import convert; convert._left_of = lambda box, *_: [box]; "


@pytest.mark.parametrize(("before", "alike"), [("", True), (CARELESS, False)])
def test_conversion(before, alike):
    done = subprocess.run(
        [sys.executable, "-c", before + CHECK], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout.split()[-1] == "0") is alike, done.stdout


def test_jobs_are_the_same_every_time(tmp_path):
    for folder in ("one", "two"):
        subprocess.run([sys.executable, str(FOLDER / "jobs.py"), str(tmp_path / folder), "20"], check=True)
    files = [sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file()) for folder in ("one", "two")]
    assert len(files[0]) > 20
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
