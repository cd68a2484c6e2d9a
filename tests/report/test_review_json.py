"""Reviews as JSON: the form that is documented, and everything in it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import format_address
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.report.review_formats import View, render
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.diff import review

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "review.schema.json").read_text(encoding="utf-8"))
DATABASE = load()
VIEW = View(database=DATABASE, today=date(2026, 1, 2), arguments=("old", "new"), title="CHG-7")
NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		%s
	}
}
"""
V4 = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n%s\nCOMMIT\n"
HELPER = "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"
RAW = (
    "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n%s\nCOMMIT\n"
    + V4 % "-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT"
)
#: Kind -> two texts that differ in that way; every kind is here.
PAIRS = {
    Kind.WIDENED: (NFT % "", NFT % "ip saddr { 192.0.2.0/24, 10.0.0.1 } tcp dport { 22, 80-90 } ct state new accept"),
    Kind.NARROWED: (NFT % 'iifname "eth*" tcp dport 1720 accept', NFT % ""),
    Kind.CHANGED: (NFT % "", NFT % "icmp type echo-request reject"),
    Kind.TREATED: (RAW % HELPER, RAW % ""),
    Kind.RELOGGED: (NFT % "udp dport 53 accept", NFT % 'udp dport 53 log prefix "dns " accept'),
    Kind.UNKNOWN: (V4 % "", V4 % "-A INPUT -m set --match-set friends src -j ACCEPT"),
}


def reviewed(old: str, new: str) -> Review:
    sides = [
        read_firewall([Source(name, text.encode())], "iptables" if "*filter" in text else "nftables")
        for name, text in (("old", old), ("new", new))
    ]
    return review(*sides, DATABASE, Budget())


@pytest.fixture(scope="module")
def reviews() -> dict[str, Review]:
    found = {kind.value: reviewed(*pair) for kind, pair in PAIRS.items()}
    found["same"] = reviewed(NFT % "tcp dport 5 accept", NFT % "tcp dport 5 counter accept")
    found["default"] = reviewed(NFT % "", (NFT % "").replace("policy drop", "policy accept"))
    found["dialects"] = reviewed(
        V4 % "-A INPUT -p tcp -m tcp --dport 5 -j ACCEPT", NFT % "tcp dport 6 limit rate 5/second accept"
    )
    return found


def document(*found: Review, view: View = VIEW) -> dict:
    return json.loads(render("json", found, view))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", [*(kind.value for kind in PAIRS), "same", "default", "dialects"])
def test_it_has_the_documented_form(reviews: dict[str, Review], name: str) -> None:
    jsonschema.validate(document(reviews[name]), SCHEMA, cls=jsonschema.Draft202012Validator)
    if name in [kind.value for kind in Kind]:
        assert {each.kind.value for each in reviews[name].changes} == {name}


def test_all_of_them_together_have_it(reviews: dict[str, Review]) -> None:
    view = View(database=DATABASE, alone=("only.nft: there is none in new",))
    found = document(*reviews.values(), view=view)
    jsonschema.validate(found, SCHEMA)
    assert (found["today"], found["same"], found["on_one_side_only"]) == (None, False, list(view.alone))
    assert [each["same"] for each in found["reviews"]] == [each.same for each in reviews.values()]


@pytest.mark.parametrize(
    "break_it",
    [
        lambda found: found.update(version=2),
        lambda found: found.pop("summary"),
        lambda found: found["reviews"][0].update(answer="equal"),
        lambda found: found["reviews"][0]["changes"][0].update(id="x"),
        lambda found: found["reviews"][0]["changes"][0]["deciders"].pop("after"),
        lambda found: found["reviews"][0]["changes"][0].update(regions=[]),
        lambda found: found["reviews"][0].update(more=1),
    ],
)
def test_another_form_is_refused(reviews: dict[str, Review], break_it) -> None:
    found = document(reviews["widened"])
    break_it(found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, SCHEMA)


def test_nothing_is_cut_and_all_is_said(reviews: dict[str, Review]) -> None:
    made = reviews["widened"]
    found = document(made)
    assert (found["version"], found["title"], found["today"], found["worst"]) == (1, "CHG-7", "2026-01-02", made.worst)
    (one,) = found["reviews"]
    assert [each["id"] for each in one["changes"]] == [each.id for each in made.changes]
    for shown, change in zip(one["changes"], made.changes, strict=True):
        assert [{**region, "text": ""} for region in shown["regions"]] == [
            {"text": "", **region.as_json()} for region in change.regions
        ]
        assert shown["witness"]["source"] == format_address(change.witness.source, change.family)
        assert (shown["before"], shown["after"], shown["why"]) == (*change.outcomes, change.why)
        for side, deciders in zip(("before", "after"), change.deciders, strict=True):
            assert [each["text"] for each in shown["deciders"][side]] == [each.text for each in deciders]
        assert [use["id"] for use in shown["uses"]] == [use.port.id for use in change.uses]
    after = one["changes"][0]["deciders"]["after"][0]
    assert (after["kind"], after["file"], after["line"], after["edited"]) == ("rule", "new", 4, True)
    before = one["changes"][0]["deciders"]["before"][0]
    assert (before["kind"], before["line"], before["text"]) == ("default", 2, "the default of inet x input: drop")
    assert one["changes"][0]["regions"][0]["fields"]["destination-port"] == ["22", "80-90"]


def test_twins_name_changes_of_both_families(reviews: dict[str, Review]) -> None:
    (one,) = document(reviews["relogged"])["reviews"]
    families = {each["id"]: each["family"] for each in one["changes"]}
    assert [sorted(families[id] for id in twins) for twins in one["twins"]] == [[4, 6]]


def test_what_is_not_understood_has_its_place(reviews: dict[str, Review]) -> None:
    found = document(reviews["unknown"])
    (one,) = found["reviews"]
    assert (found["same"], one["answer"]) == (False, "unknown")
    (opaque,) = one["new"]["opaque"]
    assert (opaque["file"], opaque["line"]) == ("new", 5)
    assert opaque["reason"]
    assert one["doubts"]


def test_strange_characters_come_through(reviews: dict[str, Review]) -> None:
    made = reviewed(NFT % "", NFT % 'tcp dport 5 accept comment "<é\u202e>"')
    text = render("json", [made], VIEW)
    assert text.isascii()
    rules = [each for side in json.loads(text)["reviews"][0]["changes"] for each in side["deciders"]["after"]]
    assert any("<é\u202e>" in each["text"] for each in rules)


def test_every_member_is_documented() -> None:
    manual = (DOCS / "review.md").read_text(encoding="utf-8")
    names = set()

    def walk(schema: object) -> None:
        if isinstance(schema, dict):
            for name, each in schema.items():
                if name in ("properties", "$defs") and name == "properties":
                    names.update(each)
                walk(each)
        elif isinstance(schema, list):
            for each in schema:
                walk(each)

    walk(SCHEMA)
    missing = [name for name in sorted(names) if not re.search(rf"`(?:[\w.]+\.)?{name}`", manual)]
    assert not missing
