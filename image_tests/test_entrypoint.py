"""Section 7 of the report: the entrypoint."""

from __future__ import annotations

import ast
import re

from image_harness import requirement
from image_harness.design import Design
from image_harness.dockerfile import Stage
from image_harness.image import FileSystem, Image


@requirement("entrypoint.empty")
def test_entrypoint_is_empty(image: Image, design: Design) -> None:
    assert (image.config.entrypoint or ()) == design.image.entrypoint


@requirement("entrypoint.cmd")
def test_cmd(image: Image, design: Design) -> None:
    assert image.config.cmd == design.image.cmd


@requirement("entrypoint.cmd-exec-form")
def test_cmd_goes_through_no_shell(image: Image) -> None:
    assert image.config.cmd, "the image has no CMD"
    assert image.config.cmd[0].rsplit("/")[-1] not in ("sh", "bash", "dash", "ash")


@requirement("entrypoint.cmd-exists")
def test_cmd_can_run(image: Image, filesystem: FileSystem) -> None:
    assert image.config.cmd, "the image has no CMD"
    paths = [word for word in image.config.cmd if word.startswith("/")]
    assert paths, f"CMD {image.config.cmd} names no file"
    assert [path for path in paths if not filesystem.exists(path)] == []


@requirement("entrypoint.instructions")
def test_instructions(runtime: Stage, design: Design) -> None:
    entrypoint, cmd = runtime.last("ENTRYPOINT"), runtime.last("CMD")
    assert entrypoint is not None, "the runtime stage has no ENTRYPOINT"
    assert cmd is not None, "the runtime stage has no CMD"
    assert entrypoint.exec_form == design.image.entrypoint
    assert cmd.exec_form == design.image.cmd


@requirement("entrypoint.utf8")
def test_script_is_utf8(filesystem: FileSystem, design: Design) -> None:
    lines = filesystem.read_text(design.application.entrypoint).splitlines()
    assert [line for line in lines[:2] if re.match(r"#.*coding[:=]\s*utf-8\b", line)], f"no PEP 263 line in {lines[:2]}"


@requirement("entrypoint.main-guard")
def test_script_acts_only_when_run(filesystem: FileSystem, design: Design) -> None:
    tree = ast.parse(filesystem.read_text(design.application.entrypoint))
    guards = [ast.unparse(node.test) for node in tree.body if isinstance(node, ast.If)]
    assert "__name__ == '__main__'" in guards
