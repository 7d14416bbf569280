"""Whole builds in a real engine, of a small Dockerfile where the step that matters is not the monitor's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from monitor_build.docker_client import DockerClient
from monitor_build.source import DOCKERFILE
from monitor_build.stand_in import StandIn

pytestmark = pytest.mark.engine

HEAD = """\
ARG VERSION=1.0.0
FROM --platform=$TARGETPLATFORM gcr.io/distroless/python3-debian12:latest
LABEL revision="{label}"
"""
REVISION = "0123456789abcdef0123456789abcdef01234567"


def run_step(code: str) -> str:
    """A step that runs Python in the image."""
    return f'RUN ["/usr/bin/python3.11", "-c", "{code}"]\n'


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout whose Dockerfile is the test's own.

    Args:
        root: Its top folder.
        tag: The name of what it builds.
    """

    root: Path
    tag: str

    def dockerfile(self, steps: str) -> None:
        # The label keeps one test's steps out of another's cache.
        (self.root / DOCKERFILE).write_text(HEAD.format(label=self.tag) + steps)

    def command(self, *options: str) -> list[str]:
        fixed = ["--tag", self.tag, "--vcs-ref", REVISION, "--build-date", "2026-01-01T00:00:00Z"]
        return [sys.executable, str(self.root / "buildx" / "build.py"), *fixed, *options]

    def build(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*options), check=False, capture_output=True, text=True)

    def log(self) -> str:
        file = self.root / ".build" / "build.log"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def checkout(tmp_path: Path, repository: Path, distroless: StandIn, tag: str) -> Checkout:
    """The repository's parts that a build needs, and its stand-ins."""
    assert distroless.directory.is_dir()
    for part in ("buildx", "monitor_service"):
        shutil.copytree(repository / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in (DOCKERFILE, f"{DOCKERFILE}.dockerignore"):
        shutil.copy(repository / part, tmp_path / part)
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build" / "bases").symlink_to(repository / ".build" / "bases")
    return Checkout(tmp_path, tag)


def wait_for(checkout: Checkout, text: str, builder: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while text not in checkout.log():
        assert builder.poll() is None, checkout.log()[-2000:]
        assert time.monotonic() < deadline, f"{text!r} never came"
        time.sleep(0.02)


def interrupt(checkout: Checkout, at: str, number: signal.Signals) -> tuple[int, str, list[psutil.Process]]:
    """Builds, sends a signal when the log says something, and waits: exit code, output, processes that are left."""
    with subprocess.Popen(
        checkout.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as builder:
        wait_for(checkout, at, builder)
        started = psutil.Process(builder.pid).children(recursive=True)
        builder.send_signal(number)
        output, _ = builder.communicate(timeout=60)
    _gone, left = psutil.wait_procs(started, timeout=5)
    return builder.returncode, output, left


def test_build_is_tagged_recorded_and_up_to_date(checkout: Checkout, client: DockerClient) -> None:
    checkout.dockerfile("")

    done = checkout.build()
    again = checkout.build("--is-stale")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{checkout.tag} {client.image_id(checkout.tag)}"
    assert "bases: stand-in" in done.stdout
    assert again.stdout == f"up to date: {checkout.tag}\n"
    assert again.returncode == 1


def test_failed_build_leaves_no_tag_and_names_the_step_with_its_log(checkout: Checkout, client: DockerClient) -> None:
    checkout.dockerfile(run_step("print('what it said'); raise SystemExit(7)"))

    done = checkout.build("--quiet")

    assert done.returncode == 2
    assert client.image_id(checkout.tag) is None
    last = done.stderr.splitlines()[-1]
    assert last.startswith("build: step [")
    assert "what it said" in last
    assert "exit code: 7" in last
    assert last.endswith(f"the whole log is {checkout.root / '.build' / 'build.log'}")
    assert "what it said" in checkout.log()
    assert any("what it said" in line and line.startswith("#") for line in done.stderr.splitlines()[:-1])
    assert not (checkout.root / ".build" / "record.json").exists()


def test_failed_build_leaves_the_image_that_was_there(checkout: Checkout, client: DockerClient) -> None:
    checkout.dockerfile("")
    checkout.build()
    before = client.image_id(checkout.tag)
    checkout.dockerfile(run_step("raise SystemExit(7)"))

    assert checkout.build("--quiet").returncode == 2
    assert client.image_id(checkout.tag) == before
    assert before is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_leaves_no_tag_and_no_process(
    checkout: Checkout, client: DockerClient, number: signal.Signals
) -> None:
    checkout.dockerfile(run_step("print('sleeping', flush=True); import time; time.sleep(600)"))

    code, output, left = interrupt(checkout, " sleeping", number)

    assert code == 128 + number
    assert output.splitlines()[-1] == f"build: interrupted ({number.name}); nothing half-made is left"
    assert "Traceback" not in output
    assert left == []
    assert client.image_id(checkout.tag) is None
    assert sorted(path.name for path in (checkout.root / ".build").iterdir()) == ["bases", "build.log", "lock"]


@pytest.mark.slow
def test_build_interrupted_while_it_is_written_is_tagged_whole_or_not_at_all(
    checkout: Checkout, client: DockerClient
) -> None:
    checkout.dockerfile(run_step("import os; open('/large', 'wb').write(os.urandom(150 << 20))"))

    code, output, left = interrupt(checkout, "exporting layers", signal.SIGINT)

    assert left == []
    assert code == 128 + signal.SIGINT, output[-2000:]
    assert client.image_id(checkout.tag) is None


def test_archive_is_whole_and_is_the_image_that_the_engine_has(checkout: Checkout, client: DockerClient) -> None:
    checkout.dockerfile("")
    file = checkout.root / "image.tar"

    done = checkout.build("--output", f"oci-archive:{file}", "--output", "engine")

    assert done.returncode == 0, done.stderr
    manifests = {line.split()[3] for line in checkout.log().splitlines() if " exporting manifest sha256:" in line}
    assert len(manifests) == 1
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert {"oci-layout", "index.json"} <= set(names)
    assert f"blobs/sha256/{manifests.pop().removeprefix('sha256:')}" in names
    assert client.image_id(checkout.tag)
    assert [path.name for path in checkout.root.glob("*image.tar*")] == ["image.tar"]


def test_failed_build_leaves_the_archive_that_was_there(checkout: Checkout) -> None:
    checkout.dockerfile(run_step("raise SystemExit(7)"))
    file = checkout.root / "image.tar"
    file.write_text("earlier")

    assert checkout.build("--quiet", "--output", f"oci-archive:{file}").returncode == 2
    assert file.read_text() == "earlier"
    assert [path.name for path in checkout.root.glob("*image.tar*")] == ["image.tar"]


def test_steps_are_taken_from_a_cache_folder_on_another_engine(checkout: Checkout) -> None:
    checkout.dockerfile(run_step("print(1)"))
    folder = checkout.root / "cache"

    assert checkout.build("--cache", str(folder)).returncode == 0
    assert (folder / "index.json").is_file()
    assert checkout.build("--cache", str(folder)).returncode == 0
    assert "importing cache manifest from local:" in checkout.log()


@pytest.mark.slow
def test_changed_file_rebuilds_the_application_and_nothing_below_it(checkout: Checkout) -> None:
    """Of Dockerfile.monitor itself; how long it takes is for benchmarks/build_overhead.py to say."""
    assert checkout.build().returncode == 0
    with (checkout.root / "monitor_service" / "resource_monitor" / "main.py").open("a") as file:
        file.write(f"# changed by process {os.getpid()} at {time.time()}\n")

    done = checkout.build()

    assert done.returncode == 0, done.stderr[-2000:]
    built_anew = [step for step, cached in steps(checkout.log()).items() if not cached]
    assert any("/build/resource_monitor /app/resource_monitor" in step for step in built_anew)
    for untouched in ("apt-get", "pip install", "site-packages", "/root/.local"):
        assert not [step for step in built_anew if untouched in step]


def steps(log: str) -> dict[str, bool]:
    """Each step of a build, and whether it came from the cache."""
    names: dict[str, str] = {}
    cached: dict[str, bool] = {}
    for line in log.splitlines():
        number, _, text = line.partition(" ")
        if text.startswith("[") and not text.startswith("[internal]"):
            names[number] = text
        elif text == "CACHED" and number in names:
            cached[names[number]] = True
        elif text.startswith("DONE") and number in names:
            cached.setdefault(names[number], False)
    return cached
