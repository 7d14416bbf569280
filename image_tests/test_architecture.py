"""Section 1 of the report: architecture foundation."""

from __future__ import annotations

from image_harness import requirement
from image_harness.design import Design
from image_harness.dockerfile import Dockerfile, Stage
from image_harness.engine import InterpreterFacts
from image_harness.image import Image


@requirement("stages.two")
def test_there_are_two_stages(dockerfile: Dockerfile) -> None:
    assert len(dockerfile.stages) == 2


@requirement("stages.builder-base")
def test_builder_base(builder: Stage, design: Design) -> None:
    assert builder.base == design.dockerfile.builder_base


@requirement("stages.builder-name")
def test_builder_name(builder: Stage, design: Design) -> None:
    assert builder.name == design.dockerfile.builder_name


@requirement("stages.runtime-base")
def test_runtime_base(runtime: Stage, design: Design) -> None:
    assert runtime.base == design.dockerfile.runtime_base


@requirement("stages.platform")
def test_every_stage_is_built_for_the_target(dockerfile: Dockerfile, design: Design) -> None:
    wanted = design.dockerfile.platform_argument
    assert [stage.platform for stage in dockerfile.stages] == [wanted] * len(dockerfile.stages)


@requirement("stages.no-syntax-line")
def test_no_syntax_directive(dockerfile: Dockerfile) -> None:
    assert "syntax" not in dockerfile.directives


@requirement("stages.no-shell-instruction")
def test_no_shell_instruction(dockerfile: Dockerfile) -> None:
    assert [shell.text for stage in dockerfile.stages for shell in stage.all("SHELL")] == []


@requirement("platform.config")
def test_platform_of_the_configuration(image: Image, design: Design) -> None:
    assert design.image.platform.accepts(image.config.platform)


@requirement("platform.engine")
def test_machine_of_the_running_container(interpreter: InterpreterFacts) -> None:
    assert interpreter.machine == "aarch64"
