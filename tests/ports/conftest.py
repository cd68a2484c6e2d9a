"""What the tests of the port database share."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fwadvisor.cli import app
from fwadvisor.errors import FwadvisorError
from fwadvisor.ports import load, store
from fwadvisor.ports.compiling import write_compiled
from fwadvisor.ports.database import Database


@pytest.fixture(scope="session", autouse=True)
def _compiled_knowledge() -> None:
    """Does what the build does, where the checkout changed since it was installed."""
    import json

    try:
        fresh = json.loads(store.COMPILED.read_bytes())["digest"] == store.digest()
    except (OSError, ValueError, KeyError):
        fresh = False
    if not fresh:
        write_compiled(store.COMPILED)


@pytest.fixture(autouse=True)
def _own_user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches a registry that the person at the keyboard imported."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return load(data_dir=tmp_path_factory.mktemp("no-import"))


@pytest.fixture
def values() -> dict[str, Any]:
    """The shipped knowledge as plain values that a test may spoil."""
    return copy.deepcopy(store.compiled())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in an empty directory; errors of users come back as exit code 2 with their text."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Result:
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, FwadvisorError):
            result.exit_code = 2
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares text with a file of the golden folder; UPDATE_GOLDEN=1 writes it instead."""

    def check(name: str, text: str) -> None:
        path = Path(__file__).with_name("golden") / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
