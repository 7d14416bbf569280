"""The way to an engine: which URL, one connection, and its refusals as one-line errors."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from image_harness.engine.errors import EngineError
from image_harness.engine_api import last_call, open_api
from image_harness.errors import HarnessError

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

DOCKER_SOCKET = "unix:///var/run/docker.sock"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_SCHEMES = ("unix", "tcp", "ssh", "http", "https", "http+unix")
_SSH_FIX = "check that 'docker version' works there by ssh, without a password"
_FIX = "check that it runs, or let ./qemu-setup.sh install and start one"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says about itself.

    Attributes:
        name: ``docker`` or ``podman``.
        version: Its own version.
        api_version: The version of the Docker API that it speaks.
        architecture: Of its host, in the words of GOARCH.
        store: Where it keeps images: a graph driver, or a snapshotter of containerd.
        url: Where it was reached.
    """

    name: str
    version: str
    api_version: str
    architecture: str
    store: str
    url: str


def resolve_url(engine: str, environment: Mapping[str, str] | None = None) -> str:
    """The URL for ``docker``, ``podman`` or a URL.

    Args:
        engine: What the user asked for.
        environment: Where DOCKER_HOST, CONTAINER_HOST and XDG_RUNTIME_DIR are read; the process's own by default.

    Raises:
        HarnessError: It is none of the three.
    """
    variables = os.environ if environment is None else environment
    if engine == "docker":
        return variables.get("DOCKER_HOST") or DOCKER_SOCKET
    if engine == "podman":
        return variables.get("CONTAINER_HOST") or f"unix://{_podman_socket(variables.get('XDG_RUNTIME_DIR'))}"
    scheme, separator, rest = engine.partition("://")
    if not separator or scheme not in _SCHEMES or not rest:
        raise HarnessError(
            f"not an engine: {engine!r}", fix="use docker, podman or a URL such as unix:///run/engine.sock"
        )
    return engine


def connect(url: str) -> tuple[APIClient, EngineFacts]:
    """Open a connection and ask the engine who it is.

    Raises:
        EngineError: Nothing answers there, or not as an engine does.
    """
    from docker.errors import DockerException  # noqa: PLC0415 - costs 0.2 s, which runs without an engine should not pay
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    client: APIClient | None = None
    try:
        _knock(url)
    except OSError as error:
        raise _nobody(url, error) from None
    try:
        client = open_api(url)
        return client, _facts(url, client)
    except (DockerException, RequestException, HTTPError, OSError, LookupError, ValueError, TypeError) as error:
        if client is not None:
            client.close()
        raise _nobody(url, error, last_call()) from None


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what the client library raises into one line that names the call.

    Raises:
        EngineError: The engine refused a request, the connection was lost, or the answer cannot be read.
    """
    from docker.errors import APIError, DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - what breaks off in the middle raises these

    try:
        yield
    except EngineError:
        raise
    except APIError as error:
        raise EngineError(f"the engine refused: {error.explanation or error} ({last_call()})", where=where) from error
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise EngineError(
            f"the engine did not answer {last_call()} ({_reason(error)})", where=where, fix=_FIX
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise EngineError(f"the engine's answer to {last_call()} cannot be read ({what})", where=where) from error


def ask(client: APIClient, path: str, parameters: Mapping[str, str | int]) -> Response:
    """The engine's whole answer to a question for which the client library has no method that will do.

    Raises:
        APIError: The engine refused.
    """
    from docker.errors import create_api_error_from_http_exception  # noqa: PLC0415
    from requests.exceptions import HTTPError  # noqa: PLC0415

    response = client.get(f"{client.base_url}/v{client.api_version}{path}", params=dict(parameters))
    try:
        response.raise_for_status()
    except HTTPError as error:
        create_api_error_from_http_exception(error)  # raises
    return response


def architecture_name(text: str) -> str:
    """The name in GOARCH for what the kernel calls a machine."""
    return _ARCHITECTURES.get(text, text)


def _nobody(url: str, error: BaseException, call: str = "") -> EngineError:
    reason = f"{_reason(error)}, {call}" if call else _reason(error)
    return EngineError(f"no engine answers ({reason})", where=url, fix=_SSH_FIX if url.startswith("ssh:") else _FIX)


def _knock(url: str) -> None:
    """Try a socket before the library does, which leaves its own end open when nobody listens."""
    scheme, _, path = url.partition("://")
    if scheme in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.connect(path)


def _facts(url: str, client: APIClient) -> EngineFacts:
    version, info = client.version(), client.info()
    components = {str(component.get("Name", "")).lower() for component in version.get("Components") or ()}
    podman = any("podman" in name for name in components)
    return EngineFacts(
        name="podman" if podman else "docker",
        version=str(version["Version"]),
        api_version=str(client.api_version),
        architecture=architecture_name(str(info["Architecture"])),
        store=_store(info.get("Driver"), info.get("DriverStatus") or ()),
        url=url,
    )


def _store(driver: object, status: object) -> str:
    pairs = status if isinstance(status, list | tuple) else ()
    containerd = any(len(pair) == 2 and "containerd" in str(pair[1]) for pair in pairs)
    return f"containerd {driver}" if containerd else str(driver)


def _podman_socket(runtime_directory: str | None) -> Path:
    rootful = Path("/run/podman/podman.sock")
    if os.geteuid() == 0 or runtime_directory is None:
        return rootful
    return Path(runtime_directory) / "podman/podman.sock"


def _reason(error: BaseException) -> str:
    """The innermost cause, without the wrappings of the HTTP libraries."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return " ".join(str(cause).split())[:200] or type(cause).__name__
