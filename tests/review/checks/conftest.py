"""Rule texts under review."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from fwadvisor.ports import load
from fwadvisor.ports.database import Database
from fwadvisor.proof.files import forced
from fwadvisor.review.check import Asked, Checked, check_all, read
from fwadvisor.review.findings import Finding
from fwadvisor.review.promises import Wanted

TODAY = date(2026, 6, 1)


@pytest.fixture(scope="session")
def database() -> Database:
    return load(())


@pytest.fixture
def checked(tmp_path: Path, database: Database) -> Callable[..., Checked]:
    """What checks come to about files, by name and text."""

    def run(files: dict[str, str], *ids: str, joined: bool = False, dialect: str = "", **more: object) -> Checked:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        names = [str(tmp_path / name) for name in files]
        said = forced([dialect] if dialect else [])
        wanted = Wanted(**more.pop("wanted", {}))
        asked = Asked(ids=ids, database=database, today=TODAY, wanted=wanted, **more)
        return check_all(read(["+".join(names)] if joined else names, said), asked)

    return run


@pytest.fixture
def found(checked: Callable[..., Checked]) -> Callable[..., list[Finding]]:
    """The findings of one check about one text."""

    def run(id: str, text: str, name: str = "rules", **more: object) -> list[Finding]:
        return checked({name: text}, id, **more).findings

    return run


def nft(*rules: str, policy: str = "drop", before: str = "") -> str:
    """A table with an input chain."""
    lines = [f"\t\t{rule}" for rule in rules]
    head = f"table inet x {{\n{before}\tchain input {{\n\t\ttype filter hook input priority 0; policy {policy};\n"
    return head + "\n".join(lines) + "\n\t}\n}\n"


def at(finding: Finding) -> tuple[str, str, list[str]]:
    """A finding in short: how bad, the line it is about, and the other lines."""
    line = finding.span.source.strip() if finding.span else ""
    return finding.severity.value, line, [label.span.source.strip() for label in finding.labels]
