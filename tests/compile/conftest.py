"""Policies as text, compiled in one call."""

from __future__ import annotations

from datetime import date

import pytest

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import dialect
from fwadvisor.ports import load
from fwadvisor.profile import load_policy

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def database():
    return load()


@pytest.fixture
def read(tmp_path, database):
    """Profile texts (without their first two lines) as a policy; each is called p0, p1, ..."""

    def call(*texts, **settings):
        paths = []
        for number, text in enumerate(texts):
            path = tmp_path / f"p{number}.yaml"
            path.write_text(f"profile: p{number}\ntitle: Test\n{text}")
            paths.append(str(path))
        return load_policy(paths, settings, database, today=TODAY).policy

    return call


@pytest.fixture
def compiled(read, database):
    """Profile texts, compiled for a dialect."""

    def call(*texts, target="nftables", **settings):
        return compile_policy(read(*texts, **settings), database, dialect(target).capabilities)

    return call


@pytest.fixture
def opened():
    """The accepting rules of a compilation that a statement made, as (hook, text)."""

    def call(compilation):
        return [
            (chain.hook.value, rule.origin.text)
            for chain in compilation.ruleset.chains
            for rule in chain.rules
            if rule.origin.kind == "need"
        ]

    return call
