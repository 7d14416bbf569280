from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from monitor_build.apt import Source
from monitor_build.bases import BUILDER, recipes_here
from monitor_build.docker_client import DockerClient
from monitor_build.pip_config import PipConfig
from monitor_build.slim_python import CA_BUNDLE, SlimPython
from monitor_build.stand_in import StandIn, StandInStore

SOURCES = (Source(("http://mirror.test/debian",), ("bookworm",), ("main",)),)


def recipe(
    repository: Path, *, sources: tuple[Source, ...] = SOURCES, pip: PipConfig | None = None, **settings: str
) -> SlimPython:
    file = repository / "buildx" / "bases" / "python-3.11-slim-bookworm.toml"
    return SlimPython(file, sources, settings, pip or PipConfig(), lambda _line: None)


def test_recipe_stands_in_for_the_dockerfiles_builder(repository: Path) -> None:
    assert recipe(repository).stands_in_for == BUILDER


def test_recipes_key_follows_what_is_written_into_the_image(repository: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("authority")
    mirror = Source(("http://other.test/debian",), ("bookworm",), ("main",))
    keys = {
        recipe(repository).key,
        recipe(repository, sources=(mirror,)).key,
        recipe(repository, proxy="http://proxy.test").key,
        recipe(repository, pip=PipConfig({"index-url": "https://index.test/"})).key,
        recipe(repository, pip=PipConfig(ca_bundle=bundle)).key,
    }

    assert len(keys) == 5
    assert recipe(repository).key in keys


@pytest.fixture(scope="module")
def builder(repository: Path) -> StandIn:
    """The stand-in for the builder base; made when no build has made it yet."""
    found = recipes_here(repository / "buildx" / "bases", os.environ, print)[BUILDER]
    return StandInStore(repository / ".build" / "bases", print).get(found)


@pytest.mark.engine
@pytest.mark.slow
def test_python_and_pip_work_as_they_do_upstream(
    client: DockerClient, builder: StandIn, tmp_path: Path, repository: Path
) -> None:
    """The commands that Dockerfile.monitor gives, and that none of this machine's authorities reaches its bundle."""
    own = [file.read_text().splitlines()[1] for file in Path("/usr/local/share/ca-certificates").glob("*.crt")]
    checks = [
        "python3 --version | grep -q '^Python 3[.]11'",
        'test "$(command -v python3.11)" = /usr/local/bin/python3.11',
        'test "$(command -v pip)" = /usr/local/bin/pip',
        "head -1 /usr/local/bin/pip | grep -qx '#!/usr/local/bin/python3.11'",
        "pip download --no-deps --no-cache-dir --dest /tmp/got -r requirements.txt",
        "pip install --user --no-deps /tmp/got/click-*.whl",
        "test -f /root/.local/lib/python3.11/site-packages/click/__init__.py",
        *(f"! grep -qF {line} /etc/ssl/certs/ca-certificates.crt" for line in own),
    ]
    requirements = (repository / "monitor_service" / "requirements.monitor.txt").read_text()
    one = re.search(r"^click==.*?(?=^\S)", requirements, re.MULTILINE | re.DOTALL)
    assert one, "click is not among the requirements any more: take another small one"
    (tmp_path / "requirements.txt").write_text(one[0])
    (tmp_path / "Dockerfile").write_text(
        "FROM base\nCOPY requirements.txt .\n" + "".join(f"RUN {check}\n" for check in checks)
    )
    command: list[str | Path] = [client.program, "buildx", "build", "--progress", "plain", "--platform", "linux/arm64"]

    done = subprocess.run(
        [*command, "--output", "type=cacheonly", "--build-context", f"base={builder.context}", tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert not CA_BUNDLE.startswith("/etc/ssl/")


def test_what_mmdebstrap_mounts_goes_when_it_is_killed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    fake = tmp_path / "bin" / "mmdebstrap"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh -e\nmount -t tmpfs none {root}\nmountpoint {root}\nkill -KILL $$\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)

    command = recipe(repository)._command(tmp_path, tmp_path / "status")
    killed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert killed.stdout == f"{root} is a mountpoint\n"
    assert killed.returncode == -9
    assert not root.is_mount()
