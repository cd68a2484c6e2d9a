"""Where namespaces are not permitted, kernel tests skip and say why; where they are required, they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_FORBID = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
_ONE_TEST = f"{Path(__file__).with_name('test_rig.py')}::test_nothing_is_filtered_without_rules"


def run_without_namespaces(**environment: str) -> subprocess.CompletedProcess[str]:
    inner = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-q", _ONE_TEST]
    kept = {name: value for name, value in os.environ.items() if name != "FWADVISOR_REQUIRE_KERNEL"}
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", _FORBID, "sh", *inner],
        capture_output=True,
        text=True,
        env=kept | environment,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if "max_net_namespaces" in done.stderr or done.stderr.startswith("unshare:"):
        pytest.skip(f"user namespaces are not permitted here: {done.stderr.strip()}")
    return done


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs the command unshare")
def test_tests_skip_with_a_reason_or_fail_where_they_are_required() -> None:
    skipped = run_without_namespaces()
    assert skipped.returncode == 0
    assert "1 skipped" in skipped.stdout
    assert "no network namespace can be made here" in skipped.stdout
    required = run_without_namespaces(FWADVISOR_REQUIRE_KERNEL="1")
    assert required.returncode == 1
    assert "FWADVISOR_REQUIRE_KERNEL is set, but no network namespace can be made here" in required.stdout
