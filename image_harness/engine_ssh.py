"""An engine on another machine, reached through the user's own ssh.

The client library has a transport for ssh as well. It needs another implementation of the protocol, whose import every
run would pay for, and hands out the pipes of a command instead of a socket: what a program in a container writes is
lost between their buffers.
"""

from __future__ import annotations

import socket
import subprocess
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from requests.adapters import BaseAdapter

from image_harness.engine_client import Client
from image_harness.errors import HarnessError

_GOODBYE = timedelta(seconds=5)


def ssh_command(url: str) -> tuple[str, ...]:
    """The command whose input and output are a connection to the engine of ``ssh://[USER@]HOST[:PORT]``.

    Keys, known hosts and jump hosts are as the user has configured them for ssh.

    Raises:
        HarnessError: The URL is another one.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.path not in ("", "/"):
        raise HarnessError("not the URL of an engine behind ssh", where=url, fix="write it as ssh://USER@HOST:PORT")
    user = ("-l", parts.username) if parts.username else ()
    port = ("-p", str(parts.port)) if parts.port else ()
    # Nobody is there to be asked for a password, and a shared connection would outlive this process.
    fixed = ("-T", "-o", "BatchMode=yes", "-o", "ControlMaster=no")
    return ("ssh", *fixed, *user, *port, "--", parts.hostname, "docker system dial-stdio")


class SshClient(Client):
    """The library's client for a local socket, its connections replaced before it uses them.

    Args:
        url: The engine's.
        timeout: How long a request may take.
    """

    def __init__(self, url: str, timeout: timedelta) -> None:
        self._command = ssh_command(url)
        super().__init__(base_url="unix:///ssh", version="auto", timeout=int(timeout.total_seconds()))

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Register what requests are sent by; what was to be a socket's is ours."""
        ours = _Adapter(self._command, self.timeout) if isinstance(adapter, UnixHTTPAdapter) else adapter
        super().mount(prefix, ours)


class _Adapter(UnixHTTPAdapter):
    """Takes the requests of a client."""

    def __init__(self, command: tuple[str, ...], timeout: int) -> None:
        super().__init__("http+unix:///ssh", timeout)
        self._command = command

    def get_connection(self, url: Any, proxies: Any = None) -> Any:  # noqa: ANN401, ARG002 - the library's signature
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _Pool(url, self._command, self.timeout)
        return pool


class _Pool(UnixHTTPConnectionPool):
    """Connections that are used again."""

    def __init__(self, url: str, command: tuple[str, ...], timeout: int) -> None:
        super().__init__(url, "/ssh", timeout)
        self._command = command

    def _new_conn(self) -> Any:  # noqa: ANN401 - the library has two types for a connection
        return _Connection(self.base_url, self._command, self.timeout)


class _Connection(UnixHTTPConnection):
    """A connection through a process of its own."""

    def __init__(self, url: str, command: tuple[str, ...], timeout: Any) -> None:  # noqa: ANN401 - likewise
        super().__init__(url, "/ssh", timeout)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen(self._command, stdin=end, stdout=end, stderr=subprocess.DEVNULL)
        ours.settimeout(self.timeout)
        self.sock = ours

    def close(self) -> None:
        super().close()
        if self._process is None:
            return
        try:
            self._process.wait(_GOODBYE.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
