from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from image_harness.diff.compare import compare_images
from image_harness.diff.model import Change, ImageDiff, Kind
from image_harness.image import Image
from image_harness.report.model import CheckOutcome
from tests.image.builder import ImageBuilder, directory
from tests.report.generate import check, report, requirement

Opened = Callable[[ImageBuilder], Image]
STATUS = "var/lib/dpkg/status.d"
SITE = "usr/lib/python3/dist-packages"


def stanza(name: str, version: str, architecture: str = "arm64") -> bytes:
    return f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n".encode()


def distribution(name: str, version: str, site: str = SITE) -> dict[str, Any]:
    folder = f"{site}/{name}-{version}.dist-info"
    return {folder: directory(), f"{folder}/METADATA": f"Name: {name}\nVersion: {version}\n\n".encode()}


def run(**config: object) -> ImageBuilder:
    return ImageBuilder(run=config).layer({"a": b""})


def compared(opened: Opened, old: ImageBuilder, new: ImageBuilder) -> ImageDiff:
    return compare_images(opened(old), opened(new))


def test_the_same_image_does_not_differ(opened: Opened) -> None:
    diff = compared(opened, run(User="1:1"), run(User="1:1"))

    assert diff.is_empty
    assert diff.requirements is None
    assert diff.shared_layers == 1


def test_debian_packages_come_go_and_change(opened: Opened) -> None:
    old = ImageBuilder().layer({f"{STATUS}/libc6": stanza("libc6", "1"), f"{STATUS}/gone": stanza("gone", "1")})
    new = ImageBuilder().layer({f"{STATUS}/libc6": stanza("libc6", "2"), f"{STATUS}/tzdata": stanza("tzdata", "3")})

    assert compared(opened, old, new).debian == (
        Change("gone", "1", None),
        Change("libc6", "1", "2"),
        Change("tzdata", None, "3"),
    )


def test_what_is_there_twice_is_told_apart(opened: Opened) -> None:
    two = {f"{STATUS}/a": stanza("libc6", "1"), f"{STATUS}/b": stanza("libc6", "1", "armhf")}
    changed = {**two, f"{STATUS}/b": stanza("libc6", "2", "armhf")}

    diff = compared(opened, ImageBuilder().layer(two), ImageBuilder().layer(changed))
    assert diff.debian == (Change("libc6 (armhf)", "1", "2"),)


def test_python_packages_are_compared_by_their_canonical_name(opened: Opened) -> None:
    old = ImageBuilder().layer({**distribution("Pydantic_Core", "1.0"), **distribution("six", "1.16")})
    new = ImageBuilder().layer({**distribution("pydantic-core", "1.1"), **distribution("six", "1.16")})

    assert compared(opened, old, new).python == (Change("pydantic-core", "1.0", "1.1"),)


def test_labels_are_compared(opened: Opened) -> None:
    diff = compared(opened, run(Labels={"a": "1", "b": "2"}), run(Labels={"a": "1", "b": "3", "c": ""}))

    assert diff.labels == (Change("b", "2", "3"), Change("c", None, ""))
    assert diff.config == ()


def test_what_has_no_name_of_its_own_and_empty_variables_are_compared_too(opened: Opened) -> None:
    old, new = run(Env=["A=1", "B=2"]), run(Env=["A=", "B=2", "C="], OnBuild=["RUN x"], StopTimeout=0)

    assert compared(opened, old, new).config == (
        Change("OnBuild", None, "['RUN x']"),
        Change("StopTimeout", None, "0"),
        Change("environment A", "1", ""),
        Change("environment C", None, ""),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"User": "65532:65532"}, Change("user", None, "65532:65532")),
        ({"Env": ["A=1"]}, {"Env": ["A=2"]}, Change("environment A", "1", "2")),
        ({"Cmd": ["a"]}, {"Cmd": ["a", "b c"]}, Change("command", "['a']", "['a', 'b c']")),
        ({"Entrypoint": ["a"]}, {}, Change("entrypoint", "['a']", None)),
        ({"ExposedPorts": {"1/tcp": {}}}, {"ExposedPorts": {"2/tcp": {}}}, Change("ports", "1/tcp", "2/tcp")),
        ({"WorkingDir": "/app"}, {"WorkingDir": "/"}, Change("working directory", "/app", "/")),
        ({"Volumes": {"/data": {}}}, {}, Change("volumes", "/data", None)),
        ({"StopSignal": "SIGTERM"}, {"StopSignal": "SIGINT"}, Change("stop signal", "SIGTERM", "SIGINT")),
        (
            {"Healthcheck": {"Test": ["CMD", "a"], "Interval": 30_000_000_000}},
            {"Healthcheck": {"Test": ["CMD", "a"], "Interval": 10_000_000_000}},
            Change("health check interval", "0:00:30", "0:00:10"),
        ),
        (
            {"Healthcheck": {"Test": ["CMD", "a"]}},
            {"Healthcheck": {"Test": ["NONE"]}},
            Change("health check", "['CMD', 'a']", "['NONE']"),
        ),
    ],
)
def test_the_configuration_is_compared(
    old: dict[str, Any], new: dict[str, Any], expected: Change, opened: Opened
) -> None:
    assert compared(opened, run(**old), run(**new)).config == (expected,)


def test_requirements_are_compared_where_both_reports_are_known(opened: Opened) -> None:
    image = opened(run())
    before = report(requirement("one", check("a")), requirement("two", check("b")), requirement("gone", check("c")))
    failed = check("b", CheckOutcome.FAILED, message="no")
    after = report(requirement("one", check("a")), requirement("two", failed), requirement("new", check("c")))

    diff = compare_images(image, image, reports=(before, after))
    assert diff.requirements == (
        Change("gone", "met", None),
        Change("new", None, "met"),
        Change("two", "met", "not-met"),
    )
    assert not diff.is_empty
    assert compare_images(image, image, reports=(before, before)).is_empty


def test_a_layer_that_is_there_twice_counts_twice(opened: Opened) -> None:
    build = ImageBuilder().layer({}).layer({"a": b""}).layer({})

    assert compared(opened, build, build).shared_layers == 3


def test_a_change_tells_its_kind() -> None:
    assert [Change("a", old, new).kind for old, new in (("1", "2"), (None, "2"), ("1", None))] == [
        Kind.CHANGED,
        Kind.ADDED,
        Kind.REMOVED,
    ]
