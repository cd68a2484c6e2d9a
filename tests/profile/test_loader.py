"""From files and settings to a policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fwadvisor.addresses import address_set, predefined
from fwadvisor.diagnostic import Diagnostic, did_you_mean
from fwadvisor.errors import ProfileError
from fwadvisor.model.policy import InlineFlow, Kind, Media, Policy, StatementKind, Strategy
from fwadvisor.model.rule import Hook, IcmpType, Verdict
from fwadvisor.profile import LoadedPolicy, load_policy

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

TODAY = date(2026, 11, 21)
Loaded = Callable[..., LoadedPolicy]
Problem = Callable[..., Diagnostic]


@pytest.fixture
def room(data: Path, database: Database) -> Callable[..., Policy]:
    def load_room(**settings: str) -> Policy:
        return load_policy([str(data / "room.yaml")], settings, database, today=TODAY).policy

    return load_room


def test_a_whole_profile(room: Callable[..., Policy], data: Path) -> None:
    policy = room(peers="203.0.113.0/24, 2001:db8::/32")
    assert (policy.name, policy.kind, policy.log_rate, policy.dhcp_client) == ("room", Kind.HOST, 10, True)
    assert [use.name for use in policy.profiles] == ["room"]
    assert policy.profiles[0].parameters == (
        ("peers", "203.0.113.0/24, 2001:db8::/32"),
        ("media", "auto"),
        ("calls", "3"),
        ("ping", "true"),
    )
    assert policy.zones.keys() == {"peers"}
    assert policy.zones["peers"].addresses == address_set(["203.0.113.0/24", "2001:db8::/32"])
    call, ping, netmeeting = sorted(policy.statements, key=lambda s: s.place.line)
    assert call.application == "h323-endpoint"
    assert call.roles == {"caller": ("self", "peers"), "callee": ("self", "peers")}
    assert call.features == ("audio", "video")
    assert call.media == Media(strategy=Strategy.AUTO, calls=3)
    assert (call.reason, call.owner, call.ticket) == ("calls", "conferencing", "CHG-7")
    assert str(call.place) == f"{data / 'room.yaml'}:23"
    assert ping.flows == (
        InlineFlow(protocols=(1,), icmp=(IcmpType(8),), text="ping"),
        InlineFlow(protocols=(58,), icmp=(IcmpType(128),), text="ping"),
    )
    assert (netmeeting.kind, netmeeting.verdict, netmeeting.log) == (StatementKind.FORBID, Verdict.REJECT, True)
    assert [(d.hook, d.verdict, d.log) for d in policy.defaults] == [
        (Hook.INPUT, Verdict.DROP, False),
        (Hook.OUTPUT, Verdict.ACCEPT, False),
    ]


def test_settings_and_conditions_choose_statements(room: Callable[..., Policy]) -> None:
    settings = {"peers": "any", "gatekeeper": "192.0.2.5", "room.media": "pinned", "tcp_range": "3230-3235,4000"}
    policy = room(**settings, admins="192.0.2.10", ping="false")
    assert policy.zones["peers"].addresses is None
    by_line = sorted((s for s in policy.statements if s.profile == "room"), key=lambda s: s.place.line)
    assert by_line[0].media == Media(strategy=Strategy.PINNED, tcp=((3230, 3235), (4000, 4000)), calls=3)
    assert by_line[1].only == ("gk-register", "gk-request")
    assert [s.application for s in by_line] == ["h323-endpoint", "h323-endpoint", "netmeeting"]
    assert [use.name for use in policy.profiles] == ["room", "guard"]
    assert policy.profiles[1].included_by == "room"
    assert policy.log_rate == 30
    guard = [s for s in policy.statements if s.profile == "guard"]
    assert [s.kind for s in guard] == [StatementKind.NEED, StatementKind.NEVER, StatementKind.NEVER]
    assert guard[0].flows[0].ports == ((22, 22),)
    assert policy.zones["internet"].addresses == predefined("internet")
    assert guard[2].risk == ("critical",)


def test_a_missing_parameter_says_how_to_give_it(room: Callable[..., Policy]) -> None:
    with pytest.raises(ProfileError) as caught:
        room()
    (found,) = caught.value.diagnostics
    assert found.message == '"room" needs a value for peers (the other rooms)'
    assert found.hint == "add --set peers=203.0.113.0/24"


def test_all_missing_parameters_are_one_error(problem: Problem) -> None:
    found = problem(
        "parameters:\n  a: {type: addresses}\n  b: {type: text, help: who, example: it's me}\n"
        "zones: {a: $a}\nneed: [{flow: tcp 1, from: a, to: self, reason: $b}]\n"
    )
    assert found.message == '"site" needs values for a, b'
    assert found.hint == "add --set a=192.0.2.0/24,2001:db8::/32 --set b='it'\"'\"'s me'"
    assert [label.text for label in found.labels] == ["b (text): who"]


SETTINGS = [
    ({"pears": "any"}, "1:1", 'no parameter "pears"', '"peers"'),
    ({"rom.calls": "3"}, "1:1", 'no profile "rom"', '"room"'),
    ({"room.cals": "3"}, "1:1", 'no parameter "cals"', '"calls"'),
    ({"calls": "0"}, "1:7", "between 1 and 1000", ""),
    ({"calls": "three"}, "1:7", "whole number", ""),
    ({"media": "pined"}, "1:7", 'cannot be "pined"', '"pinned"'),
    ({"ping": "yes"}, "1:6", "true or false", ""),
    ({"gatekeeper": ""}, "1:12", "is empty", "leave the setting out"),
    ({"gatekeeper": "10.0.0.1, 10.0.0.1/8"}, "1:22", "host bits", "10.0.0.0/8"),
    ({"gatekeeper": "$peers"}, "1:12", "cannot be a parameter", ""),
    ({"tcp_range": "0-5"}, "1:11", "port 0", ""),
]


@pytest.mark.parametrize(("settings", "place", "message", "hint"), SETTINGS)
def test_a_wrong_setting_shows_its_place(
    room: Callable[..., Policy], settings: dict[str, str], place: str, message: str, hint: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        room(**{"peers": "203.0.113.0/24", **settings})
    (found,) = caught.value.diagnostics
    assert str(found.span) == f"--set:{place}"
    assert message in found.message
    assert hint in found.hint


def test_scalars_keep_their_text(loaded: Loaded) -> None:
    policy = loaded(
        "owner: NO\nreason: 0022\nticket: 20:21\ndescription: 2024-01-01\nneed: [{flow: ping, from: any, to: self}]\n"
    ).policy
    use = policy.profiles[0]
    assert (use.owner, use.reason, use.ticket, use.description) == ("NO", "0022", "20:21", "2024-01-01")


def test_a_dollar_sign_can_be_written(loaded: Loaded) -> None:
    policy = loaded('need: [{flow: ping, from: any, to: self, title: "$$100 for $x", reason: a$b}]\n').policy
    assert policy.statements[0].title == "$100 for $x"
    assert policy.statements[0].reason == "a$b"


def test_parameters_of_every_type_stand_where_their_type_fits(loaded: Loaded) -> None:
    text = """\
