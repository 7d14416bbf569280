"""The entry point as the image's CMD runs it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from resource_monitor import entrypoint
from tests.monitor_service.support import ENTRYPOINT, MONITOR_SERVICE, StartService, free_port, listens

_WRONG_PORTS = ["", " ", "abc", "0", "65536", "-1", "+1", "80.0", "8_093", " 8093", "8093\n", "99999999999", "\u0668"]


@pytest.mark.parametrize("text", _WRONG_PORTS)
def test_anything_but_a_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        entrypoint.parse_port(text)


@pytest.mark.parametrize(("text", "port"), [("1", 1), ("8093", 8093), ("65535", 65535), ("00080", 80)])
def test_a_port_is_read(text: str, port: int) -> None:
    assert entrypoint.parse_port(text) == port


@pytest.mark.parametrize(
    ("first", "second", "port"),
    [(None, None, 8093), ("81", None, 81), (None, "82", 82), ("81", "82", 81), ("81", "wrong", 81)],
)
def test_the_service_s_own_variable_comes_first(
    monkeypatch: pytest.MonkeyPatch, first: str | None, second: str | None, port: int
) -> None:
    for name, value in (("RDP_MONITOR_PORT", first), ("MONITOR_PORT", second)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert entrypoint.read_port() == port


@pytest.mark.parametrize("text", _WRONG_PORTS)
@pytest.mark.parametrize("variable", ["RDP_MONITOR_PORT", "MONITOR_PORT"])
def test_a_wrong_port_ends_with_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SystemExit) as caught:
        entrypoint.read_port()
    assert caught.value.code == 1
    shown = text if text.strip() and text.isprintable() else repr(text)
    assert capsys.readouterr().err == (
        f"ERROR: Invalid RDP_MONITOR_PORT/MONITOR_PORT value: {shown} "
        f"({variable} allows a whole number from 1 to 65535)\n"
    )


def test_a_blank_variable_of_the_service_s_own_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDP_MONITOR_PORT", "")
    monkeypatch.setenv("MONITOR_PORT", "8094")
    with pytest.raises(SystemExit):
        entrypoint.read_port()


def test_the_path_is_put_right_without_pythonpath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ENTRYPOINT.parent), "/somewhere/lib"])
    entrypoint.prepare_path()
    assert sys.path == [str(MONITOR_SERVICE), "/somewhere/lib", "/usr/local/lib/python3.11/site-packages"]


def test_a_path_that_is_right_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    right = [str(MONITOR_SERVICE), "/usr/local/lib/python3.11/site-packages", "/usr/lib/python3.11"]
    monkeypatch.setattr(sys, "path", list(right))
    entrypoint.prepare_path()
    assert sys.path == right


def test_no_module_hides_one_of_the_standard_library() -> None:
    names = {path.stem for path in MONITOR_SERVICE.rglob("*.py")} | {
        path.name for path in MONITOR_SERVICE.iterdir() if path.is_dir()
    }
    assert names & sys.stdlib_module_names == set()


def test_no_import_is_relative() -> None:
    relative = [
        str(path)
        for path in MONITOR_SERVICE.rglob("*.py")
        if any(line.lstrip().startswith("from .") for line in path.read_text().splitlines())
    ]
    assert relative == []


@pytest.mark.parametrize("text", ["", "abc", "0", "65536", "-1"])
def test_the_process_ends_with_1_before_it_listens(start_service: StartService, text: str) -> None:
    service = start_service(environment={"RDP_MONITOR_PORT": text}, port=None)
    assert service.wait_exit() == 1
    assert service.stdout == ""
    assert service.stderr.count("\n") == 1
    assert service.stderr.startswith("ERROR: Invalid RDP_MONITOR_PORT/MONITOR_PORT value: ")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MONITORING_INTERVAL", "soon", "ERROR: Invalid MONITORING_INTERVAL value: soon (allowed: seconds"),
        ("REDIS_URL", "me:hunter2@cache", "ERROR: Invalid REDIS_URL value: (not shown"),
        (
            "MONITOR_CONFIG_FILE",
            "/not/there.yaml",
            "ERROR: Cannot read the configuration file /not/there.yaml: No such",
        ),
    ],
)
def test_a_wrong_setting_ends_with_1_and_one_line(
    start_service: StartService, variable: str, value: str, words: str
) -> None:
    service = start_service(environment={variable: value})
    assert service.wait_exit() == 1
    assert service.stdout == ""
    assert service.stderr.startswith(words)
    assert service.stderr.count("\n") == 1
    assert "hunter2" not in service.stderr


def test_malformed_yaml_ends_with_1_and_names_file_and_line(start_service: StartService, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("monitoring_interval: 5\nredis_url: [redis://:hunter2@cache\n")
    service = start_service(environment={"MONITOR_CONFIG_FILE": str(file)})
    assert service.wait_exit() == 1
    assert f"{file}, line 3" in service.stderr
    assert service.stderr.count("\n") == 1
    assert "hunter2" not in service.stderr


def test_a_taken_port_ends_with_1_and_says_so(start_service: StartService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start_service(port=port)
        assert service.wait_exit() == 1
    assert service.stderr == (
        f"ERROR: Cannot listen on port {port}: Address already in use (choose another one with RDP_MONITOR_PORT)\n"
    )


def test_the_other_variable_moves_the_port_when_the_first_is_unset(start_service: StartService) -> None:
    port = free_port()
    service = start_service(environment={"MONITOR_PORT": str(port)}, port=None)
    service.port = port
    assert service.wait_ready().get("/health").json["status"] == "healthy"


def test_a_service_name_as_host_is_not_bound_to(start_service: StartService) -> None:
    service = start_service(environment={"RDP_MONITOR_HOST": "rdp-monitor"}).wait_ready()
    table = Path(f"/proc/{service.process.pid}/net/tcp").read_text()
    assert f" 00000000:{service.port:04X} 00000000:0000 0A " in table
    assert listens(service.port)
    assert service.stderr == ""


def test_light_modules_alone_are_loaded_while_nothing_else_is_configured(start_service: StartService) -> None:
    service = start_service().wait_ready()
    maps = Path(f"/proc/{service.process.pid}/maps").read_text()
    assert "psutil" in maps
    for unused in ("bson", "pymongo", "yaml"):
        assert unused not in maps
