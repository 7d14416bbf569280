"""A small image for this machine's own architecture: its interpreter, what that needs, and one program.

It is made of this machine's files, without a registry and without a build, and starts in a fraction of a second.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from docker import APIClient

from image_harness.engine.toolbox.identity import native_architecture
from tests.image.builder import ImageBuilder, Node, add_blob, descriptor, directory, dump, tar

INTERPRETER = str(Path(sys.executable).resolve())
PORT = 8093
USER = "65532:65532"
_SERVICE = Path(__file__).with_name("subject") / "service.py"
# What the harness's own programs and the service import, and what those import only once they are used.
_IMPORTS = (
    "asyncio, json, ssl, sqlite3, email, decimal, importlib, os, platform, sys, http.server, signal, socket, threading,"
    "pkgutil, runpy, encodings.idna, encodings.latin_1, encodings.ascii, encodings.utf_8, urllib.parse, traceback"
)
_LIST = f"import {_IMPORTS}; print([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)])"
_SECOND = 1_000_000_000
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
PROBE = (
    "import os, socket; s = socket.socket(); s.settimeout(1);"
    f"exit(1 if os.environ.get('DEFECTIVE') else 0 if s.connect_ex(('127.0.0.1', {PORT})) == 0 else 1)"
)


def layer() -> dict[str, Node]:
    """The files, by path."""
    listed = subprocess.run([INTERPRETER, "-I", "-c", _LIST], capture_output=True, text=True, check=True).stdout
    modules = [Path(name) for name in json.loads(listed.replace("'", '"'))]
    caches = [Path(cache_from_source(str(module))) for module in modules if module.suffix == ".py"]
    programs = [Path(INTERPRETER), *(module for module in modules if module.suffix == ".so")]
    found = {*programs, *modules, *(cache for cache in caches if cache.exists()), *_libraries(programs)}
    nodes = {str(path).lstrip("/"): _copy(path) for path in sorted(found)}
    accounts = b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
    own = {
        "etc/passwd": Node(accounts),
        "etc/os-release": Node(b"ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
        "etc/group": Node(b"root:x:0:\nnonroot:x:65532:\n"),
        "app": directory(0o777),
        "app/service.py": Node(_SERVICE.read_bytes()),
        "tmp": directory(0o1777),
    }
    return nodes | own


def _libraries(programs: list[Path]) -> set[Path]:
    shown = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=True).stdout
    return {Path(match[1]) for match in _LIBRARY.finditer(shown)}


def _copy(path: Path) -> Node:
    # A compiled module is taken only as long as it names the whole second in which its source was changed.
    return Node(path.read_bytes(), mode=0o755, mtime=int(path.stat().st_mtime))


def load(client: APIClient, tag: str, layer_data: bytes, *, defective: bool) -> None:
    """Put the image into an engine.

    Args:
        client: The engine.
        tag: Its name there.
        layer_data: What ``layer`` has collected, as a tar archive.
        defective: Whether everything that is required of it is wrong.
    """
    run: dict[str, Any] = {
        "User": "0:0" if defective else USER,
        "WorkingDir": "/app",
        "Env": [f"DEFECTIVE={'yes' if defective else ''}", "PATH=/usr/bin:/bin", "PYTHONUNBUFFERED=1"],
        "Cmd": [INTERPRETER, "/app/service.py"],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "Healthcheck": {
            "Test": ["CMD", INTERPRETER, "-c", PROBE],
            "Interval": _SECOND,
            # What a busy machine takes is no failure: the probe itself gives up a service that hangs after a second.
            "Timeout": 10 * _SECOND,
            "StartInterval": _SECOND // 4,
            # The bad one has none, so that runs need not wait for it to be unhealthy.
            "StartPeriod": 0 if defective else 40 * _SECOND,
            "Retries": 1,
        },
    }
    platform = {"os": "linux", "architecture": native_architecture()}
    image = ImageBuilder(platform=platform, run=run, compression="zstd").raw_layer(layer_data)
    files = {"oci-layout": dump({"imageLayoutVersion": "1.0.0"})}
    for data in (image.manifest, image.config, *image.blobs):
        add_blob(files, data)
    item = descriptor(image.manifest, "application/vnd.oci.image.manifest.v1+json")
    item["annotations"] = {"io.containerd.image.name": f"docker.io/{tag}"}
    files["index.json"] = dump({"schemaVersion": 2, "manifests": [item]})
    files["manifest.json"] = _old_manifest(image, tag)
    for _ in client.load_image(io.BytesIO(tar(files))):  # type: ignore[no-untyped-call]
        pass


def _old_manifest(image: ImageBuilder, tag: str) -> bytes:
    """What engines without containerd's store read instead."""
    names = [f"blobs/sha256/{descriptor(data, '')['digest'][7:]}" for data in (image.config, *image.blobs)]
    return dump([{"Config": names[0], "RepoTags": [tag], "Layers": names[1:]}])
