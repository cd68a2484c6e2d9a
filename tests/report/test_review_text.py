"""Reviews as text: what one entry is, what is counted, and that nothing gets lost on the way."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Opaque
from fwadvisor.model.rule import Hook
from fwadvisor.packets import Budget
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.report.review_entries import Answer, answer, closing, edited_rules, entries, summary, tally
from fwadvisor.report.review_formats import View, render
from fwadvisor.report.review_words import common_limits, spoken
from fwadvisor.review.changes import Access, ApplicationChange, Edits, Kind, Review
from fwadvisor.review.diff import review
from fwadvisor.review.findings import Severity

DATABASE = load()
NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		%s
	}
}
"""
MANY = "\n\t\t".join(f"ip saddr 10.{n}.0.0/16 tcp dport {3000 + n * 2} accept" for n in range(30))


def reviewed(old: str, new: str, name: str = "") -> Review:
    sides = [
        read_firewall([Source(each, (NFT % text).encode())], "nftables") for each, text in (("a", old), ("b", new))
    ]
    return review(*sides, DATABASE, Budget(), name=name)


def text(*reviews: Review, **view: object) -> str:
    return render("text", reviews, replace(View(database=DATABASE, width=100), **view))


# --- entries ------------------------------------------------------------------------------------------


def test_one_edit_is_one_entry_of_both_families() -> None:
    made = reviewed("", "tcp dport 22 accept")
    (entry,) = entries(made)
    assert entry.families == (Family.IPV4, Family.IPV6)
    assert len(made.changes) == 2
    assert summary(made).startswith("1 widened")


def test_two_edits_stay_two_entries_though_both_widen() -> None:
    made = reviewed("", "tcp dport 22 accept\n\t\tudp dport 53 accept")
    assert len(entries(made)) == 2
    assert summary(made).startswith("2 widened")


def test_no_change_and_no_region_is_lost_in_entries() -> None:
    made = reviewed("tcp dport 80 accept\n\t\tudp dport 1-99 drop\n\t\taccept", MANY + "\n\t\ttcp dport 5 reject")
    found = entries(made)
    assert sorted(change.id for entry in found for change in entry.changes) == sorted(each.id for each in made.changes)
    for entry in found:
        words = spoken(entry, DATABASE, None)
        assert sum(each.boxes for each in words) == len(entry.regions)
        assert len({change.family for change in entry.changes}) == len(entry.changes)
        assert entry.severity is min((each.severity for each in entry.changes), key=lambda each: each.rank)


def test_a_region_of_one_family_says_so_where_the_entry_has_both() -> None:
    made = reviewed("ip saddr 192.0.2.0/24 tcp dport 22 accept", "tcp dport 22 accept")
    (entry,) = entries(made)
    assert [each.family for each in spoken(entry, DATABASE)] == ["IPv4", "IPv6"]
    shown = text(made)
    assert "    IPv4: from everywhere but 192.0.2.0/24 to this machine, tcp 22 (SSH)\n" in shown
    assert "    IPv6: from anywhere to this machine, tcp 22 (SSH)\n" in shown


def test_limits_in_common_are_said_once_and_only_if_all_have_them() -> None:
    made = reviewed("", 'iifname "eth0" ct state new tcp dport { 22, 80 } ip saddr { 10.0.0.1, 10.0.0.9 } accept')
    first = made.changes[0].regions[0]
    other = ReadableBox(replace(first.raw, names={}))
    change = replace(made.changes[0], regions=(first, other))
    (entry,) = entries(replace(made, changes=(change,)))
    found = spoken(entry, DATABASE)
    assert common_limits(found) == ("new connections",)
    assert "new connections" not in found[0].line(common_limits(found))
    assert "on eth0" in found[0].line(common_limits(found))
    assert common_limits(found[:1]) == ()


# --- what is counted -------------------------------------------------------------------------------------


def test_answers() -> None:
    same, different = reviewed("tcp dport 5 accept", "tcp dport 5 accept"), reviewed("", "tcp dport 5 accept")
    doubtful = replace(same, doubts=("nobody knows",))
    unknown = replace(different, changes=tuple(replace(each, kind=Kind.UNKNOWN) for each in different.changes))
    mixed = replace(different, changes=(*different.changes, *unknown.changes))
    found = [answer(each) for each in (same, different, doubtful, unknown, mixed)]
    assert found == [Answer.SAME, Answer.DIFFERENT, Answer.UNKNOWN, Answer.UNKNOWN, Answer.DIFFERENT]
    assert summary(doubtful).startswith("unknown: no packet is known to be decided otherwise")
    assert summary(unknown).startswith("unknown: 1 possible change")
    assert re.match(r"1 widened.*, 1 unknown", summary(mixed))


def test_the_summary_counts_what_is_bad_and_what_matters() -> None:
    made = reviewed("", MANY)
    changes = [
        replace(each, severity=Severity.CRITICAL if n < 2 else Severity.LOW) for n, each in enumerate(made.changes)
    ]
    made = replace(made, changes=tuple(changes), edits=Edits(lines=30, added=14, removed=0, moved=2, effective=3))
    assert summary(made) == "30 widened (2 critical); 3 of 16 edited rules matter; worst: critical"
    assert edited_rules(replace(made, edits=Edits(lines=0, added=0, removed=0, moved=0, effective=0))) == ""
    assert tally(entries(made)) == ["30 widened (2 critical)"]


def test_the_same_in_two_dialects_counts_no_lines() -> None:
    made = reviewed("tcp dport 5 accept", "tcp dport 5 accept")
    assert summary(made).endswith("; 0 lines changed, 0 packets")
    assert "lines" not in summary(replace(made, new=replace(made.new, dialect="pf")))


