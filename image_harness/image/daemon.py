"""Images out of a running engine: its ``docker save`` stream, read while it arrives.

The stream goes into an anonymous temporary file, so that this transport meets the others in one reader. An engine takes
its time to put an image together; the layers that have arrived are read meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from image_harness.engine_api import last_call, open_api
from image_harness.errors import HarnessError
from image_harness.image.blobs import Blob
from image_harness.image.errors import ImageError, printable
from image_harness.image.growing import GrowingHandle
from image_harness.image.limits import IMAGE_BYTES, KIB
from image_harness.image.reference import ImageReference
from image_harness.image.spool import Spool
from image_harness.types import Digest

_PIECE: Final = 256 * KIB
#: An engine may put a large image together before it sends the first byte; one that is silent for longer is gone.
_SILENCE: Final = timedelta(minutes=10)
_ALGORITHM: Final = "sha256:"
#: What the libraries raise when an engine is gone, breaks off, or answers what nobody can read.
_FAILURES: Final = (
    DockerException,
    RequestException,
    HTTPError,
    HarnessError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
)


def require_asked_for(reference: ImageReference, ids: Collection[Digest], docker_host: str | None) -> None:
    """Make sure that what an engine has sent is what it calls by the name that was asked for.

    Args:
        reference: The name.
        ids: What the engine may call the image that it has sent.
        docker_host: As for `Transfer`.

    Raises:
        ImageError: It is another image: the engine confuses them, or the name was given to another one meanwhile.
    """
    where = printable(str(reference))
    try:
        with closing(_open(docker_host)) as api:
            found = str(api.inspect_image(reference.name)["Id"])  # type: ignore[no-untyped-call]
    except _FAILURES as error:
        what = f"the engine does not say which image it gave: {printable(str(error))} ({last_call()})"
        raise ImageError(what, where=where) from error
    if found.removeprefix(_ALGORITHM) not in {digest.hex for digest in ids}:
        given = f"GET /images/{reference.name}/get"
        what = f"the engine gave another image ({given}) than the one that it calls {found} ({last_call()})"
        raise ImageError(what, where=where, fix="check again: was it built anew meanwhile?")


class Transfer:
    """An engine saving an image, on a thread of its own.

    Args:
        reference: The engine's name for it.
        docker_host: Where the engine listens, as DOCKER_HOST takes it; None for the environment's choice.

    Attributes:
        blob: The archive, which grows: reading past what has arrived waits, and tells what the engine did wrong.

    Raises:
        ImageError: There is no room for the archive.
    """

    def __init__(self, reference: ImageReference, docker_host: str | None) -> None:
        self._reference = reference
        self._docker_host = docker_host
        self._stopped = False
        where = printable(str(reference))
        self._spool = Spool(where, self._new_handle)
        self.blob = Blob(where, self._handle, 0, IMAGE_BYTES)
        threading.Thread(target=self._run, name="docker save", daemon=True).start()

    def finish(self) -> None:
        """Wait for the end of the stream.

        Raises:
            ImageError: It broke off.
        """
        self._handle.wait_for_end()

    def stop(self) -> None:
        """Make readers wait no longer, and take nothing more from the engine."""
        self._stopped = True
        self._handle.end()

    def _new_handle(self, number: int) -> GrowingHandle:
        self._handle = GrowingHandle(number)
        return self._handle

    def _run(self) -> None:
        try:
            with closing(_open(self._docker_host)) as api:
                self._receive(api)
        except ImageError as error:
            self._handle.end(error)
        except _FAILURES as error:
            what = f"the engine does not give the image: {printable(str(error))} ({last_call()})"
            self._fail(what, "check that it runs and that DOCKER_HOST names it")
        else:
            self._handle.end()

    def _receive(self, api: docker.APIClient) -> None:
        # The client's own get_image() cannot be left before its end without leaving the connection open.
        name = quote(self._reference.name, safe="/:@")
        url = f"{api.base_url}/v{api.api_version}/images/{name}/get"
        with api.get(url, stream=True, timeout=_SILENCE.total_seconds()) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                self._fail("the engine has no such image", "build it, or check the name")
                return
            if not response.ok:
                self._fail(
                    f"the engine answers {response.status_code}: {printable(response.text.strip())} ({last_call()})"
                )
                return
            for piece in response.iter_content(_PIECE):
                if self._stopped:
                    return
                self._spool.write(piece)
                if self._spool.size > IMAGE_BYTES:
                    self._fail(f"has more than {IMAGE_BYTES} bytes")
                    return
                self._handle.grow(self._spool.size)

    def _fail(self, what: str, fix: str | None = None) -> None:
        self._handle.end(ImageError(what, where=printable(str(self._reference)), fix=fix))


def _open(docker_host: str | None) -> docker.APIClient:
    # Without one, the client library looks for what the docker command would use.
    return open_api(docker_host) if docker_host else docker.from_env().api
