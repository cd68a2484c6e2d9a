"""Which hooks traffic between two zones passes, on a host and on a gateway."""

from __future__ import annotations

import pytest

from fwadvisor.errors import ProfileError
from fwadvisor.model.rule import LOOPBACK, Hook, OriginKind, Verdict

ZONES = (
    "zones: {a: 10.1.0.0/16, b: {addresses: [10.2.0.0/16], interfaces: [eth1]}, "
    "vip: {addresses: [192.0.2.9], local: true}}\n"
)

NEEDS = [
    ("host", "a", "self", ["input"]),
    ("host", "self", "a", ["output"]),
    ("host", "any", "self", ["input"]),
    ("host", "self", "any", ["output"]),
    ("host", "any", "any", ["input", "output"]),
    ("host", "a", "any", ["input"]),
    ("host", "any", "a", ["output"]),
    ("host", "a", "vip", ["input"]),
    ("host", "vip", "a", ["output"]),
    ("gateway", "a", "self", ["input"]),
    ("gateway", "a", "b", ["forward"]),
    # Opening: on a gateway "any" is everybody else, not the gateway itself.
    ("gateway", "any", "any", ["forward"]),
    ("gateway", "a", "any", ["forward"]),
    ("gateway", "any", "self", ["input"]),
    ("gateway", "vip", "a", ["output"]),
]
FORBIDS = [
    ("host", "a", "self", ["input"]),
    ("host", "any", "any", ["input", "output"]),
    ("host", "a", "b", []),
    # Closing: "any" includes the gateway itself, the reading that accepts less.
    ("gateway", "any", "any", ["input", "output", "forward"]),
    ("gateway", "a", "any", ["input", "forward"]),
    ("gateway", "any", "a", ["output", "forward"]),
    ("gateway", "a", "b", ["forward"]),
]


def hooks(compilation, kind):
    found = {
        chain.hook.value for chain in compilation.ruleset.chains for rule in chain.rules if rule.origin.kind is kind
    }
    return [hook.value for hook in Hook if hook.value in found]


@pytest.mark.parametrize(("kind", "source", "destination", "expected"), NEEDS)
def test_needs(compiled, kind, source, destination, expected):
    result = compiled(f"kind: {kind}\n{ZONES}need: [{{flow: tcp 80, from: {source}, to: {destination}}}]")
    assert hooks(result, OriginKind.NEED) == expected


@pytest.mark.parametrize(("kind", "source", "destination", "expected"), FORBIDS)
def test_forbids(compiled, kind, source, destination, expected):
    text = f"kind: {kind}\n{ZONES}forbid: [{{flow: tcp 80, from: {source}, to: {destination}}}]"
    assert hooks(compiled(text), OriginKind.FORBID) == expected


def test_a_forbid_without_ends_closes_everywhere(compiled):
    assert hooks(compiled("forbid: [{flow: tcp 80}]"), OriginKind.FORBID) == ["input", "output"]
    assert hooks(compiled("kind: gateway\nforbid: [{flow: tcp 80}]"), OriginKind.FORBID) == [
        "input", "output", "forward",
    ]  # fmt: skip


def test_interfaces_and_addresses_stand_on_their_own_side(compiled):
    result = compiled(
        f"kind: gateway\n{ZONES}need: [{{flow: tcp 80, from: a, to: b}}, {{flow: tcp 81, from: b, to: self}}]"
    )
    (forward,) = [r for r in result.ruleset.chain(Hook.FORWARD).rules if r.origin.kind is OriginKind.NEED]
    assert (forward.match.in_interfaces, forward.match.out_interfaces) == ((), ("eth1",))
    assert (forward.match.source.name, forward.match.destination.name) == ("a", "b")
    (own,) = [r for r in result.ruleset.chain(Hook.INPUT).rules if r.origin.kind is OriginKind.NEED]
    assert (own.match.in_interfaces, own.match.out_interfaces, own.match.destination) == (("eth1",), (), None)


def test_only_the_common_family_is_opened(compiled):
    text = (
        "zones: {four: 10.1.0.0/16, both: [10.2.0.0/16, '2001:db8::/32']}\nneed:\n"
        "- {flow: tcp 80, from: four, to: self}\n"
    )
    result = compiled(text + "- {flow: ping, from: both, to: self}")
    rules = [rule for rule in result.ruleset.chain(Hook.INPUT).rules if rule.origin.kind is OriginKind.NEED]
    assert [tuple(int(f) for f in rule.match.families()) for rule in rules] == [(4,), (4,), (6,)]


