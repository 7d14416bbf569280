"""What could not be looked at raises when it is asked for, and costs nothing else."""

from __future__ import annotations

import pytest

from image_harness.engine import EngineError, Seen


def test_what_was_seen_is_kept() -> None:
    assert Seen(lambda: 8093).value == 8093


def test_nothing_can_be_seen_as_well() -> None:
    assert Seen(lambda: None).value is None


def refuse() -> int:
    raise EngineError("gone", where="box")


def reset() -> int:
    raise ConnectionResetError("reset by peer")


def test_an_engines_failure_raises_when_the_value_is_asked_for() -> None:
    seen = Seen(refuse)
    with pytest.raises(EngineError, match="box: gone"):
        _ = seen.value


def test_a_lost_connection_is_the_engines_failure() -> None:
    with pytest.raises(EngineError, match="ConnectionResetError: reset by peer"):
        _ = Seen(reset).value
