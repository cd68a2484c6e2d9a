"""The shipped knowledge is sound, large enough, and the checks that say so bite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fwadvisor.diagnostic import render
from fwadvisor.model.interval import size
from fwadvisor.ports.compiling import compile_shipped
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Transport
from fwadvisor.ports.registry import shipped_registry
from fwadvisor.ports.store import source_files
from fwadvisor.ports.validate import validate

Values = dict[str, Any]
Spoil = Callable[[Values], object]


def port(values: Values, id: str) -> dict[str, Any]:
    return next(entry for entry in values["ports"] if entry["id"] == id)


def application(values: Values, id: str) -> dict[str, Any]:
    return next(entry for entry in values["applications"] if entry["id"] == id)


def flow(values: Values, id: str, flow_id: str) -> dict[str, Any]:
    return next(entry for entry in application(values, id)["flows"] if entry["id"] == flow_id)


def test_the_sources_have_no_problem() -> None:
    assert compile_shipped(source_files())["ports"]


def test_the_knowledge_is_as_large_as_promised(database: Database) -> None:
    assert len(database.ports) >= 127
    assert len(database.applications) >= 42
    assert sum(len(each.flows) for each in database.applications.values()) >= 200
    assert len(database.registry) > 6000


@pytest.mark.parametrize(
    "name",
    [
        "netmeeting", "h323", "h323-gatekeeper", "t120", "msn", "ils", "sip-phone", "sip-server", "webrtc",
        "dns-client", "dhcp-client", "ntp-client", "ntp-server", "update-client", "smtp-relay", "backup-client",
        "ssh-server", "web-server", "web-client", "mail-server", "mail-client", "dns-resolver",
        "dns-authoritative", "samba", "nfs", "database",
        "data-services", "domain-controller", "ad-replication", "k8s-control-plane", "k8s-node", "winrm",
        "remote-desktop", "vnc", "monitoring", "log-server", "ipsec-vpn", "wireguard", "openvpn", "dhcp-server",
        "industrial-controller", "printer", "local-discovery",
    ],
)  # fmt: skip
def test_shipped_profiles_find_their_applications(database: Database, name: str) -> None:
    assert database.application(name) is not None


@pytest.mark.parametrize(
    ("text", "spoil"),
    [
        ("names no source", lambda v: port(v, "ssh").update(sources=[])),
        ('source "ianna" is not known', lambda v: port(v, "ssh").update(sources=["ianna"])),
        ('source "rfc:0" is not known', lambda v: port(v, "ssh").update(sources=["rfc:0"])),
        ("netmeeting names no source", lambda v: application(v, "netmeeting").update(sources=[])),
        ("port 22/tcp: the registry says ssh, not shh", lambda v: port(v, "ssh")["registry"].update(names=["shh"])),
        ('the registry has no "telnet" on', lambda v: port(v, "ssh")["registry"].update(names=["ssh", "telnet"])),
        ("port 23/tcp: the registry says telnet", lambda v: port(v, "ssh").update(match={"tcp": [[22, 23]]})),
        ("is not unassigned: the registry says ssh", lambda v: port(v, "ssh").update(registry={"state": "unassigned"})),
        ("needs the registered names", lambda v: port(v, "ssh").update(registry={"state": "other-service"})),
        ("22 is not in the dynamic range", lambda v: port(v, "ssh").update(registry={"state": "dynamic"})),
        ("is for IP protocols", lambda v: port(v, "ssh").update(registry={"state": "protocol-number"})),
        ("has registry state protocol-number", lambda v: port(v, "gre").update(registry={"state": "unassigned"})),
        ("does not say how the registry sees", lambda v: port(v, "ssh").pop("registry")),
        ("matches no port", lambda v: port(v, "ssh").update(match={})),
        ('related port "telnett" is not known', lambda v: port(v, "ssh")["related"][0].update(port="telnett")),
        ("ssh is related to itself", lambda v: port(v, "ssh")["related"][0].update(port="ssh")),
        ('dynamic port "rtp" is not known', lambda v: port(v, "sip")["dynamic"].update(opens=["rtp"])),
        ('helper "h232" is not known', lambda v: port(v, "h323-call").update(helper="h232")),
        ('helper "sipp" is not known', lambda v: port(v, "sip")["dynamic"].update(tracked_by=["sipp"])),
        ('secure alternative "ssl" is not known', lambda v: port(v, "telnet").update(secure=["ssl"])),
        ('"224.0.0" is no multicast address', lambda v: port(v, "mdns")["multicast"].update(groups=["224.0.0"])),
        ('"10.0.0.1" is no multicast address', lambda v: port(v, "mdns")["multicast"].update(groups=["10.0.0.1"])),
        ("ended in 1990, before it began", lambda v: port(v, "msnp")["status"].update(ended=1990)),
        ("is active, yet it ended", lambda v: port(v, "ssh")["status"].update(ended=2020)),
        ('"CVE-20-1" is no advisory id', lambda v: port(v, "rdp")["advisories"][0].update(id="CVE-20-1")),
        ("stands twice", lambda v: port(v, "h323-call")["advisories"].append(port(v, "h323-call")["advisories"][0])),
        ("inbound is allowed although the risk is", lambda v: port(v, "telnet")["stance"].update({"in": "allow"})),
        ("it is obsolete, so inbound", lambda v: port(v, "t120")["stance"].update({"in": "restrict"})),
        ("the risk inside is worse", lambda v: port(v, "https")["risk"].update(lan="critical")),
        ('port "ssh" is defined twice', lambda v: v["ports"].append(port(v, "ssh"))),
        ('"h323" is a name of netmeeting', lambda v: application(v, "netmeeting")["aliases"].append("h323")),
        ("has no flow", lambda v: application(v, "vnc").update(flows=[])),
        ('"screen" is defined twice', lambda v: application(v, "vnc")["flows"].append(flow(v, "vnc", "screen"))),
        ('role "boss" is not known', lambda v: flow(v, "vnc", "screen").update({"from": "boss"})),
        ("from a role to the same role", lambda v: flow(v, "vnc", "screen").update({"from": "host"})),
        ('need cannot be "core2"', lambda v: flow(v, "vnc", "screen").update(need="core2")),
        ('has no feature "videoo"', lambda v: flow(v, "netmeeting", "data").update(need="feature:videoo")),
        ('no flow needs the feature "data"', lambda v: flow(v, "netmeeting", "data").update(need="core")),
        ('port "vncc" is not known', lambda v: flow(v, "vnc", "screen").update(port="vncc")),
        ("port vnc has no udp", lambda v: flow(v, "vnc", "screen").update(t="udp")),
        ("only names ports that vnc does not have", lambda v: flow(v, "vnc", "screen").update(only=[[22, 22]])),
        ("an IP protocol has no ports", lambda v: flow(v, "ipsec-vpn", "esp").update(src=[[1, 2]])),
        ("has no multicast group", lambda v: flow(v, "vnc", "screen").update(reply="multicast")),
        ("an answer needs reply: multicast", lambda v: flow(v, "vnc", "screen").update(answer={"to": [[1, 2]]})),
        ("opened_by must say in which flow", lambda v: flow(v, "netmeeting", "media-out").pop("opened_by")),
        ('opened_by "call" is not known', lambda v: flow(v, "netmeeting", "media-out").update(opened_by="call")),
        ("rtp-dynamic cannot be opened by t120", lambda v: flow(v, "netmeeting", "media-out").update(opened_by="data")),
        ("opens itself", lambda v: flow(v, "netmeeting", "call-setup").update(opened_by="call-control")),
        ('no flow has the role "boss"', lambda v: application(v, "vnc")["roles"].update(boss="b")),
        ('a role cannot be called "self"', lambda v: application(v, "vnc")["roles"].update(self="b")),
        ('deny: flow "screem" is not known', lambda v: application(v, "vnc")["deny"].update(flows=["screem"])),
        ("stands in flows and in also", lambda v: application(v, "vnc")["deny"].update(also=["screen"])),
        ("gives no range", lambda v: [v["media_presets"][0].pop(f) for f in ("tcp_start", "udp_start")]),
        ("gives both a udp range and its start", lambda v: v["media_presets"][0].update(udp=[[2, 9]])),
        ("media begins on an even port", lambda v: v["media_presets"][0].update(udp_start=3231)),
        ("generic names no source", lambda v: v["media_presets"][0].update(sources=[])),
        ('"Q.931" is missing from related_names', lambda v: v["helpers"]["h323"].update(related_names=["H.245"])),
    ],
)  # fmt: skip
def test_a_planted_error_is_found(values: Values, text: str, spoil: Spoil) -> None:
    registry = shipped_registry()
    assert validate(values, registry) == []
    spoil(values)
    assert any(text in problem.message for problem in validate(values, registry)), [
        render(problem) for problem in validate(values, registry)
    ]


def test_negotiated_flows_know_their_helper(database: Database) -> None:
    netmeeting = database.applications["netmeeting"]
    media = netmeeting.flow("media-out")
    assert media is not None
    helper = database.flow_helper(netmeeting, media)
    assert helper is not None
    assert helper.related_names == ("RAS", "Q.931", "H.245")
    assert helper.families == (4, 6)
    assert not netmeeting.pinnable


def test_flow_numbers_are_those_of_the_port_or_a_part_of_them(database: Database) -> None:
    for each in database.applications.values():
        for one in each.flows:
            numbers = database.flow_ports(one)
            if one.transport is Transport.IP:
                assert numbers is None
                assert one.protocols() == (one.ip_protocol,)
            else:
                assert numbers
                assert one.only is None or size(numbers) == size(one.only)


def test_which_flows_are_wanted(database: Database) -> None:
    endpoint = database.applications["h323-endpoint"]
    ids = {one.id for one in endpoint.flows if one.wanted(features=("audio",), modes=("tls",), extra=("gk-discovery",))}
    assert ids == {"gk-discovery", "call-setup", "call-setup-tls", "call-control", "media-out", "media-back"}


def test_lookup_by_number_hides_wide_ranges(database: Database) -> None:
    assert [entry.id for entry in database.entries_at("tcp", 389)] == ["ldap", "ils"]
    assert [entry.id for entry in database.entries_at("tcp", 1720)] == ["h323-call"]
    assert "h245-dynamic" in [entry.id for entry in database.entries_at("tcp", 1720, hidden=True)]


def test_presets_come_from_makers_or_say_that_they_are_ours(database: Database) -> None:
    assert database.presets["generic"].sources == ("own",)
    assert database.presets["polycom-hdx"].udp_start == 3230
    assert database.presets["cisco-tc"].udp == ((2326, 2487),)
    assert all("own" not in preset.sources for id, preset in database.presets.items() if id != "generic")
