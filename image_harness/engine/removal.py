"""Taking away again what an engine was asked to make: also when it did not answer, or does not at first."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from image_harness.engine.client import translated
from image_harness.engine.errors import EngineError

if TYPE_CHECKING:
    from docker import APIClient

# What an engine may still be making when it has not answered: it goes on although nobody listens any more.
_LATE = timedelta(seconds=3)
_POLL = timedelta(milliseconds=100)
_GOING = 409


class Made(ABC):
    """Something that an engine was asked to make under a name.

    Args:
        client: The engine.
        name: The name, chosen by us, so that it can be removed when nobody told us what was made.

    Attributes:
        name: The same.
        unanswered: Whether the engine was asked and has not said what it did.
    """

    def __init__(self, client: APIClient, name: str) -> None:
        self._client = client
        self.name = name
        self.unanswered = False

    def remove(self) -> None:
        """Have it removed, and make sure that it is gone.

        Raises:
            EngineError: The engine did not do it.
        """
        self._wait_for_what_comes_late()
        remove_once(self._take_away, self.name)
        deadline = time.monotonic() + _LATE.total_seconds()
        while self.is_there() and time.monotonic() < deadline:
            time.sleep(_POLL.total_seconds())
        if self.is_there():
            raise EngineError("the engine said that it was removed, and it is there", where=self.name)
        self.unanswered = False

    def is_there(self) -> bool:
        """Whether the engine has it.

        Raises:
            EngineError: It does not say.
        """
        from docker.errors import NotFound  # noqa: PLC0415

        with translated(self.name):
            try:
                self._look()
            except NotFound:
                return False
        return True

    def _wait_for_what_comes_late(self) -> None:
        deadline = time.monotonic() + _LATE.total_seconds()
        while self.unanswered and time.monotonic() < deadline and not self.is_there():
            time.sleep(_POLL.total_seconds())

    def _ask(self, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - the library's answers
        from docker.errors import APIError  # noqa: PLC0415

        self.unanswered = True
        try:
            answer = make()
        except APIError:
            self.unanswered = False
            raise
        self.unanswered = False
        return answer

    @abstractmethod
    def _take_away(self) -> None:
        """Ask for its removal."""

    @abstractmethod
    def _look(self) -> object:
        """Ask for its description."""


class Creation(Made):
    """A container, with its anonymous volumes."""

    def create(self, body: Mapping[str, Any], platform: str | None) -> str:
        """Have it made; the engine's id of it."""
        answer = self._ask(
            lambda: self._client.create_container_from_config(body, self.name, platform)  # type: ignore[no-untyped-call]
        )
        return str(answer["Id"])

    def _take_away(self) -> None:
        self._client.remove_container(self.name, force=True, v=True)

    def _look(self) -> object:
        return self._client.inspect_container(self.name)


class NetworkCreation(Made):
    """A network."""

    def create(self, labels: Mapping[str, str]) -> None:
        """Have it made."""
        self._ask(lambda: self._client.create_network(self.name, labels=dict(labels)))

    def _take_away(self) -> None:
        self._client.remove_network(self.name)

    def _look(self) -> object:
        return self._client.inspect_network(self.name)


class Removals:
    """What is to be removed. What the engine does not remove at once it is asked for again at the end.

    That something cannot be removed says nothing of what was seen of it before.
    """

    def __init__(self) -> None:
        self._left: list[Made] = []

    def remove(self, made: Made) -> None:
        """Remove something now, or else at the end."""
        try:
            made.remove()
        except EngineError:
            self._left.append(made)

    def finish(self) -> None:
        """Remove what is left.

        Raises:
            EngineError: Something still is.
        """
        problems: dict[str, EngineError] = {}
        while self._left:
            made = self._left.pop()
            try:
                made.remove()
            except EngineError as error:
                problems[made.name] = error
        if problems:
            raise EngineError(
                f"not removed: {next(iter(problems.values())).what}",
                where=", ".join(problems),
                fix="image-harness clean removes it when this run has ended",
            )


def remove_once(remove: Callable[[], object], where: str) -> None:
    """Remove something that may be gone already, or be on its way out by another's hand."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415

    with translated(where):
        try:
            remove()
        except NotFound:
            return
        except APIError as error:
            if error.status_code != _GOING or "already in progress" not in str(error.explanation):
                raise
