"""What the selected checks need is known from the fixtures that they ask for and the marks that they wear."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness import asks
from image_harness.design import Design, load_design
from image_harness.plugin.needs import Needs, asked_by, needs_of, waits

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


def check(*fixtures: str, mark: pytest.MarkDecorator | None = None) -> pytest.Item:
    def closest(name: str) -> pytest.Mark | None:
        return mark.mark if mark is not None and mark.name == name else None

    return cast("pytest.Item", SimpleNamespace(fixturenames=fixtures, get_closest_marker=closest))


@pytest.mark.parametrize(
    ("fixtures", "needs"),
    [
        (("design", "image"), Needs()),
        (("container", "running"), Needs(running=True)),
        (("scenarios",), Needs(scenarios=True)),
        (("interpreter",), Needs(interpreter=True)),
        (("told",), Needs(interpreter=True)),
    ],
)
def test_only_what_is_asked_for_is_started(fixtures: tuple[str, ...], needs: Needs, design: Design) -> None:
    assert needs_of([check(), check(*fixtures)], design) == needs


def test_what_several_checks_ask_is_asked_once(design: Design) -> None:
    name: Any = asks("print(1)", lambda design: [design.name])
    checks = [check("told", mark=name), check("told", mark=asks("print(2)")), check("told", mark=name)]
    assert needs_of(checks, design).asked == (("print(1)", ("rdp-monitor",)), ("print(2)", ()))


def test_a_check_without_the_mark_asks_nothing(design: Design) -> None:
    assert asked_by(check("told", mark=pytest.mark.slow), design) is None


def test_a_check_ranks_by_what_it_waits_for() -> None:
    runtime = pytest.mark.runtime
    ranks = [
        waits(check("image")),
        waits(check("container", mark=runtime)),
        waits(check("told", mark=runtime)),
        waits(check("running", "scenarios", mark=runtime)),
    ]
    assert ranks == [0, 1, 2, 3]
