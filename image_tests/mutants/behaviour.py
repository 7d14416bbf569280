"""How the running image behaves: files of the service, or of its interpreter, changed so that only running shows it."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, Node, behaviour
from image_harness.mutants.changes import Change, add, health, more_environment, replaced, run

CUSTOM = "/app/sitecustomize.py"
ENTRYPOINT = "/app/resource_monitor/entrypoint.py"
MAIN = "/app/resource_monitor/main.py"
CONFIG = "/app/resource_monitor/config.py"
SERVING = "/app/resource_monitor/serving.py"
MONITOR = "/app/resource_monitor/monitor.py"
ROUTES = "/app/resource_monitor/routes.py"
ERRORS = "/app/resource_monitor/errors.py"

# Every check that looks at the service as it is deployed.
DEPLOYED = (
    "deployment.read-only",
    "deployment.memory",
    "deployment.no-capabilities",
    "deployment.service-name-as-host",
    "errors.missing-integration",
    "health.engine-definition",
)
LISTENING = ("entrypoint.port-variable", "entrypoint.port-precedence", "entrypoint.port-fallback")


def mutants(good: Good) -> Iterator[Mutant]:
    """Each batch is one image; no two mutants of a batch break the same requirement."""
    yield from _first(good.design)
    yield from _second(good.design)
    yield from _third(good.design)
    yield from _fourth()
    yield from _dead(good.design)
    yield from _short_lived(good.design)


def customized(code: str) -> Change:
    """Have the image's interpreter run code whenever it starts."""

    def change(draft: Draft) -> None:
        before = draft.added.get(len(draft.good.parts.layers) - 1, {}).get(CUSTOM, Node(b"import os, sys\n"))
        draft.put(CUSTOM, before.but(content=before.content + code.encode() + b"\n"))

    return change


def answers(
    method: str, path: str, status: int | None, content_type: str | None, *, before: int | None = None
) -> Change:
    """Have the service give an answer another status or type; ``before`` limits this to answers of one status."""
    rule = repr((method, path, before, status, content_type))

    def change(draft: Draft) -> None:
        if b"_RULES" not in draft.node(MAIN).content:
            draft.replace(MAIN, "app = create_app()\n", MIDDLEWARE)
        draft.replace(MAIN, "_RULES = [", f"_RULES = [{rule}, ")

    return change


MIDDLEWARE = """
_RULES = []


class _Changed:
    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        async def changed(message):
            if message["type"] == "http.response.start":
                for method, path, before, status, kind in _RULES:
                    fits = (scope["method"], scope["path"]) == (method, path)
                    if fits and before in (None, message["status"]):
                        message["status"] = status or message["status"]
                        if kind:
                            rest = [pair for pair in message["headers"] if pair[0] != b"content-type"]
                            message["headers"] = [*rest, (b"content-type", kind.encode())]
            await send(message)

        await self.inner(scope, receive, changed if scope["type"] == "http" else send)


app = create_app()
app.add_middleware(_Changed)
"""


def exits(port: str, code: int) -> Change:
    """Have the service end with another code when the port variable has a value."""

    def change(draft: Draft) -> None:
        if b"_CODES" not in draft.node(ENTRYPOINT).content:
            draft.replace(
                ENTRYPOINT,
                "    sys.exit(1)\n",
                '    _CODES = {}\n    sys.exit(_CODES.get(os.environ.get("RDP_MONITOR_PORT"), 1))\n',
            )
        draft.replace(ENTRYPOINT, "_CODES = {", f"_CODES = {{{port!r}: {code}, ")

    return change


def says(port: str, text: str) -> Change:
    """Have the service say something else when the port variable has a value."""

    def change(draft: Draft) -> None:
        if b"_TEXTS" not in draft.node(ENTRYPOINT).content:
            draft.replace(
                ENTRYPOINT,
                '    """End with exit code 1 and one line on stderr."""\n',
                '    _TEXTS = {}\n    message = _TEXTS.get(os.environ.get("RDP_MONITOR_PORT"), message)\n',
            )
        draft.replace(ENTRYPOINT, "_TEXTS = {", f"_TEXTS = {{{port!r}: {text!r}, ")

    return change


def shadow(name: str, *, broken: bool) -> Change:
    """Put a package of the same name before the real one: it hands over to that one, but keeps its own place."""
    handing_over = f"""
import importlib.util, sys
_own, _real = __file__, "/usr/local/lib/python3.11/site-packages/{name}"
if {broken} and sys.argv[0] == "-c":
    raise ImportError("built for another machine")
_spec = importlib.util.spec_from_file_location(__name__, _real + "/__init__.py", submodule_search_locations=[_real])
_module = importlib.util.module_from_spec(_spec)
sys.modules[__name__] = _module
_spec.loader.exec_module(_module)
_module.__file__ = _own
"""
    return add(f"/app/{name}/__init__.py", handing_over, uid=65532, gid=65532)


