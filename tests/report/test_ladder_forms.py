"""Ladders in every form: readable in 80 columns, exact, and harmless whatever names they hold.

    FWADVISOR_REFRESH_CASES=1 python -m pytest tests/report/test_ladder_forms.py

writes the ladders beside this file anew. Line numbers stand as N there: that they are right is held elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fwadvisor.calls.ladder import CallLadder, Fate
from fwadvisor.calls.making import Wanted, ladders
from fwadvisor.dialects import dialect
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.generate import Request, generate
from fwadvisor.ports import load
from fwadvisor.report import ladder_json, ladder_markdown, ladder_svg, ladder_text

HERE = Path(__file__).parent
PROFILES = HERE.parents[0] / "kernel" / "call" / "profiles"
REFRESH = os.environ.get("FWADVISOR_REFRESH_CASES", "0") not in ("", "0")
PEERS = (("peers", "203.0.113.0/24"),)
#: Name -> profiles, settings, form, target.
SHOWN: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...], str, str]] = {
    "slow-nftables": (("h323-needed",), PEERS, "", "nftables"),
    "gatekeeper-iptables": (
        ("h323-needed",),
        (*PEERS, ("gatekeeper", "203.0.113.10"), ("discovery", "true")),
        "",
        "iptables",
    ),
    "pinned-pf": (("h323-needed",), PEERS, "", "pf"),
    "pinned-windows": (("h323-needed",), PEERS, "", "windows"),
    "fast-nftables": (("h323-needed",), PEERS, "fast", "nftables"),
    "tunnelled-pf": (("h323-needed",), (*PEERS, ("media", "tunnelled")), "", "pf"),
    "refused-nftables": (("h323-needed",), (*PEERS, ("media", "refused")), "", "nftables"),
    "router-nftables": (("h323-router",), (), "", "nftables"),
    "sip-phone-pf": (("sip-phone",), (("registrar", "192.0.2.10"),), "", "pf"),
    "gatekeeper-itself-windows": (
        ("h323-gatekeeper",),
        (("endpoints", "10.20.0.0/16"), ("neighbours", "203.0.113.10"), ("routed_control", "true")),
        "",
        "windows",
    ),
}


@cache
def made(name: str) -> list[CallLadder]:
    profiles, settings, form, target = SHOWN[name]
    request = Request(profiles=profiles, settings=dict(settings), targets=(target,), profile_dirs=(PROFILES,))
    written = generate(request)
    firewall = read_firewall([Source(each.name, each.content) for each in written.outputs[target]], target)
    wanted = Wanted(forms=(form,) if form else ())
    return ladders(written.policy, load(), dialect(target).capabilities, firewall, wanted)


def _without_lines(text: str) -> str:
    """Without the numbers of lines, and the folding that depends on how long they are."""
    text = re.sub(r"(?<=\w):\d+(?=[):])", ":N", text)
    rules = re.split(r"(?<=\n)(?=Rules that decide)", text)
    return "".join(re.sub(r"\n {6}(?=\S)", " ", part) if part.startswith("Rules") else part for part in rules)


@pytest.mark.parametrize("name", SHOWN)
def test_ladders_as_they_were(name: str) -> None:
    path = HERE / "ladders" / f"{name}.txt"
    text = _without_lines(ladder_text.render(made(name))) + "\n"
    if REFRESH:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SHOWN)
def test_text_fits_into_80_columns_and_shows_every_step(name: str) -> None:
    for ladder in made(name):
        lines = list(ladder_text.lines(ladder))
        assert max(map(len, lines)) <= 80
        assert all(line == line.rstrip() for line in lines)
        text = "\n".join(lines)
        for step in ladder.steps:
            assert re.search(rf"^ *{step.number} .*{re.escape(step.says)}", text, re.MULTILINE), step
            if step.fate is Fate.BLOCKED:
                assert re.search(rf"^ *{step.number} .*X.*BLOCKED \[\d+\]", text, re.MULTILINE), step
        assert ("BLOCKED:" in text) is bool(ladder.blocked)


def test_four_parties_fit_as_well() -> None:
    (ladder, *_) = made("router-nftables")
    more = replace(
        ladder, parties=(*ladder.parties, replace(ladder.parties[0], zone="gatekeeper", address="2001:db8::9"))
    )
    assert max(map(len, ladder_text.lines(more))) <= 80


@pytest.mark.parametrize("name", SHOWN)
def test_json_says_what_the_ladder_says(name: str) -> None:
    found = made(name)
    data = json.loads(ladder_json.render(found))
    assert data["version"] == 1
    assert data["passes"] is not any(each.blocked for each in found)
    for ladder, plain in zip(found, data["ladders"], strict=True):
        assert len(plain["steps"]) == len(ladder.steps)
        for step, row in zip(ladder.steps, plain["steps"], strict=True):
            assert row["fate"] == step.fate.value
            assert "" not in row.values()
            assert None not in row.values()
            named = [plain["rules"][number - 1] for number in row.get("answer", {}).get("rules", ())]
            told = step.answer.deciders if step.answer else ()
            assert [each["text"] for each in named] == [each.text for each in told]
            if step.answer:
                assert row["answer"]["packet"]["destination_port"] == step.answer.packet.destination_port


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", SHOWN)
def test_svg_is_a_picture_with_words_for_those_who_do_not_see_it(name: str) -> None:
    found = made(name)
    text = ladder_svg.render(found)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    ids = {each.get("id") for each in root.iter()}
    for attribute, tag in (("aria-labelledby", "title"), ("aria-describedby", "desc")):
        assert root.get(attribute) in ids
        assert root.find(f"{SVG}{tag}") is not None
    assert "prefers-color-scheme: dark" in text
    # Nothing is fetched, nothing runs.
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#head-)|<script|\bon\w+=", text)
    words = [each.text or "" for each in root.iter(f"{SVG}text")]
    for ladder in found:
        for step in ladder.steps:
            assert step.says in words
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for each in root.iter(f"{SVG}text"):
        x, y = float(each.get("x", 0)), float(each.get("y", 0))
        assert 0 <= x < width
        assert 0 < y < height
        if "rule" in (each.get("class") or ""):
            assert x + len(each.text or "") * 7.25 <= width
    crosses = [each for each in root.iter(f"{SVG}path") if each.get("class") == "blocked begins"]
    assert len(crosses) == sum(len(each.blocked) for each in found)


def test_markdown_has_the_picture_and_the_rules() -> None:
    text = ladder_markdown.render(made("slow-nftables"))
    assert text.startswith("# Calls, step by step\n\n## H.323 endpoint")
    assert text.count("```") == 2 * 2 * 2
    assert "[1]   nftables.nft:" in text


HOSTILE = "peers</title><script>alert(1)</script>\x1b[31m\u202e`| ```\n# x [a](javascript:b) @team"


def test_names_of_strangers_do_nothing() -> None:
    """Whatever is called so: zones, titles, rules."""
    (ladder, *_) = made("refused-nftables")
    zone = ladder.parties[0].zone

    def renamed(name: str) -> str:
        return HOSTILE if name == zone else name

    steps = []
    for step in ladder.steps:
        answer = step.answer
        if answer is not None:
            answer = replace(answer, deciders=tuple(replace(rule, text=HOSTILE) for rule in answer.deciders))
        steps.append(
            replace(
                step, source=renamed(step.source), destination=renamed(step.destination), means=HOSTILE, answer=answer
            )
        )
    parties = tuple(replace(each, zone=renamed(each.zone)) for each in ladder.parties)
    evil = replace(ladder, title=HOSTILE, form_title=HOSTILE, note=HOSTILE, parties=parties, steps=tuple(steps))

    text = ladder_text.render([evil])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 80
    markdown = ladder_markdown.render([evil])
    outside = re.sub(r"^(`{3,})\n.*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside
    assert "](javascript" not in outside
    assert not re.search(r"^# x", markdown, re.MULTILINE)
    svg = ladder_svg.render([evil])
    root = ElementTree.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in svg
    assert json.loads(ladder_json.render([evil]))["ladders"][0]["title"] == HOSTILE
