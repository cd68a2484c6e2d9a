"""Rules that were wanted for a time. Today is 2026-06-01."""

from __future__ import annotations

import pytest

from .conftest import at
from .rule_texts import allow, iptables, nftables, pf, windows

ID = "expired-grant"


@pytest.mark.parametrize(
    "words",
    [
        "expires 2026-05-31", "Expires: 2026-05-31", "expires on 2026-05-31", "expiry=2026-05-31", "until=2026-05-31",
        "valid until 2026-05-31", "temporary until 2026-05-31, NET-9", "remove after 2026-05-31",
        "remove by: 2026-05-31", "valid to 2026-05-31", "delete on 2026-05-31",
    ],
)  # fmt: skip
def test_words_that_say_until_when(found, words: str) -> None:
    rule = f'-A INPUT -p tcp --dport 5432 -m comment --comment "{words}" -j ACCEPT'
    (only,) = found(ID, iptables(rule))
    assert at(only) == ("medium", rule, [])
    assert only.message == "this rule was wanted until 2026-05-31, yesterday"


@pytest.mark.parametrize(
    "words",
    ["since 2026-05-31", "2026-05-31", "expires soon", "expires 31.05.2026", "unexpires 2026-05-31", "until 2026",
     "fwadvisor: ignore shadowed-rule until 2026-05-31 -- agreed"],
)  # fmt: skip
def test_words_that_do_not(found, words: str) -> None:
    text = nftables(f"tcp dport 22 accept # {words}")
    assert [each for each in found(ID, text) if each.id == ID] == []


@pytest.mark.parametrize(
    ("day", "severity", "when"),
    [("2026-05-31", "medium", "yesterday"), ("2025-06-01", "medium", "365 days ago"), ("2026-06-01", "info", "today"),
     ("2026-06-02", "info", "tomorrow"), ("2026-07-01", "info", "in 30 days")],
)  # fmt: skip
def test_how_long_ago_and_how_soon(found, day: str, severity: str, when: str) -> None:
    (only,) = found(ID, nftables(f'tcp dport 22 accept comment "expires {day}"'))
    assert (only.severity.value, only.message.rsplit(", ", 1)[1]) == (severity, when)


def test_far_ahead(found) -> None:
    assert found(ID, nftables('tcp dport 22 accept comment "expires 2026-07-02"')) == []


def test_a_block_that_is_over_weighs_less(found) -> None:
    (only,) = found(ID, nftables('tcp dport 22 drop comment "until 2026-05-01"'))
    assert only.severity.value == "low"


def test_at_the_end_of_the_line_and_above(found) -> None:
    text = nftables(
        "tcp dport 22 accept # expires 2026-01-01", "# ticket 5, remove by 2026-02-01", "tcp dport 23 accept"
    )
    first, second = found(ID, text)
    assert at(first)[1].startswith("tcp dport 22")
    assert at(second)[1] == "tcp dport 23 accept"
    (only,) = found(ID, pf("# Until 2026-03-01", "pass in proto tcp to self port 22"))
    assert at(only)[1] == "pass in proto tcp to self port 22"


def test_a_comment_of_a_whole_file(found) -> None:
    (only,) = found(ID, "# profile shop\n#   expires: 2026-05-01\n\n" + iptables())
    assert (at(only)[1], only.message) == ("#   expires: 2026-05-01", "this was wanted until 2026-05-01, 31 days ago")


def test_descriptions_of_windows(found) -> None:
    text = windows(allow("x", "-Protocol TCP -LocalPort 443 -Description 'shop, expires 2026-04-01'"))
    (only,) = found(ID, text, dialect="windows")
    assert only.severity.value == "medium"


def test_a_time_match_that_has_ended(found) -> None:
    rule = "-A INPUT -p tcp --dport 22 -m time --datestop 2026-01-31T12:00:00 -j ACCEPT"
    (only,) = found(ID, iptables(rule))
    assert only.message.startswith("this rule was wanted until 2026-01-31")
    assert found(ID, iptables(rule.replace("2026-01-31", "2027-01-31"))) == []


def test_a_day_that_there_is_not(found) -> None:
    (only,) = found(ID, nftables('tcp dport 22 accept comment "expires 2026-02-30"'))
    assert (only.severity.value, only.message.endswith("there is no such day")) == ("low", True)
