"""trend.html as a real browser shows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.trend import made_up_runs
from image_harness.history.page import render_page
from image_harness.history.trend import trend_of
from tests.report.browser import Browser
from tests.report.generate import HOSTILE
from tests.report.test_html_browser import PALE, STICKING_OUT, UNFOLD

from .generate import run

pytestmark = pytest.mark.browser

PHONE, DESKTOP = 360, 1280
ROW = "document.querySelector('#night tbody tr')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "trend.html"
    path.write_text(render_page(trend_of(list(made_up_runs(200, 8, 40))), lambda one: one.findings), "utf-8")
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [run(0, image="a"), run(1, "mnmm", image="b"), run(2, image="c")]
    path = tmp_path_factory.mktemp("three") / "trend.html"
    path.write_text(render_page(trend_of(runs), lambda one: one.findings), "utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [run(number, "nnnn", cell=text, ids=(text, *"bcd")) for number, text in enumerate(HOSTILE)]
    path = tmp_path_factory.mktemp("hostile") / "trend.html"
    path.write_text(render_page(trend_of(runs), lambda one: one.findings), "utf-8")
    return path


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [PHONE, 768, DESKTOP])
@pytest.mark.parametrize("page", ["many", "three", "hostile"])
def test_nothing_sticks_out_of_the_page(
    browser: Browser, request: pytest.FixtureRequest, page: str, width: int, *, script: bool
) -> None:
    browser.open(request.getfixturevalue(page), width=width, script=script)
    browser.evaluate(UNFOLD)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, browser.evaluate(STICKING_OUT)


@pytest.mark.parametrize("page", ["many", "three", "hostile"])
def test_asks_for_nothing_but_itself_and_has_nothing_to_complain_of(
    browser: Browser, request: pytest.FixtureRequest, page: str
) -> None:
    path = request.getfixturevalue(page)
    browser.open(path)
    methods = [event["method"] for event in browser.events]
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert asked == [path.as_uri()]
    assert "Runtime.exceptionThrown" not in methods
    assert "Log.entryAdded" not in methods
    assert browser.evaluate("window.intruded") is None


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_text_has_enough_contrast(browser: Browser, many: Path, width: int, *, dark: bool) -> None:
    browser.open(many, width=width, dark=dark)
    browser.evaluate(UNFOLD)
    assert browser.evaluate(PALE) == []


def test_the_night_is_chosen_by_keyboard_and_tells_what_broke(browser: Browser, three: Path) -> None:
    browser.open(three)
    assert browser.evaluate(f"{ROW}.innerText").startswith("docker\t✓ met")
    browser.evaluate("document.querySelector('input[name=night]').focus()")
    browser.press("ArrowLeft", code=37)
    assert browser.evaluate("document.getElementById('night-heading').textContent") == "Night of 2026-03-02"
    told = browser.evaluate(f"{ROW}.innerText")
    assert "✗ not met labels.title" in told
    assert "76" in told
    assert browser.evaluate("document.querySelector('input[name=night]').ariaValueText") == "2026-03-02"


def test_the_earlier_bad_night_is_found(browser: Browser, three: Path) -> None:
    browser.open(three)
    browser.evaluate("document.getElementById('earlier').click()")
    assert browser.evaluate("document.getElementById('night-heading').textContent") == "Night of 2026-03-02"
    browser.evaluate("document.getElementById('earlier').click()")
    assert browser.evaluate("document.getElementById('night-heading').textContent") == "Night of 2026-03-02"


def test_a_touch_on_a_strip_chooses_its_night(browser: Browser, three: Path) -> None:
    browser.open(three)
    browser.evaluate("""(() => {
      const strip = document.querySelector('svg.strip');
      const box = strip.getBoundingClientRect();
      const clientX = box.left + box.width / 2;
      strip.dispatchEvent(new PointerEvent('pointerdown', { clientX }));
    })()""")
    assert browser.evaluate("document.getElementById('night-heading').textContent") == "Night of 2026-03-02"


def test_a_range_of_nights_is_shown_of_all_pictures(browser: Browser, many: Path) -> None:
    browser.open(many)
    show = "document.querySelector('select[name=range]')"
    for wanted, first in (("30", 170), ("0", 0)):
        browser.evaluate(f"{show}.value = '{wanted}'; {show}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
        boxes = browser.evaluate("[...document.querySelectorAll('.strip, .lines')].map((one) => one.viewBox.baseVal.x)")
        assert set(boxes) == {first}


def test_a_cell_can_be_highlighted(browser: Browser, many: Path) -> None:
    browser.open(many)
    choice = "document.querySelector('select[name=cell]')"
    browser.evaluate(f"{choice}.value = '3'; {choice}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
    assert browser.evaluate("document.querySelectorAll('.lines path.chosen').length") == 4


def test_without_a_script_the_last_night_and_every_failure_are_told(browser: Browser, three: Path) -> None:
    browser.open(three, script=False)
    assert not browser.evaluate("document.getElementById('tools').checkVisibility()")
    assert "✓ met" in browser.evaluate(f"{ROW}.innerText")
    assert "Bad from 2026-03-02" in browser.evaluate("document.getElementById('former').textContent")


def test_verdicts_differ_in_height_not_in_colour_alone(browser: Browser, many: Path) -> None:
    browser.open(many)
    heights = browser.evaluate(
        "['met', 'not-met', 'unproven'].map((one) => document.querySelector(`.strip .${one}`).getBBox().height)"
    )
    assert len(set(heights)) == 3


def test_has_landmarks_one_main_heading_and_no_gap_between_headings(browser: Browser, many: Path) -> None:
    browser.open(many)
    browser.evaluate(UNFOLD)
    for landmark in ("header", "nav[aria-label]", "main", "footer", "h1"):
        assert browser.evaluate(f"document.querySelectorAll('{landmark}').length") == 1, landmark
    levels = browser.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    nameless = (
        "[...document.querySelectorAll('input, select')].filter((one) => !one.labels[0]?.textContent.trim()).length"
    )
    assert browser.evaluate(nameless) == 0
