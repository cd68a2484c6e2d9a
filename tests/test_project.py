"""The project file: folders found relative to it, every problem in one run."""

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.project import Project, load_project


def test_no_file_is_an_empty_project(tmp_path):
    assert load_project(tmp_path) == Project()


def test_folders_are_relative_to_the_file(tmp_path):
    (tmp_path / "ports").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "fwadvisor.yaml").write_text("knowledge: ports\nprofiles: [mine]\n")
    assert load_project(tmp_path) == Project((tmp_path / "ports",), (tmp_path / "mine",))


def test_all_problems_in_one_run(tmp_path):
    (tmp_path / "fwadvisor.yaml").write_text("knowlege: x\nprofiles: [nowhere]\n")
    with pytest.raises(FwadvisorError) as caught:
        load_project(tmp_path)
    first, second = caught.value.diagnostics
    assert 'no field "knowlege"' in first.message
    assert 'did you mean "knowledge"?' in first.hint
    assert "nowhere is not a folder" in second.message
    assert (second.span.line, second.span.column) == (2, 12)


def test_unreadable_yaml_is_an_error(tmp_path):
    (tmp_path / "fwadvisor.yaml").write_text("knowledge: [\n")
    with pytest.raises(FwadvisorError):
        load_project(tmp_path)
