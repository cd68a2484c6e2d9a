"""What we write reads as what was meant: golden files, shipped rulesets, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rig.random_rules import random_ruleset
from rig.selection import probes_for

from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.reading.iptables import read, recognize
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field
from fwadvisor.model.rule import HelperAssignment, Hook, Match, Origin, OriginKind, Ruleset
from fwadvisor.model.walk import Packet, decide

CASES = Path(__file__).parents[2] / "cases"
GOLDEN = sorted(path.parent for path in CASES.glob("*/expected/iptables.v4"))
LINKS = ("wan0", "lan0")
SEEDS = 120


def sources(ruleset: Ruleset) -> list[Source]:
    return [Source(file.name, file.content) for file in dialect("iptables").write(ruleset, Document(name="round trip"))]


def differing(ruleset: Ruleset, packets: Sequence[Packet]) -> list[Packet]:
    firewall = read(sources(ruleset), {})
    assert not firewall.opaque
    assert not firewall.warnings
    return [packet for packet in packets if decide(ruleset, packet).verdict is not evaluate(firewall, packet).verdict]


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.parent.name)
def test_golden_files_hold_nothing_opaque(folder: Path) -> None:
    files = [Source(str(path), path.read_bytes()) for path in sorted(folder.glob("iptables.*"))]
    assert [recognize(file) for file in files] == [95] * len(files)
    firewall = read(files, {})
    assert not firewall.opaque
    assert not firewall.warnings
    assert all(rule.text and rule.span.source for rule in firewall.rules())


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) > 20


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_random_rulesets(first: int) -> None:
    for seed in range(first, first + 10):
        ruleset = random_ruleset(seed, LINKS)
        packets = probes_for(ruleset, LINKS)
        assert len(packets) > 20
        assert not differing(ruleset, packets), f"seed {seed}"


def test_helpers_are_assigned() -> None:
    origin = Origin(kind=OriginKind.NEED, text="calls")
    match = Match(protocols=(17,), destination_ports=((1719, 1719),))
    plain = random_ruleset(1, LINKS)
    assignment = HelperAssignment(helper="RAS", hook=Hook.INPUT, match=match, origin=origin)
    firewall = read(sources(Ruleset(name="calls", chains=plain.chains, helpers=(assignment,))), {})
    packets = probes_for(plain, LINKS)
    for packet in packets:
        assigned = evaluate(firewall, packet).effects.get(Field.ASSIGNED_HELPER)
        wanted = packet.hook is not Hook.OUTPUT and packet.protocol == 17 and packet.destination_port == 1719
        assert assigned == ("RAS" if wanted else None)
