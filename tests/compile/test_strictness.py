"""Where statements say more than one thing, the reading that accepts less is taken."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Request, generate
from fwadvisor.model.rule import Hook, Verdict

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("peers", ["any", "0.0.0.0/0", "::/0", "0.0.0.0/1,128.0.0.0/1", "0.0.0.0/0,2001:db8::/32"])
def test_everything_is_never_open_to_all_of_an_ip_version(peers: str) -> None:
    settings = {"peers": peers, "media": "everything"}
    with pytest.raises(FwadvisorError, match="would open every high port to anybody"):
        generate(Request(profiles=("h323-needed",), settings=settings, targets=("nftables",), today=TODAY))


def test_everything_is_open_to_peers_that_are_named() -> None:
    settings = {"peers": "0.0.0.0/1,2001:db8::/32", "media": "everything"}
    assert generate(Request(profiles=("h323-needed",), settings=settings, targets=("nftables",), today=TODAY)).files


@pytest.mark.parametrize("verdicts", [("drop", "reject"), ("reject", "drop")])
def test_the_stricter_of_two_verdicts_wins_in_either_order(tmp_path: Path, verdicts: tuple[str, str]) -> None:
    path = tmp_path / "two.yaml"
    lines = [f"  - {{flow: tcp 80, to: self, verdict: {verdict}}}" for verdict in verdicts]
    path.write_text("\n".join(["profile: two", "title: Two verdicts", "forbid:", *lines, ""]), encoding="utf-8")
    made = generate(Request(profiles=(str(path),), targets=("nftables",), today=TODAY))
    chain = made.compilations["nftables"].ruleset.chain(Hook.INPUT)
    assert chain is not None
    closing = [rule.verdict for rule in chain.rules if rule.match.destination_ports == ((80, 80),)]
    assert closing == [Verdict.DROP]
