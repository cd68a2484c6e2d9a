"""Edits of three shipped policies in every dialect: the review says of every packet what the walks of both files say.

FWADVISOR_SOAK=SECONDS takes every policy, and goes on for so long with other places for the edits; a failure names the
seed, to be given as FWADVISOR_SEED.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

import pytest

from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.diff import review

sys.path.insert(0, str(Path(__file__).parent))

from edits import KINDS, judged, samples
from edits.applying import alike, left
from edits.files import FILES, Sample
from edits.kinds import Pair

SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))
#: Edits that the review must call the same, others that may happen to be, and how often it is tried to have an effect.
SAME = {kind.name for kind in KINDS.values() if kind.same}
TRIES = 6
#: How many packets are sampled, by how many are in a soak.
EFFORT = 2.0 if SOAK else 0.7
#: Of so many deciders, one may be missed by all samples.
MISSED = 200


database = cache(load)


@cache
def pair(name: str, sample: Sample, seed: int) -> Pair | None:
    """What an edit makes of a policy, None where it has no place there."""
    return KINDS[name].apply(sample, Random(f"{name} {sample.policy} {sample.dialect} {seed}"))


def pairs(name: str, seed: int) -> Iterator[tuple[str, Pair]]:
    """The edit in every dialect, of one policy each, or of all in a soak."""
    turn = list(KINDS).index(name) + seed
    for dialect in FILES:
        known = [each for each in samples() if each.dialect == dialect]
        found = [(each, made) for each in known if (made := pair(name, each, seed)) is not None]
        first = turn % len(found) if found else 0
        for each, made in found if SOAK else found[first : first + 1]:
            yield f"{name}: {each.policy}, {dialect}, seed {seed}", made


def seeds(name: str) -> Iterator[int]:
    """One, or as many as the time for a soak allows."""
    yield FIRST_SEED
    end, seed = time.monotonic() + SOAK / len(KINDS), FIRST_SEED + 1
    while time.monotonic() < end:
        yield seed
        seed += 1


def reviewed(about: str, made: Pair) -> Review:
    """The review of an edit, of which every packet that is sampled is right; applied, it makes the new version."""
    old, new = (each.read() for each in made)
    found = review(old, new, database(), Budget())
    judge = judged(old, new, found, about, EFFORT)
    assert not judge.complaints, f"{about}: {len(judge.complaints)}\n" + "\n".join(judge.complaints[:3])
    assert judge.packets > 30
    deciders = sum(len(side) for each in found.changes for side in each.deciders)
    idle = [f"{change.id}: {decider.text}" for change, _, decider in judge.idle()]
    assert len(idle) <= deciders / MISSED, f"{about}: no packet shows that these decide: {idle}"
    more = [(each.old, each.new, each.packets.witness()) for each in left(found)]
    assert not more, f"{about}: the changes, applied, do not make the new version: {more[:3]}"
    return found


@pytest.mark.parametrize("name", KINDS)
def test_every_packet_is_where_the_review_says(name: str) -> None:
    asked = 0
    effective = False
    for seed in seeds(name):
        for about, made in pairs(name, seed):
            found = reviewed(about, made)
            asked += 1
            effective |= bool(found.changes)
            if name in SAME:
                assert found.same, f"{about}: {[(each.kind, each.outcomes) for each in found.changes]} {found.doubts}"
                assert found.edits.effective == 0
            assert found.same or found.changes or found.doubts
    for seed in range(FIRST_SEED + 1, FIRST_SEED + TRIES):
        if name not in SAME and not effective:
            effective = any(reviewed(about, made).changes for about, made in pairs(name, seed))
    assert asked > 0
    assert effective is (name not in SAME)


@pytest.mark.parametrize("name", list(KINDS)[:: 1 if SOAK else 6])
def test_turned_around_it_says_the_opposite(name: str) -> None:
    for about, (before, after) in pairs(name, FIRST_SEED):
        old, new = before.read(), after.read()
        there, back = review(old, new, database(), Budget()), review(new, old, database(), Budget())
        assert alike(there, back) == [], about
        assert there.same is back.same
        assert (there.edits.added, there.edits.removed) == (back.edits.removed, back.edits.added), about


def test_every_kind_has_its_places() -> None:
    """How often each kind can be applied to eleven sets of files, and to which dialects."""
    known = samples()
    assert len(known) == 11
    assert len(KINDS) >= 70
    table = {name: [each for each in known if pair(name, each, FIRST_SEED) is not None] for name in KINDS}
    assert [name for name, found in table.items() if not found] == []
    dialects = {name: {each.dialect for each in found} for name, found in table.items()}
    assert sum(len(found) == len(known) for found in table.values()) >= 30
    assert sum(len(each) >= 3 for each in dialects.values()) >= 45
    assert sum(len(each) == 1 for each in dialects.values()) <= 3
    assert sum(map(len, table.values())) >= 600
    for dialect, least in (("nftables", 70), ("iptables", 70), ("pf", 45), ("windows", 35)):
        assert sum(dialect in each for each in dialects.values()) >= least, dialect


def test_every_kind_of_change_is_met() -> None:
    """Among a few edits there is every kind of change; else the tests above would be blind to it."""
    names = (
        "ask for what nobody understands", "delete a helper's assignment", "change the prefix in the log",
        "drop becomes reject", "accept becomes drop", "open a port to everybody",
    )  # fmt: skip
    kinds = set()
    for name, seed in product(names, range(FIRST_SEED, FIRST_SEED + 3)):
        for _, (old, new) in pairs(name, seed):
            if kinds != set(Kind):
                kinds |= {each.kind for each in review(old.read(), new.read(), database(), Budget()).changes}
    assert kinds == set(Kind)


def test_a_wrong_review_is_found() -> None:
    """The samples are sharp: a review of another edit, or one that misses a change, does not pass."""
    caught = tried = 0
    for name in ("open a port to one network", "narrow a network", "change a port"):
        for about, (old, new) in pairs(name, FIRST_SEED):
            before, after = old.read(), new.read()
            true, none = review(before, after, database(), Budget()), review(before, before, database(), Budget())
            if true.changes:
                tried += 2
                caught += bool(judged(before, after, none, about).complaints)
                caught += bool(judged(before, before, true, about).complaints)
    assert caught >= 0.9 * tried > 15
