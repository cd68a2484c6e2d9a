"""Ladders say exactly what the written rules do: each step's packet, the rule that decides it, and its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from fwadvisor.calls.ladder import Answer, CallLadder, Fate, LadderStep
from fwadvisor.calls.making import Wanted, ladders
from fwadvisor.calls.talks import talks
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.policy import Strategy
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import decide
from fwadvisor.ports import load

CALL = Path(__file__).parents[1] / "kernel" / "call"
PEERS = {"peers": "203.0.113.0/24,2001:db8:323::/48"}
RANGES = {"tcp_range": "3230-3247", "udp_range": "3230-3285"}
GATEKEEPER = {"gatekeeper": "203.0.113.10", "discovery": "true"}


@dataclass(frozen=True)
class Written:
    """Rules of one dialect, and the ladders of their policy."""

    made: Generated
    target: str
    firewall: Firewall
    ladders: list[CallLadder]


@cache
def written(target: str, profiles: tuple[str, ...], settings: tuple[tuple[str, str], ...], form: str = "") -> Written:
    made = generate(
        Request(
            profiles=profiles,
            settings=dict(settings),
            targets=(target,),
            profile_dirs=(CALL / "profiles", Path(__file__).parent / "profiles"),
            prove=False,
        )
    )
    firewall = read_firewall([Source(each.name, each.content) for each in made.outputs[target]], target)
    found: list[CallLadder] = []
    for family in Family:
        wanted = Wanted(forms=(form,) if form else (), family=family)
        found += ladders(made.policy, load(), dialect(target).capabilities, firewall, wanted)
    return Written(made, target, firewall, found)


def of(target: str, *profiles: str, form: str = "", **settings: str) -> list[CallLadder]:
    return written(target, profiles, tuple(sorted(settings.items())), form).ladders


#: What is asked of every dialect that can write it.
POLICIES: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "tracked": (("h323-needed",), PEERS, ""),
    "tracked-closed": (("h323-needed", "closed"), {**PEERS, **GATEKEEPER}, ""),
    "fallback": (("h323-needed", "closed"), {**PEERS, **RANGES, "data": "true"}, ""),
    "fast": (("h323-needed",), PEERS, "fast"),
    "pinned": (("h323-needed", "closed"), {**PEERS, "media": "pinned"}, ""),
    "tunnelled": (("h323-needed", "closed"), {**PEERS, "media": "tunnelled"}, ""),
    "tunnelled-slow": (("h323-needed", "closed"), {**PEERS, "media": "tunnelled"}, "slow"),
    "refused": (("h323-needed",), {**PEERS, "media": "refused"}, ""),
    "everything": (("h323-needed",), {**PEERS, "media": "everything"}, ""),
    "tls": (("h323-needed",), {**PEERS, "tls": "true", "gatekeeper": "203.0.113.10"}, ""),
    "gatekeeper": (("h323-gatekeeper", "closed"), {"endpoints": "10.20.0.0/16", "neighbours": "203.0.113.10"}, ""),
    "router": (("h323-router",), {}, ""),
    "sip-phone": (("sip-phone", "closed"), {"registrar": "192.0.2.10"}, ""),
    "sip-tracked": (("sip-phone", "closed"), {"registrar": "192.0.2.10", "media": "tracked"}, ""),
    "sip-server": (("sip-server",), {"provider": "203.0.113.32/27"}, ""),
    "files": (("files",), {}, ""),
    "no-t120": (("h323-needed", "no-netmeeting"), PEERS, "data"),
}
CASES = [pytest.param(name, target, id=f"{name}-{target}") for name, target in product(POLICIES, DIALECTS)]


def case(name: str, target: str) -> Written:
    profiles, settings, form = POLICIES[name]
    try:
        return written(target, profiles, tuple(sorted(settings.items())), form)
    except FwadvisorError:
        # Dialects without helpers or forwarding cannot say everything; that they refuse is others' test.
        assert (name, target) in REFUSED
        return Written(None, target, None, [])  # type: ignore[arg-type]


REFUSED = {
    (name, target)
    for name, targets in {
        "router": ("windows",),
        "files": ("windows", "pf"),
        "sip-tracked": ("windows", "pf"),
    }.items()
    for target in targets
}


def answers(step: LadderStep) -> list[Answer]:
    return [each for each in (step.answer, step.unread) if each is not None]


@pytest.mark.parametrize(("name", "target"), CASES)
def test_each_step_is_what_the_policy_and_the_text_decide(name: str, target: str) -> None:
    """The packet is asked of the ruleset (by its own definition) and of the text (by that of firewalls)."""
    found = case(name, target)
    if found.made is None:
        return
    ruleset = found.made.compilations[target].ruleset
    asked = 0
    for ladder in found.ladders:
        for step in ladder.steps:
            assert (step.fate is Fate.UNREACHED) is (step.answer is None)
            for answer in answers(step):
                outcome = evaluate(found.firewall, answer.packet)
                assert outcome.verdict is answer.verdict
                if answer.packet.state not in found.firewall.implicit:
                    accepts = decide(ruleset, answer.packet).verdict is Verdict.ACCEPT
                    assert accepts is answer.passes, (step.says, answer.packet)
                asked += 1
            if step.answer is not None:
                assert step.answer.passes is (step.fate is Fate.PASSES)
    assert asked >= 6


@pytest.mark.parametrize(("name", "target"), CASES)
def test_each_rule_that_is_named_stands_there_and_decides(name: str, target: str) -> None:
    found = case(name, target)
    if found.made is None:
        return
    texts = {each.name: each.content.decode().splitlines() for each in found.made.outputs[target]}
    named = 0
    for ladder in found.ladders:
        for answer in (each for step in ladder.steps for each in answers(step)):
            for rule in (*answer.deciders, *filter(None, [answer.helper_rule])):
                if rule.span is None:
                    assert rule.is_default
                    continue
                line = texts[rule.span.file][rule.span.line - 1]
                if not rule.is_default:
                    assert _plain(rule.text) in _plain(line), (rule.text, line)
                named += 1
            if answer.deciders:
                last = evaluate(found.firewall, answer.packet).trail[-1]
                assert answer.deciders[-1].is_default is (last.rule is None)
                assert last.rule is None or last.rule.span == answer.deciders[-1].span
            if answer.helper_rule is not None:
                assert evaluate(found.firewall, answer.packet).effects[Field.ASSIGNED_HELPER] == answer.helper
    assert named >= 2


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(",")


@pytest.mark.parametrize("target", ["iptables", "nftables", "pf"])
@pytest.mark.parametrize("name", ["tracked-closed", "pinned", "sip-phone", "gatekeeper"])
def test_without_the_rule_that_is_named_the_step_is_decided_otherwise(name: str, target: str) -> None:
    """Taking out the very line changes what decides: it is that line, and not one that says the same."""
    found = case(name, target)
    taken = 0
    for ladder in found.ladders[:1]:
        for step in (each for each in ladder.steps if each.begins and each.answer and each.answer.deciders):
            answer = step.answer
            assert answer is not None
            rule = answer.deciders[-1]
            if rule.is_default or rule.span is None:
                continue
            sources = []
            for file in found.made.outputs[target]:
                lines = file.content.decode().split("\n")
                if file.name == rule.span.file:
                    lines[rule.span.line - 1] = ""
                sources.append(Source(file.name, "\n".join(lines).encode()))
            left = evaluate(read_firewall(sources, target), answer.packet)
            last = left.trail[-1].rule
            assert last is None or last.text != rule.text, step.says
            # The answer to a multicast question has two rules, every other step only one.
            assert left.verdict is not Verdict.ACCEPT or step.says == "GCF", (step.says, rule.text)
            taken += 1
    assert taken >= 3


@pytest.mark.parametrize("form", ["slow", "fast"])
@pytest.mark.parametrize("target", ["iptables", "nftables"])
@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("way", ["in", "out"])
def test_the_ladder_is_the_call_that_went_through_the_kernel(form: str, target: str, family: Family, way: str) -> None:
    """Each flow of the recorded call is a step, begun in the same connection's name; of one way, as recorded."""
    found = of(target, "h323-needed", "closed", form=form, **PEERS, **RANGES)
    (ladder,) = (each for each in found if each.way == way and each.family is family)
    told = []
    for step in ladder.steps:
        if step.begins and step.flow != "media-back":
            assert step.answer is not None
            ends = "caller:{} -> callee:{}".format("*" if step.transport == "tcp" else step.port, step.port)
            master = step.answer.packet.helper
            told.append(f"{step.transport} {ends}" + (f", agreed in {master}" if master else ""))
    assert told == (CALL / "recorded" / f"{form}.txt").read_text(encoding="utf-8").splitlines()
    assert not ladder.blocked


