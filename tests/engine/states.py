"""States of containers, as an engine would tell them."""

from __future__ import annotations

from datetime import datetime

from image_harness.engine import ContainerState, ContainerStatus, Health


def running(health: Health, started_at: datetime | None = None) -> ContainerState:
    """Return the state of a container that runs, and that nothing has happened to."""
    return ContainerState(
        status=ContainerStatus.RUNNING,
        running=True,
        exit_code=None,
        oom_killed=False,
        error="",
        pid=42,
        started_at=started_at,
        finished_at=None,
        health=health,
    )
