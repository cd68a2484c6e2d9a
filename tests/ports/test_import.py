"""`ports import` survives IANA's CSV as it is, and leaves the table alone when something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fwadvisor.errors import KnowledgeError
from fwadvisor.ports.registry import FILE_NAME, Registry, load_registry, shipped_registry
from fwadvisor.ports.registry_import import compare, import_registry

QUIRKS = Path(__file__).with_name("iana_quirks.csv")
HEADER = "Service Name,Port Number,Transport Protocol,Description\n"


def imported(file: Path, folder: Path) -> Registry:
    import_registry(file, folder, shipped_registry())
    return load_registry(folder)


def from_text(text: str, folder: Path) -> Registry:
    source = folder / "source.csv"
    source.write_text(text, encoding="utf-8")
    return imported(source, folder / "data")


def test_quirks_of_the_real_file(tmp_path: Path) -> None:
    report = import_registry(QUIRKS, tmp_path, shipped_registry())
    table = load_registry(tmp_path)
    assert report.registrations == len(table) > 90
    assert report.warnings[-1].message.startswith("the file has")  # far fewer than before: is it the whole registry?
    assert report.skipped["reserved or unassigned"] > 30
    assert report.skipped["without a port"] == 5
    assert "not understood" not in report.skipped
    assert [(e.name, e.transports) for e in table.lookup(1720)] == [("h323hostcall", ("tcp", "udp", "sctp"))]
    assert {e.name for e in table.lookup(465)} == {"urd", "submissions", "igmpv3lite"}  # three on one number
    assert [e.name for e in table.lookup(6030)] == ["x11"]  # a range
    assert [e.transports for e in table.lookup(3323)] == [("tcp", "udp")]  # a range without transport
    assert table.lookup(2) == [] == table.lookup(1005)  # reserved, and an unassigned range
    assert table.named("rdp") == []  # no port at all
    assert [e.description for e in table.named("ssh")] == ["Secure Shell"]
    assert table.lookup(63)[1].description == 'whois plus plus Short name given by the registry in place of "whois++".'
    assert all("\n" not in e.description for e in table)


def test_both_names_of_column_eleven(tmp_path: Path) -> None:
    for title in ("Unauthorized Use Reported", "Known Unauthorized Uses"):
        folder = tmp_path / title.split()[0]
        folder.mkdir()
        text = (
            f'Service Name,Port Number,Transport Protocol,Description,{title}\nesri,5151,tcp,ESRI,"seen, by\nothers"\n'
        )
        assert [entry.other_use for entry in from_text(text, folder)] == ["seen, by others"]


def test_byte_order_mark_columns_in_another_order_and_blank_lines(tmp_path: Path) -> None:
    text = "\ufeffTransport Protocol, Port Number ,Extra,SERVICE NAME\r\nTCP,80,x,HTTP\r\n\r\nudp,80,x,http\r\n"
    assert [(e.first, e.name, e.transports) for e in from_text(text, tmp_path)] == [(80, "http", ("tcp", "udp"))]


def test_rows_that_make_no_sense_are_left_out_with_their_line(tmp_path: Path) -> None:
    source = tmp_path / "odd.csv"
    rows = "a,70000,tcp,\nb,9-7,tcp,\nc,x,tcp,\nd,5,quic,\ne\nok,9,tcp,\n"
    source.write_text(HEADER + rows)
    report = import_registry(source, tmp_path, Registry(""))
    assert report.registrations == 1
    assert report.skipped == {"not understood": 5}
    assert [warning.message.split(": ")[0].rsplit(":", 1)[1] for warning in report.warnings] == [
        "2",
        "3",
        "4",
        "5",
        "6",
    ]


def test_text_that_would_break_the_table(tmp_path: Path) -> None:
    table = from_text(HEADER + '"a\tb",7,tcp,"one\ttwo\n# three \u202e\x1b[31m"\n', tmp_path)
    assert [(e.name, e.description) for e in table] == [("a b", "one two # three [31m")]


def test_latin_1_text_does_not_stop_it(tmp_path: Path) -> None:
    source = tmp_path / "latin.csv"
    source.write_bytes(HEADER.encode() + "a,7,tcp,Zoë\n".encode("latin-1"))
    assert imported(source, tmp_path / "data").lookup(7)[0].description == "Zo\ufffd"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lacks the column"),
        (b"<html><body>Not found</body></html>", "lacks the column"),
        (b"name,port\nssh,22\n", "lacks the column"),
        (HEADER.encode(), "no registration in this file"),
        (HEADER.encode() + b'ssh,22,tcp,"cut off in the mid', "not valid CSV"),
        (HEADER.encode() + b'ssh,22,tcp,"' + b"x" * (1 << 21) + b'"\n', "not valid CSV"),
    ],
)
def test_a_wrong_file_leaves_the_table_alone(tmp_path: Path, content: bytes, message: str) -> None:
    import_registry(QUIRKS, tmp_path, Registry(""))
    before = (tmp_path / FILE_NAME).read_bytes()
    source = tmp_path / "wrong.csv"
    source.write_bytes(content)
    with pytest.raises(KnowledgeError, match=message):
        import_registry(source, tmp_path, Registry(""))
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, "wrong.csv"]


def test_a_full_disk_leaves_the_table_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_registry(QUIRKS, tmp_path, Registry(""))
    before = (tmp_path / FILE_NAME).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KnowledgeError, match="No space left on device"):
        import_registry(QUIRKS, tmp_path, Registry(""))
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read"):
        import_registry(tmp_path / "none.csv", tmp_path, Registry(""))
    assert list(tmp_path.iterdir()) == []


def test_what_changed() -> None:
    old = Registry("7\ttu\techo\n8\tt\told\n9\tt\tgone\n10\tt\tkept\n11\ttu\tfewer\n")
    new = Registry("7\ttus\techo\n8\tt\tnew\n10\tt\tkept\n11\tt\tfewer\n12\tu\tadded\n")
    added, removed, renamed = compare(old, new)
    assert [(c.ports, c.transports, c.name) for c in added] == [("7", ("sctp",), "echo"), ("12", ("udp",), "added")]
    assert [(c.ports, c.transports, c.name) for c in removed] == [("9", ("tcp",), "gone"), ("11", ("udp",), "fewer")]
    assert [(c.ports, c.before, c.name) for c in renamed] == [("8", "old", "new")]
    assert compare(new, new) == ([], [], [])


def test_the_command_reports_and_the_table_is_used(run: Callable[..., Result], tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text(HEADER + "fw-new,1002,tcp,Brand new\nh323hostcall,1720,tcp,H.323\n")
    result = run("ports", "import", str(source))
    assert result.exit_code == 0
    assert "imported 2 registrations" in result.stdout
    assert "added    1002/tcp             fw-new" in result.stdout
    explained = run("explain", "1002").stdout
    assert "IANA (imported)" in explained
    assert "fw-new on 1002/tcp (Brand new)" in " ".join(explained.split())
    again = run("ports", "import", str(source)).stdout
    assert "0 added, 0 removed, 0 renamed" in again


def test_dry_run_and_data_dir(run: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    result = run("ports", "import", str(QUIRKS), "--data-dir", str(folder), "--dry-run")
    assert "would import" in result.stdout
    assert not folder.exists()
    assert run("ports", "import", str(QUIRKS), "--data-dir", str(folder), "-v").exit_code == 0
    assert (folder / FILE_NAME).is_file()
    assert "IANA (imported)" in run("explain", "1720", "--data-dir", str(folder)).stdout
    assert "IANA (imported)" not in run("explain", "1720").stdout
