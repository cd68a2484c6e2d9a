"""Every shipped profile in pf and for Windows: the text is well formed and decides as the compiled ruleset does."""

from __future__ import annotations

import random
from datetime import date
from types import ModuleType

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet, decide
from fwadvisor.profile.pages import Summary, summaries

PROFILES = {summary.name: summary for summary in summaries()}


def generated(summary: Summary, target: str) -> Generated:
    settings = {p.name: p.example.text for p in summary.parameters if p.required and p.example is not None}
    return generate(Request(profiles=(summary.name,), settings=settings, targets=(target,), today=date(2026, 11, 21)))


def is_group(packet: Packet) -> bool:
    if packet.family is Family.IPV6:
        return packet.destination >> 120 == 0xFF
    return packet.destination >> 28 == 0xE or packet.destination == 0xFFFFFFFF


@pytest.mark.parametrize("name", PROFILES)
def test_pf(name: str, pf_text: ModuleType, rulesets: ModuleType) -> None:
    made = generated(PROFILES[name], "pf")
    file = pf_text.read(made.outputs["pf"][0].content)
    ruleset = made.compilations["pf"].ruleset
    source = random.Random(name)
    for chain in ruleset.chains:
        for packet in rulesets.packets(source, ruleset, chain.hook, 400):
            wanted, found = decide(ruleset, packet).verdict, pf_text.decide(file, packet)
            if chain.hook is not Hook.FORWARD:
                assert found is wanted, packet
            elif not is_group(packet):
                assert (found is Verdict.ACCEPT) is (wanted is Verdict.ACCEPT), packet


@pytest.mark.parametrize("name", PROFILES)
def test_windows(name: str, powershell: ModuleType, rulesets: ModuleType) -> None:
    summary = PROFILES[name]
    if summary.kind == "gateway":
        with pytest.raises(FwadvisorError, match="cannot filter forward traffic"):
            generated(summary, "windows")
        return
    made = generated(summary, "windows")
    content = made.outputs["windows"][0].content
    table, defaults = powershell.check(content), powershell.defaults(content.decode())
    ruleset = made.compilations["windows"].ruleset
    source = random.Random(name)
    for chain in ruleset.chains:
        for packet in rulesets.packets(source, ruleset, chain.hook, 400):
            wanted = decide(ruleset, packet).verdict is Verdict.ACCEPT
            assert powershell.allows(table, defaults, packet) is wanted, packet
