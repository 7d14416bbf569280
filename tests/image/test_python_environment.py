"""Requirements and wheels are judged for the image's own interpreter, not for the one that runs the checks."""

from __future__ import annotations

import pytest

from image_harness.image import ImageError
from image_harness.image.python_distributions import Distribution
from image_harness.image.python_environment import (
    PythonEnvironment,
    UnmetRequirement,
    python_environment,
    unmet_requirements,
)
from image_harness.types import Platform
from tests.image.builder import Open

SITE = "/usr/local/lib/python3.11/site-packages"
ENVIRONMENT = PythonEnvironment("3.11.2", "aarch64")


def _distribution(name: str, version: str, *requires: str, python: str | None = None) -> Distribution:
    return Distribution(name, version, f"/{name}.dist-info", requires, python, (), (), ())


@pytest.mark.parametrize(
    ("requirement", "found"),
    [
        ("absent", None),
        ("Other_Name>=3", "2.5"),
        ("other-name==2.5.dev1", "2.5"),
        ("other.name<2.5", "2.5"),
        ("absent; python_version >= '3.11'", None),
        ("absent; python_full_version < '3.11.3'", None),
        ("absent; platform_machine == 'aarch64' and sys_platform == 'linux'", None),
    ],
)
def test_a_requirement_that_nothing_satisfies_is_told(requirement: str, found: str | None) -> None:
    installed = [_distribution("app", "1", requirement), _distribution("other-name", "2.5")]
    assert unmet_requirements(installed, ENVIRONMENT) == (UnmetRequirement("app", requirement, found),)


@pytest.mark.parametrize(
    "requirement",
    [
        "Other_Name",
        "other.name>=2,<3",
        "other-name[extra]>=2.5",
        "pre>=1.0a1",
        "pre",
        "pre<2",
        "absent; extra == 'x'",
        "absent; python_version < '3.11'",
        "absent; python_full_version >= '3.11.3'",
        "absent; platform_machine == 'x86_64'",
        "absent; sys_platform == 'win32'",
        "absent; implementation_name == 'pypy'",
    ],
)
def test_a_requirement_that_is_satisfied_or_does_not_apply_is_not_told(requirement: str) -> None:
    installed = [
        _distribution("app", "1", requirement),
        _distribution("other-name", "2.5"),
        _distribution("pre", "1b1"),
    ]
    assert unmet_requirements(installed, ENVIRONMENT) == ()


@pytest.mark.parametrize(
    "requirement", ["not a requirement!", "a; sys_platform ~= 'x'", "a; unknown_marker == 'x'", "\x00 b>=1", "b\n>=x"]
)
def test_a_malformed_requirement_is_told(requirement: str) -> None:
    with pytest.raises(ImageError, match=r"/app.dist-info: requires") as caught:
        unmet_requirements([_distribution("app", "1", requirement)], ENVIRONMENT)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("python", "takes"), [(">=3.8", True), (">=3.11.2,<4", True), ("<3.11", False), (">3.12", False)]
)
def test_a_distribution_for_other_interpreters_is_told(python: str, takes: bool) -> None:
    unmet = unmet_requirements([_distribution("app", "1", python=python), _distribution("b", "1")], ENVIRONMENT)
    assert unmet == (() if takes else (UnmetRequirement("app", f"Python {python}", "3.11.2"),))


def test_an_interpreter_that_is_a_candidate_counts_as_its_version() -> None:
    installed = [_distribution("app", "1", python=">=3.8")]
    assert unmet_requirements(installed, PythonEnvironment("3.14.0rc1", "aarch64")) == ()


def test_what_follows_a_requirement_that_does_not_apply_is_looked_at() -> None:
    installed = [_distribution("app", "1", "absent; extra == 'x'", "other")]
    assert unmet_requirements(installed, ENVIRONMENT) == (UnmetRequirement("app", "other", None),)


def test_a_requirement_that_asks_for_what_no_environment_tells_is_refused() -> None:
    with pytest.raises(ImageError, match=r"^/app.dist-info: requires a; \"x\" in extras: "):
        unmet_requirements([_distribution("app", "1", "a; 'x' in extras")], ENVIRONMENT)


def test_a_malformed_wish_for_an_interpreter_is_told() -> None:
    with pytest.raises(ImageError, match=r"^/app.dist-info: Requires-Python: Invalid specifier: 'three'$"):
        unmet_requirements([_distribution("app", "1", python="three")], ENVIRONMENT)


