"""Four dialects carry the same call: each flow of recorded calls is asked of the rules that were written, read back.

The calls were made through the kernel; `tests/kernel/test_calls_fixed.py` holds the records to be what happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressType, Firewall
from fwadvisor.model.rule import TCP, UDP, Hook, State, Verdict
from fwadvisor.model.walk import Packet

CALL = Path(__file__).parent / "kernel" / "call"
RECORDS = sorted((CALL / "recorded").glob("*.txt"))
_LINE = re.compile(r"(tcp|udp) (\w+):(\*|\d+) -> (\w+):(\d+)(?:, agreed in (.+))?")
_SYN = 2
SELF = {Family.IPV4: 0xC6120001, Family.IPV6: 0x20010002 << 96 | 1}
PEER = {Family.IPV4: 0xC6120002, Family.IPV6: 0x20010002 << 96 | 2}
STRANGER = {Family.IPV4: 0xCB007109, Family.IPV6: 0x20010DB8 << 96 | 9}


@cache
def rules(target: str) -> Firewall:
    """What was written for an endpoint that calls the peers and nothing else, read back."""
    settings = {"peers": "198.18.0.0/16,2001:2::/48", "tcp_range": "3230-3241", "udp_range": "3230-3277"}
    made = generate(
        Request(
            profiles=("h323-needed", "closed"), settings=settings, targets=(target,), profile_dirs=(CALL / "profiles",)
        )
    )
    return read_firewall([Source(file.name, file.content) for file in made.outputs[target]], target)


def flows(record: Path, self_is: str, family: Family, target: str) -> Iterator[tuple[str, Packet]]:
    """The first packet of each flow, as the machine sees it that is one of the parties."""
    for line in record.read_text(encoding="utf-8").splitlines():
        hit = _LINE.fullmatch(line)
        assert hit, line
        transport, source, source_port, _, port, master = hit.groups()
        out = source == self_is
        follows = target in {"iptables", "nftables"}
        yield (
            line,
            Packet(
                hook=Hook.OUTPUT if out else Hook.INPUT,
                family=family,
                protocol=TCP if transport == "tcp" else UDP,
                source=SELF[family] if out else PEER[family],
                destination=PEER[family] if out else SELF[family],
                source_port=50000 if source_port == "*" else int(source_port),
                destination_port=int(port),
                in_interface="" if out else "wan0",
                out_interface="wan0" if out else "",
                state=State.RELATED if master and follows else State.NEW,
                helper=master or "" if follows else "",
                tcp_flags=_SYN if transport == "tcp" else 0,
                source_type=AddressType.LOCAL if out else AddressType.UNICAST,
                destination_type=AddressType.UNICAST if out else AddressType.LOCAL,
            ),
        )


@pytest.mark.parametrize("family", list(Family), ids=lambda family: f"v{family.value}")
@pytest.mark.parametrize("self_is", ["caller", "callee"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
@pytest.mark.parametrize("target", DIALECTS)
def test_every_dialect_carries_the_recorded_call(target: str, record: Path, self_is: str, family: Family) -> None:
    asked = list(flows(record, self_is, family, target))
    assert len(asked) >= 3
    for line, packet in asked:
        assert evaluate(rules(target), packet).verdict is Verdict.ACCEPT, line
        # The same from, or to, somebody who is no peer.
        stranger = replace(packet, **{"source" if packet.hook is Hook.INPUT else "destination": STRANGER[family]})
        if stranger.state is State.NEW:
            assert evaluate(rules(target), stranger).verdict is not Verdict.ACCEPT, line


@pytest.mark.parametrize("target", ["pf", "windows"])
def test_outside_of_the_pinned_range_no_media_passes(target: str) -> None:
    (record,) = [each for each in RECORDS if each.stem == "slow"]
    for line, packet in flows(record, "callee", Family.IPV4, target):
        if packet.protocol == UDP:
            aside = replace(packet, destination_port=packet.destination_port + 1000)
            assert evaluate(rules(target), aside).verdict is not Verdict.ACCEPT, line
