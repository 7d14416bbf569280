"""A configuration becomes typed values; a malformed one names the key."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from image_harness.image.config import HistoryEntry, ImageConfig
from image_harness.image.errors import ImageError
from image_harness.types import HealthCheck, Platform, Port
from tests.image.builder import dump, sha256

MINIMAL: dict[str, Any] = {"os": "linux", "architecture": "arm64", "rootfs": {"type": "layers", "diff_ids": []}}


def parse(**changes: object) -> ImageConfig:
    return ImageConfig.parse(dump({**MINIMAL, **changes}), "config")


def test_what_an_image_does_not_say_is_absent() -> None:
    config = parse()
    assert (config.user, config.working_dir, config.env, config.labels) == ("", "", {}, {})
    assert (config.entrypoint, config.cmd, config.shell, config.health_check, config.created) == (None,) * 5
    assert config.exposed_ports == frozenset()
    assert config.platform == Platform.LINUX_ARM64
    assert config.history_problem is None


def test_every_value_of_a_full_configuration_is_read() -> None:
    config = parse(
        variant="v8",
        created="2026-01-02T03:04:05.678901234Z",
        author="somebody",
        config={
            "User": "65532:65532",
            "ExposedPorts": {"8093/tcp": {}, "53/udp": {}},
            "Env": ["A=1", "B=x=y", "A=2"],
            "Entrypoint": [],
            "Cmd": ["/usr/bin/python3.11", "-m", "app"],
            "Volumes": {"/data": {}},
            "OnBuild": ["RUN x", "USER root"],
            "WorkingDir": "/app",
            "Labels": {"a.b": "c"},
            "StopSignal": "SIGTERM",
            "Shell": ["/bin/sh", "-c"],
        },
    )
    assert config.platform == Platform("linux", "arm64", "v8")
    assert config.created == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert config.exposed_ports == {Port(8093), Port(53, "udp")}
    assert (config.env, config.env_list) == ({"A": "2", "B": "x=y"}, ("A=1", "B=x=y", "A=2"))
    assert (config.entrypoint, config.cmd) == ((), ("/usr/bin/python3.11", "-m", "app"))
    assert (config.volumes, config.working_dir, config.stop_signal) == (frozenset({"/data"}), "/app", "SIGTERM")
    assert config.triggers == ("RUN x", "USER root")
    assert (config.labels, config.shell, config.user) == ({"a.b": "c"}, ("/bin/sh", "-c"), "65532:65532")
    assert config.raw["author"] == config.author == "somebody"


def test_a_health_check_is_read_in_nanoseconds_and_zero_means_the_engines_default() -> None:
    config = parse(
        config={
            "Healthcheck": {
                "Test": ["CMD", "/probe"],
                "Interval": 30_000_000_000,
                "Timeout": 10_000_000_000,
                "StartPeriod": 40_000_000_000,
                "StartInterval": 0,
                "Retries": 3,
            }
        }
    )
    faster = parse(config={"Healthcheck": {"Test": ["CMD", "x"], "StartInterval": 5_000_000_000}}).health_check
    assert faster == HealthCheck(("CMD", "x"), start_interval=timedelta(seconds=5))
    assert config.health_check == HealthCheck(
        test=("CMD", "/probe"),
        interval=timedelta(seconds=30),
        timeout=timedelta(seconds=10),
        start_period=timedelta(seconds=40),
        start_interval=None,
        retries=3,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"os": None}, "os is missing"),
        ({"rootfs": None}, "rootfs is missing"),
        ({"rootfs": {"diff_ids": ["sha256:1"]}}, "rootfs.diff_ids: not a sha256 digest"),
        ({"rootfs": {"diff_ids": [sha256(b"")] * 501}}, "rootfs.diff_ids lists 501 layers, more than 500"),
        ({"created": "yesterday"}, "created is no RFC 3339 time: 'yesterday'"),
        ({"config": {"Env": "A=1"}}, "config.Env is the text 'A=1', not a list"),
        ({"config": {"ExposedPorts": {"http": {}}}}, "config.ExposedPorts: not a port: 'http'"),
        ({"config": {"ExposedPorts": {"9" * 5000: {}}}}, f"config.ExposedPorts: not a port: '{'9' * 80}'"),
        ({"config": {"ExposedPorts": {"\N{SUPERSCRIPT TWO}": {}}}}, "config.ExposedPorts: not a port"),
        ({"config": {"ExposedPorts": ["80"]}}, "config.ExposedPorts is a list, not an object"),
        ({"config": {"Labels": {"a": 1}}}, "config.Labels.a is the number 1, not a text"),
        ({"config": {"Healthcheck": {"Interval": "30s"}}}, "config.Healthcheck.Interval is the text '30s'"),
        ({"config": {"Healthcheck": {"Retries": -1}}}, "config.Healthcheck.Retries is the number -1"),
        ({"history": [{"created_by": ["RUN"]}]}, r"history\[0\].created_by is a list"),
        ({"history": [{"empty_layer": "no"}]}, r"history\[0\].empty_layer is the text 'no'"),
    ],
)
def test_a_malformed_value_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        parse(**changes)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"config": {"User": "65532", "user": "0"}}, "config.user is User"),
        ({"config": {"uSER": "0"}}, "config.uSER is User"),
        ({"Architecture": "amd64"}, "Architecture is architecture"),
        ({"config": {"Healthcheck": {"Test": ["NONE"], "test": ["CMD", "x"]}}}, "config.Healthcheck.test is Test"),
        ({"config": {"exposedport\u017f": {"1/tcp": {}}}}, "config.exposedport\u017f is ExposedPorts"),
    ],
)
def test_a_key_that_engines_take_for_another_is_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ImageError, match=re.escape(f"{key} to programs that do not tell letters' case apart")):
        parse(**changes)


def test_labels_that_differ_by_case_are_two() -> None:
    assert parse(config={"Labels": {"a": "1", "A": "2"}}).labels == {"a": "1", "A": "2"}


def test_the_longest_health_check_interval_that_fits_its_format_is_read() -> None:
    config = parse(config={"Healthcheck": {"Test": ["CMD", "x"], "Interval": 2**63 - 1}})
    assert config.health_check is not None
    assert config.health_check.interval == timedelta(microseconds=(2**63 - 1) / 1000)


def test_a_step_of_the_build_has_every_value_of_its_object() -> None:
    step = {"created_by": "RUN x", "created": "2026-01-02T03:04:05+02:00", "empty_layer": True, "comment": "note"}
    (found,) = parse(history=[step]).history
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert found == HistoryEntry("RUN x", moment, empty_layer=True, comment="note")
    assert found.created is not None
    assert found.created.utcoffset() == timedelta(hours=2)
    assert parse(history=[{}]).history == (HistoryEntry("", None, empty_layer=False, comment=""),)


def test_a_time_without_a_zone_is_one_of_utc() -> None:
    assert parse(created="2026-01-02T03:04:05").created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with pytest.raises(ImageError, match=rf"^config: created is no RFC 3339 time: '{'x' * 80}'$"):
        parse(created="x" * 90)


def test_a_value_of_the_wrong_shape_is_told_with_the_file() -> None:
    with pytest.raises(ImageError, match=r"^config: config.Env is the number 1, not a list$"):
        parse(config={"Env": 1})


def test_instructions_belong_to_the_steps_that_made_layers() -> None:
    steps = [{"created_by": "ENV A=1", "empty_layer": True}, {"created_by": "COPY a"}, {"created_by": "COPY b"}]
    config = parse(rootfs={"diff_ids": [sha256(b"a"), sha256(b"b")]}, history=steps)
    assert config.instructions == ("COPY a", "COPY b")


@pytest.mark.parametrize(
    "step",
    [
        'HEALTHCHECK &{["CMD" "/probe"] "30s" "10s" "40s" "0s" \'\\x03\'}',
        '/bin/sh -c #(nop)  HEALTHCHECK &{["CMD" "/probe"] "30s"}',
        "HEALTHCHECK CMD /probe",
    ],
)
def test_a_health_check_that_only_the_history_tells_of_was_lost(step: str) -> None:
    assert parse(history=[{"created_by": step, "empty_layer": True}]).lost_health_check == step


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["COPY HEALTHCHECK /app"],
        ["HEALTHCHECK CMD /probe", "HEALTHCHECK NONE"],
        ["HEALTHCHECK CMD /probe", 'HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" \'\\x00\'}'],
    ],
)
def test_a_health_check_that_was_never_set_or_was_disabled_is_not_lost(steps: list[str]) -> None:
    history = [{"created_by": step, "empty_layer": True} for step in steps]
    assert parse(history=history).lost_health_check is None


def test_a_health_check_that_is_there_is_not_lost() -> None:
    history = [{"created_by": "HEALTHCHECK CMD /probe", "empty_layer": True}]
    assert parse(config={"Healthcheck": {"Test": ["CMD", "/probe"]}}, history=history).lost_health_check is None
