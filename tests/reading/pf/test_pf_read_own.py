"""Our own pf.conf, read back: every golden file without opaque parts, and random rulesets packet by packet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from fwadvisor.dialects import reading
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.pf import DIALECT
from fwadvisor.dialects.reading import pf
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall, Point
from fwadvisor.model.rule import DCCP, LOOPBACK, Chain, Hook, Rule, Ruleset, State, Verdict
from fwadvisor.model.walk import Packet, decide

CASES = Path(__file__).parents[2] / "cases"
GOLDEN = sorted(CASES.glob("*/expected/pf.conf"))
LINKS = ("em0", "em1", "em2")


def read_back(ruleset: Ruleset, variant: str = "freebsd") -> Firewall:
    document = Document(name="test", options=(("pf-variant", variant),))
    return pf.read([Source("pf.conf", DIALECT.write(ruleset, document)[0].content)], {})


def expressible(ruleset: Ruleset) -> Ruleset:
    """The ruleset without what pf cannot say: ports of DCCP, rules for untracked packets that leave out new ones."""

    def fits(rule: Rule) -> bool:
        states = rule.match.states
        return DCCP not in rule.match.protocols and (State.UNTRACKED not in states or State.NEW in states)

    return replace(
        ruleset,
        chains=tuple(
            replace(chain, rules=tuple(rule for rule in chain.rules if fits(rule))) for chain in ruleset.chains
        ),
    )


def without_egress(ruleset: Ruleset) -> Ruleset:
    """The ruleset with forward rules that name no way out: pf then decides all of them coming in."""
    return replace(
        ruleset,
        chains=tuple(
            Chain(
                chain.hook,
                tuple(r for r in chain.rules if chain.hook is not Hook.FORWARD or not r.match.out_interfaces),
                chain.default,
                chain.default_log,
            )
            for chain in ruleset.chains
        ),
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.parent.name)
def test_golden_files_are_recognized_and_understood(path: Path) -> None:
    source = Source(str(path), path.read_bytes(), path.parent)
    assert reading.recognize(source) == "pf"
    firewall = pf.read([source], {})
    assert firewall.opaque == ()
    assert firewall.warnings == ()
    assert [(base.point, base.chain, base.default) for base in firewall.bases] == [
        (Point.PREROUTING, "in", Verdict.ACCEPT),
        (Point.POSTROUTING, "out", Verdict.ACCEPT),
    ]
    lines = path.read_text().splitlines()
    for rule in firewall.rules():
        assert rule.span.source == lines[rule.span.line - 1]


def test_golden_files_are_found() -> None:
    assert len(GOLDEN) > 25


def asked(packet: Packet) -> bool:
    """What the texts are for: new packets, no group or broadcast is forwarded, and pf skips loopback."""
    if packet.state is not State.NEW or LOOPBACK in (packet.in_interface, packet.out_interface):
        return False
    return packet.hook is not Hook.FORWARD or packet.destination_type == 1


def same(wanted: Verdict, found: Verdict | None, packet: Packet) -> bool:
    """A forwarded packet is denied coming in or going out, where only one of the two can tell the sender."""
    if packet.hook is Hook.FORWARD:
        return found is not None and (wanted is Verdict.ACCEPT) is (found is Verdict.ACCEPT)
    return wanted is found


@pytest.mark.parametrize("seed", range(120))
def test_random_rulesets_decide_alike_on_boundaries(seed: int, with_types: Any) -> None:
    from rig.random_rules import random_ruleset
    from rig.selection import probes_for

    ruleset = expressible(random_ruleset(seed, LINKS))
    firewall = read_back(ruleset)
    assert firewall.opaque == ()
    count = 0
    for probe in probes_for(ruleset, LINKS, 150, seed):
        packet = with_types(probe) if probe.state is State.NEW else probe
        if asked(packet):
            count += 1
            wanted, found = decide(ruleset, packet), evaluate(firewall, packet)
            assert same(wanted.verdict, found.verdict, packet), (packet, found.trail)
    assert count > 20


@pytest.mark.parametrize("variant", ["portable", "openbsd", "freebsd", "freebsd-12"])
@pytest.mark.parametrize("seed", range(12))
def test_other_random_rulesets_of_every_variant(seed: int, variant: str, rulesets: ModuleType, with_types: Any) -> None:
    random = Random(seed)
    ruleset = rulesets.ruleset(random, tuple(Hook), tuple(Verdict))
    if seed % 2:
        ruleset = without_egress(ruleset)
    try:
        firewall = read_back(ruleset, variant)
    except InexpressibleError:  # pragma: no cover
        pytest.fail("these rulesets hold nothing that pf cannot say")
    for hook in Hook:
        for each in rulesets.packets(random, ruleset, hook, 80):
            packet = with_types(each)
            if asked(packet):
                wanted, found = decide(ruleset, packet), evaluate(firewall, packet)
                assert same(wanted.verdict, found.verdict, packet), (packet, found.trail)


def test_changed_verdicts_are_seen(with_types: Any) -> None:
    """The comparison above can fail: another text decides otherwise."""
    from rig.random_rules import random_ruleset
    from rig.selection import probes_for

    ruleset = expressible(random_ruleset(3, LINKS))
    text = DIALECT.write(ruleset, Document(name="t", options=(("pf-variant", "freebsd"),)))[0].content
    changed = text.replace(b"pass in quick", b"block drop in quick")
    assert changed != text
    firewall = pf.read([Source("pf.conf", changed)], {})
    packets = [with_types(p) for p in probes_for(ruleset, LINKS, 400, 3) if p.state is State.NEW]
    assert any(not same(decide(ruleset, p).verdict, evaluate(firewall, p).verdict, p) for p in packets if asked(p))
