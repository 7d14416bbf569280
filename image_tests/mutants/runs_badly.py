"""A service that answers, with defects that others would follow from."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Good, Mutant, behaviour
from image_harness.mutants.changes import more_environment, replaced, run, without_health_check
from image_tests.mutants._service import (
    CONFIG,
    DEPLOYED,
    ENTRYPOINT,
    HOST,
    LISTENING,
    MONITOR,
    SERVING,
    one_by_one,
    says,
)


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each; no two of an image break the same requirement."""
    yield from _second(good.design)
    yield from _third()
    yield from _fourth()
    yield from _forgetful()


def _second(design: Design) -> Iterator[Mutant]:
    one = functools.partial(behaviour, batch="addresses")

    texts = {
        "empty": "ERROR: Invalid MONITOR_PORT value: ''",
        "text": "ERROR: Invalid RDP_MONITOR_PORT value: HTTP",
        "zero": "ERROR: Invalid RDP_MONITOR_PORT value",
        "too-large": "Traceback (most recent call last): RDP_MONITOR_PORT 65536",
        "negative": "ERROR: Invalid RDP_MONITOR_PORT value: 1",
        "fraction": "ERROR: Invalid rdp_monitor_port value: 80.5",
    }
    for port in design.runtime.invalid_ports:
        yield one(
            f"runs.message.{port.slug}",
            f"with the port {port.value!r} it says {texts[port.slug]!r}",
            f"errors.invalid-port.{port.slug}.message",
            says(port.value, texts[port.slug]),
        )
    # A container without a network has no address of its own.
    own = """import socket
    try:
        host = socket.gethostbyname(socket.gethostname())
    except OSError:
        host = "127.0.0.1"
"""
    yield one(
        "runs.own-address",
        "it binds the container's address only",
        ["entrypoint.all-interfaces", "health.probe-listening"],
        replaced(
            ENTRYPOINT,
            HOST,
            own,
        ),
        follows=("deployment.service-name-as-host", "health.healthy"),
        blinds=("health.stalled", "health.recovers"),
    )
    yield one(
        "runs.ends-at-once",
        "SIGTERM ends it with a request under way",
        "entrypoint.stop-answers",
        replaced(SERVING, "        self.should_exit = True\n", "        os._exit(0)\n"),
    )
    yield one(
        "runs.taken-port",
        "it does not say which port is taken",
        "entrypoint.port-taken",
        replaced(ENTRYPOINT, "ERROR: Cannot listen on port {port}:", "ERROR: Cannot listen:"),
    )
    yield one(
        "runs.few-clients",
        "it takes twenty clients at once",
        "interface.concurrent",
        replaced(
            SERVING, "        server_header=False,\n", "        server_header=False,\n        limit_concurrency=20,\n"
        ),
        follows=("deployment.memory",),
    )
    yield one(
        "runs.file-ignored",
        "the configuration file is ignored",
        "configuration.yaml-over-defaults",
        replaced(CONFIG, "values = read_yaml(file) if file else {}", "values = {}"),
    )
    yield one(
        "runs.file-needed",
        "the image names a configuration file",
        "configuration.yaml-optional",
        more_environment("MONITOR_CONFIG_FILE=/app/resource_monitor/config.example.yaml"),
    )
    yield one(
        "runs.uid",
        "the process has another user",
        ["user.process-uid", "user.name"],
        run("User", f"{design.image.uid - 1}:{design.image.gid}"),
    )


