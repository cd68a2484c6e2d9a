"""Lists and neighbouring rules of negations that match everything together."""

from __future__ import annotations

import pytest

from .conftest import at, nft

ALWAYS = "always-matching-list"


def test_a_list_of_negated_ports_in_pf_matches_everything(found) -> None:
    rule = "block drop in proto tcp from any to any port { != 22, != 80 }"
    (one,) = found(ALWAYS, f"{rule}\n")
    assert at(one) == ("medium", rule, [])


def test_a_list_of_negations_in_pf_matches_everything(found) -> None:
    rule = "pass in proto tcp from { !10.0.0.0/8, !192.168.0.0/16 } to any port 22"
    (one,) = found(ALWAYS, f"block drop in all\n{rule}\n")
    assert at(one) == ("high", rule, [])
    assert "these alternatives exclude different values of the source" in one.message


def test_two_rules_that_each_exclude_something_match_everything(found) -> None:
    rules = ("ip saddr != 10.0.0.0/8 tcp dport 22 drop", "ip saddr != 192.168.0.0/16 tcp dport 22 drop")
    (one,) = found(ALWAYS, nft(*rules))
    assert at(one) == ("medium", rules[0], [rules[1]])


@pytest.mark.parametrize(
    "rules",
    [
        ("ip saddr != 10.0.0.0/8 tcp dport 22 drop", "ip saddr != 192.168.0.0/16 tcp dport 23 drop"),
        ("ip saddr != 10.0.0.0/8 tcp dport 22 drop", "ip saddr 10.0.0.0/8 tcp dport 22 accept"),
        ("ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } tcp dport 22 drop",),
        ("ip saddr != 10.0.0.0/8 tcp dport 22 drop", "ip saddr != 10.0.0.0/16 tcp dport 22 drop"),
        ("ip saddr 0.0.0.0/1 tcp dport 22 drop", "ip saddr 128.0.0.0/1 tcp dport 22 drop"),
    ],
)
def test_no_false_alarm(found, rules: tuple[str, ...]) -> None:
    assert not found(ALWAYS, nft(*rules))
