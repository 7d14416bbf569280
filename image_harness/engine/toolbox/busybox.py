"""Finds a static busybox of this machine's own architecture."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from image_harness.engine.errors import EngineError

VARIABLE = "IMAGE_HARNESS_BUSYBOX"
_PLACES = (Path("/bin/busybox"), Path("/usr/bin/busybox"), Path("/usr/lib/image-harness/busybox"))
FIX = f"install busybox-static (./qemu-setup.sh does), or set {VARIABLE}"
# ELF's program header type for the path of a dynamic loader.
_PT_INTERP = 3


@functools.lru_cache(maxsize=1)
def find_busybox() -> Path:
    """The busybox to use: the one that the environment names, else the system's.

    Raises:
        EngineError: There is none that is statically linked.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which("busybox")
    candidates = [Path(named)] if named else [*_PLACES, *([Path(found)] if found else [])]
    return choose(candidates)


def choose(candidates: Iterable[Path]) -> Path:
    """The first candidate that is a statically linked program.

    Raises:
        EngineError: None is.
    """
    for candidate in candidates:
        if candidate.is_file() and is_static(candidate):
            return candidate
    raise EngineError("no static busybox on this machine", fix=FIX)


def is_static(path: Path) -> bool:
    """Whether a file is a 64-bit little-endian ELF program that asks for no dynamic loader."""
    with path.open("rb") as file:
        head = file.read(64)
        if head[:6] != b"\x7fELF\x02\x01" or len(head) < 64:
            return False
        offset, size, count = (
            int.from_bytes(head[at : at + width], "little") for at, width in ((32, 8), (54, 2), (56, 2))
        )
        file.seek(offset)
        headers = file.read(size * count)
    types = {int.from_bytes(headers[at : at + 4], "little") for at in range(0, len(headers), size)} if size else set()
    return _PT_INTERP not in types


@functools.lru_cache(maxsize=4)
def applets(busybox: Path) -> tuple[str, ...]:
    """The names under which it is a program, in the order of its table of them.

    Raises:
        EngineError: It cannot be run.
    """
    try:
        done = subprocess.run([busybox, "--list"], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineError(f"busybox cannot be run ({error})", where=str(busybox), fix=FIX) from error
    return tuple(done.stdout.split())
