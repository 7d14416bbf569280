from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from image_harness.engine import Mount, NotGranted, RunOptions
from image_harness.engine.granted import require_granted
from image_harness.types import HealthCheck

CHECK = HealthCheck(("CMD", "/p"), interval=timedelta(seconds=1))
ASKED = RunOptions(
    unset=("LANG",),
    memory=1024,
    read_only=True,
    health_check=CHECK,
    cap_drop=("ALL",),
    security_options=("no-new-privileges",),
    tmpfs={"/tmp": "size=1m"},
    mounts=(Mount("/data/"), Mount("/x", Path("/etc"), read_only=True)),
)


def document(**changes: object) -> dict[str, Any]:
    config = {"Env": ["A=b", "LANG"], "Healthcheck": {"Test": ["CMD", "/p"], "Interval": 1_000_000_000}}
    host = {
        "Memory": 1024,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Tmpfs": {"/tmp": "rw,size=1m"},
    }
    mounts = [{"Destination": "/data"}, {"Destination": "/x", "RW": False}]
    return {
        "Mounts": changes.get("Mounts", mounts),
        "Config": {key: changes.get(key, value) for key, value in config.items()},
        "HostConfig": {key: changes.get(key, value) for key, value in host.items()},
    }


def test_a_container_as_it_was_asked_for_is_granted() -> None:
    require_granted(document(), ASKED, where="c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Env": ["LANG=C"]}, "cannot take variables of the image away: LANG"),
        ({"Memory": 0}, "cannot hold a container to 1024 bytes"),
        ({"ReadonlyRootfs": False}, "read-only"),
        ({"CapDrop": None}, "did not drop the capabilities: ALL"),
        ({"SecurityOpt": ["label=disable"]}, "did not take the security options: no-new-privileges"),
        ({"SecurityOpt": ["no-new-privileges=false"]}, "did not take the security options: no-new-privileges"),
        ({"Tmpfs": {"/var/tmp": ""}}, "did not mount /tmp"),
        ({"Mounts": [{"Destination": "/data"}]}, "did not mount /x"),
        ({"Mounts": None, "Tmpfs": None}, "did not mount /data/, /tmp, /x"),
        ({"Mounts": [{"Destination": "/data"}, {"Destination": "/x", "RW": True}]}, "can be written: /x"),
        ({"Healthcheck": None}, "did not take the health check"),
        ({"Healthcheck": {"Test": ["CMD", "/p"], "Interval": 30_000_000_000}}, "holds another health check"),
        ({"Healthcheck": {"Test": ["CMD", "/", "p"], "Interval": 1_000_000_000}}, "holds another health check"),
    ],
)
def test_another_container_is_an_error_of_the_engine(changes: dict[str, object], message: str) -> None:
    with pytest.raises(NotGranted, match=message):
        require_granted(document(**changes), ASKED, where="c")


@pytest.mark.parametrize("held", [["CAP_CHOWN", "CAP_KILL"], ["KILL", "CHOWN", "FOWNER"]])
def test_capabilities_may_be_called_by_either_name(held: list[str]) -> None:
    require_granted(document(CapDrop=held), RunOptions(cap_drop=("CHOWN", "cap_kill")), where="c")


def test_capabilities_that_were_kept_are_told() -> None:
    with pytest.raises(NotGranted, match="did not drop the capabilities: KILL"):
        require_granted(document(CapDrop=["CAP_CHOWN"]), RunOptions(cap_drop=("CHOWN", "KILL")), where="c")


def test_an_engine_may_name_all_the_capabilities_that_it_drops() -> None:
    require_granted(document(CapDrop=["CAP_CHOWN", "CAP_KILL"]), ASKED, where="c")


def test_a_health_check_that_the_image_has_lost_is_told_to_who_waits_for_it() -> None:
    options = RunOptions(health_check=HealthCheck((), interval=timedelta(seconds=1)))
    require_granted(document(Healthcheck=None), options, where="c")


@pytest.mark.parametrize("held", [None, {}, {"Test": ["NONE"]}])
def test_a_health_check_may_be_taken_away(held: object) -> None:
    require_granted(document(Healthcheck=held), RunOptions(health_check=HealthCheck.none()), where="c")


def test_a_health_check_that_was_to_be_taken_away_and_was_not_is_an_error_of_the_engine() -> None:
    with pytest.raises(NotGranted, match="did not take the image's health check away"):
        require_granted(document(), RunOptions(health_check=HealthCheck.none()), where="c")


def test_a_variable_that_was_set_instead_is_not_one_that_was_kept() -> None:
    require_granted(document(Env=["LANG=C"]), RunOptions(unset=("LANG",), environment={"LANG": "C"}), where="c")
