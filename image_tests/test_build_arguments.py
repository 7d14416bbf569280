"""Section 2 of the report: build arguments."""

from __future__ import annotations

import re

from image_harness import requirement
from image_harness.design import Item
from image_harness.dockerfile import Dockerfile, Stage
from image_harness.dockerfile.parser import build_arguments


@requirement("build-args.{key}", for_each="dockerfile.build_args")
def test_declared_before_the_first_from(dockerfile: Dockerfile, item: Item) -> None:
    declared = {argument.name: argument.default for argument in dockerfile.arguments}
    assert item.key in declared
    assert declared[item.key] == item.value


@requirement("build-args.runtime.{key}", for_each="dockerfile.runtime_args")
def test_declared_again_before_it_is_used(runtime: Stage, item: Item) -> None:
    declared = [
        argument
        for instruction in runtime.all("ARG")
        for argument in build_arguments(instruction)
        if argument.name == item.key
    ]
    use = re.compile(rf"\${item.key}\b|\${{{item.key}\b")
    used = [instruction.line for instruction in runtime.instructions if use.search(instruction.text)]
    assert declared, f"the runtime stage does not declare {item.key}"
    assert used, f"the runtime stage does not use {item.key}"
    assert min(argument.line for argument in declared) < min(used)
    assert [argument.default for argument in declared if argument.default is not None] == []
