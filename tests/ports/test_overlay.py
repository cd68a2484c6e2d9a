"""Knowledge of the user's own: merged by id with a notice, and as strictly read as the shipped one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fwadvisor.diagnostic import render
from fwadvisor.errors import KnowledgeError
from fwadvisor.model.interval import Intervals
from fwadvisor.ports import load
from fwadvisor.ports.facts import RegistryState, Transport

GOOD = """\
sources:
  handbook: {title: "Operations handbook"}
ports:
- id: billing
  title: Billing service
  match: {tcp: ["8443", "9000-9010"]}
  use: "Invoices for the shop."
  opens: {from: shop, to: billing host}
  status: {state: active, since: 2020}
  risk: {internet: high, lan: medium, why: "customer data"}
  stance: {in: restrict, out: restrict}
  sources: [handbook]
applications:
- id: billing
  title: Billing
  aliases: [invoices]
  status: {state: active}
  roles: {shop: "web shop", server: "billing host"}
  flows:
  - {id: api, port: billing, t: tcp, only: ["8443"], from: shop, to: server, phase: data, need: core, if_denied: "x"}
  sources: [handbook]
media_presets:
- {id: our-rooms, title: "Our rooms", udp: ["40000-40099"], setting: "Network > Ports", sources: [handbook]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ours"
    path.mkdir()
    return path


def problems(folder: Path, text: str | bytes) -> list[str]:
    (folder / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(KnowledgeError) as raised:
        load([folder])
    return [render(diagnostic) for diagnostic in raised.value.diagnostics]


def test_an_in_house_application(folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    database = load([folder])
    billing = database.application("INVOICES")
    assert billing is not None
    expected: Intervals = ((8443, 8443),)
    assert database.flow_ports(billing.flows[0]) == expected
    assert billing.deny.flows == ("api",)
    assert database.ports["billing"].registry is RegistryState.OTHER
    assert "pcsync-https" in database.ports["billing"].registry_names
    assert database.ports["billing"].match[Transport.TCP] == ((8443, 8443), (9000, 9010))
    assert database.presets["our-rooms"].udp == ((40000, 40099),)
    assert database.overlaid["billing"] == str(folder / "a.yaml")
    assert database.notices == ()
    assert len(database.ports) == len(load().ports) + 1


def test_replacing_an_entry_gives_a_notice(folder: Path, tmp_path: Path) -> None:
    (folder / "a.yaml").write_text(
        GOOD.replace("id: billing\n  title: Billing service", "id: ssh\n  title: Our SSH").replace(
            "port: billing", "port: ssh"
        )
    )
    database = load([folder])
    assert database.ports["ssh"].title == "Our SSH"
    (notice,) = database.notices
    assert '"ssh" replaces' in notice.message
    assert notice.span is not None
    assert notice.span.line == 4
    second = tmp_path / "theirs"
    second.mkdir()
    (second / "b.yml").write_text(GOOD.replace("Billing service", "Billing, second edition"))
    assert load([folder, second]).ports["billing"].title == "Billing, second edition"


def test_every_problem_in_one_run_with_place_caret_and_hint(folder: Path) -> None:
    text = (
        GOOD.replace("8443", "9-8", 1)
        .replace("state: active, since", "state: actve, since")
        .replace("title: Billing\n", "titel: Billing\n")
    )
    found = problems(folder, text)
    file = folder / "a.yaml"
    assert len(found) == 4
    assert found[0].splitlines() == [
        f'{file}:6:17: error: "tcp": the range 9-8 ends before it begins',
        '    6 |   match: {tcp: ["9-8", "9000-9010"]}',
        "      |                 ^^^^^",
        "  hint: write 8-9",
    ]
    assert found[1].startswith(f'{file}:9:19: error: "state" cannot be "actve"')
    assert 'did you mean "active"?' in found[1]
    assert any('has no field "titel"' in one and 'did you mean "title"?' in one for one in found)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("port: billing", "port: biling", 'port "biling" is not known\n'),
        ("port: billing", "port: biling", 'did you mean "billing"?'),
        ("from: shop, to: server", "from: shopp, to: server", 'did you mean "shop"?'),
        ("t: tcp", "t: udp", "port billing has no udp"),
        ("sources: [handbook]\napp", "sources: [hndbook]\napp", 'did you mean "handbook"?'),
        ("sources: [handbook]\napp", "sources: []\napp", "names no source"),
        ("aliases: [invoices]", "aliases: [netmeeting]", "is a name of netmeeting already"),
        ("8443", "0", "is outside 1-65535"),
        ("8443", "65536", "is outside 1-65535"),
        ("8443", "https", "is no port or range"),
        ("since: 2020", "since: 0020", "leading zeros"),
        ("since: 2020", "since: 20:20", "is a whole number"),
        ("in: restrict", "in: NO", 'cannot be "NO"'),
        ("id: billing\n  title: Billing s", "id: Billing\n  title: Billing s", "ids are lower-case letters"),
        ("id: billing\n  title: Billing s", "id: [billing]\n  title: Billing s", "is a text, but found a list"),
        ("roles: {shop", "roles: {shop: x, shop", "appears twice"),
        ("need: core", "need: corre", "core, optional, feature:x or mode:x"),
        ('["40000-40099"]', '["40001-40099"]', "media begins on an even port"),
        ("  use:", "\tuse:", "tab"),
        ("use: \"Invoices", "use: &anchor \"Invoices", "anchors"),
        ("sources:\n", "helpers: {}\nsources:\n", 'has no field "helpers"'),
        ("ports:", "prots:", 'did you mean "ports"?'),
    ],
)  # fmt: skip
def test_mistakes(folder: Path, old: str, new: str, text: str) -> None:
    assert old in GOOD
    found = problems(folder, GOOD.replace(old, new, 1))
    assert any(text in one for one in found), found
    assert all(f"{folder / 'a.yaml'}:" in one for one in found)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfea\x00", b"ports: \xe9", b"\x00\x01\x02", b"", b"just text", b"[1, 2]", b"- - - a", b"a: 1\n---\nb: 2",
        b"ports: {a: b}", b"ports: null", b"ports: [null]", b"ports: [{}]", b"applications: [[]]",
        b"a: &a [x]\nb: [*a, *a]", b"!!python/object/apply:os.system [ls]", b"ports:\n" + b"- " * 5000,
        "ports:\n- id: \u202eevil".encode(), b"ports:\n- id: x" * 3, b"{" * 200,
        b"sources: {a: {title: b}}\nports:\n- {id: " + b"x" * 10000 + b"}",
    ],
)  # fmt: skip
def test_hostile_files_end_in_a_diagnostic(folder: Path, content: bytes) -> None:
    found = problems(folder, content)
    assert found
    assert all("\u202e" not in one and "Traceback" not in one for one in found)


