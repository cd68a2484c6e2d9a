"""What is said to the administrator: risks, the danger of locking oneself out, cautions, logging."""

from __future__ import annotations

import pytest

from fwadvisor.model.rule import Hook, OriginKind


def ids(compilation):
    return {note.id for note in compilation.notes}


@pytest.mark.parametrize(
    ("need", "locked"),
    [
        ("{flow: tcp 443, from: any, to: self}", True),
        ("{flow: tcp 22, from: any, to: self}", False),
        ("{flow: tcp 1-1024, from: any, to: self}", False),
        ("{flow: udp 3389, from: any, to: self}", True),
        ("{flow: tcp 22, from: self, to: any}", True),
        ("{flow: any, from: any, to: self}", False),
        ("{flow: {transport: [tcp], ports: any, source_ports: 20}, from: any, to: self}", True),
    ],
)
def test_lockout(compiled, need, locked):
    assert ("lockout" in ids(compiled(f"need: [{need}]"))) == locked


def test_no_lockout_where_the_default_accepts(compiled):
    text = "need: [{flow: tcp 443, from: any, to: self}]\ndefaults: {input: accept}"
    assert "lockout" not in ids(compiled(text))


@pytest.mark.parametrize(
    ("source", "said"),
    [("any", "is open to anybody"), ("internet", "is open to the internet"), ("office", ""), ("lan", "")],
)
def test_risky_ports_that_everybody_reaches(compiled, source, said):
    zones = "zones: {office: 198.51.100.0/24, lan: {interfaces: [eth1]}}"
    result = compiled(f"{zones}\nneed: [{{flow: tcp 3389, from: {source}, to: self}}]")
    risks = [note.text for note in result.notes if note.id == "open-to-everybody"]
    assert [said in text for text in risks] == ([True] if said else [])


def test_outbound_is_no_exposure(compiled):
    assert "open-to-everybody" not in ids(compiled("need: [{flow: tcp 3389, from: self, to: any}]"))


def test_closing_says_what_it_takes(compiled):
    result = compiled("forbid: [{application: netmeeting}]")
    (note,) = [note for note in result.notes if note.id == "forbid-effect"]
    assert "tcp 389 (directory-ils) only towards the internet" in note.text
    assert note.places[0].line == 3


def test_helper_notes_are_for_who_has_helpers(compiled):
    text = (
        "zones: {peers: 203.0.113.0/24}\nneed:\n- application: h323-endpoint\n"
        "  roles: {caller: [self, peers], callee: [self, peers]}\n  media: {calls: 1}\n"
    )
    assert {"helper-h323", "watch-h323"} <= ids(compiled(text, target="nftables"))
    assert not {"helper-h323", "watch-h323"} & ids(compiled(text, target="pf"))
    assert "pin-on-device" in ids(compiled(text, target="pf"))


def test_log_of_statements_and_defaults(compiled):
    text = (
        "need:\n- {flow: tcp 443, from: any, to: self, log: true}\n- {flow: tcp 80, from: any, to: self}\n"
        "forbid:\n- {flow: tcp 25, log: true, verdict: reject}\n"
        "defaults: {input: {verdict: drop, log: true}}\nlog: {rate: 7}\n"
    )
    chain = compiled(text).ruleset.chain(Hook.INPUT)
    logs = {
        rule.match.destination_ports[0][0]: rule.log
        for rule in chain.rules
        if rule.origin.kind in (OriginKind.NEED, OriginKind.FORBID)
    }
    assert logs[80] is None
    assert (logs[443].prefix, logs[443].rate) == ("fwadvisor input accept: ", 7)
    assert logs[25].prefix == "fwadvisor input reject: "
    assert chain.default_log.prefix == "fwadvisor input drop: "


def test_unlimited_log(compiled):
    text = "need: [{flow: tcp 443, from: any, to: self, log: true}]\nlog: {rate: unlimited}"
    (rule,) = [r for r in compiled(text).ruleset.chain(Hook.INPUT).rules if r.log]
    assert rule.log.rate is None


def test_every_rule_knows_where_it_comes_from(compiled):
    text = (
        "need:\n- {flow: tcp 443, from: any, to: self, reason: because, ticket: T-1, expires: 2027-01-01}\n"
        "forbid:\n- {application: t120-conference}\n"
    )
    for chain in compiled(text).ruleset.chains:
        for rule in chain.rules:
            origin = rule.origin
            assert origin.text
            if origin.kind is OriginKind.NEED:
                assert (origin.profile, origin.place.line, origin.reason, origin.ticket) == ("p0", 4, "because", "T-1")
                assert origin.expires == "2027-01-01"
            if origin.kind is OriginKind.FORBID:
                assert (origin.application, origin.flow, origin.place.line) == ("t120-conference", "mcs", 6)
