"""Holds the converted profile against the job: the same verdict for every packet on the edges of the rules.

    python benchmarks/check_conversion.py [--packets 4000] [--seed 1] [N ...]        (N defaults to 100 1000)

The job is walked from the top until a rule matches; the profile is loaded, compiled for each dialect and walked as
`fwadvisor.model.walk` defines. Packets stand on the first and last address and port of a rule and one beside them, and
most of all where an accept meets an earlier deny. Exit code 1 and the first differences where the two disagree.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from convert import Box, boxes, convert
from jobs import make

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals, contains, intersect
from fwadvisor.model.rule import TCP, UDP, Hook, Ruleset, Verdict
from fwadvisor.model.walk import Packet, decide
from fwadvisor.ports import load
from fwadvisor.profile import load_policy

_PROTOCOLS = {"tcp": TCP, "udp": UDP}
_SHOWN = 5

Numbered = tuple[str, bool, Box]


def edges(values: Intervals, dice: random.Random, most: int) -> int:
    """The first or last integer of one of the intervals, or the one beside it, or one inside."""
    first, last = dice.choice(values)
    inside = (first, last, dice.randint(first, last))
    return min(max(dice.choice((*inside, *inside, first - 1, last + 1)), 0), most)


def packet_near(box: Box, dice: random.Random) -> Packet:
    """A packet on the edge of a box, most of the time of the box's own protocol."""
    protocol = _PROTOCOLS[box.protocol]
    return Packet(
        hook=Hook.INPUT,
        family=Family.IPV4,
        protocol=protocol if dice.random() < 0.95 else TCP + UDP - protocol,
        source=edges(box.sources.values, dice, (1 << 32) - 1),
        destination=edges(box.destinations.values, dice, (1 << 32) - 1),
        source_port=dice.randint(1024, 65535),
        destination_port=edges(box.ports, dice, 65535),
        in_interface="eth0",
    )


def meetings(rules: list[Numbered]) -> Iterator[Box]:
    """What each accept has in common with an earlier deny."""
    for number, (_, accept, box) in enumerate(rules):
        if not accept:
            continue
        for _, other_accepts, other in rules[:number]:
            if not other_accepts and box.meets(other):
                yield Box(
                    box.sources.common(other.sources.values),
                    box.destinations.common(other.destinations.values),
                    box.protocol,
                    intersect(box.ports, other.ports),
                )


def first_match(rules: list[Numbered], packet: Packet) -> bool:
    """Whether the job accepts the packet: the first rule that matches decides, and nothing matching denies."""
    for _, accept, box in rules:
        if (
            _PROTOCOLS[box.protocol] == packet.protocol
            and contains(box.ports, packet.destination_port)
            and contains(box.destinations.values, packet.destination)
            and contains(box.sources.values, packet.source)
        ):
            return accept
    return False


def compiled(text: str, name: str) -> dict[str, Ruleset]:
    """The profile's ruleset in each dialect."""
    database = load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        policy = load_policy([str(path)], {}, database, today=date.today()).policy
    return {name: compile_policy(policy, database, dialect(name).capabilities).ruleset for name in DIALECTS}


def check(size: int, packets: int, dice: random.Random) -> list[str]:
    """The differences between job and profile, one line each."""
    job = make(size)
    rules: list[Numbered] = [(rule["name"], rule["action"] == "accept", box) for rule, box in boxes(job)]
    converted = convert(job, f"bench-{size}")
    rulesets = compiled(converted.profile, f"bench-{size}")
    distinct = list(dict.fromkeys(ruleset.chain(Hook.INPUT) for ruleset in rulesets.values()))
    shared = list(meetings(rules))
    near = [dice.choice(shared) if shared and dice.random() < 0.5 else dice.choice(rules)[2] for _ in range(packets)]
    found = []
    accepted = 0
    for packet in (packet_near(box, dice) for box in near):
        wanted = first_match(rules, packet)
        accepted += wanted
        for chain in distinct:
            decision = decide(Ruleset(name="bench", chains=(chain,)), packet)
            if (decision.verdict is Verdict.ACCEPT) != wanted:
                found.append(f"the job {'accepts' if wanted else 'denies'} {packet}, but {decision}")
    print(
        f"{size} rules ({converted.summary}): {packets} packets, {accepted} of them accepted, "
        f"{len(distinct)} distinct chains over {len(rulesets)} dialects, {len(found)} differences"
    )
    return found


def main() -> None:
    """Check the conversion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", metavar="N", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--packets", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = [line for size in options.sizes for line in check(size, options.packets, random.Random(options.seed))]
    for line in found[:_SHOWN]:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
