"""The compiled knowledge: used where it fits, made anew where it does not, and no command pays for YAML."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fwadvisor.ports import load, store
from fwadvisor.ports.hatch_build import CompileKnowledge

HEAVY = {
    "yaml",
    "jinja2",
    "netaddr",
    "rich",
    "pydantic",
    "importlib.metadata",
    "fwadvisor.decode",
    "fwadvisor.ports.schema",
}


@pytest.mark.parametrize(
    "words", [["explain", "1720"], ["explain", "netmeeting"], ["search", "polycom"], ["explain", "xyz"]]
)
def test_the_common_path_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, json, fwadvisor.cli as cli\n"
        f"sys.argv = ['fwadvisor', *{words!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = set(json.loads(result.stdout.splitlines()[-1]))
    assert loaded & HEAVY == set()
    assert "fwadvisor.ports.store" in loaded


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"digest": "old", "knowledge": {}}', '{"digest": 1}', "\x00"]
)
def test_a_stale_or_broken_form_is_passed_over(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "compiled.json"
    wrong.write_text(content)
    whole = load()
    monkeypatch.setattr(store, "COMPILED", wrong)
    fresh = load()
    assert fresh.ports == whole.ports
    assert fresh.applications == whole.applications
    assert wrong.read_text() == content  # nothing is written unasked


def test_the_digest_follows_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    before = store.digest()
    assert all(path.name in before for path in store.source_files())
    read = Path.read_bytes
    changed = store.source_files()[0]
    monkeypatch.setattr(Path, "read_bytes", lambda self: read(self) + (b" " if self == changed else b""))
    assert store.digest() != before


def test_the_build_hook_compiles_and_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(store.__file__).parents[2]
    target = root / "fwadvisor/ports/data/compiled.json"
    hook = CompileKnowledge(str(root), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]
    build_data: dict[str, list[str]] = {"artifacts": []}
    target.unlink()
    path = list(sys.path)
    hook.initialize("editable", build_data)
    assert build_data["artifacts"] == ["/fwadvisor/ports/data/compiled.json"]
    assert json.loads(target.read_text())["digest"] == store.digest()
    assert sys.path == path
