"""The HTML report: everything is in it, nothing that strangers wrote does anything, and anyone can read it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from html_reviews import DATABASE, HOSTILE_NAME, OLD, example, hostile, huge, opaque, rendered, reviewed, same
from jinja2 import UndefinedError

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import Opaque
from fwadvisor.model.rule import Hook
from fwadvisor.packets import Budget
from fwadvisor.report import review_html
from fwadvisor.report.html.ladder import ladders
from fwadvisor.report.html.rule_text import LONGEST, compared, plain
from fwadvisor.report.review_entries import entries
from fwadvisor.review.changes import Access, ApplicationChange, Kind
from fwadvisor.review.findings import Severity

BLOCKS = {
    "p",
    "li",
    "dt",
    "dd",
    "div",
    "td",
    "th",
    "pre",
    "br",
    "tr",
    "summary",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "caption",
    "text",
}
VOID = {"meta", "br", "link", "img", "input", "hr"}
TAGS = re.compile(
    "html|head|meta|title|style|body|a|header|footer|main|nav|section|article|h[1-5]|p|[uod]l|li|d[td]|div|span|b|code|"
    "pre|mark|table|caption|thead|tbody|t[rhd]|figure|figcaption|details|summary|time|br|"
    "svg|desc|defs|pattern|rect|line|circle|polygon|g|text"
)


class Reader(HTMLParser):
    """The page as elements with their text, and complaints about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.headings: list[tuple[int, str]] = []
        self.text = ""
        self.wrong: list[str] = []
        self._open: list[str] = []
        self._style = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self._open)))
        if len(dict(attrs)) < len(attrs):
            self.wrong.append(f"{tag} has an attribute twice")
        if tag in BLOCKS:
            self.text += " "
        if tag not in VOID:
            self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> ends something else")

    def handle_data(self, data):
        if "style" in self._open:
            self._style += data
            return
        self.text += data
        if self._open and re.fullmatch("h[1-6]", next((t for t in reversed(self._open) if t[0] == "h"), "")):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    @property
    def plain(self) -> str:
        return " ".join(self.text.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs, _ in self.elements if name == tag]


def pages() -> dict[str, str]:
    return {
        "example": rendered([example()]),
        "hostile": rendered([hostile()], arguments=("old.v4", HOSTILE_NAME), title="<b>\u202e"),
        "opaque": rendered([opaque()]),
        "same": rendered([same()]),
        "several": rendered([example(), same(), opaque()], alone=("pf.conf: <nothing> to compare it with",)),
        "none": rendered([], alone=("pf.conf: nothing to compare it with",)),
    }


PAGES = pages()


@pytest.fixture(params=PAGES)
def page(request) -> str:
    return PAGES[request.param]


def test_it_is_well_formed_and_holds_only_what_the_template_has(page):
    reader = Reader(page)
    assert not reader.wrong
    assert all(TAGS.fullmatch(tag) for tag, _, _ in reader.elements)
    assert page.startswith("<!DOCTYPE html>\n<html lang=")


def test_nothing_runs_and_nothing_is_fetched(page):
    reader = Reader(page)
    for tag, attrs, _ in reader.elements:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "style", "xlink:href", "action")]
        assert all(value.startswith("#") for name, value in attrs.items() if name == "href"), tag
    assert not re.search(r"@import|url\((?!#)|expression\(", page)
    (policy,) = [each["content"] for each in reader.all("meta") if "http-equiv" in each]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_what_strangers_wrote_is_shown_and_does_nothing():
    page = PAGES["hostile"]
    reader = Reader(page)
    assert "</script><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} &amp; ]]>" in reader.text
    assert "\\u202etxt.exe\\u2066" in reader.text
    assert "\"><svg onload=alert(1)>'\\u202e`$(id).v4" in reader.text
    assert not set(page) & set("\u202e\u2066\u2067\u202d\u200f")
    assert "<b>\\u202e" in reader.text
    assert "אב" in reader.text


def test_commands_survive_hostile_names():
    import shlex

    page = PAGES["hostile"]
    command = re.search(r"Load\. (iptables-restore .*)", Reader(page).text)[1]
    # What a shell would see is one word, and it is the escaped name, which no file has: better than a wrong one.
    assert shlex.split(command) == ["iptables-restore", "<", HOSTILE_NAME.replace("\u202e", "\\u202e")]


