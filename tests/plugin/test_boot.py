"""What is asked of a booting container is waited for in the background, and asked once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import Answer, Answers, Clock, ContainerLost, EngineError, RunOptions
from image_harness.plugin import boot as module
from image_harness.plugin.boot import Boot

ROOT = Path(__file__).resolve().parents[2]
TOOK = timedelta(seconds=3)


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


def boot(design: Design, answer: Answer | Exception | None) -> Boot:
    answering: Future[tuple[Answer, timedelta]] = Future()
    if isinstance(answer, Exception):
        answering.set_exception(answer)
    elif answer is not None:
        answering.set_result((answer, TOOK))
    container = cast("Any", SimpleNamespace(name="box", address=lambda port: ("127.0.0.1", port.number + 1)))
    return Boot(container, cast("Any", None), answering, Future(), design, Clock)


def test_many_clients_ask_once(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ask(address: object, path: str, clients: int, limit: timedelta) -> Answers:
        asked.append((address, path, clients, limit))
        return Answers(Counter({200: clients}), Counter())

    monkeypatch.setattr(module, "ask_at_once", ask)
    booted = boot(design, Answer(answered=True))
    assert booted.load() is booted.load()
    assert asked == [(("127.0.0.1", 8094), "/health", design.runtime.clients, timedelta(seconds=10))]


def test_how_long_it_took_is_known_once_it_answers(design: Design) -> None:
    assert boot(design, Answer(answered=True)).duration == TOOK
    assert boot(design, Answer(answered=False)).duration is None
    assert boot(design, EngineError("gone")).duration is None
    assert boot(design, None).duration is None


def test_a_service_that_does_not_answer_has_nothing_to_show(design: Design) -> None:
    silent = boot(design, Answer(answered=False, reason="died"))
    with pytest.raises(ContainerLost, match="box: the service did not answer: died"):
        _ = silent.container
    with pytest.raises(ContainerLost):
        silent.load()


def test_what_nobody_asked_for_is_not_waited_for_once_the_container_is_gone(
    design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()

    @contextlib.contextmanager
    def run(_image: str, _options: RunOptions) -> Iterator[Any]:
        yield SimpleNamespace(name="box", state=lambda: None)
        gone.set()

    def wait(*_: object, **__: object) -> Any:  # noqa: ANN401 - it never comes to anything
        assert gone.wait(60)
        raise ContainerLost("the container is gone")

    monkeypatch.setattr(module, "wait_for_answer", wait)
    monkeypatch.setattr(module, "judge_health", wait)
    begin = time.monotonic()
    with Boot.start(cast("Any", SimpleNamespace(run=run)), design, "image", RunOptions(), Clock) as booting:
        assert booting.duration is None
    assert time.monotonic() - begin < 30
    with pytest.raises(ContainerLost, match="the container is gone"):
        booting.health.result()
