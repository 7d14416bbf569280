"""The engine's ``docker save`` stream meets the other transports in one reader; what the engine does wrong is told."""

from __future__ import annotations

import errno
import gc
import json
import os
import socketserver
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Protocol

import docker
import pytest

from image_harness.image import Image, ImageError, ImageReference, Transport, open_image
from image_harness.image.daemon import Transfer
from image_harness.types import Digest
from tests.image import builder
from tests.image.builder import ImageBuilder, sha256, tar

Answer = Callable[[BaseHTTPRequestHandler], None]
REFERENCE = "docker-daemon:name/app:1"
PATH = "/images/name/app:1/get"
INSPECT = "/images/name/app:1/json"


class Engine(Protocol):
    def __call__(self, answer: Answer, image_id: str = "") -> str: ...


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that hang up are what these tests are about."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Start engines that answer the version, call the image by an id, and leave sending it to the test."""
    servers: list[socketserver.BaseServer] = []

    def start(answer: Answer, image_id: str = "") -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.endswith("/version"):
                    send(self, 200, b'{"ApiVersion": "1.45", "MinAPIVersion": "1.24"}')
                elif self.path.endswith(INSPECT) and image_id == "unknown":
                    send(self, 404, b'{"message": "No such image"}')
                elif self.path.endswith(INSPECT):
                    send(self, 200, json.dumps({"Id": image_id}).encode())
                else:
                    assert self.path.endswith(PATH)
                    answer(self)

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *_: object) -> None:
                pass

        path = tmp_path / f"engine{len(servers)}.sock"
        server = _Server(str(path), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"unix://{path}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def _open(host: str) -> Image:
    return open_image(ImageReference.parse(REFERENCE), docker_host=host)


def _build() -> ImageBuilder:
    return ImageBuilder().layer({"a": os.urandom(300_000)}).layer({"b": b"2", ".wh.a": b""})


def _saved(build: ImageBuilder) -> bytes:
    return tar({**build.layout(), "manifest.json": b"[]"})


def test_an_engines_image_is_the_layouts_image(engine: Engine, tmp_path: Path) -> None:
    build = _build()
    with (
        _open(engine(lambda request: send(request, 200, _saved(build)), sha256(build.manifest))) as image,
        open_image(ImageReference.parse(builder.write_directory(build.layout(), tmp_path / "layout"))) as other,
    ):
        assert image == other
        assert image.manifest_digest == Digest(sha256(build.manifest))


def test_layers_are_read_before_the_stream_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    build = _build()
    data = _saved(build)
    read_ahead = threading.Event()
    looks = "image_harness.image.layers.LayerScanner.read_ahead"
    monkeypatch.setattr(looks, lambda *_: read_ahead.set())

    def answer(request: BaseHTTPRequestHandler) -> None:
        # All but the end: the blob of the first layer is in it.
        send(request, 200, data[:-1024], len(data))
        assert read_ahead.wait(30)
        request.wfile.write(data[-1024:])

    _open(engine(answer, sha256(build.manifest))).close()
    assert read_ahead.is_set()


def test_layers_of_other_images_in_the_stream_cost_this_image_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = _build()
    other = ImageBuilder(platform=builder.AMD64, compression="none").layer({str(n): b"x" * 2000 for n in range(200)})
    monkeypatch.setattr("image_harness.image.budget.ENTRIES", 20)
    saved = tar({**builder.layout([other, build]), "manifest.json": b"[]"})
    with _open(engine(lambda request: send(request, 200, saved), sha256(build.manifest))) as image:
        assert [entry.path for entry in image.filesystem.walk()] == ["/", "/b"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda request: send(request, 404, b'{"message": "No such image"}'), "has no such image; build it"),
        (lambda request: send(request, 500, b'{"message": "boom"}'), "the engine answers 500: .*boom"),
        (lambda request: send(request, 200, b"no tar" * 1000), "checksum"),
        (lambda request: send(request, 200, b""), "cut off"),
        (lambda request: send(request, 200, tar({"a": b"x" * 9000})[:2000]), "cut off"),
        (
            lambda request: request.connection.shutdown(2),
            r"the engine does not give the image: .*Connection.* \(GET /images/name/app:1/get\); check that it runs",
        ),
    ],
)
def test_what_the_engine_does_wrong_is_told_in_one_line(engine: Engine, answer: Answer, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        _open(engine(answer))
    assert str(caught.value).startswith(REFERENCE)
    assert str(caught.value).isprintable()


def test_an_engine_may_call_an_image_by_its_configuration(engine: Engine) -> None:
    build = _build()
    _open(engine(lambda request: send(request, 200, _saved(build)), sha256(build.config))).close()


def test_an_image_that_the_engine_calls_otherwise_is_another_one(engine: Engine) -> None:
    build, other = _build(), _build()
    with pytest.raises(ImageError) as caught:
        _open(engine(lambda request: send(request, 200, _saved(build)), sha256(other.manifest)))
    assert str(caught.value) == (
        "docker-daemon:name/app:1: the engine gave another image (GET /images/name/app:1/get) than the one that it "
        f"calls {sha256(other.manifest)} (GET /images/name/app:1/json); check again: was it built anew meanwhile?"
    )


def test_an_engine_that_does_not_say_what_it_gave_is_told(engine: Engine) -> None:
    build = _build()
    with pytest.raises(ImageError) as caught:
        _open(engine(lambda request: send(request, 200, _saved(build)), "unknown"))
    assert str(caught.value).startswith("docker-daemon:name/app:1: the engine does not say which image it gave: 404 ")
    assert str(caught.value).endswith("(GET /images/name/app:1/json)")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_stream_that_breaks_off_is_told(engine: Engine, kept: float) -> None:
    data = _saved(_build())

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, data[: int(len(data) * kept)], len(data))
        request.wfile.flush()
        request.connection.shutdown(2)

    with pytest.raises(ImageError, match="the engine does not give the image"):
        _open(engine(answer))


