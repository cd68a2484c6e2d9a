"""How the text and the rules of two versions differ, whatever that does to packets."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import Step
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.diff import review
from fwadvisor.review.edits import Edited, lines_changed


@pytest.fixture(scope="module")
def database():
    return load()


def nft(*rules, policy="drop"):
    lines = "\n".join(rules)
    text = f"table inet f {{\nchain c {{\ntype filter hook input priority 0; policy {policy};\n{lines}\n}}\n}}\n"
    return read_firewall([Source("f.nft", text.encode())], "nftables")


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
    assert (found.edits.added, found.edits.effective) == (1, 0)