parameters:
  who: {type: addresses, default: [10.0.0.0/8, 2001:db8::/32]}
  cards: {type: interfaces, default: [eth0, "Ethernet 2"]}
  ports: {type: ports, default: 8000-8010}
  port: {type: integer, default: 443}
  log: {type: boolean, default: true}
  verdict: {type: choice, choices: [drop, reject], default: reject}
  why: {type: text, default: because}
  until: {type: date, default: 2030-01-01}
zones:
  who: {addresses: [$who, 192.0.2.1], interfaces: $cards}
need:
  - {flow: "tcp $port,$ports,22", from: who, to: self, log: $log, reason: $why, expires: $until}
  - {flow: {transport: udp, ports: [$ports, 53], source_ports: $port}, from: who, to: self}
forbid:
  - {flow: tcp any, from: any, verdict: $verdict}
"""
    policy = loaded(text).policy
    zone = policy.zones["who"]
    assert zone.addresses == address_set(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])
    assert zone.interfaces == ("eth0", "Ethernet 2")
    first, second, third = policy.statements
    assert first.flows[0].ports == ((22, 22), (443, 443), (8000, 8010))
    assert first.flows[0].text == "tcp 22,443,8000-8010"
    assert (first.log, first.reason, first.expires) == (True, "because", date(2030, 1, 1))
    assert second.flows[0].ports == ((53, 53), (8000, 8010))
    assert second.flows[0].source_ports == ((443, 443),)
    assert third.verdict is Verdict.REJECT
    assert policy.profiles[0].parameters[0] == ("who", "10.0.0.0/8, 2001:db8::/32")


OPTIONAL = "parameters: {p: {type: ports, optional: true}, a: {type: addresses, optional: true}}\nzones: {z: $a}\n"


def test_an_absent_value_never_means_everything(problem: Problem) -> None:
    for statement in (
        "need: [{flow: tcp $p, from: any, to: self}]",
        "need: [{flow: {transport: tcp, ports: $p}, from: any, to: self}]",
        "need: [{flow: {transport: tcp, ports: 1, source_ports: $p}, from: any, to: self}]",
        "need: [{flow: tcp 1, from: z, to: self}]",
        "forbid: [{flow: tcp 1, from: z}]",
        "never: [{risk: high, to: z}]",
        "forbid: [{application: netmeeting, roles: {caller: z}}]",
        "need: [{application: h323, roles: {caller: z, callee: self}}]",
    ):
        found = problem(OPTIONAL + statement + "\n")
        assert "no value in this run" in f"{found.message} {found.hint}", statement


def test_an_absent_value_is_as_if_not_written_where_that_is_safe(loaded: Loaded) -> None:
    text = "zones: {z: {addresses: [10.0.0.0/8, $a], except: $a}}\nneed: [{flow: tcp 1, from: [z, y], to: self}]\n"
    head = "parameters: {a: {type: addresses, optional: true}}\n"
    policy = loaded(head + text.replace("except: $a}", "except: $a}, y: $a")).policy
    assert policy.zones.keys() == {"z"}
    assert policy.zones["z"].addresses == address_set(["10.0.0.0/8"])
    assert policy.statements[0].sources == ("z",)


def test_a_statement_whose_condition_fails_is_still_checked(problem: Problem) -> None:
    found = problem(OPTIONAL + "need: [{flow: tcp $p, from: zz, to: self, when: {p: given}}]\n")
    assert 'no zone "zz"' in found.message


def test_zone_forms(loaded: Loaded) -> None:
    text = """\
