"""What holds of every review, on random firewalls: models, and texts of every dialect that were read.

FWADVISOR_SOAK=SECONDS goes on for so long with new seeds; a failure names the seed, to be given as FWADVISOR_SEED.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.fit import fit
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import BudgetError, FwadvisorError
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Chain, Hook, Verdict
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.diff import review

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))

from edits.applying import alike, left
from edits.judging import judged
from edits.mutating import borrowed, disguised, drawn, mutated
from edits.probing import Dice
from rig import random_ruleset
from rig.random_text_iptables import random_iptables
from rig.random_text_tables import random_nftables

SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))
#: Switches of the dice: which kinds of rules there are.
MODELS = {
    "everything": {},
    "first match": {"writes": False, "conditions": False, "unknown": False, "standing": False, "jumps": False},
    "chains": {"writes": False, "standing": False},
    "last match": {"writes": False, "jumps": False, "unknown": False},
    "writes": {"unknown": False, "conditions": False, "standing": False, "narrow": True},
}
database = cache(load)
Versions = tuple[Firewall, Firewall]


def model(kind: str, seed: int) -> Versions:
    """Random chains and an edit of them."""
    dice = Dice(random.Random(f"review {kind} {seed}"), **MODELS[kind])
    old = dice.firewall("old")
    return old, mutated(old, dice.random, drawn(dice))


def written(target: str, seed: int) -> Versions | None:
    """A random ruleset in a dialect, read again, and an edit of that; None where the dialect cannot say it."""
    read = []
    for number in (2 * seed, 2 * seed + 1):
        ruleset = random_ruleset(number, ("wan0", "lan0"), most_rules=9)
        if target == "windows":
            own = (chain for chain in ruleset.chains if chain.hook is not Hook.FORWARD)
            ruleset = replace(ruleset, chains=(*own, Chain(Hook.FORWARD, (), Verdict.DROP)))
        try:
            wanted = fit(ruleset, dialect(target).capabilities, approximate=True)[0]
            files = dialect(target).write(wanted, Document(name="random"))
        except FwadvisorError:
            return None
        read.append(read_firewall([Source(each.name, each.content) for each in files], target))
    old, other = read
    dice = random.Random(f"review {target} {seed}")
    return old, mutated(old, dice, borrowed(other, dice))


def text(make: Callable[[int], object], target: str, seed: int) -> Versions:
    """A random text as others write it, and an edit of it."""
    old, other = (
        read_firewall([Source(name, content.encode()) for name, content in make(number).files.items()], target)
        for number in (2 * seed, 2 * seed + 1)
    )
    dice = random.Random(f"review text {target} {seed}")
    return old, mutated(old, dice, borrowed(other, dice))


#: Ways to make two versions of a firewall, and how many `make test` tries.
WAYS: dict[str, tuple[Callable[[int], Versions | None], int]] = {
    **{f"model: {kind}": (lambda seed, kind=kind: model(kind, seed), 10) for kind in MODELS},
    **{
        f"written: {target}": (lambda seed, target=target: written(target, seed), 6)
        for target in ("pf", "windows", "nftables")
    },
    "text: nftables": (lambda seed: text(random_nftables, "nftables", seed), 6),
    "text: iptables": (lambda seed: text(random_iptables, "iptables", seed), 6),
}


def versions(way: str) -> Iterator[tuple[str, Versions]]:
    """So many pairs, or as many as the time for a soak allows."""
    make, count = WAYS[way]
    end, seed = time.monotonic() + SOAK / len(WAYS), FIRST_SEED
    while seed < FIRST_SEED + count or time.monotonic() < end:
        made = make(seed)
        if made is not None:
            yield f"{way}, seed {seed}", made
        seed += 1


def reviews(way: str) -> Iterator[tuple[str, Review]]:
    """The reviews of the pairs; a few may give up, where single bits of marks make too many ranges."""
    given_up = pairs = 0
    for about, (old, new) in versions(way):
        pairs += 1
        try:
            yield about, review(old, new, database(), Budget())
        except BudgetError:
            given_up += 1
    assert given_up <= pairs / 50


def said(found: Review) -> list[object]:
    """What a review says of packets, without names and places."""
    return [
        (each.id, each.kind, each.outcomes, each.severity, each.regions, each.witness, len(each.deciders[0]))
        for each in found.changes
    ]


@pytest.mark.parametrize("way", WAYS)
def test_reviews_of_random_firewalls(way: str) -> None:
    pairs = changes = 0
    for about, found in reviews(way):
        old, new = found.old, found.new
        judge = judged(old, new, found, about)
        assert not judge.complaints, f"{about}: {len(judge.complaints)}\n" + "\n".join(judge.complaints[:3])
        more = [(each.old, each.new, each.packets.witness()) for each in left(found)]
        assert not more, f"{about}: the changes, applied, do not make the new version: {more[:3]}"
        back = review(new, old, database(), Budget())
        assert alike(found, back) == [], f"{about}: turned around"
        assert found.same is back.same, about
        pairs, changes = pairs + 1, changes + len(found.changes)
    assert pairs >= WAYS[way][1] * 0.6
    assert changes >= pairs / 4


@pytest.mark.parametrize("way", WAYS)
def test_nothing_becomes_of_no_edit(way: str) -> None:
    """A firewall is the same as itself, and as itself in other words; what differs is said alike in other words.

    What nobody understands in two files may mean two things, even where the text is one.
    """
    for about, plain in reviews(way):
        old, new = plain.old, plain.new
        same = review(old, old, database(), Budget())
        assert all(each.kind is Kind.UNKNOWN and each.outcomes == ("unknown",) * 2 for each in same.changes), about
        known = review(old, replace(old, name="copy"), database(), Budget())
        assert all(each.kind is Kind.UNKNOWN for each in known.changes), about
        assert (known.edits.added, known.edits.removed, known.edits.moved) == (0, 0, 0)
        words = review(old, disguised(old), database(), Budget())
        assert said(words) == said(known), f"{about}: other names"
        assert words.edits.effective == 0, about
        renamed = review(disguised(old), disguised(new), database(), Budget())
        assert said(plain) == said(renamed), f"{about}: other names in both"


@pytest.mark.parametrize(
    ("old", "new", "outcomes"),
    [
        ("drop", "log drop", ("drop", "drop with log")),
        ('log prefix "x" drop', "log drop", ("drop with log x", "drop with log")),
        ('log prefix "x" accept', 'log prefix "x " accept', ("accept with log x", "accept with log x ")),
    ],
)
def test_what_is_logged_otherwise_is_said_otherwise(old: str, new: str, outcomes: tuple[str, str]) -> None:
    text = "table ip f {{ chain input {{ type filter hook input priority 0; policy drop; tcp dport 22 {} }} }}\n"
    pair = [read_firewall([Source(rule, text.format(rule).encode())], "nftables") for rule in (old, new)]
    (change,) = review(pair[0], pair[1], database(), Budget()).changes
    assert change.outcomes == outcomes
