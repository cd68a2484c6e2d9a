"""Every check has a page, a row in the documentation and a test; what is missing is named."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import fwadvisor.review.checks as package
from fwadvisor.review.checks import CHECKS, KINDS, check_module, check_of
from fwadvisor.review.pages import IDS

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(package.__file__).parent
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\w+) \| (.+?) \|$", re.MULTILINE)


@pytest.mark.parametrize("id", CHECKS)
def test_a_check_is_complete(id: str) -> None:
    module = check_module(id)
    assert module.CHECK.id == id
    assert callable(module.run)
    test = Path(__file__).parent / f"test_{CHECKS[id]}.py"
    assert test.is_file(), f"{id} has no test: {test.relative_to(ROOT)} is missing"
    assert id in test.read_text(), f"{test.relative_to(ROOT)} does not test {id}"


@pytest.mark.parametrize("id", IDS)
def test_a_kind_of_finding_has_a_page(id: str) -> None:
    check = check_of(id)
    assert check.id == id
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", id)
    for name, text in (("what", check.page.what), ("why", check.page.why)):
        assert len(text) > 60, f"the page of {id} does not say {name}"
        assert text.endswith("."), f"{name} of {id} is no sentence"
    assert check.page.example.strip(), f"the page of {id} has no example"
    assert check.page.remedy, f"the page of {id} has no remedy"
    assert not check.page.remedy.endswith("."), f"the remedy of {id} ends with a full stop"
    assert check.title[0].isupper()


def test_every_module_of_a_check_is_in_the_table() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    with_check = {name for name in names if hasattr(import_module(f"{package.__name__}.{name}"), "run")}
    assert with_check == set(CHECKS.values())


def test_the_documentation_lists_all_of_them() -> None:
    rows = _ROW.findall((ROOT / "docs" / "checks.md").read_text())
    wanted = [(id, check_of(id).severity.value, check_of(id).title) for id in (*CHECKS, *KINDS)]
    missing = [each for each in wanted if each not in rows]
    assert not missing, "docs/checks.md lacks " + "; ".join(f"| `{a}` | {b} | {c} |" for a, b, c in missing)
    assert len(rows) == len(wanted), sorted({row[0] for row in rows} - set(IDS))