kind: gateway
zones:
  all: any
  both: [0.0.0.0/0, "::/0"]
  v4: 0.0.0.0/0
  most: {addresses: any, except: [10.0.0.0/8, "::/0"]}
  card: {interfaces: [eth0]}
  vip: {addresses: 192.0.2.1, local: true}
  private: 10.0.0.0/8
need: [{flow: tcp 1, from: [v4, link-local, private], to: vip}]
"""
    zones = loaded(text).policy.zones
    assert zones["all"].addresses is None
    assert zones["both"].addresses is None
    assert zones["v4"].addresses == address_set(["0.0.0.0/0"])
    assert zones["most"].addresses == address_set(["0.0.0.0-9.255.255.255", "11.0.0.0-255.255.255.255"])
    assert (zones["card"].addresses, zones["card"].interfaces) == (None, ("eth0",))
    assert zones["vip"].local
    assert zones["private"].addresses == address_set(["10.0.0.0/8"])
    assert zones["link-local"].addresses == predefined("link-local")
    assert all(zone.addresses is None or zone.addresses.name == name for name, zone in zones.items())


def test_a_name_on_the_command_line_is_looked_for_in_folders_then_among_the_shipped(
    write: Callable[..., Path], database: Database
) -> None:
    path = write("need: [{flow: ping, from: any, to: self}]\n", "mine")
    policy = load_policy(["mine"], {}, database, today=TODAY, profile_dirs=[path.parent]).policy
    assert policy.profiles[0].file == str(path)
    with pytest.raises(ProfileError) as caught:
        load_policy(["mien"], {}, database, today=TODAY, profile_dirs=[path.parent])
    assert did_you_mean("mien", ["mine"]) in caught.value.diagnostics[0].hint
    with pytest.raises(ProfileError, match="no file"):
        load_policy(["./nope.yaml"], {}, database, today=TODAY)
    with pytest.raises(ProfileError, match="named twice"):
        load_policy([str(path), "mine"], {}, database, today=TODAY, profile_dirs=[path.parent])
    with pytest.raises(ProfileError, match="no profile is named"):
        load_policy([], {}, database, today=TODAY)


def test_kinds_must_agree(write: Callable[..., Path], database: Database) -> None:
    body = "kind: %s\nneed: [{flow: ping, from: any, to: self}]\n"
    one, two = write(body % "host", "one"), write(body % "gateway", "two")
    with pytest.raises(ProfileError) as caught:
        load_policy([str(one), str(two)], {}, database, today=TODAY)
    (found,) = caught.value.diagnostics
    assert found.message == '"two" is for a gateway, but "one" is for a host'
    assert found.labels[0].span.file == str(one)
    neutral = write("need: [{flow: ping, from: any, to: self}]\n", "three")
    assert load_policy([str(neutral), str(two)], {}, database, today=TODAY).policy.kind is Kind.GATEWAY


def test_log_rates_take_the_lowest(write: Callable[..., Path], database: Database) -> None:
    body = "log: {rate: %s}\nneed: [{flow: ping, from: any, to: self}]\n"
    paths = [str(write(body % rate, f"p{i}")) for i, rate in enumerate(("unlimited", "50", "20"))]
    rates = [load_policy(paths[:n], {}, database, today=TODAY).policy.log_rate for n in (1, 2, 3)]
    assert rates == [None, 50, 20]


def test_a_wrong_value_is_the_only_problem(data: Path, database: Database) -> None:
    """What depends on the value would only be called wrong as well."""
    settings = {"peers": "203.0.113.0/24", "media": "fast"}
    with pytest.raises(ProfileError) as caught:
        load_policy(["h323-needed"], settings, database, today=TODAY)
    assert [each.message for each in caught.value.diagnostics] == ['the value of "media" cannot be "fast"']
