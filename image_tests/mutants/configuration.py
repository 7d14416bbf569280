"""The image's configuration: user, environment, ports, platform, history."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, mutant, near_misses
from image_harness.mutants.changes import Change, document, label, more_environment, run, together, variable

SECRET = "security.no-secret-env"
ONLY_DESIGNED = "env.only-designed"
SECRET_NAMES = ("DB_PASSWORD", "API_TOKEN", "api_key", "SECRET", "AWS_CREDENTIAL", "DB_PASS")
SECRET_VALUES = {
    "url": "REDIS_URL=redis://user:word@cache/0",
    "url-no-user": "REDIS_URL=redis://:word@cache/0",
    "aws": "ID=AKIAABCDEFGHIJKLMNOP",
    "github": f"T=ghp_{'a' * 36}",
    "github-fine-grained": f"T=github_pat_{'a' * 22}",
    "gitlab": f"T=glpat-{'a' * 20}",
    "private-key": "KEY=-----BEGIN RSA PRIVATE KEY-----",
}
SECRET_STEPS = {
    "argument-used": "RUN |1 DB_PASSWORD=word /bin/sh -c make # buildkit",
    "argument": "ARG API_TOKEN=word",
    "argument-of-old": "/bin/sh -c #(nop)  ARG api_token=word",
    "shell": "RUN /bin/sh -c true && API_TOKEN=word make",
}


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _environment(good)
    yield from _user_and_place(good.design)
    yield from _platform()
    yield from _history()


def _environment(good: Good) -> Iterator[Mutant]:
    for family, collection in (("env", "image.env"), ("base.env", "base.env")):
        for item in good.design.collection(collection):
            kills, name = f"{family}.{item.slug}", f"{family}.{item.slug}"
            yield mutant(f"{name}.absent", f"no variable {item.key}", kills, variable(item.key, None))
            renamed = together(variable(item.key, None), more_environment(f"{item.key.lower()}={item.value}"))
            yield mutant(
                f"{name}.name-case", f"{item.key} is written in small letters", kills, renamed, follows=ONLY_DESIGNED
            )
            moved = together(variable(item.key, None), label(item.key, item.value))
            yield mutant(f"{name}.in-labels", f"{item.key} is a label instead of a variable", kills, moved)
            for miss, value in near_misses(item.value):
                yield mutant(f"{name}.{miss}", f"{item.key} is {value!r}", kills, variable(item.key, value))
            twice = more_environment(f"{item.key}={item.value}")
            yield mutant(f"{name}.duplicate", f"{item.key} is set twice, to the same", "env.unique", twice)
            wrong = more_environment(f"{item.key}=other")
            yield mutant(
                f"{name}.overridden", f"{item.key} is set again, to another value", kills, wrong, follows="env.unique"
            )
    for pair in ("LD_PRELOAD=/opt/other.so", "PYTHONHOME=", "PYTHONPATH_=/app", "EMPTY"):
        more, name = more_environment(pair), pair.partition("=")[0]
        yield mutant(f"env.more.{name}", f"the environment holds {pair}, too", ONLY_DESIGNED, more)
    for name in SECRET_NAMES:
        named = more_environment(f"{name}=x")
        yield mutant(f"secret.env.{name}", f"the variable {name}", SECRET, named, follows=ONLY_DESIGNED)
    for name, step in SECRET_STEPS.items():
        yield mutant(f"secret.history.{name}", f"the history has: {step}", SECRET, _with_step(step))
    for name, pair in SECRET_VALUES.items():
        harmless = more_environment(pair)
        yield mutant(f"secret.env.{name}", "a secret under a harmless name", SECRET, harmless, follows=ONLY_DESIGNED)
        told = _with_step(f"RUN {pair} build")
        yield mutant(f"secret.history.{name}", "a secret in the history", SECRET, told)


def _with_step(text: str) -> Change:
    """Let the last step of the history be another."""

    def change(draft: Draft) -> None:
        draft.history[-1]["created_by"] = text

    return change


def _user_and_place(design: Design) -> Iterator[Mutant]:
    uid, gid = design.image.uid, design.image.gid
    users = {
        "absent": None,
        "empty": "",
        "root": "root",
        "zero": "0",
        "zeros": "0:0",
        "uid-only": f"{uid}",
        "group-root": f"{uid}:0",
        "uid-root": f"0:{gid}",
        "off-by-one": f"{uid + 1}:{gid}",
        "group-off-by-one": f"{uid}:{gid - 1}",
        "by-name": "nonroot:nonroot",
        "blank-after": f"{uid}:{gid} ",
    }
    for name, value in users.items():
        yield mutant(f"user.{name}", f"the user is {value!r}", "user.config", run("User", value))
    for name, value in [
        ("absent", None),
        ("root", "/"),
        ("slash-after", f"{design.image.working_dir}/"),
        *near_misses(design.image.working_dir),
    ]:
        yield mutant(f"workdir.{name}", f"the working directory is {value!r}", "workdir", run("WorkingDir", value))
    port = design.service.port
    ports = {
        "absent": [],
        "off-by-one": [f"{port + 1}/tcp"],
        "udp": [f"{port}/udp"],
        "part": [f"{port // 10}/tcp"],
        "another-too": [f"{port}/tcp", "8080/tcp"],
        "udp-too": [f"{port}/tcp", f"{port}/udp"],
    }
    for name, listed in ports.items():
        yield mutant(f"expose.{name}", f"exposes {listed}", "expose", run("ExposedPorts", {key: {} for key in listed}))
    for name, path in {"data": "/data", "tmp": "/tmp", "relative": "data", "blank": " "}.items():
        yield mutant(f"volumes.{name}", f"declares the volume {path!r}", "volumes.none", run("Volumes", {path: {}}))
    for name, triggers in {"run": ["RUN true"], "empty": [""], "two": ["USER root", "COPY . /app"]}.items():
        yield mutant(f"triggers.{name}", f"holds ready {triggers}", "triggers.none", run("OnBuild", triggers))
    for name, signal in {"int": "SIGINT", "kill": "9", "off-by-one": "16", "part": "SIGTER", "blank": " "}.items():
        yield mutant(
            f"stop-signal.{name}", f"is stopped by {signal!r}", "entrypoint.stop-signal", run("StopSignal", signal)
        )


def _platform() -> Iterator[Mutant]:
    agrees = "elf.platform-agrees"
    for name, architecture in {"amd64": "amd64", "arm": "arm", "arm64be": "arm64be"}.items():
        yield mutant(
            f"platform.{name}",
            f"the configuration says {architecture}",
            ["platform.config", agrees],
            document("architecture", architecture),
        )
    for name, architecture in {"case": "ARM64", "uname": "aarch64"}.items():
        yield mutant(
            f"platform.{name}",
            f"the configuration says {architecture}",
            "platform.config",
            document("architecture", architecture),
            follows=agrees,
        )
    for variant in ("v9", "v6", "V8", "nonsense"):
        yield mutant(
            f"platform.variant.{variant}",
            f"the configuration says arm64/{variant}",
            "platform.config",
            document("variant", variant),
        )
    for name, system in {"windows": "windows", "system-case": "Linux"}.items():
        yield mutant(f"platform.{name}", f"the configuration says {system}", "platform.config", document("os", system))


def _history() -> Iterator[Mutant]:
    def with_steps(steps: int) -> Change:
        def change(draft: Draft) -> None:
            kept = [step for step in draft.history if not step.get("empty_layer")]
            if steps < 0:
                draft.history.remove(kept[steps])
            draft.history.extend([{"created_by": "RUN more"}] * max(0, steps))

        return change

    yield mutant("history.one-more", "the history has a step too many", "layers.history", with_steps(1))
    yield mutant("history.one-fewer", "the history has a step too few", "layers.history", with_steps(-1))
    yield mutant(
        "history.absent",
        "the image has no history",
        "layers.history",
        document("history", []),
        follows=SECRET,
    )

    def said_to_be_empty(draft: Draft) -> None:
        draft.history[-1]["empty_layer"] = not draft.history[-1].get("empty_layer", False)

    yield mutant(
        "history.empty-layer",
        "a step tells the contrary of whether it made a layer",
        "layers.history",
        said_to_be_empty,
    )

    def mixed(draft: Draft) -> None:
        draft.config_media_type = "application/vnd.docker.container.image.v1+json"

    yield mutant(
        "manifest.mixed",
        "an OCI manifest calls its configuration Docker's",
        "manifest.media-type",
        mixed,
        real=True,
    )
