"""The schema for editors and the loader say the same, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fwadvisor.errors import ProfileError
from fwadvisor.model.policy import Kind, StatementKind, Strategy
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.profile import flows, loader, parameters, sections, statements, zones
from fwadvisor.profile.values import Type
from fwadvisor.resources import profiles_dir


def test_the_schema_is_draft_7_and_says_something_of_every_field(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    for place, fields in every_field(schema):
        for name, field in fields.items():
            target = schema["definitions"].get(field.get("$ref", "").rpartition("/")[2], {})
            assert field.get("description") or target.get("description"), (place, name)


def every_field(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of every mapping of the language."""
    if isinstance(node, dict):
        if node.get("additionalProperties") is False:
            yield place, node["properties"]
        for name, inner in node.items():
            if name not in ("if", "then", "else", "not"):
                yield from every_field(inner, f"{place}/{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from every_field(inner, place)


def test_field_names_and_words_are_those_of_the_loader(schema: dict[str, Any]) -> None:
    definitions = schema["definitions"]

    def names(definition: dict[str, Any]) -> set[str]:
        mappings = [definition, *definition.get("anyOf", ())]
        return {name for each in mappings for name in each.get("properties", ())}

    def words(definition: dict[str, Any]) -> set[str]:
        return {word for each in (definition, *definition.get("anyOf", ())) for word in each.get("enum", ())}

    assert names(schema) == set(loader.FIELDS)
    assert names(definitions["include"]) == set(loader.INCLUDE_FIELDS)
    assert names(definitions["parameter"]) == set(parameters.FIELDS)
    assert names(definitions["zone"]) == set(zones.FIELDS)
    assert names(definitions["flow"]) == set(flows.FIELDS)
    assert names(definitions["media"]) == set(statements.MEDIA_FIELDS)
    assert names(definitions["default"]) == set(sections.DEFAULT_FIELDS)
    assert names(schema["properties"]["log"]) == set(sections.LOG_FIELDS)
    assert names(schema["properties"]["defaults"]) == set(Hook)
    for kind in StatementKind:
        assert names(definitions[kind.value]) == statements.FIELDS[kind]
    assert words(definitions["parameter"]["properties"]["type"]) == set(Type)
    assert words(definitions["transport"]) == set(flows.TRANSPORTS)
    assert words(definitions["risk"]) == set(statements.RISKS)
    assert words(definitions["verdict"]) == set(Verdict)
    assert words(definitions["media"]["properties"]["strategy"]) == set(Strategy)
    assert words(schema["properties"]["kind"]) == set(Kind)
    assert set(schema["required"]) == {"profile", "title"}


ZONES = "zones: {lan: 10.0.0.0/8, v4: 192.0.2.0/24, v6: 2001:db8::/32}\n"

GOOD = [
    "defaults: {input: drop}",
    "kind: gateway\nneed: [{flow: any, from: lan, to: v4, log: true, title: 5, reason: true}]",
    "need: [{flow: [tcp 22, {transport: [tcp, udp], ports: 53, source_ports: 1024-65535}], from: lan, to: self}]",
    "need: [{application: h323, roles: {caller: self, callee: lan, gatekeeper: v4}, features: audio, "
    "flows: [gk-discovery], modes: [tls], media: "
    "{strategy: pinned, tcp: 3230, udp: [3230-3235, 4000], calls: 2, streams: 3, server: lan}}]",
    "need: [{application: h323, roles: {caller: self, callee: lan}, only: call-setup, when: {p: given, q: [1, 2]}}]\n"
    "parameters: {p: {type: text, optional: true}, q: {type: integer, default: 1, minimum: 1, maximum: 2}}",
    "forbid: [{application: netmeeting}, {flow: tcp 1}, {flow: tcp 1, to: self, verdict: reject, expires: 2099-01-01}]",
    "never: [{risk: low}, {risk: [critical, high], from: internet}, {flow: ping}, "
    "{application: netmeeting, only: data}]",
    "need: [{flow: tcp $p, from: $z, to: self}]\n"
    "parameters: {p: {type: ports, default: [1, 2-3]}, z: {type: choice, choices: [lan, v4], default: lan}}",
    "log: {rate: unlimited}\ndhcp_client: false\ndefaults: {input: {verdict: reject, log: true}, forward: drop}",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_loader_accepts_the_schema_accepts(
    text: str, schema_accepts: Callable[[str], bool], loaded: Callable[..., object]
) -> None:
    whole = f"profile: site\ntitle: A site\n{ZONES}{text}\n"
    loaded(whole)
    assert schema_accepts(whole)


SPOILT = [  # a field of a good profile, spoilt: both must refuse
    ("title: T", "title:"),
    ("title: T", "title: [T]"),
    ("profile: site", "profile: Site"),
    ("kind: host", "kind: router"),
    ("zones: {z: 10.0.0.0/8}", "zones: {self: 10.0.0.0/8}"),
    ("zones: {z: 10.0.0.0/8}", "zones: {Z: 10.0.0.0/8}"),
    ("zones: {z: 10.0.0.0/8}", "zones: [10.0.0.0/8]"),
    ("zones: {z: 10.0.0.0/8}", "zones: {z: {interfaces: eth0, addresses: 10.0.0.0/8, local: yes}}"),
    ("flow: tcp 1", "flow: {transport: tpc, ports: 1}"),
    ("flow: tcp 1", "flow: {transport: tcp, ports: 0}"),
    ("flow: tcp 1", "flow: {transport: tcp, ports: 70000}"),
    ("to: self", "to: []"),
    ("to: self", "to: {a: b}"),
    ("to: self", "to: self, log: 'true'"),
    ("to: self", "to: self, when: {}"),
    ("to: self", "to: self, expires: 1.1.2030"),
    ("to: self", "to: self, media: {calls: 2}"),
    ("rate: 5", "rate: '5'"),
    ("rate: 5", "lines: 5"),
    ("input: drop", "input: {log: true}"),
    ("dhcp_client: true", "dhcp_client: on"),
    ("include: other", "include: {name: other}"),
    ("include: other", "include: []"),
]

WHOLE = """\
profile: site
title: T
kind: host
zones: {z: 10.0.0.0/8}
need: [{flow: tcp 1, from: z, to: self}]
log: {rate: 5}
defaults: {input: drop}
dhcp_client: true
include: other
"""


@pytest.mark.parametrize(("good", "bad"), SPOILT)
def test_both_refuse_a_spoilt_field(
    good: str,
    bad: str,
    schema_accepts: Callable[[str], bool],
    write: Callable[..., Path],
    loaded: Callable[..., object],
) -> None:
    write("defaults: {input: drop}\n", "other")
    loaded(WHOLE)
    assert schema_accepts(WHOLE)
    spoilt = WHOLE.replace(good, bad)
    assert spoilt != WHOLE
    assert not schema_accepts(spoilt)
    with pytest.raises(ProfileError):
        loaded(spoilt)


def test_every_profile_names_the_schema_and_satisfies_it(schema_accepts: Callable[[str], bool], data: Path) -> None:
    for path in (*data.glob("*.yaml"), *profiles_dir().glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        line = text.partition("\n")[0]
        assert line.startswith("# yaml-language-server: $schema="), path
        target = (path.parent / line.partition("$schema=")[2]).resolve()
        assert target == (profiles_dir() / "schema.json").resolve()
        assert schema_accepts(text), path
