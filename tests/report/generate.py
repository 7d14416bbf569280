"""A plausible report of a whole run, made up, for the tests of everything that renders one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from image_harness.report.model import (
    BaseImage,
    BasesFacts,
    BaseUse,
    CheckOutcome,
    CheckResult,
    DesignFacts,
    ImageFacts,
    LayerFacts,
    LineFacts,
    RequirementFacts,
    RequirementResult,
    RunFacts,
    RunReport,
)
from image_harness.types import Digest, Evidence, Origin, Platform

SECTIONS = {
    "Architecture Foundation": 8,
    "Build Arguments": 12,
    "Builder Stage Pattern": 34,
    "Runtime Stage Pattern": 41,
    "Security Practices": 14,
    "Health Check Pattern": 13,
    "Entrypoint Pattern": 17,
    "Module Organization": 11,
    "Configuration Management": 12,
    "Error Handling": 9,
    "Package Management": 8,
    "Deployment": 16,
    "Image Integrity": 26,
}
"""Headings and how many requirements stand under each: 221."""


def digest(seed: object) -> Digest:
    """A digest that depends on the seed alone."""
    return Digest("sha256:" + hashlib.sha256(repr(seed).encode()).hexdigest())


def check(
    name: str,
    outcome: CheckOutcome = CheckOutcome.PASSED,
    *,
    message: str = "",
    evidence: tuple[str, ...] = (),
    retries: int = 0,
) -> CheckResult:
    """A check of a made-up module."""
    return CheckResult(
        f"image_tests/test_made_up.py::{name}", outcome, timedelta(milliseconds=12), message, evidence, retries
    )


def requirement(
    id_: str = "made.up",
    *checks: CheckResult,
    section: str = "Security Practices",
    text: str = "The image runs as the user of the design.",
    title: str = "A made-up requirement",
    evidence: Evidence = Evidence.IMAGE,
    origin: Origin = Origin.REPORT,
    selected: bool = True,
    deselected: int = 0,
) -> RequirementResult:
    """A requirement with the results of its checks."""
    facts = RequirementFacts(id_, section, title, text, evidence, origin, "dockerfile-design.md, section 5")
    return RequirementResult(facts, checks, selected, deselected)


def report(
    *requirements: RequirementResult, reference: str = "docker-daemon:pickme/lucid-rdp-monitor:latest-arm64"
) -> RunReport:
    """A report on an image of five layers."""
    layers = tuple(
        LayerFacts(digest(instruction), stored, unpacked, instruction) for instruction, stored, unpacked in LAYERS
    )
    return RunReport(
        image=ImageFacts(reference, Platform.LINUX_ARM64, digest("manifest"), digest("config"), layers),
        design=DesignFacts(
            "rdp-monitor",
            digest("design"),
            ("rdp-monitor-compliance-report.md", "family-design.md"),
            tuple(
                LineFacts(result.facts.source, result.facts.text, (result.facts.id,))
                for result in requirements
                if result.facts.origin is not Origin.BEYOND
            ),
        ),
        run=RunFacts(
            started=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
            duration=timedelta(seconds=37.25),
            harness="0.1.0",
            engine="Docker 29.1.3",
            emulated=True,
            bases=BasesFacts(
                BaseUse.STAND_IN,
                (
                    BaseImage("python:3.11-slim-bookworm", digest("builder")),
                    BaseImage("gcr.io/distroless/python3-debian12:latest", digest("runtime")),
                ),
                "no container registry within reach",
            ),
        ),
        requirements=requirements,
    )


LAYERS = (
    ("bazel build //base:static", 752_000, 1_900_544),
    ("bazel build //python3", 18_900_100, 54_280_192),
    (
        "COPY --chown=65532:65532 /root/.local/lib/python3.11/site-packages /usr/local/lib/python3.11/site-packages",
        13_204_551,
        48_105_984,
    ),
    ("COPY --chown=65532:65532 /root/.local/bin /usr/local/bin", 2_048, 9_728),
    ("COPY --chown=65532:65532 /build/resource_monitor /app/resource_monitor", 41_200, 176_128),
)


def whole_report() -> RunReport:
    """Every status, every kind of evidence, every origin; 221 requirements in thirteen sections."""
    return report(*_requirements())


def good_report() -> RunReport:
    """The same requirements, every one of them met."""
    results = (
        RequirementResult(result.facts, (check(result.facts.id, evidence=(_evidence(number),)),))
        for number, result in enumerate(_requirements())
    )
    return report(*results)


def _requirements() -> Iterator[RequirementResult]:
    number = 0
    for section, size in SECTIONS.items():
        prefix = section.split()[0].lower()
        for index in range(size):
            number += 1
            yield _requirement(number, f"{prefix}.item-{index + 1}", section)


def _requirement(number: int, id_: str, section: str) -> RequirementResult:
    origin = {"Deployment": Origin.FAMILY, "Image Integrity": Origin.BEYOND}.get(section, Origin.REPORT)
    facts = RequirementFacts(
        id=id_,
        section=section,
        title=f"Item {number} of the design",
        text=f"The file /app/resource_monitor/part_{number}.py exists, is not empty and belongs to 65532:65532.",
        evidence=tuple(Evidence)[number % 3],
        origin=origin,
        source=f"rdp-monitor-compliance-report.md, {section}",
        release=number % 50 == 0,
    )
    if number % 41 == 0 or facts.release:
        return RequirementResult(facts, selected=False)
    return RequirementResult(facts, _checks(number, id_))


def _checks(number: int, id_: str) -> tuple[CheckResult, ...]:
    name = f"test_{id_.replace('.', '_').replace('-', '_')}"
    if number % 37 == 0:
        message = (
            f"assert Entry('/app/resource_monitor/part_{number}.py', 0o644, 0:0, layer 4) is owned by 65532:65532\n"
            "  found: 0:0\n  expected: 65532:65532"
        )
        return (check(name, CheckOutcome.FAILED, message=message),)
    if number % 53 == 0:
        return (check(name, CheckOutcome.ERROR, message="EngineError: the engine did not answer within 10 s"),)
    if number % 67 == 0:
        return (check(name, evidence=(_evidence(number),), retries=1),)
    return (check(name, evidence=(_evidence(number), "65532 == 65532")), check(f"{name}_content"))[: 1 + number % 2]


def _evidence(number: int) -> str:
    entry = (
        f"Entry('/app/resource_monitor/part_{number}.py', 0o644, 65532:65532, layer 4: COPY --chown=65532:65532 /build)"
    )
    return f"{entry}.uid == 65532"


HOSTILE = (
    "<script>window.intruded = 1</script>",
    "\"><img src=x onerror='window.intruded = 1'>",
    "</style></title></pre><svg onload='window.intruded = 1'>",
    "' autofocus onfocus='window.intruded = 1",
    "[a link](javascript:alert(1)) <http://intruder.example/> http://intruder.example www.intruder.example",
    "![a picture](http://intruder.example/x.png)",
    "\n\n# A heading\n\n- a list\n\n| a | b |\n|---|---|\n",
    "| one | more | cell |",
    "```\nfence```` `x` ``",
    "one\n``````\n# A heading\n<b>bold</b>",
    "`",
    "\\",
    "\\[a link\\](http://intruder.example) \\<b\\> \\| cell \\`x\\`",
    "{{ 7 * 7 }} {% raw %} ${7}",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x00\x85",
    "\u202egnp.exe \udc80\udcff \ufffe",
    "]]> &amp; &lt; <!-- -->",
    "x" * 3000,
)
"""What an image may hold, or a check may say, to break out of a report."""


def hostile_report() -> RunReport:
    """A report whose every text is hostile."""
    results = (_hostile(number, text) for number, text in enumerate(HOSTILE * 3))
    made = report(*results, reference="docker-daemon:" + HOSTILE[0] + HOSTILE[1])
    run = replace(made.run, engine=HOSTILE[0], selection=HOSTILE[8], harness=HOSTILE[2])
    layers = tuple(replace(layer, created_by=text) for layer, text in zip(made.image.layers, HOSTILE, strict=False))
    image = replace(made.image, layers=layers)
    design = replace(made.design, name=HOSTILE[1], documents=HOSTILE)
    return replace(made, run=run, image=image, design=design)


def _hostile(number: int, text: str) -> RequirementResult:
    outcome = (CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.ERROR)[number // len(HOSTILE)]
    facts = RequirementFacts(f"{number} {text}", text, text, text, Evidence.IMAGE, Origin.BEYOND, text)
    return RequirementResult(facts, (CheckResult(f"{number} {text}", outcome, message=text, evidence=(text, text)),))


def small_report() -> RunReport:
    """One requirement of every fate, on an image of two layers; all that a report can say is in it."""
    made = report(
        requirement("user.config", check("user", evidence=("'65532' == '65532'", "65532 == 65532"))),
        requirement(
            "labels.title",
            check("title[a]", CheckOutcome.FAILED, message="assert 'RDP' == 'Lucid RDP'\n  found: RDP", retries=2),
            check("both"),
            title="Label title",
            section="Labels",
            origin=Origin.FAMILY,
        ),
        requirement(
            "labels.version",
            check("both"),
            check("version", CheckOutcome.ERROR, message="EngineError: the engine did not answer"),
            title="Label version",
            section="Labels",
            evidence=Evidence.RUNTIME,
            origin=Origin.BEYOND,
        ),
        requirement("health.status", check("health", retries=1), title="Health", evidence=Evidence.RUNTIME),
        requirement("health.stop", check("stop"), title="Stop", evidence=Evidence.RUNTIME, deselected=1),
        requirement("release.bases", title="Bases", evidence=Evidence.SOURCE, selected=False),
    )
    image = replace(made.image, layers=made.image.layers[:2], packages=37)
    run = replace(made.run, selection="not release", boot=timedelta(seconds=6.75))
    return replace(made, image=image, run=run)
