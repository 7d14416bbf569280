"""report.html as a real browser shows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from image_harness.report.html import render_html
from image_harness.report.model import RunReport

from .browser import Browser
from .generate import good_report, hostile_report, whole_report

pytestmark = pytest.mark.browser

PHONE, DESKTOP = 360, 1280
VISIBLE = "[...document.querySelectorAll('details.requirement')].filter((one) => one.checkVisibility())"
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"

# Where a page is wider than its window, this names what sticks out.
STICKING_OUT = """
[...document.querySelectorAll('body *')]
  .filter((one) => one.checkVisibility() && !one.matches('.skip'))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
  .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 60)}`)
"""

# Texts with too little contrast (WCAG 2.2, 1.4.3), as "ratio colour: text".
PALE = """
(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim().slice(0, 40);
    if (!words || !element.checkVisibility() || element.closest('script, style, svg')) continue;
    const style = getComputedStyle(element);
    const [lighter, darker] = [channels(style.color), ground(element)].map(luminance).sort((a, b) => b - a);
    const ratio = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) pale.add(`${ratio.toFixed(2)} ${style.color}: ${words}`);
  }
  return [...pale];
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(whole_report(), tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(hostile_report(), tmp_path_factory.mktemp("hostile"))


def written(report: RunReport, directory: Path) -> Path:
    path = directory / "report.html"
    path.write_text(render_html(report), "utf-8")
    return path


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [PHONE, 390, 768, DESKTOP])
@pytest.mark.parametrize("page", ["whole", "hostile"])
def test_nothing_sticks_out_of_the_page(
    browser: Browser, request: pytest.FixtureRequest, page: str, width: int, *, script: bool
) -> None:
    browser.open(request.getfixturevalue(page), width=width, script=script)
    browser.evaluate(UNFOLD)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, browser.evaluate(STICKING_OUT)
    assert browser.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("page", ["whole", "hostile"])
def test_asks_for_nothing_but_itself_and_has_nothing_to_complain_of(
    browser: Browser, request: pytest.FixtureRequest, page: str
) -> None:
    path = request.getfixturevalue(page)
    browser.open(path)
    browser.evaluate(UNFOLD)
    methods = [event["method"] for event in browser.events]
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert asked == [path.as_uri()]
    assert "Runtime.exceptionThrown" not in methods
    assert "Log.entryAdded" not in methods


def test_hostile_text_neither_runs_nor_becomes_an_element(browser: Browser, hostile: Path) -> None:
    browser.open(hostile)
    browser.evaluate(UNFOLD)
    assert browser.evaluate("window.intruded") is None
    assert browser.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert browser.evaluate("document.querySelectorAll('script, style').length") == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_text_has_enough_contrast(browser: Browser, whole: Path, width: int, *, dark: bool) -> None:
    browser.open(whole, width=width, dark=dark)
    browser.evaluate(UNFOLD)
    assert browser.evaluate(PALE) == []


def test_light_and_dark_differ(browser: Browser, whole: Path) -> None:
    grounds = []
    for dark in (False, True):
        browser.open(whole, dark=dark)
        grounds.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_verdict_and_digest_are_seen_without_scrolling_on_a_phone(browser: Browser, whole: Path) -> None:
    browser.open(whole, width=PHONE, height=640)
    for part in (".top .badge", ".top .digest", ".top .bar"):
        assert browser.evaluate(f"document.querySelector('{part}').getBoundingClientRect().bottom") < 640


def test_the_filter_works_by_keyboard(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate("document.querySelector('input[name=status]').focus()")
    browser.press("ArrowRight", code=39)
    browser.press("ArrowRight", code=39)
    assert browser.evaluate("new Set(" + VISIBLE + ".map((one) => one.dataset.status)).size") == 1
    assert browser.evaluate(f"{VISIBLE}.every((one) => one.matches('.not-met'))")
    assert browser.evaluate(f"{VISIBLE}.length") == 5
    assert browser.evaluate("document.getElementById('shown').textContent") == "5 of 221 requirements shown"
    assert browser.evaluate("document.querySelectorAll('section.requirements:not([hidden])').length") == 5


def test_tab_reaches_the_report_the_filter_and_the_requirements(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    seen = []
    for _ in range(40):
        browser.press("Tab", code=9)
        seen.append(browser.evaluate("document.activeElement.outerHTML.slice(0, 30)"))
    assert seen[0].startswith('<a class="skip"')
    for start in ('<input type="radio"', '<input type="search"', '<button type="button"', "<summary>"):
        assert any(element.startswith(start) for element in seen), start


def test_enter_unfolds_a_requirement(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate("document.querySelector('#r37 > summary').focus()")
    assert not browser.evaluate("document.querySelector('#r37 pre').checkVisibility()")
    browser.press("Enter", code=13, text="\r")
    assert browser.evaluate("document.querySelector('#r37 pre').checkVisibility()")


def test_the_search_finds_words_in_any_order_and_whatever_their_case(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate("document.querySelector('input[type=search]').focus()")
    for letter in "ITEM-17 Builder":
        browser.press(letter, text=letter)
    assert browser.evaluate(f"{VISIBLE}.map((one) => one.querySelector('.id').textContent)") == ["builder.item-17"]


def test_unfold_all_unfolds_what_is_shown(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate("document.querySelector('input[value=unproven]').click()")
    browser.evaluate("document.getElementById('unfold').click()")
    assert browser.evaluate("document.querySelectorAll('details.requirement[open]').length") == 7
    browser.evaluate("document.getElementById('fold').click()")
    assert browser.evaluate("document.querySelectorAll('details.requirement[open]').length") == 0


def test_a_link_to_a_requirement_that_the_filter_hides_leads_to_it(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate("document.querySelector('input[value=met]').click()")
    browser.evaluate("document.querySelector('#issues a[href=\"#r37\"]').click()")
    browser.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert browser.evaluate("document.querySelector('#r37 pre').checkVisibility()")
    assert browser.evaluate("Math.abs(document.querySelector('#r37').getBoundingClientRect().top) < innerHeight / 2")


def test_without_a_script_everything_is_shown_and_nothing_offers_to_filter(browser: Browser, whole: Path) -> None:
    browser.open(whole, script=False)
    assert browser.evaluate(f"{VISIBLE}.length") == 221
    assert not browser.evaluate("document.getElementById('filter').checkVisibility()")


def test_print_shows_what_is_folded_and_no_controls(browser: Browser, whole: Path) -> None:
    browser.open(whole, media="print")
    assert not browser.evaluate("document.querySelector('.filter').checkVisibility()")
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate("document.querySelectorAll('details[open]').length") == 0


def test_print_is_dark_on_light_even_where_the_screen_is_dark(browser: Browser, whole: Path) -> None:
    browser.open(whole, media="print", dark=True)
    browser.evaluate(UNFOLD)
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate(PALE) == []


def test_has_landmarks_one_main_heading_and_no_gap_between_headings(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate(UNFOLD)
    for landmark in ("header", "nav[aria-label]", "main", "footer", "h1"):
        assert browser.evaluate(f"document.querySelectorAll('{landmark}').length") == 1, landmark
    levels = browser.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_control_has_a_name(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    nameless = "[...document.querySelectorAll('input')].filter((one) => !one.labels[0]?.textContent.trim()).length"
    assert browser.evaluate(nameless) == 0
    nameless = "[...document.querySelectorAll('button, summary, a')].filter((one) => !one.textContent.trim()).length"
    assert browser.evaluate(nameless) == 0


def test_every_status_is_told_in_words_and_not_by_colour_alone(browser: Browser, whole: Path) -> None:
    browser.open(whole)
    browser.evaluate(UNFOLD)
    badges = browser.evaluate("[...new Set([...document.querySelectorAll('.badge')].map((one) => one.innerText))]")
    assert sorted(badges) == ["? unproven", "? unproven, retried", "– not selected", "✓ met", "✗ not met"]  # noqa: RUF001


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_an_empty_report_and_a_good_one_fit_too(browser: Browser, tmp_path: Path, width: int) -> None:
    good = good_report()
    empty = replace(good, requirements=(), design=replace(good.design, lines=()))
    for made in (good, empty, replace(good, image=replace(good.image, layers=()))):
        browser.open(written(made, tmp_path), width=width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
