"""Questions to a group and their answers, which connection tracking takes for new connections."""

from __future__ import annotations

from fwadvisor.model.interval import format_ports
from fwadvisor.model.rule import Hook, OriginKind


def rules(compilation, hook):
    return [rule for rule in compilation.ruleset.chain(hook).rules if rule.origin.kind is OriginKind.NEED]


def described(rule):
    match = rule.match
    source = format_ports(match.source_ports) if match.source_ports else "any"
    return source, format_ports(match.destination_ports), rule.origin.text.partition(": ")[0]


def test_an_endpoint_asks_the_group_and_hears_its_gatekeeper_only(compiled):
    text = (
        "zones: {gk: 203.0.113.10}\nneed:\n- application: h323-endpoint\n"
        "  roles: {caller: self, gatekeeper: gk}\n  only: [gk-discovery]\n"
    )
    result = compiled(text)
    question = [rule for rule in rules(result, Hook.OUTPUT) if "question" in rule.origin.text]
    assert [rule.match.destination.v4 for rule in question] == [((0xE0000129, 0xE0000129),)]
    (answer,) = rules(result, Hook.INPUT)
    assert described(answer) == ("1718-1719", "1719", "h323-endpoint gk-discovery answer")
    assert answer.match.source.name == "gk"
    (note,) = [each for each in result.notes if each.id == "multicast-answers"]
    assert "udp from port 1718-1719 to 1719" in note.text
    assert "What asks from another port than 1719 hears no answer." in note.text


def test_a_gatekeeper_answers_from_its_own_ports(compiled):
    text = (
        "zones: {phones: 10.20.0.0/16}\nneed:\n- application: h323-gatekeeper\n"
        "  roles: {endpoint: phones, gatekeeper: self}\n  only: [discovery]\ndefaults: {output: drop}\n"
    )
    result = compiled(text)
    (question,) = rules(result, Hook.INPUT)
    assert question.match.destination is None  # the group, or the gatekeeper's own address
    (answer,) = rules(result, Hook.OUTPUT)
    assert described(answer) == ("1718-1719", "1719", "h323-gatekeeper discovery answer")
    assert not [each for each in result.notes if each.id == "multicast-answers"]


def test_other_answers_come_to_any_high_port_from_the_asked_one(compiled):
    text = (
        "zones: {lan: {addresses: [192.168.1.0/24], interfaces: [eth1]}}\nneed:\n- application: local-discovery\n"
        "  roles: {host: self, link: lan}\n  only: [ssdp-out, mdns-out]\n"
    )
    result = compiled(text)
    answers = {described(rule) for rule in rules(result, Hook.INPUT)}
    assert {pair[:2] for pair in answers} == {("1900", "1024-65535"), ("5353", "1024-65535")}
    assert all(rule.match.in_interfaces == ("eth1",) for rule in rules(result, Hook.INPUT))
    assert all(rule.match.out_interfaces == ("eth1",) for rule in rules(result, Hook.OUTPUT))
    (note,) = [each for each in result.notes if each.id == "multicast-answers"]
    assert "5353" in note.text
    assert "1900" in note.text


def test_nothing_of_it_is_forwarded(compiled):
    text = (
        "kind: gateway\nzones: {a: 10.1.0.0/16, b: 10.2.0.0/16}\nneed:\n- application: local-discovery\n"
        "  roles: {host: a, link: b}\n  only: [ssdp-out]\n"
    )
    result = compiled(text)
    assert [described(rule)[:2] for rule in rules(result, Hook.FORWARD)] == [("any", "1900")]
    assert not rules(result, Hook.INPUT)
    assert not rules(result, Hook.OUTPUT)
