"""What `generate` writes is clean: no finding about its rules beyond information."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.proof.files import forced
from fwadvisor.review.check import Asked, check_all, read
from fwadvisor.review.checks import CHECKS

from .conftest import TODAY

CASES = sorted((Path(__file__).resolve().parents[2] / "cases").glob("*/expected/nftables.nft"))
IDS = tuple(CHECKS)


def test_there_are_cases() -> None:
    assert len(CASES) > 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parents[1].name)
def test_the_rules_of_ours_are_clean(case: Path, database) -> None:
    done = check_all(read([str(case.parent)], forced([])), Asked(ids=IDS, database=database, today=TODAY))
    assert not [f"{each.span}: {each.message}" for each in done.findings if each.severity.value != "info"]
    assert not done.problems
    assert not done.left_out
