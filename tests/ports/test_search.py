"""`search` finds by name, product, process, use, advisory and registered name."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from fwadvisor.errors import UnknownNameError
from fwadvisor.ports.database import Database
from fwadvisor.ports.searching import search

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("netmeeting", "netmeeting"), ("polycom", "h323-endpoint"), ("conf.exe", "netmeeting"),
        ("CVE-2018-0171", "cisco-smart-install"), ("h323hostcall", "h323-call"),
        ("gatekeeper discovery", "h323-discovery"),
        ("remote desktop", "remote-desktop"), ("grafana-nothing", ""), ("caicci", "caicci"), ("", ""),
    ],
)  # fmt: skip
def test_the_best_comes_first(database: Database, words: str, first: str) -> None:
    hits = search(words, database)
    assert (hits[0].explain if hits else "") == first


def test_every_word_must_occur(database: Database) -> None:
    assert search("video conference-that-is-not", database) == []
    both = {hit.explain for hit in search("h.323 call", database)}
    assert "h323-call" in both
    assert both < {hit.explain for hit in search("call", database)}


def test_whatever_is_found_can_be_explained(database: Database, run: Run) -> None:
    from fwadvisor.ports.explain.subjects import resolve

    for words in ("sip", "video", "ssh", "data"):
        for hit in search(words, database):
            assert resolve(hit.explain, database)


def test_output(run: Run) -> None:
    result = run("search", "video", "-n", "5")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "more (--limit" in result.stdout
    data = json.loads(run("search", "h323hostcall", "-f", "json").stdout)
    assert data["version"] == 1
    assert data["hits"][0]["explain"] == "h323-call"
    assert "- `h323-call` 1720/tcp: H.323" in run("search", "h323-call", "-f", "markdown").stdout


def test_nothing_found(run: Run) -> None:
    result = run("search", "netmeting")
    assert result.exit_code == 2
    assert isinstance(result.exception, UnknownNameError)
    assert "netmeeting" in result.exception.diagnostics[0].hint
