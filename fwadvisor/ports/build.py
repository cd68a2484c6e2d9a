"""Plain compiled values to the facts that the program works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fwadvisor.model.interval import Intervals
from fwadvisor.ports.facts import (
    Advisory,
    Application,
    Defect,
    Deny,
    Dynamic,
    Ephemeral,
    Flow,
    HelperFacts,
    HelperType,
    Listing,
    MediaPreset,
    Port,
    RegistryState,
    Relation,
    Risk,
    Stance,
    State,
    Status,
    Transport,
)


def _intervals(pairs: Iterable[Iterable[int]] | None) -> Intervals | None:
    return None if pairs is None else tuple((first, last) for first, last in pairs)


def _status(value: Mapping[str, Any]) -> Status:
    return Status(State(value["state"]), value.get("since"), value.get("ended"), value.get("note", ""))


def _advisories(values: Iterable[Mapping[str, Any]]) -> tuple[Advisory, ...]:
    return tuple(Advisory(value["id"], value["via"], value["note"], tuple(value.get("fixed", ()))) for value in values)


def _dynamic(value: Mapping[str, Any] | None) -> Dynamic | None:
    if value is None:
        return None
    return Dynamic(
        opens=tuple(value.get("opens", ())),
        negotiated_in=tuple(value.get("negotiated_in", ())),
        how_many=value.get("count", ""),
        tracked_by=tuple(value.get("tracked_by", ())),
        pin=value.get("pin", ""),
        note=value.get("note", ""),
    )


def port(value: Mapping[str, Any]) -> Port:
    """A port entry."""
    registry, risk, stance = value["registry"], value["risk"], value["stance"]
    nmap, multicast = value.get("nmap", {}), value.get("multicast", {})
    return Port(
        id=value["id"],
        title=value["title"],
        match={Transport(t): tuple((first, last) for first, last in pairs) for t, pairs in value["match"].items()},
        registry=RegistryState(registry["state"]),
        registry_names=tuple(registry.get("names", ())),
        registry_note=registry.get("note", ""),
        registry_only=_intervals(registry.get("only")),
        listing=Listing(value.get("listing", "primary")),
        use=value["use"],
        products=tuple(value.get("products", ())),
        opened_from=value["opens"]["from"],
        opened_to=value["opens"]["to"],
        related=tuple(Relation(r["port"], r["rel"], r.get("note", "")) for r in value.get("related", ())),
        dynamic=_dynamic(value.get("dynamic")),
        multicast_groups=tuple(multicast.get("groups", ())),
        multicast_scope=multicast.get("ttl", ""),
        status=_status(value["status"]),
        risk_internet=Risk(risk["internet"]),
        risk_lan=Risk(risk["lan"]),
        risk_why=risk["why"],
        stance_in=Stance(stance["in"]),
        stance_out=Stance(stance["out"]),
        stance_why=stance.get("why", ""),
        helper=value.get("helper", ""),
        secure=tuple(value.get("secure", ())),
        advisories=_advisories(value.get("advisories", ())),
        nmap_scripts=tuple(nmap.get("scripts", ())),
        nmap_version_probe=nmap.get("version_probe", False),
        nmap_note=nmap.get("note", ""),
        processes={system: tuple(names) for system, names in value.get("processes", {}).items()},
        pitfalls=tuple(value.get("pitfalls", ())),
        sources=tuple(value["sources"]),
    )


def _flow(value: Mapping[str, Any], ports: Mapping[str, Port]) -> Flow:
    transport = Transport(value["t"])
    number = ports[value["port"]].match[transport][0][0] if transport is Transport.IP else None
    answer = value.get("answer", {})
    return Flow(
        id=value["id"],
        port=value["port"],
        transport=transport,
        source_role=value["from"],
        destination_role=value["to"],
        phase=value["phase"],
        need=value["need"],
        opened_by=value.get("opened_by", ""),
        reply=value.get("reply", ""),
        if_denied=value["if_denied"],
        only=_intervals(value.get("only")),
        source_ports=_intervals(value.get("src")),
        ip_protocol=number,
        answer_from=_intervals(answer.get("from")),
        answer_to=_intervals(answer.get("to")),
        note=value.get("note", ""),
    )


def application(value: Mapping[str, Any], ports: Mapping[str, Port]) -> Application:
    """An application entry; `ports` are the finished port entries that its flows name."""
    flows = tuple(_flow(flow, ports) for flow in value["flows"])
    deny = value.get("deny") or {"flows": [flow.id for flow in flows if flow.need == "core"]}
    return Application(
        id=value["id"],
        title=value["title"],
        aliases=tuple(value.get("aliases", ())),
        status=_status(value["status"]),
        roles=dict(value["roles"]),
        features=tuple(value.get("features", ())),
        flows=flows,
        dynamic_strategy=tuple(value.get("dynamic_strategy", ())),
        deny=Deny(
            flows=tuple(deny["flows"]),
            also=tuple(deny.get("also", ())),
            edge_only=tuple(deny.get("edge_only", ())),
            effective=deny.get("effective", ""),
            caution=deny.get("caution", ""),
        ),
        pinnable=value.get("pinnable", True),
        lockout=value.get("lockout", False),
        sources=tuple(value["sources"]),
    )


def helper(id: str, value: Mapping[str, Any]) -> HelperFacts:
    """A connection-tracking helper."""
    types = tuple(HelperType(t["type"], Transport(t["t"]), t["port"]) for t in value["types"])
    return HelperFacts(
        id=id,
        module=value["module"],
        nat_module=value.get("nat", ""),
        types=types,
        families=_versions(value["families"]),
        internal=tuple(value.get("internal", ())),
        related_names=tuple(value.get("related_names") or dict.fromkeys(t.type for t in types)),
        blind_when=value["blind_when"],
        parameters=tuple(value.get("params", ())),
        note=value.get("note", ""),
        limits=tuple(value.get("limits", ())),
        nat_families=_versions(value.get("nat_families", ())),
        same_peer=value.get("same_peer", False),
        advice=value.get("advice", ""),
        advisories=_advisories(value.get("advisories", ())),
        defects=tuple(Defect(each["versions"], each["note"]) for each in value.get("defects", ())),
    )


def _versions(families: Iterable[str]) -> tuple[int, ...]:
    return tuple({"ip": 4, "ip6": 6}[family] for family in families)


def ephemeral(value: Mapping[str, Any]) -> Ephemeral:
    """The ports that a system hands to programs."""
    return Ephemeral(
        system=value["system"],
        ports=_intervals(value["ports"]) or (),
        reserve=value["reserve"],
        sources=tuple(value["sources"]),
    )


def preset(value: Mapping[str, Any]) -> MediaPreset:
    """A media preset."""
    return MediaPreset(
        id=value["id"],
        title=value["title"],
        tcp=_intervals(value.get("tcp")),
        udp=_intervals(value.get("udp")),
        tcp_start=value.get("tcp_start"),
        udp_start=value.get("udp_start"),
        setting=value["setting"],
        note=value.get("note", ""),
        sources=tuple(value["sources"]),
    )
