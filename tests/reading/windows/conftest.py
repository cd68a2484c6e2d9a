"""What the tests of the Windows reader share: reading a text, and asking what becomes of a packet."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows import read
from fwadvisor.model.firewall import Firewall

_STRUCTURE = Path(__file__).parents[2] / "dialects" / "structure"


@cache
def _load(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"windows_reading_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rulesets() -> ModuleType:
    """Random rulesets and packets on their boundaries."""
    return _load(_STRUCTURE / "rulesets.py")


@pytest.fixture(scope="session")
def ask() -> ModuleType:
    """Packets in words, and what becomes of them."""
    return _load(Path(__file__).parent / "asking.py")


@pytest.fixture(scope="session")
def script() -> Callable[..., Firewall]:
    """Read the text of a PowerShell script."""

    def reads(text: str, name: str = "rules.ps1") -> Firewall:
        return read([Source(name, text.encode())], {})

    return reads


@pytest.fixture(scope="session")
def kernel() -> ModuleType:
    """The random rulesets and probes of the kernel tests, as a package of their own."""
    rig = Path(__file__).parents[2] / "kernel" / "rig"
    package = ModuleType("windows_reading_rig")
    package.__path__ = [str(rig)]
    sys.modules[package.__name__] = package
    for name in ("random_rules", "selection"):
        setattr(package, name, import_module(f"{package.__name__}.{name}"))
    return package
