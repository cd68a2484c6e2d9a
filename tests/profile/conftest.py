"""Profiles from text, and what becomes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from fwadvisor.decode import Mapping, Node, Scalar, decode
from fwadvisor.diagnostic import Diagnostic, Severity
from fwadvisor.errors import ProfileError
from fwadvisor.ports import load
from fwadvisor.profile import LoadedPolicy, load_policy
from fwadvisor.resources import profiles_dir

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def database() -> Database:
    return load()


@pytest.fixture
def data() -> Path:
    return Path(__file__).with_name("data")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a profile; without a first line `profile:`, the usual head is put before it."""

    def writer(text: str, name: str = "site") -> Path:
        path = tmp_path / f"{name}.yaml"
        head = "" if text.startswith("profile:") else f"profile: {name}\ntitle: A site\n"
        path.write_text(head + text, encoding="utf-8")
        return path

    return writer


@pytest.fixture
def loaded(write: Callable[..., Path], database: Database) -> Callable[..., LoadedPolicy]:
    """The policy of a profile text."""

    def loader(text: str, **settings: str) -> LoadedPolicy:
        return load_policy([str(write(text))], settings, database, today=TODAY)

    return loader


@pytest.fixture
def problems(write: Callable[..., Path], database: Database) -> Callable[..., list[Diagnostic]]:
    """The errors of a profile text that must have some."""

    def failing(text: str, **settings: str) -> list[Diagnostic]:
        with pytest.raises(ProfileError) as caught:
            load_policy([str(write(text))], settings, database, today=TODAY)
        return [d for d in caught.value.diagnostics if d.severity is Severity.ERROR]

    return failing


@pytest.fixture
def problem(problems: Callable[..., list[Diagnostic]]) -> Callable[..., Diagnostic]:
    """The one error of a profile text."""

    def single(text: str, **settings: str) -> Diagnostic:
        found = problems(text, **settings)
        assert len(found) == 1, [d.message for d in found]
        return found[0]

    return single


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((profiles_dir() / "schema.json").read_text(encoding="utf-8"))
    return found


def value_of(node: Node) -> Any:
    """A node as an editor sees it: the core types of YAML 1.2."""
    if isinstance(node, Mapping):
        return {key.text: value_of(value) for key, value in node.pairs()}
    if not isinstance(node, Scalar):
        return [value_of(child) for child in node.children]
    if not node.plain:
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if node.text in ("", "~", "null"):
        return None
    if re.fullmatch(r"-?[0-9]+", node.text):
        return int(node.text)
    return float(node.text) if re.fullmatch(r"-?[0-9]+\.[0-9]+", node.text) else node.text


@pytest.fixture(scope="session")
def schema_accepts(schema: dict[str, Any]) -> Callable[[str], bool]:
    """Whether an editor with the schema would find no fault in a text."""
    validator = jsonschema.Draft7Validator(schema)

    def accepts(text: str) -> bool:
        root = decode(text.encode(), "x").root
        return root is not None and validator.is_valid(value_of(root))

    return accepts
