"""A sign-off from the first look to the last file: run, gates, decision, statement, signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from image_harness.design import Design, load_design
from image_harness.errors import HarnessError
from image_harness.image import Image, ImageReference, Transport, open_image
from image_harness.introduction import source_version
from image_harness.report import RunReport
from image_harness.signoff import files
from image_harness.signoff.build_record import BuildRecord, read_pins, read_record
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.checkout import Checkout
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.files import Folder
from image_harness.signoff.gates import Facts, refusals
from image_harness.signoff.keyless import check_keyless, sign_keyless
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.refusal import Allowance, Decision, decide
from image_harness.signoff.registry import digest_of
from image_harness.signoff.reviews import FILE_NAME, Review, read_reviews
from image_harness.signoff.run import Run, run_checks
from image_harness.signoff.sbom import make_sbom
from image_harness.signoff.statement import Material, make_statement
from image_harness.subject import Subject
from image_harness.types import Digest

RECORD: Final = Path(".build/record.json")
PINS: Final = Path("buildx/bases.lock")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be signed off, and how.

    Attributes:
        subject: The repository.
        image: The image; None for the design's own in the engine.
        engine: The container engine, as ``--engine`` takes it.
        out: Where everything is written.
        allowances: Reasons that are let through.
        key: What to sign with, if with a key.
        keyless: Whether to sign with this CI job's identity.
        quiet: Whether to keep silent.
    """

    subject: Subject
    image: str | None
    engine: str
    out: Folder
    allowances: tuple[Allowance, ...] = ()
    key: PrivateKey | None = None
    keyless: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sign-off ended.

    Attributes:
        decision: What the gates came to.
        report: The run.
        digest: The image's manifest; None where it has none.
        signed: Whether there is a signature.
    """

    decision: Decision
    report: RunReport
    digest: Digest | None
    signed: bool


@dataclass(frozen=True, slots=True)
class _Papers:
    """What is on paper about the image, read before the run: nothing that the run writes can change it."""

    source: Checkout
    version: str | None
    record: BuildRecord | None
    pins: Mapping[str, Digest | None]
    review: Review | None
    bases: tuple[str, ...]

    @classmethod
    def read(cls, request: Request, design: Design) -> _Papers:
        subject = request.subject
        return cls(
            source=Checkout.read(subject.root, leaving_out=request.out.path),
            version=source_version(subject.dockerfile),
            record=read_record(subject.root / RECORD),
            pins=read_pins(subject.root / PINS),
            review=read_reviews(subject.design.parent / FILE_NAME).get(design.name),
            bases=(design.dockerfile.builder_base, design.dockerfile.runtime_base),
        )

    def facts(self, run: Run, image: Image) -> Facts:
        return Facts(
            report=run.report,
            exit_code=run.exit_code,
            manifest_digest=image.manifest_digest,
            labels=image.config.labels,
            source=self.source,
            version=self.version,
            record=self.record,
            pins=self.pins,
            review=self.review,
            bases=self.bases,
        )


def sign_off(request: Request, say: Callable[[str], None]) -> Outcome:
    """Run everything, decide, and write what the decision allows to be written.

    Args:
        request: What is to be signed off.
        say: Told what is going on.

    Raises:
        HarnessError: Something is missing, results would stand among the sources, or the run did not come to an end.
    """
    subject, out = request.subject, request.out
    _check_out(out, subject)
    design = load_design(subject.design)
    reference = _from_anywhere(ImageReference.parse(request.image or design.image.reference))
    papers = _Papers.read(request, design)
    if request.keyless:
        check_keyless()
    out.prepare()
    say(f"running every check on {reference}, the slow ones included")
    run = run_checks(
        subject.root, subject.checks, image=str(reference), engine=request.engine, out=out.path, quiet=request.quiet
    )
    say("reading the image as data")
    with open_image(reference, platform=design.image.platform, docker_host=_docker_host(reference, request)) as image:
        digest = image.manifest_digest
        decision = decide(refusals(papers.facts(run, image)), request.allowances)
        out.write(files.SBOM, make_sbom(image, name=_name(reference, design), digest=digest or image.config_digest))
    signed = False
    if decision.may_ship and digest is not None:
        say("writing the statement")
        signed = _write_statement(request, run.report, digest, papers.source.commit, decision)
    out.write_document(files.DECISION, _document(decision, digest, signed=signed))
    return Outcome(decision, run.report, digest, signed)


def _check_out(out: Folder, subject: Subject) -> None:
    """Untracked files among the results are no change of the source, so neither source nor checks may be there."""
    place, checks = out.path.resolve(), subject.checks.resolve()
    held = next((path for path in (subject.root, checks, subject.design) if path.resolve().is_relative_to(place)), None)
    fix = "name a folder of its own with --out"
    if held is not None:
        raise HarnessError(f"results cannot be written there: it holds {held}", where=str(out.path), fix=fix)
    if place.is_relative_to(checks):
        raise HarnessError("results cannot be written there: it is among the checks", where=str(out.path), fix=fix)


def _from_anywhere(reference: ImageReference) -> ImageReference:
    """A reference that means the same in the repository's root, where the checks run."""
    if reference.transport is Transport.DOCKER_DAEMON:
        return reference
    location = str(Path(reference.location).absolute())
    if ":" in location:
        fix = "put the image where no folder has a colon in its name"
        raise HarnessError("a reference has no place for the colon in it", where=location, fix=fix)
    return replace(reference, location=location)


def _docker_host(reference: ImageReference, request: Request) -> str | None:
    if reference.transport is not Transport.DOCKER_DAEMON:
        return None
    from image_harness.engine import Engine  # noqa: PLC0415 - layouts and archives need no engine

    with Engine.connect(request.engine) as engine:
        return engine.url


def _name(reference: ImageReference, design: Design) -> str:
    """What the image is called; a layout's or archive's path says nothing to anybody else."""
    return reference.location if reference.transport is Transport.DOCKER_DAEMON else design.name


def _write_statement(
    request: Request, report: RunReport, digest: Digest, commit: str | None, decision: Decision
) -> bool:
    """Write the statement and, where there is somebody to sign it, the envelope and the bundle."""
    out = request.out
    payload = make_statement(
        report,
        digest=digest,
        commit=commit,
        allowed=decision.allowed,
        materials=[Material(name, digest_of(out.read(name))) for name in (files.REPORT, files.SBOM)],
        now=datetime.now(UTC),
    )
    out.write(files.STATEMENT, payload)
    if request.keyless:
        bundle = sign_keyless(payload)
    elif request.key is not None:
        bundle = Bundle.of_key(Envelope.sign(payload, request.key), request.key.public)
    else:
        return False
    out.write(files.ENVELOPE, bundle.envelope.to_bytes())
    out.write(files.BUNDLE, bundle.data)
    return True


def _document(decision: Decision, digest: Digest | None, *, signed: bool) -> dict[str, object]:
    return {
        "decision": "signed-off" if decision.may_ship else "refused",
        "manifest_digest": str(digest) if digest else None,
        "signed": signed,
        "refused": [{"id": refusal.id, "finding": refusal.text} for refusal in decision.refused],
        "allowed": [
            {"id": item.refusal.id, "finding": item.refusal.text, "reason": item.why} for item in decision.allowed
        ],
    }
