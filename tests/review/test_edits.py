"""How the text and the rules of two versions differ, whatever that does to packets."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import Step
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.report.review_entries import edited_rules
from fwadvisor.report.review_text import idle_edits
from fwadvisor.review.alike import Text
from fwadvisor.review.changes import Kind
from fwadvisor.review.diff import review
from fwadvisor.review.edits import Edited, lines_changed


@pytest.fixture(scope="module")
def database():
    return load()


def nft(*rules, policy="drop", outside=""):
    return read_firewall([Source("f.nft", written(*rules, policy=policy, outside=outside).encode())], "nftables")


def written(*rules, policy="drop", outside=""):
    head = f"type filter hook input priority 0; policy {policy};"
    return "\n".join(["table inet f {", outside, "chain c {", head, *rules, "}", "}", ""])


def ports(*numbers):
    return [f"tcp dport {number} accept" for number in numbers]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "axc", 1),
        ("abc", "abxc", 1),
        ("abc", "ac", 1),
        ("abc", "cab", 1),
        ("abc", "xyz", 3),
        ("", "abc", 3),
    ],
)
def test_lines(old, new, lines):
    assert lines_changed(list(old), list(new)) == lines


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        (ports(1, 2, 3), ports(1, 2, 3), (0, 0, 0, 0)),
        (ports(1, 2), ports(1, 2, 3), (1, 0, 0, 1)),
        (ports(1, 2, 3), ports(1, 3), (0, 1, 0, 1)),
        (ports(1, 2, 3, 4), ports(4, 1, 2, 3), (0, 0, 1, 0)),
        (ports(1, 2), ports(1, 3), (1, 1, 0, 2)),
        # Written otherwise, the same: a set, a comment, a rule that does nothing.
        (ports(1, 2), ["tcp dport { 1, 2 } accept"], (1, 2, 0, 0)),
        (ports(1), ['tcp dport 1 accept comment "x"'], (0, 0, 0, 0)),
        (ports(1), [*ports(1), "counter"], (1, 0, 0, 0)),
    ],
)
def test_rules(database, old, new, edits):
    found = review(nft(*old), nft(*new), database, Budget(), lines=7).edits
    assert (found.added, found.removed, found.moved, found.effective) == edits
    assert found.lines == 7


def test_a_default_is_edited_where_it_differs(database):
    old, new = nft(), nft(policy="accept")
    edited = Edited.between(old, new)
    step = Step("inet f c", None)
    assert edited.is_edited(0, step)
    assert edited.is_edited(1, step)
    assert edited.decider(0, step).text == "the default of inet f c: drop"
    assert edited.decider(1, step).text == "the default of inet f c: accept"
    assert not Edited.between(old, old).is_edited(0, step)
    assert edited.decider(0, None).text == "nothing is asked: accept"


def test_between_dialects_no_rule_is_edited():
    other = read_firewall([Source("v4", b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n")], "iptables")
    edited = Edited.between(other, nft(*ports(1)))
    assert edited.rules == (frozenset(), frozenset())
    assert not edited.is_edited(0, Step("INPUT", next(other.rules())))


def test_unknown_changes_make_no_rule_effective(database):
    old = read_firewall([Source("v4", b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n")], "iptables")
    text = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -m nonesuch --what 1 -j ACCEPT\nCOMMIT\n"
    found = review(old, read_firewall([Source("v4", text)], "iptables"), database, Budget())
    assert found.unknown
    assert (found.edits.added, found.edits.effective, found.edits.unknown, found.edits.idle) == (1, 0, 1, 0)


def test_rules_that_can_meet_what_is_unknown_are_not_without_effect(database):
    """Those that decide it, and those that only come after it; others are told as ever."""
    new = [*ports(1), "tcp dport 2 queue num 0", "tcp dport 2-3 counter", "tcp dport 9 ct state new counter", *ports(5)]
    texts = Text.of([("f.nft", written(*ports(1, 2)))]), Text.of([("f.nft", written(*new))])
    found = review(nft(*ports(1, 2)), nft(*new), database, Budget(), texts=texts)
    assert {change.kind for change in found.changes} == {Kind.UNKNOWN, Kind.WIDENED}
    edits = found.edits
    assert (edits.added, edits.removed, edits.effective, edits.unknown, edits.idle) == (4, 1, 1, 3, 1)
    assert edited_rules(found) == "1 of 5 edited rules matters, 3 may"
    assert idle_edits(found) == "1 edited rule of 4 added, 1 removed"


def test_where_all_is_in_doubt_no_rule_is_without_effect(database):
    filling = "tcp dport 7 add @seen { ip saddr }"
    head, asks = "set seen { type ipv4_addr; flags dynamic; }", "ip saddr @seen accept"
    old, new = (nft(asks, *each, outside=head) for each in ((), (filling,)))
    found = review(old, new, database, Budget())
    assert found.doubts or found.unknown
    assert (found.edits.added, found.edits.effective, found.edits.unknown, found.edits.idle) == (1, 0, 1, 0)
