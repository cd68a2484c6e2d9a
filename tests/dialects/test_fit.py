"""What a dialect cannot say: an error that names rule and dialects, or with leave a narrower rule and a note."""

from __future__ import annotations

import pytest

from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.fit import fit
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.rule import (
    SCTP,
    TCP,
    Chain,
    Hook,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    Verdict,
)


def rule(verdict=Verdict.ACCEPT, text="the rule", log=None, **match):
    origin = Origin(kind=OriginKind.NEED, text=text, place=Place("mine.yaml", 7, 5))
    return Rule(Match(**match), verdict, origin, log)


def ruleset(*rules, hook=Hook.INPUT, default=Verdict.DROP, log=None):
    return Ruleset(name="x", chains=(Chain(hook, rules, default, log),))


def capabilities(name):
    return dialect(name).capabilities


#: What each dialect cannot say, as (dialects, ruleset, words of the message, who can).
UNSAID = [
    (("windows",), ruleset(rule(), hook=Hook.FORWARD), "cannot filter forward", "iptables, nftables, pf"),
    (("windows",), ruleset(rule(Verdict.REJECT)), 'verdict "reject" of the rule "the rule"', "iptables, nftables, pf"),
    (("windows",), ruleset(default=Verdict.REJECT), 'verdict "reject"', "iptables, nftables, pf"),
    (
        ("windows", "pf"),
        ruleset(rule(protocols=(SCTP,), destination_ports=((3868, 3868),))),
        "the sctp ports",
        "iptables, nftables",
    ),
    (
        ("iptables", "nftables", "pf"),
        ruleset(rule(in_interfaces=("Ethernet 2",))),
        'the interface name "Ethernet 2"',
        "windows",
    ),
]
PAIRS = [(name, *rest) for names, *rest in UNSAID for name in names]


@pytest.mark.parametrize(("name", "asked", "message", "able"), PAIRS)
def test_what_cannot_be_said_is_an_error(name, asked, message, able):
    with pytest.raises(InexpressibleError) as refusal:
        fit(asked, capabilities(name))
    (problem,) = refusal.value.diagnostics
    assert message in problem.message
    assert f"{able} can say it" in problem.hint
    if asked.chains[0].rules:
        assert str(problem.span) == "mine.yaml:7:5"


@pytest.mark.parametrize("name", DIALECTS)
def test_what_can_be_said_stays_as_it_is(name):
    asked = ruleset(rule(protocols=(TCP,), destination_ports=((22, 22),), in_interfaces=("eth0",)), rule(Verdict.DROP))
    assert fit(asked, capabilities(name)) == (asked, [])
    said = {names: message for names, _, message, _ in UNSAID}
    for names, asked, *_ in UNSAID:
        if name not in names:
            assert fit(asked, capabilities(name))[0] == asked, said


def test_an_accept_that_cannot_be_said_is_left_out():
    asked = ruleset(rule(protocols=(SCTP,), destination_ports=((1, 1),)), rule(protocols=(TCP,)))
    fitted, (note,) = fit(asked, capabilities("pf"), approximate=True)
    assert [each.match.protocols for each in fitted.chains[0].rules] == [(TCP,)]
    assert '"the rule" is left out: it stays closed' in note.text
    assert note.places == (Place("mine.yaml", 7, 5),)


def test_a_closing_rule_that_cannot_be_said_closes_more():
    asked = ruleset(rule(Verdict.DROP, protocols=(SCTP,), destination_ports=((1, 1),)), default=Verdict.ACCEPT)
    fitted, (note,) = fit(asked, capabilities("pf"), approximate=True)
    (kept,) = fitted.chains[0].rules
    assert kept.match == Match(protocols=(SCTP,))
    assert "closes more than the policy asks" in note.text


def test_a_refusal_becomes_silence():
    fitted, notes = fit(
        ruleset(rule(Verdict.REJECT), default=Verdict.REJECT), capabilities("windows"), approximate=True
    )
    assert fitted.chains[0].rules[0].verdict is Verdict.DROP
    assert fitted.chains[0].default is Verdict.DROP
    assert len(notes) == 2


def test_approximate_never_drops_a_whole_direction():
    with pytest.raises(InexpressibleError, match="cannot filter forward"):
        fit(ruleset(rule(), hook=Hook.FORWARD), capabilities("windows"), approximate=True)


def test_a_forward_chain_that_only_passes_needs_no_gateway():
    passing = ruleset(hook=Hook.FORWARD, default=Verdict.ACCEPT)
    fitted, (note,) = fit(passing, capabilities("windows"))
    assert fitted.chains == ()
    assert "forward" in note.text
    assert "not filtered" in note.text


def test_a_host_that_forwards_nothing_says_what_that_means_for_containers():
    for name in ("iptables", "nftables", "pf"):
        _, (note,) = fit(ruleset(hook=Hook.FORWARD), capabilities(name))
        assert "containers" in note.text
        assert fit(ruleset(hook=Hook.FORWARD, default=Verdict.ACCEPT), capabilities(name))[1] == []
    _, (note,) = fit(ruleset(hook=Hook.FORWARD), capabilities("windows"))
    assert "not filtered" in note.text


def test_logs_that_cannot_be_said_are_noted_and_change_no_verdict():
    asked = ruleset(rule(log=Log("x")), log=Log("y"))
    fitted, (note,) = fit(asked, capabilities("windows"))
    assert fitted.chains[0].rules[0].log is None
    assert fitted.chains[0].rules[0].match == Match()
    assert "cannot log" in note.text


def test_all_problems_of_a_dialect_come_in_one_error():
    asked = ruleset(rule(Verdict.REJECT, "one"), rule(text="two", protocols=(SCTP,), destination_ports=((1, 1),)))
    with pytest.raises(InexpressibleError) as refusal:
        fit(asked, capabilities("windows"))
    assert [('"one"' in each.message, '"two"' in each.message) for each in refusal.value.diagnostics] == [
        (True, False),
        (False, True),
    ]
