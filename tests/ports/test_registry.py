"""The compact table of IANA's registry: lookups agree with reading it whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.errors import KnowledgeError
from fwadvisor.ports.registry import Registry, load_registry, parse_line, shipped_registry, user_data_dir

TABLE = Registry(
    "# comment\n7\ttu\techo\n22\ttus\tssh\tSecure Shell\n6000-6063\ttu\tx11\n6001\tt\tinside\n6200\tu\tlast\n"
)


@pytest.mark.parametrize(
    ("port", "transport", "names"),
    [
        (22, None, ["ssh"]), (22, "sctp", ["ssh"]), (22, "dccp", []), (23, None, []), (6000, None, ["x11"]),
        (6001, None, ["inside", "x11"]), (6001, "udp", ["x11"]), (6063, None, ["x11"]), (6064, None, []),
        (0, None, []), (65535, None, []),
    ],
)  # fmt: skip
def test_lookup(port: int, transport: str | None, names: list[str]) -> None:
    assert [entry.name for entry in TABLE.lookup(port, transport)] == names


@pytest.mark.parametrize(
    ("port", "before", "after"),
    [(7, None, "ssh"), (22, "echo", "x11"), (23, "ssh", "x11"), (6005, "inside", "last"), (6200, "inside", None)],
)
def test_neighbours(port: int, before: str | None, after: str | None) -> None:
    previous, following = TABLE.previous(port), TABLE.next(port)
    assert (previous.name if previous else None) == before
    assert (following.name if following else None) == after


def test_lookup_agrees_with_the_whole_table() -> None:
    registry = shipped_registry()
    everything = list(registry)
    for port in (1, 21, 53, 80, 512, 514, 1718, 1719, 1720, 1721, 4786, 5060, 6000, 6030, 49150, 65535):
        assert {(e.name, e.transports) for e in registry.lookup(port)} == {
            (e.name, e.transports) for e in everything if e.first <= port <= e.last
        }


def test_names_and_search() -> None:
    assert [entry.first for entry in TABLE.named("SSH")] == [22]
    assert TABLE.named("ss") == []
    assert [entry.name for entry in TABLE.search("secure")] == ["ssh"]
    assert [entry.name for entry in TABLE.search("x1")] == ["x11"]


def test_the_h323_ports_are_registered() -> None:
    registry = shipped_registry()
    assert {port: registry.lookup(port)[0].name for port in (1300, 1718, 1719, 1720)} == {
        1300: "h323hostcallsc", 1718: "h323gatedisc", 1719: "h323gatestat", 1720: "h323hostcall",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", ["", "22", "22\ttu", "x\ttu\tssh", "9-7\ttu\tssh", "70000\tt\tssh", "22\tz\tssh", "22\tt\t"]
)
def test_lines_that_are_none(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  which of the three parts is wrong does not matter here
        parse_line(line)


def test_a_broken_imported_table_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "services.tsv").write_text("rubbish\n")
    with pytest.raises(KnowledgeError) as problem:
        load_registry(tmp_path)
    assert "import it again" in problem.value.diagnostics[0].hint


def test_user_data_follows_the_xdg_specification(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert user_data_dir() == Path("/data/fwadvisor")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert user_data_dir() == tmp_path / ".local/share/fwadvisor"
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_data_dir() == tmp_path / "Library/Application Support/fwadvisor"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "C:/Local")
    assert user_data_dir() == Path("C:/Local/fwadvisor")
