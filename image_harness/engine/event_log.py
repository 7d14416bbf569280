"""What an engine remembers of a container: its events, read up to now and no further."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from image_harness.engine.client import ask, translated
from image_harness.engine.errors import EngineError
from image_harness.engine_api import last_call
from image_harness.engine_client import Client, ToldTime

if TYPE_CHECKING:
    from docker import APIClient

# Engines tell the time of an answer in whole seconds.
_SAME_CLOCK = 1.5
# So it is a second later there than they say, and on a busy machine their answer is on its way for some time.
_LATER = 2.0
# Engines note an event a moment after what it is about.
_NOTED_WITHIN = 1.0


class EventLog:
    """The events of one container.

    Args:
        client: The engine.
        container_id: What it calls the container.
        name: What messages call it.
        hurries: Whether the engine stops reading when the time comes that it was asked to stop at, however far it has
            come. Podman does with the file that it keeps events in: of a long one, or on a busy machine, it tells only
            the beginning. Asked not to stream, it tells all that it knows by then.
    """

    def __init__(self, client: APIClient, container_id: str, name: str, *, hurries: bool = False) -> None:
        self._client = client
        self._id = container_id
        self._name = name
        self._hurries = hurries

    def read(
        self, events: Sequence[str], since: datetime, *, including: datetime | None = None
    ) -> list[Mapping[str, Any]]:
        """The events of these kinds, oldest first.

        Args:
            events: The kinds.
            since: When the first of them may have been, by the engine's clock.
            including: When something was, by the engine's clock, whose event is wanted, too: that clock may be ahead
                of this machine's, and the event be noted a moment later. It is waited for until then.

        Raises:
            EngineError: The engine did not tell, or told of another container.
        """
        start = math.floor(since.timestamp())
        now = self._now(start)
        end = now
        if including is not None:
            # Further ahead it is only when it has been set since, and a wait for that would take as long.
            end = max(now, min(including.timestamp(), now + _SAME_CLOCK) + _NOTED_WITHIN)
        parameters: dict[str, str | int] = {
            "since": start,
            "filters": json.dumps({"container": [self._id], "event": list(events)}),
        }
        if self._hurries:
            time.sleep(end - now)
            parameters["stream"] = "false"
        else:
            parameters["until"] = f"{end:.6f}"
        with translated(self._name):
            found: list[Mapping[str, Any]] = list(_documents(ask(self._client, "/events", parameters).text))
            for event in found:
                self._require_ours(event)
        return found

    def told_time(self) -> ToldTime | None:
        """The time as the engine told it with its last answer; None when it did not."""
        return self._client.told_time if isinstance(self._client, Client) else None

    def _now(self, start: int) -> float:
        """Now, as the engine's clock has it: a time to come would keep the answer open until then.

        The engine may be of another machine, or the clock of this one have been set.
        """
        told = self.told_time()
        now = time.time()
        if told is None or abs(told.now() - now) < _SAME_CLOCK:
            # Of two clocks that agree but for a second, this one may not have come to the start yet.
            return start + 1 if now < start < now + _SAME_CLOCK else now
        return told.now() + _LATER

    def _require_ours(self, event: Mapping[str, Any]) -> None:
        whose = (event.get("Actor") or {}).get("ID") or event.get("id")
        if whose != self._id:
            what = f"the engine's answer to {last_call()} is of another container: {whose}"
            raise EngineError(what, where=self._name)


def _documents(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        document, position = decoder.raw_decode(text, position)
        yield document
