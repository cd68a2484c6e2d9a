"""Negotiated flows: what becomes of them for each strategy in each dialect, and the arithmetic of ranges."""

from __future__ import annotations

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import format_ports
from fwadvisor.model.rule import TCP, UDP, Hook, OriginKind, State

LINUX, OTHERS = ("iptables", "nftables"), ("windows", "pf")


def h323(media="", features="[audio, video]", extra=""):
    media = f"  media: {{{media}}}\n" if media else ""
    return (
        "zones: {peers: 203.0.113.0/24, server: 203.0.113.20}\nneed:\n- application: h323-endpoint\n"
        f"  roles: {{caller: [self, peers], callee: [self, peers], gatekeeper: server}}\n"
        f"  features: {features}\n{media}{extra}"
    )


def ranges(compilation, hook=Hook.INPUT):
    """The negotiated flows that have a static rule, with their ports."""
    return {
        rule.origin.flow: format_ports(rule.match.destination_ports)
        for rule in compilation.ruleset.chain(hook).rules
        if rule.origin.kind is OriginKind.NEED and rule.origin.flow in ("call-control", "media-out", "media-back")
    }


def note(compilation, id):
    (found,) = [each for each in compilation.notes if each.id == id]
    return found


@pytest.mark.parametrize("target", LINUX)
@pytest.mark.parametrize("strategy", ["auto", "tracked"])
def test_linux_tracks(compiled, target, strategy):
    result = compiled(h323(f"strategy: {strategy}"), target=target)
    assert ranges(result) == {}
    assert {(a.helper, a.hook) for a in result.ruleset.helpers} == {("Q.931", Hook.INPUT), ("Q.931", Hook.OUTPUT)}
    for hook in (Hook.INPUT, Hook.OUTPUT):
        (related,) = [rule for rule in result.ruleset.chain(hook).rules if rule.match.helpers]
        assert set(related.match.helpers) == {"RAS", "Q.931", "H.245"}
        assert related.match.states == (State.RELATED,)
        assert related.match.destination_ports == ((1024, 65535),)
    assert "no negotiated port is open" in note(result, "media-exposure").text


@pytest.mark.parametrize("target", OTHERS)
def test_others_pin_what_linux_tracks(compiled, target):
    result = compiled(h323("calls: 3, streams: 4, preset: generic"), target=target)
    # UDP 2 x 4 x 3, doubled; TCP 2 x 3, doubled; both from 3230.
    assert ranges(result) == {"call-control": "3230-3241", "media-out": "3230-3277"}
    assert ranges(result, Hook.OUTPUT) == {"call-control": "3230-3241", "media-out": "3230-3277"}
    assert result.ruleset.helpers == ()
    assert "48 UDP ports and 12 TCP ports" in note(result, "media-exposure").text
    text = note(result, "media-pinned").text
    streams = "4 streams (audio, video, far-end camera, content)"
    assert f"UDP 2 ports (RTP, RTCP) x {streams} x 3 calls = 24, doubled to 48: 3230-3277" in text
    assert "TCP 2 ports (call signalling's own, H.245) x 3 calls = 6, doubled to 12: 3230-3241" in text


@pytest.mark.parametrize(
    ("calls", "streams", "tcp", "udp"),
    [(1, 1, "3230-3233", "3230-3233"), (1, 4, "3230-3233", "3230-3245"), (2, 3, "3230-3237", "3230-3253"),
     (10, 4, "3230-3269", "3230-3389")],
)  # fmt: skip
def test_arithmetic_of_the_generic_preset(compiled, calls, streams, tcp, udp):
    result = compiled(h323(f"strategy: pinned, calls: {calls}, streams: {streams}"))
    assert ranges(result) == {"call-control": tcp, "media-out": udp}


def test_presets_are_taken_as_the_maker_ships_them(compiled):
    result = compiled(h323("strategy: pinned, preset: cisco-tc, calls: 3"))
    assert ranges(result) == {"call-control": "11000-20999", "media-out": "2326-2487"}
    assert "PortAllocation" in note(result, "pin-on-device").text


def test_a_range_of_the_profile_goes_before_the_preset(compiled):
    result = compiled(h323("strategy: pinned, tcp: 5000-5009, calls: 1"))
    assert ranges(result) == {"call-control": "5000-5009", "media-out": "3230-3245"}


@pytest.mark.parametrize("target", LINUX)
def test_a_range_of_the_profile_is_a_fallback_beside_tracking(compiled, target):
    result = compiled(h323("tcp: 3230-3243, udp: 3230-3285"), target=target)
    assert ranges(result) == {"call-control": "3230-3243", "media-out": "3230-3285"}
    assert result.ruleset.helpers
    assert "fallback" in note(result, "media-tracked").text


@pytest.mark.parametrize(
    ("media", "message", "hint"),
    [
        ("strategy: pinned, tcp: 5000-5009, udp: 5001-5050", "starts at an odd port", "start at 5002"),
        ("strategy: pinned, tcp: 5000-5009, udp: 5000-5009, calls: 2", "the calls take 16", "better 32"),
        ("strategy: pinned, calls: 10000", "do not fit", "tcp"),
    ],
)
def test_ranges_that_cannot_work(compiled, media, message, hint):
    with pytest.raises(PolicyError) as refusal:
        compiled(h323(media))
    (problem,) = refusal.value.diagnostics
    assert message in problem.message
    assert hint in problem.hint
    assert problem.span.line == 5


