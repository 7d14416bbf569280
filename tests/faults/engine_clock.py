"""An engine whose clock has been set: its answers bear another time, and times that it is asked about are its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.faults.messages import Message


def dated(answer: Message, set_by: float) -> Message:
    """An answer as the engine gives it after its clock was set by so many seconds."""
    told = answer.headers.get("date")
    if not set_by or told is None:
        return answer
    now = parsedate_to_datetime(told) + timedelta(seconds=set_by)
    return replace(answer, headers={**answer.headers, "date": format_datetime(now, usegmt=True)})


def by_the_clock(request: Message, set_by: float) -> Message:
    """A request as the real engine, whose clock nobody has set, is to understand it: "until now" means its own now."""
    method, target = request.words
    parts = urlsplit(target)
    asked = dict(parse_qsl(parts.query))
    if not set_by or "until" not in asked:
        return request
    asked["until"] = f"{float(asked['until']) - set_by:.6f}"
    return replace(request, start=f"{method} {parts.path}?{urlencode(asked)} HTTP/1.1")
