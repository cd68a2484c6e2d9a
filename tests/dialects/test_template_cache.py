"""Compiled templates are kept beside the templates, and never used for another text."""

import sys

import jinja2
import pytest

from fwadvisor.dialects.template_cache import TemplateCache


@pytest.fixture(autouse=True)
def byte_code_is_kept(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def rendered(folder, **values):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), bytecode_cache=TemplateCache(folder))
    return environment.get_template("rules.j2").render(**values)


def test_second_run_compiles_nothing(tmp_path, monkeypatch):
    (tmp_path / "rules.j2").write_text("pass {{ port }}")
    assert rendered(tmp_path, port=22) == "pass 22"
    assert [path.suffix for path in (tmp_path / "__pycache__").iterdir()] == [".jinja"]
    monkeypatch.setattr(jinja2.Environment, "compile", lambda *_, **__: pytest.fail("compiled again"))
    assert rendered(tmp_path, port=80) == "pass 80"


def test_changed_template_is_compiled_anew(tmp_path):
    (tmp_path / "rules.j2").write_text("pass {{ port }}")
    rendered(tmp_path, port=22)
    (tmp_path / "rules.j2").write_text("block {{ port }}")
    assert rendered(tmp_path, port=22) == "block 22"


@pytest.mark.parametrize("content", [b"", b"j2", b"nonsense" * 100])
def test_damaged_file_is_ignored(tmp_path, content):
    (tmp_path / "rules.j2").write_text("pass {{ port }}")
    rendered(tmp_path, port=22)
    for path in (tmp_path / "__pycache__").iterdir():
        path.write_bytes(content)
    assert rendered(tmp_path, port=22) == "pass 22"


def test_works_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "rules.j2").write_text("pass {{ port }}")
    (tmp_path / "__pycache__").write_text("a file, not a folder")
    assert rendered(tmp_path, port=22) == "pass 22"
    (tmp_path / "__pycache__").unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(tmp_path, port=22) == "pass 22"
    assert not (tmp_path / "__pycache__").exists()
