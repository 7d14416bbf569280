"""What this machine has of what cells need."""

from __future__ import annotations

import functools
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from image_harness.design import load_design
from image_harness.engine import Engine
from image_harness.errors import HarnessError
from image_harness.nightly.matrix import Cell, Emulator, Matrix, Need
from image_harness.signoff.build_record import read_pins

_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
_REGISTRY_LIMIT: Final = timedelta(seconds=15)
_ARM64: Final = ("aarch64", "arm64")
# How Debian and Ubuntu mark the programs that they built; what comes from backports is not the distribution's own.
_DISTRIBUTION_MARK: Final = "(Debian "
_BACKPORT_MARK: Final = "~bpo"


@dataclass(frozen=True, slots=True)
class Emulation:
    """What the kernel runs arm64 programs with.

    Attributes:
        interpreter: The program; empty when there is none.
        version: What it says of itself; empty when it cannot be asked.
    """

    interpreter: str = ""
    version: str = ""

    @property
    def of_distribution(self) -> bool:
        """Whether it is a package of the distribution's own release."""
        return _DISTRIBUTION_MARK in self.version and _BACKPORT_MARK not in self.version


def emulation_here(binfmt: Path = _BINFMT) -> Emulation:
    """Ask the kernel what it runs arm64 programs with."""
    try:
        entry = (binfmt / "qemu-aarch64").read_text()
    except OSError:
        return Emulation()
    fields = dict(line.partition(" ")[::2] for line in entry.splitlines())
    if "enabled" not in fields:
        return Emulation()
    interpreter = fields.get("interpreter", "")
    return Emulation(interpreter, _version(interpreter))


def _version(interpreter: str) -> str:
    # Debian registers a helper that hands the program's own name on, and cannot be asked itself.
    for program in (shutil.which("qemu-aarch64-static"), shutil.which("qemu-aarch64"), interpreter):
        if program and Path(program).exists():
            done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.partition("\n")[0]
    return ""


@dataclass
class Machine:
    """What can be run here; each thing is asked for once.

    Attributes:
        root: The repository's root.
        matrix: What there is to run.
        engines: The URLs of each kind of engine.
        architecture: Of this machine, as the kernel calls it.
        reach: Says whether a registry gives out an image; the reason when not, else an empty text.
    """

    root: Path
    matrix: Matrix
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    architecture: str = field(default_factory=platform.machine)
    reach: Callable[[str], str] = field(default_factory=lambda: functools.cache(ask_registry))

    def urls(self, kind: str) -> tuple[str, ...]:
        """Where engines of a kind are."""
        return self.engines.get(kind) or (kind,)

    def obstacle(self, cell: Cell) -> str:
        """Say why a cell cannot be run here; an empty text when it can."""
        return self._emulation(cell.emulation) or self._engine(cell.engine) or self._bases(cell)

    def _emulation(self, wanted: Emulator) -> str:
        native = self.architecture in _ARM64
        if wanted is Emulator.NATIVE:
            return "" if native else f"this machine is {self.architecture}, not arm64"
        if native:
            return "this machine is arm64 and emulates nothing"
        here = self._emulation_here
        if not here.interpreter:
            return "the kernel runs no arm64 programs; ./qemu-setup.sh changes that"
        what = here.version or f"{here.interpreter}, of unknown version"
        if wanted is Emulator.DISTRIBUTION:
            return "" if here.of_distribution else f"the emulator is not the distribution's: {what}"
        return f"the emulator is the distribution's: {what}" if here.of_distribution else ""

    @functools.cached_property
    def _emulation_here(self) -> Emulation:
        return emulation_here()

    def _engine(self, kind: str) -> str:
        problems = [self._problems[url] for url in self.urls(kind)]
        return "" if "" in problems else problems[0]

    def usable(self, kind: str) -> tuple[str, ...]:
        """The engines of a kind that answer."""
        return tuple(url for url in self.urls(kind) if not self._problems[url])

    @functools.cached_property
    def _problems(self) -> dict[str, str]:
        """Why an engine does not answer, by its URL; an empty text when it does."""
        return {url: _problem(url) for kind in self.matrix.engines for url in self.urls(kind)}

    def _bases(self, cell: Cell) -> str:
        need = self.matrix.bases[cell.bases].needs
        image = self.matrix.image_of(cell)
        design = self.root / image.design
        if not design.is_file():
            return f"there is no design {image.design}"
        if need is Need.ARCHIVE:
            return "" if shutil.which("mmdebstrap") else "mmdebstrap is not installed; ./qemu-setup.sh installs it"
        names = bases_of(design)
        if need is Need.PINS:
            loose = [name for name in names if name not in pins(self.root / "buildx" / "bases.lock")]
            if loose:
                return f"buildx/bases.lock pins no digest of {loose[0]}"
        return next(filter(None, map(self.reach, names)), "")


def _problem(url: str) -> str:
    try:
        with Engine.connect(url):
            return ""
    except HarnessError as error:
        return str(error)


def bases_of(design: Path) -> tuple[str, ...]:
    """Return the names of the images that a design's stages start from."""
    dockerfile = load_design(design).dockerfile
    return dockerfile.builder_base, dockerfile.runtime_base


def pins(lock: Path) -> frozenset[str]:
    """Return the images whose digests a lock file pins; none where there is no such file.

    Raises:
        HarnessError: It is damaged.
    """
    found = read_pins(lock) if lock.exists() else {}
    return frozenset(name for name, digest in found.items() if digest is not None)


def ask_registry(name: str) -> str:
    """Say why a registry does not give out an image; an empty text when it does."""
    command = ["docker", "buildx", "imagetools", "inspect", name]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_REGISTRY_LIMIT.total_seconds()
        )
    except FileNotFoundError:
        return "docker buildx is not installed; ./qemu-setup.sh installs it"
    except subprocess.TimeoutExpired:
        return f"no registry gives out {name}: no answer within {_REGISTRY_LIMIT.seconds} s"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].removeprefix("ERROR: ")
    return f"no registry gives out {name}: {said}"