def only(found: list[CallLadder], way: str = "in", family: Family = Family.IPV4) -> CallLadder:
    (ladder,) = (each for each in found if each.way == way and each.family is family)
    return ladder


def step_of(ladder: CallLadder, says: str, flow: str = "") -> LadderStep:
    return next(each for each in ladder.steps if each.says == says and flow in ("", each.flow))


def test_expected_connections_pass_and_are_closed_where_nobody_reads_the_message() -> None:
    ladder = only(of("nftables", "h323-needed", "closed", **PEERS))
    begun = {(step.says, step.flow): step for step in ladder.steps if step.begins}
    assert [each.answer.packet.helper for each in begun.values() if each.answer] == ["", "Q.931", *["H.245"] * 4]
    for step in list(begun.values())[1:]:
        assert step.answer is not None
        assert step.answer.packet.state is State.RELATED
        assert step.unread is not None
        assert step.unread.verdict is Verdict.DROP
        assert step.unread.packet.state is State.NEW
    connect = step_of(ladder, "CONNECT")
    assert [(each.flow, each.expected_by) for each in connect.announces] == [("call-control", "Q.931")]
    assert begun["SETUP", "call-setup"].answer.helper == "Q.931"  # type: ignore[union-attr]


def test_a_fallback_range_lets_through_what_nobody_reads() -> None:
    ladder = only(of("iptables", "h323-needed", "closed", **PEERS, **RANGES))
    for step in ladder.steps:
        if step.unread is not None:
            assert step.unread.passes
            assert step.always_open in (((3230, 3247),), ((3230, 3285),))


