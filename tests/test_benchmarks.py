"""The benchmarks compare like with like: the converted profile decides every packet as the job does."""

import json
import os
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


@pytest.mark.parametrize("target", ["nftables", "iptables"])
@pytest.mark.parametrize("shape", ["ports", "peers"])
def test_rulesets_whose_packets_are_measured_mean_the_same(shape, target, tmp_path):
    """Ours and one rule per need, in the form that many needs take; a forged need would be seen."""
    script = f"""
from pathlib import Path
from traffic_jobs import Job, ours, plain
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, IntegerTest
from fwadvisor.model.rule import UDP, Hook
from fwadvisor.packets import Space, compare
job = Job("{shape}", 60)
texts = (ours(job, Path({str(tmp_path)!r})), plain(job), plain(Job("{shape}", 59)))
read = [read_firewall([Source("rules", each["{target}"].encode())], "{target}") for each in texts]
tests = (IntegerTest(Field.STATE, ((0, 0),)), IntegerTest(Field.PROTOCOL, ((UDP, UDP),)))
space, part = Space(read, tests=tests), (Hook.FORWARD, Family.IPV4)
meanings = [space.meaning(each, *part) for each in read]
print(*(len(compare(meanings[0], other, space.packets(*part, tests))) for other in meanings[1:]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


@pytest.mark.kernel
def test_packets_are_counted_and_cost_something():
    """Every kind of traffic through every ruleset; what arrives is checked where it is sent."""
    command = [sys.executable, "traffic.py", "--needs", "3", "--rounds", "1", "--json", "-"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if "the kernel cannot be asked" in done.stderr and os.environ.get("FWADVISOR_REQUIRE_KERNEL", "0") in ("", "0"):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["traffic"]
    assert list(found) == ["3 ports", "3 peers"]
    for rulesets in found.values():
        assert len(rulesets) == 2 + 3 * 2
        for each in rulesets.values():
            assert set(each["ns_best"]) == {"last", "random", "refused", "established"}
            assert all(value > 0 for value in each["ns_best"].values())


@pytest.mark.kernel
def test_packets_that_arrive_although_they_should_not_end_the_measurement():
    script = """
import traffic, traffic_boxes
job = traffic.Job("ports", 3)
open_to_all = {"nftables": "", "iptables": "*filter\\nCOMMIT\\n"}
try:
    traffic.measure(job, {"fwadvisor": open_to_all}, 1)
except traffic.NotPermittedError as problem:
    print("the kernel cannot be asked:", problem)
except traffic_boxes.RigError as problem:
    print(problem)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, capture_output=True, text=True, check=True)
    if "the kernel cannot be asked" in done.stdout and os.environ.get("FWADVISOR_REQUIRE_KERNEL", "0") in ("", "0"):
        pytest.skip(done.stdout)
    assert "128 packets of 128 arrived, not 0" in done.stdout


@pytest.mark.parametrize(
    "strategy",
    [
        "auto",
        "tracked, with fallback",
        "pinned",
        "tunnelled",
        "traversal",
        "gatekeeper-routed",
        "everything",
        "refused",
    ],
)
def test_notes_say_of_open_ports_what_the_engine_finds(strategy):
    script = f"""
import json
import exposure
found = {{}}
for target in exposure.DIALECTS:
    made = exposure.made(target, exposure.STRATEGIES[{strategy!r}])
    if made is not None:
        each = exposure.exposure({strategy!r}, target)
        opened = {{name: [part.ports, part.peers] for name, part in each.items()}}
        found[target] = [opened, *exposure.noted(made, target)]
print(json.dumps(found))
"""
    found = answer("-c", script)
    assert set(found) == ({"nftables", "iptables"} if "tracked" in strategy else set(found) | {"pf", "windows"})
    for opened, ranges, counts in found.values():
        for name, (ports, peers) in opened.items():
            noted = ranges.get(name, [])
            # Call signalling is open in any case, inside of a range too.
            beside = [[1024, 1719], [1721, 65535]] if (name, noted) == ("TCP", [[1024, 65535]]) else noted
            assert ports == beside
            assert counts.get(name, 0) == sum(last - first + 1 for first, last in noted)
            assert peers == (bool(noted) and (1 if (strategy, name) == ("gatekeeper-routed", "TCP") else 2))
    open_at_all_times = {target for target, each in found.items() if each[2]}
    if strategy in ("traversal", "refused"):
        assert open_at_all_times == set()
    elif strategy == "auto":
        assert open_at_all_times == {"windows", "pf"}
    else:
        assert open_at_all_times == set(found)
