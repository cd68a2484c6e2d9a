"""Fixed ranges: the sums, what a given range has to be, and what it must not run over."""

from __future__ import annotations

import pytest

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.errors import PolicyError
from fwadvisor.model.interval import format_ports
from fwadvisor.model.rule import Hook, OriginKind

PINNED = "strategy: pinned"


def h323(media, extra=""):
    return (
        "zones: {peers: 203.0.113.0/24, server: 203.0.113.20}\nneed:\n- application: h323-endpoint\n"
        "  roles: {caller: [self, peers], callee: [self, peers], gatekeeper: server}\n"
        f"  features: [audio, video]\n  media: {{{media}}}\n{extra}"
    )


def ranges(compilation):
    """The negotiated flows that have a static rule for what comes in, with their ports."""
    return {
        rule.origin.flow: format_ports(rule.match.destination_ports)
        for rule in compilation.ruleset.chain(Hook.INPUT).rules
        if rule.origin.kind is OriginKind.NEED and rule.origin.flow in ("call-control", "media-out", "media-back")
    }


def note(compilation, id):
    (found,) = [each for each in compilation.notes if each.id == id]
    return found


def problems(compiled, *texts, **options):
    with pytest.raises(PolicyError) as refusal:
        compiled(*texts, **options)
    return refusal.value.diagnostics


# sums


@pytest.mark.parametrize(
    ("media", "tcp", "udp", "said"),
    [
        ("calls: 1, streams: 1", "3230-3233", "3230-3233", "1 stream (audio) x 1 call = 2, doubled to 4"),
        ("calls: 2, streams: 2", "3230-3237", "3230-3245", "2 streams (audio, video) x 2 calls = 8, doubled to 16"),
        ("calls: 2, streams: 6", "3230-3237", "3230-3277", "far-end camera, content, 2 more) x 2 calls = 24"),
        ("calls: 3, data: true", "3230-3247", "3230-3277", "(call signalling's own, H.245, T.120) x 3 calls = 9"),
    ],
)
def test_the_sum_is_made_of_named_parts(compiled, media, tcp, udp, said):
    result = compiled(h323(f"{PINNED}, {media}"))
    assert ranges(result) == {"call-control": tcp, "media-out": udp}
    text = note(result, "media-pinned").text
    assert said in text
    assert "an MCU counts participants as calls" in text


def test_tunnelled_calls_take_one_tcp_port_which_is_their_own(compiled):
    result = compiled(h323("strategy: tunnelled, calls: 2"))
    assert ranges(result) == {"media-out": "3230-3261"}
    result = compiled(h323("strategy: tunnelled, calls: 2, data: true"))
    assert ranges(result) == {"call-control": "3230-3237", "media-out": "3230-3261"}
    assert "TCP 2 ports (call signalling's own, T.120) x 2 calls = 4" in note(result, "media-tunnelled").text
    (problem,) = problems(compiled, h323("strategy: tunnelled, calls: 2, data: true, tcp: 3230-3232"))
    assert "the calls take 4" in problem.message


def test_a_range_of_the_profile_is_held_against_the_sum(compiled):
    text = note(compiled(h323(f"{PINNED}, tcp: 5000-5005, udp: 5000-5023, calls: 3")), "media-pinned").text
    assert "x 3 calls = 24, doubled 48; UDP 5000-5023 of the profile has 24" in text
    unsaid = note(compiled(h323(f"{PINNED}, tcp: 5000-5005, udp: 5000-5023")), "media-pinned").text
    assert "calls" not in unsaid


def test_a_preset_that_is_too_small_is_doubted(read, database):
    policy = read(h323(f"{PINNED}, preset: polycom-viewstation-ex, calls: 3"))
    result = compile_policy(policy, database, dialect("pf").capabilities)
    (warning,) = result.warnings
    assert "3230-3247 of preset polycom-viewstation-ex has 18 ports, but UDP" in warning.message
    policy = read(h323(f"{PINNED}, preset: polycom-viewstation-ex, calls: 3, streams: 3"))
    assert compile_policy(policy, database, dialect("pf").capabilities).warnings == ()