def test_an_engine_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"does not give the image: .*; check that it runs and that DOCKER_HOST"):
        _open(f"unix://{tmp_path}/absent.sock")
    # The docker library forgets the socket that could not connect: collect it before it disturbs another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_engine_that_sends_without_end_is_stopped(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_harness.image.daemon.IMAGE_BYTES", 5_000_000)

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, b"", 10**12)
        try:
            while True:
                request.wfile.write(bytes(51_200))
        except OSError:
            pass

    transfer = Transfer(ImageReference.parse(REFERENCE), engine(answer))
    with pytest.raises(ImageError, match=f"^{REFERENCE}: has more than 5000000 bytes$"):
        transfer.finish()
    transfer.blob.handle.close()


def test_an_engine_that_says_nothing_is_not_waited_for_any_longer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_harness.image.daemon._SILENCE", timedelta(seconds=0.2))
    done = threading.Event()

    def answer(_: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    with pytest.raises(ImageError, match=r"the engine does not give the image: .*timed out"):
        _open(engine(answer))
    done.set()


def test_without_a_name_the_engine_is_the_environments(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    build = _build()
    host = engine(lambda request: send(request, 200, _saved(build)), sha256(build.manifest))
    monkeypatch.setenv("DOCKER_HOST", host)
    open_image(ImageReference.parse(REFERENCE)).close()


def test_an_image_that_there_is_no_room_for_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ImageError, match=f"^{REFERENCE}: no room .*: No space left on device; set TMPDIR"):
        _open(engine(lambda request: send(request, 200, _saved(_build()))))


def test_nothing_stays_open_when_opening_fails(engine: Engine) -> None:
    host = engine(lambda request: send(request, 200, b"no tar" * 1000))
    with pytest.raises(ImageError):
        _open(host)
    deadline = time.monotonic() + 10
    while any(thread.name in ("docker save", "layer_0") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.engine
def test_all_four_transports_give_the_same_image_of_a_real_engine(tmp_path: Path) -> None:
    """Load a small image into the engine, have it saved, and compare it with the layout that it was made from."""
    tag = f"image-harness-test/transports:{os.getpid()}"
    build = _build()
    files = build.layout(tag=None)
    index = files["index.json"].replace(
        b'"manifests": [{',
        b'"manifests": [{"annotations": {"io.containerd.image.name": "docker.io/%s"}, ' % tag.encode(),
    )
    builder.write_archive({**files, "index.json": index}, tmp_path / "load.tar")
    with (tmp_path / "load.tar").open("rb") as archive:
        subprocess.run(["docker", "load"], stdin=archive, check=True, timeout=60, stdout=subprocess.DEVNULL)
    try:
        save: list[str | Path] = ["docker", "save", "-o", tmp_path / "saved.tar", tag]
        subprocess.run(save, check=True, timeout=60)
        references = (
            f"{Transport.OCI}:{tmp_path / 'layout'}",
            f"{Transport.OCI_ARCHIVE}:{tmp_path / 'load.tar'}",
            f"{Transport.DOCKER_ARCHIVE}:{tmp_path / 'saved.tar'}",
            f"{Transport.DOCKER_DAEMON}:{tag}",
        )
        builder.write_directory(files, tmp_path / "layout")
        images = [open_image(ImageReference.parse(reference)) for reference in references]
        assert [image == images[0] for image in images] == [True] * 4
        for image in images:
            image.close()
    finally:
        docker.from_env().images.remove(tag, force=True)
