"""What we write is read back to the packets that the policy says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.dialects.base import Document
from fwadvisor.dialects.fit import fit
from fwadvisor.dialects.reading.source import Source, load_source
from fwadvisor.dialects.reading.windows import read, recognize
from fwadvisor.dialects.windows import DIALECT
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import LOOPBACK, Chain, Hook, Ruleset, State, Verdict
from fwadvisor.model.walk import decide

HOOKS = (Hook.INPUT, Hook.OUTPUT)
ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "cases").glob("*/expected/windows.ps1"))
DOCUMENT = Document(name="test", about=())


def written(ruleset: Ruleset) -> Source:
    return Source("windows.ps1", DIALECT.write(ruleset, DOCUMENT)[0].content)


def silent(chain: Chain) -> Chain:
    """The chain without rejecting and without untracked packets, of which Windows knows neither."""
    rules = (
        replace(rule, verdict=Verdict.DROP) if rule.verdict is Verdict.REJECT else rule
        for rule in chain.rules
        if rule.match.states != (State.UNTRACKED,)
    )
    default = Verdict.DROP if chain.default is Verdict.REJECT else chain.default
    return replace(chain, rules=tuple(rules), default=default)


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) >= 25


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parts[-3])
def test_golden_files_are_read_to_the_last_word(path: Path, script: Callable[..., Firewall]) -> None:
    source = load_source(path)
    assert recognize(source) >= 80
    firewall = read([source], {})
    assert not firewall.opaque
    assert [each.message for each in firewall.warnings] == ["other rules on the machine are not in this file"]
    rows = source.text().count("    @{ Name = '")
    rules = [rule for rule in firewall.rules() if rule.text.startswith("@{ Name = '")]
    assert len(rules) == rows == len(list(firewall.rules()))
    lines = source.text().split("\r\n")
    assert all(rule.span.source == lines[rule.span.line - 1] for rule in rules)
    assert all(rule.span.source.strip() == rule.text for rule in rules)


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_reading_back_decides_as_the_policy_does(seed: int, rulesets: ModuleType) -> None:
    source = random.Random(seed)
    ruleset = rulesets.ruleset(source, HOOKS, (Verdict.ACCEPT, Verdict.DROP))
    firewall = read([written(ruleset)], {})
    assert not firewall.opaque
    for hook in HOOKS:
        for packet in rulesets.packets(source, ruleset, hook, 40):
            for profile in (0, 2):
                asked = replace(packet, profile=profile)
                assert evaluate(firewall, asked).verdict is decide(ruleset, packet).verdict, asked


def test_a_changed_word_is_noticed(rulesets: ModuleType) -> None:
    """The comparison above can fail: most changes of one word change what some packet meets."""
    noticed = 0
    for seed in range(20):
        source = random.Random(seed)
        ruleset = rulesets.ruleset(source, HOOKS, (Verdict.ACCEPT, Verdict.DROP))
        raw = written(ruleset).content
        changed = raw.replace(b"Action = 'Allow'", b"Action = 'Block'", 1).replace(b"'TCP'", b"'UDP'", 1)
        firewall = read([Source("x.ps1", changed)], {})
        packets = [packet for hook in HOOKS for packet in rulesets.packets(source, ruleset, hook, 150)]
        noticed += any(evaluate(firewall, packet).verdict is not decide(ruleset, packet).verdict for packet in packets)
    assert noticed >= 12


def test_rulesets_of_the_kernel_tests_where_windows_can_say_them(kernel: ModuleType) -> None:
    """Other rulesets and other packets: those that the kernel tests send."""
    seen = 0
    for seed in range(60):
        whole = kernel.random_rules.random_ruleset(seed, ("em0", "em1"), 6)
        ruleset = replace(whole, chains=tuple(silent(chain) for chain in whole.chains if chain.hook in HOOKS))
        try:
            fitted, _ = fit(ruleset, DIALECT.capabilities, approximate=True)
            source = written(fitted)
        except InexpressibleError:
            continue
        firewall = read([source], {})
        assert not firewall.opaque
        for packet in kernel.selection.probes_for(fitted, ("em0", "em1"), 120, seed):
            if LOOPBACK in (packet.in_interface, packet.out_interface):
                continue
            assert evaluate(firewall, packet).verdict is decide(fitted, packet).verdict, packet
            seen += 1
    assert seen > 2000


def test_the_generation_that_is_there_already_changes_nothing() -> None:
    """Two loads of one script are read alike: the second finds the group that the first made."""
    source = load_source(GOLDEN[0])
    once, twice = read([source], {}), read([source, replace(source, name="again.ps1")], {})
    assert [rule.tests for rule in once.rules()] == [rule.tests for rule in twice.rules()]
