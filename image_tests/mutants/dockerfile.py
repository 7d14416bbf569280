"""The Dockerfile's text: dropped, altered, in the wrong stage, or left in a comment only."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, in_stage, mutant
from image_harness.mutants.changes import comment_out

BUILDER, RUNTIME = 0, 1
STAGE_TWO = "# Stage 2 - Runtime\n"


def mutants(good: Good) -> Iterator[Mutant]:
    """One line, one defect."""
    design = good.design
    yield from _stages(design)
    yield from _arguments(design)
    yield from _builder(design)
    yield from _apt(design)
    yield from _markers(design)
    yield from _pip(design)
    yield from _builder_verification(design)


def _stages(design: Design) -> Iterator[Mutant]:
    wanted = design.dockerfile
    platform = f"--platform={wanted.platform_argument}"
    first, last = f"FROM {platform} {wanted.builder_base} AS {wanted.builder_name}\n", f"FROM {platform} {wanted.runtime_base}\n"
    spare = f"FROM {platform} scratch AS spare\n"
    yield docker("stages.third", "a stage between the two", "stages.two", STAGE_TWO, f"{spare}\n{STAGE_TWO}")
    yield docker("stages.third-last", "the runtime stage is built upon once more", "stages.two", STAGE_TWO, f"{spare}COPY --from=builder /etc/hostname /\n\n{STAGE_TWO}")
    for miss, base in {"other-python": "python:3.12-slim-bookworm", "part": "python:3.11-slim", "longer": f"{wanted.builder_base}-extra", "case": "Python:3.11-slim-bookworm", "registry": f"docker.io/library/{wanted.builder_base}"}.items():
        yield docker(f"stages.builder-base.{miss}", f"the builder starts from {base}", "stages.builder-base", first, first.replace(wanted.builder_base, base))
    for miss, name in {"case": " AS Builder", "longer": " AS builder2", "absent": ""}.items():
        yield docker(f"stages.builder-name.{miss}", f"the builder is called{name or ' nothing'}", "stages.builder-name", first, first.replace(" AS builder", name))
    for miss, base in {"debug": "gcr.io/distroless/python3-debian12:debug", "nonroot": "gcr.io/distroless/python3-debian12:nonroot", "no-tag": "gcr.io/distroless/python3-debian12", "debian11": "gcr.io/distroless/python3-debian11:latest", "builder": "builder", "name-only": "distroless/python3-debian12:latest"}.items():
        yield docker(f"stages.runtime-base.{miss}", f"the runtime starts from {base}", "stages.runtime-base", last, last.replace(wanted.runtime_base, base))
    for place, line in {"builder": first, "runtime": last}.items():
        for miss, value in {"absent": "", "build": "--platform=$BUILDPLATFORM ", "literal": "--platform=linux/arm64 ", "part": "--platform=$TARGET "}.items():
            yield docker(f"stages.platform.{place}.{miss}", f"the {place} is built for {value or 'whatever'}", "stages.platform", line, line.replace(f"{platform} ", value))
    for miss, line in {"plain": "# syntax=docker/dockerfile:1\n", "tight": "#syntax=docker/dockerfile:1.7-labs\n", "case": "# Syntax = docker/dockerfile:1\n"}.items():

        def with_directive(draft: Draft, line: str = line) -> None:
            draft.dockerfile = line + draft.dockerfile

        yield mutant(f"stages.syntax.{miss}", f"the file begins with {line.strip()}", "stages.no-syntax-line", with_directive)


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
            altered |= {"no-value": f"ARG {name}\n", "empty": f"ARG {name}=\n", "value-longer": f"ARG {name}={item.value}0\n"}
        for miss, text in altered.items():
            yield docker(f"build-arg.{name}.{miss}", f"{line.strip()} became {text.strip() or 'nothing'}", kills, f"\n{line}", f"\n{text}", nth=first)
        if name not in design.dockerfile.runtime_args:

            def moved(draft: Draft, line: str = line) -> None:
                draft.docker(f"\n{line}", "\n")
                in_stage(draft, BUILDER, "WORKDIR ", f"{line}WORKDIR ")

            yield mutant(f"build-arg.{name}.in-stage", f"{name} is declared inside the first stage", kills, moved)
    for name in design.dockerfile.runtime_args:
        kills, line = f"build-args.runtime.{name}", f"\nARG {name}\n"
        for miss, text in {"absent": "\n", "comment": f"\n# ARG {name}\n", "case": f"\nARG {name.lower()}\n"}.items():
            yield docker(f"build-arg.runtime.{name}.{miss}", f"the runtime stage declares no {name}", kills, line, text, stage=RUNTIME)

        def late(draft: Draft, line: str = line) -> None:
            in_stage(draft, RUNTIME, line, "\n")
            in_stage(draft, RUNTIME, "\nWORKDIR /app\n", f"{line}WORKDIR /app\n")

        def elsewhere(draft: Draft, line: str = line) -> None:
            in_stage(draft, RUNTIME, line, "\n")
            in_stage(draft, BUILDER, "\nWORKDIR ", f"{line}WORKDIR ")

        def unused(draft: Draft, name: str = name) -> None:
            in_stage(draft, RUNTIME, f'="${{{name}}}"', '="fixed"')

        yield mutant(f"build-arg.runtime.{name}.late", f"{name} is declared after its use", kills, late)
        yield mutant(f"build-arg.runtime.{name}.in-builder", f"{name} is declared in the builder instead", kills, elsewhere)
        yield mutant(f"build-arg.runtime.{name}.unused", f"{name} is not used", kills, unused)


def _builder(design: Design) -> Iterator[Mutant]:
    for miss, path in {"case": "/Build", "longer": "/builder", "root": "/", "relative": "build"}.items():
        yield docker(f"builder.workdir.{miss}", f"the builder works in {path}", "builder.workdir", "WORKDIR /build\n", f"WORKDIR {path}\n")
    yield docker("builder.workdir.comment", "the builder's WORKDIR is a comment", "builder.workdir", "WORKDIR /build\n", "# WORKDIR /build\n")
    yield docker("builder.workdir.again", "the builder changes to another folder", "builder.workdir", "COPY monitor_service/recorder", "WORKDIR /tmp\nCOPY monitor_service/recorder")
    for item in design.collection("dockerfile.builder_env"):
        kills, pair = f"builder.env.{item.slug}", f"{item.key}={item.value}"
        misses = {"value": f"{item.key}=0", "empty": f"{item.key}=", "case": f"{item.key.lower()}={item.value}", "longer": f"{item.key}={item.value}1", "quoted-blank": f'{item.key}="{item.value} "', "name": f"{item.key}S={item.value}"}
        for miss, text in misses.items():
            yield docker(f"builder.env.{item.slug}.{miss}", f"the builder sets {text}", kills, pair, text, stage=BUILDER)

        def moved(draft: Draft, pair: str = pair) -> None:
            in_stage(draft, BUILDER, pair, "OTHER=1")
            in_stage(draft, RUNTIME, "\nWORKDIR ", f"\nENV {pair}\nWORKDIR ")

        def overridden(draft: Draft, key: str = item.key) -> None:
            in_stage(draft, BUILDER, "\nWORKDIR ", f"\nENV {key}=other\nWORKDIR ")

        yield mutant(f"builder.env.{item.slug}.in-runtime", f"{pair} is set in the runtime stage", kills, moved)
        yield mutant(f"builder.env.{item.slug}.overridden", f"{item.key} is set again, to another value", kills, overridden)


def _apt(design: Design) -> Iterator[Mutant]:
    second = "RUN apt-get install -y --no-install-recommends git\n\nRUN echo"
    yield docker("apt.second-block", "a second RUN installs with apt-get", "builder.apt.single-block", "RUN echo", second, nth=0)
    yield docker("apt.second-command", "a second RUN installs after another command", "builder.apt.single-block", "RUN mkdir -p", "RUN true && apt-get install -y git && mkdir -p", nth=0)
    for item in design.collection("dockerfile.apt_packages"):
        kills, end = f"builder.apt.package.{item.slug}", " \\\n"
        old = f"        {item.value}{end}"
        misses = {"absent": "", "longer": f"        {item.value}-doc{end}", "case": f"        {item.value.upper()}{end}", "pinned": f"        {item.value}=1{end}", "comment": f"#       {item.value}{end}"}
        for miss, text in misses.items():
            yield docker(f"apt.{item.slug}.{miss}", f"the builder installs {text.strip() or 'no ' + item.value}", kills, old, text)

        def echoed(draft: Draft, old: str = old, end: str = end, name: str = item.value) -> None:
            draft.docker(old, f"        true{end}")
            draft.docker("&& apt-get clean", f"&& echo {name} && apt-get clean")

        yield mutant(f"apt.{item.slug}.echoed", f"{item.value} is printed, not installed", kills, echoed)
    for item in design.collection("dockerfile.apt_cache_mounts"):
        kills, mount = f"builder.apt.cache.{item.slug}", f"--mount=type=cache,target={item.value},sharing=locked"
        misses = {"shared": mount.replace("locked", "shared"), "no-sharing": mount.replace(",sharing=locked", ""), "target": mount.replace(item.value, f"{item.value}s"), "parent": mount.replace(item.value, item.value.rpartition("/")[0]), "tmpfs": f"--mount=type=tmpfs,target={item.value}"}
        for miss, text in misses.items():
            yield docker(f"apt.cache.{item.slug}.{miss}", f"the apt-get block has {text}", kills, mount, text)
    install, update = "apt-get install -y --no-install-recommends \\\n", "apt-get update --allow-releaseinfo-change && \\\n"
    for miss, text in {"no-y": "apt-get install --no-install-recommends \\\n", "recommends": "apt-get install -y \\\n", "install-recommends": "apt-get install -y --install-recommends \\\n", "yes-quiet": "apt-get install -qq --no-install-recommends \\\n"}.items():
        yield docker(f"apt.recommends.{miss}", f"{text.split(chr(92))[0].strip()}", "builder.apt.no-recommends", install, text)
    moved = "apt-get update --allow-releaseinfo-change -y --no-install-recommends && \\\n    apt-get install \\\n"
    yield docker("apt.recommends.on-update", "the flags stand at apt-get update", "builder.apt.no-recommends", f"{update}    {install}", moved, follows="builder.apt.release-info")
    for miss, text in {"no-flag": "apt-get update && \\\n", "absent": "true && \\\n", "echoed": "echo apt-get update --allow-releaseinfo-change && \\\n", "other-flag": "apt-get update --allow-releaseinfo && \\\n"}.items():
        yield docker(f"apt.update.{miss}", f"{text.split(' &&')[0]}", "builder.apt.release-info", update, text)
    yield docker("apt.update.no-removal", "old lists are not removed first", "builder.apt.release-info", "    rm -rf /var/lib/apt/lists/* && \\\n", "")
    yield docker("apt.update.removal-after", "old lists are removed after the update", "builder.apt.release-info", f"    rm -rf /var/lib/apt/lists/* && \\\n    {update}", f"    {update}    rm -rf /var/lib/apt/lists/* && \\\n")
    lists = "    && rm -rf /var/lib/apt/lists/* /tmp/* /var/tmp/*\n"
    for miss, (old, text) in {
        "no-clean": ("    && apt-get clean \\\n", ""),
        "autoclean": ("&& apt-get clean ", "&& apt-get autoclean "),
        "no-removal": (f" \\\n{lists}", "\n"),
        "no-tmp": (" /tmp/* /var/tmp/*", " /var/tmp/*"),
        "no-lists": ("    && rm -rf /var/lib/apt/lists/* /tmp", "    && rm -rf /tmp"),
        "folder": ("/lists/* /tmp/* /var/tmp/*", "/lists /tmp /var/tmp"),
    }.items():
        yield docker(f"apt.clean.{miss}", f"cleaning: {miss}", "builder.apt.clean", old, text)

    def cleaned_before(draft: Draft) -> None:
        draft.docker("    && apt-get clean \\\n", "")
        draft.docker("    apt-get install -y", "    apt-get clean && \\\n    apt-get install -y")

    yield mutant("apt.clean.before", "apt-get clean comes before the installation", "builder.apt.clean", cleaned_before)
    everything = ["builder.apt.single-block", *(f"builder.apt.package.{i.slug}" for i in design.collection("dockerfile.apt_packages")), *(f"builder.apt.cache.{i.slug}" for i in design.collection("dockerfile.apt_cache_mounts")), "builder.apt.no-recommends", "builder.apt.release-info", "builder.apt.clean"]
    yield docker("apt.other-tool", "packages are installed with aptitude", everything, "apt-get install -y", "aptitude install -y")


def _markers(design: Design) -> Iterator[Mutant]:
    for marker in design.markers:
        kills = f"builder.marker.{marker.slug}"
        misses = {"case": marker.text.lower(), "longer": f"{marker.text}_", "part": marker.text[:-1], "empty": ""}
        for miss, text in misses.items():
            yield docker(f"builder.marker.{marker.slug}.{miss}", f"the marker {marker.slug} says {text!r}", kills, f'echo "{marker.text}', f'echo "{text}')
        if marker.timestamped:
            yield docker(f"builder.marker.{marker.slug}.no-time", "the marker tells no time", kills, f"{marker.text}_$(date +%s)", marker.text)
            yield docker(f"builder.marker.{marker.slug}.other-time", "the marker tells the date", kills, f"{marker.text}_$(date +%s)", f"{marker.text}_$(date +%F)")
    runtime, lib = "> /var/run/.keep", "> /var/lib/.keep"
    for slug, redirection in {"runtime-directory": runtime, "lib-directory": lib}.items():
        kills = f"builder.marker.{slug}"
        yield docker(f"builder.marker.{slug}.elsewhere", "the marker has another name", kills, redirection, f"{redirection}er")
        yield docker(f"builder.marker.{slug}.no-redirection", "the marker is printed", kills, f" {redirection}", "")
    chown = "chown -R 65532:65532 /var/run /var/lib"
    for miss, text in {"root": "chown -R 0:0 /var/run /var/lib", "flat": "chown 65532:65532 /var/run /var/lib", "one": "chown -R 65532:65532 /var/run", "uid-only": "chown -R 65532 /var/run /var/lib", "absent": "true", "echoed": f"echo {chown}"}.items():
        yield docker(f"builder.marker.owner.{miss}", text, "builder.marker.directories-owner", chown, text)
    chown = "chown -R 65532:65532 /root/.local"
    for miss, text in {"root": "chown -R 0:0 /root/.local", "flat": "chown 65532:65532 /root/.local", "elsewhere": "chown -R 65532:65532 /root/.cache", "absent": "true", "longer": f"{chown}/lib"}.items():
        yield docker(f"builder.packages.owner.{miss}", text, "builder.marker.packages-owner", chown, text)


def _pip(design: Design) -> Iterator[Mutant]:
    site, scripts = design.dockerfile.user_site, design.dockerfile.user_scripts
    for miss, (old, text) in {
        "site-absent": (f"mkdir -p {site}", "true"),
        "scripts-absent": (f"mkdir -p {scripts}", "true"),
        "other-python": (f"mkdir -p {site}", f"mkdir -p {site.replace('3.11', '3.12')}"),
        "no-parents": (f"mkdir -p {scripts}", f"mkdir {scripts}"),
    }.items():
        yield docker(f"pip.directories.{miss}", text, "builder.pip.directories", old, text)
    line = "pip install --user --no-cache-dir --prefer-binary -r requirements.txt"
    install, flags = "builder.pip.install", [f"builder.pip.flag.{item.slug}" for item in design.collection("dockerfile.pip_flags")]
    for miss, text in {"more": f"{line} && pip install --user extra", "other-file": line.replace("requirements", "other"), "constraint": line.replace("-r ", "-c "), "word-after": f"{line} extra", "no-file": line.replace("-r requirements.txt", "fastapi uvicorn")}.items():
        kills = install
        if miss == "more":
            yield docker("pip.second-in-block", "a package is installed on the side", install, line, f"pip install --user extra && {line}", follows=["builder.pip.flag.no-cache-dir", "builder.pip.flag.prefer-binary"])
            continue
        yield docker(f"pip.install.{miss}", text, kills, line, text)
    yield docker("pip.second-block", "a second RUN installs with pip", install, "RUN python3 -c", "RUN pip install --user extra\n\nRUN python3 -c", nth=0)
    yield docker("pip.echoed", "pip install is printed, not run", [install, *flags, "builder.pip.cache"], line, f"echo {line}")
    for item in design.collection("dockerfile.pip_flags"):
        for miss, text in {"absent": "", "longer": f"{item.value}s ", "case": f"{item.value.upper()} ", "negated": f"--no-{item.value[2:]} "}.items():
            yield docker(f"pip.flag.{item.slug}.{miss}", f"pip install with {text or 'no ' + item.value}", f"builder.pip.flag.{item.slug}", f"{item.value} ", text, stage=BUILDER)
    mount = f"--mount=type=cache,target={design.dockerfile.pip_cache_mount}"
    for miss, text in {"target": f"{mount}s", "tmpfs": mount.replace("cache,", "tmpfs,"), "absent": "--network=default", "other-user": mount.replace("/root", "/home")}.items():
        yield docker(f"pip.cache.{miss}", f"pip install with {text}", "builder.pip.cache", mount, text)


def _builder_verification(design: Design) -> Iterator[Mutant]:
    packages = [package.slug for package in design.site_packages.packages]
    line, location = f"import {', '.join(packages)}; print(", "import uvicorn; print('uvicorn location:', uvicorn.__file__)"
    for name in packages:
        kills, follows = f"builder.verify.import.{name}", ["builder.verify.uvicorn-location"] * (name == "uvicorn")
        rest = [other for other in packages if other != name]
        for miss, listed in {"absent": rest, "longer": [*rest, f"{name}_x"], "case": [*rest, name.upper()], "submodule": [*rest, f"{name}.main"]}.items():

            def change(draft: Draft, name: str = name, listed: tuple[str, ...] = tuple(listed)) -> None:
                in_stage(draft, BUILDER, line, f"import {', '.join(listed)}; print(")
                if name == "uvicorn":
                    in_stage(draft, BUILDER, location, "print('uvicorn')")

            yield mutant(f"builder.verify.{name}.{miss}", f"the builder imports {', '.join(listed)}", kills, change, follows=follows)
    for miss, text in {"no-import": "print('uvicorn')", "no-location": "import uvicorn; print('uvicorn location:')", "other": "import uvicorn; print(uvicorn.__version__)"}.items():
        yield docker(f"builder.verify.location.{miss}", text, "builder.verify.uvicorn-location", location, text)
    site = design.dockerfile.user_site
    marker = f"{site}/.lucid-marker"
    for id_, test, path in (("directory", "-d", site), ("marker", "-f", marker), ("marker-content", "-s", marker)):
        old = f"test {test} {path} &&"
        for miss, text in {"absent": "true &&", "other-path": f"test {test} {path}s &&", "other-test": f"test -e {path} &&", "echoed": f"echo test {test} {path} &&", "negated": f"! test {test} {path} &&"}.items():
            yield docker(f"builder.verify.{id_}.{miss}", text, f"builder.verify.{id_}", old, text)
