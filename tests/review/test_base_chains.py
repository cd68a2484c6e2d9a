"""Who decides where a packet passes several base chains: what people would change, not one that accepts everything."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.proof.comparison import compare_firewalls
from fwadvisor.review.changes import Kind
from fwadvisor.review.diff import review
from fwadvisor.review.find import Asked, find
from fwadvisor.review.flow_file import own_language
from fwadvisor.review.flow_text import parse_flow
from fwadvisor.review.trace import trace

#: As `iptables-save` prints it on most machines: tables of which no chain refuses anything come before and after.
SAVED = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth9 -j MASQUERADE
COMMIT
*mangle
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A INPUT -p tcp --dport 1720 -j ACCEPT
-A INPUT -j LOG --log-prefix "in "
-A FORWARD -i eth1 -j ACCEPT
COMMIT
"""
EDITS = {
    Kind.WIDENED: ("INPUT -p tcp --dport 1720 -j ACCEPT", "INPUT -p tcp --dport 1720:1721 -j ACCEPT"),
    Kind.NARROWED: ("FORWARD -i eth1 -j", "FORWARD -i eth1 -p udp -j"),
    Kind.TREATED: ("--helper Q.931", "--helper RAS"),
    Kind.RELOGGED: ('"in "', '"input "'),
}


@pytest.fixture(scope="module")
def database():
    return load()


def read(text):
    return read_firewall([Source("r.v4", text.encode())])


def said(step):
    return step.rule.text if step.rule else f"the default of {step.chain}"


@pytest.mark.parametrize("kind", EDITS)
def test_a_review_names_the_rule_that_was_edited(kind, database):
    before, after = EDITS[kind]
    reviewed = review(read(SAVED), read(SAVED.replace(before, after)), database, Budget())
    assert {change.kind for change in reviewed.changes} == {kind}
    deciders = [decider for change in reviewed.changes for side in change.deciders for decider in side]
    edited = {decider.text for decider in deciders if decider.edited}
    assert any(before in text or after in text for text in edited)
    assert reviewed.edits.effective == len(edited)
    assert not any("nat" in decider.chain or "mangle" in decider.chain for decider in deciders)


def test_a_review_names_the_rule_that_translates(database):
    after = SAVED.replace("-o eth9 -j MASQUERADE", "-o eth9 -j SNAT --to-source 192.0.2.1")
    reviewed = review(read(SAVED), read(after), database, Budget())
    assert {change.kind for change in reviewed.changes} == {Kind.TREATED}
    texts = {decider.text for change in reviewed.changes for side in change.deciders for decider in side}
    assert texts == {"-A POSTROUTING -o eth9 -j MASQUERADE", "-A POSTROUTING -o eth9 -j SNAT --to-source 192.0.2.1"}


def test_where_nothing_writes_an_effect_any_more_the_verdict_is_what_decides(database):
    after = SAVED.replace("-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931\n", "")
    change = next(each for each in review(read(SAVED), read(after), database, Budget()).changes if each.hook == "input")
    assert change.kind is Kind.TREATED
    assert [[decider.text for decider in side] for side in change.deciders] == [
        ["-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931"],
        ["-A INPUT -p tcp --dport 1720 -j ACCEPT"],
    ]


def test_a_flow_is_decided_by_the_rule_of_the_chain_that_refuses():
    flow = parse_flow("203.0.113.5 -> self:1720/tcp", own_language(load()))
    (part,) = trace(read(SAVED), flow, Budget()).parts
    assert [said(step) for step in part.deciders] == ["-A INPUT -p tcp --dport 1720 -j ACCEPT"]


def test_packets_that_are_found_are_accepted_by_the_rule_of_the_chain_that_refuses():
    region = parse_flow("any -> self:1700-1800/tcp", own_language(load(), exact=False))
    answer = find(read(SAVED), region, Asked.ACCEPTS, Budget())
    assert [said(share.step) for share in answer.shares] == ["-A INPUT -p tcp --dport 1720 -j ACCEPT"]


def test_a_comparison_names_the_rule_of_the_chain_that_refuses():
    before, after = EDITS[Kind.WIDENED]
    (difference,) = compare_firewalls(read(SAVED), read(SAVED.replace(before, after)), Budget()).differences
    assert said(difference.steps[1]) == f"-A {after}"
