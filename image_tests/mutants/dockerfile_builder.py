"""What the Dockerfile's first stage marks, installs with pip, and proves."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, in_stage, mutant

BUILDER, RUNTIME = 0, 1


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _markers(good.design)
    yield from _pip(good.design)
    yield from _builder_verification(good.design)


def _markers(design: Design) -> Iterator[Mutant]:
    for marker in design.markers:
        kills = f"builder.marker.{marker.slug}"
        misses = {"case": marker.text.lower(), "longer": f"{marker.text}_", "part": marker.text[:-1], "empty": ""}
        for miss, text in misses.items():
            yield docker(
                f"builder.marker.{marker.slug}.{miss}",
                f"the marker {marker.slug} says {text!r}",
                kills,
                f'echo "{marker.text}',
                f'echo "{text}',
            )
        if marker.timestamped:
            yield docker(
                f"builder.marker.{marker.slug}.no-time",
                "the marker tells no time",
                kills,
                f"{marker.text}_$(date +%s)",
                marker.text,
            )
            yield docker(
                f"builder.marker.{marker.slug}.other-time",
                "the marker tells the date",
                kills,
                f"{marker.text}_$(date +%s)",
                f"{marker.text}_$(date +%F)",
            )
    runtime, lib = "> /var/run/.keep", "> /var/lib/.keep"
    for slug, redirection in {"runtime-directory": runtime, "lib-directory": lib}.items():
        kills = f"builder.marker.{slug}"
        yield docker(
            f"builder.marker.{slug}.elsewhere", "the marker has another name", kills, redirection, f"{redirection}er"
        )
        yield docker(f"builder.marker.{slug}.no-redirection", "the marker is printed", kills, f" {redirection}", "")
    chown = "chown -R 65532:65532 /var/run /var/lib"
    for miss, text in {
        "root": "chown -R 0:0 /var/run /var/lib",
        "flat": "chown 65532:65532 /var/run /var/lib",
        "one": "chown -R 65532:65532 /var/run",
        "uid-only": "chown -R 65532 /var/run /var/lib",
        "absent": "true",
        "echoed": f"echo {chown}",
    }.items():
        yield docker(f"builder.marker.owner.{miss}", text, "builder.marker.directories-owner", chown, text)
    chown = "chown -R 65532:65532 /root/.local"
    for miss, text in {
        "root": "chown -R 0:0 /root/.local",
        "flat": "chown 65532:65532 /root/.local",
        "elsewhere": "chown -R 65532:65532 /root/.cache",
        "absent": "true",
        "longer": f"{chown}/lib",
    }.items():
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
    install, flags = (
        "builder.pip.install",
        [f"builder.pip.flag.{item.slug}" for item in design.collection("dockerfile.pip_flags")],
    )
    for miss, text in {
        "more": f"{line} && pip install --user extra",
        "other-file": line.replace("requirements", "other"),
        "constraint": line.replace("-r ", "-c "),
        "word-after": f"{line} extra",
        "no-file": line.replace("-r requirements.txt", "fastapi uvicorn"),
    }.items():
        kills = install
        if miss == "more":
            yield docker(
                "pip.second-in-block",
                "a package is installed on the side",
                install,
                line,
                f"pip install --user extra && {line}",
                follows=["builder.pip.flag.no-cache-dir", "builder.pip.flag.prefer-binary"],
            )
            continue
        yield docker(f"pip.install.{miss}", text, kills, line, text)
    yield docker(
        "pip.second-block",
        "a second RUN installs with pip",
        install,
        "RUN python3 -c",
        "RUN pip install --user extra\n\nRUN python3 -c",
        nth=0,
    )
    yield docker(
        "pip.echoed", "pip install is printed, not run", [install, *flags, "builder.pip.cache"], line, f"echo {line}"
    )
    for item in design.collection("dockerfile.pip_flags"):
        for miss, text in {
            "absent": "",
            "longer": f"{item.value}s ",
            "case": f"{item.value.upper()} ",
            "negated": f"--no-{item.value[2:]} ",
        }.items():
            yield docker(
                f"pip.flag.{item.slug}.{miss}",
                f"pip install with {text or 'no ' + item.value}",
                f"builder.pip.flag.{item.slug}",
                f"{item.value} ",
                text,
                stage=BUILDER,
            )
    mount = f"--mount=type=cache,target={design.dockerfile.pip_cache_mount}"
    for miss, text in {
        "target": f"{mount}s",
        "tmpfs": mount.replace("cache,", "tmpfs,"),
        "absent": "--network=default",
        "other-user": mount.replace("/root", "/home"),
    }.items():
        yield docker(f"pip.cache.{miss}", f"pip install with {text}", "builder.pip.cache", mount, text)


def _builder_verification(design: Design) -> Iterator[Mutant]:
    packages = [package.slug for package in design.site_packages.packages]
    line, location = (
        f"import {', '.join(packages)}; print(",
        "import uvicorn; print('uvicorn location:', uvicorn.__file__)",
    )
    for name in packages:
        kills, follows = f"builder.verify.import.{name}", ["builder.verify.uvicorn-location"] * (name == "uvicorn")
        rest = [other for other in packages if other != name]
        for miss, listed in {
            "absent": rest,
            "longer": [*rest, f"{name}_x"],
            "case": [*rest, name.upper()],
            "submodule": [*rest, f"{name}.main"],
        }.items():

            def change(draft: Draft, name: str = name, listed: tuple[str, ...] = tuple(listed)) -> None:
                in_stage(draft, BUILDER, line, f"import {', '.join(listed)}; print(")
                if name == "uvicorn":
                    in_stage(draft, BUILDER, location, "print('uvicorn')")

            yield mutant(
                f"builder.verify.{name}.{miss}",
                f"the builder imports {', '.join(listed)}",
                kills,
                change,
                follows=follows,
            )
    for miss, text in {
        "no-import": "print('uvicorn')",
        "no-location": "import uvicorn; print('uvicorn location:')",
        "other": "import uvicorn; print(uvicorn.__version__)",
    }.items():
        yield docker(f"builder.verify.location.{miss}", text, "builder.verify.uvicorn-location", location, text)
    site = design.dockerfile.user_site
    marker = f"{site}/.lucid-marker"
    for id_, test, path in (("directory", "-d", site), ("marker", "-f", marker), ("marker-content", "-s", marker)):
        old = f"test {test} {path} &&"
        for miss, text in {
            "absent": "true &&",
            "other-path": f"test {test} {path}s &&",
            "other-test": f"test -e {path} &&",
            "echoed": f"echo test {test} {path} &&",
            "negated": f"! test {test} {path} &&",
        }.items():
            yield docker(f"builder.verify.{id_}.{miss}", text, f"builder.verify.{id_}", old, text)