@pytest.mark.parametrize("target", DIALECTS)
def test_the_note_for_the_device_says_where_it_is_written(compiled, target):
    text = note(compiled(h323(f"{PINNED}, preset: cisco-tc, calls: 1"), target=target), "pin-on-device").text
    assert "Cisco EX, MX and C series with TC software, setting on the device: xConfiguration H323 Profile 1" in text
    assert "Source: Cisco TelePresence System EX90/EX60 Administrator Guide" in text
    assert "https://www.easymanua.ls/cisco/ex90/" in text


# what a range has to be


@pytest.mark.parametrize(
    ("media", "message", "hint"),
    [
        ("tcp: 5000-5009, udp: 5001-5050", "5001-5050 starts at an odd port", "start at 5002, or at 5000"),
        ("tcp: 5000-5009, udp: [5000-5009, 6001-6010]", "6001-6010 starts at an odd port", "start at 6002"),
        ("tcp: 5000-5009, udp: 5000-5050", "ends at an even port", "end at 5051"),
        ("tcp: 5000-5002, udp: 5000-5049, calls: 2", "TCP range 5000-5002 holds 3 ports, but the calls take 4", "8"),
        ("tcp: 5000-5009, udp: 5000-5005", "UDP range 5000-5005 holds 6 ports, but the calls take 8", "better 16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strategy", ["auto", "pinned"])
def test_a_range_that_cannot_work_is_an_error_with_the_way_out(compiled, strategy, media, message, hint):
    (problem,) = problems(compiled, h323(f"strategy: {strategy}, {media}"))
    assert message in problem.message
    assert hint in problem.hint


def test_ranges_that_carry_no_calls_have_no_parity(compiled):
    text = (
        "zones: {lan: 10.0.0.0/8}\nneed:\n- application: tftp\n  roles: {client: lan, server: self}\n"
        "  media: {udp: 50001-50003}\n"
    )
    (rule,) = [
        each for each in compiled(text, target="pf").ruleset.chain(Hook.OUTPUT).rules if each.origin.flow == "answer"
    ]
    assert rule.match.destination_ports == ((50001, 50003),)


# what a range must not run over

STORE = "- flow: tcp 3234\n  from: peers\n  to: self\n"


def test_a_port_of_another_need_inside_a_range_is_a_clash(compiled):
    (problem,) = problems(compiled, h323(f"{PINNED}, calls: 2", extra=STORE))
    assert "TCP range 3230-3237 of h323-endpoint holds 3234" in problem.message
    assert problem.labels[0].text == "needed here"
    assert ranges(compiled(h323(f"{PINNED}, calls: 1", extra=STORE)))


def test_a_port_of_the_same_need_inside_a_range_is_a_clash(compiled):
    (problem,) = problems(compiled, h323(f"{PINNED}, tcp: 1718-1737, udp: 3230-3249, calls: 2"))
    assert "holds 1720" in problem.message


def test_a_service_of_this_machine_for_others_is_a_clash(compiled):
    """The range would open it to the peers as well."""
    other = h323(f"{PINNED}, calls: 2", extra=STORE.replace("from: peers", "from: elsewhere"))
    (problem,) = problems(compiled, other.replace("zones: {", "zones: {elsewhere: 198.51.100.0/24, "))
    assert "TCP range 3230-3237 of h323-endpoint holds 3234" in problem.message


def test_the_same_port_of_others_is_no_clash(compiled):
    other = h323(f"{PINNED}, calls: 2", extra=STORE.replace("from: peers\n  to: self", "from: self\n  to: elsewhere"))
    assert ranges(compiled(other.replace("zones: {", "zones: {elsewhere: 198.51.100.0/24, ")))


def test_the_same_range_opened_to_further_zones_is_no_clash(compiled):
    more = "- flow: udp 5000-5031\n  from: server\n  to: self\n"
    assert ranges(compiled(h323(f"{PINNED}, tcp: 5000-5009, udp: 5000-5031, calls: 2", extra=more)))


def test_one_range_for_two_applications_is_a_clash(compiled):
    phone = (
        "- application: sip-phone\n  roles: {phone: self, registrar: server, peer: peers}\n"
        "  media: {strategy: pinned, udp: 3240-3259}\n"
    )
    (problem,) = problems(compiled, h323(f"{PINNED}, calls: 2", extra=phone))
    assert "UDP 3240-3259 is kept for sip-phone, but also for h323-endpoint" in problem.message
    assert ranges(compiled(h323(f"{PINNED}, calls: 2", extra=phone.replace("3240-3259", "3270-3289"))))


@pytest.mark.parametrize("target", DIALECTS)
def test_a_forbidden_port_inside_a_range_is_never_opened_silently(compiled, target):
    closed = "forbid:\n- flow: udp 3234\n"
    (problem,) = problems(compiled, h323(f"{PINNED}, calls: 2", extra=closed), target=target)
    assert "holds 3234, which a forbid statement closes" in problem.message
    assert "forbid: udp 3234" in problem.labels[0].text


def test_a_fallback_is_held_against_the_rest_as_well(compiled):
    closed = "forbid:\n- flow: udp 3234\n"
    (problem,) = problems(compiled, h323("strategy: tracked, udp: 3230-3261, calls: 2", extra=closed))
    assert "holds 3234" in problem.message


def test_a_wall_around_zones_is_no_statement_about_a_port(compiled):
    wall = "forbid:\n- flow: udp 1024-65535\n"
    assert ranges(compiled(h323(f"{PINNED}, calls: 2", extra=wall)))


def test_never_inside_a_range_is_never(compiled):
    (problem,) = problems(compiled, h323(f"{PINNED}, calls: 2", extra="never:\n- flow: udp 3234\n"))
    assert "which a never statement rules out" in problem.message


def test_everything_in_plain_words_beats_what_is_forbidden_and_says_so(compiled):
    result = compiled(h323("strategy: everything", extra="forbid:\n- flow: udp 3234\n"))
    assert "udp 3234" in note(result, "need-wins").text
    assert "EVERYTHING" in note(result, "everything-open").text


# ports that the system hands out


def warned(read, database, target, variant, udp):
    policy = read(h323(f"{PINNED}, tcp: 2000-2009, udp: {udp}"))
    capabilities = dialect(target).capabilities.under((("pf-variant", variant),))
    result = compile_policy(policy, database, capabilities)
    doubts = [each.text for each in result.notes if each.id == "ephemeral-ports"]
    return [f"{each.message} {each.hint}" for each in result.warnings], doubts


@pytest.mark.parametrize(
    ("target", "variant", "udp", "said"),
    [
        ("nftables", "portable", "50000-50015", "Linux (32768-60999) hands"),
        ("iptables", "portable", "32760-32779", "ip_local_reserved_ports=32760-32779"),
        ("windows", "portable", "50000-50015", "protocol=udp startport=50000 numberofports=16"),
        ("pf", "freebsd", "50000-50015", "net.inet.ip.portrange.first"),
        ("pf", "openbsd", "3230-3245", "net.inet.udp.baddynamic"),
        ("pf", "portable", "20000-20015", "FreeBSD (10000-65535) and OpenBSD (1024-49151) hand"),
    ],
)
def test_ranges_inside_what_the_system_hands_out_are_warned_about(read, database, target, variant, udp, said):
    (warning,), _ = warned(read, database, target, variant, udp)
    assert said in warning
    assert f"UDP {udp}" in warning


@pytest.mark.parametrize(
    ("target", "variant", "udp"),
    [("nftables", "portable", "61000-61015"), ("windows", "portable", "3230-3245"), ("pf", "freebsd", "3230-3245"),
     ("pf", "openbsd", "50000-50015")],
)  # fmt: skip
def test_ranges_outside_are_not(read, database, target, variant, udp):
    # TCP 2000-2009 lies in what OpenBSD hands out.
    said, doubts = warned(read, database, target, variant, udp)
    assert not [each for each in (*said, *doubts) if "UDP" in each]


def test_where_only_one_of_several_systems_does_it_is_a_note(read, database):
    said, (doubt,) = warned(read, database, "pf", "portable", "3230-3245")
    assert "OpenBSD (1024-49151) hands" in doubt
    assert "FreeBSD" not in doubt
    assert said == []


def test_what_is_forwarded_takes_no_ports_of_this_machine(read, database):
    text = (
        "kind: gateway\nzones: {in: {interfaces: lan0}, out: {interfaces: wan0}}\nneed:\n"
        "- application: h323-endpoint\n  roles: {caller: in, callee: out}\n  features: [audio]\n"
        "  media: {strategy: pinned, tcp: 50000-50009, udp: 50000-50019}\n"
    )
    assert compile_policy(read(text), database, dialect("nftables").capabilities).warnings == ()


@pytest.mark.parametrize(
    ("target", "media", "said"),
    [
        ("nftables", "calls: 1000, streams: 8", "UDP 3230-35229 of h323-endpoint overlaps"),
        ("nftables", "preset: lifesize", "TCP 60000-64999 and UDP 60000-64999 of h323-endpoint overlap"),
        ("nftables", "preset: cisco-expressway", "UDP 36000-59999 of h323-endpoint overlaps"),
        ("windows", "preset: yealink-vc", "TCP 50000-54999 and UDP 50000-54999 of h323-endpoint overlap"),
    ],
)
def test_computed_ranges_and_presets_are_warned_about_as_well(compiled, target, media, said):
    (warning,) = [
        each for each in compiled(h323(f"{PINNED}, {media}"), target=target).warnings if "programs" in each.message
    ]
    assert said in warning.message


# services that nobody speaks of


@pytest.mark.parametrize(
    ("media", "transport", "named"),
    [
        ("calls: 50", "TCP", ("3260 (iSCSI target, critical)", "3306 (MySQL", "3389 (Remote Desktop (RDP), critical)")),
        ("preset: tandberg-mps", "UDP", ("5060 (SIP signalling, high)",)),
        ("tcp: 3306-3313, udp: 2000-2047", "TCP", ("3306 (MySQL",)),
    ],
)
def test_risky_ports_inside_a_range_are_named(compiled, media, transport, named):
    notes = [each.text for each in compiled(h323(f"{PINNED}, {media}")).notes if each.id == "risky-ports-in-range"]
    (text,) = [each for each in notes if each.startswith(transport)]
    for each in named:
        assert each in text
    assert "open to peers (203.0.113.0/24)" in text


def test_the_risk_is_that_of_those_who_may_send(compiled):
    inside = h323(f"{PINNED}, tcp: 3380-3400, udp: 2000-2047, calls: 1").replace("203.0.113.0/24", "10.1.0.0/16")
    assert [each for each in compiled(inside).notes if each.id == "risky-ports-in-range"] == []
    worse = inside.replace("3380-3400", "3250-3270")
    assert "3260 (iSCSI target, high)" in note(compiled(worse), "risky-ports-in-range").text


def test_long_lists_of_risky_ports_are_cut(compiled):
    notes = [each.text for each in compiled(h323(f"{PINNED}, calls: 1000, streams: 8")).notes]
    (text,) = [each for each in notes if "of risky services" in each and each.startswith("UDP")]
    assert " more. Whichever" in text
    assert "3230-35229" in text


def test_small_ranges_at_their_usual_place_hold_no_risky_port(compiled):
    assert [each for each in compiled(h323(PINNED)).notes if each.id == "risky-ports-in-range"] == []
