"""Images out of a running engine: its ``docker save`` stream, spooled to an anonymous temporary file."""

from __future__ import annotations

from contextlib import ExitStack, closing

import docker
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from image_harness.image.archive import ArchiveSource
from image_harness.image.errors import ImageError, printable
from image_harness.image.limits import IMAGE_BYTES, MIB
from image_harness.image.reference import ImageReference
from image_harness.image.spool import Spool


def open_daemon_image(reference: ImageReference, docker_host: str | None) -> ArchiveSource:
    """Have an engine save an image.

    Args:
        reference: The engine's name for it.
        docker_host: Where the engine listens, as DOCKER_HOST takes it; None for the environment's choice.

    Raises:
        ImageError: There is no engine, it does not have the image, or the stream broke off.
    """
    where = printable(str(reference))
    with ExitStack() as files:
        spool = Spool(where)
        files.callback(spool.close)
        try:
            client = docker.DockerClient(base_url=docker_host) if docker_host else docker.from_env()
            with closing(client):
                for piece in client.api.get_image(reference.name, chunk_size=MIB):
                    spool.write(piece)
                    if spool.size > IMAGE_BYTES:
                        raise ImageError(f"has more than {IMAGE_BYTES} bytes", where=where)
        except NotFound:
            raise ImageError("the engine has no such image", where=where, fix="build it, or check the name") from None
        except (DockerException, RequestException, OSError) as error:
            raise ImageError(
                f"the engine does not give it: {printable(str(error))}",
                where=where,
                fix="check that the engine runs and that DOCKER_HOST names it",
            ) from None
        return ArchiveSource(spool.blob(), files.pop_all())
