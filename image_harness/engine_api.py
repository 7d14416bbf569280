"""A client for an engine's API, by whatever URL the engine is reached."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient
    from requests import PreparedRequest

_REQUEST = timedelta(minutes=1)
_VERSION = re.compile(r"^/v\d+(\.\d+)*(?=/)")
_LONG_ID = re.compile(r"(?<=[0-9a-f]{12})[0-9a-f]{52}")


class _Calls(threading.local):
    """What this thread has asked for last: whoever tells of a failure can name the call."""

    last = ""


_calls = _Calls()


def last_call() -> str:
    """The call that this thread has made last, for messages: ``GET /containers/0123456789ab/json``."""
    return _calls.last


def note_call(request: PreparedRequest) -> None:
    """Remember a call as the last of this thread."""
    path = _VERSION.sub("", request.path_url.partition("?")[0])
    _calls.last = f"{request.method} {_LONG_ID.sub('', path)}"


def open_api(url: str) -> APIClient:
    """Connect to an engine. Every call of the client has a time limit, and is known to ``last_call``.

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
    from image_harness.engine_client import Client  # noqa: PLC0415

    return Client(base_url=url, version="auto", timeout=int(_REQUEST.total_seconds()))
