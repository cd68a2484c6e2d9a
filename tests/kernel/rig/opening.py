"""Open a rig for a test, or skip the test where this system does not allow it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from .instrument import Rig
from .places import NotPermittedError

REQUIRE = "FWADVISOR_REQUIRE_KERNEL"


def refuse(problem: NotPermittedError) -> None:
    """Skip, or fail where kernel tests are required (as continuous integration does)."""
    if os.environ.get(REQUIRE, "0") not in ("", "0"):
        pytest.fail(f"{REQUIRE} is set, but {problem}", pytrace=False)
    pytest.skip(f"the kernel cannot be asked: {problem}")


def open_rig(links: Sequence[str], *, rootless: bool = False) -> Rig:
    """A rig, or a skipped (where kernel tests are required: failed) test."""
    try:
        return Rig(links, rootless=rootless)
    except NotPermittedError as problem:
        refuse(problem)
        raise
