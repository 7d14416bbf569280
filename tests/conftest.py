"""Tests that need an engine find the monitor image in it: it is built when it is stale.

Tests that do without it come first and run while it is built. Those that bring images of their own are marked
``engine(image=False)``.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from image_harness.build import is_stale
from image_harness.errors import HarnessError

ROOT = Path(__file__).parents[1]
BUILD = (sys.executable, str(ROOT / "buildx" / "build.py"))
# Of several worker processes, one builds.
_LOCK = ROOT / ".build" / "tests.lock"
_LOOK_EVERY = 0.2


class ImageBuild:
    """The image's build, which goes on in the background from the start."""

    def __init__(self) -> None:
        # Without a name: worker processes end without tidying up.
        self._log = TemporaryFile(buffering=0)  # noqa: SIM115 - kept as long as it is written
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="image-build")
        self._done: Future[None] = pool.submit(self._build)
        pool.shutdown(wait=False)

    def _build(self) -> None:
        _LOCK.parent.mkdir(exist_ok=True)
        with _LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_stale(BUILD, root=ROOT, environment={}):
                return
            built = subprocess.run(BUILD, cwd=ROOT, stdout=self._log, stderr=self._log, check=False)
        if built.returncode != 0:
            raise HarnessError(f"exit code {built.returncode}\n{self._read(0).decode(errors='replace')}", where="build")

    def wait(self) -> None:
        """Wait for its end, its progress on the screen.

        Raises:
            HarnessError: It failed.
        """
        shown = 0
        while not self._done.done():
            time.sleep(_LOOK_EVERY)
            text = self._read(shown)
            shown += len(text)
            print(text.decode(errors="replace"), end="", file=sys.stderr, flush=True)
        self._done.result()

    def _read(self, start: int) -> bytes:
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, start)


_BUILD: pytest.StashKey[ImageBuild] = pytest.StashKey()


def needs_image(test: pytest.Item) -> bool:
    mark = test.get_closest_marker("engine")
    return mark is not None and bool(mark.kwargs.get("image", True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Of a module that needs it, the rest waits as well: modules stay together.
    modules = {test.path for test in items if needs_image(test)}
    items.sort(key=lambda test: test.path in modules)


def pytest_collection_finish(session: pytest.Session) -> None:
    if any(map(needs_image, session.items)) and not session.config.option.collectonly:
        session.config.stash[_BUILD] = ImageBuild()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not needs_image(item):
        return
    capture = item.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            item.config.stash[_BUILD].wait()
    except HarnessError as error:
        pytest.fail(f"tests with an engine need the image: {error}", pytrace=False)
