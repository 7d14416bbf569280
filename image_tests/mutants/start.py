"""How the image starts and is probed: command and health check."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Good, Mutant, mutant
from image_harness.mutants.changes import health, run, without_health_check

SECOND = 1_000_000_000
HEALTH = ("test", "exec-form", "no-external-tool", "interpreter", "interval", "timeout", "start-period", "retries")


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _command(good.design)
    yield from _probe(good.design)
    yield from _timing(good.design)


def _command(design: Design) -> Iterator[Mutant]:
    interpreter, script = design.image.cmd
    shell = ["/bin/sh", "-c", f"{interpreter} {script}"]
    for name, entrypoint in {"interpreter": [interpreter], "empty-word": [""], "shell": ["/bin/sh", "-c"]}.items():
        yield mutant(
            f"entrypoint.{name}", f"the entrypoint is {entrypoint}", "entrypoint.empty", run("Entrypoint", entrypoint)
        )
    all_three = ["entrypoint.cmd-exec-form", "entrypoint.cmd-exists"]
    yield mutant("cmd.absent", "no CMD", "entrypoint.cmd", run("Cmd", None), follows=all_three)
    yield mutant("cmd.shell-form", "CMD goes through /bin/sh", all_three, run("Cmd", shell), follows="entrypoint.cmd")
    for shell_name in ("bash", "dash", "ash"):
        words = [f"/usr/bin/{shell_name}", "-c", script]
        yield mutant(
            f"cmd.{shell_name}",
            f"CMD goes through {shell_name}",
            "entrypoint.cmd-exec-form",
            run("Cmd", words),
            follows=["entrypoint.cmd", "entrypoint.cmd-exists"],
        )
    missing = {
        "script": [interpreter, f"{script}c"],
        "interpreter": ["/usr/local/bin/python3.11", script],
        "path-case": [interpreter, script.upper()],
    }
    for name, words in missing.items():
        yield mutant(
            f"cmd.missing-{name}",
            f"CMD is {words}",
            "entrypoint.cmd-exists",
            run("Cmd", words),
            follows="entrypoint.cmd",
        )
    other = {
        "module-form": [interpreter, "-m", "resource_monitor.entrypoint"],
        "relative": ["python3.11", "entrypoint.py"],
    }
    for name, words in other.items():
        yield mutant(
            f"cmd.{name}",
            f"CMD is {words}",
            "entrypoint.cmd",
            run("Cmd", words),
            follows=["entrypoint.cmd-exists"] * (name == "relative"),
        )
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
        yield mutant(
            f"health.test.{name}", f"the probe's program: {name}", "health.test", health("Test", [*good[:-1], test])
        )
    tools = {
        "curl": ["CMD", "curl", "-f", f"http://127.0.0.1:{port}/health"],
        "wget": ["CMD", "/usr/bin/wget", "-q", f"http://127.0.0.1:{port}"],
    }
    for name, words in tools.items():
        yield mutant(
            f"health.test.{name}",
            f"the probe uses {name}",
            "health.no-external-tool",
            health("Test", words),
            follows=["health.test", "health.interpreter"],
        )
    inside = [*good[:-1], "import os; os.execvp('curl', ['curl'])"]
    yield mutant(
        "health.test.curl-inside",
        "the probe's program runs curl",
        "health.no-external-tool",
        health("Test", inside),
        follows="health.test",
    )
    yield mutant(
        "health.test.shell-form",
        "the probe goes through a shell",
        "health.exec-form",
        health("Test", ["CMD-SHELL", " ".join(good[1:])]),
        follows=["health.test", "health.interpreter"],
    )
    yield mutant(
        "health.test.word-case",
        "the probe begins with Cmd",
        "health.exec-form",
        health("Test", ["Cmd", *good[1:]]),
        follows="health.test",
    )
    yield mutant(
        "health.test.no-first-word",
        "the probe's first word is missing",
        "health.exec-form",
        health("Test", good[1:]),
        follows=["health.test", "health.interpreter"],
    )
    yield mutant(
        "health.test.none",
        "the probe is switched off",
        ["health.test", "health.exec-form"],
        health("Test", ["NONE"]),
        follows="health.interpreter",
    )
    yield mutant(
        "health.test.cmd-only",
        "the probe has no command",
        ["health.test", "health.interpreter"],
        health("Test", ["CMD"]),
    )
    yield mutant(
        "health.test.empty-list",
        "the probe is an empty list",
        ["health.test", "health.no-external-tool"],
        health("Test", []),
        follows=["health.exec-form", "health.interpreter"],
    )
    for name, interpreter in {
        "link": "/usr/bin/python3",
        "local": "/usr/local/bin/python3.11",
        "bare": "python3.11",
    }.items():
        yield mutant(
            f"health.interpreter.{name}",
            f"the probe runs {interpreter}",
            "health.interpreter",
            health("Test", ["CMD", interpreter, *good[2:]]),
            follows="health.test",
        )
    others = [f"health.{name}" for name in HEALTH]
    yield mutant("health.absent", "no health check", "health.format", without_health_check, follows=others)
    yield mutant(
        "health.lost",
        "the OCI format has lost the health check",
        "health.format",
        run("Healthcheck", None),
        blinds=others,
    )


def _timing(design: Design) -> Iterator[Mutant]:
    check = design.health_check
    spans = {
        "Interval": ("interval", check.interval),
        "Timeout": ("timeout", check.timeout),
        "StartPeriod": ("start-period", check.start_period),
    }
    for key, (id_, span) in spans.items():
        right = int(span.total_seconds()) * SECOND
        misses = {
            "longer": right + SECOND,
            "shorter": right - SECOND,
            "absent": None,
            "zero": 0,
            "microseconds": right // 1000,
            "a-bit-longer": right + 1_000_000,
        }
        for name, value in misses.items():
            yield mutant(f"health.{id_}.{name}", f"{key} is {value} ns", f"health.{id_}", health(key, value))
    for name, seconds in {"sooner": 1, "later": 3600}.items():
        value = seconds * SECOND
        yield mutant(
            f"health.interval.at-start-{name}",
            f"StartInterval is {value} ns",
            "health.interval",
            health("StartInterval", value),
        )
    for name, value in {"more": check.retries + 1, "fewer": check.retries - 1, "absent": None, "zero": 0}.items():
        yield mutant(f"health.retries.{name}", f"Retries is {value}", "health.retries", health("Retries", value))