def _first(design: Design) -> Iterator[Mutant]:
    def one(id_: str, what: str, kills: str | list[str], change: Change, follows: tuple[str, ...] = ()) -> Mutant:
        return behaviour(f"runs.{id_}", what, kills, change, batch="serving", follows=follows)

    yield one(
        "machine",
        "the interpreter takes the machine for an amd64",
        "platform.engine",
        customized("import platform; platform.machine = lambda: 'x86_64'"),
    )
    yield one(
        "encoding", "file names are ASCII", "base.utf8", customized("sys.getfilesystemencoding = lambda: 'ascii'")
    )
    hello = "if any('said' in word for word in sys.orig_argv): sys.stdout.write('{\"said\": \"Hello\"}'); sys.stdout.flush(); os._exit(0)"
    yield one("hello", "a program prints something else", "base.hello", customized(hello))
    yield one(
        "standard-library",
        "a module of the standard library does not import",
        "base.standard-library",
        add("/app/wave.py", "raise ImportError('not packed')\n"),
    )
    yield one(
        "shell",
        "a program that asks for a shell finds one",
        "distroless.no-shell-runs",
        add("/bin/sh", f"#!{design.image.interpreter}\n", mode=0o755),
    )
    broken = {"psutil", "aiofiles"}
    for package in design.site_packages.packages:
        name = package.slug
        what = f"{name} does not import" if name in broken else f"{name} is imported from elsewhere"
        yield one(f"import.{name}", what, f"site-packages.import.{name}", shadow(name, broken=name in broken))
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
            f"route.{route.slug}",
            f"{route.method} {route.path} answers {status or kind}",
            f"interface.route.{route.slug}",
            change,
        )
    yield one(
        "session",
        "a session starts twice",
        "interface.session",
        answers("POST", "/api/v1/monitoring/start", 200, None, before=409),
    )
    yield one(
        "health-body",
        "/health calls the service otherwise",
        "interface.health-body",
        replaced(MONITOR, "            service=SERVICE,\n", "            service=SERVICE.upper(),\n"),
    )
    yield one(
        "openapi-routes",
        "there is a route more",
        "interface.openapi-routes",
        replaced(
            ROUTES,
            '@router.get("/health", tags=["health"])\n',
            '@router.get("/healthz")\n@router.get("/health", tags=["health"])\n',
        ),
    )
    yield one(
        "default",
        "the default is one more",
        "configuration.defaults",
        replaced(
            CONFIG,
            "max_concurrent_sessions: Annotated[int, Whole(1, 10_000)] = 100",
            "max_concurrent_sessions: Annotated[int, Whole(1, 10_000)] = 101",
        ),
    )
    yield one(
        "file-first",
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
            f"exit-code.{port.slug}",
            f"with the port {port.value!r} it ends with {codes[port.slug]}",
            f"errors.invalid-port.{port.slug}.exit-code",
            exits(port.value, codes[port.slug]),
        )
    yield one(
        "invalid-setting",
        "with an invalid setting it ends with 3",
        "errors.invalid-setting",
        exits(str(design.service.port), 3),
    )
    yield one(
        "integration",
        "what is missing is not told",
        "errors.missing-integration",
        replaced(
            MONITOR, "status=HealthStatus.DEGRADED if missing else", "status=HealthStatus.HEALTHY if missing else"
        ),
    )
    yield one(
        "interval", "the image probes a second later", "health.engine-definition", health("Interval", 31_000_000_000)
    )
    yield one(
        "sigterm",
        "SIGTERM is ignored",
        "entrypoint.stop-sigterm",
        replaced(
            SERVING,
            "        if self.should_exit:\n",
            "        if sig == signal.SIGTERM:\n            return\n        if self.should_exit:\n",
        ),
    )
    yield one(
        "sigint",
        "SIGINT ends it with 130",
        "entrypoint.stop-sigint",
        replaced(
            SERVING,
            "        self.should_exit = True\n",
            "        if sig == signal.SIGINT:\n            os._exit(130)\n        self.should_exit = True\n",
        ),
    )
    lie = "if sys.orig_argv[-1:] == [\"print(open('/proc/1/status').read())\"]: print(open('/proc/1/status').read().replace('CapBnd:\\t0000000000000000', 'CapBnd:\\t0000000000000400')); sys.stdout.flush(); os._exit(0)"
    yield one("capability", "the process may gain a capability", "deployment.no-capabilities", customized(lie))
    named = 'host = os.environ["RDP_MONITOR_HOST"]\n    if not host[0].isdigit():\n        import socket\n        host = socket.gethostbyname(socket.gethostname())\n'
    yield one(
        "service-name",
        "it binds where the service's name leads",
        "deployment.service-name-as-host",
        replaced(
            ENTRYPOINT,
            'host = "0.0.0.0"  # Always all interfaces: RDP_MONITOR_HOST may hold the service\'s name.\n',
            named,
        ),
    )
    yield one(
        "gid",
        "the process has another group",
        "user.process-gid",
        run("User", f"{design.image.uid}:{design.image.gid + 1}"),
    )