def test_pinned_ranges_are_always_open_and_no_helper_is_named() -> None:
    for target in ("pf", "windows"):
        ladder = only(of(target, "h323-needed", "closed", **PEERS))
        assert ladder.strategy is Strategy.PINNED
        assert step_of(ladder, "H.245").always_open
        assert step_of(ladder, "RTCP").port == step_of(ladder, "RTP").port + 1  # type: ignore[operator]
        assert all(step.unread is None for step in ladder.steps)
        assert all(step.answer is None or not step.answer.helper for step in ladder.steps)


@pytest.mark.parametrize("target", DIALECTS)
def test_what_is_refused_is_blocked_at_the_step_where_calls_fail(target: str) -> None:
    ladder = only(of(target, "h323-needed", media="refused", **PEERS))
    assert [step.says for step in ladder.blocked] == ["H.245"]
    after = [step for step in ladder.steps if step.number > ladder.blocked[0].number]
    assert {step.fate for step in after if step.flow != "call-setup"} == {Fate.UNREACHED}
    assert {step.because_of for step in after if step.fate is Fate.UNREACHED} == {ladder.blocked[0].number}
    # The end of call signalling does happen.
    assert after[-1].fate is Fate.PASSES


def test_what_a_helper_would_open_and_a_profile_forbids_is_blocked() -> None:
    """T.120 is told of in H.245, so its port is expected; a profile that closes it is not overruled."""
    ladder = only(of("nftables", "h323-needed", "no-netmeeting", form="data", **PEERS))
    (blocked,) = ladder.blocked
    assert (blocked.says, blocked.port) == ("T.120", 1503)
    assert blocked.answer is not None
    assert blocked.answer.packet.helper == "H.245"
    (rule,) = blocked.answer.deciders
    assert "1503" in rule.text
    assert not only(of("nftables", "h323-needed", form="data", data="true", **PEERS)).blocked


def test_a_gatekeeper_names_whom_to_call_and_its_answer_is_read() -> None:
    found = of("nftables", "h323-needed", "closed", **PEERS, **GATEKEEPER)
    out = only(found, "out")
    admitted = step_of(out, "ACF")
    assert [(each.flow, each.port, each.expected_by) for each in admitted.announces] == [("call-setup", 1720, "RAS")]
    setup = step_of(out, "SETUP")
    assert setup.answer is not None
    assert setup.answer.packet.helper == "RAS"
    assert setup.unread is not None
    assert setup.unread.passes
    # Who is called asks as well, after it rings.
    says = [step.says for step in only(found, "in").steps]
    assert says.index("SETUP") < says.index("ARQ") < says.index("CONNECT")
    question = step_of(out, "GRQ")
    assert question.group == "224.0.1.41"
    assert step_of(out, "GCF").begins, "the answer to a group is a new connection"


def test_a_helper_opens_media_towards_the_host_that_signals_only() -> None:
    settings = {**PEERS, "gatekeeper": "203.0.113.10", "media": "gatekeeper-routed"}
    ladder = only(of("nftables", "h323-needed", "closed", **settings))
    control, media = step_of(ladder, "H.245"), step_of(ladder, "RTP")
    assert control.answer is not None
    assert media.answer is not None
    assert (control.source, control.answer.packet.helper) == ("gatekeeper", "Q.931")
    assert (media.source, media.answer.packet.helper, media.unread) == ("peers", "", None)
    assert media.always_open
    assert not ladder.blocked


def test_through_a_traversal_server_everything_begins_here() -> None:
    settings = {"traversal_server": "203.0.113.20", "media": "traversal", **RANGES, **PEERS}
    (ladder,) = of("nftables", "h323-needed", "closed", **settings)
    assert ladder.way == "out"
    assert {step.answer.packet.hook for step in ladder.steps if step.begins and step.answer} == {Hook.OUTPUT}
    assert not ladder.blocked


