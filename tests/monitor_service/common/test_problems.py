"""Failures are told in fixed words."""

from __future__ import annotations

import socket

import pytest

from common.problems import describe


class AuthenticationError(Exception):
    """As Redis's client calls it."""


class ServerSelectionTimeoutError(Exception):
    """As MongoDB's client calls it."""


class ConfigurationError(Exception):
    """As MongoDB's client calls it."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (TimeoutError(), "timed out"),
        (ConnectionResetError(), "connection lost"),
        (socket.gaierror(), "host name not resolved"),
        (PermissionError(), "permission denied"),
        (AuthenticationError(), "credentials refused"),
        (ServerSelectionTimeoutError(), "timed out"),
        (ConfigurationError(), "unusable address"),
        (ValueError(), "failed (ValueError)"),
    ],
)
def test_words_for(error: Exception, words: str) -> None:
    assert describe(error) == words


def test_the_cause_tells_more_than_the_wrapper() -> None:
    wrapper = ValueError("redis://me:hunter2@cache")
    wrapper.__cause__ = ConnectionRefusedError()
    assert describe(wrapper) == "connection refused"


def test_the_error_s_own_text_is_not_repeated() -> None:
    assert "hunter2" not in describe(ValueError("redis://me:hunter2@cache"))


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert describe(first) == "failed (ValueError)"