@pytest.mark.parametrize("target", DIALECTS)
def test_tunnelled_needs_no_control_channel(compiled, target):
    result = compiled(h323("strategy: tunnelled, calls: 1"), target=target)
    assert ranges(result) == {"media-out": "3230-3245"}
    assert result.ruleset.helpers == ()


@pytest.mark.parametrize("target", DIALECTS)
def test_refused_opens_call_setup_only(compiled, target):
    result = compiled(h323("strategy: refused"), target=target)
    assert ranges(result) == {}
    assert "without control or media" in note(result, "media-refused").text


@pytest.mark.parametrize("target", DIALECTS)
def test_everything_is_marked(compiled, target):
    result = compiled(h323("strategy: everything"), target=target)
    assert ranges(result) == {"call-control": "1024-65535", "media-out": "1024-65535"}
    assert "EVERY HIGH PORT is open towards peers" in note(result, "media-everything").text


def test_everything_is_never_for_everybody(compiled):
    both = "caller: [self, peers], callee: [self, peers]"
    text = h323("strategy: everything").replace(both, "caller: any, callee: self")
    for everybody in ("any", "internet", "[internet, private]"):
        with pytest.raises(PolicyError, match="every high port to anybody"):
            compiled(text.replace("caller: any", f"caller: {everybody}"))


def test_everything_outbound_is_no_opening(compiled):
    text = (
        "need:\n- application: webrtc\n  roles: {browser: self, service: any, relay: any, peer: any}\n"
        "  features: [direct-media]\n  media: {strategy: everything}\n"
    )
    result = compiled(text)
    assert "open outbound towards" in note(result, "media-everything").text
    assert not [rule for rule in result.ruleset.chain(Hook.INPUT).rules if rule.origin.kind is OriginKind.NEED]


@pytest.mark.parametrize("target", DIALECTS)
def test_traversal_is_outbound_to_its_server(compiled, target):
    text = h323("strategy: traversal, server: server, tcp: 2776-2777, udp: 2776-2777").replace("[self, peers]", "self")
    text = text.replace("callee: self", "callee: server")
    result = compiled(text, target=target)
    assert ranges(result) == {}
    negotiated = [rule for rule in result.ruleset.chain(Hook.OUTPUT).rules if "(traversal)" in rule.origin.text]
    assert {rule.match.protocols for rule in negotiated} == {(TCP,), (UDP,)}
    assert {rule.match.destination.name for rule in negotiated} == {"server"}


def test_traversal_without_server_or_ports_shows_what_to_write(compiled):
    with pytest.raises(PolicyError) as refusal:
        compiled(h323("strategy: traversal"))
    (problem,) = refusal.value.diagnostics
    assert "needs server" in problem.message
    assert problem.hint == "write  media: {strategy: traversal, server: ZONE, tcp: PORTS, udp: PORTS}"


@pytest.mark.parametrize("target", OTHERS)
def test_tracked_in_so_many_words_is_an_error_where_nothing_tracks(compiled, target):
    with pytest.raises(PolicyError, match="no connection-tracking helpers"):
        compiled(h323("strategy: tracked"), target=target)


@pytest.mark.parametrize("target", LINUX)
def test_encrypted_signalling_is_not_tracked(compiled, target):
    tls = "[call-setup-tls, call-control, media-out, media-back]"
    text = h323("calls: 1").replace("features: [audio, video]", f"only: {tls}")
    result = compiled(text, target=target)
    assert result.ruleset.helpers == ()
    assert ranges(result) == {"call-control": "3230-3233", "media-out": "3230-3245"}
    with pytest.raises(PolicyError, match="no connection-tracking helper can read call-setup-tls"):
        compiled(text.replace("calls: 1", "strategy: tracked"), target=target)


@pytest.mark.parametrize("target", OTHERS)
def test_netmeeting_cannot_be_pinned_and_says_so(compiled, target):
    text = "zones: {peers: 10.9.0.0/24}\nneed:\n- application: netmeeting\n  roles: {caller: peers, callee: self}\n"
    with pytest.raises(PolicyError, match="NetMeeting cannot be limited to fixed ports"):
        compiled(text, target=target)


def test_a_gatekeeper_is_tracked_for_itself_and_calls_for_the_peers(compiled):
    result = compiled(h323(features="[audio, gatekeeper]"))
    inbound = {(a.helper, a.match.source.name) for a in result.ruleset.helpers if a.hook is Hook.INPUT}
    outbound = {(a.helper, a.match.destination.name) for a in result.ruleset.helpers if a.hook is Hook.OUTPUT}
    assert inbound == outbound == {("RAS", "server"), ("Q.931", "peers")}


def test_negotiated_flows_of_other_applications(compiled):
    ftp = "zones: {c: 10.0.0.0/8}\nneed:\n- application: ftp\n  roles: {client: c, server: self}\n  modes: [passive]\n"
    (assignment,) = compiled(ftp).ruleset.helpers
    assert (assignment.helper, assignment.match.destination_ports) == ("ftp", ((21, 21),))
    with pytest.raises(PolicyError, match="not pinned to a range"):
        compiled(ftp, target="pf")
    pinned = compiled(ftp + "  media: {tcp: 50000-50099}\n", target="pf")
    assert [
        format_ports(rule.match.destination_ports)
        for rule in pinned.ruleset.chain(Hook.INPUT).rules
        if rule.origin.flow == "data-passive"
    ] == ["50000-50099"]
