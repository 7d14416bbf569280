from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from image_harness.report.model import (
    BaseImage,
    BasesFacts,
    BaseUse,
    CheckOutcome,
    DesignFacts,
    RequirementResult,
    RunReport,
)
from image_harness.signoff.build_record import BuildRecord
from image_harness.signoff.checkout import Checkout
from image_harness.signoff.gates import Facts, refusals
from image_harness.signoff.reviews import Review
from image_harness.types import Digest
from tests.report.generate import check, digest, report, requirement

COMMIT = "1" * 40
BUILDER, RUNTIME = "python:3.11-slim-bookworm", "gcr.io/distroless/python3-debian12:latest"
UPSTREAM = BasesFacts(BaseUse.UPSTREAM, (BaseImage(BUILDER, digest("builder")), BaseImage(RUNTIME, digest("runtime"))))
MET = requirement("one", check("one"))


def run(*requirements: RequirementResult, bases: BasesFacts = UPSTREAM, **image: Any) -> RunReport:  # noqa: ANN401 - any field
    made = report(*(requirements or (MET,)))
    return replace(made, run=replace(made.run, bases=bases), image=replace(made.image, **image))


def facts(**changes: Any) -> Facts:  # noqa: ANN401 - any field
    """Facts that nothing stands against, but for the changes."""
    good: dict[str, Any] = {
        "report": run(),
        "exit_code": 0,
        "manifest_digest": digest("manifest"),
        "labels": {"org.opencontainers.image.revision": COMMIT, "org.opencontainers.image.version": "1.0.0"},
        "source": Checkout(Path("/src"), COMMIT),
        "version": "1.0.0",
        "record": BuildRecord(digest("manifest"), dirty=False, files={}),
        "pins": {BUILDER: digest("builder"), RUNTIME: digest("runtime")},
        "review": Review(digest("design"), date(2026, 3, 1)),
        "bases": (BUILDER, RUNTIME),
    }
    return Facts(**{**good, **changes})


def told(**changes: Any) -> list[str]:  # noqa: ANN401 - any field
    return [str(refusal) for refusal in refusals(facts(**changes))]


def test_nothing_stands_against_a_good_image() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            requirement("one", check("one", CheckOutcome.FAILED, message="found 'a'\nexpected 'b'")),
            "not-met:one: found 'a' expected 'b'",
        ),
        (requirement("one", check("one", CheckOutcome.ERROR, message="engine gone")), "unproven:one: engine gone"),
        (
            requirement("one", check("one", CheckOutcome.SKIPPED)),
            "unproven:one: image_tests/test_made_up.py::one skipped",
        ),
        (requirement("one"), "unproven:one: it has no check"),
        (
            requirement("one", check("one", retries=2)),
            "retried:one: passed only when it was tried again (2 retries)",
        ),
        (requirement("one", selected=False), "deselected:one: none of its checks ran"),
        (requirement("one", check("one"), deselected=1), "deselected:one: 1 of its checks were left out"),
        (
            requirement("one", check("one", CheckOutcome.FAILED, message="no", retries=1), deselected=1),
            "not-met:one: no",
        ),
    ],
)
def test_each_requirement_that_is_not_met_is_one_reason(result: RequirementResult, expected: str) -> None:
    assert told(report=run(MET_TWO, result)) == [expected]


MET_TWO = requirement("two", check("two"))


def test_a_reason_about_a_requirement_names_it() -> None:
    refused = refusals(facts(report=run(requirement("one"))))

    assert [refusal.requirement for refusal in refused] == ["one"]


def test_an_image_without_a_manifest_has_nothing_to_bind_a_verdict_to() -> None:
    refused = refusals(facts(report=run(manifest_digest=None, manifest_absence="the engine keeps none")))

    assert [(refusal.id, refusal.allowable) for refusal in refused] == [("image.no-manifest", False)]
    assert "the engine keeps none" in refused[0].text


def test_an_image_that_changed_under_the_run_is_refused_for_good() -> None:
    refused = [
        refusal for refusal in refusals(facts(manifest_digest=digest("another"))) if not refusal.id.startswith("build.")
    ]

    assert [(refusal.id, refusal.allowable) for refusal in refused] == [("image.changed", False)]


def test_a_failed_run_is_no_good_run_whatever_its_requirements_say() -> None:
    assert told(exit_code=1) == ["run.exit-code: every requirement is met, and yet pytest ended with 1"]


def test_a_checkout_with_changes_is_refused_and_the_changes_are_named() -> None:
    changes = ("Dockerfile.monitor", "a", "b", "c", "d")

    assert told(source=Checkout(Path("/src"), COMMIT, changes=changes)) == [
        "source.dirty: the checkout differs from its commit: Dockerfile.monitor, a, b and 2 more"
    ]


def test_a_changed_file_of_any_name_can_be_printed() -> None:
    changes = (os.fsdecode(b"caf\xe9"), "a\nb")

    assert told(source=Checkout(Path("/src"), COMMIT, changes=changes)) == [
        r"source.dirty: the checkout differs from its commit: caf\udce9, a\nb"
    ]


