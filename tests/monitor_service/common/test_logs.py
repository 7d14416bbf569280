"""Each record is one line, without secrets."""

from __future__ import annotations

import logging
import sys

from common.logs import OneLineFormatter


def _record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("name", logging.INFO, __file__, 1, message, args, exc_info)  # type: ignore[arg-type]


def test_a_traceback_stays_within_the_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        line = OneLineFormatter().format(_record("failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert line.endswith("ValueError: first | second")


def test_a_line_break_in_a_message_does_not_forge_a_line() -> None:
    assert OneLineFormatter().format(_record("a\r\n2026-01-01 INFO b")).count("\n") == 0


def test_secrets_are_replaced_in_messages_arguments_and_tracebacks() -> None:
    formatter = OneLineFormatter({"hunter2", "hunter2-long"})
    try:
        raise ValueError("hunter2-long")
    except ValueError:
        line = formatter.format(_record("got hunter2 %s", "hunter2", exc_info=sys.exc_info()))
    assert "hunter2" not in line
    assert "-long" not in line.split("ValueError:")[-1]


def test_a_secret_of_a_letter_or_two_does_not_spoil_the_log() -> None:
    assert OneLineFormatter({"e"}).format(_record("here")).endswith("name: here")


def test_the_time_is_utc_with_milliseconds() -> None:
    record = _record("x")
    record.created, record.msecs = 0.25, 250.0
    assert OneLineFormatter().format(record) == "1970-01-01T00:00:00.250Z INFO name: x"
