"""Fixtures for tests of reports that are looked at in a browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Test code and no installed package; every test below this folder imports it as `chromium`.
sys.path.insert(0, str(Path(__file__).parent))

import chromium

REQUIRE = "FWADVISOR_REQUIRE_BROWSER"


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    """Chromium, or a skipped test where there is none (a failed one where it is required, as in CI)."""
    if chromium.found() is None:
        message = f"none of {', '.join(chromium.NAMES)} is installed"
        if os.environ.get(REQUIRE, "0") not in ("", "0"):
            pytest.fail(f"{REQUIRE} is set, but {message}", pytrace=False)
        pytest.skip(f"no browser: {message}")
    with chromium.opened() as opened:
        yield opened
