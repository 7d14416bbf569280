"""Both databases that a history can be kept in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """A PostgreSQL of our own, reached by its socket's folder alone."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        pytest.fail("no PostgreSQL server: install it with 'apt-get install postgresql'", pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    # The server refuses to run as root; its package brings a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    common = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [programs[-1] / "initdb", "-D", folder / "data", "-A", "trust", "-U", "history", "-N"], check=True, **common
    )  # type: ignore[call-overload]
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    server = subprocess.Popen([programs[-1] / "postgres", "-D", folder / "data", *options], **common)  # type: ignore[call-overload]
    try:
        _wait_for(folder / ".s.PGSQL.5432", server)
        yield folder
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder)


def _wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail("PostgreSQL did not start", pytrace=False)
        time.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes places of empty stores."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"history_{time.monotonic_ns()}.sqlite")
    folder = request.getfixturevalue("postgresql_server")

    def database() -> str:
        import psycopg  # noqa: PLC0415 - only these tests need the driver

        name = f"history_{time.monotonic_ns()}"
        with psycopg.connect(f"postgresql://history@/postgres?host={folder}", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql://history@/{name}?host={folder}"

    return database


@pytest.fixture
def where(new_place: Callable[[], str]) -> str:
    """An empty store's place."""
    return new_place()
