"""`explain`: what it says, how it looks, and what it does with words that mean nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fwadvisor.errors import UnknownNameError
from fwadvisor.ports.database import Database
from fwadvisor.ports.explain import markdown, pages_of, text
from fwadvisor.ports.explain.numbers import range_class
from fwadvisor.ports.explain.subjects import resolve

Run = Callable[..., Result]

ODD_NUMBERS = [
    "0", "1", "26", "1002", "1023", "1024", "3230-3253/udp", "49151", "49152", "65535", "0-65535", "53/udp",
    "514", "443", "7001", "9100", "30000/tcp", "51820/udp", "1720/udp", "1720/sctp", "47/ip", "4/ip", "200/ip",
    "tcp/1720", "6000-6063/tcp",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1720.txt", ["1720"]),
        ("netmeeting.txt", ["netmeeting"]),
        ("media-range.txt", ["3230-3253/udp"]),
        ("nobody.txt", ["49160/tcp"]),
        ("389.txt", ["389/tcp"]),
        ("1720.md", ["1720", "--format", "markdown"]),
        ("1720.json", ["1720", "--format", "json"]),
    ],
)
def test_golden(run: Run, golden: Callable[[str, str], None], name: str, words: list[str]) -> None:
    result = run("explain", *words)
    assert result.exit_code == 0
    golden(name, result.stdout)


def test_1720_tells_everything_that_belongs_to_it(run: Run) -> None:
    page = " ".join(run("explain", "1720").stdout.split())
    for needle in (
        "h323hostcall on 1720/tcp,udp,sctp", "[legacy]", "[risk high]", "since 1996", "tracked by Linux helper h323",
        "Q.931", "CVE-2020-14305", "H.235 media encryption", "previous h323gatestat on 1719", "next caicci on 1721",
        "ss -Hlntp 'sport = :1720'", "lsof -nP -iTCP:1720", "Get-NetTCPConnection -State Listen -LocalPort 1720",
        "sockstat -46l -P tcp -p 1720", "nmap -Pn -sV -p T:1720", "inbound restrict",
        "closing 1720 stops new calls", "ITU-T H.323",
    ):  # fmt: skip
        assert needle in page, needle
    related = page.partition("Related ports")[2].partition("Applications")[0]
    for port in ("1718/udp", "1719/udp", "389/tcp", "1002/tcp", "522/tcp", "1503/tcp", "1731/tcp", "5060/"):
        assert port in related, port


def every_subject(database: Database) -> list[str]:
    return [*database.ports, *database.applications, *ODD_NUMBERS]


def test_every_page_fits_80_columns_and_paints_only_on_request(database: Database) -> None:
    for word in every_subject(database):
        for subject in resolve(word, database):
            pages = pages_of(subject, database)
            plain = text.render_pages(pages)
            assert all(len(line) <= 80 and line == line.rstrip() for line in plain.splitlines()), word
            assert "\x1b" not in plain
            assert re.sub(r"\x1b\[[0-9;]*m", "", text.render_pages(pages, color=True)) == plain
            assert all(page.sections or page.lead for page in pages), word


def test_every_subject_survives_json_and_markdown(database: Database) -> None:
    from fwadvisor.ports.explain.as_json import document

    words = [word for word in every_subject(database) if word != "0-65535"]
    subjects = [subject for word in words for subject in resolve(word, database)]
    assert json.loads(json.dumps(document(subjects, database)))["version"] == 1
    assert "\n## " in markdown.render_pages(page for subject in subjects for page in pages_of(subject, database))


@pytest.mark.parametrize(
    ("word", "subject"),
    [
        ("1720", "1720"), ("1720/TCP", "1720/tcp"), ("udp/53", "53/udp"), ("tcp:22", "22/tcp"),
        ("5000-5010/udp", "5000-5010/udp"), ("https/tcp", "443/tcp"), ("  ms-wbt-server ", "3389"),
    ],
)  # fmt: skip
def test_words_that_are_numbers(database: Database, word: str, subject: str) -> None:
    assert [str(found.numbers) for found in resolve(word, database)] == [subject]


@pytest.mark.parametrize(
    ("word", "application"),
    [("netmeeting", "netmeeting"), ("CONF.EXE", "netmeeting"), ("h323", "h323-endpoint"), ("asterisk", "sip-server")],
)
def test_words_that_are_applications(database: Database, word: str, application: str) -> None:
    (subject,) = resolve(word, database)
    assert subject.application is not None
    assert subject.application.id == application


def test_an_entry_comes_before_an_alias_and_a_name_with_several_numbers_gives_all(database: Database) -> None:
    (redis,) = resolve("redis", database)
    assert redis.entry is not None
    assert {str(found.numbers) for found in resolve("ethernet-ip-1", database)} == {"2222"}


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("netmeting", 'nothing is known under the name "netmeting"', '"netmeeting"'),
        ("qqqqqqq", 'nothing is known under the name "qqqqqqq"', "fwadvisor search"),
        ("1720/tpc", '"tpc" is no transport', '"tcp"'),
        ("70000", "ports end at 65535", ""),
        ("300/ip", "IP protocol numbers end at 255", ""),
        ("9-7", "ends before it begins", "7-9"),
        ("", "nothing is known", ""),
        ("\x1b[31m", "nothing is known", ""),
        ("x" * 5000, "nothing is known", ""),
        ("99999999999999999999", "nothing is known", ""),
    ],
)
def test_words_that_mean_nothing(database: Database, word: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        resolve(word, database)
    (problem,) = raised.value.diagnostics
    assert message in problem.message
    assert hint in problem.hint


def test_all_unknown_words_are_named_and_nothing_is_printed(run: Run) -> None:
    result = run("explain", "1720", "netmeting", "htpps")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert isinstance(result.exception, UnknownNameError)
    assert len(result.exception.diagnostics) == 2


@pytest.mark.parametrize(
    ("port", "name"), [(0, "system"), (1023, "system"), (1024, "user"), (49151, "user"), (49152, "dynamic")]
)
def test_range_classes(port: int, name: str) -> None:
    assert range_class(port) == name


def test_a_number_that_nobody_registered(run: Run) -> None:
    page = " ".join(run("explain", "49160").stdout.split())
    assert "nobody registered this port" in page
    assert "dynamic ports 49152-65535" in page
    assert "Nearest known ports" in page
    assert "49152-65535/tcp Microsoft RPC dynamic ports; fwadvisor explain msrpc-dynamic" in page
    squatted = " ".join(run("explain", "1002").stdout.split())
    assert "Internet Locator Service, Windows 2000 port" in squatted
    assert "used without registration" in squatted
    assert "nothing is registered" in squatted


def test_a_transport_that_is_only_registered_points_to_the_one_in_use(run: Run) -> None:
    page = " ".join(run("explain", "1720/udp").stdout.split())
    assert "1720/tcp H.323 call signalling; fwadvisor explain h323-call" in page


def test_two_uses_of_one_number(run: Run) -> None:
    page = run("explain", "514").stdout
    assert "Syslog (UDP)" in page
    assert "rexec, rlogin, rsh" in page
    assert "Internet Locator Service on the LDAP port; fwadvisor explain" in " ".join(
        run("explain", "389").stdout.split()
    )


def test_several_subjects_and_json(run: Run) -> None:
    data = json.loads(run("explain", "22/tcp", "netmeeting", "-f", "json").stdout)
    assert data["version"] == 1
    port, application = data["subjects"]
    assert port["kind"] == "port"
    assert port["class"] == "system"
    assert port["entries"][0]["id"] == "ssh"
    assert port["commands"]["tcp"]["Linux"] == "ss -Hlntp 'sport = :22'"
    media = next(flow for flow in application["flows"] if flow["id"] == "media-out")
    assert (media["negotiated"], media["helper"], media["ports"]) == (True, "h323", "1024-65535")


def test_commands_can_be_pasted() -> None:
    folded = text.fold_command("Get-Thing -A 1 | Where-Object B -eq 2 | Select-Object C,D", 30)
    assert folded == ["Get-Thing -A 1 |", "Where-Object B -eq 2 |", "Select-Object C,D"]
    shell = text.fold_command("nmap -Pn -sV -p T:22 --script aaaaaaaaa,bbbbbbbbbb HOST", 30)
    assert (
        " ".join(line.removesuffix(" \\") for line in shell)
        == "nmap -Pn -sV -p T:22 --script aaaaaaaaa,bbbbbbbbbb HOST"
    )
    assert all(line.endswith(" \\") for line in shell[:-1])


def test_folding_loses_nothing() -> None:
    assert text.fold("", 10) == [""]
    assert text.fold("a bb ccc", 4) == ["a bb", "ccc"]
    assert text.fold("https://example.org/abcdef", 21) == ["https://example.org/", "abcdef"]
    assert "".join(text.fold("x" * 25, 10)) == "x" * 25


PROFILE = """\
profile: shop
title: Shop
description: A shop front.
kind: host
zones:
  office: 192.0.2.0/24
