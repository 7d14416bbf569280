"""What can go wrong with an engine, kept apart so that no failure of the engine passes as a finding about the image."""

from __future__ import annotations

from image_harness.errors import HarnessError


class EngineError(HarnessError):
    """The engine could not be reached, or refused a request."""


class CommandNotRun(EngineError):  # noqa: N818 - named by what happened
    """A command never started: no such executable, user or directory, or the engine refused it."""


class CommandTimedOut(EngineError):  # noqa: N818 - named by what happened
    """A command was started and had not ended when its time was up."""


class ContainerLost(EngineError):  # noqa: N818 - named by what happened
    """The container is gone or stopped, so what was asked of it cannot be answered."""


class ContainerDied(ContainerLost):
    """The container ended while something was waited for; the message has its exit code and last log lines."""


class WaitExpired(EngineError):  # noqa: N818 - named by what happened
    """What was waited for did not come in time, in a container that still runs."""


class NotGranted(EngineError):  # noqa: N818 - named by what happened
    """The engine cannot run a container under the circumstances that were asked for; the image is not to blame."""
