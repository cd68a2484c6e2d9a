"""Every match: which packets a rule with it accepts."""

from __future__ import annotations

import pytest
from iptables_rows import Row, rows
from iptables_table import LOADABLE, OTHERS

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.iptables.matches import MATCHES
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.rule import Verdict

ROWS = list(rows(LOADABLE + OTHERS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.family} {row.rule}")
def test_match(row: Row) -> None:
    firewall = read([Source(f"rules.v{row.family}", row.text().encode())], {})
    for sentence, packet, matches in row.packets:
        accepted = evaluate(firewall, packet).verdict is Verdict.ACCEPT
        assert accepted is matches, sentence


def test_every_match_has_a_row() -> None:
    words = {word for row in ROWS for word in row.rule.split()}
    # These few have rows of their own elsewhere: no option of theirs asks anything.
    assert MATCHES.keys() - words <= {"udp"}
