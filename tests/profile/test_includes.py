"""Profiles within profiles: values, circles, and zones of the same name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fwadvisor.addresses import address_set
from fwadvisor.diagnostic import Diagnostic
from fwadvisor.errors import ProfileError
from fwadvisor.model.policy import Policy
from fwadvisor.profile import load_policy

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

Problem = Callable[..., Diagnostic]
Write = Callable[..., Path]

INNER = """\
parameters:
  admins: {type: addresses, help: who may}
  port: {type: integer, default: 22}
zones: {admins: $admins}
need: [{flow: tcp $port, from: admins, to: self}]
"""


@pytest.fixture
def outer(write: Write, database: Database) -> Callable[..., Policy]:
    write(INNER, "inner")

    def load_outer(text: str, **settings: str) -> Policy:
        values = {name.replace("__", "."): value for name, value in settings.items()}
        return load_policy([str(write(text, "outer"))], values, database, today=date(2026, 11, 21)).policy

    return load_outer


def test_values_pass_from_the_including_profile(outer: Callable[..., Policy]) -> None:
    policy = outer(
        "parameters: {staff: {type: addresses, default: 10.0.0.0/8}}\n"
        "include: [{profile: inner, with: {admins: $staff, port: 2222}}]\n"
    )
    assert policy.profiles[1].parameters == (("admins", "10.0.0.0/8"), ("port", "2222"))
    assert policy.statements[0].flows[0].ports == ((2222, 2222),)
    assert policy.statements[0].profile == "inner"


def test_a_setting_reaches_an_included_profile_by_its_full_name(outer: Callable[..., Policy]) -> None:
    text = "include: [{profile: inner, with: {admins: 10.0.0.1}}]\n"
    assert outer(text, inner__port="99").statements[0].flows[0].ports == ((99, 99),)
    with pytest.raises(ProfileError) as caught:
        outer(text, port="99")
    assert caught.value.diagnostics[0].hint == "write --set inner.port=..."
    with pytest.raises(ProfileError, match="set by the profile that includes it"):
        outer(text, inner__admins="10.0.0.2")


INCLUDES = [
    ("inner", "without a value for admins", "with: {admins: 192.0.2.0/24"),
    ("{profile: inner, with: {admin: any}}", 'no parameter "admin"', '"admins"'),
    ("{profile: inner, with: {admins: 10.0.0.1/8}}", "host bits", "10.0.0.0/8"),
    ("{profile: inner, with: {admins: $n}}", 'takes addresses, but the parameter "n" is of type integer', ""),
    ("{profile: inner, with: {admins: $m}}", 'no parameter "m"', ""),
    ("{profile: inner, with: {admins: any, port: x}}", "whole number", ""),
    ("{profile: iner, with: {admins: any}}", 'no profile "iner"', ""),
    ("./sub/inner.yaml", "no file", ""),
]


@pytest.mark.parametrize(("include", "message", "hint"), INCLUDES)
def test_wrong_includes(outer: Callable[..., Policy], include: str, message: str, hint: str) -> None:
    with pytest.raises(ProfileError) as caught:
        outer(f"parameters: {{n: {{type: integer, default: 3}}}}\ninclude: [{include}]\n")
    found = [d for d in caught.value.diagnostics if message in d.message]
    assert found
    assert hint in found[0].hint
    assert found[0].span is not None
    assert found[0].span.file.endswith("outer.yaml")


def test_a_circle_is_shown_as_its_chain_of_places(write: Write, database: Database) -> None:
    write("include: [b]\n", "a")
    write("include: [c]\n", "b")
    path = write("include: [a]\n", "c")
    with pytest.raises(ProfileError) as caught:
        load_policy([str(path)], {}, database, today=date(2026, 11, 21))
    (found,) = caught.value.diagnostics
    assert found.message == "profiles include each other in a circle: c -> a -> b -> c"
    places = [found.span, *(label.span for label in found.labels)]
    assert [Path(span.file).name for span in places if span] == ["b.yaml", "c.yaml", "a.yaml"]


def test_a_profile_that_includes_itself(write: Write, database: Database) -> None:
    path = write("include: a\n", "a")
    with pytest.raises(ProfileError, match="circle: a -> a"):
        load_policy([str(path)], {}, database, today=date(2026, 11, 21))


def test_the_same_profile_by_two_ways_counts_once(write: Write, database: Database) -> None:
    write(INNER, "inner")
    for name in ("left", "right"):
        write("include: [{profile: inner, with: {admins: 10.0.0.1}}]\n", name)
    path = write("include: [left, right]\n", "top")
    policy = load_policy([str(path)], {}, database, today=date(2026, 11, 21)).policy
    assert [use.name for use in policy.profiles] == ["top", "left", "inner", "right"]
    assert len(policy.statements) == 1


def test_zones_of_one_name_and_different_content_are_told_apart(write: Write, database: Database) -> None:
    write(INNER, "inner")
    path = write(
        "zones: {admins: 10.0.0.9, same: 10.1.0.0/16}\n"
        "include:\n  - {profile: inner, with: {admins: 10.0.0.1}}\n"
        "  - {profile: inner, with: {admins: 10.0.0.2}}\n  - other\n"
        "need: [{flow: tcp 1, from: [admins, same], to: self}]\n",
        "top",
    )
    write("zones: {same: 10.1.0.0/16}\nneed: [{flow: tcp 2, from: same, to: self}]\n", "other")
    policy = load_policy([str(path)], {}, database, today=date(2026, 11, 21)).policy
    assert {name: zone.addresses for name, zone in policy.zones.items()} == {
        "top.admins": address_set(["10.0.0.9"]),
        "same": address_set(["10.1.0.0/16"]),
        "inner.admins": address_set(["10.0.0.1"]),
        "inner.admins-2": address_set(["10.0.0.2"]),
    }
    sources = [statement.sources for statement in policy.statements]
    assert sorted(sources) == [("inner.admins",), ("inner.admins-2",), ("same",), ("top.admins", "same")]
    assert all(zone.name == name for name, zone in policy.zones.items())


def test_a_broken_included_file_is_reported_with_its_own_place(write: Write, database: Database) -> None:
    write("need: [\n", "inner")
    path = write("include: inner\n", "outer")
    with pytest.raises(ProfileError) as caught:
        load_policy([str(path)], {}, database, today=date(2026, 11, 21))
    assert any(d.span and d.span.file.endswith("inner.yaml") for d in caught.value.diagnostics)
