"""The words that every part shares: which platforms are the same."""

from __future__ import annotations

import pytest

from image_harness.types import Platform


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/amd64", "linux/amd64/v1"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/s390x", "linux/s390x"),
    ],
)
def test_a_variant_that_is_meant_without_being_named_makes_no_difference(wanted: str, offered: str) -> None:
    assert Platform.parse(wanted).accepts(Platform.parse(offered))


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("linux/arm64", "linux/arm64/v9"),
        ("linux/arm64", "linux/arm64/v6"),
        ("linux/arm64", "linux/arm64/V8"),
        ("linux/arm64", "linux/arm64/nonsense"),
        ("linux/arm64/v9", "linux/arm64"),
        ("linux/amd64", "linux/amd64/v3"),
        ("linux/arm", "linux/arm/v6"),
        ("linux/arm/v6", "linux/arm"),
        ("linux/arm64", "linux/arm/v8"),
        ("linux/arm64", "windows/arm64"),
    ],
)
def test_any_other_variant_is_another_platform(wanted: str, offered: str) -> None:
    assert not Platform.parse(wanted).accepts(Platform.parse(offered))
