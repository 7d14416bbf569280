"""Sign-offs of a small repository whose run is made up: what is decided, what is written, what is signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from image_harness.design import load_design
from image_harness.errors import HarnessError
from image_harness.report import write_reports
from image_harness.report.model import BasesFacts, BaseUse, DesignFacts, RunReport
from image_harness.signoff import files, procedure
from image_harness.signoff.claims import read_claims
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.policy import Policy
from image_harness.signoff.procedure import Outcome, sign_off
from image_harness.signoff.referrers import Attached
from image_harness.signoff.run import Run
from image_harness.signoff.verify import Trust, verify
from image_harness.types import Digest
from tests.report.generate import check, digest, report, requirement
from tests.signoff.made import git
from tests.signoff.small import BASES, UPSTREAM, Small, make_small, pins


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return make_small(tmp_path)


@pytest.fixture
def signed_off(small: Small, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Sign the small repository's image off, with a run in which every requirement of its design is met."""
    design = load_design(small.subject.design)

    def made_report(reference: str) -> RunReport:
        made = report(*(requirement(item.id, check(item.id)) for item in design.catalogue), reference=reference)
        index = json.loads((small.root / ".build/image/index.json").read_text())
        name = index["manifests"][0]["digest"].removeprefix("sha256:")
        inner = json.loads((small.root / ".build/image/blobs/sha256" / name).read_text())
        return replace(
            made,
            design=DesignFacts(design.name, design.digest),
            run=replace(made.run, bases=small.bases),
            image=replace(made.image, manifest_digest=Digest(inner["manifests"][0]["digest"])),
        )

    def run_checks(root: Path, checks: Path, *, image: str, engine: str, out: Path, quiet: bool) -> Run:
        assert (root, checks, engine, quiet) == (small.root, small.root / "checks", "docker", False)
        made = made_report(image)
        write_reports(made, out)
        return Run(made, 0)

    monkeypatch.setattr(procedure, "run_checks", run_checks)

    def start(key: PrivateKey | None, *allow: str) -> Outcome:
        return sign_off(small.request(key, *allow), lambda _: None)

    return start