def test_a_host_forwards_nothing_and_refuses_to(compiled):
    result = compiled("need: [{flow: tcp 80, from: any, to: self}]")
    forward = result.ruleset.chain(Hook.FORWARD)
    assert (forward.rules, forward.default) == ((), Verdict.DROP)
    with pytest.raises(ProfileError, match="does not concern this machine"):
        compiled(f"{ZONES}need: [{{flow: tcp 80, from: a, to: b}}]")


def test_a_host_with_containers_may_declare_that_it_forwards(compiled):
    result = compiled("need: [{flow: tcp 80, from: any, to: self}]\ndefaults: {forward: accept}")
    assert result.ruleset.chain(Hook.FORWARD).default is Verdict.ACCEPT


# --- the baseline ------------------------------------------------------------------------------------


def baseline(compilation, hook):
    return [rule for rule in compilation.ruleset.chain(hook).rules if rule.origin.kind is OriginKind.BASELINE]


def test_baseline_comes_first_and_loopback_before_all(compiled):
    result = compiled("need: [{flow: tcp 80, from: any, to: self}]\nforbid: [{flow: tcp 81}]")
    for hook in (Hook.INPUT, Hook.OUTPUT):
        rules = result.ruleset.chain(hook).rules
        kinds = [rule.origin.kind for rule in rules]
        order = [OriginKind.BASELINE, OriginKind.NEED, OriginKind.FORBID]
        assert kinds == sorted(kinds, key=order.index)
        assert LOOPBACK in (rules[0].match.in_interfaces if hook is Hook.INPUT else rules[0].match.out_interfaces)


def test_neighbour_discovery_asks_for_no_state(compiled):
    for hook in (Hook.INPUT, Hook.OUTPUT):
        rules = baseline(compiled("need: [{flow: tcp 80, from: any, to: self}]"), hook)
        (found,) = [rule for rule in rules if "neighbour" in rule.origin.text]
        assert found.match.states == ()
        assert [kind.type for kind in found.match.icmp] == [133, 134, 135, 136]
        invalid = [number for number, rule in enumerate(rules) if rule.verdict is Verdict.DROP]
        assert len(invalid) == (hook is Hook.INPUT)


def test_dhcp_is_for_hosts_that_want_it(compiled):
    def texts(text):
        result = compiled(text + "\nneed: [{flow: tcp 80, from: any, to: self}]")
        return {rule.origin.text for hook in (Hook.INPUT, Hook.OUTPUT) for rule in baseline(result, hook)}

    dhcp = {"DHCP answers", "DHCPv6 answers", "DHCP requests", "DHCPv6 requests"}
    assert dhcp <= texts("kind: host")
    assert not dhcp & texts("kind: gateway")
    assert not dhcp & texts("dhcp_client: false")


def test_what_is_forwarded_knows_no_loopback_and_no_link(compiled):
    result = compiled(f"kind: gateway\n{ZONES}need: [{{flow: tcp 80, from: a, to: b}}]")
    for rule in baseline(result, Hook.FORWARD):
        assert not {LOOPBACK} & {*rule.match.in_interfaces, *rule.match.out_interfaces}
        assert not rule.match.icmp


# --- closing an application ------------------------------------------------------------------------------


def closed(compilation):
    return {
        (chain.hook.value, rule.origin.flow, rule.match.source and rule.match.source.name)
        for chain in compilation.ruleset.chains
        for rule in chain.rules
        if rule.origin.kind is OriginKind.FORBID
    }


def test_what_others_share_is_closed_at_the_edge_only(compiled):
    found = closed(compiled("forbid: [{application: netmeeting}]"))
    assert ("input", "call-setup", None) in found
    assert ("input", "directory-ils", "internet") in found
    assert ("input", "directory-ils", None) not in found
    assert not {flow for _, flow, _ in found} & {"media-out", "media-back", "call-control"}


def test_single_flows_and_bound_roles(compiled):
    text = (
        "zones: {branch: 10.9.0.0/16}\nforbid:\n"
        "- {application: netmeeting, roles: {caller: branch, callee: self}, only: [data]}"
    )
    assert closed(compiled(text)) == {("input", "data", "branch")}


def test_risk_closes_every_port_of_that_severity_but_no_negotiated_range(compiled, database):
    result = compiled("never: [{risk: critical, from: internet, to: self}]")
    rules = [rule for rule in result.ruleset.chain(Hook.INPUT).rules if rule.origin.kind is OriginKind.NEVER]
    ports = {port for rule in rules for first, last in rule.match.destination_ports or () for port in (first, last)}
    assert {23, 445, 3389, 6379, 11211} <= ports
    assert not {22, 443, 1720, 49152} & ports
    assert all(rule.match.source.name == "internet" for rule in rules)
    assert len(rules) >= sum(
        port.risk_internet == "critical" and not port.negotiated for port in database.ports.values()
    )
