"""Reviews as comments on pull requests: what strangers wrote does nothing, and a comment is never too long."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, Field, Opaque
from fwadvisor.packets import Budget
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.report import review_markdown
from fwadvisor.report.markdown_text import code, fence, prose
from fwadvisor.report.review_entries import entries
from fwadvisor.report.review_formats import View, render
from fwadvisor.review.changes import Decider, Kind, Review, ReviewedChange
from fwadvisor.review.diff import review
from fwadvisor.review.findings import Severity

DATABASE = load()
VIEW = View(database=DATABASE, today=date(2026, 1, 2), arguments=("old.nft", "new.nft"))
NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		%s
	}
}
"""
#: A change with several regions, and one with many.
FEW = "ip saddr { 10.1.0.0/16, 10.9.0.0/16 } tcp dport { 22, 445 } accept\n\t\tip saddr 10.3.0.0/16 udp dport 53 accept"


def reviewed(old: str, new: str, name: str = "") -> Review:
    pair = (
        read_firewall([Source(each, (NFT % text).encode())], "nftables")
        for each, text in (("old.nft", old), ("new.nft", new))
    )
    return review(*pair, DATABASE, Budget(), name=name)


@pytest.fixture(scope="module")
def small() -> Review:
    return reviewed("tcp dport 443 accept", f"tcp dport 443 accept\n\t\t{FEW}")


