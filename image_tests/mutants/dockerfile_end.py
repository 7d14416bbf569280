"""What the Dockerfile's last stage proves, and how it ends: user, health check, command."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, docker, in_stage, mutant

BUILDER, RUNTIME = 0, 1


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _verification(good.design)
    yield from _void_verification(good.design)
    yield from _user(good.design)
    yield from _health()
    yield from _command(good.design)


def _verification(design: Design) -> Iterator[Mutant]:
    packages = [package.slug for package in design.site_packages.packages]
    imports = f"import {', '.join(packages)}; \\\n"
    for name in packages:
        line = f"assert os.path.exists(os.path.join(site_packages, '{name}')), '{name} not found'; \\\n"
        kills = f"runtime-verify.present.{name}"
        for miss, text in {
            "absent": "",
            "longer": line.replace(f"'{name}')", f"'{name}x')"),
            "no-assert": line.replace("assert ", "print(").replace(f", '{name} not found'", ")"),
            "negated": line.replace("assert ", "assert not "),
            "case": line.replace(f"'{name}')", f"'{name.upper()}')"),
        }.items():
            yield docker(
                f"runtime-verify.{name}.{miss}", text.strip() or f"no assertion about {name}", kills, line, text
            )
        rest = [other for other in packages if other != name]
        for miss, listed in {
            "not-imported": rest,
            "imported-longer": [*rest, f"{name}2"],
            "imported-case": [*rest, name.upper()],
        }.items():
            text = f"import {', '.join(listed)}; \\\n"
            yield docker(
                f"runtime-verify.{name}.{miss}",
                f"the runtime stage imports {', '.join(listed)}",
                f"runtime-verify.import.{name}",
                imports,
                text,
                stage=RUNTIME,
            )
    for miss, (old, text) in {
        "size-not-asserted": (
            "assert os.path.getsize(marker_path) > 0, 'marker file is empty: ' + marker_path; \\\n",
            "",
        ),
        "size-zero": ("os.path.getsize(marker_path) > 0", "os.path.getsize(marker_path) >= 0"),
        "not-asserted": (
            "assert os.path.exists(os.path.join(site_packages, '.lucid-marker')), 'marker file not found'; \\\n",
            "",
        ),
        "other-file": (
            "marker_path = os.path.join(site_packages, '.lucid-marker'); \\\n",
            "marker_path = sys.executable; \\\n",
        ),
    }.items():
        yield docker(f"runtime-verify.marker.{miss}", f"the marker: {miss}", "runtime-verify.marker", old, text)
    for miss, line in {
        "shell-form": "RUN python3 -V",
        "other-interpreter": 'RUN ["/usr/bin/python3", "-V"]',
        "relative": 'RUN ["python3.11", "-V"]',
        "shell": 'RUN ["/bin/sh", "-c", "true"]',
        "shell-form-full": "RUN /usr/bin/python3.11 -V",
    }.items():
        yield docker(
            f"runtime-verify.interpreter.{miss}",
            line,
            "runtime-verify.interpreter",
            "\nWORKDIR /app\n",
            f"\n{line}\nWORKDIR /app\n",
        )
    first = next(
        f"COPY --chown={design.image.user} --from=builder {tree.source} {tree.path}\n"
        for tree in design.application.trees
    )

    def late(draft: Draft) -> None:
        draft.docker(f"\n{first}", "\n")
        draft.docker("\nWORKDIR /app\n", f"\n{first}\nWORKDIR /app\n")

    application = "runtime-verify.application"
    yield mutant("runtime-verify.application.before", "a tree is copied after the verification", application, late)
    yield docker(
        "runtime-verify.application.no-entrypoint", "the entrypoint is not verified", application, "'entrypoint', ", ""
    )
    yield docker(
        "runtime-verify.application.other-root",
        "another folder is verified",
        application,
        "pathlib.Path('/app')",
        "pathlib.Path('/srv')",
    )
    for miss, (old, text) in {
        "other-module": (
            "from resource_monitor.config import load_settings",
            "from resource_monitor.main import load_settings",
        ),
        "import-only": ("from resource_monitor.config import load_settings; \\\n", "import resource_monitor; \\\n"),
    }.items():
        yield docker(f"runtime-verify.configuration.{miss}", text, "runtime-verify.configuration", old, text)


def _void_verification(design: Design) -> Iterator[Mutant]:
    packages = [package.slug for package in design.site_packages.packages]
    present = [f"runtime-verify.present.{name}" for name in packages]
    asserted = [*present, "runtime-verify.marker"]
    proved = [*asserted, *(f"runtime-verify.import.{name}" for name in packages)]
    begin = f'RUN ["{design.image.interpreter}", "-c", "import sys; import os; \\\n'
    site = f"site_packages = '{design.site_packages.path}'; \\\n"
    mount = f"RUN --mount=type=bind,from=builder,source=/root,target={design.site_packages.path}"
    for miss, kills, old, text in (
        ("optimised", proved, begin, begin.replace('"-c"', '"-O", "-c"')),
        ("arguments", proved, begin, begin.replace('"-c"', '"-c", "exit()", "-c"')),
        ("mounted", proved, begin, begin.replace("RUN", mount)),
        ("exit", proved, begin, begin.replace('"import sys; ', '"import sys; sys.exit(0); ')),
        ("exit-imported", proved, begin, begin.replace('"import sys; ', '"from os import _exit as e; e(0); ')),
        ("exit-late", proved, site, f"{site}os._exit(0); \\\n"),
        ("elsewhere", asserted, site, "site_packages = '/root/.local/lib'; \\\n"),
        ("elsewhere-again", asserted, site, f"{site}site_packages = '/root/.local/lib'; \\\n"),
        ("always-there", asserted, site, f"{site}os.path.exists = bool; \\\n"),
        (
            "no-directory",
            present,
            "assert os.path.exists(site_packages), site_packages + ' does not exist'; \\\n",
            "",
        ),
    ):
        yield docker(f"runtime-verify.packages.{miss}", f"the packages' verification: {miss}", kills, old, text)
    for keyword, setting in {"env": "ENV PYTHONOPTIMIZE=1", "arg": "ARG PYTHONOPTIMIZE"}.items():
        yield docker(
            f"runtime-verify.{keyword}",
            f"{setting} turns assertions off",
            [*proved, "runtime-verify.application", "runtime-verify.configuration"],
            "\nENV PATH=/usr/local/bin",
            f"\n{setting}\nENV PATH=/usr/local/bin",
        )
    for name in packages:
        there = f"os.path.exists(os.path.join(site_packages, '{name}'))"
        yield docker(
            f"runtime-verify.{name}.or-true",
            f"assert {there} or True",
            f"runtime-verify.present.{name}",
            there,
            f"{there} or True",
        )
    size = "os.path.getsize(marker_path) > 0"
    yield docker(
        "runtime-verify.marker.or-true", f"assert {size} or True", "runtime-verify.marker", size, f"{size} or 1"
    )
    cache = "--mount=type=cache,id=lucid-rdp-monitor-bytecode,target=/var/cache/python"
    cached = '"-X", "pycache_prefix=/var/cache/python", "-c", "import sys; '
    for nth, (what, assertion) in enumerate(
        {"application": "assert not missing", "configuration": "assert limit == 100"}.items()
    ):
        verified = f"runtime-verify.{what}"
        for miss, text in {
            "optimised": cached.replace('"-c"', '"-O", "-c"'),
            "exit": f"{cached}sys.exit(0); ",
            "ended": cached.replace("import sys; ", "import sys; exit(0); "),
        }.items():
            yield docker(
                f"{verified}.{miss}", f"the verification of the {what}: {miss}", verified, cached, text, nth=nth
            )

        for miss, mount in {
            "mounted": "type=bind,from=builder,source=/build,target=/app",
            "mounted-part": "type=bind,from=builder,source=/build/common,dst=/app/common/",
            "mounted-above": "type=bind,from=builder,source=/,destination=/",
            "mounted-relative": "type=bind,from=builder,source=/build,target=app",
        }.items():
            yield docker(
                f"{verified}.{miss}",
                f"the verification of the {what}: {miss}",
                verified,
                cache,
                f"{cache} --mount={mount}",
                nth=nth,
            )

        def always(draft: Draft, assertion: str = assertion) -> None:
            whole = draft.dockerfile
            begin = whole.index(assertion)
            end = whole.index("print(", begin)
            always_true = whole[begin:end].replace("assert ", "assert True or ")
            draft.dockerfile = whole[:begin] + always_true + whole[end:]

        yield mutant(f"{verified}.always-true", f"what is asserted of the {what} is always true", verified, always)


def _user(design: Design) -> Iterator[Mutant]:
    line = f"\nUSER {design.image.user}\n"
    for miss, text in {
        "absent": "\n",
        "comment": f"\n# USER {design.image.user}\n",
        "root": "\nUSER root\n",
        "uid-only": "\nUSER 65532\n",
        "name": "\nUSER nonroot\n",
        "off-by-one": "\nUSER 65532:65533\n",
        "overridden": f"{line}USER root\n",
        "swapped": "\nUSER 65533:65532\n",
    }.items():
        yield docker(f"user-instruction.{miss}", text.strip() or "no USER", "user.instruction", line, text)

    def moved(draft: Draft) -> None:
        in_stage(draft, RUNTIME, line, "\n")
        in_stage(draft, BUILDER, "\nWORKDIR ", f"{line}WORKDIR ")

    yield mutant("user-instruction.in-builder", "USER stands in the builder", "user.instruction", moved)
    for miss, (stage, text) in {
        "arg": (BUILDER, "ARG API_TOKEN"),
        "env": (RUNTIME, "ENV DB_PASSWORD=x"),
        "env-old-form": (RUNTIME, "ENV SECRET_KEY value"),
        "second-of-two": (RUNTIME, "ENV A=1 AWS_CREDENTIALS=x"),
        "case": (BUILDER, "ARG Private_Key"),
    }.items():

        def change(draft: Draft, stage: int = stage, text: str = text) -> None:
            in_stage(draft, stage, "\nWORKDIR ", f"\n{text}\nWORKDIR ")

        yield mutant(f"secret.instruction.{miss}", text, "security.no-secret-instruction", change)
    yield docker(
        "secret.instruction.before-from",
        "ARG PASSWORD",
        "security.no-secret-instruction",
        "\nARG PYTHON_VERSION",
        "\nARG PASSWORD\nARG PYTHON_VERSION",
    )


def _health() -> Iterator[Mutant]:
    begin = "HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 \\\n"
    kills = "health.instruction"
    for flag, right in {"interval": 30, "timeout": 10, "start-period": 40}.items():
        for miss, value in {"longer": f"{right + 1}s", "shorter": f"{right - 1}s"}.items():
            yield docker(
                f"health-instruction.{flag}.{miss}",
                f"--{flag}={value}",
                kills,
                begin,
                begin.replace(f"--{flag}={right}s", f"--{flag}={value}"),
            )
        yield docker(
            f"health-instruction.{flag}.absent", f"no --{flag}", kills, begin, begin.replace(f"--{flag}={right}s ", "")
        )
        yield docker(
            f"health-instruction.{flag}.minutes",
            f"--{flag}={right}m",
            kills,
            begin,
            begin.replace(f"--{flag}={right}s", f"--{flag}={right}m"),
        )
    for miss, text in {"more": "--retries=4 ", "fewer": "--retries=2 ", "absent": ""}.items():
        yield docker(
            f"health-instruction.retries.{miss}",
            text or "no --retries",
            kills,
            begin,
            begin.replace("--retries=3 ", text),
        )
    yield docker(
        "health-instruction.start-interval",
        "--start-interval=1s too",
        kills,
        begin,
        begin.replace(" \\\n", " --start-interval=1s \\\n"),
    )
    yield docker(
        "health-instruction.port", "the probe asks another port", kills, "8093)); s.close()", "8094)); s.close()"
    )
    yield docker(
        "health-instruction.shell-form",
        "the probe is in shell form",
        kills,
        '  CMD ["/usr/bin/python3.11", "-c", ',
        '  CMD /usr/bin/python3.11 -c ["',
    )
    yield docker(
        "health-instruction.overridden", "HEALTHCHECK NONE", kills, "\nENTRYPOINT", "\nHEALTHCHECK NONE\n\nENTRYPOINT"
    )

    def commented(draft: Draft) -> None:
        at = draft.dockerfile.index(begin)
        end = draft.dockerfile.index("\n\n", at)
        draft.dockerfile = (
            draft.dockerfile[:at] + "# " + draft.dockerfile[at:end].replace("\n", "\n# ") + draft.dockerfile[end:]
        )

    yield mutant("health-instruction.comment", "HEALTHCHECK stands in a comment", kills, commented)

    def moved(draft: Draft) -> None:
        at = draft.dockerfile.index(begin)
        end = draft.dockerfile.index("\n\n", at)
        text = draft.dockerfile[at:end]
        draft.dockerfile = draft.dockerfile[:at] + draft.dockerfile[end:]
        in_stage(draft, BUILDER, "\nWORKDIR ", f"\n{text}\nWORKDIR ")

    yield mutant("health-instruction.in-builder", "HEALTHCHECK stands in the builder", kills, moved)


def _command(design: Design) -> Iterator[Mutant]:
    interpreter, script = design.image.cmd
    cmd, kills = f'\nCMD ["{interpreter}", "{script}"]', "entrypoint.instructions"
    for miss, text in {
        "absent": "\n",
        "comment": "\n# " + cmd.strip(),
        "shell-form": f"\nCMD {interpreter} {script}",
        "single-quotes": f"\nCMD ['{interpreter}', '{script}']",
        "overridden": f'{cmd}\nCMD ["/usr/bin/python3.11"]',
        "link": cmd.replace("python3.11", "python3"),
        "argument": cmd.replace('"]', '", "--debug"]'),
        "module": f'\nCMD ["{interpreter}", "-m", "resource_monitor"]',
    }.items():
        yield docker(f"cmd-instruction.{miss}", text.strip() or "no CMD", kills, cmd, text)
    for miss, text in {
        "absent": "\n",
        "comment": "\n# ENTRYPOINT []\n",
        "interpreter": f'\nENTRYPOINT ["{interpreter}"]\n',
        "empty-shell": "\nENTRYPOINT \n",
        "empty-word": '\nENTRYPOINT [""]\n',
    }.items():
        yield docker(
            f"entrypoint-instruction.{miss}", text.strip() or "no ENTRYPOINT", kills, "\nENTRYPOINT []\n", text
        )
