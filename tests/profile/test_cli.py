"""fwadvisor profiles: list, show, check, new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fwadvisor.cli import app
from fwadvisor.errors import ProfileError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)

    def runner(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["profiles", *arguments])

    return runner


def test_list_says_what_must_be_set(run, data: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("list", "--profile-dir", str(data))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["NAME", "FOR", "TITLE,", "AND", "WHAT", "TO", "SET"]
    assert lines[1].split(None, 2) == ["guard", "any", "Who may administer"]
    assert lines[2].strip() == "--set admins=192.0.2.10"
    assert lines[3].split(None, 2) == ["room", "host", "A meeting room"]
    assert all(len(line) <= 80 for line in lines)


def test_list_as_json(run, data: Path) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(run("list", "--profile-dir", str(data), "-f", "json").stdout)
    assert found["version"] == 1
    room = next(p for p in found["profiles"] if p["name"] == "room")
    assert (room["title"], room["kind"], room["problem"]) == ("A meeting room", "host", None)
    by_name = {p["name"]: p for p in room["parameters"]}
    assert by_name["peers"]["required"] is True
    assert by_name["media"]["choices"] == ["auto", "tracked", "pinned"]
    assert by_name["calls"]["default"] == "3"


def test_list_survives_a_broken_file(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    result = run("list", "--profile-dir", str(tmp_path))
    assert result.exit_code == 0
    assert "cannot be used: not valid YAML" in result.stdout


def test_show_reads_as_sentences(run, data: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("show", str(data / "room.yaml"), "--set", "admins=192.0.2.7", "--today", "2026-11-21")
    assert result.exit_code == 0, result.stderr
    text = result.stdout
    for line in (
        "room: A meeting room",
        "owner conferencing; ticket CHG-7",
        "  peers  (addresses, required)",
        "      not set; shown with 203.0.113.0/24",
        "      here: 192.0.2.7",
        "  need    h323-endpoint: call-setup, call-control, media-out, media-back",
        "  need    ping from peers to self",
        "  forbid  netmeeting anywhere, reject, log",
        "  1 more does not apply with these parameters (when)",
        "Otherwise: input drop, output accept",
        "  never   every port of critical risk from internet to self",
    ):
        assert line in text.splitlines(), line
    assert f"From guard ({data / 'guard.yaml'}), included by room" in text


def test_show_of_a_wrong_profile_shows_what_it_can(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "site.yaml"
    path.write_text("profile: site\ntitle: x\nneed: [{flow: tcp 1, from: lan, to: self}]\n", encoding="utf-8")
    result = run("show", str(path))
    assert result.exit_code == 2
    assert 'no zone "lan"' in result.stderr


def test_check_exit_codes(run, data: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    room = str(data / "room.yaml")
    fine = run("check", room, str(data / "guard.yaml"))
    assert (fine.exit_code, fine.stdout) == (0, f"{room}: fine\n{data / 'guard.yaml'}: fine\n")
    assert run("check", room, "-q").stdout == ""
    path = tmp_path / "site.yaml"
    text = "profile: site\ntitle: x\nexpires: 2026-12-01\nneed: [{flow: tcp 1, from: any, to: self}]\n"
    path.write_text(text, encoding="utf-8")
    arguments = ("check", str(path), "--today", "2026-11-21")
    assert run(*arguments).exit_code == 0
    assert run(*arguments).stdout == f"{path}: 1 warning\n"
    assert run(*arguments, "--strict").exit_code == 1
    late = run("check", str(path), "--today", "2027-01-01")
    assert late.exit_code == 2
    assert late.stdout == f"{path}: 1 error\n"
    assert "expired on 2026-12-01 (31 days ago)" in late.stderr


def test_check_tries_optional_parameters_both_ways(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "site.yaml"
    text = (
        "profile: site\ntitle: x\n"
        "parameters: {p: {type: ports, optional: true}, a: {type: addresses, optional: true}}\n"
        "zones: {z: $a}\nneed:\n  - {flow: tcp $p, from: any, to: self}\n"
        "  - {flow: tcp 1, from: z, to: z, when: {a: given}}\n"
    )
    path.write_text(text, encoding="utf-8")
    result = run("check", str(path))
    assert result.exit_code == 2
    assert 'uses the parameter "p", which has no value in this run' in result.stderr
    assert "a host does not forward" in result.stderr


def test_new_writes_a_profile_that_passes(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = run("new", "my-site")
    assert result.exit_code == 0
    assert "next: fwadvisor profiles check my-site.yaml" in result.stdout
    assert run("check", "my-site.yaml").stdout == "my-site.yaml: fine\n"
    again = run("new", "my-site")
    assert isinstance(again.exception, ProfileError)
    assert "exists already" in str(again.exception)
    assert run("new", "my-site", "--force").exit_code == 0
    assert run("new", "other", "-o", "-").stdout.startswith("# yaml-language-server: $schema=")
    assert isinstance(run("new", "other", "-o", "that.yaml").exception, ProfileError)
    assert isinstance(run("new", "Other Name").exception, ProfileError)
    assert isinstance(run("new", "x", "-o", "no/such/x.yaml").exception, ProfileError)


def test_new_from_another_profile(run, data: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("new", "mine", "--from", str(data / "guard.yaml")).exit_code == 0
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "profile: mine" in text
    assert run("check", "mine.yaml").stdout == "mine.yaml: fine\n"
    assert isinstance(run("new", "mine2", "--from", "nowhere").exception, ProfileError)