def test_several_files_close_with_one_line() -> None:
    made = [reviewed("", "tcp dport 445 accept", "x.nft"), reviewed("", "", "y.nft")]
    line = closing(made, ("z.nft: there is none in new",))
    assert line.startswith("3 files: 1 same, 1 different, 1 on one side only; 1 widened (1 critical)")
    assert text(*made, alone=("z.nft: there is none in new",)).splitlines()[-1] == line


# --- nothing is lost silently ------------------------------------------------------------------------------


def test_everything_that_is_cut_is_counted() -> None:
    made = reviewed("", MANY)
    shown = text(made)
    assert shown.count("drop -> accept") == 12
    assert "  and 18 more widened: see with --all" in shown
    assert text(made, everything=True).count("drop -> accept") == 30


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("tcp dport 22 reject", "tcp dport 22 drop", Kind.CHANGED),
        ("tcp dport 22 accept", "tcp dport 22 log accept", Kind.RELOGGED),
        ("", "tcp dport 22 accept", Kind.WIDENED),
        ("tcp dport 22 accept", "", Kind.NARROWED),
        ("", "tcp dport 22 queue", Kind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown", "html", "sarif"])
def test_risks_of_ports_are_told_where_something_gets_through_or_no_longer(
    old: str, new: str, kind: Kind, form: str
) -> None:
    made = reviewed(old, new)
    assert {each.kind for each in made.changes} == {kind}
    assert made.changes[0].uses
    shown = render(form, (made,), View(database=DATABASE, width=100))
    assert ("low inside" in shown or "Login over" in shown) is (kind in (Kind.WIDENED, Kind.NARROWED, Kind.UNKNOWN))


def test_of_many_risks_of_ports_the_worst_are_told_and_the_others_counted() -> None:
    shown = text(reviewed("", "accept"))
    assert shown.count("risk from the internet") == 4
    assert "and 8 more known uses, the worst of many: see with --all" in shown
    few = text(reviewed("", "tcp dport { 21, 22, 23, 25, 80 } accept"))
    assert few.count("risk from the internet") == 4
    assert re.search(r"and \d+ more known uses?: see with --all", few)
    found = render("sarif", (reviewed("", "accept"),), View(database=DATABASE, width=100))
    assert found.count("risk from the internet") == 4
    assert "and 8 more, which fwadvisor diff --all shows" in found


def test_cut_regions_rules_and_values_are_counted() -> None:
    wide = ", ".join(f"{n}" for n in range(1, 60, 2))
    rules = "\n\t\t".join(f"ip saddr 10.{n}.0.0/16 drop" for n in range(9))
    made = reviewed(rules, f"tcp dport {{ {wide} }} accept\n\t\t{rules}")
    shown = text(made)
    assert re.search(r"tcp 1 \(\w+\), .* and 22 more", " ".join(shown.split()))
    assert "    - and 7 more deciding rules: see with --all" in shown
    assert re.search(r"and \d+ more known uses?: see with --all", shown)
    whole = text(made, everything=True)
    assert "see with --all" not in whole
    for n in range(9):
        assert f"ip saddr 10.{n}.0.0/16 drop" in whole


def test_applications_opaque_parts_and_remarks_are_shown() -> None:
    made = reviewed("", "tcp dport 1720 accept")
    change = ApplicationChange(
        application="h323", title="H.323", hook=Hook.INPUT, before=Access.NONE, after=Access.PART,
        severity=Severity.HIGH, text="calls will connect in silence",
    )  # fmt: skip
    opaque = tuple(Opaque(Span("b", line), f"reason\x1b {line}") for line in range(1, 21))
    made = replace(
        made, applications=(change,), new=replace(made.new, opaque=opaque), doubts=("b is odd",), left_out=("no IPv6",)
    )
    shown = text(made)
    assert "  HIGH  H.323, input: closed -> partly open\n    calls will connect in silence" in shown
    assert "  not understood: b:1:1: reason\\x1b 1" in shown
    assert "and 12 more places: see with --all" in shown
    assert "  not known: b is odd" in shown
    assert "  not compared: no IPv6" in shown
    assert "20 parts not understood" in shown.splitlines()[-1]
    assert "b:20:1: reason" in text(made, everything=True)


def test_a_risk_is_told_once() -> None:
    made = reviewed("", "ip saddr 10.0.0.0/8 tcp dport 22 accept\n\t\tip saddr 192.0.2.0/24 tcp dport 22 accept")
    shown = text(made)
    assert shown.count("guessed passwords") == 1
    assert "22/tcp SSH: see above" in shown


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_prose_keeps_to_the_width(width: int) -> None:
    made = reviewed("", "tcp dport { 22, 445, 1720 } accept")
    lines = text(made, width=width).splitlines()
    prose = [line for line in lines[:-1] if line.startswith(("     ", "    from"))]
    assert prose
    assert max(map(len, prose)) <= max(width, 40)


# --- what is not told ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown", "json", "sarif"])
@pytest.mark.parametrize("limit", ["sampled", "cut"])
def test_a_change_that_is_too_large_to_tell_says_so(form: str, limit: str) -> None:
    made = reviewed("", "tcp dport 22 accept")
    short = replace(made, changes=tuple(replace(each, **{limit: True}) for each in made.changes))
    plain, said = (
        " ".join(render(form, [each], View(database=DATABASE, width=100, everything=True)).split())
        for each in (made, short)
    )
    words = {"sampled": "decide some of the packets", "cut": "first regions of a change"}[limit]
    expected = f'"{limit}": true' if form == "json" else words
    assert expected.lower() in said.lower()
    assert expected.lower() not in plain.lower()
