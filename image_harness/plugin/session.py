"""One run of a suite: what it looks at, opened when first needed and closed at the end."""

from __future__ import annotations

import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from image_harness.build import build, is_stale
from image_harness.design import Design, load_design
from image_harness.dockerfile import Dockerfile, parse_dockerfile
from image_harness.errors import HarnessError
from image_harness.image import Image, ImageReference, Transport, open_image
from image_harness.plugin.needs import Needs
from image_harness.plugin.options import BuildPolicy, Options
from image_harness.plugin.remembered import NothingToLookAtError, remembered
from image_harness.subject import Subject

if TYPE_CHECKING:
    from image_harness.engine import Clock, Engine
    from image_harness.plugin.interpreter import Interpreter
    from image_harness.plugin.running import Running
    from image_harness.plugin.scenarios import Scenarios

# As many containers at once beside the shared one: the interpreter's, and the one without PYTHONPATH.
_AT_ONCE = 2


@dataclass
class HarnessSession:
    """The things that checks look at, each made once.

    Attributes:
        subject: The repository's own account of itself.
        options: What the user asked for.
        selection: The expression given to ``-m``.
        resources: Closed at the end of the run, last opened first.
        needs: What the selected checks need to have running.
        boot_elsewhere: How long the shared container of another process took to answer, on whose behalf this one
            reports.
    """

    subject: Subject
    options: Options
    selection: str = ""
    resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    needs: Needs = field(default_factory=Needs)
    boot_elsewhere: timedelta | None = None

    @functools.cached_property
    def design(self) -> Design:
        """The design, merged and validated."""
        return load_design(self.options.design or self.subject.design)

    @property
    def dockerfile_path(self) -> Path | None:
        """The Dockerfile to read, if there is one to read."""
        if self.options.without_dockerfile:
            return None
        return self.options.dockerfile or self.subject.dockerfile

    @functools.cached_property
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile, parsed.

        Raises:
            NothingToLookAtError: There is none in this run.
        """
        path = self.dockerfile_path
        if path is None:
            raise NothingToLookAtError("no Dockerfile to look at: the run was started with --dockerfile none")
        return parse_dockerfile(path)

    @property
    def source_tree(self) -> Path:
        """The root of the sources.

        Raises:
            NothingToLookAtError: The run looks at no sources.
        """
        if self.options.without_dockerfile:
            raise NothingToLookAtError("no sources to look at: the run was started with --dockerfile none")
        return self.subject.root

    @functools.cached_property
    def reference(self) -> ImageReference:
        """The image under test."""
        return ImageReference.parse(self.options.image or self.design.image.reference)

    @remembered
    def image(self) -> Image:
        """The image as data."""
        docker_host = self.engine.url if self.reference.transport is Transport.DOCKER_DAEMON else None
        image = open_image(self.reference, platform=self.design.image.platform, docker_host=docker_host)
        return self.resources.enter_context(image)

    @remembered
    def engine(self) -> Engine:
        """The container engine.

        Raises:
            HarnessError: It cannot be reached.
        """
        from image_harness.engine import Engine, EngineError  # noqa: PLC0415 - source and image evidence need no engine

        engine = self.resources.enter_context(Engine.connect(self.options.engine))
        # What a killed run has left takes memory and processor time from this one. If it stays, that is no reason not
        # to look at the image.
        with contextlib.suppress(EngineError):
            engine.remove_leftovers()
        return engine

    def look_at_image(self) -> None:
        """Open the image, if that was not done yet: a verdict belongs to its digest, whoever came to it.

        An image that cannot be opened has been told by the checks that asked for it.
        """
        with contextlib.suppress(HarnessError, NothingToLookAtError):
            _ = self.image

    @property
    def looked_at_image(self) -> bool:
        """Whether this run has opened the image."""
        return "image" in vars(self)

    @property
    def uses_engine(self) -> bool:
        """Whether this run has connected to an engine."""
        return "engine" in vars(self)

    @property
    def engine_name(self) -> str:
        """Name and version of the engine."""
        return f"{self.engine.facts.name} {self.engine.facts.version}"

    @property
    def emulated(self) -> bool:
        """Whether the image's programs run under emulation here."""
        return self.engine.emulates(self.design.image.platform)

    @remembered
    def engine_image(self) -> str:
        """The engine's id of the image under test: a name may be given to another image while the run goes on.

        Raises:
            HarnessError: The engine calls another image by that name than the one that this run has read.
            NothingToLookAtError: The image is not in an engine.
        """
        if self.reference.transport is not Transport.DOCKER_DAEMON:
            raise NothingToLookAtError(f"{self.reference} is not in an engine, so nothing of it runs")
        name = str(self.reference).removeprefix(f"{Transport.DOCKER_DAEMON.value}:")
        found = self.engine.image_id(name)
        if self.looked_at_image and found.removeprefix("sha256:") not in {digest.hex for digest in self.image.ids}:
            raise HarnessError(
                f"the engine now calls another image so: {found}",
                where=name,
                fix="check again when its build has ended",
            )
        return found

    @remembered
    def clock(self) -> Clock:
        """Scales time limits to the measured slowness of this machine."""
        from image_harness.engine import Clock  # noqa: PLC0415

        return Clock.calibrate(self.engine, self.engine_image, interpreter=self.design.image.interpreter)

    @remembered
    def bytecode(self) -> bytes:
        """What the image's interpreter would have to compile anew at each start, where compiling is slow; may be empty.

        The shared container is left without it: that the image starts without any help is seen there.

        Raises:
            HarnessError: The image cannot be read.
        """
        from image_harness.image.bytecode import bytecode_archive, compiles_for  # noqa: PLC0415

        helps = self.emulated and compiles_for(self.design.image.interpreter)
        return bytecode_archive(self.image.filesystem) if helps else b""

    @remembered
    def running(self) -> Running:
        """The container of the image that checks share."""
        from image_harness.plugin.running import Running  # noqa: PLC0415

        return Running(self.engine, self.design, self.engine_image, lambda: self.clock, self.resources)

    @property
    def boot(self) -> timedelta | None:
        """How long the shared container took to answer; None where none did."""
        return self.running.boot if "running" in vars(self) else self.boot_elsewhere

    @remembered
    def pool(self) -> ThreadPoolExecutor:
        """Runs further containers beside the shared one."""

        def close() -> None:
            pool.shutdown(wait=True, cancel_futures=True)

        pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="container")
        self.resources.callback(close)
        return pool

    @remembered
    def interpreter(self) -> Interpreter:
        """The image's interpreter, asked what the selected checks want to know."""
        from image_harness.engine import Question  # noqa: PLC0415
        from image_harness.plugin.interpreter import Interpreter  # noqa: PLC0415
        from image_harness.plugin.scenarios import fallback_port, starts  # noqa: PLC0415

        design, clock, files = self.design, self.clock, self.bytecode
        questions, plan = [Question(code, arguments) for code, arguments in self.needs.asked], None
        if self.needs.scenarios:
            questions += starts(design, clock).values()
            plan = fallback_port(design, clock, files)
        return Interpreter(self.engine, design, self.engine_image, clock, questions, self.pool, files, plan)

    @remembered
    def scenarios(self) -> Scenarios:
        """The image under the design's circumstances."""
        from image_harness.plugin.scenarios import Scenarios  # noqa: PLC0415

        return Scenarios(
            self.engine,
            self.design,
            self.engine_image,
            self.clock,
            lambda: self.interpreter,
            self.pool,
            self.bytecode,
        )

    def start_containers(self, needs: Needs) -> None:
        """Let containers boot while checks that need none run; what goes wrong is told to the checks that ask.

        Args:
            needs: What the selected checks ask for.
        """
        self.needs = needs
        with contextlib.suppress(HarnessError, NothingToLookAtError):
            if needs.running:
                _ = self.running
        if needs.scenarios or needs.interpreter:
            starting = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starting")
            self.resources.callback(starting.shutdown)
            starting.submit(self._start_others)

    def _start_others(self) -> None:
        """Start what has to wait for the clock."""
        with contextlib.suppress(HarnessError, NothingToLookAtError):
            # While the calibration's container runs, this process has nothing else to do.
            with ThreadPoolExecutor(max_workers=1) as beside:
                beside.submit(lambda: self.bytecode)
                _ = self.clock
            if self.needs.scenarios:
                _ = self.scenarios
            _ = self.interpreter

    def bring_up_to_date(self) -> None:
        """Build the image when this run is to build it and it is stale.

        Raises:
            HarnessError: The build could not be done.
        """
        command, policy = self.subject.build, self.options.build
        if command is None or self.options.image is not None or policy is BuildPolicy.NEVER:
            return
        environment = {"DOCKER_HOST": self.engine.url}
        root = self.subject.root
        if policy is BuildPolicy.ALWAYS or is_stale(command, root=root, environment=environment):
            build(command, root=root, environment=environment)

    def close(self) -> None:
        """Give back everything that was opened."""
        self.resources.close()


SESSION: pytest.StashKey[HarnessSession] = pytest.StashKey()
