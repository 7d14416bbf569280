"""Worker processes of pytest-xdist: what they share, and that they do not outlive the run that they belong to."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from image_harness.types import Evidence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Let the kernel end this process when its parent ends, see prctl(2).

    A worker whose run was killed would go on with its check, its containers taken for those of a living run.
    """
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):  # not Linux: such a worker ends when its check does
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class Companions:
    """Which tests one worker is to decide, told by the workers to the process that shares the tests out.

    What a worker collects reaches that process as mere names, so it lends each a file of its own memory to write in.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("tests-that-need-containers")

    @property
    def path(self) -> str:
        """Where workers on this machine find the file."""
        return f"/proc/{os.getpid()}/fd/{self._file}"

    def read(self) -> frozenset[str]:
        """The names that workers have written; none when they are on another machine."""
        return frozenset(json.loads(os.pread(self._file, os.fstat(self._file).st_size, 0) or "[]"))

    def close(self) -> None:
        """Give the memory back."""
        os.close(self._file)


def write_companions(path: str, names: Sequence[str]) -> None:
    """Tell the process that shares the tests out which ones belong together; all workers write the same."""
    with contextlib.suppress(OSError):  # it is on another machine: there each worker has containers of its own
        Path(path).write_text(json.dumps(names))


def scheduling(config: pytest.Config, log: Any, companions: Companions) -> Any:  # noqa: ANN401 - xdist's, which need not be there
    """Share tests out one by one as xdist does, but for those that belong together."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415

    class ContainersTogether(LoadScopeScheduling):  # type: ignore[misc]
        @functools.cached_property
        def together(self) -> frozenset[str]:
            return companions.read()

        def _split_scope(self, nodeid: str) -> str:
            return "containers" if nodeid in self.together else str(nodeid)

    return ContainersTogether(config, log)


def needs_container(test: pytest.Item) -> bool:
    """Whether a container has to run for a test."""
    return test.get_closest_marker(Evidence.RUNTIME) is not None
