"""Shared test code of the dialects: structure checkers and random rulesets, each loaded once from ``structure/``."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@cache
def _load(name: str) -> ModuleType:
    path = Path(__file__).parent / "structure" / f"{name}.py"
    spec = spec_from_file_location(f"dialect_structure_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def powershell() -> ModuleType:
    """Checks and reads back a PowerShell script of ours."""
    return _load("powershell")


@pytest.fixture(scope="session")
def pf_text() -> ModuleType:
    """Checks and reads back a pf.conf of ours."""
    return _load("pf_text")


@pytest.fixture(scope="session")
def rulesets() -> ModuleType:
    """Random rulesets, packets on their boundaries, hostile texts."""
    return _load("rulesets")


@pytest.fixture(scope="session")
def many() -> ModuleType:
    """Rulesets with many rules of few shapes."""
    return _load("many")
