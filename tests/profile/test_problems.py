"""Every mistake that the language can hold: message, place and advice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fwadvisor.diagnostic import Diagnostic, render

Problem = Callable[..., Diagnostic]
Problems = Callable[..., list[Diagnostic]]

ZONES = "zones: {lan: 10.0.0.0/8, v4: 192.0.2.0/24, v6: 2001:db8::/32}\n"

STATEMENTS = [
    # statement, the text under the caret, part of the message, part of the hint
    ("need: [{flow: tcp 22, form: lan, to: self, from: lan}]", "form", 'no field "form"', '"from"'),
    ("need: [{flow: tcp 80,443, from: lan, to: self}]", "443", 'no field "443"', "quotes"),
    ("need: [{flow: tcp 0, from: lan, to: self}]", "tcp 0", "port 0", "1 to 65535"),
    ("need: [{flow: tcp 65536, from: lan, to: self}]", "tcp 65536", "too large", "1 to 65535"),
    ("need: [{flow: tcp 0022, from: lan, to: self}]", "tcp 0022", "leading zeros", "22"),
    ("need: [{flow: tcp 90-80, from: lan, to: self}]", "tcp 90-80", "ends before it begins", "80-90"),
    ("need: [{flow: tcp, from: lan, to: self}]", "tcp", "names no port", "tcp any"),
    ("need: [{flow: 443/tcp, from: lan, to: self}]", "443/tcp", "is not a flow", '"tcp 443"'),
    ("need: [{flow: 443, from: lan, to: self}]", "443", "no transport", "tcp 443"),
    ("need: [{flow: tpc 443, from: lan, to: self}]", "tpc 443", "not a protocol", '"tcp"'),
    ("need: [{flow: tcp htps, from: lan, to: self}]", "tcp htps", 'no service "htps"', '"https"'),
    ("need: [{flow: gre 5, from: lan, to: self}]", "gre 5", "has no ports", "gre alone"),
    ("need: [{flow: protocol 300, from: lan, to: self}]", "protocol 300", "0 to 255", ""),
    ("need: [{flow: icmp ping, from: lan, to: self}]", "icmp ping", "not a type of icmp", "echo-request"),
    ("need: [{flow: any 80, from: lan, to: self}]", "any 80", "stands alone", "tcp,udp 80"),
    ('need: [{flow: "tcp,icmp 80", from: lan, to: self}]', '"tcp,icmp 80"', "only protocols with ports", ""),
    ("need: [{flow: {transport: tcp}, from: lan, to: self}]", "{", "neither ports nor", "ports: any"),
    ("need: [{flow: [], from: lan, to: self}]", "[", "flow is empty", ""),
    ("need: [{flow: tcp 22, from: lna, to: self}]", "lna", 'no zone "lna"', '"lan"'),
    ("need: [{flow: tcp 22, from: 10.0.0.0/8, to: self}]", "10.0.0.0/8", "no zone", "under zones"),
    ("need: [{flow: tcp 22, from: [any, lan], to: self}]", "[", '"any" beside others', "alone"),
    ("need: [{flow: tcp 22, from: lan}]", "{", '"to"', "ZONE"),
    ("need: [{flow: tcp 22, from: lan, to: self, log: yes}]", "yes", "true or false", ""),
    ("need: [{flow: tcp 22, from: lan, to: self, verdict: drop}]", "verdict", 'no field "verdict"', ""),
    ("need: [{from: lan, to: self}]", "{", "names what it is about", ""),
    ("need: [{flow: tcp 22, application: netmeeting}]", "tcp 22", "is about one of", "two statements"),
    ("need: [{flow: tcp 1, from: lan, to: self, roles: {a: lan}}]", "{", "does not go with", "from and to"),
    ("need: [{application: netmeting, roles: {caller: lan}}]", "netmeting", "no application", '"netmeeting"'),
    ("need: [{application: ssh, roles: {client: lan}}]", "ssh", "no application", "ssh-server"),
    ("need: [{application: h323, roles: {calle: lan, caller: self, callee: lan}}]", "calle", "no role", '"callee"'),
    (
        "need: [{application: h323, roles: {caller: self, callee: lan}, features: [audoi]}]",
        "audoi",
        "cannot be",
        '"audio"',
    ),
    ("need: [{application: h323, roles: {caller: self, callee: lan}, modes: tsl}]", "tsl", "cannot be", '"tls"'),
    ("need: [{application: h323, roles: {caller: self, callee: lan}, flows: gk}]", "gk", "cannot be", "gk-"),
    ("need: [{application: h323, roles: {caller: self}}]", "{", 'the role "callee"', "callee: ZONE"),
    (
        "need: [{application: h323, roles: {caller: self, callee: lan}, only: [call-setup], features: [audio]}]",
        "[",
        'does not go with "only"',
        "",
    ),
    ("need: [{flow: tcp 22, from: v4, to: v6}]\nkind: gateway", "{", "v4 has only IPv4", "one family"),
    ("need: [{flow: icmpv6 echo-request, from: v4, to: self}]", "{", "is IPv6", "one family"),
    ("forbid: [{flow: icmp any, from: v6, to: self}]", "{", "can match nothing", ""),
    ("need: [{flow: tcp 22, from: lan, to: v4}]", "{", "a host does not forward", "gateway"),
    ("need: [{flow: tcp 22, from: self, to: self}]", "{", "to itself", "loopback"),
    ("need: [{flow: tcp 22, from: lan, to: self, expires: 2026-11-20}]", "2026-11-20", "expired", "approved"),
    ("need: [{flow: tcp 22, from: lan, to: self, expires: 2026-02-30}]", "2026-02-30", "calendar", ""),
    ("need: [{flow: tcp 22, from: lan, to: self, expires: tomorrow}]", "tomorrow", "YYYY-MM-DD", ""),
    ("need: [{flow: tcp 22, from: lan, to: self, when: {night: true}}]", "night", "no parameter", ""),
    ("need: {flow: tcp 22}", "{", "need is a list", '"- "'),
    ("need: []", "[", "need is empty", ""),
    ("forbid: [{application: netmeeting, verdict: accept}]", "accept", "verdict", "drop"),
    ("never: [{risk: [criticl]}]", "criticl", "risk cannot be", '"critical"'),
    ("never: [{risk: low, flow: tcp 1}]", "low", "is about one of", ""),
    ("include: nowhere", "nowhere", "no profile", ""),
    ("include: [{with: {a: 1}}]", "{", '"profile"', ""),
    ("defaults: {input: dorp}", "dorp", "cannot be", '"drop"'),
    ("defaults: {inptu: drop}", "inptu", "no field", '"input"'),
    ("log: {rate: 0}", "0", "between 1 and", ""),
    ("kind: hots", "hots", "kind cannot be", '"host"'),
    ("dhcp_client: 1", "1", "true or false", ""),
    ("titel: x", "titel", "no field", '"title"'),
    ("need: [{flow: tcp $p, from: lan, to: self}]", "tcp $p", 'no parameter "p"', "declare"),
]


#: Mistakes of shape, which both sides see; the others need the port database, other fields or a calendar.
SHAPE = re.compile(
    r'has no field|names what it is about|is about one of|does not go with|is a list|is empty|says "(from|to)"'
    r"|neither ports nor|verdict of a forbid|risk cannot|default of|rate|kind cannot|dhcp_client|log is|an address is"
    r"|neither addresses|type of the|needs the field|choices belongs|optional and has|YYYY-MM-DD|between 1 and"
)


@pytest.mark.parametrize(("text", "caret", "message", "hint"), STATEMENTS)
def test_one_mistake_is_one_error_with_place_and_advice(
    problem: Problem, schema_accepts: Callable[[str], bool], text: str, caret: str, message: str, hint: str
) -> None:
    found = problem(ZONES + text + "\n")
    if SHAPE.search(found.message):
        assert not schema_accepts(f"profile: site\ntitle: A site\n{ZONES}{text}\n")
    assert message in found.message
    assert hint in found.hint
    span = found.span
    assert span is not None
    assert span.source[span.column - 1 : span.column - 1 + span.length] == caret
    assert span.line >= 4


ZONE_TEXTS = [
    ("10.0.0.1/8", "host bits", "10.0.0.0/8"),
    ("10.0.0.9-10.0.0.1", "ends before it begins", "10.0.0.1-10.0.0.9"),
    ("10.0.0.0/40", "at most 32", ""),
    ("db.example.com", "not an address", "host names"),
    ("intrenet", "not an address", '"internet"'),
    ('"10.0.0.1, 10.0.0.2"', "no address", "list"),
    ("[]", "empty", ""),
    ("{adresses: 10.0.0.0/8, interfaces: eth0}", "no field", '"addresses"'),
    ("{local: true}", "neither addresses nor interfaces", "any"),
    ("{addresses: 10.0.0.0/8, except: 10.0.0.0/7}", "leaves no address", ""),
    ("{interfaces: 'eth0; rm -rf'}", "cannot be the name of an interface", ""),
    ("[[10.0.0.0/8]]", "an address is expected", ""),
]


@pytest.mark.parametrize(("zone", "message", "hint"), ZONE_TEXTS)
def test_a_wrong_zone_is_one_error_and_its_uses_add_none(problem: Problem, zone: str, message: str, hint: str) -> None:
    found = problem(f"zones:\n  lan: {zone}\nneed: [{{flow: tcp 22, from: lan, to: self}}]\n")
    assert message in found.message
    assert hint in found.hint


PARAMETERS = [
    ("{type: adresses}", "cannot be", '"addresses"'),
    ("{help: x}", '"type"', ""),
    ("{type: choice}", '"choices"', "choices:"),
    ("{type: choice, choices: [a, b], default: c}", 'cannot be "c"', "a, b"),
    ("{type: integer, default: 007}", "leading zeros", "7"),
    ("{type: integer, minimum: 5, default: 4}", "at least 5", ""),
    ("{type: integer, minimum: 5, maximum: 4}", "less than minimum", ""),
    ("{type: boolean, default: NO}", "true or false", ""),
    ("{type: addresses, default: 10.0.0.1/8}", "host bits", ""),
    ("{type: addresses, optional: true, default: any}", "optional and has a default", "drop one"),
    ("{type: text, choices: [a]}", "choices belongs to choice", ""),
    ("{type: ports, default: https}", "is not a port", ""),
    ("{type: addresses, default: $q}", "another parameter", ""),
]


@pytest.mark.parametrize(("declaration", "message", "hint"), PARAMETERS)
def test_a_wrong_parameter_is_one_error_and_its_uses_add_none(
    problem: Problem, schema_accepts: Callable[[str], bool], declaration: str, message: str, hint: str
) -> None:
    text = (
        f"profile: site\ntitle: A site\nparameters:\n  p: {declaration}\nneed:\n"
        "  - {flow: tcp $p, from: any, to: self}\n  - {flow: ping, from: any, to: self, when: {p: given}}\n"
    )
    found = problem(text)
    if SHAPE.search(found.message):
        assert not schema_accepts(text)
    assert message in found.message
    assert hint in found.hint


def test_all_problems_of_a_file_come_in_one_run_and_in_its_order(problems: Problems) -> None:
    found = problems("titel: x\nzones: {a: 10.0.0.1/8, b: x.y}\nneed: [{flow: tcp 0, from: c, to: self}]\n")
    lines = [d.span.line for d in found if d.span is not None]
    assert len(found) == 5
    assert lines == sorted(lines)


def test_a_duplicate_field_is_an_error_that_names_the_first(problem: Problem) -> None:
    found = problem("zones:\n  lan: 10.0.0.0/8\n  lan: 10.0.0.0/8\n")
    assert '"lan" appears twice' in found.message
    assert "line 4" in found.hint


def test_very_many_problems_are_counted_not_printed(problems: Problems) -> None:
    found = problems("zones:\n" + "".join(f"  z{i}: x\n" for i in range(1000)) + "defaults: {input: drop}\n")
    assert len(found) == 51
    assert found[-1].message == "and 950 more problems"


def test_the_file_must_be_named_like_the_profile(write: Callable[..., Path], problems: Problems) -> None:
    (found,) = problems("profile: other\ntitle: x\nneed: [{flow: ping, from: any, to: self}]\n")
    assert "its file is site.yaml" in found.message


def test_the_page_reads_well(problem: Problem) -> None:
    found = problem("zones: {lan: 10.0.0.1/8}\n")
    text = render(found).split("site.yaml:", 1)[1]
    assert text == (
        '3:14: error: the zone "lan": "10.0.0.1/8" has host bits set\n'
        "    3 | zones: {lan: 10.0.0.1/8}\n"
        "      |              ^^^^^^^^^^\n"
        "  hint: the network is 10.0.0.0/8, the single address 10.0.0.1"
    )


def test_a_grant_that_ends_soon_is_a_warning(loaded: Callable[..., object]) -> None:
    need = "need: [{flow: tcp 22, from: any, to: self, expires: %s}]\n"
    for day, count in (("2026-11-21", 1), ("2026-12-21", 1), ("2026-12-22", 0)):
        warnings = loaded(need % day).warnings  # type: ignore[attr-defined]
        assert len(warnings) == count
    assert "expires on 2026-11-21 (today)" in loaded(need % "2026-11-21").warnings[0].message  # type: ignore[attr-defined]
