"""What `generate` wrote for every case, converted from every dialect to every other."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, Verdict

from .conftest import assert_alike, read_again, to

CASES = Path(__file__).parents[1] / "cases"
FILES = {
    "iptables": ("iptables.v4", "iptables.v6"),
    "nftables": ("nftables.nft",),
    "windows": ("windows.ps1",),
    "pf": ("pf.conf",),
}
NAMES = sorted(path.parent.name for path in CASES.glob("*/expected") if (path / "nftables.nft").is_file())
#: Why a target cannot say what another dialect does.
KNOWN = (
    "Windows Firewall cannot filter forward traffic",
    'Windows Firewall cannot say the verdict "reject"',
    "cannot say sctp ports",
    'cannot say the interface name "Ethernet 2"',
)


def source_of(case: str, dialect: str) -> Firewall | None:
    paths = [CASES / case / "expected" / name for name in FILES[dialect]]
    if not all(path.is_file() for path in paths):
        return None
    return read_firewall([Source(path.name, path.read_bytes()) for path in paths], dialect)


@pytest.mark.parametrize("case", NAMES)
def test_from_every_dialect_to_every_other(case: str) -> None:
    converted = 0
    refused: list[tuple[str, str, InexpressibleError]] = []
    for dialect in FILES:
        source = source_of(case, dialect)
        if source is None:
            continue
        for target in DIALECTS:
            try:
                made = to(source, target)
            except InexpressibleError as refusal:
                refused.append((dialect, target, refusal))
                continue
            converted += 1
            again = read_again(made, target)
            assert_alike(source, again, 60)
            if dialect in ("iptables", "nftables") and target == dialect:
                assert made.rewritten == (), "rules stay one by one"
    assert converted >= 4
    for dialect, target, refusal in refused:
        assert target != dialect, "what a dialect says it can say again"
        assert all(any(known in each.message for known in KNOWN) for each in refusal.diagnostics)


def test_most_cases_go_everywhere() -> None:
    assert len(NAMES) > 30
    source = source_of("main-job", "pf")
    assert source is not None
    for target in DIALECTS:
        assert to(source, target).files


def test_there_and_back_keeps_rules_and_comments() -> None:
    source = source_of("main-job", "nftables")
    assert source is not None
    there = read_again(to(source, "iptables"), "iptables")
    back = to(there, "nftables")
    again = read_again(back, "nftables")
    comments = {rule.comment for rule in source.rules() if "(" in rule.comment}
    assert comments
    assert comments <= {rule.comment for rule in again.rules()}
    verdicts = [(chain.hook, len(chain.rules), chain.default) for chain in back.ruleset.chains]
    assert (Hook.INPUT, Verdict.DROP) in {(hook, default) for hook, _, default in verdicts}