def test_a_router_stands_between_the_parties() -> None:
    found = [each for each in of("nftables", "h323-router") if each.family is Family.IPV6]
    assert [[party.zone for party in each.parties] for each in found] == [
        ["inside", "firewall", "outside"],
        ["outside", "firewall", "inside"],
    ]
    for ladder in found:
        assert not ladder.blocked
        for step in ladder.steps:
            assert step.answer is not None
            assert step.answer.packet.hook is Hook.FORWARD


@pytest.mark.parametrize("target", ["iptables", "nftables"])
def test_the_same_serves_files(target: str) -> None:
    found = {(each.application, each.form): each for each in of(target, "files") if each.family is Family.IPV4}
    assert list(found) == [("ftp", "passive"), ("ftp", "active"), ("tftp", "transfer")]
    for ladder in found.values():
        assert not ladder.blocked
    active = step_of(found["ftp", "active"], "data")
    assert active.answer is not None
    assert (active.source, active.answer.packet.source_port, active.answer.packet.helper) == ("outside", 20, "ftp")
    assert step_of(found["tftp", "transfer"], "DATA").answer.packet.helper == "tftp"  # type: ignore[union-attr]
    refused = [each for each in of(target, "files", media="refused") if each.blocked]
    assert {each.blocked[0].says for each in refused} == {"data", "DATA"}


def test_a_phone_is_rung_by_its_registrar_and_nobody_else() -> None:
    found = of("pf", "sip-phone", "closed", registrar="192.0.2.10")
    forms = {(each.form, each.way): each for each in found if each.family is Family.IPV4}
    assert list(forms) == [("calls", "out"), ("called", "in")]
    assert not any(each.blocked for each in forms.values())
    tracked = of("nftables", "sip-phone", "closed", registrar="192.0.2.10", media="tracked")
    media = step_of(only(tracked, "in"), "RTP", "media-in")
    assert media.answer is not None
    assert media.answer.packet.helper == "sip"


def test_parties_have_addresses_of_their_own() -> None:
    """A gatekeeper among the peers is not taken for one of them."""
    for family in Family:
        gatekeeper = {Family.IPV4: "203.0.113.1", Family.IPV6: "2001:db8:323::1"}[family]
        ladder = only(of("nftables", "h323-needed", gatekeeper=gatekeeper, **PEERS), family=family)
        addresses = [party.address for party in ladder.parties]
        assert len(set(addresses)) == 3
        assert gatekeeper in addresses


def test_every_conversation_of_every_shipped_need_can_be_told() -> None:
    """No form of the knowledge is dead: some policy here shows each."""
    shown = {
        (each.application, each.form)
        for name, target in product(POLICIES, ("nftables",))
        for each in case(name, target).ladders
    }
    shown |= {("h323-endpoint", "traversal"), ("sip-server", "trunk")}
    known = {
        (conversation.applications[0], form.id)
        for conversation in load().conversations.values()
        for form in conversation.forms
    }
    assert known <= shown


def test_the_knowledge_of_conversations_is_checked() -> None:
    """Data that would tell nonsense does not pass."""
    from fwadvisor.ports.registry import shipped_registry
    from fwadvisor.ports.store import compiled
    from fwadvisor.ports.validate import validate

    def problems(change: dict[str, object]) -> str:
        values = dict(compiled())
        entry = {**values["calls"][-1], **change}
        return "\n".join(each.message for each in validate({**values, "calls": [entry]}, shipped_registry()))

    part = {"id": "transfer", "title": "t", "messages": [{"flow": "request", "says": "RRQ", "begins": True}]}
    assert problems({}) == ""
    assert "flow" in problems({"parts": [{**part, "messages": [{"flow": "reqest", "says": "RRQ", "begins": True}]}]})
    assert "before anything began" in problems({"parts": [{**part, "messages": [{"flow": "request", "says": "RRQ"}]}]})
    assert "no" not in problems({"parts": [part]})
    assert "helper" in problems({"attached": {"request": "tftpd"}})
    assert "{port}" in problems({"watches": [{"run": "look {port}", "dialects": ["pf"]}]})
    assert re.search(r"application .*tftq", problems({"applications": ["tftq"]}))


def test_talks_of_one_application_share_the_flows_of_its_other_needs() -> None:
    made = generate(
        Request(profiles=("h323-needed",), settings={**PEERS, **GATEKEEPER, "data": "true"}, targets=("pf",))
    )
    (talk,) = talks(made.policy, load(), dialect("pf").capabilities)
    assert {"gk-discovery", "gk-register", "call-setup", "call-control", "media-out", "data"} <= set(talk.flows)
    assert talk.flows["gk-discovery"].statement is not talk.statement
