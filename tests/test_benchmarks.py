"""The benchmarks compare like with like: the converted profile decides every packet as the job does."""

import json
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


def answer(*arguments):
    """What one script of the benchmarks prints as JSON."""
    done = subprocess.run([sys.executable, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("kind", ["realistic", "classbench", "crossing"])
def test_the_engine_and_the_plain_way_count_the_same_packets(kind, family, tmp_path):
    path = str(tmp_path / "job.json")
    subprocess.run([sys.executable, "plain.py", path, kind, "60", family], cwd=FOLDER, check=True)
    ours, plain = answer("ours.py", "compare", kind, "60", family), answer("naive.py", path)
    assert (ours["accepted"], ours["changed"]) == (plain["accepted"], plain["changed"])
    assert ours["accepted"] > 0
    assert (
        answer("ours.py", "lint", kind, "60", family)["shadowed"]
        == answer("naive.py", path, "--only-shadow")["shadowed"]
    )


def test_tools_that_disagree_are_not_compared():
    script = """
import engine
first, second = engine.Runs([{"accepted": 7, "alike": False}]), engine.Runs([{"accepted": 8}])
print("\\n".join(engine.alike(engine.Job("crossing", 9, 4), {"one": first, "two": second})))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout == "9 crossing, IPv4: accepted is 7 for one and 8 for two\n"


def test_lists_and_gateways_are_the_same_every_time():
    script = """
import hashlib, gateways, rulesets
from fwadvisor.model.address import Family
made = [rulesets.edited(rulesets.make(kind, 50, family), 10) for kind in rulesets.KINDS for family in Family]
made += [gateways.ufw(50), gateways.firewalld(50, "nftables"), gateways.shorewall(50), gateways.shorewall(50, 6)]
print(len(made), hashlib.sha256(repr(made).encode()).hexdigest())
"""
    outputs = {
        subprocess.run([sys.executable, "-c", script], cwd=FOLDER, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    assert outputs.pop().startswith("10 ")


@pytest.mark.parametrize("target", ["iptables", "nftables", "windows", "pf"])
def test_what_is_read_is_our_own_text(target, tmp_path):
    folder = str(tmp_path / target)
    answer("reading.py", "--job", "write", target, "40", folder)
    found = answer("reading.py", "--job", "read", target, folder)
    assert found["opaque"] == 0
    assert found["rules"] >= 30


@pytest.mark.parametrize("kind", ["realistic", "classbench"])
@pytest.mark.parametrize("dialect", ["nftables", "iptables"])
def test_what_is_reviewed_says_what_the_list_says(dialect, kind, tmp_path):
    """The files of both dialects are the list: what ten edits change of it is what changes in them."""
    answer("review.py", "--job", "write", dialect, kind, "60", str(tmp_path))
    old, new = (str(next(tmp_path.glob(f"*-{each}-*"))) for each in ("old", "new"))
    found = answer("review.py", "--job", "diff", old, new)
    assert found["rules"] == 61
    assert found["edits"] >= 10
    assert found["changes"] > 0
    script = f"""
import rulesets
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, State
from fwadvisor.packets import Space, compare
from fwadvisor.model.firewall import Field, IntegerTest
from fwadvisor.proof.files import firewall_of, forced
rules = rulesets.make("{kind}", 60)
for path, listed in (("{old}", rules), ("{new}", rulesets.edited(rules, 10))):
    read, meant = firewall_of(path, forced(())), rulesets.firewall(listed)
    new = (IntegerTest(Field.STATE, ((0, 0),)),)
    space = Space([read, meant], tests=new)
    part = Hook.FORWARD, Family.IPV4
    print(len(compare(space.meaning(read, *part), space.meaning(meant, *part), space.packets(*part, new))))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0"]
