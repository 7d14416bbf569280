"""A client for an engine's API, by whatever URL the engine is reached."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

_REQUEST = timedelta(minutes=1)


def open_api(url: str) -> APIClient:
    """Connect to an engine.

    Args:
        url: Where it listens, as DOCKER_HOST takes it.

    Raises:
        DockerException: It does not answer as an engine does.
        RequestException: It cannot be reached.
        HarnessError: The URL names no machine.
    """
    # The imports cost 0.2 s, which runs that need no engine should not pay.
    if url.startswith("ssh://"):
        from image_harness.engine_ssh import SshClient  # noqa: PLC0415

        return SshClient(url, _REQUEST)
    from docker import APIClient  # noqa: PLC0415

    return APIClient(base_url=url, version="auto", timeout=int(_REQUEST.total_seconds()))
