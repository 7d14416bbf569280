"""The Dockerfile's stages, its build arguments and the builder's settings."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, in_stage, mutant

BUILDER, RUNTIME = 0, 1
STAGE_TWO = "# Stage 2 - Runtime\n"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _stages(good.design)
    yield from _arguments(good.design)
    yield from _runtime_arguments(good.design)
    yield from _builder(good.design)


def _stages(design: Design) -> Iterator[Mutant]:
    wanted = design.dockerfile
    platform = f"--platform={wanted.platform_argument}"
    first, last = (
        f"FROM {platform} {wanted.builder_base} AS {wanted.builder_name}\n",
        f"FROM {platform} {wanted.runtime_base}\n",
    )
    spare = f"FROM {platform} scratch AS spare\n"
    yield docker("stages.third", "a stage between the two", "stages.two", STAGE_TWO, f"{spare}\n{STAGE_TWO}")
    yield docker(
        "stages.third-last",
        "the runtime stage is built upon once more",
        "stages.two",
        STAGE_TWO,
        f"{spare}COPY --from=builder /etc/hostname /\n\n{STAGE_TWO}",
    )
    for miss, base in {
        "other-python": "python:3.12-slim-bookworm",
        "part": "python:3.11-slim",
        "longer": f"{wanted.builder_base}-extra",
        "case": "Python:3.11-slim-bookworm",
        "registry": f"docker.io/library/{wanted.builder_base}",
    }.items():
        yield docker(
            f"stages.builder-base.{miss}",
            f"the builder starts from {base}",
            "stages.builder-base",
            first,
            first.replace(wanted.builder_base, base),
        )
    for miss, name in {"case": " AS Builder", "longer": " AS builder2", "absent": ""}.items():
        yield docker(
            f"stages.builder-name.{miss}",
            f"the builder is called{name or ' nothing'}",
            "stages.builder-name",
            first,
            first.replace(" AS builder", name),
        )
    for miss, base in {
        "debug": "gcr.io/distroless/python3-debian12:debug",
        "nonroot": "gcr.io/distroless/python3-debian12:nonroot",
        "no-tag": "gcr.io/distroless/python3-debian12",
        "debian11": "gcr.io/distroless/python3-debian11:latest",
        "builder": "builder",
        "name-only": "distroless/python3-debian12:latest",
    }.items():
        yield docker(
            f"stages.runtime-base.{miss}",
            f"the runtime starts from {base}",
            "stages.runtime-base",
            last,
            last.replace(wanted.runtime_base, base),
        )
    for place, line in {"builder": first, "runtime": last}.items():
        for miss, value in {
            "absent": "",
            "build": "--platform=$BUILDPLATFORM ",
            "literal": "--platform=linux/arm64 ",
            "part": "--platform=$TARGET ",
        }.items():
            yield docker(
                f"stages.platform.{place}.{miss}",
                f"the {place} is built for {value or 'whatever'}",
                "stages.platform",
                line,
                line.replace(f"{platform} ", value),
            )
    for miss, line in {
        "plain": "# syntax=docker/dockerfile:1\n",
        "shebang": "#!/usr/bin/env -S docker build -f\n# syntax=docker/dockerfile:1\n",
        "tight": "#syntax=docker/dockerfile:1.7-labs\n",
        "case": "# Syntax = docker/dockerfile:1\n",
    }.items():

        def with_directive(draft: Draft, line: str = line) -> None:
            draft.dockerfile = line + draft.dockerfile

        yield mutant(
            f"stages.syntax.{miss}", f"the file begins with {line.strip()}", "stages.no-syntax-line", with_directive
        )
    for place, line in {"builder": first, "runtime": last}.items():
        for miss, shell in {"lenient": 'SHELL ["/bin/sh", "-c"]', "true": 'shell ["/bin/true"]'}.items():
            yield docker(
                f"stages.shell.{place}.{miss}",
                f"the {place} says: {shell}",
                "stages.no-shell-instruction",
                line,
                f"{line}{shell}\n",
            )


def _arguments(design: Design) -> Iterator[Mutant]:
    for item in design.collection("dockerfile.build_args"):
        name, kills = item.key, f"build-args.{item.slug}"
        line = f"ARG {name}\n" if item.value is None else f"ARG {name}={item.value}\n"
        first = None if item.key not in design.dockerfile.runtime_args or item.value is not None else 0
        altered = {
            "absent": "",
            "comment": f"# {line}",
            "case": line.replace(name, name.lower()),
            "longer": line.replace(name, f"{name}S"),
            "value": f"ARG {name}=other\n",
        }
        if item.value is None:
            altered["empty-value"] = f"ARG {name}=\n"
        else:
            altered |= {
                "no-value": f"ARG {name}\n",
                "empty": f"ARG {name}=\n",
                "value-longer": f"ARG {name}={item.value}0\n",
            }
        for miss, text in altered.items():
            yield docker(
                f"build-arg.{name}.{miss}",
                f"{line.strip()} became {text.strip() or 'nothing'}",
                kills,
                f"\n{line}",
                f"\n{text}",
                nth=first,
            )
        if name not in design.dockerfile.runtime_args:

            def moved(draft: Draft, line: str = line) -> None:
                draft.docker(f"\n{line}", "\n")
                in_stage(draft, BUILDER, "WORKDIR ", f"{line}WORKDIR ")

            yield mutant(f"build-arg.{name}.in-stage", f"{name} is declared inside the first stage", kills, moved)


def _runtime_arguments(design: Design) -> Iterator[Mutant]:
    labels = design.collection("image.labels")
    for name in design.dockerfile.runtime_args:
        kills, line = f"build-args.runtime.{name}", f"\nARG {name}\n"
        for miss, text in {
            "absent": "\n",
            "comment": f"\n# ARG {name}\n",
            "case": f"\nARG {name.lower()}\n",
            "default": f"\nARG {name}=9.9.9\n",
        }.items():
            yield docker(
                f"build-arg.runtime.{name}.{miss}",
                f"the runtime stage declares no {name}",
                kills,
                line,
                text,
                stage=RUNTIME,
            )

        def late(draft: Draft, line: str = line) -> None:
            in_stage(draft, RUNTIME, line, "\n")
            in_stage(draft, RUNTIME, "\nWORKDIR /app\n", f"{line}WORKDIR /app\n")

        def elsewhere(draft: Draft, line: str = line) -> None:
            in_stage(draft, RUNTIME, line, "\n")
            in_stage(draft, BUILDER, "\nWORKDIR ", f"{line}WORKDIR ")

        def unused(draft: Draft, name: str = name) -> None:
            in_stage(draft, RUNTIME, f'="${{{name}}}"', '="fixed"')

        yield mutant(f"build-arg.runtime.{name}.late", f"{name} is declared after its use", kills, late)
        yield mutant(
            f"build-arg.runtime.{name}.in-builder", f"{name} is declared in the builder instead", kills, elsewhere
        )
        follows = [f"labels.instruction.{item.slug}" for item in labels if item.value.argument == name]
        yield mutant(f"build-arg.runtime.{name}.unused", f"{name} is not used", kills, unused, follows=follows)


def _builder(design: Design) -> Iterator[Mutant]:
    for miss, path in {"case": "/Build", "longer": "/builder", "root": "/", "relative": "build"}.items():
        yield docker(
            f"builder.workdir.{miss}",
            f"the builder works in {path}",
            "builder.workdir",
            "WORKDIR /build\n",
            f"WORKDIR {path}\n",
        )
    yield docker(
        "builder.workdir.comment",
        "the builder's WORKDIR is a comment",
        "builder.workdir",
        "WORKDIR /build\n",
        "# WORKDIR /build\n",
    )
    yield docker(
        "builder.workdir.again",
        "the builder changes to another folder",
        "builder.workdir",
        "COPY monitor_service/recorder",
        "WORKDIR /tmp\nCOPY monitor_service/recorder",
    )
    for item in design.collection("dockerfile.builder_env"):
        kills, pair = f"builder.env.{item.slug}", f"{item.key}={item.value}"
        misses = {
            "value": f"{item.key}=0",
            "empty": f"{item.key}=",
            "case": f"{item.key.lower()}={item.value}",
            "longer": f"{item.key}={item.value}1",
            "quoted-blank": f'{item.key}="{item.value} "',
            "name": f"{item.key}S={item.value}",
        }
        for miss, text in misses.items():
            strange = miss == "name" and item.key.startswith("PIP_")
            yield docker(
                f"builder.env.{item.slug}.{miss}",
                f"the builder sets {text}",
                kills,
                pair,
                text,
                stage=BUILDER,
                follows=["builder.pip.install"] * strange,
            )

        def moved(draft: Draft, pair: str = pair) -> None:
            in_stage(draft, BUILDER, pair, "OTHER=1")
            in_stage(draft, RUNTIME, "\nWORKDIR ", f"\nENV {pair}\nWORKDIR ")

        def overridden(draft: Draft, key: str = item.key) -> None:
            in_stage(draft, BUILDER, "\nWORKDIR ", f"\nENV {key}=other\nWORKDIR ")

        yield mutant(f"builder.env.{item.slug}.in-runtime", f"{pair} is set in the runtime stage", kills, moved)
        yield mutant(
            f"builder.env.{item.slug}.overridden", f"{item.key} is set again, to another value", kills, overridden
        )
