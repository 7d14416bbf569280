"""Makes the service's packages importable by their own names, as ``PYTHONPATH=/app`` does in the image."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
for folder in (REPOSITORY, REPOSITORY / "monitor_service"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from tests.monitor_service.support import RedisServer, ServiceProcess, StartService, redis_program  # noqa: E402


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    from resource_monitor.config import CONFIG_FILE_VARIABLE, Settings  # noqa: PLC0415

    for name in (CONFIG_FILE_VARIABLE, "RDP_MONITOR_PORT", "MONITOR_PORT", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Start the real entry point as a process of its own; what still runs at the end is ended."""
    with ExitStack() as stack:
        count = 0

        def start(**options: object) -> ServiceProcess:
            nonlocal count
            count += 1
            folder = tmp_path / f"service-{count}"
            folder.mkdir()
            return stack.enter_context(ServiceProcess(folder, **options))  # type: ignore[arg-type]

        yield start


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a real Redis server on a free loopback port, with a password."""
    if redis_program() is None:
        pytest.fail("no redis-server here: install Debian's package of that name")
    with RedisServer(tmp_path) as server:
        yield server