def test_a_folder_that_is_no_checkout_is_refused() -> None:
    assert [line.partition(":")[0] for line in told(source=Checkout(Path("/src"), None))] == [
        "source.no-commit",
        "label.revision",
    ]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (None, "build.unrecorded: no record of this image's build: there is none"),
        (
            BuildRecord(digest("another"), dirty=False, files={}),
            f"build.unrecorded: no record of this image's build: the last one is of {digest('another')}",
        ),
        (
            BuildRecord(None, dirty=False, files={}),
            "build.unrecorded: no record of this image's build: the last one is of None",
        ),
        (
            BuildRecord(digest("manifest"), dirty=True, files={}),
            "build.dirty: made from a checkout that differed from its commit",
        ),
    ],
)
def test_a_build_must_be_on_record_and_clean(record: BuildRecord | None, expected: str) -> None:
    assert told(record=record) == [expected]


@pytest.mark.parametrize("revision", [None, "2" * 40, COMMIT[:7], ""])
def test_the_revision_label_must_name_the_commit(revision: str | None) -> None:
    labels = {"org.opencontainers.image.version": "1.0.0"}
    if revision is not None:
        labels["org.opencontainers.image.revision"] = revision

    assert told(labels=labels) == [
        f"label.revision: org.opencontainers.image.revision is {revision!r}, the source is {COMMIT!r}"
    ]


@pytest.mark.parametrize(("version", "tags"), [("1.0.0", ()), ("1.2.0", ("v1.2.0",)), ("1.2.0", ("other", "1.2.0"))])
def test_the_version_label_is_the_sources_own_or_its_tag(version: str, tags: tuple[str, ...]) -> None:
    labels = {"org.opencontainers.image.revision": COMMIT, "org.opencontainers.image.version": version}

    assert told(labels=labels, source=Checkout(Path("/src"), COMMIT, tags)) == []


def test_another_version_is_refused() -> None:
    labels = {"org.opencontainers.image.revision": COMMIT, "org.opencontainers.image.version": "1.0"}

    assert told(labels=labels) == ["label.version: org.opencontainers.image.version is '1.0', the source is '1.0.0'"]


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        (
            BasesFacts(BaseUse.STAND_IN, UPSTREAM.images, "stand-in for x"),
            ["bases.stand-in: not built on the upstream images: stand-in for x"],
        ),
        (
            BasesFacts(BaseUse.UNKNOWN, reason="no provenance"),
            ["bases.unknown: nothing proves what it was built on: no provenance"],
        ),
        (
            BasesFacts(
                BaseUse.UPSTREAM, (BaseImage(BUILDER, digest("another")), BaseImage(RUNTIME, digest("runtime")))
            ),
            [f"bases.other:{BUILDER}: built on {digest('another')}, pinned is {digest('builder')}"],
        ),
        (
            BasesFacts(BaseUse.UPSTREAM, (*UPSTREAM.images, BaseImage("alpine:3", digest("x")))),
            ["bases.unpinned:alpine:3: no digest of it is pinned"],
        ),
        (
            BasesFacts(BaseUse.UPSTREAM, (BaseImage(BUILDER, digest("builder")), BaseImage(RUNTIME, None))),
            [f"bases.other:{RUNTIME}: built on None, pinned is {digest('runtime')}"],
        ),
    ],
)
def test_bases_must_be_upstream_and_pinned(bases: BasesFacts, expected: list[str]) -> None:
    assert told(report=run(bases=bases)) == expected


@pytest.mark.parametrize(("seen", "unseen"), [(UPSTREAM.images[:1], RUNTIME), (UPSTREAM.images[1:], BUILDER)])
def test_every_base_of_the_design_must_have_been_seen(seen: tuple[BaseImage, ...], unseen: str) -> None:
    assert told(report=run(bases=BasesFacts(BaseUse.UPSTREAM, seen))) == [
        f"bases.unseen:{unseen}: the design builds on it, the image's provenance does not name it"
    ]


def test_a_base_that_the_lock_file_names_without_a_digest_is_not_pinned() -> None:
    pins: dict[str, Digest | None] = {BUILDER: None, RUNTIME: digest("runtime")}

    assert told(pins=pins) == [f"bases.unpinned:{BUILDER}: no digest of it is pinned"]


@pytest.mark.parametrize("name", ["gcr.io/distroless/python3-debian12", "gcr.io/distroless/python3-debian12:latest"])
def test_a_base_is_found_in_the_lock_file_with_and_without_the_default_tag(name: str) -> None:
    bases = BasesFacts(BaseUse.UPSTREAM, (BaseImage(BUILDER, digest("builder")), BaseImage(name, digest("runtime"))))

    assert told(report=run(bases=bases)) == []


def test_a_design_must_have_been_reviewed_as_it_is() -> None:
    assert told(review=None) == ["design.not-reviewed: nobody has reviewed rdp-monitor: run image-harness review"]

    changed = run()
    changed = replace(changed, design=DesignFacts("rdp-monitor", digest("edited")))
    (line,) = told(report=changed)
    assert line.startswith("design.changed: the design changed since it was reviewed")
    assert str(digest("edited")) in line


def test_reasons_come_in_order() -> None:
    stand_in = BasesFacts(BaseUse.STAND_IN, reason="s")
    told_ids = [
        refusal.id
        for refusal in refusals(
            facts(
                report=run(requirement("one"), bases=stand_in),
                manifest_digest=digest("another"),
                labels={},
                source=Checkout(Path("/src"), COMMIT, changes=("x",)),
                record=None,
                review=None,
            )
        )
    ]

    assert told_ids == [
        "image.changed",
        "unproven:one",
        "source.dirty",
        "build.unrecorded",
        "label.revision",
        "label.version",
        "bases.stand-in",
        "design.not-reviewed",
    ]
