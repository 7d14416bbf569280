from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.engine import Engine, EngineError, resolve_url
from image_harness.errors import HarnessError


@pytest.mark.parametrize(
    ("engine", "environment", "url"),
    [
        ("docker", {}, "unix:///var/run/docker.sock"),
        ("docker", {"DOCKER_HOST": "tcp://h:1"}, "tcp://h:1"),
        ("podman", {"CONTAINER_HOST": "unix:///x"}, "unix:///x"),
        ("ssh://somebody@h", {"DOCKER_HOST": "tcp://h:1"}, "ssh://somebody@h"),
    ],
)
def test_urls(engine: str, environment: dict[str, str], url: str) -> None:
    assert resolve_url(engine, environment) == url


def test_podmans_socket_is_the_users_own_unless_root_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert resolve_url("podman", {"XDG_RUNTIME_DIR": "/run/user/1000"}) == "unix:///run/user/1000/podman/podman.sock"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert resolve_url("podman", {"XDG_RUNTIME_DIR": "/run/user/0"}) == "unix:///run/podman/podman.sock"


@pytest.mark.parametrize("engine", ["", "dokcer", "unix://", "gopher://h"])
def test_something_else_is_refused_in_one_line(engine: str) -> None:
    with pytest.raises(HarnessError, match="not an engine"):
        resolve_url(engine, {})


def test_nobody_at_home_is_told_in_one_line_with_the_url_and_what_to_do(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/engine.sock"
    with pytest.raises(EngineError) as caught:
        Engine.connect(url)
    message = str(caught.value)
    assert message.startswith(f"{url}: no engine answers (no such file or directory)")
    assert "./qemu-setup.sh" in message
    assert "\n" not in message