need:
  - {flow: tcp 1720, from: office, to: self, reason: calls}
forbid:
  - {application: netmeeting}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("fwadvisor.decisions.DIALECTS", {"pf": "fwadvisor.dialects.pf"})
    path = tmp_path / "shop.yaml"
    path.write_text(PROFILE)
    return str(path)


def test_what_a_policy_decides(run: Run, shop: str) -> None:
    page = run("explain", "1720", "--profile", shop).stdout
    decided = " ".join(page.partition("What the policy decides for 1720/tcp")[2].partition("What it is")[0].split())
    assert "input accept from office (192.0.2.0/24)" in decided
    assert "shop.yaml:8" in decided
    assert "input drop" in decided
    assert "because of netmeeting call-setup" in decided
    assert decided.index("input accept") < decided.index("input drop")
    rows = json.loads(run("explain", "1720", "--profile", shop, "-f", "json").stdout)["subjects"][0]["decisions"]
    assert [row["verdict"] for row in rows if row["hook"] == "input"][:2] == ["accept", "drop"]


def test_a_policy_is_asked_for_every_flow_of_an_application(run: Run, shop: str) -> None:
    page = run("explain", "t120-conference", "msn-detect", "gre", "9999", "--profile", shop).stdout
    for part in ("mcs (1503/tcp)", "7001/tcp", "9,7001/udp", "protocol 47", "9999/tcp", "9999/udp"):
        assert f"What the policy decides for {part}" in page, part


def test_an_application_tells_what_helpers_do_not_follow_and_where_they_are_repaired(
    run: Run, database: Database
) -> None:
    page = " ".join(run("explain", "h323").stdout.split())
    facts = database.helpers["h323"]
    assert facts.limits
    assert all(f"not followed {limit}" in page for limit in facts.limits)
    assert "; repaired in Linux 4.19.310, 5.4.272," in page
    assert f"defect Linux {facts.defects[0].versions}:" in page
    assert facts.advice in page
