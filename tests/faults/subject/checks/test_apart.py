"""What other containers show, which a check makes for itself."""

from __future__ import annotations

from datetime import timedelta

from image_harness import requirement
from image_harness.design import Design
from image_harness.engine import Clock, Engine, RunOptions, Share
from image_harness.plugin.fixtures import RunContainer
from image_harness.types import Port


@requirement("apart.stops")
def test_stops(run_container: RunContainer, design: Design, clock: Clock) -> None:
    with run_container(RunOptions(publish=(Port(design.service.port),), processor_share=Share.FIRST)) as container:
        container.wait_for_http("/health", clock.limit(design.runtime.answers_within))
        assert container.stop(timedelta(seconds=10)).exit_code == 0


@requirement("apart.unchanged")
def test_unchanged(run_container: RunContainer, design: Design, clock: Clock) -> None:
    with run_container(RunOptions(publish=(Port(design.service.port),), processor_share=Share.FIRST)) as container:
        container.wait_for_http("/health", clock.limit(design.runtime.answers_within))
        assert "/app/written" not in container.changes()


@requirement("apart.network")
def test_network(engine: Engine, run_container: RunContainer, design: Design, clock: Clock) -> None:
    command = (design.image.interpreter, "-c", "import os; exit(0 if os.getuid() == 65532 else 1)")
    with (
        engine.network() as network,
        run_container(RunOptions(command=command, network=network, processor_share=Share.FIRST)) as container,
    ):
        assert container.wait_exit(clock.limit(design.runtime.answers_within)) == 0
