"""Rules whose order matters, without those whose order is as it must be."""

from __future__ import annotations

import pytest

from .conftest import at, nft

ID = "correlated-rules"


def test_an_accept_that_cuts_into_later_drops_names_all_of_them(found) -> None:
    rules = ("ip saddr 10.0.0.0/8 accept", "tcp dport 23 drop", "udp dport 161 drop")
    (one,) = found(ID, nft(*rules))
    assert at(one) == ("info", rules[0], list(rules[1:]))
    assert "2 blocking rules after it" in one.message


@pytest.mark.parametrize(
    "rules",
    [
        ("ct state established accept", "tcp dport 23 drop"),
        ('iifname "lo" accept', "tcp dport 23 drop"),
        ("tcp dport 23 drop", "ip saddr 10.0.0.0/8 accept"),
        ("ip saddr 10.0.0.0/8 tcp dport 23 accept", "tcp dport 23 drop"),
        ("ip saddr 10.0.0.0/8 accept", "ip saddr 192.0.2.0/24 drop"),
        ("ip saddr 10.0.0.0/8 accept", "tcp dport 23 accept"),
    ],
)
def test_no_false_alarm(found, rules: tuple[str, ...]) -> None:
    assert not found(ID, nft(*rules))


def test_of_two_verdicts_of_pf_that_stand_the_last_counts(found) -> None:
    text = "block drop in proto tcp from any to any port 23\npass in from 10.0.0.0/8 to any\n"
    (one,) = found(ID, text)
    assert at(one)[1] == "pass in from 10.0.0.0/8 to any"
    assert one.labels[0].text == "drops some of its packets where it comes last"


def test_quick_and_no_quick_have_no_order(found) -> None:
    assert not found(ID, "block drop in proto tcp from any to any port 23\npass in quick from 10.0.0.0/8 to any\n")


def test_many_pairs_are_cut_and_that_is_said(checked) -> None:
    accepts = [f"ip saddr 10.0.{n}.0/24 accept" for n in range(60)]
    drops = [f"tcp dport {n} drop" for n in range(1, 60)]
    done = checked({"a.nft": nft(*accepts, *drops)}, ID)
    assert done.findings
    assert all(len(each.labels) <= 20 for each in done.findings)
    assert done.findings[0].details == ("and 39 more rules",)
    assert any("beyond the first 2000 pairs" in each for each in done.left_out)
