"""read(write(r)) is r, packet for packet, in every dialect: random rulesets and random policies.

FWADVISOR_SOAK=SECONDS goes on for so long with new seeds; a failure names the seed that reproduces it, to be given as
FWADVISOR_SEED.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.fit import fit
from fwadvisor.errors import FwadvisorError, PolicyError
from fwadvisor.generate import Request, generate
from fwadvisor.model.rule import LOOPBACK, Chain, Hook, Match, Origin, OriginKind, Rule, Ruleset, State, Verdict
from fwadvisor.proof.written import prove_written

sys.path.insert(0, str(Path(__file__).parent.parent / "kernel"))

from rig import random_ruleset

SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))
RULESETS, POLICIES = 250, 40


def seeds(count: int) -> Iterator[int]:
    """So many seeds, or as many as the time for a soak allows."""
    yield from range(FIRST_SEED, FIRST_SEED + count)
    end, seed = time.monotonic() + SOAK / 2, FIRST_SEED + count
    while time.monotonic() < end:
        yield seed
        seed += 1


def policy_like(seed: int) -> Ruleset:
    """A random ruleset behind what stands first in every policy: the machine to itself, and known connections."""
    ruleset = random_ruleset(seed, ("wan0", "lan0"))
    origin = Origin(kind=OriginKind.BASELINE, text="baseline")
    known = Rule(Match(states=(State.ESTABLISHED,)), Verdict.ACCEPT, origin)
    own = {
        Hook.INPUT: (Rule(Match(in_interfaces=(LOOPBACK,)), Verdict.ACCEPT, origin),),
        Hook.OUTPUT: (Rule(Match(out_interfaces=(LOOPBACK,)), Verdict.ACCEPT, origin),),
    }
    chains = tuple(replace(chain, rules=(*own.get(chain.hook, ()), known, *chain.rules)) for chain in ruleset.chains)
    return replace(ruleset, chains=chains)


def fitted(ruleset: Ruleset, target: str) -> Ruleset | None:
    """The ruleset as the dialect can say it, or None where it cannot, not even narrowed.

    Windows gets what concerns the machine itself.
    """
    if target == "windows":
        own = (chain for chain in ruleset.chains if chain.hook is not Hook.FORWARD)
        ruleset = replace(ruleset, chains=(*own, Chain(Hook.FORWARD, (), Verdict.DROP)))
    try:
        return fit(ruleset, dialect(target).capabilities, approximate=True)[0]
    except FwadvisorError:
        return None


def test_random_rulesets() -> None:
    proved = dict.fromkeys(DIALECTS, 0)
    for seed in seeds(RULESETS):
        ruleset = policy_like(seed)
        for target in DIALECTS:
            wanted = fitted(ruleset, target)
            if wanted is None:
                continue
            output = {target: dialect(target).write(wanted, Document(name="random"))}
            try:
                prove_written({target: wanted}, output, wanted)
            except FwadvisorError as defect:
                pytest.fail(
                    f"seed {seed}, {target}: {defect.diagnostics[0].message}\n{output[target][0].content.decode()}"
                )
            proved[target] += 1
    assert all(count >= RULESETS * 0.9 for count in proved.values()), proved


PEERS = ("203.0.113.0/24", "198.51.100.7", "192.0.2.0/25, 2001:db8::/32", "any", "10.0.0.0/8")


def random_request(seed: int) -> Request:
    """One to three shipped profiles that need nothing to be set, or only peers."""
    chooser = random.Random(f"policy {seed}")
    easy = ["web-server", "no-netmeeting", "no-legacy-conferencing", "server-baseline", "workstation", "sip-phone"]
    chosen = chooser.sample(easy, chooser.randint(1, 3))
    settings = {}
    if chooser.random() < 0.5:
        chosen.append("h323-needed")
        settings["peers"] = chooser.choice(PEERS[:3])
        settings["h323-needed.calls"] = str(chooser.randint(1, 12))
    if "web-server" in chosen and chooser.random() < 0.5:
        settings["web-server.clients"] = chooser.choice(PEERS)
    return Request(profiles=chosen, settings=settings, notes=False)


def test_random_policies() -> None:
    proved = refused = 0
    for seed in seeds(POLICIES):
        request = random_request(seed)
        try:
            made = generate(request)
        except PolicyError:
            refused += 1
            continue
        except FwadvisorError as problem:
            if any("text says" in each.message for each in problem.diagnostics):
                pytest.fail(f"seed {seed}: {request.profiles} {request.settings}: {problem.diagnostics[0].message}")
            refused += 1
            continue
        assert [each.dialect for each in made.proved] == list(DIALECTS)
        assert all({hook for hook, _ in each.parts} >= {Hook.INPUT, Hook.OUTPUT} for each in made.proved)
        proved += 1
    assert proved > POLICIES // 2, (proved, refused)
