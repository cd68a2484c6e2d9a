"""The HTML report in a browser: nothing runs over, nothing is missing, nothing complains, every text can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chromium import Browser, Page
from html_reviews import HOSTILE_NAME, example, hostile, huge, opaque, rendered, same

WIDTHS = {"desktop": 1280, "tablet": 820, "phone": 360}
#: What runs over the page, with everything that is folded open.
RUNS_OVER = """(() => {
  document.querySelectorAll('details').forEach(each => each.open = true);
  const width = document.documentElement.clientWidth;
  const over = [...document.querySelectorAll('body *')].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && (box.right > width + 1 || box.left < -1) && !each.closest('.hidden, .skip, thead');
  });
  return over.slice(0, 5).map(each => each.outerHTML.slice(0, 120));
})()"""
#: Words in pictures that stand outside of them.
CLIPPED = """(() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    const aside = box.left < frame.left - 1 || box.right > frame.right + 1;
    return frame.width > 0 && (aside || box.bottom > frame.bottom + 1);
  }).map(text => svg.id + ': ' + text.textContent);
}))()"""
#: The contrast of each text with the ground behind it, the worst first (WCAG 2.2, 1.4.3).
CONTRASTS = """(() => {
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => parse(color).slice(0, 3).map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (parse(color).length === 3 || parse(color)[3] > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg, style, .hidden, .skip')) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(style.color), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const key = style.color + ' on ' + ground(element);
    if (!found.has(key)) found.set(key, [ratio, key, walker.currentNode.data.trim().slice(0, 40)]);
  }
  return [...found.values()].sort((a, b) => a[0] - b[0]);
})()"""
VISIBLE = "document.body.innerText"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("html")
    pages = {
        "example": rendered([example()]),
        "hostile": rendered([hostile()], arguments=("old.v4", HOSTILE_NAME * 8), title="\u202e" + "W" * 300),
        "opaque": rendered([opaque()]),
        "same": rendered([same()]),
        "several": rendered([example(), opaque(), same()], alone=("pf.conf: only on one side",)),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def sound(page: Page) -> None:
    """Nothing complains, nothing is fetched but the file itself."""
    assert page.complaints() == []
    assert [url for url in page.requests() if not url.startswith("file:")] == []
    assert len(page.requests()) == 1


@pytest.mark.parametrize("name", ["example", "hostile", "opaque", "same", "several"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_runs_over_the_page(browser: Browser, files, name, width, tmp_path):
    with browser.page(files[name], WIDTHS[width]) as page:
        assert page.ask("document.documentElement.scrollWidth") <= WIDTHS[width]
        assert page.ask(RUNS_OVER) == []
        assert page.ask("document.documentElement.scrollWidth") <= WIDTHS[width]
        assert page.ask(CLIPPED) == []
        sound(page)
        picture = tmp_path / f"{name}-{width}.png"
        page.screenshot(picture, whole=False)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5000


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_is_missing(browser: Browser, files, width):
    with browser.page(files["example"], WIDTHS[width]) as page:
        text = " ".join(page.ask(VISIBLE).split())
        for wanted in (
            "CHG-1: a change", "Some traffic is newly accepted, and some no longer.", "tcp 1720 (H.323 call sig",
            "TCP to this machine, IPv4", "Before: drop", "After: accept", 'comment "partners call in"', "new.nft:5",
            "systemd-run --unit=firewall-rollback", "fwadvisor test new.nft --flow", "Prepared by", "Approved by",
        ):  # fmt: skip
            assert wanted in text, wanted
        # What is folded takes no room before it is opened, and has its words afterwards.
        assert "passwords in clear" in text
        assert "guessed passwords" in text
        assert "What it is" not in text
        page.ask("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert "What it is" in page.ask(VISIBLE)


def test_a_wide_and_a_narrow_diagram_are_never_seen_together(browser: Browser, files):
    for width, seen in ((1280, "zones-wide"), (360, "zones-narrow")):
        with browser.page(files["example"], width) as page:
            shown = page.ask(
                "[...document.querySelectorAll('svg.zones')].filter(e => e.checkVisibility()).map(e => e.id)"
            )
            assert shown == [seen]


def test_rules_stand_side_by_side_and_on_a_telephone_one_below_the_other(browser: Browser, files):
    tops = "[...document.querySelector('.sides').children].map(each => each.getBoundingClientRect().top)"
    with browser.page(files["example"], 1280) as page:
        before, after = page.ask(tops)
        assert before == after
    with browser.page(files["example"], 360) as page:
        before, after = page.ask(tops)
        assert before < after


@pytest.mark.parametrize("name", ["example", "opaque", "same", "several"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(browser: Browser, files, name, dark):
    with browser.page(files[name], dark=dark) as page:
        page.ask("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = page.ask(CONTRASTS)
        assert len(found) > 4
        assert [each for each in found if each[0] < 4.5] == []
        ground = page.ask("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground))) < 64) is dark


def test_paper_has_what_is_folded_and_no_navigation(browser: Browser, files, tmp_path):
    with browser.page(files["example"], 680, dark=True, media="print") as page:
        assert page.ask("document.documentElement.scrollWidth") <= 680
        assert page.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        folded = "[...document.querySelectorAll('.page-body')].every(each => each.getBoundingClientRect().height > 40)"
        assert page.ask(folded)
        assert page.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert page.ask("document.querySelector('.sides').children[0].getBoundingClientRect().width") < 400
        page.printed(tmp_path / "page.pdf")
    content = (tmp_path / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 16


def test_no_script_runs_even_where_one_is_put_in(browser: Browser, tmp_path):
    text = rendered([hostile()])
    file = tmp_path / "injected.html"
    file.write_text(text.replace("<main", "<script>document.title = 'run'</script><p style='color: red'>x</p><main", 1))
    with browser.page(file) as page:
        assert page.ask("document.title") == "CHG-1: a change"
        assert page.ask("getComputedStyle(document.querySelector('p[style]')).color") != "rgb(255, 0, 0)"
        assert any("Content Security Policy" in each for each in page.complaints())


def test_huge_reviews_stay_usable(browser: Browser, tmp_path):
    file = tmp_path / "huge.html"
    file.write_text(rendered([huge()]), encoding="utf-8")
    with browser.page(file, 360) as page:
        assert page.ask("document.documentElement.scrollWidth") <= 360
        assert page.ask("document.documentElement.scrollHeight") < 80_000
        assert page.ask("performance.timing.loadEventStart - performance.timing.navigationStart") < 10_000
        sound(page)
