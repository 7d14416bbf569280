"""The matrix as data: what nightly.yaml says, and the cells that come of it."""

from __future__ import annotations

import enum
import fnmatch
import itertools
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from image_harness.errors import HarnessError, first_problem
from image_harness.yaml_source import read_source

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Emulator(enum.StrEnum):
    """What runs the image's programs."""

    DISTRIBUTION = "distribution"
    NEWEST = "newest"
    NATIVE = "native"


class Need(enum.StrEnum):
    """What has to be in reach for an image to be built."""

    PINS = "pins"
    REGISTRY = "registry"
    ARCHIVE = "archive"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineKind(_Part):
    """A kind of container engine."""


class Emulation(_Part):
    """A way to run the image's programs.

    Attributes:
        runner: The machine that a workflow asks for.
    """

    runner: str


class BasesKind(_Part):
    """What images stand on.

    Attributes:
        needs: What has to be in reach.
        options: What the build command is told.
    """

    needs: Need
    options: tuple[str, ...] = ()


class Image(_Part):
    """An image of a service.

    Attributes:
        reference: Its name, to which a night adds the kind of bases.
        design: What it is held against.
        dockerfile: What it is built from; the build may be what writes it.
        options: What the build command is told.
    """

    reference: str
    design: Path
    dockerfile: Path
    options: tuple[str, ...] = ()


class Service(_Part):
    """A service of the family.

    Attributes:
        build: A Python program and its arguments.
        images: What is built, by the kind of bases.
    """

    build: tuple[str, ...] = Field(min_length=1)
    images: dict[_Name, Image]


class Without(_Part):
    """Cells that are left out.

    Attributes:
        cells: A pattern of their names.
        because: Why.
    """

    cells: str
    because: str


class Cell(_Part):
    """One combination.

    Attributes:
        service: The service's name.
        engine: The kind of engine.
        emulation: What runs the image's programs.
        bases: The kind of bases.
        runner: The machine that a workflow asks for.
    """

    service: str
    engine: str
    emulation: Emulator
    bases: str
    runner: str

    @property
    def name(self) -> str:
        """How the cell is called in the history."""
        return f"{self.service}.{self.engine}.{self.emulation}.{self.bases}"


class Matrix(_Part):
    """The whole of nightly.yaml."""

    engines: dict[_Name, EngineKind]
    emulations: dict[Emulator, Emulation]
    bases: dict[_Name, BasesKind]
    services: dict[_Name, Service]
    without: tuple[Without, ...] = ()

    @model_validator(mode="after")
    def _check_bases(self) -> Matrix:
        for name, service in self.services.items():
            unknown = sorted(service.images.keys() - self.bases.keys())
            if unknown:
                raise ValueError(f"services.{name}.images: no such bases: {unknown[0]}")
        return self

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every combination that is to be run, in the file's order."""
        return tuple(cell for cell in self._combinations() if not self._left_out(cell))

    def _combinations(self) -> tuple[Cell, ...]:
        axes = itertools.product(self.services, self.engines, self.emulations, self.bases)
        return tuple(
            Cell(
                service=service,
                engine=engine,
                emulation=emulation,
                bases=bases,
                runner=self.emulations[emulation].runner,
            )
            for service, engine, emulation, bases in axes
            if bases in self.services[service].images
        )

    def _left_out(self, cell: Cell) -> bool:
        return any(fnmatch.fnmatchcase(cell.name, without.cells) for without in self.without)

    def image_of(self, cell: Cell) -> Image:
        """The image that a cell checks."""
        return self.services[cell.service].images[cell.bases]

    def reference_of(self, cell: Cell) -> str:
        """What a night calls that image: one on other bases must not take its name while it is checked."""
        return f"{self.image_of(cell).reference}-{cell.bases}"

    def chosen(self, patterns: tuple[str, ...]) -> tuple[Cell, ...]:
        """The cells that any of the patterns fits; all when there is none.

        Raises:
            HarnessError: A pattern fits no cell.
        """
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(cell.name, pattern) for cell in self.cells):
                raise HarnessError("no such cell", where=pattern, fix="see image-harness nightly --list")
        if not patterns:
            return self.cells
        return tuple(cell for cell in self.cells if any(fnmatch.fnmatchcase(cell.name, one) for one in patterns))


def load_matrix(path: Path) -> Matrix:
    """Read a matrix.

    Raises:
        HarnessError: It cannot be read or is none.
    """
    try:
        return Matrix.model_validate(read_source(path, "a matrix").data)
    except ValidationError as error:
        raise HarnessError(first_problem(error), where=str(path)) from error
