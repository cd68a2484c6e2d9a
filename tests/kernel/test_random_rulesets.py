"""Random rulesets, written in each dialect and loaded: the kernel's verdict is the walk's, packet by packet.

Each is loaded over the one before, some of them twice: whatever stays behind of the other would show.

FWADVISOR_SOAK=SECONDS goes on for so long with new seeds; a failure names the seed that reproduces it, to be
given as FWADVISOR_SEED.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from rig import Rig, agree, plain, probes_for, random_ruleset
from rig.frames import texts

from fwadvisor.model.rule import Hook, Ruleset, Verdict
from fwadvisor.model.walk import Packet, decide

LINKS = ("wan0", "lan0")
PACKETS = 900
SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))


def _write(dialect: str, ruleset: Ruleset) -> dict[str, str]:
    from fwadvisor.dialects.base import Document

    written = importlib.import_module(f"fwadvisor.dialects.{dialect}").DIALECT.write(ruleset, Document(name="random"))
    return {file.name: file.content.decode() for file in written}


def load_plain(rig: Rig, ruleset: Ruleset) -> None:
    rig.load_nftables(plain(ruleset))


def load_nftables(rig: Rig, ruleset: Ruleset) -> None:
    (text,) = _write("nftables", ruleset).values()
    rig.load_nftables(text)


def load_iptables(rig: Rig, ruleset: Ruleset) -> None:
    files = _write("iptables", ruleset)
    rig.load_iptables(files["iptables.v4"], files["iptables.v6"], "nft")


def load_iptables_legacy(rig: Rig, ruleset: Ruleset) -> None:
    files = _write("iptables", ruleset)
    rig.load_iptables(files["iptables.v4"], files["iptables.v6"], "legacy")


Loader = Callable[[Rig, Ruleset], None]
#: How to load a ruleset, and how many of them `make test` tries.
LOADERS: list[tuple[Loader, int]] = [
    (load_plain, 40),
    (load_nftables, 80),
    (load_iptables, 60),
    (load_iptables_legacy, 40),
]


def seeds(count: int) -> Iterator[int]:
    """So many seeds, or as many as the time for a soak allows."""
    yield from range(FIRST_SEED, FIRST_SEED + count)
    end, seed = time.monotonic() + SOAK / len(LOADERS), FIRST_SEED + count
    while time.monotonic() < end:
        yield seed
        seed += 1


def disagreements(rig: Rig, ruleset: Ruleset, packets: list[Packet]) -> list[tuple[Packet, Verdict, Verdict]]:
    seen = rig.verdicts(packets)
    expected = [decide(ruleset, packet).verdict for packet in packets]
    return [
        (packet, wanted, got)
        for packet, wanted, got in zip(packets, expected, seen, strict=True)
        if not agree(wanted, got, packet)
    ]


@pytest.mark.parametrize(("load", "least"), LOADERS, ids=[load.__name__ for load, _ in LOADERS])
def test_kernel_and_walk_agree(rig: Rig, load: Loader, least: int, count: Callable[[str], None]) -> None:
    rulesets = probes = 0
    verdicts: set[tuple[Hook, Verdict]] = set()
    for seed in seeds(least):
        ruleset = random_ruleset(seed, LINKS)
        packets = probes_for(ruleset, LINKS, PACKETS, seed)
        for _ in range(2 if seed % 4 == 0 else 1):
            load(rig, ruleset)
        wrong = disagreements(rig, ruleset, packets)
        if wrong:
            packet, wanted, got = wrong[0]
            decided = decide(ruleset, packet).rule
            pytest.fail(
                f"seed {seed}, loaded over the one before: {len(wrong)} of {len(packets)} packets\n"
                f"wanted {wanted}, got {got}:\n{texts([packet])}\nby rule: {decided}"
            )
        verdicts |= {(packet.hook, decide(ruleset, packet).verdict) for packet in packets}
        rulesets, probes = rulesets + 1, probes + len(packets)
    count(f"{rulesets} rulesets, {probes} packets")
    assert verdicts == {(hook, verdict) for hook in Hook for verdict in Verdict}


def test_the_choice_of_packets_is_deterministic_and_bounded() -> None:
    ruleset = random_ruleset(7, LINKS)
    assert ruleset == random_ruleset(7, LINKS) != random_ruleset(8, LINKS)
    packets = probes_for(ruleset, LINKS, PACKETS, 7)
    assert packets == probes_for(ruleset, LINKS, PACKETS, 7)
    assert len(set(packets)) == len(packets) <= PACKETS
    assert {packet.hook for packet in packets} == set(Hook)


def shifted(ruleset: Ruleset) -> Iterator[Ruleset]:
    """The ruleset with one port range of one rule begun one earlier, in turn."""
    for number, chain in enumerate(ruleset.chains):
        for at, rule in enumerate(chain.rules):
            ports = rule.match.destination_ports
            if ports is not None and ports[0][0] > 0:
                moved = replace(rule.match, destination_ports=((ports[0][0] - 1, ports[0][1]), *ports[1:]))
                rules = (*chain.rules[:at], replace(rule, match=moved), *chain.rules[at + 1 :])
                chains = (*ruleset.chains[:number], replace(chain, rules=rules), *ruleset.chains[number + 1 :])
                yield replace(ruleset, chains=chains)


def test_a_moved_boundary_is_found(rig: Rig) -> None:
    """The probes are sharp. (A good half of such shifts cannot show: other rules decide alike, or before.)"""
    noticed = tried = 0
    for seed in range(1, 13):
        ruleset = random_ruleset(seed, LINKS)
        packets = probes_for(ruleset, LINKS, PACKETS, seed)
        for number, other in enumerate(shifted(ruleset)):
            differing = [p for p in packets if decide(ruleset, p).verdict is not decide(other, p).verdict]
            tried, noticed = tried + 1, noticed + bool(differing)
            if differing and number < 2:
                rig.clear()
                load_plain(rig, other)
                assert len(disagreements(rig, ruleset, packets)) >= 1
    assert noticed > tried / 3, f"{noticed} of {tried}"