def _third() -> Iterator[Mutant]:
    one = functools.partial(behaviour, batch="root")

    yield one(
        "runs.root",
        "it runs as root",
        ["user.process-uid", "user.process-gid", "user.no-root-process"],
        run("User", "0:0"),
        follows=("user.name",),
    )
    yield one(
        "runs.no-health-check",
        "it has no health check",
        ["health.starting-first", "health.healthy"],
        without_health_check,
        follows=("health.engine-definition",),
        blinds=("health.wrong-port", "health.stalled", "health.recovers"),
    )
    yield one(
        "runs.one-by-one",
        "it takes no request before the one before is through",
        "interface.slow-client",
        one_by_one,
    )
    yield behaviour(
        "runs.memory",
        "it takes 100 MiB more when it starts",
        "deployment.memory",
        replaced(
            ENTRYPOINT,
            "    port = read_port()\n",
            '    port = read_port()\n    hoard = [bytes(b"x") * (100 << 20)]\n',
        ),
        # Where nothing is emulated it is killed.
        blinds=DEPLOYED,
        checks=("test_deployment.py",),
    )
    yield one(
        "runs.environment-ignored",
        "the environment is ignored",
        "configuration.environment",
        replaced(
            CONFIG,
            "return init_settings, env_settings, InitSettingsSource(",
            "return init_settings, InitSettingsSource(",
        ),
        # What it does not read is not there for it, so nothing of it can be missing.
        follows=(
            "configuration.environment-over-yaml",
            "errors.invalid-setting",
            "errors.missing-integration",
            "errors.integration-comes",
            "errors.integration-goes",
        ),
    )
    yield one(
        "runs.another-port",
        "it listens on one more port",
        "entrypoint.no-other-port",
        replaced(
            ENTRYPOINT,
            "    sys.exit(0 if serve(",
            '    import socket\n    more = socket.create_server(("127.0.0.1", 9999))\n    sys.exit(0 if serve(',
        ),
        follows=LISTENING,
    )


def _fourth() -> Iterator[Mutant]:
    one = functools.partial(behaviour, batch="ports")

    read = "    port = read_port()\n"
    both = '{"RDP_MONITOR_PORT", "MONITOR_PORT"} <= set(os.environ)'
    yield one(
        "runs.both-variables",
        "it refuses to have both variables set",
        ["entrypoint.port-variable", "entrypoint.port-precedence"],
        replaced(ENTRYPOINT, read, f"    if {both}:\n        fail('which of the two?')\n{read}"),
    )
    yield one(
        "runs.no-fallback",
        "it insists on its own variable",
        "entrypoint.port-fallback",
        replaced(
            ENTRYPOINT,
            "def read_port() -> int:\n",
            'def read_port() -> int:\n    _ = os.environ.get("RDP_MONITOR_PORT") is None and fail("which port?")\n',
        ),
        blinds=(
            "errors.integration-comes",
            "errors.integration-goes",
            "health.probe-not-listening",
            "health.wrong-port",
            "entrypoint.stop-sigterm",
            "entrypoint.stop-answers",
        ),
    )
    yield one(
        "runs.no-path",
        "the packages are not put on the path",
        "entrypoint.site-packages-on-path",
        replaced(ENTRYPOINT, "sys.path.append(SITE_PACKAGES)", "pass"),
        blinds=("entrypoint.stop-sigint", "health.stalled", "health.recovers"),
    )
    # No image can get itself capabilities that the engine withholds: that the process has none can only fail to be
    # shown, by a service that does not run where it is deployed.
    yield one(
        "runs.writable-root",
        "it needs a root that it can write to",
        ["deployment.read-only", "deployment.no-capabilities"],
        replaced(
            ENTRYPOINT,
            "    port = read_port()\n",
            '    port = read_port()\n    Path("/app/resource_monitor/state").write_text("x")\n',
        ),
        follows=DEPLOYED,
    )


def _forgetful() -> Iterator[Mutant]:
    missing = "missing = [dependency.name for dependency in dependencies if not dependency.reachable]"
    yield behaviour(
        "runs.never-comes",
        "what was missing at the start is missing for ever",
        "errors.integration-comes",
        replaced(MONITOR, missing, "missing = [dependency.name for dependency in dependencies]"),
        blinds=("errors.integration-goes",),
        checks=tuple(
            f"test_error_handling.py::test_an_integration_that_{what}"
            for what in ("comes_is_used", "goes_is_done_without")
        ),
        patient=True,
    )
    remembered = (
        'seen = globals().setdefault("_SEEN", set())\n'
        "        seen.update(dependency.name for dependency in dependencies if dependency.reachable)\n"
        "        missing = [dependency.name for dependency in dependencies if dependency.name not in seen]"
    )
    yield behaviour(
        "runs.never-goes",
        "what was there once is taken to be there for ever",
        "errors.integration-goes",
        replaced(MONITOR, missing, remembered),
        batch="addresses",
    )