def document(small: Small, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((small.out / name).read_text())


def test_a_good_image_is_signed_off(small: Small, signed_off: Callable[..., Outcome], key: PrivateKey) -> None:
    outcome = signed_off(key)

    assert [str(refusal) for refusal in outcome.decision.refused] == []
    assert outcome.signed
    envelope = Envelope.parse((small.out / files.ENVELOPE).read_bytes(), "here")
    assert envelope.payload == (small.out / files.STATEMENT).read_bytes()
    design = load_design(small.subject.design)
    assert outcome.digest is not None
    found = [Attached("here", envelope)]
    verified = verify(
        outcome.digest, found, Trust((key.public,)), Policy(allow=()), design=design, now=datetime.now(UTC)
    )
    assert verified.claims.predicate.result == "PASSED"


def test_an_image_is_the_same_wherever_its_checks_run(
    small: Small, signed_off: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = small.request(None)
    monkeypatch.setattr(small, "request", lambda _: replace(request, image="oci:image"))
    monkeypatch.chdir(small.root / ".build")

    assert signed_off(None).report.image.reference == f"oci:{small.root}/.build/image"


def test_a_path_that_no_reference_can_name_is_told(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a:b").mkdir()
    monkeypatch.chdir(tmp_path / "a:b")

    with pytest.raises(HarnessError, match="a:b/image: a reference has no place for the colon in it"):
        sign_off(replace(small.request(None), image="oci:image"), lambda _: None)


def test_the_statement_names_what_was_written_beside_it(
    small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    signed_off(key)

    named = {item["name"]: item["digest"] for item in document(small, files.STATEMENT)["predicate"]["configuration"]}
    for name in (files.REPORT, files.SBOM):
        assert named[name] == {"sha256": hashlib.sha256((small.out / name).read_bytes()).hexdigest()}
    assert named["source"] == {"gitCommit": git(small.root, "rev-parse", "HEAD")}


def test_a_refused_image_gets_reports_and_reasons_but_no_statement(
    small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    signed_off(key)
    small.bases = BasesFacts(BaseUse.STAND_IN, reason="stand-in for base:1")

    outcome = signed_off(key)

    assert [refusal.id for refusal in outcome.decision.refused] == ["bases.stand-in"]
    decision = document(small, files.DECISION)
    assert decision["decision"] == "refused"
    assert decision["refused"][0]["id"] == "bases.stand-in"
    assert not outcome.signed
    assert sorted(file.name for file in small.out.iterdir()) == [
        "junit.xml",
        "report.html",
        "report.json",
        "report.md",
        "sbom.cdx.json",
        "sign-off.json",
    ]


def test_what_is_allowed_is_let_through_and_written_down(
    small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    small.bases = BasesFacts(BaseUse.STAND_IN, reason="stand-in for base:1")

    outcome = signed_off(key, "bases.stand-in=no registry in reach", "source.dirty=just in case")

    assert outcome.signed
    assert [allowance.id for allowance in outcome.decision.unused] == ["source.dirty"]
    claims = read_claims((small.out / files.STATEMENT).read_bytes(), "here")
    assert claims.predicate.result == "WARNED"
    (allowed,) = claims.predicate.sign_off.allowed
    assert (allowed.id, allowed.reason) == ("bases.stand-in", "no registry in reach")


def test_without_a_key_the_statement_is_written_and_not_signed(
    small: Small, signed_off: Callable[..., Outcome]
) -> None:
    outcome = signed_off(None)

    assert outcome.decision.may_ship
    assert not outcome.signed
    assert (small.out / files.STATEMENT).exists()
    assert not (small.out / files.ENVELOPE).exists()
    assert document(small, files.DECISION)["signed"] is False


def edit_the_source(small: Small) -> None:
    (small.root / "Dockerfile").write_text("FROM other:1\nARG VERSION=1.0.0\n")


def commit_after_the_build(small: Small) -> None:
    edit_the_source(small)
    small.commit()


def build_from_an_edited_source(small: Small) -> None:
    edit_the_source(small)
    small.build()
    git(small.root, "checkout", "-q", "Dockerfile")


def release_another_version(small: Small) -> None:
    small.build(version="2.0.0")


def edit_the_design(small: Small) -> None:
    with (small.root / "designs/family.yaml").open("a") as file:
        file.write("# a thought\n")
    small.commit()
    small.build()


def pin_another_base(small: Small) -> None:
    (small.root / "buildx/bases.lock").write_text(pins(digest("new")))
    small.commit()
    small.build()


def build_on_one_base_alone(small: Small) -> None:
    small.bases = BasesFacts(BaseUse.UPSTREAM, UPSTREAM.images[:1])


def forget_the_build(small: Small) -> None:
    (small.root / ".build/record.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (edit_the_source, ["source.dirty"]),
        (commit_after_the_build, ["build.dirty", "label.revision"]),
        (build_from_an_edited_source, ["build.dirty"]),
        (release_another_version, ["label.version"]),
        (pin_another_base, [f"bases.other:{name}" for name in BASES]),
        (build_on_one_base_alone, [f"bases.unseen:{BASES[1]}"]),
        (forget_the_build, ["build.unrecorded"]),
    ],
)
def test_each_way_in_which_image_and_source_part_is_refused(
    spoil: Callable[[Small], None],
    expected: list[str],
    small: Small,
    signed_off: Callable[..., Outcome],
    key: PrivateKey,
) -> None:
    spoil(small)

    assert [refusal.id for refusal in signed_off(key).decision.refused] == expected


def test_a_design_that_was_edited_after_its_review_is_refused(
    small: Small, request: pytest.FixtureRequest, key: PrivateKey
) -> None:
    edit_the_design(small)
    start = request.getfixturevalue("signed_off")

    assert [refusal.id for refusal in start(key).decision.refused] == ["design.changed"]


@pytest.mark.parametrize("out", [".", "..", "checks", "checks/out", "designs"])
def test_results_are_not_written_among_checks_and_design(
    out: str, small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    (small.root / "checks/test_more.py").write_text("def test_more(): pass\n")
    small.out = small.root / out

    with pytest.raises(HarnessError, match=r"results cannot be written there: .*; name a folder of its own with --out"):
        signed_off(key)


def test_results_may_be_written_into_a_folder_of_the_checkout(
    small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    small.out = small.root / "reports"
    signed_off(key)

    assert [refusal.id for refusal in signed_off(key).decision.refused] == []


def test_a_folder_that_cannot_be_written_to_ends_it_before_the_run(
    small: Small, signed_off: Callable[..., Outcome], key: PrivateKey
) -> None:
    small.out.write_text("a file")

    with pytest.raises(HarnessError, match="cannot be written to: File exists; name another folder with --out"):
        signed_off(key)


def test_without_an_identity_a_keyless_sign_off_ends_before_the_run(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(HarnessError, match="nobody vouches for an identity here"):
        sign_off(replace(small.request(None), keyless=True), lambda _: None)
    assert not small.out.exists()
