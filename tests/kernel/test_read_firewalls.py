"""Rule texts as others write them: what the readers and the walk say of a packet is what the kernel does.

FWADVISOR_SOAK=SECONDS goes on for so long with new seeds; a failure names the seed that reproduces it, to be
given as FWADVISOR_SEED. It shows the text without the rules that the disagreement does not need.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from rig import Rig
from rig.random_text import RandomText
from rig.random_text_iptables import random_iptables
from rig.random_text_tables import random_nftables
from rig.rare import rare_texts
from rig.read_leads import edges_in, leads_of
from rig.read_probes import probes_for_text, probes_of
from rig.reading import Files, complaint, disagreements, engine_disagreements, load, read, refusal

from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet

LINKS = ("wan0", "lan0")
PACKETS = 500
SOAK = float(os.environ.get("FWADVISOR_SOAK", "0"))
FIRST_SEED = int(os.environ.get("FWADVISOR_SEED", "1"))

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


def check(rig: Rig, way: str, files: Files, probes: Callable[[], list[Packet]], about: str) -> list[Packet]:
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


def check_engine(way: str, files: Files, packets: list[Packet], about: str) -> None:
    """Hold the packet engine against the walk."""
    wrong = engine_disagreements(way, files, packets)
    assert not wrong, f"{about}: {len(wrong)}\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("way", WAYS)
def test_kernel_and_readers_agree(rig: Rig, way: str, count: Callable[[str], None]) -> None:
    make, least = WAYS[way]
    rulesets = probes = built = 0
    seen: set[Hook | State] = set()
    for seed in seeds(least):
        text = make(seed)
        packets = check(rig, way, text.files, lambda text=text: probes_of(text, LINKS, PACKETS), f"seed {seed}")
        if seed % 4 == 0:
            check_engine(way, text.files, packets, f"seed {seed}")
            built += 1
        seen |= {each for packet in packets for each in (packet.hook, packet.state)}
        rulesets, probes = rulesets + 1, probes + len(packets)
    count(f"{rulesets} rulesets, {probes} packets, {built} of the rulesets in the packet engine")
    assert seen == {*Hook, *State}


RARE = list(rare_texts())


@pytest.mark.parametrize(("about", "way", "files"), RARE, ids=[f"{way}-{about}" for about, way, _ in RARE])
def test_rare_constructs(rig: Rig, about: str, way: str, files: Files) -> None:
    packets = check(rig, way, files, lambda: rare_probes(way, files), about)
    assert len(packets) > PACKETS
    check_engine(way, files, packets, about)


def rare_probes(way: str, files: Files) -> list[Packet]:
    """Packets for a text that came without leads."""
    return probes_for_text(leads_of(read(way, files), LINKS), edges_in(files), LINKS, 2 * PACKETS, 1)


_OPPOSITE = {"accept": "drop", "drop": "accept", "ACCEPT": "DROP", "DROP": "ACCEPT", "REJECT": "ACCEPT"}
#: A verdict at the end of a rule, and no policy.
_VERDICT = re.compile(r"^(?:\s+|-A .*-j |add rule .* )(?:[^;\n]* )?(?P<verdict>accept|drop|ACCEPT|DROP|REJECT)$", re.M)


def flipped(files: Files) -> Iterator[Files]:
    """The files with the verdict of one rule turned round."""
    for name, text in files.items():
        for found in _VERDICT.finditer(text):
            other = _OPPOSITE[found["verdict"]]
            yield {**files, name: text[: found.start("verdict")] + other + text[found.end("verdict") :]}


@pytest.mark.parametrize("way", WAYS)
def test_a_flipped_verdict_is_found(rig: Rig, way: str, count: Callable[[str], None]) -> None:
    """The packets are sharp. (Some flips cannot show: other rules decide before, or alike.)"""
    noticed = tried = 0
    for about, loaded, files in RARE:
        if loaded != way:
            continue
        packets = rare_probes(way, files)
        verdicts = walked(read(way, files), packets)
        for number, other in enumerate(islice(flipped(files), 6)):
            differs = walked(read(way, other), packets) != verdicts
            tried, noticed = tried + 1, noticed + differs
            if differs and number == 0:
                load(rig, way, files)
                assert disagreements(rig, way, other, packets), about
    count(f"{noticed} of {tried} flips noticed")
    assert noticed > 0.6 * tried > 20


def walked(firewall: Firewall, packets: list[Packet]) -> list[Verdict | None]:
    """The verdicts of the walk where no condition holds."""
    return [evaluate(firewall, packet).verdict for packet in packets]
