from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from image_harness.report.markdown import render_markdown
from image_harness.report.model import CheckOutcome, ImageFacts, RunReport
from image_harness.report.text import one_line
from image_harness.types import Platform

from .generate import HOSTILE, SECTIONS, check, good_report, hostile_report, report, requirement, whole_report

PARTS = ["Executive Summary", *(f"{n}. {name}" for n, name in enumerate(SECTIONS, 1))]
CLOSING = ["Issues", "Compliance Summary", "Conclusion", "Recommendations", "Traceability"]


def parsed(report: RunReport) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(render_markdown(report))


def headings(tokens: list[Token], tag: str) -> list[str]:
    return [
        tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open" and token.tag == tag
    ]


def table_rows(tokens: list[Token]) -> list[list[list[str]]]:
    tables: list[list[list[str]]] = []
    for before, token in itertools.pairwise(tokens):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif before.type in ("td_open", "th_open"):
            tables[-1][-1].append(token.content)
    return tables


def inline_types(tokens: list[Token]) -> set[str]:
    return {child.type for token in tokens for child in token.children or ()}


def test_follows_the_structure_of_the_compliance_report() -> None:
    tokens = parsed(whole_report())
    assert headings(tokens, "h1") == ["rdp-monitor Container Design Compliance Report"]
    assert headings(tokens, "h2") == [*PARTS, *CLOSING]


def test_every_selected_requirement_has_a_heading_with_its_status() -> None:
    made = whole_report()
    found = headings(parsed(made), "h3")
    for result in made.requirements:
        expected = {"met": "✅", "not-met": "❌", "unproven": "⚠️", "not-selected": None}[result.status]
        assert expected is None or f"{expected} {result.facts.title}" in found


def test_names_image_digests_platform_design_bases_and_engine() -> None:
    made = whole_report()
    text = render_markdown(made)
    for fact in (
        made.image.reference,
        f"**Manifest digest**: `{made.image.manifest_digest}`",
        f"**Config digest**: `{made.image.config_digest}`",
        "**Platform**: linux/arm64",
        str(made.design.digest),
        "**Bases**: stand-ins for the upstream images (no container registry within reach)",
        f"python:3.11-slim-bookworm@{made.run.bases.images[0].digest}",
        "**Engine**: Docker 29.1.3",
        "**Emulated**: yes",
    ):
        assert fact in text


def test_says_so_when_the_image_was_not_looked_at() -> None:
    made = replace(good_report(), image=ImageFacts("oci:build/image", Platform.LINUX_ARM64))
    assert "**Manifest digest**: not looked at in this run" in render_markdown(made)


def test_says_why_an_image_has_no_manifest_digest() -> None:
    made = good_report()
    image = replace(made.image, manifest_digest=None, manifest_absence="docker save writes none")
    assert "**Manifest digest**: docker save writes none" in render_markdown(replace(made, image=image))


def test_shows_the_evidence_of_what_is_met_and_the_finding_of_what_is_not() -> None:
    text = render_markdown(
        report(
            requirement("good", check("a", evidence=("Entry('/x', layer 3).uid == 65532",))),
            requirement("bad", check("b", CheckOutcome.FAILED, message="0 == 65532\n  at /y, layer 4")),
        )
    )
    assert "  - `Entry('/x', layer 3).uid == 65532`" in text
    assert "```text\n0 == 65532\n  at /y, layer 4\n```" in text


def test_shows_no_more_evidence_than_a_reader_can_bear_and_says_how_much_there_is() -> None:
    text = render_markdown(report(requirement("many", check("a", evidence=tuple(f"file {n}" for n in range(6000))))))
    assert "`... and 5988 more in report.json`" in text
    assert "file 12" not in text


def test_the_summary_table_has_a_percentage_for_each_section_and_overall() -> None:
    text = render_markdown(whole_report())
    assert "| Builder Stage Pattern | ❌ | 93 % | 30 | 1 | 1 | 2 |" in text
    assert "**Overall Compliance**: ❌ **94 %**" in text


def test_every_line_of_the_documents_is_traced_to_what_decides_it() -> None:
    made = whole_report()
    tokens = parsed(made)
    last = max(n for n, token in enumerate(tokens) if token.type == "table_open")
    assert sum(token.type == "tr_open" for token in tokens[last:]) == 1 + len(made.lines)


def test_a_retried_requirement_says_so() -> None:
    assert "**UNPROVEN, RETRIED**" in render_markdown(report(requirement("again", check("a", retries=1))))


def test_a_good_run_has_no_issues_and_concludes_so() -> None:
    text = render_markdown(good_report())
    assert "### ✅ Not met: None" in text
    assert "The image meets every requirement that this run was to decide (221)." in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_forms_no_html_link_picture_or_heading(text: str) -> None:
    made = report(
        requirement(text, check("a", CheckOutcome.FAILED, message=text), section=text, text=text, title=text),
        requirement("met", check(text, evidence=(text,)), section="Other", text=text, title=text),
        reference=text,
    )
    tokens = parsed(made)
    assert not inline_types(tokens) & {"html_inline", "link_open", "image"}
    assert not [token for token in tokens if token.type == "html_block"]
    assert len(headings(tokens, "h2")) == len(["Executive Summary", "section", "section", *CLOSING])
    assert len(headings(tokens, "h1")) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_moves_no_row_and_no_cell_of_a_table(text: str) -> None:
    found = requirement(text, check("a"), section=text)
    found = replace(found, facts=replace(found.facts, source=text))
    tables = table_rows(parsed(report(found)))
    assert [len(rows) for rows in tables] == [4, 2, 2]
    assert tables[1][1][1:] == ["✅", "100 %", "1", "0", "0", "0"]
    assert tables[2][1][3:] == ["✅ met (1/1)"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_whole_in_code(text: str) -> None:
    tokens = parsed(report(requirement("made.up", check("a", evidence=(text[:400],)))))
    spans = [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]
    assert one_line(text[:400]) in spans


def test_a_report_that_is_hostile_throughout_is_rendered_without_html() -> None:
    tokens = parsed(hostile_report())
    assert not inline_types(tokens) & {"html_inline", "link_open", "image"}


def test_bare_addresses_do_not_become_links_where_markdown_is_extended_by_that() -> None:
    text = render_markdown(
        report(requirement("made.up", check("a"), text="see https://intruder.example www.x.example"))
    )
    assert r"https:\//intruder.example www\.x.example" in text
