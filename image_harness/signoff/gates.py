"""The gates: every reason against shipping an image, in the order in which a person would want to hear them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from image_harness.bases import canonical_name
from image_harness.image.errors import printable
from image_harness.report.model import BaseImage, BaseUse, CheckOutcome, RequirementResult, RunReport
from image_harness.signoff.build_record import BuildRecord
from image_harness.signoff.checkout import Checkout
from image_harness.signoff.refusal import Refusal
from image_harness.signoff.reviews import Review
from image_harness.types import Digest, Status

REVISION_LABEL: Final = "org.opencontainers.image.revision"
VERSION_LABEL: Final = "org.opencontainers.image.version"
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the gates look at.

    Attributes:
        report: What the run found out.
        exit_code: What pytest ended with.
        manifest_digest: The image when the run was over; None where it has no manifest.
        labels: Its labels.
        source: The checkout, as it was before the run.
        version: The version that the source gives itself; None where it gives none.
        record: What the build left on record.
        pins: The digests that upstream images are pinned to.
        review: The design's review.
        bases: The upstream images that the design builds on.
    """

    report: RunReport
    exit_code: int
    manifest_digest: Digest | None
    labels: Mapping[str, str]
    source: Checkout
    version: str | None
    record: BuildRecord | None
    pins: Mapping[str, Digest | None]
    review: Review | None
    bases: tuple[str, ...]


def refusals(facts: Facts) -> tuple[Refusal, ...]:
    """Every reason against shipping the image, in order."""
    return (
        *_image(facts),
        *_requirements(facts.report),
        *_run(facts),
        *_source(facts.source),
        *_build(facts),
        *_labels(facts),
        *_bases(facts),
        *_design(facts),
    )


def _image(facts: Facts) -> Iterator[Refusal]:
    looked_at, now = facts.report.image.manifest_digest, facts.manifest_digest
    if looked_at is None or now is None:
        absence = facts.report.image.manifest_absence or "the run did not look at the image"
        yield Refusal("image.no-manifest", f"no digest to bind the verdict to: {absence}", allowable=False)
    elif looked_at != now:
        yield Refusal("image.changed", f"the run looked at {looked_at}, the image is now {now}", allowable=False)


def _requirements(report: RunReport) -> Iterator[Refusal]:
    for result in report.requirements:
        kind = _kind(result)
        if kind is not None:
            yield Refusal(f"{kind}:{result.facts.id}", _finding(result), requirement=result.facts.id)


def _kind(result: RequirementResult) -> str | None:
    if result.status is Status.MET:
        return None
    if result.status is Status.NOT_MET:
        return "not-met"
    if result.status is Status.NOT_SELECTED or result.deselected:
        return "deselected"
    return "retried" if result.retries else "unproven"


def _finding(result: RequirementResult) -> str:
    if result.status is Status.NOT_SELECTED:
        return "none of its checks ran"
    if result.status is not Status.NOT_MET and result.deselected:
        return f"{result.deselected} of its checks were left out"
    bad = [check for check in result.checks if check.outcome is not CheckOutcome.PASSED]
    if bad:
        return " ".join((bad[0].message or f"{bad[0].nodeid} {bad[0].outcome}").split())
    if result.retries:
        return f"passed only when it was tried again ({result.retries} retries)"
    return "it has no check"


def _run(facts: Facts) -> Iterator[Refusal]:
    if facts.exit_code and facts.report.verdict is Status.MET:
        yield Refusal("run.exit-code", f"every requirement is met, and yet pytest ended with {facts.exit_code}")


def _source(source: Checkout) -> Iterator[Refusal]:
    if source.commit is None:
        yield Refusal("source.no-commit", f"{source.root} is not the checkout of a commit")
    elif source.changes:
        yield Refusal("source.dirty", f"the checkout differs from its commit: {_some(source.changes)}")


def _build(facts: Facts) -> Iterator[Refusal]:
    record = facts.record
    if record is None or record.manifest_digest is None or record.manifest_digest != facts.manifest_digest:
        found = "there is none" if record is None else f"the last one is of {record.manifest_digest}"
        yield Refusal("build.unrecorded", f"no record of this image's build: {found}")
        return
    committed = facts.source.fingerprints(sorted(record.files)) if facts.source.commit else {}
    other = tuple(path for path, fingerprint in committed.items() if fingerprint != record.files[path])
    if other:
        yield Refusal("build.dirty", f"made from files that the commit does not have so: {_some(other)}")
    elif record.dirty:
        yield Refusal("build.dirty", "made from a checkout that differed from its commit")


def _labels(facts: Facts) -> Iterator[Refusal]:
    revision, version = facts.labels.get(REVISION_LABEL), facts.labels.get(VERSION_LABEL)
    if revision is None or revision != facts.source.commit:
        yield Refusal("label.revision", f"{REVISION_LABEL} is {revision!r}, the source is {facts.source.commit!r}")
    versions = {facts.version, *(tag.removeprefix("v") for tag in facts.source.tags)} - {None}
    if version is None or version not in versions:
        expected = " or ".join(repr(text) for text in sorted(text for text in versions if text)) or "of no version"
        yield Refusal("label.version", f"{VERSION_LABEL} is {version!r}, the source is {expected}")


def _bases(facts: Facts) -> Iterator[Refusal]:
    bases = facts.report.run.bases
    if bases.use is BaseUse.STAND_IN:
        yield Refusal("bases.stand-in", f"not built on the upstream images: {bases.reason}")
    elif bases.use is BaseUse.UNKNOWN:
        yield Refusal("bases.unknown", f"nothing proves what it was built on: {bases.reason}")
    else:
        for base in bases.images:
            yield from _base(base, facts.pins)
        seen = {canonical_name(base.reference) for base in bases.images}
        for name in facts.bases:
            if canonical_name(name) not in seen:
                yield Refusal(
                    f"bases.unseen:{name}", "the design builds on it, the image's provenance does not name it"
                )


def _base(base: BaseImage, pins: Mapping[str, Digest | None]) -> Iterator[Refusal]:
    by_name = {canonical_name(name): digest for name, digest in pins.items()}
    pinned = by_name.get(canonical_name(base.reference))
    if pinned is None:
        yield Refusal(f"bases.unpinned:{base.reference}", "no digest of it is pinned")
    elif base.digest != pinned:
        yield Refusal(f"bases.other:{base.reference}", f"built on {base.digest}, pinned is {pinned}")


def _design(facts: Facts) -> Iterator[Refusal]:
    design, review = facts.report.design, facts.review
    if review is None:
        yield Refusal("design.not-reviewed", f"nobody has reviewed {design.name}: run image-harness review")
    elif review.digest != design.digest:
        what = f"{design.name} is {design.digest}, reviewed on {review.reviewed} was {review.digest}"
        yield Refusal("design.changed", f"the design changed since it was reviewed: {what}")


def _some(paths: tuple[str, ...]) -> str:
    more = len(paths) - _NAMED
    return f"{', '.join(printable(path) for path in paths[:_NAMED])}{f' and {more} more' if more > 0 else ''}"