def test_a_version_that_is_none_is_told() -> None:
    with pytest.raises(ImageError, match="Invalid version: 'one'"):
        unmet_requirements([_distribution("app", "1", "b>=1"), _distribution("b", "one")], ENVIRONMENT)


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", False),
        ("py311-none-any", True),
        ("py312-none-any", False),
        ("cp311-none-any", True),
        ("cp310-none-any", False),
        ("py3-none-manylinux_2_17_aarch64", True),
        ("py3-none-manylinux_2_17_x86_64", False),
        ("cp311-cp311-linux_aarch64", True),
        ("cp311-cp311-manylinux_2_17_aarch64", True),
        ("cp311-cp311-manylinux2014_aarch64", True),
        ("cp36-abi3-manylinux_2_17_aarch64", True),
        ("cp311-cp311-manylinux_2_38_aarch64", False),
        ("cp311-cp311-manylinux_2_17_x86_64", False),
        ("cp311-cp311-musllinux_1_2_aarch64", False),
        ("cp312-cp312-manylinux_2_17_aarch64", False),
        ("cp312-abi3-manylinux_2_17_aarch64", False),
        ("nonsense", False),
    ],
)
def test_a_wheel_fits_by_version_abi_machine_and_glibc(tag: str, fits: bool) -> None:
    assert ENVIRONMENT.wheel_fits(tag, glibc_minor=36) is fits


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp313-cp313-manylinux_2_36_aarch64", True),
        ("cp313-cp313-manylinux_2_37_aarch64", False),
        ("cp313-cp313-manylinux_2_5_aarch64", True),
        ("cp313-cp313-manylinux_2_4_aarch64", False),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp311-abi3-manylinux_2_17_aarch64", True),
        ("py313-none-any", True),
        ("cp313-none-any", True),
        ("cp311-none-any", False),
    ],
)
def test_a_wheel_fits_the_interpreter_of_the_image_and_not_this_one(tag: str, fits: bool) -> None:
    assert PythonEnvironment("3.13.1", "aarch64").wheel_fits(tag, glibc_minor=36) is fits


def test_an_old_name_of_a_platform_is_that_of_its_glibc() -> None:
    tag = "cp311-cp311-manylinux2014_aarch64"
    assert [ENVIRONMENT.wheel_fits(tag, glibc_minor=minor) for minor in (16, 17)] == [False, True]


class TestEnvironment:
    STANZA = b"Package: python3.11-minimal\nVersion: 3.11.2-6+deb12u6\nArchitecture: arm64\n"

    def test_the_version_is_that_of_the_debian_package(self, open_layers: Open) -> None:
        fs = open_layers({"var/lib/dpkg/status.d/python3.11-minimal": self.STANZA})
        environment = python_environment(fs, SITE, Platform.LINUX_ARM64)
        assert environment == PythonEnvironment("3.11.2", "aarch64")
        assert environment.markers["python_version"] == "3.11"

    def test_a_candidate_is_named_as_python_names_it(self, open_layers: Open) -> None:
        stanza = self.STANZA.replace(b"3.11.2-6+deb12u6", b"3.11.2~rc1-1")
        fs = open_layers({"var/lib/dpkg/status.d/python3.11-minimal": stanza})
        environment = python_environment(fs, SITE, Platform.LINUX_ARM64)
        assert environment == PythonEnvironment("3.11.2rc1", "aarch64")
        assert unmet_requirements([_distribution("a", "1", python=">=3.8,<3.12")], environment) == ()

    def test_the_machine_of_a_platform_is_as_wheels_name_it(self, open_layers: Open) -> None:
        fs = open_layers({"var/lib/dpkg/status.d/python3.11-minimal": self.STANZA})
        machines = {"linux/amd64": "x86_64", "linux/arm64": "aarch64", "linux/s390x": "s390x"}
        for platform, machine in machines.items():
            assert python_environment(fs, SITE, Platform.parse(platform)).machine == machine

    def test_a_version_that_nothing_tells_is_an_error_not_a_guess(self, open_layers: Open) -> None:
        fs = open_layers({"a": b""})
        for version in ("x", "3", "1:abc-1"):
            stanza = f"Package: python3.11-minimal\nVersion: {version}\nArchitecture: arm64\n".encode()
            nonsense = open_layers({"var/lib/dpkg/status.d/p": stanza})
            with pytest.raises(ImageError, match=f"status.d/p: the version '{version}' of .* is none of Python$"):
                python_environment(nonsense, SITE, Platform.LINUX_ARM64)
        with pytest.raises(ImageError, match=r"no Debian package python3.11-minimal tells the version"):
            python_environment(fs, SITE, Platform.LINUX_ARM64)
        with pytest.raises(ImageError, match=r"^/opt/app: the path does not tell the Python version$"):
            python_environment(fs, "/opt/app", Platform.LINUX_ARM64)
