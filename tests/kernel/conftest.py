"""Fixtures for tests that ask the running kernel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

# The rig is test code and no installed package; every test below this folder imports it as `rig`.
sys.path.insert(0, str(Path(__file__).parent))

import call
from rig import NotPermittedError, Rig
from rig.opening import open_rig, refuse


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that only root can run skips like one that cannot have namespaces."""
    try:
        return (yield)
    except NotPermittedError as problem:
        refuse(problem)
        raise


_COUNTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How much the kernel was asked."""
    for line in config.stash[_COUNTS]:
        terminalreporter.write_line(line)


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a line for the end of the run."""
    return lambda line: request.config.stash[_COUNTS].append(f"{request.node.name}: {line}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder asks the kernel."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("kernel")


@pytest.fixture(scope="session")
def _session_rig() -> Iterator[Rig]:
    with open_rig(("wan0", "lan0")) as made:
        yield made


@pytest.fixture
def rig(_session_rig: Rig) -> Iterator[Rig]:
    """The rig, with links wan0 and lan0 and without rules."""
    _session_rig.clear()
    yield _session_rig
    _session_rig.clear()


@pytest.fixture
def new_rig() -> Iterator[Callable[..., Rig]]:
    """Makes rigs with other links (`new_rig(("eth0", "eth1"))`), closed after the test."""
    with ExitStack() as stack:
        yield lambda links, **options: stack.enter_context(open_rig(links, **options))


@pytest.fixture
def noted(count: Callable[[str], None]) -> Iterator[Callable[[call.Call], None]]:
    """Counts what calls checked."""
    calls: list[call.Call] = []
    yield calls.append
    count(f"{sum(each.passed for each in calls)} passed as negotiated, {sum(each.kept for each in calls)} kept out")