def _second(design: Design) -> Iterator[Mutant]:
    def one(
        id_: str,
        what: str,
        kills: str | list[str],
        change: Change,
        follows: tuple[str, ...] = (),
        blinds: tuple[str, ...] = (),
    ) -> Mutant:
        return behaviour(f"runs.{id_}", what, kills, change, batch="addresses", follows=follows, blinds=blinds)

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
            f"message.{port.slug}",
            f"with the port {port.value!r} it says {texts[port.slug]!r}",
            f"errors.invalid-port.{port.slug}.message",
            says(port.value, texts[port.slug]),
        )
    own = 'import socket\n    host = socket.gethostbyname(socket.gethostname()) if port else ""\n'
    yield one(
        "own-address",
        "it binds the container's address only",
        ["entrypoint.all-interfaces", "health.probe-listening"],
        replaced(
            ENTRYPOINT,
            'host = "0.0.0.0"  # Always all interfaces: RDP_MONITOR_HOST may hold the service\'s name.\n',
            own,
        ),
        follows=("deployment.service-name-as-host", "health.healthy"),
    )
    yield one(
        "file-ignored",
        "the configuration file is ignored",
        "configuration.yaml-over-defaults",
        replaced(CONFIG, "values = read_yaml(file) if file else {}", "values = {}"),
    )
    yield one(
        "second-request",
        "from the second request on /health answers 500",
        "interface.published",
        _from_the_second(
            'await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]}); await send({"type": "http.response.body", "body": b"{}"}); return'
        ),
        follows=("interface.route.health", "interface.health-body"),
    )
    yield one(
        "file-needed",
        "the image names a configuration file",
        "configuration.yaml-optional",
        more_environment("MONITOR_CONFIG_FILE=/app/resource_monitor/config.example.yaml"),
    )
    yield one(
        "uid",
        "the process has another user",
        "user.process-uid",
        run("User", f"{design.image.uid - 1}:{design.image.gid}"),
    )


def _from_the_second(code: str) -> Change:
    def change(draft: Draft) -> None:
        text = f"""
class _Once:
    def __init__(self, inner):
        self.inner, self.asked = inner, 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/health":
            status = None

            async def seen(message):
                nonlocal status
                status = message.get("status", status)
                await send(message)

            if self.asked:
                {code}
            await self.inner(scope, receive, seen)
            self.asked += status == 200
            return
        await self.inner(scope, receive, send)


app = create_app()
app.add_middleware(_Once)
"""
        draft.replace(MAIN, "app = create_app()\n", text)

    return change


def _third(design: Design) -> Iterator[Mutant]:
    def one(
        id_: str,
        what: str,
        kills: str | list[str],
        change: Change,
        follows: tuple[str, ...] = (),
        blinds: tuple[str, ...] = (),
    ) -> Mutant:
        return behaviour(f"runs.{id_}", what, kills, change, batch="root", follows=follows, blinds=blinds)

    yield one(
        "root", "it runs as root", ["user.process-uid", "user.process-gid", "user.no-root-process"], run("User", "0:0")
    )
    yield one(
        "no-health-check",
        "the image's format has lost the health check",
        ["health.starting-first", "health.healthy"],
        run("Healthcheck", None),
        follows=("health.engine-definition",),
    )
    yield one(
        "memory",
        "it takes 160 MiB when it starts",
        "deployment.memory",
        replaced(
            ENTRYPOINT,
            "    port = read_port()\n",
            '    port = read_port()\n    if "REDIS_URL" in os.environ:\n        hoard = [bytes(b"x") * (160 << 20)]\n',
        ),
        follows=DEPLOYED,
    )
    yield one(
        "environment-ignored",
        "the environment is ignored",
        "configuration.environment",
        replaced(
            CONFIG,
            "return init_settings, env_settings, InitSettingsSource(",
            "return init_settings, InitSettingsSource(",
        ),
        follows=("configuration.environment-over-yaml", "errors.invalid-setting"),
    )
    yield one(
        "another-port",
        "it listens on one more port",
        "entrypoint.no-other-port",
        replaced(
            ENTRYPOINT,
            "    sys.exit(0 if serve(",
            '    import socket\n    more = socket.create_server(("127.0.0.1", 9999))\n    sys.exit(0 if serve(',
        ),
        follows=(*LISTENING, "deployment.service-name-as-host"),
    )
    yield one(
        "default-port-too",
        "it always listens on the default port as well",
        "health.probe-not-listening",
        replaced(
            ENTRYPOINT,
            "        listener = bind(host, port)\n",
            "        listener = bind(host, port)\n        also = bind(host, 8093) if port != 8093 else None\n",
        ),
        follows=LISTENING,
    )


