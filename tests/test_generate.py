"""Generate as a whole: all files or none, and nothing but what the request says."""

import stat
from datetime import date

import pytest

from fwadvisor.dialects.base import OutputFile
from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Request, differing, generate, write_files

FILES = (OutputFile("a.txt", b"one\n"), OutputFile("b.txt", b"two\n"))
TODAY = date(2026, 11, 21)


def request_for(*profiles, **fields):
    return Request(profiles=profiles, **({"settings": {"peers": "203.0.113.0/24"}, "today": TODAY} | fields))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_written_and_compared(tmp_path):
    out = tmp_path / "new" / "out"
    assert differing(FILES, out) == ["a.txt", "b.txt"]
    assert write_files(FILES, out) == [out / "a.txt", out / "b.txt"]
    assert content(out) == {"a.txt": b"one\n", "b.txt": b"two\n"}
    assert differing(FILES, out) == []
    (out / "b.txt").write_bytes(b"touched\n")
    assert differing(FILES, out) == ["b.txt"]


def test_all_or_none(tmp_path):
    """When one file cannot take its place, those that did are taken back, and nothing is left over."""
    (tmp_path / "a.txt").write_bytes(b"before\n")
    (tmp_path / "b.txt").mkdir()
    (tmp_path / "b.txt" / "inside").touch()
    blocked = (*FILES, OutputFile("missing/c.txt", b"three\n"))
    with pytest.raises(FwadvisorError, match="nothing was written"):
        write_files(blocked, tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"before\n"
    assert (tmp_path / "b.txt" / "inside").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_a_failing_replacement_takes_the_others_back(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "a.txt").write_bytes(b"before\n")
    real = Path.replace

    def replace(self, target):
        if self.name == "b.txt":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(FwadvisorError, match="nothing was written"):
        write_files(FILES, tmp_path)
    monkeypatch.undo()
    assert content(tmp_path) == {"a.txt": b"before\n"}


def test_directory_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(FwadvisorError, match="cannot write"):
        write_files(FILES, tmp_path / "out")


def test_written_files_have_ordinary_permissions(tmp_path):
    write_files(FILES, tmp_path)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) & 0o444 == 0o444


def test_names_of_the_output_directory():
    names = [each.name for each in generate(request_for("h323-needed", "no-netmeeting")).files]
    assert names == [
        "iptables.v4",
        "iptables.v6",
        "nftables.nft",
        "windows.ps1",
        "pf.conf",
        "notes.md",
        "notes.json",
    ]


def test_same_input_same_bytes():
    first, second = (generate(request_for("h323-needed", "no-netmeeting")).files for _ in range(2))
    assert first == second


def test_order_of_targets_does_not_matter():
    one = generate(request_for("h323-needed", targets=("pf,nftables",))).files
    two = generate(request_for("h323-needed", targets=("nftables", "pf"))).files
    assert one == two


def test_unknown_target():
    with pytest.raises(FwadvisorError) as caught:
        generate(request_for("h323-needed", targets=("nftable",)))
    assert caught.value.diagnostics[0].hint == 'did you mean "nftables" or "iptables"?'


def test_problems_of_all_targets_in_one_error():
    with pytest.raises(FwadvisorError) as caught:
        generate(request_for("h323-needed", settings={"peers": "203.0.113.0/24", "media": "tracked"}))
    assert "cannot be served" in caught.value.diagnostics[0].message
    assert "what works here, in media: strategy pinned" in caught.value.diagnostics[0].hint
