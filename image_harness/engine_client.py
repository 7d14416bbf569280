"""The client library's client, held to what it leaves open: a time limit for every call, and which call it was."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from docker import APIClient
from requests import PreparedRequest, Request, Response

from image_harness.engine_api import note_call


@dataclass(frozen=True, slots=True)
class ToldTime:
    """What time it was at the engine, and when it said so by a clock that nobody can set.

    Attributes:
        engine: Seconds since 1970.
        here: Seconds of this machine's monotonic clock.
    """

    engine: float
    here: float

    def now(self) -> float:
        """What time it is there, unless its clock has been set meanwhile."""
        return self.engine + time.monotonic() - self.here

    def set_by(self, later: ToldTime) -> float:
        """By how many seconds the engine's clock was set until it told the time again, the fractions aside."""
        return (later.engine - self.engine) - (later.here - self.here)


class Client(APIClient):
    """A client whose calls all end, and that goes to its engine directly.

    The library waits without end where it expects a stream. What a call of ours streams is either known to end soon, or
    read by a thread that nobody waits for.

    For each call it looks through the environment for proxies, too. None belongs between us and an engine, and a thread
    that lists the environment while another one takes a variable away fails, as pytest does before and after each test.

    Attributes:
        told_time: The time as the engine told it with its last answer; None before it has.
    """

    told_time: ToldTime | None = None

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Make a request of what this call and this client say; the environment has no part in it."""
        self.trust_env = False
        return super().prepare_request(request)

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # noqa: ANN401 - the library's signature
        """Send a request, at the latest until the client's own time limit is over."""
        note_call(request)
        if options.get("timeout") is None:
            options["timeout"] = self.timeout
        # Called as soon as the head is there, which has the date: the rest may be long in coming, as events up to a
        # moment end only then. How long it took is no help: the library measures that by a clock that can be set.
        request.register_hook("response", self._note_time)  # type: ignore[no-untyped-call]
        return super().send(request, **options)

    def _note_time(self, response: Response, **_: object) -> None:
        at = time.monotonic()
        try:
            told = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError):
            return
        # The engine leaves the fraction out: half a second is the best guess.
        self.told_time = ToldTime(told + 0.5, at)
