"""Worker processes of pytest-xdist, which must not outlive the run that they belong to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

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
