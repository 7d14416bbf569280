from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from image_harness.report.html import layer_segments, render_html, section_segments
from image_harness.report.model import CheckOutcome, ImageFacts, RunReport, SectionSummary
from image_harness.types import Platform

from .generate import HOSTILE, check, digest, good_report, hostile_report, report, requirement, whole_report

LOADING = {"src", "srcset", "href", "action", "data", "poster", "background", "formaction", "xlink:href"}


class Page(HTMLParser):
    """What a page is made of: its tags with their attributes, and the content of style and script."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.raw: dict[str, str] = {}
        self.words = ""
        self._open = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the name is the base class's
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "script"):
            self.raw[self._open] = self.raw.get(self._open, "") + data
        else:
            self.words += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]


def page(report: RunReport) -> Page:
    return Page(render_html(report))


@pytest.mark.parametrize("make", [whole_report, good_report, hostile_report, report])
def test_nothing_is_loaded_from_anywhere(make: Callable[[], RunReport]) -> None:
    for tag, attributes in page(make()).tags:
        for name in LOADING & set(attributes):
            assert attributes[name].startswith("#"), (tag, name, attributes[name])
    assert "@import" not in render_html(make())
    assert set(re.findall(r"url\([^)]*\)", page(make()).raw["style"])) == {"url(#hatching)"}


def test_the_policy_lets_only_this_style_and_script_take_effect() -> None:
    found = page(hostile_report())
    (policy,) = (tag["content"] for tag in found.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    hashes = {
        name: base64.b64encode(hashlib.sha256(found.raw[name].encode()).digest()).decode()
        for name in ("style", "script")
    }
    assert f"style-src 'sha256-{hashes['style']}'" in policy
    assert f"script-src 'sha256-{hashes['script']}'" in policy
    assert policy.startswith("default-src 'none';")


def test_no_style_or_script_is_in_an_attribute() -> None:
    for tag, attributes in page(hostile_report()).tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag


def test_hostile_text_adds_no_element() -> None:
    """The same report with calm texts has the same elements."""
    hostile = hostile_report()
    names = {result.facts.id: f"n{number}" for number, result in enumerate(hostile.requirements)}
    sections = {text: f"s{number}" for number, text in enumerate(dict.fromkeys(HOSTILE))}
    calm = replace(
        hostile,
        requirements=tuple(
            replace(
                result,
                facts=replace(
                    result.facts,
                    id=names[result.facts.id],
                    section=sections[result.facts.section],
                    title="title",
                    text="text",
                    source=sections[result.facts.source],
                ),
                checks=tuple(
                    replace(one, nodeid="a.py::b", message=sections[one.message], evidence=("a", "b"))
                    for one in result.checks
                ),
            )
            for result in hostile.requirements
        ),
    )
    assert [tag for tag, _ in page(hostile).tags] == [tag for tag, _ in page(calm).tags]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isprintable()])
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    found = page(report(requirement("made.up", check("a", CheckOutcome.FAILED, message=text))))
    assert text in found.words


def test_control_characters_are_shown_and_not_passed_on() -> None:
    content = render_html(hostile_report())
    assert r"\x1b[31m" in content
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", content)
    assert content.encode()


def test_verdict_and_digest_come_first() -> None:
    made = whole_report()
    words = page(made).words.split("Executive summary")[0]
    assert "not met" in words
    assert str(made.image.manifest_digest) in words


def test_an_image_without_a_manifest_is_known_by_its_config() -> None:
    made = good_report()
    made = replace(made, image=replace(made.image, manifest_digest=None, manifest_absence="docker save writes none"))
    words = page(made).words
    assert f"config {made.image.config_digest}" in words.split("Executive summary")[0]
    assert "docker save writes none" in words


def test_says_so_when_the_image_was_not_looked_at() -> None:
    made = replace(good_report(), image=ImageFacts("oci:build/image", Platform.LINUX_ARM64))
    assert "The image itself was not looked at in this run." in page(made).words


def test_every_requirement_is_folded_under_its_line_with_its_status() -> None:
    made = whole_report()
    found = [tag for tag in page(made).all("details") if "data-status" in tag]
    assert [tag["data-status"] for tag in found] == [result.status for result in made.requirements]
    assert not [tag for tag in found if "open" in tag]


def test_every_link_leads_somewhere_and_every_anchor_is_unique() -> None:
    found = page(hostile_report())
    anchors = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    assert {tag["href"].removeprefix("#") for tag in found.all("a")} <= set(anchors)


def test_every_section_has_a_bar_that_can_be_read_out() -> None:
    made = whole_report()
    labels = [tag["aria-label"] for tag in page(made).all("svg", role="img")]
    assert "30 met, 1 not met, 1 unproven, 2 not selected" in labels
    assert len(labels) == len(made.sections) + len(["overall", "layers"])


def test_the_filter_is_hidden_until_the_script_runs() -> None:
    (form,) = page(whole_report()).all("form")
    assert "hidden" in form


def test_only_recommendations_that_there_are_have_a_heading() -> None:
    words = page(good_report()).words
    assert "Long-term" in words
    assert "Immediate" not in words


def test_too_much_of_a_message_is_cut() -> None:
    content = render_html(report(requirement("made.up", check("a", CheckOutcome.FAILED, message="y" * 1_000_000))))
    assert len(content) < 100_000


def test_the_pieces_of_a_bar_follow_each_other_and_fill_it() -> None:
    pieces = section_segments(SectionSummary("any", met=218, not_met=1, unproven=1, not_selected=1))
    ends = [piece.start + piece.width for piece in pieces]
    assert [piece.start for piece in pieces] == [0, *ends[:-1]]
    assert ends[-1] == 1000
    assert all(piece.width >= 15 for piece in pieces)
    assert [piece.kind for piece in pieces] == ["met", "not-met", "unproven", "not-selected"]


def test_the_picture_of_the_layers_is_full_and_in_proportion() -> None:
    layer = good_report().image.layers[0]
    pieces = layer_segments([replace(layer, uncompressed_size=size) for size in (1, 1, 1)])
    assert [(piece.start, piece.width) for piece in pieces] == [(0, 333), (333, 333), (666, 334)]


def test_empty_layers_make_an_empty_picture() -> None:
    layer = replace(good_report().image.layers[0], uncompressed_size=0, digest=digest("empty"))
    assert [piece.width for piece in layer_segments([layer, layer])] == [0, 0]
    assert layer_segments([]) == []