def _fourth() -> Iterator[Mutant]:
    def one(
        id_: str,
        what: str,
        kills: str | list[str],
        change: Change,
        follows: tuple[str, ...] = (),
        blinds: tuple[str, ...] = (),
    ) -> Mutant:
        return behaviour(f"runs.{id_}", what, kills, change, batch="ports", follows=follows, blinds=blinds)

    read = 'os.getenv("RDP_MONITOR_PORT", os.getenv("MONITOR_PORT", "8093"))'
    swapped = 'os.getenv("MONITOR_PORT", os.getenv("RDP_MONITOR_PORT", "8093")) if "RDP_MONITOR_PORT" in os.environ else "8093"'
    yield one(
        "precedence",
        "MONITOR_PORT wins, and counts only then",
        ["entrypoint.port-variable", "entrypoint.port-precedence", "entrypoint.port-fallback"],
        replaced(ENTRYPOINT, read, swapped),
        blinds=("health.probe-not-listening", "entrypoint.stop-sigterm"),
    )
    yield one(
        "no-path",
        "the packages are not put on the path",
        "entrypoint.site-packages-on-path",
        replaced(ENTRYPOINT, 'SITE_PACKAGES = "/usr/local/lib', 'SITE_PACKAGES = "/usr/lib'),
        blinds=("entrypoint.stop-sigint",),
    )
    yield one(
        "writable-root",
        "it needs a root that it can write to",
        "deployment.read-only",
        replaced(
            ENTRYPOINT,
            "    port = read_port()\n",
            '    port = read_port()\n    Path("/app/resource_monitor/state").write_text("x")\n',
        ),
        follows=DEPLOYED,
    )


def _dead(design: Design) -> Iterator[Mutant]:
    on_the_shared = (
        "test_entrypoint.py::test_answers_on_the_default_port",
        "test_interface.py",
        "test_entrypoint.py::test_listens_on_all_interfaces",
        "test_configuration.py::test_service_starts_without_a_file",
    )
    interface = [f"interface.route.{route.slug}" for route in design.runtime.routes] + [
        "interface.health-body",
        "interface.openapi-routes",
        "interface.session",
        "interface.published",
    ]
    blinds = (*interface, "entrypoint.all-interfaces", "configuration.yaml-optional")
    root_only = replaced(ENTRYPOINT, "    port = read_port()\n", "    port = read_port()\n    os.setgroups([])\n")
    yield behaviour(
        "runs.only-as-root",
        "it starts as root only",
        "entrypoint.default-port",
        root_only,
        blinds=blinds,
        checks=on_the_shared,
    )
    loopback = replaced(ENTRYPOINT, 'host = "0.0.0.0"', 'host = "127.0.0.1"')
    yield behaviour(
        "runs.loopback", "it binds 127.0.0.1", "entrypoint.default-port", loopback, blinds=blinds, checks=on_the_shared
    )
    always_500 = answers("GET", "/health", 500, None)
    yield behaviour(
        "runs.always-500",
        "/health answers 500",
        "entrypoint.default-port",
        always_500,
        blinds=blinds,
        checks=on_the_shared,
    )


def _short_lived(design: Design) -> Iterator[Mutant]:
    interface = [f"interface.route.{route.slug}" for route in design.runtime.routes]
    hangs = _from_the_second("import asyncio; await asyncio.sleep(3600)")
    yield behaviour(
        "runs.hangs",
        "/health hangs from the second request on",
        ["interface.published", "interface.route.health", "interface.health-body"],
        hangs,
        checks=("test_interface.py",),
    )
    dies = _from_the_second("pass")

    def dying(draft: Draft) -> None:
        dies(draft)
        draft.replace(
            MAIN,
            "            self.asked += status == 200\n",
            "            import os\n            _ = os._exit(1) if status == 200 else None\n",
        )

    everything = [
        *interface,
        "interface.health-body",
        "interface.openapi-routes",
        "interface.session",
        "interface.published",
    ]
    yield behaviour(
        "runs.dies",
        "it ends with 1 after the first answer",
        everything,
        dying,
        blinds=everything,
        checks=("test_interface.py",),
    )
    at_start = replaced(ENTRYPOINT, "    port = read_port()\n", "    port = read_port()\n    fail('no')\n")
    yield behaviour("runs.ends", "it ends at once", "health.as-designed", at_start, selection="release")
