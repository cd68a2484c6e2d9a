"""Rule texts as others write them: what the readers and the walk say of a packet is what the kernel does.

FWADVISOR_SOAK=SECONDS goes on for so long with new seeds; a failure names the seed that reproduces it, to be
given as FWADVISOR_SEED. It shows the text without the rules that the disagreement does not need.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig import Rig
from rig.random_text import RandomText
from rig.random_text_iptables import random_iptables
from rig.random_text_tables import random_nftables
from rig.read_leads import edges_in, leads_of
from rig.read_probes import probes_for_text, probes_of
from rig.reading import complaint, disagreements, load, read, refusal

from fwadvisor.model.rule import Hook, State
from fwadvisor.model.walk import Packet

LINKS = ("wan0", "lan0")
PACKETS = 500
SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))
TEXTS = Path(__file__).parent / "texts"

#: Ways to load a text, what makes one of a seed, and how many of them `make test` tries.
WAYS: dict[str, tuple[Callable[[int], RandomText], int]] = {
    "nftables": (random_nftables, 110),
    "nft": (random_iptables, 55),
    "legacy": (random_iptables, 45),
}


def seeds(count: int) -> Iterator[int]:
    """So many seeds, or as many as the time for a soak allows."""
    yield from range(FIRST_SEED, FIRST_SEED + count)
    end, seed = time.monotonic() + SOAK / len(WAYS), FIRST_SEED + count
    while time.monotonic() < end:
        yield seed
        seed += 1


def check(rig: Rig, way: str, files: dict[str, str], probes: Callable[[], list[Packet]], about: str) -> list[Packet]:
    """Hold the reader and the walk against the kernel, with packets that are chosen after the text is read."""
    load(rig, way, files)
    if refused := refusal(rig, way, files):
        pytest.fail(f"{about} loads, but is refused\n{refused}", pytrace=False)
    packets = probes()
    wrong = disagreements(rig, way, files, packets)
    if wrong:
        shown = complaint(rig, way, files, wrong[0])
        pytest.fail(f"{about}: {len(wrong)} of {len(packets)} packets\n{shown}", pytrace=False)
    return packets


@pytest.mark.parametrize("way", WAYS)
def test_kernel_and_readers_agree(rig: Rig, way: str, count: Callable[[str], None]) -> None:
    make, least = WAYS[way]
    rulesets = probes = 0
    seen: set[Hook | State] = set()
    for seed in seeds(least):
        text = make(seed)
        packets = check(rig, way, dict(text.files), lambda text=text: probes_of(text, LINKS, PACKETS), f"seed {seed}")
        seen |= {each for packet in packets for each in (packet.hook, packet.state)}
        rulesets, probes = rulesets + 1, probes + len(packets)
    count(f"{rulesets} rulesets, {probes} packets")
    assert seen == {*Hook, *State}


def rare() -> Iterator[tuple[str, str, dict[str, str]]]:
    """The texts of `TEXTS` with the ways to load them, and what they are about."""
    for path in sorted(TEXTS.iterdir()):
        if path.suffix == ".nft":
            yield path.stem, "nftables", {path.name: path.read_text()}
        else:
            for way in ("nft", "legacy"):
                yield path.stem, way, {each.name: each.read_text() for each in sorted(path.iterdir())}


RARE = list(rare())


@pytest.mark.parametrize(("about", "way", "files"), RARE, ids=[f"{way}-{about}" for about, way, _ in RARE])
def test_rare_constructs(rig: Rig, about: str, way: str, files: dict[str, str]) -> None:
    def probes() -> list[Packet]:
        return probes_for_text(leads_of(read(way, files), LINKS), edges_in(files), LINKS, 2 * PACKETS, 1)

    assert len(check(rig, way, files, probes, about)) > PACKETS
