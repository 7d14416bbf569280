"""A service that answers, with a defect in each thing that it does."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Good, Mutant, behaviour
from image_harness.mutants.changes import add, health, replaced, run
from image_tests.mutants._service import (
    CONFIG,
    ENTRYPOINT,
    HOST,
    LISTENING,
    MONITOR,
    ROUTES,
    SERVING,
    answers,
    closing,
    customized,
    exits,
    shadow,
)


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each; no two of an image break the same requirement."""
    yield from _first(good.design)


def _first(design: Design) -> Iterator[Mutant]:
    one = functools.partial(behaviour, batch="serving")

    yield one(
        "runs.machine",
        "the interpreter takes the machine for an amd64",
        "platform.engine",
        customized("import platform; platform.machine = lambda: 'x86_64'"),
    )
    yield one(
        "runs.encoding", "file names are ASCII", "base.utf8", customized("sys.getfilesystemencoding = lambda: 'ascii'")
    )
    hello = """
import builtins
_print = builtins.print
builtins.print = lambda *words, **how: _print(*(str(word).replace('"hello"', '"Hello"') for word in words), **how)
"""
    yield one("runs.hello", "a program prints something else", "base.hello", customized(hello))
    yield one(
        "runs.standard-library",
        "a module of the standard library does not import",
        "base.standard-library",
        add("/app/wave.py", "raise ImportError('not packed')\n"),
    )
    yield one(
        "runs.shell",
        "a program that asks for a shell finds one",
        "distroless.no-shell-runs",
        add("/bin/sh", f"#!{design.image.interpreter}\n", mode=0o755),
    )
    broken = {"psutil", "aiofiles"}
    for package in design.site_packages.packages:
        name = package.slug
        what = f"{name} does not import" if name in broken else f"{name} is imported from elsewhere"
        yield one(f"runs.import.{name}", what, f"site-packages.import.{name}", shadow(name, broken=name in broken))
    routes = {
        "health": (None, "text/html"),
        "metrics": (None, "application/openmetrics-text"),
        "metrics-summary": (201, None),
        "summary": (500, None),
        "collect": (202, None),
        "openapi": (None, "text/plain"),
        "unknown-session-metrics": (200, None),
        "unknown-session-history": (403, None),
        "unknown-session-alerts": (None, "text/plain"),
        "unknown-session-stop": (405, None),
        "start-without-body": (400, None),
    }
    for route in design.runtime.routes:
        status, kind = routes[route.slug]
        change = answers(route.method, route.path.partition("?")[0], status, kind)
        yield one(
            f"runs.route.{route.slug}",
            f"{route.method} {route.path} answers {status or kind}",
            f"interface.route.{route.slug}",
            change,
        )
    yield one(
        "runs.session",
        "a session starts twice",
        "interface.session",
        answers("POST", "/api/v1/monitoring/start", 200, None, before=409),
    )
    yield one(
        "runs.health-body",
        "/health calls the service otherwise",
        "interface.health-body",
        replaced(MONITOR, "            service=SERVICE,\n", "            service=SERVICE.upper(),\n"),
    )
    yield one(
        "runs.openapi-routes",
        "there is a route more",
        "interface.openapi-routes",
        replaced(
            ROUTES,
            '@router.get("/health", tags=["health"])\n',
            '@router.get("/healthz")\n@router.get("/health", tags=["health"])\n',
        ),
    )
    yield one(
        "runs.default",
        "the default is one more",
        "configuration.defaults",
        replaced(
            CONFIG,
            "max_concurrent_sessions: Annotated[int, Whole(1, 10_000)] = 100",
            "max_concurrent_sessions: Annotated[int, Whole(1, 10_000)] = 101",
        ),
    )
    yield one(
        "runs.file-first",
        "the file wins over the environment",
        "configuration.environment-over-yaml",
        replaced(
            CONFIG,
            "return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=values)",
            "return init_settings, InitSettingsSource(settings_cls, init_kwargs=values), env_settings",
        ),
    )
    codes = {"empty": 0, "text": 2, "zero": 0, "too-large": 3, "negative": 255, "fraction": 134}
    for port in design.runtime.invalid_ports:
        yield one(
            f"runs.exit-code.{port.slug}",
            f"with the port {port.value!r} it ends with {codes[port.slug]}",
            f"errors.invalid-port.{port.slug}.exit-code",
            exits(port.value, codes[port.slug]),
        )
    yield one(
        "runs.invalid-setting",
        "with an invalid setting it ends with 3",
        "errors.invalid-setting",
        exits(str(design.service.port), 3),
        follows=("entrypoint.port-taken",),
    )
    yield one(
        "runs.integration",
        "what is missing is not told",
        "errors.missing-integration",
        replaced(
            MONITOR, "status=HealthStatus.DEGRADED if missing else", "status=HealthStatus.HEALTHY if missing else"
        ),
        follows=("errors.integration-comes", "errors.integration-goes"),
    )
    yield one(
        "runs.retries",
        "a probe more must fail",
        ["health.engine-definition", "health.stalled"],
        health("Retries", design.health_check.retries + 1),
    )
    yield one(
        "runs.sigterm",
        "SIGTERM is ignored",
        "entrypoint.stop-sigterm",
        replaced(
            SERVING,
            "        if self.should_exit:\n",
            "        if sig == signal.SIGTERM:\n            return\n        if self.should_exit:\n",
        ),
        blinds=("entrypoint.stop-answers",),
    )
    yield one(
        "runs.default-port-too",
        "it always listens on the default port as well",
        ["health.probe-not-listening", "health.wrong-port"],
        replaced(
            ENTRYPOINT,
            "        listener = bind(host, port)\n",
            "        listener = bind(host, port)\n        also = bind(host, 8093) if port != 8093 else None\n",
        ),
        follows=LISTENING,
    )
    deaf = "    signal.signal(signal.SIGCONT, lambda *_: listener.close())\n"
    yield one(
        "runs.deaf",
        "it listens no more when it goes on after a halt",
        "health.recovers",
        replaced(ENTRYPOINT, "    sys.exit(0 if serve(", f"{deaf}    sys.exit(0 if serve("),
    )
    yield one(
        "runs.no-keep-alive",
        "it closes every connection after one answer",
        "interface.keep-alive",
        closing,
        follows=("interface.slow-client",),
    )
    yield one(
        "runs.sigint",
        "SIGINT ends it with 130",
        "entrypoint.stop-sigint",
        replaced(
            SERVING,
            "        self.should_exit = True\n",
            "        if sig == signal.SIGINT:\n            os._exit(130)\n        self.should_exit = True\n",
        ),
    )
    named = """host = os.environ["RDP_MONITOR_HOST"]
    if not host[0].isdigit():
        import socket
        host = socket.gethostbyname(socket.gethostname())
"""
    yield behaviour(
        "runs.service-name",
        "it binds where the service's name leads",
        "deployment.service-name-as-host",
        replaced(ENTRYPOINT, HOST, named),
        # As deployed it is then healthy for nobody, which takes long to be sure of.
        checks=("test_deployment.py",),
        patient=True,
    )
    yield one(
        "runs.gid",
        "the process has another group",
        "user.process-gid",
        run("User", f"{design.image.uid}:{design.image.gid + 1}"),
    )