def test_twice_in_one_layer(folder: Path) -> None:
    (folder / "b.yaml").write_text(GOOD)
    found = problems(folder, GOOD)
    assert any('"billing" is defined twice' in one and "first here" in one for one in found)


def test_an_override_that_breaks_shipped_applications(folder: Path) -> None:
    text = GOOD.replace("id: billing\n  title: Billing service", "id: sip\n  title: Our SIP").replace(
        "port: billing", "port: sip"
    )
    found = problems(folder, text)
    assert any("sip-phone, flow register: port sip has no udp" in one for one in found)


def test_folders_that_are_none(tmp_path: Path, folder: Path) -> None:
    for path, message in ((tmp_path / "no", "no such directory"), (folder, "no .yaml file")):
        with pytest.raises(KnowledgeError, match=message):
            load([path])
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(KnowledgeError, match="this is a file"):
        load([file])


def test_hostile_texts_reach_no_terminal(folder: Path, run: Callable[..., Result]) -> None:
    nasty = "`$(x)` | \\ ' #"
    (folder / "a.yaml").write_text(GOOD.replace('"Invoices for the shop."', f'"{nasty.replace(chr(92), chr(92) * 2)}"'))
    text = run("explain", "billing", "8443", "--knowledge", str(folder)).stdout
    assert nasty in text
    document = run("explain", "8443", "--knowledge", str(folder), "-f", "markdown").stdout
    assert "\\`$(x)\\` \\| \\\\ ' \\#" in document


def test_check_command(folder: Path, run: Callable[..., Result]) -> None:
    (folder / "a.yaml").write_text(GOOD)
    result = run("ports", "check", "--knowledge", str(folder))
    assert result.exit_code == 0
    assert "no problem found" in result.stdout
    assert f"billing                  from {folder / 'a.yaml'}" in result.stdout
    (folder / "a.yaml").write_text(GOOD.replace("t: tcp", "t: tpc"))
    assert run("ports", "check", "--knowledge", str(folder)).exit_code == 2
