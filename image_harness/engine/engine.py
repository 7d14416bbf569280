"""A container engine: Docker, or Podman through its Docker-compatible socket."""

from __future__ import annotations

import contextlib
import functools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from image_harness.engine.answers import require_container, require_image
from image_harness.engine.client import EngineFacts, connect, resolve_url, translated
from image_harness.engine.container import Container
from image_harness.engine.errors import EngineError
from image_harness.engine.granted import require_granted
from image_harness.engine.logs import LOG_CONFIGURATION
from image_harness.engine.options import RunOptions, create_request
from image_harness.engine.ownership import NAME_LABEL, OWN_IMAGES, PREFIX, RUN_LABEL, RunIdentity, is_dead
from image_harness.engine.place import Place
from image_harness.engine.podman import NAME as PODMAN
from image_harness.engine.podman import podman_health_request, podman_image_health_check
from image_harness.engine.removal import Creation, NetworkCreation, Removals, remove_once
from image_harness.types import Platform

if TYPE_CHECKING:
    from docker import APIClient

_POLL = timedelta(milliseconds=100)
# Beyond this, what is there is not on its way out.
_STUBBORN = timedelta(seconds=20)
_IN_USE = 409
_LABEL_FILTER = {"label": [RUN_LABEL]}


class Engine:
    """A connection to an engine.

    Attributes:
        facts: What the engine says about itself.
    """

    def __init__(self, client: APIClient, facts: EngineFacts) -> None:
        self._client = client
        self._removals = Removals()
        self.facts = facts

    @classmethod
    def connect(cls, engine: str = "docker") -> Self:
        """Connect to ``docker``, ``podman`` or a URL as DOCKER_HOST takes it.

        Raises:
            HarnessError: Not an engine's name or URL.
            EngineError: No engine answers there.
        """
        return cls(*connect(resolve_url(engine)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what could not be removed before, and close the connection.

        Raises:
            EngineError: Something is left, which ``image-harness clean`` removes when the engine does as it is told.
        """
        try:
            self._removals.finish()
        finally:
            self._client.close()

    @property
    def url(self) -> str:
        """Where the engine was reached, as DOCKER_HOST takes it."""
        return self.facts.url

    def emulates(self, platform: Platform) -> bool:
        """Whether programs of this platform run under emulation here."""
        return platform.architecture != self.facts.architecture

    def image_exists(self, reference: str) -> bool:
        """Whether the engine has the image."""
        return self._image(reference) is not None

    def image_id(self, reference: str) -> str:
        """The engine's id of an image.

        Raises:
            EngineError: It has no such image.
        """
        document = self._image(reference)
        if document is None:
            raise EngineError("the engine has no such image", where=reference, fix="build it, or check the name")
        return str(document["Id"])

    @contextlib.contextmanager
    def run(self, image_reference: str, options: RunOptions | None = None) -> Iterator[Container]:
        """Run an image; its container and anonymous volumes are removed at the end, however the block is left.

        Raises:
            EngineError: The engine has no such image, or could not start it as it was asked to.
        """
        chosen = options or RunOptions()
        image_id = self.image_id(image_reference)  # pulls nothing: what is checked is what is here
        # We choose the name, so that what an interrupted request has made can be removed as well.
        name = f"{PREFIX}-{uuid.uuid4().hex[:12]}"
        body = self._create_request(image_reference, chosen, name)
        creation = Creation(self._client, name)
        try:
            with translated(f"{image_reference} ({image_id[:19]})"):
                platform = None if chosen.platform is None else str(chosen.platform)
                container_id = creation.create(body, platform)
                document = self._client.inspect_container(container_id)
                require_container(document, container_id, name)
                require_image(document, image_id, name)
                require_granted(document, chosen, where=name)
                if chosen.files:
                    self._client.put_archive(container_id, "/", chosen.files)
                self._client.start(container_id)
            container = Container(self._client, container_id, name, self.facts)
            container.require_started()
            yield container
        finally:
            self._removals.remove(creation)

    @contextlib.contextmanager
    def network(self) -> Iterator[str]:
        """A network of its own for containers that are to see each other; its name."""
        name = f"{PREFIX}-{uuid.uuid4().hex[:12]}"
        creation = NetworkCreation(self._client, name)
        try:
            with translated(name):
                creation.create(RunIdentity.current().labels())
            yield name
        finally:
            self._removals.remove(creation)

    def remove_leftovers(self, *, settle: timedelta = timedelta()) -> int:
        """Remove what dead runs of this machine left in the engine; see ``remove_leftovers`` of this package."""
        removed: set[str] = set()
        start = last = time.monotonic()
        while True:
            found = self._leftovers()
            now = time.monotonic()
            if found and now - start > _STUBBORN.total_seconds():
                raise EngineError(f"{', '.join(found)} of dead runs cannot be removed", where=self.url)
            for name, remove in found.items():
                remove_once(remove, name)
                last = time.monotonic()
            removed |= set(found)
            if not found and now - last >= settle.total_seconds():
                return len(removed)
            time.sleep(_POLL.total_seconds())

    def remove_leftover_images(self) -> int:
        """Remove the images that dead runs of this machine loaded for themselves, but for those with a container.

        Returns:
            How many were removed.

        Raises:
            EngineError: The engine did not do it.
        """
        here = RunIdentity.current().digested()
        found = []
        with translated(self.url):
            for image in self._client.images(name=OWN_IMAGES):
                for reference in image["RepoTags"] or []:
                    repository, _, tag = reference.rpartition(":")
                    owner = RunIdentity.from_tag(tag) if repository.rpartition("/")[2] == OWN_IMAGES else None
                    if owner is not None and is_dead(owner, here, local_engine=self._is_local):
                        found.append(reference)
        return sum(self._remove_image(reference) for reference in found)

    def _remove_image(self, reference: str) -> bool:
        """Remove an image that no container is of: by force, an engine would take its name only, for good."""
        from docker.errors import APIError  # noqa: PLC0415

        try:
            remove_once(functools.partial(self._client.remove_image, reference), reference)
        except EngineError as error:
            if isinstance(error.__cause__, APIError) and error.__cause__.status_code == _IN_USE:
                return False
            raise
        return True

    @property
    def _is_local(self) -> bool:
        return self.url.startswith(("unix:", "http+unix:"))

    def _leftovers(self) -> dict[str, Callable[[], object]]:
        """What dead runs of this machine left, by name, and how to remove it; containers before their networks."""
        here = RunIdentity.current()
        found: dict[str, Callable[[], object]] = {}
        with translated(self.url):
            for container in self._client.containers(all=True, filters=_LABEL_FILTER):
                if _is_of_the_dead(container, here, local_engine=self._is_local):
                    name = str((container["Names"] or [container["Id"]])[0]).removeprefix("/")
                    found[name] = functools.partial(self._client.remove_container, container["Id"], force=True, v=True)
            for network in self._client.networks(filters=_LABEL_FILTER):
                if _is_of_the_dead(network, here, local_engine=self._is_local):
                    found[str(network["Name"])] = functools.partial(self._client.remove_network, network["Id"])
        return found

    def _create_request(self, image_reference: str, options: RunOptions, name: str) -> dict[str, Any]:
        labels = RunIdentity.current().labels() | {NAME_LABEL: name}
        body = create_request(image_reference, options, labels, publish_on=Place.of(self.url).publish_on)
        if self.facts.name != PODMAN:
            body["HostConfig"]["LogConfig"] = dict(LOG_CONFIGURATION)
        elif options.health_check is not None and not options.health_check.is_none:
            with translated(image_reference):
                image = podman_image_health_check(self._client, image_reference)
            body["Healthcheck"] = podman_health_request(options.health_check, image)
        return body

    def _image(self, reference: str) -> dict[str, Any] | None:
        from docker.errors import NotFound  # noqa: PLC0415

        try:
            with translated(reference):
                return dict(self._client.inspect_image(reference))  # type: ignore[no-untyped-call]
        except EngineError as error:
            if isinstance(error.__cause__, NotFound):
                return None
            raise


def _is_of_the_dead(document: Mapping[str, Any], here: RunIdentity, *, local_engine: bool) -> bool:
    owner = RunIdentity.from_labels(document["Labels"] or {})
    return owner is not None and is_dead(owner, here, local_engine=local_engine)


def remove_leftovers(engine: Engine, *, settle: timedelta = timedelta()) -> int:
    """Remove the containers, their anonymous volumes, and the networks of runs of this machine that have died.

    What belongs to a run that lives, to another machine or to anybody else stays.

    Args:
        engine: Where to look.
        settle: How long to go on looking once nothing is found: what a run asked for before it was killed, the engine
            may still be making.

    Returns:
        How many containers and networks were removed.

    Raises:
        EngineError: The engine did not do it.
    """
    return engine.remove_leftovers(settle=settle)
