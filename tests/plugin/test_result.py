"""From a run's records to its report, and the lines that open the run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import image_harness
from image_harness.design import load_design
from image_harness.image import Image, ImageReference
from image_harness.plugin.options import BuildPolicy, Options
from image_harness.plugin.result import assemble, header_lines
from image_harness.plugin.session import HarnessSession
from image_harness.plugin.verdicts import Record, Recorder
from image_harness.report.model import BasesFacts, BaseUse, CheckOutcome, CheckResult, LayerFacts, RunReport
from image_harness.subject import Subject
from image_harness.types import Digest, Platform, Status
from tests.image.builder import ImageBuilder, Node, directory, open_built, sha256

ROOT = Path(__file__).parents[2]
DESIGN = load_design(ROOT / "designs" / "rdp-monitor.yaml")
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFERENCE = "oci:somewhere"
BOTH, FIRST = "user.config", "stages.two"
PACKAGE = b"Package: a\nVersion: 1\nArchitecture: arm64\nMaintainer: b <b@example.org>\nDescription: c\n"
SITE = DESIGN.site_packages.path.lstrip("/")
BUILT = (
    ImageBuilder()
    .layer({"var/lib/dpkg/status.d/a": PACKAGE, f"{SITE}/b-1.dist-info": directory()}, "FIRST")
    .layer({f"{SITE}/b-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: b\nVersion: 1\n"}, "SECOND")
)


@pytest.fixture
def session() -> HarnessSession:
    subject = Subject(ROOT, ROOT / "designs" / "rdp-monitor.yaml", ROOT / "image_tests")
    options = Options(REFERENCE, BuildPolicy.NEVER, None, None, without_dockerfile=True, engine="docker", report=None)
    made = HarnessSession(subject, options, "source or image")
    vars(made).update(design=DESIGN, reference=ImageReference.parse(REFERENCE))
    return made


@pytest.fixture
def image(session: HarnessSession, tmp_path: Path) -> Iterator[Image]:
    with open_built(BUILT, tmp_path) as found:
        vars(session)["image"] = found
        yield found


@pytest.fixture
def engine(session: HarnessSession) -> None:
    vars(session)["engine"] = SimpleNamespace(
        facts=SimpleNamespace(name="docker", version="26.1"), emulates=lambda platform: platform == Platform.LINUX_ARM64
    )


def made(session: HarnessSession, recorder: Recorder | None = None) -> RunReport:
    return assemble(session, recorder or Recorder(), started=STARTED, seconds=1.5)


def test_a_run_that_looks_at_sources_alone_opens_with_the_design(session: HarnessSession) -> None:
    assert header_lines(session, with_image=False, with_engine=False) == [
        f"design: rdp-monitor, {len(DESIGN.catalogue)} requirements ({DESIGN.digest})"
    ]


@pytest.mark.usefixtures("engine")
def test_a_run_opens_with_what_it_looks_at(session: HarnessSession, image: Image) -> None:
    assert header_lines(session, with_image=True, with_engine=True)[1:] == [
        f"image: {REFERENCE}, linux/arm64, 0 MB in 2 layers",
        f"manifest: {sha256(BUILT.manifest)}",
        "bases: unknown (the image carries no provenance)",
        "engine: docker 26.1, emulated",
    ]
    assert image.size < 500_000


def test_the_size_of_an_image_is_told_in_megabytes(session: HarnessSession) -> None:
    config = SimpleNamespace(platform=Platform.LINUX_ARM64)
    vars(session)["image"] = SimpleNamespace(
        size=149_600_000,
        layers=(1,),
        config=config,
        manifest_digest=None,
        manifest_absence="none: exported",
        history=(),
        attestations=(),
    )
    assert header_lines(session, with_image=True, with_engine=False)[1:3] == [
        f"image: {REFERENCE}, linux/arm64, 150 MB in 1 layers",
        "manifest: none: exported",
    ]


def test_a_run_on_its_own_architecture_says_so(session: HarnessSession) -> None:
    facts = SimpleNamespace(name="podman", version="5")
    vars(session)["engine"] = SimpleNamespace(facts=facts, emulates=lambda _: False)
    assert header_lines(session, with_image=False, with_engine=True)[1] == "engine: podman 5, native"


def test_a_run_that_used_neither_image_nor_engine_claims_neither(session: HarnessSession) -> None:
    report = made(session)
    assert (report.image.reference, report.image.platform) == (REFERENCE, Platform.LINUX_ARM64)
    assert (report.image.config_digest, report.image.layers, report.image.packages) == (None, (), None)
    assert (report.run.engine, report.run.emulated, report.run.boot) == (None, None, None)
    assert report.run.bases == BasesFacts(BaseUse.UNKNOWN, reason="this run did not look at the image")


def test_the_report_names_run_and_design(session: HarnessSession) -> None:
    report = made(session)
    assert (report.run.started, report.run.duration) == (STARTED, timedelta(seconds=1.5))
    assert (report.run.harness, report.run.selection) == (image_harness.__version__, "source or image")
    assert (report.design.name, report.design.digest) == ("rdp-monitor", DESIGN.digest)
    assert report.design.documents == DESIGN.documents
    assert [(line.place, line.text, line.requirements) for line in report.design.lines] == [
        (line.place, line.text, line.requirements) for line in DESIGN.traced_lines
    ]


@pytest.mark.usefixtures("engine")
def test_the_report_names_the_engine_and_the_boot(session: HarnessSession) -> None:
    vars(session)["running"] = SimpleNamespace(boot=timedelta(seconds=7))
    run = made(session).run
    assert (run.engine, run.emulated, run.boot) == ("docker 26.1", True, timedelta(seconds=7))


def test_the_report_names_the_image_and_what_is_in_it(session: HarnessSession, image: Image) -> None:
    facts = made(session).image
    assert (facts.manifest_digest, facts.config_digest) == (
        Digest(sha256(BUILT.manifest)),
        Digest(sha256(BUILT.config)),
    )
    assert facts.layers == tuple(
        LayerFacts(Digest(sha256(blob)), len(blob), len(layer), created_by)
        for blob, layer, created_by in zip(BUILT.blobs, BUILT.layers, ("FIRST", "SECOND"), strict=True)
    )
    assert (facts.reference, facts.platform, facts.manifest_absence) == (REFERENCE, image.config.platform, "")
    assert facts.packages == 2
    assert made(session).run.bases == BasesFacts(BaseUse.UNKNOWN, reason="the image carries no provenance")


def test_packages_that_cannot_be_read_are_not_counted(session: HarnessSession, tmp_path: Path) -> None:
    loop = ImageBuilder().layer({"var/lib/dpkg/status": Node(b"no stanza\n")})
    with open_built(loop, tmp_path) as found:
        vars(session)["image"] = found
        assert made(session).image.packages is None


def recorded() -> Recorder:
    recorder = Recorder()
    recorder.collect("t.py::a", [BOTH])
    recorder.collect("t.py::b", [BOTH, FIRST])
    recorder.collect("t.py::c", [BOTH])
    recorder.collect("t.py::d", ["labels.created-is-a-time"])
    recorder.records["t.py::a"] = Record("t.py::a", (BOTH,), CheckOutcome.PASSED, 0.5, "", ("1 == 1",), starts=1)
    recorder.records["t.py::b"] = Record("t.py::b", (BOTH, FIRST), CheckOutcome.FAILED, 1.0, "0 == 1", starts=3)
    return recorder


def test_every_requirement_has_the_results_of_its_checks(session: HarnessSession) -> None:
    found = {result.facts.id: result for result in made(session, recorded()).requirements}
    lost = CheckResult("t.py::b", CheckOutcome.FAILED, timedelta(seconds=1), "0 == 1", (), 2)
    held = CheckResult("t.py::a", CheckOutcome.PASSED, timedelta(seconds=0.5), "", ("1 == 1",), 0)
    assert (found[BOTH].checks, found[BOTH].deselected, found[BOTH].status) == ((held, lost), 1, Status.NOT_MET)
    assert (found[FIRST].checks, found[FIRST].deselected) == ((lost,), 0)


def test_a_requirement_of_which_nothing_was_selected_was_not_selected(session: HarnessSession) -> None:
    report = made(session, recorded())
    others = [result for result in report.requirements if result.facts.id not in (BOTH, FIRST)]
    assert {(result.selected, result.deselected, result.status) for result in others} == {
        (False, 0, Status.NOT_SELECTED)
    }


def test_the_report_has_what_the_design_says_of_each_requirement(session: HarnessSession) -> None:
    report = made(session)
    assert len(report.requirements) == len(DESIGN.catalogue)
    for result, requirement in zip(report.requirements, DESIGN.catalogue, strict=True):
        facts = result.facts
        assert (facts.id, facts.title, facts.text) == (requirement.id, requirement.title, requirement.text)
        assert (facts.section, facts.source) == (DESIGN.section_title(requirement), requirement.source)
        assert (facts.evidence, facts.origin) == (requirement.evidence, requirement.origin)
        assert facts.release is requirement.release


def test_a_check_without_an_outcome_did_not_run(session: HarnessSession) -> None:
    recorder = Recorder()
    recorder.select("t.py::a", [FIRST])
    recorder.records["t.py::a"].message = "left from the try before"
    found = next(result for result in made(session, recorder).requirements if result.facts.id == FIRST)
    assert found.checks == (CheckResult("t.py::a", CheckOutcome.ERROR, timedelta(), "the check did not run"),)
    assert found.status is Status.UNPROVEN