def test_ids_are_there_once_and_everything_that_refers_finds_one(page):
    reader = Reader(page)
    ids = [attrs["id"] for _, attrs, _ in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    referred = [attrs["href"][1:] for attrs in reader.all("a")]
    for _, attrs, _ in reader.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            referred += (attrs.get(name) or "").split()
        referred += re.findall(r"url\(#(.*?)\)", attrs.get("fill") or "")
    assert referred
    assert set(referred) <= set(ids)


def test_headings_come_in_order(page):
    levels = [level for level, _ in Reader(page).headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_screen_reader_finds_its_way(page):
    reader = Reader(page)
    for landmark in ("header", "main", "footer"):
        assert len(reader.all(landmark)) == 1
    assert page.count("<table") == page.count("<caption") == len(re.findall(r"<table[^>]*>\s*<caption", page))
    assert all(attrs.get("scope") in ("col", "row") for attrs in reader.all("th"))
    for attrs in reader.all("svg"):
        if attrs.get("aria-hidden") != "true":
            assert attrs["role"] == "img"
            assert attrs["aria-labelledby"]
    drawn = len([each for each in reader.all("svg") if each.get("aria-hidden") != "true"])
    assert page.count("<title id=") == page.count("<desc id=") == drawn


def test_the_example_says_everything():
    text = Reader(PAGES["example"]).plain
    for wanted in (
        "CHG-1: a change", "2026-03-04", "Some traffic is newly accepted, and some no longer.",
        "tcp 1720 (H.323 call signalling) from everywhere but 10.20.0.0/16 to this machine (IPv4); from anywhere",
        "new.nft:5", 'tcp dport 1720 accept comment "partners call in"', "the default of inet x input: drop",
        "tcp 198.51.100.1:40000 -> 192.0.2.1:1720, new, in eth0", "TCP to this machine, IPv4",
        "H.323 endpoint or room video system: configure the gatekeeper by address", "nft -c -f new.nft",
        "systemd-run --unit=firewall-rollback", "fwadvisor equal new.nft loaded.nft", "Prepared by", "Approved by",
        "approved with conditions", "Telnet", "input, output, forward; IPv4, IPv6",
        "7 rules: 4 added, 3 removed",
    ):  # fmt: skip
        assert wanted in text, wanted
    for change in example().changes:
        assert change.id in text
        assert change.why in text
    assert "Not everything is known" not in text


def test_severity_and_kind_are_words_not_colours():
    reader = Reader(PAGES["example"])
    assert text_of(PAGES["example"], 'class="severity high"') == "high"
    kinds = re.findall(
        r'<span class="kind (\w+)"><span class="sign" aria-hidden="true">(.)</span> (.*?)</span>', PAGES["example"]
    )
    assert ("widened", "+", "newly accepted") in kinds
    assert ("narrowed", "−", "no longer accepted") in kinds
    assert reader.plain


def text_of(page: str, part: str) -> str:
    return re.search(re.escape(part) + r"[^>]*>([^<]*)<", page)[1]


def test_what_is_not_known_is_loud():
    text = Reader(PAGES["opaque"]).plain
    assert "It is not known whether any packet is decided otherwise." in text
    assert "Not everything is known" in text
    assert "new.nft:5" in text
    assert '"xt" is not known' in text
    assert text.index("Not everything is known") < text.index("Opens")
    assert "Every packet is decided as before" not in text
    many = tuple(Opaque(Span("f.nft", line), "because") for line in range(1, 51))
    folded = Reader(rendered([replace(opaque(), old=replace(opaque().old, opaque=many))])).plain
    assert "51 parts of these files could not be understood" in folded
    assert "31 more places" in folded
    assert all(f"f.nft:{line} because" in folded for line in range(1, 51))


def test_the_map_does_not_call_closed_what_is_not_known():
    (ladder, *_), excuse = ladders(opaque(), DATABASE)
    (rung,) = [each for each in ladder.rungs if each.first == 1720]
    assert (rung.before.word, rung.after.word, rung.kinds) == ("some addresses", "not known", (Kind.UNKNOWN,))
    assert not excuse


def test_no_effect_is_one_sentence():
    text = Reader(PAGES["same"]).plain
    assert "Every packet is decided as before." in text
    assert "Opens" not in text
    assert "2 lines changed, 0 packets." in text
    assert "fwadvisor equal new.nft loaded.nft" in text
    untouched = replace(same(), edits=replace(same().edits, lines=0))
    assert "Load, go back, verify" not in Reader(rendered([untouched])).plain


def test_edits_are_counted():
    new = OLD.replace("ip saddr 10.9.0.0/24 tcp dport 22 accept", "ip saddr 10.9.0.0/24 tcp dport 22 counter accept")
    new = new.replace("udp dport 1718 accept", "udp dport 1718-1719 accept")
    text = Reader(rendered([reviewed(OLD, new)])).plain
    edits = reviewed(OLD, new).edits
    assert f"{edits.added:,} added" in text
    assert f"{edits.effective} of them decide packets otherwise" in text


def test_several_pairs_have_a_section_each():
    page = PAGES["several"]
    text = Reader(page).plain
    assert "3 pairs of files, 1 of them without any effect." in text
    assert "1 file is on one side only." in text
    assert "pf.conf: <nothing> to compare it with" in text
    assert [text for level, text in Reader(page).headings if level == 2] == [
        "On one side only", *(["old.nft -> new.nft"] * 3), "Decision",
    ]  # fmt: skip


def test_only_missing_files_are_not_nothing():
    assert "Files are missing on one side." in Reader(PAGES["none"]).plain


def test_the_map_has_every_port_once_and_says_what_changed():
    found, _ = ladders(example(), DATABASE)
    for ladder in found:
        assert ladder.rungs[0].first == 0
        assert ladder.rungs[-1].last == 65535
        assert all(a.last + 1 == b.first for a, b in pairwise(ladder.rungs))
    (tcp,) = [each for each in found if each.hook is Hook.INPUT and each.transport == "tcp" and each.families == "IPv4"]
    fates = {each.first: (each.before.word, each.after.word, each.kinds) for each in tcp.rungs if each.kinds}
    assert fates == {
        22: ("some addresses", "some addresses", (Kind.WIDENED,)),
        23: ("closed", "some addresses", (Kind.WIDENED,)),
        1720: ("some addresses", "any address", (Kind.WIDENED,)),
    }
    assert {each.families for each in found if each.hook is Hook.INPUT and each.transport == "udp"} == {"IPv4", "IPv6"}


def test_a_map_that_costs_too_much_shows_the_changes_and_says_so():
    found, excuse = ladders(example(), DATABASE, Budget(nodes=10))
    assert "too large" in excuse
    assert all(not each.known for each in found)
    assert {rung.first for each in found for rung in each.rungs if rung.kinds} >= {22, 1720, 1718, 50000, 80, 443}


def test_replies_are_on_no_port_map():
    old = OLD.replace("ct state established accept\n", "")
    found, _ = ladders(reviewed(old, OLD), DATABASE)
    assert found == []
    text = Reader(rendered([reviewed(old, OLD)])).plain
    assert "of known connections only" in text
    assert "About these ports" not in text


def test_huge_reviews_fold_and_drop_nothing():
    review = huge()
    page = rendered([review])
    text = Reader(page).plain
    assert len(entries(review)) == 2000
    assert "40 of 2,000 changes are shown in full" in text
    assert page.count("<article") == 40
    assert all(f"tcp {1024 + 7 * i}" in text for i in range(2000))
    assert all(f"10.{i >> 8}.{i & 255}.0/24" in text for i in range(2000))
    assert len(page) < 3_000_000
    assert "more are not drawn" in text


def test_everything_shows_every_change_in_full():
    page = rendered([huge(60)], everything=True)
    assert page.count("<article") == 60
    assert "shown in full" not in page


def test_regions_fold_within_a_card():
    ports = ", ".join(f"{port} . 10.{port % 250}.0.0/16" for port in range(1000, 1300, 2))
    new = OLD.replace(
        "\t\tct state established accept",
        f"\t\tct state established accept\n\t\ttcp dport . ip saddr {{ {ports} }} accept",
    )
    text = Reader(rendered([reviewed(OLD, new)])).plain
    assert re.search(r"\d+ more regions", text)
    assert "10.249.0.0/16" in text or "10.248.0.0/16" in text


def test_what_the_review_does_not_list_is_said():
    one = example()
    changes = tuple(replace(each, sampled=True, cut=True) for each in one.changes)
    text = Reader(rendered([replace(one, changes=changes)])).plain
    assert f"{len(changes)} changes are too large to list" in text
    assert "these are only the first of its regions" in text
    assert "these are the rules that decide some of its packets, not all" in text


def test_applications_are_shown_with_what_that_comes_to():
    change = ApplicationChange(
        application="h323", title="H.323", hook=Hook.INPUT, before=Access.NONE, after=Access.PART,
        severity=Severity.MEDIUM, text="signalling is open but no media: calls will connect in silence",
    )  # fmt: skip
    text = Reader(rendered([replace(example(), applications=(change,))])).plain
    assert "H.323 to this machine medium closed partly open signalling is open but no media" in text


def test_the_template_is_strict():
    with pytest.raises(UndefinedError):
        review_html._environment().from_string("{{ nothing }}").render()


def test_texts_of_expressions_are_escaped_and_made_visible():
    template = review_html._environment().from_string("{{ text }}|{{ markup }}")
    from markupsafe import Markup

    assert template.render(text="<a>\u202e\x1b[31m", markup=Markup("<b>")) == "&lt;a&gt;\\u202e\\x1b[31m|<b>"


def test_rules_are_compared_word_by_word():
    before, after = compared(
        "ip saddr 10.0.0.0/24 tcp dport 22 accept", "ip saddr 10.0.0.0/8 tcp dport { 22, 23 } accept"
    )
    assert "".join(each.text for each in before) == "ip saddr 10.0.0.0/24 tcp dport 22 accept"
    assert "".join(each.text for each in after) == "ip saddr 10.0.0.0/8 tcp dport { 22, 23 } accept"
    assert [each.text for each in before if each.differs] == ["10.0.0.0/24"]
    assert "10.0.0.0/8" in [each.text for each in after if each.differs]
    assert compared("drop", "ip saddr 10.0.0.0/8 tcp dport { 22, 23 } accept") is None
    assert compared("a" * (LONGEST + 1), "a" * (LONGEST + 2)) is None


def test_long_rules_are_cut_and_say_so():
    assert plain("x" * (LONGEST + 7)) == ((("x" * LONGEST, False),), 7)
    assert plain("x" * (LONGEST + 7), everything=True) == ((("x" * (LONGEST + 7), False),), 0)
    one = example().changes[0]
    after = (replace(one.deciders[1][0], text="x" * (LONGEST + 1234), edited=True),)
    change = replace(one, deciders=(one.deciders[0], after))
    text = Reader(rendered([replace(example(), changes=(change,))])).plain
    assert "1,234 more characters of this rule are not shown." in text


def test_the_package_holds_template_and_style():
    from importlib.resources import files

    names = {each.name for each in files("fwadvisor.report.html").iterdir()}
    assert {"review.html.jinja", "review.css"} <= names


def test_nothing_is_left_over_of_the_template(page):
    assert "{%" not in page
    assert "{#" not in page
    assert page == page.rstrip("\n")
    assert "None" not in Reader(page).plain
    assert "Undefined" not in page


LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w{6})", part))
    for part in re.search(
        r":root \{(.*?)\}.*?prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", PAGES["same"], re.DOTALL
    ).groups()
)
ON_PAGE = ("ink", "soft", "link", "widened", "narrowed", "changed", "treated", "relogged", "unknown")
TEXTS = [(word, ground) for word in ON_PAGE for ground in ("paper", "panel")]
TEXTS += [(f"on-{word}", word) for word in ("critical", "high", "medium", "low", "info", "alarm", "fine", "mark")]
TEXTS += [("ink", "code"), ("on-alarm", "alarm"), ("unknown", "alarm"), ("soft", "alarm"), ("link", "alarm")]
GRAPHICS = [("bar", "paper"), ("hatch", "hatched"), ("soft", "paper"), ("widened", "paper"), ("narrowed", "paper")]


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks_for(colors):
    for pairs, least in ((TEXTS, 4.5), (GRAPHICS, 3.0)):
        for word, ground in pairs:
            one, other = sorted((luminance(colors[word]), luminance(colors[ground])), reverse=True)
            assert (one + 0.05) / (other + 0.05) >= least, (word, ground)
    assert set(LIGHT) == set(DARK)
