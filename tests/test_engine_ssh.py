"""An engine behind ssh; a stand-in for ssh runs the command on this machine."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.engine import CommandNotRun, Engine, EngineError, RunOptions
from image_harness.engine_ssh import ssh_command
from image_harness.errors import HarnessError
from image_harness.image import ImageReference, open_image

IMAGE = "pickme/lucid-rdp-monitor:latest-arm64"
_PYTHON = "/usr/bin/python3.11"
_URL = "ssh://somebody@127.0.0.1:2222"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of this name, first on the search path; the file that has its arguments."""
    program, arguments = tmp_path / "ssh", tmp_path / "arguments"
    program.write_text(f'#!/bin/sh\necho "$*" >>{arguments}\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return arguments


def test_the_command_is_the_users_ssh_and_asks_for_nothing() -> None:
    command = ssh_command(_URL)
    assert command[0] == "ssh"
    assert "BatchMode=yes" in command
    assert command[-7:] == ("-l", "somebody", "-p", "2222", "--", "127.0.0.1", "docker system dial-stdio")


def test_a_url_cannot_pass_for_an_option() -> None:
    command = ssh_command("ssh://-oProxyCommand=x")
    assert command[command.index("--") + 1].startswith("-o")


@pytest.mark.parametrize("url", ["ssh://", "ssh://host/path"])
def test_another_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(HarnessError, match="write it as"):
        ssh_command(url)


def test_no_engine_behind_ssh_says_how_to_try(ssh: Path) -> None:
    ssh.with_name("ssh").write_text("#!/bin/sh\nexit 255\n")
    with pytest.raises(EngineError, match=r"no engine answers.*'docker version' works there by ssh") as caught:
        Engine.connect(_URL)
    assert "\n" not in str(caught.value)


@pytest.mark.engine
def test_commands_and_the_image_itself_arrive_whole(ssh: Path) -> None:
    options = RunOptions(command=(_PYTHON, "-c", "import time; time.sleep(600)"), network="none")
    with Engine.connect(_URL) as engine, engine.run(IMAGE, options) as container:
        result = container.python("import sys; print('y' * 300_000); print('x', file=sys.stderr); sys.exit(4)")
        assert (result.exit_code, len(result.stdout), result.stderr) == (4, 300_001, "x\n")
        with pytest.raises(CommandNotRun):
            container.run(("/nothing",))
        assert container.stop(timedelta(seconds=1)).exit_code == 137
    with open_image(ImageReference.parse(IMAGE), docker_host=_URL) as image:
        assert image.filesystem.exists(_PYTHON)
    assert "-l somebody -p 2222 -- 127.0.0.1" in ssh.read_text()
