"""What helpers expect is accepted for the need that negotiates, and never past a closed port."""

import pytest

from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import TCP, UDP, Hook, State

H323 = (
    "zones: {peers: 8.8.8.0/24}\nneed:\n- application: h323-endpoint\n"
    "  roles: {caller: [self, peers], callee: [self, peers]}\n  features: [audio, video]\n"
)


def related(compilation, hook):
    """Protocol -> the ports that related connections may have."""
    found = {}
    for rule in compilation.ruleset.chain(hook).rules:
        if rule.match.states == (State.RELATED,) and rule.match.helpers:
            found |= dict.fromkeys(rule.match.protocols, rule.match.destination_ports)
    return found


def test_high_ports_without_closing_statements(compiled):
    for hook in (Hook.INPUT, Hook.OUTPUT):
        assert related(compiled(H323), hook) == {TCP: ((1024, 65535),), UDP: ((1024, 65535),)}


def test_a_call_cannot_open_what_is_forbidden(compiled):
    """The H.323 helper follows T.120 too, which closing NetMeeting forbids."""
    result = compiled(H323, "forbid: [{application: netmeeting}]")
    for hook in (Hook.INPUT, Hook.OUTPUT):
        ports = related(result, hook)
        assert not any(contains(ports[TCP], port) for port in (1503, 1720, 1731))
        assert contains(ports[TCP], 1504)
        assert ports[UDP] == ((1024, 65535),)


def test_a_call_cannot_open_what_is_ruled_out(compiled):
    result = compiled(H323, "never: [{flow: tcp 3389, from: internet, to: self}]")
    assert not contains(related(result, Hook.INPUT)[TCP], 3389)
    assert contains(related(result, Hook.OUTPUT)[TCP], 3389)


def test_a_wide_guardrail_against_tracked_calls_is_an_error(compiled):
    with pytest.raises(PolicyError) as caught:
        compiled(H323, "never: [{flow: udp 1024-65535, from: internet, to: self}]")
    assert "RAS, Q.931, H.245 negotiated" in caught.value.diagnostics[0].message
    compiled(H323, "never: [{flow: udp 1024-65535, from: private, to: self}]")


def test_a_statement_that_closes_nothing_says_so(compiled):
    result = compiled("zones: {a: 10.0.0.1, b: 10.0.0.2}\nforbid: [{flow: tcp 80, from: a, to: b}]")
    assert "closes-nothing" in {note.id for note in result.notes}
