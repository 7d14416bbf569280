"""The image's configuration: user, environment, ports, command, health check, platform, history."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, mutant, near_misses
from image_harness.mutants.changes import document, health, label, more_environment, run, together, variable

SECOND = 1_000_000_000
SECRET_NAMES = ("DB_PASSWORD", "API_TOKEN", "api_key", "SECRET", "AWS_CREDENTIAL")
SECRET_VALUES = {
    "url": "REDIS_URL=redis://user:word@cache/0",
    "aws": "ID=AKIAABCDEFGHIJKLMNOP",
    "github": f"T=ghp_{'a' * 36}",
    "private-key": "KEY=-----BEGIN RSA PRIVATE KEY-----",
}
HEALTH = ("test", "exec-form", "no-external-tool", "interpreter", "interval", "timeout", "start-period", "retries")


def mutants(good: Good) -> Iterator[Mutant]:
    """One value, one defect."""
    yield from _environment(good)
    yield from _user_and_place(good.design)
    yield from _command(good.design)
    yield from _probe(good.design)
    yield from _timing(good.design)
    yield from _platform()
    yield from _history()


def _environment(good: Good) -> Iterator[Mutant]:
    for family, collection in (("env", "image.env"), ("base.env", "base.env")):
        for item in good.design.collection(collection):
            kills, name = f"{family}.{item.slug}", f"{family}.{item.slug}"
            yield mutant(f"{name}.absent", f"no variable {item.key}", kills, variable(item.key, None))
            renamed = together(variable(item.key, None), more_environment(f"{item.key.lower()}={item.value}"))
            yield mutant(f"{name}.name-case", f"{item.key} is written in small letters", kills, renamed)
            moved = together(variable(item.key, None), label(item.key, item.value))
            yield mutant(f"{name}.in-labels", f"{item.key} is a label instead of a variable", kills, moved)
            for miss, value in near_misses(item.value):
                yield mutant(f"{name}.{miss}", f"{item.key} is {value!r}", kills, variable(item.key, value))
            twice = more_environment(f"{item.key}={item.value}")
            yield mutant(f"{name}.duplicate", f"{item.key} is set twice, to the same", "env.unique", twice)
            wrong = more_environment(f"{item.key}=other")
            yield mutant(f"{name}.overridden", f"{item.key} is set again, to another value", kills, wrong, follows="env.unique")
    for name in SECRET_NAMES:
        yield mutant(f"secret.env.{name}", f"the variable {name}", "security.no-secret-env", more_environment(f"{name}=x"))
    for name, pair in SECRET_VALUES.items():
        yield mutant(f"secret.env.{name}", "a secret under a harmless name", "security.no-secret-env", more_environment(pair))

        def told(draft: Draft, text: str = pair) -> None:
            draft.history[-1]["created_by"] = f"RUN {text} build"

        yield mutant(f"secret.history.{name}", "a secret in the history", "security.no-secret-env", told)


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
    for name, value in [("absent", None), ("root", "/"), ("slash-after", f"{design.image.working_dir}/"), *near_misses(design.image.working_dir)]:
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


def _command(design: Design) -> Iterator[Mutant]:
    interpreter, script = design.image.cmd
    shell = ["/bin/sh", "-c", f"{interpreter} {script}"]
    for name, entrypoint in {"interpreter": [interpreter], "empty-word": [""], "shell": ["/bin/sh", "-c"]}.items():
        yield mutant(f"entrypoint.{name}", f"the entrypoint is {entrypoint}", "entrypoint.empty", run("Entrypoint", entrypoint))
    all_three = ["entrypoint.cmd-exec-form", "entrypoint.cmd-exists"]
    yield mutant("cmd.absent", "no CMD", "entrypoint.cmd", run("Cmd", None), follows=all_three)
    yield mutant("cmd.shell-form", "CMD goes through /bin/sh", all_three, run("Cmd", shell), follows="entrypoint.cmd")
    for shell_name in ("bash", "dash", "ash"):
        words = [f"/usr/bin/{shell_name}", "-c", script]
        yield mutant(f"cmd.{shell_name}", f"CMD goes through {shell_name}", "entrypoint.cmd-exec-form", run("Cmd", words), follows=["entrypoint.cmd", "entrypoint.cmd-exists"])
    missing = {"script": [interpreter, f"{script}c"], "interpreter": ["/usr/local/bin/python3.11", script], "path-case": [interpreter, script.upper()]}
    for name, words in missing.items():
        yield mutant(f"cmd.missing-{name}", f"CMD is {words}", "entrypoint.cmd-exists", run("Cmd", words), follows="entrypoint.cmd")
    other = {
        "module-form": [interpreter, "-m", "resource_monitor.entrypoint"],
        "relative": ["python3.11", "entrypoint.py"],
    }
    for name, words in other.items():
        yield mutant(f"cmd.{name}", f"CMD is {words}", "entrypoint.cmd", run("Cmd", words), follows=["entrypoint.cmd-exists"] * (name == "relative"))
    also = {
        "argument-too": [interpreter, script, "--debug"],
        "link": ["/usr/bin/python3", script],
        "swapped": [script, interpreter],
        "one-word": [f"{interpreter}", ""],
        "main": [interpreter, script.replace("entrypoint", "main")],
    }
    for name, words in also.items():
        yield mutant(f"cmd.{name}", f"CMD is {words}", "entrypoint.cmd", run("Cmd", words))


def _probe(design: Design) -> Iterator[Mutant]:
    good = list(design.health_check.test)
    program, port = good[-1], str(design.service.port)
    for name, test in {
        "port-off-by-one": program.replace(port, str(design.service.port + 1)),
        "port-part": program.replace(port, port[:-1]),
        "host-name": program.replace("127.0.0.1", "localhost"),
        "all-interfaces": program.replace("127.0.0.1", "0.0.0.0"),
        "always-healthy": program.replace("else 1", "else 0"),
        "swapped": program.replace("exit(0 if", "exit(1 if").replace("else 1", "else 0"),
        "no-timeout": program.replace("s.settimeout(2); ", ""),
        "blank-after": f"{program} ",
        "empty": "",
    }.items():
        yield mutant(f"health.test.{name}", f"the probe's program: {name}", "health.test", health("Test", [*good[:-1], test]))
    tools = {"curl": ["CMD", "curl", "-f", f"http://127.0.0.1:{port}/health"], "wget": ["CMD", "/usr/bin/wget", "-q", f"http://127.0.0.1:{port}"]}
    for name, words in tools.items():
        yield mutant(f"health.test.{name}", f"the probe uses {name}", "health.no-external-tool", health("Test", words), follows=["health.test", "health.interpreter"])
    inside = [*good[:-1], "import os; os.execvp('curl', ['curl'])"]
    yield mutant("health.test.curl-inside", "the probe's program runs curl", "health.no-external-tool", health("Test", inside), follows="health.test")
    yield mutant("health.test.shell-form", "the probe goes through a shell", "health.exec-form", health("Test", ["CMD-SHELL", " ".join(good[1:])]), follows=["health.test", "health.interpreter"])
    yield mutant("health.test.word-case", "the probe begins with Cmd", "health.exec-form", health("Test", ["Cmd", *good[1:]]), follows="health.test")
    yield mutant("health.test.no-first-word", "the probe's first word is missing", "health.exec-form", health("Test", good[1:]), follows=["health.test", "health.interpreter"])
    yield mutant("health.test.none", "the probe is switched off", ["health.test", "health.exec-form"], health("Test", ["NONE"]), follows="health.interpreter")
    yield mutant("health.test.cmd-only", "the probe has no command", ["health.test", "health.interpreter"], health("Test", ["CMD"]))
    yield mutant("health.test.empty-list", "the probe is an empty list", ["health.test", "health.no-external-tool"], health("Test", []), follows=["health.exec-form", "health.interpreter"])
    for name, interpreter in {"link": "/usr/bin/python3", "local": "/usr/local/bin/python3.11", "bare": "python3.11"}.items():
        yield mutant(f"health.interpreter.{name}", f"the probe runs {interpreter}", "health.interpreter", health("Test", ["CMD", interpreter, *good[2:]]), follows="health.test")
    follows = [f"health.{name}" for name in HEALTH]
    yield mutant("health.absent", "no health check: the OCI format lost it", "health.format", run("Healthcheck", None), follows=follows)


def _timing(design: Design) -> Iterator[Mutant]:
    check = design.health_check
    spans = {"Interval": ("interval", check.interval), "Timeout": ("timeout", check.timeout), "StartPeriod": ("start-period", check.start_period)}
    for key, (id_, span) in spans.items():
        right = int(span.total_seconds()) * SECOND
        misses = {"longer": right + SECOND, "shorter": right - SECOND, "absent": None, "zero": 0, "microseconds": right // 1000, "a-bit-longer": right + 1_000_000}
        for name, value in misses.items():
            yield mutant(f"health.{id_}.{name}", f"{key} is {value} ns", f"health.{id_}", health(key, value))
    for name, value in {"more": check.retries + 1, "fewer": check.retries - 1, "absent": None, "zero": 0}.items():
        yield mutant(f"health.retries.{name}", f"Retries is {value}", "health.retries", health("Retries", value))


def _platform() -> Iterator[Mutant]:
    agrees = "elf.platform-agrees"
    for name, architecture in {"amd64": "amd64", "arm": "arm", "arm64be": "arm64be"}.items():
        yield mutant(f"platform.{name}", f"the configuration says {architecture}", ["platform.config", agrees], document("architecture", architecture))
    for name, architecture in {"case": "ARM64", "uname": "aarch64"}.items():
        yield mutant(f"platform.{name}", f"the configuration says {architecture}", "platform.config", document("architecture", architecture), follows=agrees)
    for name, system in {"windows": "windows", "system-case": "Linux"}.items():
        yield mutant(f"platform.{name}", f"the configuration says {system}", "platform.config", document("os", system))


def _history() -> Iterator[Mutant]:
    def with_steps(steps: int):  # noqa: ANN202
        def change(draft: Draft) -> None:
            kept = [step for step in draft.history if not step.get("empty_layer")]
            if steps < 0:
                draft.history.remove(kept[steps])
            draft.history.extend([{"created_by": "RUN more"}] * max(0, steps))

        return change

    yield mutant("history.one-more", "the history has a step too many", "layers.history", with_steps(1))
    yield mutant("history.one-fewer", "the history has a step too few", "layers.history", with_steps(-1))
    yield mutant("history.absent", "the image has no history", "layers.history", document("history", []), follows="security.no-secret-env")

    def said_to_be_empty(draft: Draft) -> None:
        draft.history[-1]["empty_layer"] = not draft.history[-1].get("empty_layer", False)

    yield mutant("history.empty-layer", "a step tells the contrary of whether it made a layer", "layers.history", said_to_be_empty)

    def unnamed(draft: Draft) -> None:
        draft.without_manifest = True

    yield mutant("manifest.absent", "the engine that saved the image keeps no manifest", "manifest.media-type", unnamed, real=True)
