"""What iptables lists of a rule reads as the rule itself does: iptables-save, and ``iptables -S``, of both variants."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rig import BOX, Rig

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AnyOf, BaseChain, Firewall, FirewallRule, Point, Test
from fwadvisor.model.rule import Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "reading" / "iptables"))

from iptables_rows import Row, rows
from iptables_table import LOADABLE, TARGETS

ROWS = list(rows(LOADABLE))
VARIANTS = ("nft", "legacy")
COMMANDS = {4: "iptables", 6: "ip6tables"}


def file_of(chosen: list[Row]) -> str:
    """Each rule in a chain of its own."""
    names = [f"row{number}" for number in range(len(chosen))]
    rules = [f"-A {name} {row.rule} -j ACCEPT" for name, row in zip(names, chosen, strict=True)]
    return "\n".join(["*filter", ":INPUT DROP [0:0]", *(f":{name} - [0:0]" for name in names), *rules, "COMMIT", ""])


def asking(firewall: Firewall, chain: str) -> Firewall:
    """The firewall that asks one of its chains, and drops what that leaves."""
    return replace(firewall, bases=(BaseChain(point=Point.INPUT, chain=chain, default=Verdict.DROP),))


def listings(rig: Rig, command: str, variant: str) -> Iterator[tuple[str, str]]:
    for words in ([f"{command}-{variant}-save"], [f"{command}-{variant}-save", "-c"], [f"{command}-{variant}", "-S"]):
        yield " ".join(words), rig.places.must(BOX, words)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("family", COMMANDS)
def test_listings_read_as_the_rules_do(rig: Rig, family: int, variant: str) -> None:
    chosen = [row for row in ROWS if row.family == family]
    text = file_of(chosen)
    rig.load_iptables(*((text, "") if family == 4 else ("", text)), variant)
    ours = read([Source(f"rules.v{family}", text.encode())], {})
    for about, listed in listings(rig, COMMANDS[family], variant):
        theirs = read([Source(f"listed.v{family}", listed.encode())], {})
        for number, row in enumerate(chosen):
            name = f"{'ip' if family == 4 else 'ip6'} filter row{number}"
            assert told(theirs, name) == told(ours, name), f"{about}: {row.rule}"
            for sentence, packet, _ in row.packets:
                verdicts = [evaluate(asking(each, name), packet).verdict for each in (ours, theirs)]
                assert verdicts[0] is verdicts[1], f"{about}: {row.rule}: {sentence}"


def told(firewall: Firewall, chain: str) -> list[object]:
    """What the rules of a chain say, whatever the order of their tests; only spellings of conditions may differ."""
    return [_rule(rule) for rule in firewall.chains[chain].rules]


def _rule(rule: FirewallRule) -> tuple[object, ...]:
    return sorted(map(_test, rule.tests)), rule.action, sorted(map(repr, rule.writes)), rule.comment


def _test(test: Test) -> str:
    if isinstance(test, AnyOf):
        return f"{test.holds} {sorted(sorted(map(_test, each)) for each in test.alternatives)}"
    return repr(test)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("family", "table", "chain", "words"), TARGETS, ids=lambda each: str(each))
def test_targets_read_alike(rig: Rig, variant: str, family: int, table: str, chain: str, words: str) -> None:
    text = f"*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} {words}\nCOMMIT\n"
    rig.load_iptables(*((text, "") if family == 4 else ("", text)), variant)
    ours = read([Source(f"rules.v{family}", text.encode())], {})
    listed = rig.places.must(BOX, [f"{COMMANDS[family]}-{variant}-save", "-t", table])
    assert re.search(rf"^-A {chain} ", listed, re.MULTILINE)
    theirs = read([Source(f"listed.v{family}", listed.encode())], {})
    name = f"{'ip' if family == 4 else 'ip6'} {table} {chain}"
    assert told(theirs, name) == told(ours, name)
    assert not ours.opaque or words.split("-j ")[1].split()[0] in {"NFQUEUE", "QUEUE", "TPROXY", "SYNPROXY", "SNPT"}
