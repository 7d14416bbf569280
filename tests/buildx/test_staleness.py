from __future__ import annotations

from dataclasses import replace

import pytest

from monitor_build.bases import BasesChoice
from monitor_build.record import Earlier, Inputs
from monitor_build.staleness import why_stale

FILES = {"Dockerfile.monitor": "d1", "monitor_service/common/logs.py": "l1"}
ARGUMENTS = {"VERSION": "1.0.0", "VCS_REF": "abc"}
EARLIER = Earlier("name:tag", "sha256:1", "stand-in", "all", FILES, ARGUMENTS)
NOW = Inputs("all", dirty=False, files=FILES, arguments=ARGUMENTS)


def why(
    earlier: Earlier | None = EARLIER,
    now: Inputs = NOW,
    *,
    bases: BasesChoice = BasesChoice.AUTO,
    image_id: str | None = "sha256:1",
) -> str | None:
    return why_stale(earlier, now, reference="name:tag", bases=bases, image_id=lambda: image_id)


def test_same_inputs_and_the_same_image_in_the_engine_are_up_to_date() -> None:
    assert why() is None
    assert why(bases=BasesChoice.STAND_IN) is None


@pytest.mark.parametrize(
    ("earlier", "now", "reason"),
    [
        (None, NOW, "no build is on record"),
        (replace(EARLIER, reference="other:tag"), NOW, "the last build was of other:tag"),
        (EARLIER, replace(NOW, files=FILES | {"Dockerfile.monitor": "d2"}, sha256="x"), "changed: Dockerfile.monitor"),
        (EARLIER, replace(NOW, files={"Dockerfile.monitor": "d1"}), "changed: monitor_service/common/logs.py"),
        (EARLIER, replace(NOW, arguments=ARGUMENTS | {"VCS_REF": "def"}, sha256="x"), "changed: VCS_REF is now def"),
        (EARLIER, replace(NOW, sha256="x"), "the record does not hold together"),
    ],
)
def test_each_difference_is_named(earlier: Earlier | None, now: Inputs, reason: str) -> None:
    assert why(earlier, now) == reason


def test_many_changed_files_are_counted() -> None:
    files = {f"f{number}": "new" for number in range(9)}

    assert why(now=replace(NOW, files=FILES | files, sha256="x")) == "changed: f0, f1, f2 and 6 more"


def test_image_that_is_gone_or_another_is_stale() -> None:
    assert why(image_id=None) == "the engine has no image name:tag"
    assert why(image_id="sha256:2") == "name:tag in the engine is not the one on record"


def test_other_bases_than_wanted_are_stale() -> None:
    assert why(bases=BasesChoice.UPSTREAM) == "the last build stands on stand-in bases"


def test_engine_is_not_asked_when_a_file_already_tells() -> None:
    def never() -> str:
        raise AssertionError("asked")

    changed = replace(NOW, files={}, sha256="x")

    assert why_stale(EARLIER, changed, reference="name:tag", bases=BasesChoice.AUTO, image_id=never)