def many(
    small: Review, count: int, rule: str = "tcp dport 22 accept # %d", kinds: tuple[Kind, ...] = (Kind.WIDENED,)
) -> Review:
    """A review with so many changes, each with a rule of its own."""
    first = next(each for each in small.changes if each.family is Family.IPV4)
    changes = []
    for number in range(count):
        span = Span("new.nft", number + 1)
        decider = Decider("inet x input", first.deciders[1][0].rule, span, rule.replace("%d", str(number)), edited=True)
        severity = list(Severity)[number * len(Severity) // count]
        changes.append(
            replace(first, id=f"w-{number:08x}", deciders=(first.deciders[0], (decider,)), severity=severity,
                    kind=kinds[number % len(kinds)])
        )  # fmt: skip
    return replace(small, changes=tuple(changes))


# --- folding ----------------------------------------------------------------------------------------


def test_a_small_review_is_shown_whole(small: Review) -> None:
    text = render("markdown", [small], VIEW)
    assert "Folded" not in text
    assert text.count("<details>") == text.count("</details>") == len(entries(small))
    for change in small.changes:
        assert change.id in text
        for side in change.deciders:
            assert all(each.text in text for each in side)
    assert "| widened |" in text
    assert text.index("| widened |") < text.index("<details>")


@pytest.mark.parametrize("count", [1, 30, 100, 300, 1000, 5000])
def test_it_never_is_too_long_and_says_exactly_what_is_missing(small: Review, count: int) -> None:
    made = many(small, count)
    text = render("markdown", [made], VIEW)
    assert len(text) < len(text.encode()) + 1 <= 65_536
    assert_complete(text, made)


def assert_complete(text: str, made: Review) -> None:
    """What is shown and what is counted as missing are all changes and all regions."""
    found = sorted(entries(made), key=lambda each: (each.kind is Kind.UNKNOWN, each.severity.rank))
    details, lines = text.count("<details>"), len(re.findall(r"^- \*\*\w+\*\* \w+, ", text, flags=re.M))
    told = re.search(
        r"([\d,]+) changes? \(([^)]*(?:\([^)]*\)[^)]*)*)\) with ([\d,]+) regions? are not shown at all", text
    )
    missing = int(told[1].replace(",", "")) if told else 0
    assert details + lines + missing == len(found)
    if missing:
        left_out = found[len(found) - missing :]
        assert int(told[3].replace(",", "")) == sum(len(each.regions) for each in left_out)
        kinds = {
            word: int(number.replace(",", "")) for number, word in re.findall(r"(\d[\d,]*) (\w+)(?: \(|,|$)", told[2])
        }
        for kind in Kind:
            assert kinds.get(kind.value, 0) == sum(each.kind is kind for each in left_out)
    one_line = re.search(r"([\d,]+) changes? of the above (?:is|are) shown as one line", text)
    assert (int(one_line[1].replace(",", "")) if one_line else 0) == lines
    if lines or missing:
        assert "fwadvisor diff old.nft new.nft --all" in text
        assert details, "the worst change is always shown in detail"


def test_the_worst_keep_their_details_longest(small: Review) -> None:
    made = many(small, 400)
    text = render("markdown", [made], VIEW)
    shown = [found.start() for found in re.finditer("<summary>", text)]
    lines = [found.start() for found in re.finditer(r"^- \*\*", text, flags=re.M)]
    assert shown
    assert lines
    assert "<summary><b>critical</b>" in text
    assert max(shown) < min(lines)


def test_kinds_are_counted_apart(small: Review) -> None:
    made = many(small, 3000, kinds=(Kind.WIDENED, Kind.NARROWED, Kind.UNKNOWN))
    assert_complete(render("markdown", [made], VIEW), made)


@pytest.mark.parametrize("size", [1_000, 70_000, 1_000_000])
def test_one_endless_rule_is_shortened_with_a_count(small: Review, size: int) -> None:
    rule = "tcp dport { " + "1, " * (size // 3) + "} accept"
    text = render("markdown", [many(small, 3, rule)], VIEW)
    assert len(text.encode()) < 65_536
    if size > 60_000:
        assert f"… ({len(f'new.nft:1: {rule}') - 300:,} more characters)" in text
    else:
        assert rule in text


def test_many_regions_of_one_change_are_counted() -> None:
    ports = ", ".join(str(port) for port in range(1, 2000, 2))
    rules = "\n\t\t".join(
        f"ip saddr 10.{n}.0.0/16 ip daddr 192.0.2.{n} tcp dport {n * 3 + 1} accept" for n in range(200)
    )
    made = reviewed("", f"tcp dport {{ {ports} }} accept\n\t\t{rules}")
    text = render("markdown", [made], VIEW)
    assert len(text.encode()) < 65_536
    assert_complete(text, made)


def test_a_region_that_is_left_out_is_counted(small: Review) -> None:
    first = small.changes[0]
    raw = first.regions[0].raw
    boxes = [{**raw.integers, Field.DESTINATION_PORT: ((port, port),)} for port in range(1, 4001, 2)]
    regions = tuple(ReadableBox(replace(raw, integers=each)) for each in boxes)
    made = replace(small, changes=(replace(first, regions=regions),))
    text = render("markdown", [made], VIEW)
    assert len(text.encode()) < 65_536
    assert "1,999 more regions" in text
    hidden = int(re.search(r"([\d,]+) regions of the changes above are left out", text)[1].replace(",", ""))
    assert hidden + text.count("\n- <code>from") == 2_000


def test_remarks_do_not_take_the_room(small: Review) -> None:
    opaque = tuple(Opaque(Span("a.nft", line), "`|<@nobody>" * 200) for line in range(1, 3000))
    made = replace(
        many(small, 2000),
        old=replace(small.old, opaque=opaque, name="<old>" * 300),
        left_out=tuple(f"no {n} " + "*" * 500 for n in range(1000)),
        doubts=("`",) * 1000,
        conditions=tuple(Condition(f"string {n}" + "|" * 400) for n in range(1000)),
    )
    alone = tuple(f"only {n}" + "_" * 400 for n in range(500))
    text = render(
        "markdown", [made, made], replace(VIEW, alone=alone, title="t" * 100_000, arguments=("a" * 9_999, "b"))
    )
    assert len(text.encode()) < 65_536
    assert re.search(r"\*\*Not understood\*\*\n\n(- .*\n)+- and [\d,]+ more", text)
    assert "fwadvisor diff OLD NEW --all" in text


def test_several_files_are_named(small: Review) -> None:
    pair = [replace(small, name="a.nft"), replace(small, name="b.nft")]
    text = render("markdown", [*pair, reviewed("", "", "c.nft")], VIEW)
    assert text.count("in <code>a.nft</code></summary>") == len(entries(small))
    assert text.count("in <code>b.nft</code></summary>") == len(entries(small))
    assert "3 files: 1 same, 2 different" in text


def test_no_change_is_short() -> None:
    text = render("markdown", [reviewed("tcp dport 1 accept", "tcp dport 1 counter accept")], VIEW)
    assert text.startswith("### Firewall review\n\n**Same: ")
    assert "|" not in text


# --- strangers ----------------------------------------------------------------------------------------

NASTY = [
    "`", "``` ````", "|", "\\|", "\\\\|", "</details>", "<script>alert(1)</script>", "@team", "a@example.org",
    "[click](https://example.org)", "![x](https://example.org/x.png)", "https://example.org", "www.example.org",
    "#123", "GH-7", "owner/repo#1", ":tada:", "2001:100:5::1", "**bold** _it_ ~~no~~", "<!-- x -->", "$x$", "&lt;",
    "\n\n# title", "\r/close", "x\x00\x1b[31m", "- [ ] task", "mailto:a@b.example", "<b", "`` ` ``", "\u202eabc", "~~~",
]  # fmt: skip


def outside_code(text: str) -> str:
    """The text without fenced blocks."""
    return re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", text, flags=re.M | re.S)


TAGS = re.compile(r"</?(?:details|summary|b|code|sub)>")


def assert_harmless(text: str) -> None:
    """No markup of strangers is left: only our tags, our emphasis, nothing that links, mentions or calls."""
    plain = outside_code(text)
    rest = TAGS.sub("", plain)
    assert not re.search(r"[<>]", rest), rest
    assert not re.search(r"@[\w-]", plain)
    assert "](" not in plain
    assert "`" not in plain
    inside = re.sub(r"<code>.*?</code>", "", plain)
    assert not re.search(r"#\w", re.sub(r"&#\d+;", "", inside))
    assert not re.search(r":[\w+-]+:", re.sub(r"&#\d+;", "", inside))
    assert "://" not in plain
    assert "www." not in plain


@pytest.mark.parametrize("nasty", NASTY)
def test_what_strangers_wrote_is_shown_and_does_nothing(small: Review, nasty: str) -> None:
    first: ReviewedChange = small.changes[0]
    decider = Decider("c", None, Span(f"{nasty}.nft", 3), f"rule {nasty}", edited=True)
    change = replace(first, deciders=((decider,), (decider,)), why=f"because {nasty}", breaks=(f"no {nasty}",))
    made = replace(
        small, changes=(change, replace(change, id="w-00000001")), name=f"n {nasty}", left_out=(f"l {nasty}",),
        doubts=(f"d {nasty}",), conditions=(Condition(f"c {nasty}"),),
        old=replace(small.old, opaque=(Opaque(Span("f", 1), nasty),)),
    )  # fmt: skip
    text = render("markdown", [made, made], replace(VIEW, title=f"T {nasty}", alone=(nasty,), arguments=(nasty, "b")))
    assert_harmless(text)
    assert outside_code(text).count("<details>") == outside_code(text).count("</details>") == 4
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"\|", row)) for row in rows}) == 1
    if nasty.isprintable():
        assert f"- {nasty}.nft:3: rule {nasty}" in text, "rules stand there as they are"


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_escapes_are_harmless_whatever_comes(text: str) -> None:
    assert_harmless(f"- {code(text)}")
    assert_harmless(f"**a** {prose(text)}")
    assert_harmless(f"<summary>{code(text)}</summary>")
    assert "|" not in code(text) + prose(text)
    block = fence([text, "second"]).splitlines()
    ticks = re.match("`+", block[0])[0]
    assert block[-1] == ticks
    assert all(not line.lstrip().startswith(ticks) for line in block[1:-1])


def test_the_limit_is_that_of_a_comment() -> None:
    assert review_markdown.LIMIT == 65_536
