"""The service in a container of its own, for tools that look from inside of one or at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.peers.model import Assertion
from image_harness.design import load_design
from image_harness.engine import Container, Engine, EngineError, RunOptions
from image_harness.engine.options import Mount
from image_harness.types import Port

_DESIGN = Path(__file__).resolve().parents[2] / "designs" / "rdp-monitor.yaml"
_PATIENCE = timedelta(minutes=2)


@contextmanager
def serving(image: str, assertions: Sequence[Assertion], *mounts: Mount) -> Iterator[Container]:
    """Start an image, and wait until its service answers where that is what is looked at.

    Args:
        image: The image.
        assertions: What is to be looked at.
        mounts: What is mounted into the container.
    """
    design = load_design(_DESIGN)
    port = Port(design.service.port)
    options = RunOptions(mounts=mounts, publish=(port,))
    with Engine.connect("docker") as engine, engine.run(image, options) as container:
        if any(item.of_service for item in assertions):
            try:
                container.wait_for_http(design.runtime.health_path, _PATIENCE, port=port)
            except EngineError as error:
                raise SystemExit(f"peers: {image}: {error}") from None
        yield container
